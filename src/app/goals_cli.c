/* goals_cli.c — `tamis goal add`, `list` and `remove`. */
#include "commands.h"

static int ask(const struct cli *cli, const char *verb, json_t **ret, struct err *err) {
    if (!json_member(cli->args, "site"))
        return err_set(err, ERR_INVALID, "--site DOMAIN is missing");
    return command_ask(cli, verb, ret, err);
}

int command_goal_add(const struct cli *cli) {
    JSON_AUTO reply = NULL;
    struct err err = {0};
    if (ask(cli, "goal.add", &reply, &err) < 0)
        return command_failed(&err);
    if (cli->json)
        command_print_json(reply);
    else
        (void)printf("%lld\n", (long long)json_integer_value(json_member(reply, "id")));
    return EXIT_FINE;
}

static const char *text_of(const json_t *goal, const char *key) {
    const char *s = json_string_value(json_member(goal, key));
    return s ? s : "";
}

/* "event Signup, plan=pro, in EUR" */
static void put_definition(const json_t *goal, struct buf *out) {
    json_int_t scroll = json_integer_value(json_member(goal, "scroll"));
    json_int_t seconds = json_integer_value(json_member(goal, "engaged_seconds"));
    const char *key;
    json_t *value;
    if (seconds)
        buf_addf(out, "%lld s of a visit", (long long)seconds);
    else if (scroll)
        buf_addf(out, "%lld %% of %s", (long long)scroll, text_of(goal, "page"));
    else
        buf_adds(out, *text_of(goal, "page") ? text_of(goal, "page") : text_of(goal, "event"));
    json_object_foreach (json_member(goal, "props"), key, value)
        buf_addf(out, ", %s=%s", key, json_string_value(value));
    if (*text_of(goal, "currency"))
        buf_addf(out, ", in %s", text_of(goal, "currency"));
}

static void print_goals(const json_t *list) {
    size_t i;
    json_t *goal;
    if (json_array_size(list))
        (void)printf("%6s  %-30s %-10s  %s\n", "id", "name", "kind", "what");
    json_array_foreach (list, i, goal) {
        BUF_AUTO what = {0};
        put_definition(goal, &what);
        const char *text = buf_cstr(&what);
        (void)printf("%6lld  %-30s %-10s  %s\n",
                     (long long)json_integer_value(json_member(goal, "id")), text_of(goal, "name"),
                     text_of(goal, "kind"), text ? text : "");
    }
}

int command_goal_list(const struct cli *cli) {
    JSON_AUTO list = NULL;
    struct err err = {0};
    if (ask(cli, "goal.list", &list, &err) < 0)
        return command_failed(&err);
    if (cli->json)
        command_print_json(list);
    else
        print_goals(list);
    return EXIT_FINE;
}

int command_goal_remove(const struct cli *cli) {
    uint64_t id;
    JSON_AUTO reply = NULL;
    struct err err = {0};
    if (!span_u64(json_span(json_member(cli->args, "id")), &id) || id > INT64_MAX) {
        (void)err_set(&err, ERR_INVALID, "ID must be a number");
        return command_failed(&err);
    }
    (void)json_object_set_new(cli->args, "id", json_integer((json_int_t)id));
    if (ask(cli, "goal.remove", &reply, &err) < 0)
        return command_failed(&err);
    if (cli->json)
        command_print_json(reply);
    return EXIT_FINE;
}
