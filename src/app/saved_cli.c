/* saved_cli.c — `tamis segment` and `tamis annotate`. */
#include "saved_cli.h"

#include "commands.h"

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
                     json_integer_value(json_member(row, "id")), command_text(row, "name"),
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
                     json_integer_value(json_member(row, "id")), command_text(row, "date"),
                     command_text(row, "to"), command_text(row, "text"));
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
    return command_run(cli, "segment.add", command_print_id);
}

int command_segment_list(const struct cli *cli) {
    static const char *const needed[] = {"site", NULL};
    const char *option = missing(cli, needed);
    return option ? usage(option) : command_run(cli, "segment.list", print_segments);
}

int command_segment_remove(const struct cli *cli) {
    static const char *const needed[] = {"site", "name", NULL};
    const char *option = missing(cli, needed);
    return option ? usage(option) : command_run(cli, "segment.remove", NULL);
}

int command_annotate(const struct cli *cli) {
    static const char *const needed[] = {"site", "date", NULL};
    const char *option = missing(cli, needed);
    return option ? usage(option) : command_run(cli, "annotation.add", command_print_id);
}

int command_annotate_list(const struct cli *cli) {
    static const char *const needed[] = {"site", NULL};
    const char *option = missing(cli, needed);
    return option ? usage(option) : command_run(cli, "annotation.list", print_annotations);
}

int command_annotate_remove(const struct cli *cli) {
    return command_remove(cli, "annotation.remove");
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
