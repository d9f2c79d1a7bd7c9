/* goals_cli.c — `tamis goal add`, `list` and `remove`. */
#include "commands.h"

/* The verb, once it is known that there is a site. */
static int run(const struct cli *cli, int (*command)(const struct cli *cli)) {
    struct err err = {0};
    if (json_member(cli->args, "site"))
        return command(cli);
    (void)err_set(&err, ERR_INVALID, "--site DOMAIN is missing");
    return command_failed(&err);
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
        buf_addf(out, "%lld %% of %s", (long long)scroll, command_text(goal, "page"));
    else
        buf_adds(out, *command_text(goal, "page") ? command_text(goal, "page")
                                                  : command_text(goal, "event"));
    json_object_foreach (json_member(goal, "props"), key, value)
        buf_addf(out, ", %s=%s", key, json_string_value(value));
    if (*command_text(goal, "currency"))
        buf_addf(out, ", in %s", command_text(goal, "currency"));
}

static void print_goals(const json_t *goals) {
    size_t i;
    json_t *goal;
    if (json_array_size(goals))
        (void)printf("%6s  %-30s %-10s  %s\n", "id", "name", "kind", "what");
    json_array_foreach (goals, i, goal) {
        BUF_AUTO what = {0};
        put_definition(goal, &what);
        const char *text = buf_cstr(&what);
        (void)printf("%6lld  %-30s %-10s  %s\n", command_number(goal, "id"),
                     command_text(goal, "name"), command_text(goal, "kind"), text ? text : "");
    }
}

static int add(const struct cli *cli) {
    return command_run(cli, "goal.add", command_print_id);
}
static int list(const struct cli *cli) {
    return command_run(cli, "goal.list", print_goals);
}
static int remove_one(const struct cli *cli) {
    return command_remove(cli, "goal.remove");
}

int command_goal_add(const struct cli *cli) {
    return run(cli, add);
}
int command_goal_list(const struct cli *cli) {
    return run(cli, list);
}
int command_goal_remove(const struct cli *cli) {
    return run(cli, remove_one);
}
