/* saved_cli.c — `tamis segment` and `tamis annotate`. */
#include "saved_cli.h"

#include "commands.h"

static const char *word(const json_t *row, const char *key) {
    const char *s = json_string_value(json_member(row, key));
    return s ? s : "";
}

static void print_id(const json_t *reply) {
    (void)printf("%" JSON_INTEGER_FORMAT "\n", json_integer_value(json_member(reply, "id")));
}

static void print_segments(const json_t *list) {
    size_t i;
    json_t *row;
    if (json_array_size(list))
        (void)printf("%6s  %-30s %s\n", "id", "name", "filters");
    json_array_foreach (list, i, row) {
        BUF_AUTO filters = {0};
        if (json_write(json_member(row, "filters"), &filters, NULL) < 0)
            return;
        (void)printf("%6" JSON_INTEGER_FORMAT "  %-30s %.*s\n",
                     json_integer_value(json_member(row, "id")), word(row, "name"),
                     SPAN_ARG(buf_span(&filters)));
    }
}

static void print_annotations(const json_t *list) {
    size_t i;
    json_t *row;
    if (json_array_size(list))
        (void)printf("%6s  %-10s  %-10s  %s\n", "id", "from", "to", "text");
    json_array_foreach (list, i, row)
        (void)printf("%6" JSON_INTEGER_FORMAT "  %-10s  %-10s  %s\n",
                     json_integer_value(json_member(row, "id")), word(row, "date"), word(row, "to"),
                     word(row, "text"));
}

static int run(const struct cli *cli, const char *verb, void (*print)(const json_t *reply)) {
    JSON_AUTO reply = NULL;
    struct err err = {0};
    if (command_ask(cli, verb, &reply, &err) < 0)
        return command_failed(&err);
    if (cli->json)
        command_print_json(reply);
    else if (print)
        print(reply);
    return EXIT_FINE;
}

/* NULL when all of the options are there, else the one that is not. */
static const char *missing(const struct cli *cli, const char *const *options) {
    while (*options && json_member(cli->args, *options))
        options++;
    return *options;
}

static int usage(const char *option) {
    struct err err = {0};
    (void)err_set(&err, ERR_INVALID, "--%s is missing", option);
    return command_failed(&err);
}

int command_segment_add(const struct cli *cli) {
    static const char *const needed[] = {"site", "name", "filters", NULL};
    const char *option = missing(cli, needed);
    if (option)
        return usage(option);
    json_t *filters = NULL;
    struct err err = {0}, why = {0};
    if (json_parse(json_span(json_member(cli->args, "filters")), &filters, &why) < 0) {
        (void)err_set(&err, ERR_INVALID, "--filters: %.150s", why.text);
        return command_failed(&err);
    }
    (void)json_object_set_new(cli->args, "filters", filters);
    return run(cli, "segment.add", print_id);
}

int command_segment_list(const struct cli *cli) {
    static const char *const needed[] = {"site", NULL};
    const char *option = missing(cli, needed);
    return option ? usage(option) : run(cli, "segment.list", print_segments);
}

int command_segment_remove(const struct cli *cli) {
    static const char *const needed[] = {"site", "name", NULL};
    const char *option = missing(cli, needed);
    return option ? usage(option) : run(cli, "segment.remove", NULL);
}

int command_annotate(const struct cli *cli) {
    static const char *const needed[] = {"site", "date", NULL};
    const char *option = missing(cli, needed);
    return option ? usage(option) : run(cli, "annotation.add", print_id);
}

int command_annotate_list(const struct cli *cli) {
    static const char *const needed[] = {"site", NULL};
    const char *option = missing(cli, needed);
    return option ? usage(option) : run(cli, "annotation.list", print_annotations);
}

int command_annotate_remove(const struct cli *cli) {
    uint64_t id;
    struct err err = {0};
    if (!span_u64(json_span(json_member(cli->args, "id")), &id) || id > INT64_MAX) {
        (void)err_set(&err, ERR_INVALID, "ID must be a number");
        return command_failed(&err);
    }
    (void)json_object_set_new(cli->args, "id", json_integer((json_int_t)id));
    return run(cli, "annotation.remove", NULL);
}

const struct cli_option segment_add_options[] = {
    {"site", "site", CLI_TEXT, "DOMAIN", "the site"},
    {"name", "name", CLI_TEXT, "NAME", "what queries call it"},
    {"filters", "filters", CLI_TEXT, "JSON", "such as '[[\"is\",\"visit:country\",[\"FR\"]]]'"},
    {0},
};
const struct cli_option segment_remove_options[] = {
    {"site", "site", CLI_TEXT, "DOMAIN", "the site"},
    {"name", "name", CLI_TEXT, "NAME", "the segment"},
    {0},
};
const struct cli_option annotate_options[] = {
    {"site", "site", CLI_TEXT, "DOMAIN", "the site"},
    {"date", "date", CLI_TEXT, "DATE", "the day, such as 2026-01-31"},
    {"to", "to", CLI_TEXT, "DATE", "the last day, of several"},
    {0},
};
const struct cli_option saved_site_options[] = {
    {"site", "site", CLI_TEXT, "DOMAIN", "the site"},
    {0},
};
