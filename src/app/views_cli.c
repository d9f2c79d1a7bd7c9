/* views_cli.c — `tamis view`. */
#include "views_cli.h"

#include "commands.h"

static void print_views(const json_t *list) {
    size_t i, k;
    json_t *row, *site;
    if (json_array_size(list))
        (void)printf("%6s  %-30s %s\n", "id", "name", "sites");
    json_array_foreach (list, i, row) {
        (void)printf("%6lld  %-30s", command_number(row, "id"), command_text(row, "name"));
        json_array_foreach (json_member(row, "sites"), k, site)
            (void)printf(" %s", json_string_value(site));
        (void)putchar('\n');
    }
}

int command_view_add(const struct cli *cli) {
    return command_run(cli, "view.add", command_print_id);
}

int command_view_list(const struct cli *cli) {
    return command_run(cli, "view.list", print_views);
}

int command_view_set(const struct cli *cli) {
    return command_run(cli, "view.set", NULL);
}

int command_view_remove(const struct cli *cli) {
    return command_run(cli, "view.remove", NULL);
}

const struct cli_option view_add_options[] = {
    {"site", "sites", CLI_LIST, "DOMAIN", "a site of it; may be repeated"},
    {0},
};
const struct cli_option view_set_options[] = {
    {"name", "name", CLI_TEXT, "NAME", "its new name"},
    {"add", "add", CLI_LIST, "DOMAIN", "one more site; may be repeated"},
    {"remove", "remove", CLI_LIST, "DOMAIN", "a site to leave out; may be repeated"},
    {0},
};
