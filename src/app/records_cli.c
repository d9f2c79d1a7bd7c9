/* records_cli.c — the commands that ask one verb and print what it replies: sites, blocks, tokens,
 * erasure, purges, notes, versions. */
#include "civil.h"
#include "commands.h"
#include "verbs.h"

static void day_of(const json_t *row, char out[CIVIL_TEXT]) {
    civil_format((int32_t)(command_number(row, "created_ms") / 86400000), out);
}

static void print_token(const json_t *reply) {
    (void)printf("%s\n", command_text(reply, "token"));
}

static void print_sites(const json_t *list) {
    size_t i;
    json_t *row;
    if (json_array_size(list))
        (void)printf("%6s  %-32s %-10s %-20s %-8s %s\n", "id", "domain", "profile", "timezone",
                     "signals", "made");
    json_array_foreach (list, i, row) {
        char day[CIVIL_TEXT];
        day_of(row, day);
        (void)printf("%6lld  %-32s %-10s %-20s %-8s %s\n", command_number(row, "id"),
                     command_text(row, "domain"), command_text(row, "profile"),
                     command_text(row, "timezone"),
                     json_is_true(json_member(row, "honour_signals")) ? "on" : "off", day);
    }
}

static void print_tokens(const json_t *list) {
    size_t i;
    json_t *row;
    if (json_array_size(list))
        (void)printf("%6s  %-32s %-20s %-10s  %s\n", "id", "site", "view", "made", "label");
    json_array_foreach (list, i, row) {
        char day[CIVIL_TEXT];
        day_of(row, day);
        const char *site = command_text(row, "site"), *view = command_text(row, "view");
        const char *other = *view ? "-" : "every site";
        (void)printf("%6lld  %-32s %-20s %-10s  %s\n", command_number(row, "id"),
                     *site ? site : other, view, day, command_text(row, "label"));
    }
}

static void print_ids(const json_t *reply) {
    size_t i;
    json_t *id;
    json_array_foreach (json_member(reply, "ids"), i, id)
        (void)printf("%lld\n", (long long)json_integer_value(id));
}

static void print_blocks(const json_t *list) {
    size_t i;
    json_t *row;
    if (json_array_size(list))
        (void)printf("%6s  %-14s %-40s %s\n", "id", "kind", "value", "made");
    json_array_foreach (list, i, row) {
        char day[CIVIL_TEXT];
        day_of(row, day);
        const char *value = json_is_true(json_member(row, "stale"))
                                ? "lost in a restore; add it again"
                            : json_is_true(json_member(row, "hashed")) ? "one, kept as a hash"
                                                                       : command_text(row, "value");
        (void)printf("%6lld  %-14s %-40s %s\n", command_number(row, "id"),
                     command_text(row, "kind"), value, day);
    }
}

static void bound_of(const json_t *row, const char *key, char out[CIVIL_TEXT]) {
    int32_t day = (int32_t)command_number(row, key);
    if (day == INT32_MIN || day == INT32_MAX)
        memcpy(out, "-", 2);
    else
        civil_format(day, out);
}

static void print_purges(const json_t *list) {
    size_t i;
    json_t *row;
    if (json_array_size(list))
        (void)printf("%-10s  %-9s  %-32s %-10s  %-10s  %7s %11s %13s\n", "on", "why", "site",
                     "from", "to", "files", "rows", "bytes");
    json_array_foreach (list, i, row) {
        char on[CIVIL_TEXT], from[CIVIL_TEXT], to[CIVIL_TEXT];
        civil_format((int32_t)(command_number(row, "at_ms") / 86400000), on);
        bound_of(row, "from_day", from);
        bound_of(row, "to_day", to);
        const char *site = command_text(row, "domain");
        (void)printf("%-10s  %-9s  %-32s %-10s  %-10s  %7lld %11lld %13lld\n", on,
                     command_text(row, "cause"), *site ? site : "removed", from, to,
                     command_number(row, "files"), command_number(row, "rows"),
                     command_number(row, "bytes"));
    }
}

static void print_versions(const json_t *reply) {
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)reply, name, value)
        (void)printf("%-12s %s\n", name, json_string_value(value));
}

int command_site_add(const struct cli *cli) {
    return command_run(cli, "site.add", command_print_id);
}
int command_site_list(const struct cli *cli) {
    return command_run(cli, "site.list", print_sites);
}
int command_site_set(const struct cli *cli) {
    return command_run(cli, "site.set", NULL);
}
int command_site_remove(const struct cli *cli) {
    return command_run(cli, "site.remove", NULL);
}
int command_token_add(const struct cli *cli) {
    return command_run(cli, "token.add", print_token);
}
int command_token_list(const struct cli *cli) {
    return command_run(cli, "token.list", print_tokens);
}

int command_site_block_add(const struct cli *cli) {
    return command_run(cli, "site.block.add", print_ids);
}
int command_site_block_list(const struct cli *cli) {
    return command_run(cli, "site.block.list", print_blocks);
}

int command_site_block_remove(const struct cli *cli) {
    return command_remove(cli, "site.block.remove");
}
int command_token_remove(const struct cli *cli) {
    return command_remove(cli, "token.remove");
}

static void print_erased(const json_t *reply) {
    (void)printf("%lld sealed files, %lld rows in them, %lld events not sealed yet\n",
                 command_number(reply, "files"), command_number(reply, "rows"),
                 command_number(reply, "events"));
}

int command_erase(const struct cli *cli) {
    struct err err = {0};
    bool narrowed = json_member(cli->args, "before") || json_member(cli->args, "path");
    if (!json_member(cli->args, "site")) {
        (void)err_set(&err, ERR_INVALID, "--site DOMAIN is missing");
        return command_failed(&err);
    }
    if (narrowed == json_is_true(json_member(cli->args, "all"))) {
        (void)err_set(&err, ERR_INVALID, "give --before, --path or both; or --all for everything");
        return command_failed(&err);
    }
    return command_run(cli, "erase", print_erased);
}

int command_purges(const struct cli *cli) {
    return command_run(cli, "purge.list", print_purges);
}

int command_version(const struct cli *cli) {
    JSON_AUTO reply = NULL;
    struct err err = {0};
    if (verb_version(NULL, NULL, SPAN_EMPTY, &reply, &err) < 0)
        return command_failed(&err);
    if (cli->json)
        command_print_json(reply);
    else
        print_versions(reply);
    return EXIT_FINE;
}

static void print_notes(const json_t *reply) {
    size_t i;
    json_t *row;
    json_array_foreach (json_member(reply, "results"), i, row)
        (void)printf(
            "%s  %s sent %lld of %lld visits: %lld %%, after %lld %% in the 28 days before\n",
            command_text(row, "date"), command_text(row, "source"), command_number(row, "visits"),
            command_number(row, "total_visits"), command_number(row, "share"),
            command_number(row, "share_before"));
}

int command_notes(const struct cli *cli) {
    struct err err = {0};
    if (!json_member(cli->args, "site")) {
        (void)err_set(&err, ERR_INVALID, "--site DOMAIN is missing");
        return command_failed(&err);
    }
    return command_run(cli, "notes", print_notes);
}
