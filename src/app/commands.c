#include "commands.h"

#include "saved_cli.h"

int command_failed(const struct err *err) {
    (void)fprintf(stderr, "tamis: %s\n", err->text);
    return err->code == ERR_INVALID ? EXIT_USAGE : EXIT_FAILED;
}

void command_print_json(const json_t *j) {
    (void)json_dumpf(j, stdout, JSON_COMPACT | JSON_ENCODE_ANY);
    (void)putchar('\n');
}

int command_ask(const struct cli *cli, const char *verb, json_t **ret, struct err *err) {
    struct session s;
    int rc = session_open(&s, cli->data, verb, err);
    if (rc < 0)
        return rc;
    rc = session_call(&s, verb, cli->args, SPAN_EMPTY, ret, err);
    session_close(&s);
    return rc;
}

int command_run(const struct cli *cli, const char *verb, void (*print)(const json_t *reply)) {
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

int command_remove(const struct cli *cli, const char *verb) {
    uint64_t id;
    struct err err = {0};
    if (!span_u64(json_span(json_member(cli->args, "id")), &id) || id > INT64_MAX) {
        (void)err_set(&err, ERR_INVALID, "ID must be a number");
        return command_failed(&err);
    }
    (void)json_object_set_new(cli->args, "id", json_integer((json_int_t)id));
    return command_run(cli, verb, NULL);
}

const char *command_text(const json_t *row, const char *key) {
    const char *s = json_string_value(json_member(row, key));
    return s ? s : "";
}

long long command_number(const json_t *row, const char *key) {
    return (long long)json_integer_value(json_member(row, key));
}

void command_print_id(const json_t *reply) {
    (void)printf("%lld\n", command_number(reply, "id"));
}

/* --- the table ---------------------------------------------------------------------------------
 */

#define SITE_SETTINGS                                                                              \
    {"timezone", "timezone", CLI_TEXT, "ZONE", "its days begin at midnight there (UTC)"},          \
        {"profile", "profile", CLI_TEXT, "P", "cnil, frugal or consented (frugal)"},               \
        {"honour-signals", "honour_signals", CLI_BOOL, "on|off", "heed Sec-GPC and DNT (on)"},     \
        {"block-spam", "block_spam", CLI_BOOL, "on|off", "refuse visits from referrer spam (on)"}, \
        {"block-datacenters", "block_datacenters", CLI_BOOL, "on|off",                             \
         "refuse visits from datacentres (off)"},                                                  \
        {"visitor-cookie", "visitor_cookie", CLI_BOOL, "on|off",                                   \
         "know visitors who agreed again by a cookie; profile consented (off)"},                   \
        {"path-pattern", "path_patterns", CLI_LIST, "PATTERN",                                     \
         "such as /orders/*; may be repeated"},                                                    \
        {"query-keep", "query_keep", CLI_LIST, "NAME",                                             \
         "a query parameter to keep; may be repeated"},                                            \
        {"search-param", "search_params", CLI_LIST, "NAME",                                        \
         "a query parameter with what was searched for (q, search … ); may be repeated"},          \
        {"own-host", "own_hosts", CLI_LIST, "HOST",                                                \
         "another host of yours, whose links are no referrals; may be repeated"},                  \
        {"source-alias", "source_aliases", CLI_LIST, "FROM=NAME",                                  \
         "what to call a host or a utm_source; may be repeated"},                                  \
        {"raw-months", "raw_months", CLI_NUMBER, "N", "how long rows are kept, 1 to 25 (25)"}, {   \
        "roll-months", "roll_months", CLI_NUMBER, "N", "how long daily figures are kept (0: kept)" \
    }

static const struct cli_option site_add_options[] = {SITE_SETTINGS, {0}};
static const struct cli_option site_set_options[] = {
    {"domain", "domain", CLI_TEXT, "DOMAIN", "its new domain"}, SITE_SETTINGS, {0}};
static const struct cli_option site_block_options[] = {
    {"page", "page", CLI_LIST, "PATTERN", "such as /admin/**; all of these may be repeated"},
    {"hostname", "hostname", CLI_LIST, "HOST", "a host the pages are on; *.HOST: those below"},
    {"only-hostname", "only_hostname", CLI_LIST, "HOST", "take visits on these hosts only"},
    {"country", "country", CLI_LIST, "CC", "two letters such as FR"},
    {"address", "address", CLI_LIST, "RANGE", "192.0.2.0/24; one alone is kept as a hash"},
    {0},
};
static const struct cli_option goal_add_options[] = {
    {"site", "site", CLI_TEXT, "DOMAIN", "the site"},
    {"page", "page", CLI_TEXT, "PATTERN", "who views it, such as /thanks or /blog/**"},
    {"scroll", "scroll", CLI_NUMBER, "PERCENT", "with --page: who scrolls it so deep"},
    {"event", "event", CLI_TEXT, "NAME", "who does this"},
    {"prop", "props", CLI_LIST, "KEY=VALUE", "which the event must have; up to three times"},
    {"currency", "currency", CLI_TEXT, "CODE", "of the event's revenue, such as EUR"},
    {"engaged", "engaged_seconds", CLI_NUMBER, "SECONDS", "who is engaged so long in a visit"},
    {"name", "name", CLI_TEXT, "TEXT", "what to call it (what it is)"},
    {0},
};
static const struct cli_option goal_options[] = {
    {"site", "site", CLI_TEXT, "DOMAIN", "the site"},
    {0},
};
static const struct cli_option token_add_options[] = {
    {"site", "site", CLI_TEXT, "DOMAIN", "the one site it reads (else every site)"},
    {"label", "label", CLI_TEXT, "TEXT", "what it is for"},
    {0},
};
static const struct cli_option query_options[] = {
    {"site", "site", CLI_TEXT, "DOMAIN", "the site"},
    {"range", "range", CLI_TEXT, "RANGE", "day, 7d, 28d, month, year, all … (day)"},
    {"metrics", "metrics", CLI_LIST, "LIST", "such as visitors,bounce_rate (the usual ones)"},
    {"by", "by", CLI_LIST, "DIMENSION", "a row for each, such as event:page or time:day"},
    {"report", "report", CLI_TEXT, "NAME",
     "outbound, downloads, 404, search or form-errors, in place of --by"},
    {"filter", "filter", CLI_LIST, "FILTER",
     "\"visit:source is Google|Bing\"; repeated: all of them"},
    {"limit", "limit", CLI_NUMBER, "N", "at most so many rows (10000)"},
    {"format", "format", CLI_TEXT, "FORMAT", "table, csv or json (table)"},
    {"watch", "watch", CLI_NUMBER, "SECONDS", "ask again and again, so long apart"},
    {"explain", "explain", CLI_FLAG, NULL, "tell how the figures were made"},
    {0},
};
static const struct cli_option funnel_options[] = {
    {"site", "site", CLI_TEXT, "DOMAIN", "the site"},
    {"step", "step", CLI_LIST, "STEP",
     "page:/pricing, page:/blog/* or event:Signup; 2 to 8 of them"},
    {"within", "within", CLI_TEXT, "visit|day", "steps of one visit, or of a person's day (visit)"},
    {"range", "range", CLI_TEXT, "RANGE", "day, 7d, 28d, month, year, all … (28d)"},
    {"filter", "filter", CLI_LIST, "FILTER",
     "\"visit:source is Google|Bing\"; repeated: all of them"},
    {"format", "format", CLI_TEXT, "FORMAT", "table, csv or json (table)"},
    {0},
};
static const struct cli_option journey_options[] = {
    {"site", "site", CLI_TEXT, "DOMAIN", "the site"},
    {"entry", "entry", CLI_TEXT, "PAGE", "visits that entered there (any page)"},
    {"depth", "depth", CLI_NUMBER, "N", "how many pages further, 1 to 5 (3)"},
    {"limit", "limit", CLI_NUMBER, "N", "how many pages after each, at most (5)"},
    {"range", "range", CLI_TEXT, "RANGE", "day, 7d, 28d, month, year, all … (28d)"},
    {"filter", "filter", CLI_LIST, "FILTER",
     "\"visit:source is Google|Bing\"; repeated: all of them"},
    {"format", "format", CLI_TEXT, "FORMAT", "table, csv or json (table)"},
    {0},
};
static const struct cli_option cohorts_options[] = {
    {"site", "site", CLI_TEXT, "DOMAIN", "the site"},
    {"period", "period", CLI_TEXT, "week|month", "by which they are put together (week)"},
    {"periods", "periods", CLI_TEXT, "N", "how many, the present one included (8)"},
    {0},
};
static const struct cli_option notes_options[] = {
    {"site", "site", CLI_TEXT, "DOMAIN", "the site"},
    {"date", "date", CLI_TEXT, "DATE", "the day (today)"},
    {0},
};
static const struct cli_option import_options[] = {
    {"site", "site", CLI_TEXT, "DOMAIN", "the site the log is of"},
    {"format", "format", CLI_TEXT, "FORMAT", "combined or common (combined)"},
    {"force", "force", CLI_FLAG, NULL, "import a file again"},
    {0},
};
static const struct cli_option erase_options[] = {
    {"site", "site", CLI_TEXT, "DOMAIN", "the site"},
    {"before", "before", CLI_TEXT, "DATE", "days before this one"},
    {"path", "path", CLI_TEXT, "PATH", "this page; with a * at the end all that begin so"},
    {"all", "all", CLI_FLAG, NULL, "everything of the site"},
    {0},
};
static const struct cli_option export_options[] = {
    {"site", "site", CLI_TEXT, "DOMAIN", "the site"},
    {"from", "from", CLI_TEXT, "DATE", "the first day (all there is)"},
    {"to", "to", CLI_TEXT, "DATE", "the last day (all there is)"},
    {"format", "format", CLI_TEXT, "FORMAT", "parquet, csv or jsonl"},
    {"out", "out", CLI_TEXT, "FILE", "where to; - is the standard output (-)"},
    {0},
};
static const struct cli_option doctor_options[] = {
    {"verify", "verify", CLI_FLAG, NULL, "read every sealed file too"},
    {0},
};
static const struct cli_option backup_options[] = {
    {"copy", "copy", CLI_FLAG, NULL, "copy sealed files too where they could be hard links"},
    {0},
};
static const struct cli_option restore_options[] = {
    {"verify", "verify", CLI_FLAG, NULL, "only check the backup"},
    {0},
};
static const struct cli_option serve_options[] = {
    {"listen", "listen", CLI_TEXT, "HOST:PORT", "where to listen (127.0.0.1:8420)"},
    {"config", "config", CLI_TEXT, "FILE", "settings; --config help lists them"},
    {0},
};

const struct cli_command commands[] = {
    {.words = "serve", .options = serve_options, .text = "run the server", .run = command_serve},
    {.words = "site add",
     .operand = "DOMAIN",
     .operand_key = "domain",
     .least_operands = 1,
     .most_operands = 1,
     .options = site_add_options,
     .text = "add a site; prints its id",
     .run = command_site_add},
    {.words = "site list", .text = "list the sites", .run = command_site_list},
    {.words = "site set",
     .operand = "DOMAIN",
     .operand_key = "site",
     .least_operands = 1,
     .most_operands = 1,
     .options = site_set_options,
     .text = "change settings of a site",
     .run = command_site_set},
    {.words = "site block add",
     .operand = "DOMAIN",
     .operand_key = "site",
     .least_operands = 1,
     .most_operands = 1,
     .options = site_block_options,
     .text = "refuse visits from now on; prints the ids of the blocks",
     .run = command_site_block_add},
    {.words = "site block list",
     .operand = "DOMAIN",
     .operand_key = "site",
     .least_operands = 1,
     .most_operands = 1,
     .text = "list what a site refuses",
     .run = command_site_block_list},
    {.words = "site block remove",
     .operand = "ID",
     .operand_key = "id",
     .least_operands = 1,
     .most_operands = 1,
     .text = "let such visits in again",
     .run = command_site_block_remove},
    {.words = "site remove",
     .operand = "DOMAIN",
     .operand_key = "site",
     .least_operands = 1,
     .most_operands = 1,
     .text = "remove a site, its tokens and all that was measured",
     .run = command_site_remove},
    {.words = "goal add",
     .options = goal_add_options,
     .text = "add a goal, also for what was measured already; prints its id",
     .run = command_goal_add},
    {.words = "goal list",
     .options = goal_options,
     .text = "list the goals of a site",
     .run = command_goal_list},
    {.words = "goal remove",
     .operand = "ID",
     .operand_key = "id",
     .least_operands = 1,
     .most_operands = 1,
     .options = goal_options,
     .text = "remove a goal; no event goes",
     .run = command_goal_remove},
    {.words = "token add",
     .options = token_add_options,
     .text = "make an API token; it is printed this once",
     .run = command_token_add},
    {.words = "token list", .text = "list the tokens", .run = command_token_list},
    {.words = "token remove",
     .operand = "ID",
     .operand_key = "id",
     .least_operands = 1,
     .most_operands = 1,
     .text = "revoke a token",
     .run = command_token_remove},
    {.words = "query",
     .options = query_options,
     .takes_request = true,
     .text = "print figures of a site",
     .run = command_query},
    {.words = "funnel",
     .options = funnel_options,
     .takes_request = true,
     .text = "print how many people take several steps, one after another",
     .run = command_funnel},
    {.words = "journey",
     .options = journey_options,
     .takes_request = true,
     .text = "print which pages people go to next",
     .run = command_journey},
    {.words = "cohorts",
     .options = cohorts_options,
     .text = "print how many of those who agreed to be known came again",
     .run = command_cohorts},
    {.words = "notes",
     .options = notes_options,
     .text = "tell what is odd about the figures of a day",
     .run = command_notes},
    SAVED_COMMANDS,
    {.words = "import",
     .operand = "FILE",
     .operand_key = "files",
     .least_operands = 1,
     .most_operands = 10000,
     .options = import_options,
     .text = "import access logs, also .gz; - is the standard input",
     .run = command_import},
    {.words = "erase",
     .options = erase_options,
     .text = "erase what was measured, from every file; cannot be undone",
     .run = command_erase},
    {.words = "purges", .text = "list what was deleted, when and why", .run = command_purges},
    {.words = "export",
     .options = export_options,
     .text = "write a site's events to a file",
     .run = command_export},
    {.words = "backup",
     .operand = "DIR",
     .operand_key = "dir",
     .least_operands = 1,
     .most_operands = 1,
     .options = backup_options,
     .text = "make a backup, or bring one up to date",
     .run = command_backup},
    {.words = "restore",
     .operand = "BACKUP",
     .operand_key = "backup",
     .least_operands = 1,
     .most_operands = 1,
     .options = restore_options,
     .text = "make a data folder from a backup",
     .no_data = true,
     .run = command_restore},
    {.words = "doctor",
     .options = doctor_options,
     .text = "check the data folder",
     .run = command_doctor},
    {.words = "version", .no_data = true, .text = "print versions", .run = command_version},
    {0},
};
