#include "cli.h"

static const struct cli_option common_options[] = {
    {"data", NULL, CLI_TEXT, "DIR", "the data folder (else $TAMIS_DATA)"},
    {"json", NULL, CLI_FLAG, NULL, "print JSON"},
    {"help", NULL, CLI_FLAG, NULL, "print this"},
    {0},
};

/* How many of argv's words the command's name takes; 0: not this command. */
static int words_match(const char *words, int argc, char *const *argv) {
    struct span rest = span_str(words), word;
    int n = 0;
    while (span_next(&rest, ' ', &word)) {
        if (n >= argc || !span_eq(word, span_str(argv[n])))
            return 0;
        n++;
    }
    return n;
}

static const struct cli_option *option_find(const struct cli_option *options, struct span name) {
    for (; options && options->name; options++)
        if (span_eq(name, span_str(options->name)))
            return options;
    return NULL;
}

static int put(json_t *args, const char *key, json_t *value, struct err *err) {
    return json_object_set_new(args, key, value) == 0
               ? 0
               : err_set(err, ERR_INVALID, "arguments must be UTF-8");
}

static int put_list(json_t *args, const char *key, const char *value, struct err *err) {
    json_t *list = json_member(args, key);
    if (!list) {
        int rc = put(args, key, json_array(), err);
        if (rc < 0)
            return rc;
        list = json_member(args, key);
    }
    return json_array_append_new(list, json_string(value)) == 0
               ? 0
               : err_set(err, ERR_INVALID, "arguments must be UTF-8");
}

static int put_option(json_t *args, const struct cli_option *o, const char *value,
                      struct err *err) {
    struct span v = span_str(value);
    switch (o->kind) {
    case CLI_TEXT:
        return put(args, o->key, json_string(value), err);
    case CLI_LIST:
        return put_list(args, o->key, value, err);
    case CLI_FLAG:
        return put(args, o->key, json_true(), err);
    case CLI_NUMBER: {
        uint64_t n;
        if (!span_u64(v, &n) || n > INT64_MAX)
            return err_set(err, ERR_INVALID, "--%s must be a number", o->name);
        return put(args, o->key, json_integer((json_int_t)n), err);
    }
    case CLI_BOOL:
        if (!span_eq(v, SPAN_LIT("on")) && !span_eq(v, SPAN_LIT("off")))
            return err_set(err, ERR_INVALID, "--%s must be on or off", o->name);
        return put(args, o->key, json_boolean(span_eq(v, SPAN_LIT("on"))), err);
    }
    return 0;
}

struct words {
    int argc;
    char *const *argv;
    int at;
};

static const char *next_word(struct words *w) {
    return w->at < w->argc ? w->argv[w->at++] : NULL;
}

/* --json, or --json OBJECT where a request can be given. */
static int take_json(struct words *w, const char *value, struct cli *cli, struct err *err) {
    cli->json = true;
    if (!cli->command->takes_request)
        return value ? err_set(err, ERR_INVALID, "--json takes no value") : 0;
    if (!value && w->at < w->argc && w->argv[w->at][0] == '{')
        value = next_word(w);
    if (!value)
        return 0;
    json_t *request;
    struct err why = {0};
    if (json_parse(span_str(value), &request, &why) < 0)
        return err_set(err, ERR_INVALID, "--json: %.150s", why.text);
    return put(cli->args, "query", request, err);
}

static int take_option(struct words *w, const char *word, struct cli *cli, struct err *err) {
    struct span name = span_from(span_str(word), 2);
    size_t equals = span_find(name, '=', 0);
    const char *value = equals < name.len ? name.ptr + equals + 1 : NULL;
    name = span_head(name, equals);
    if (span_eq(name, SPAN_LIT("json")))
        return take_json(w, value, cli, err);
    const struct cli_option *o = option_find(common_options, name);
    bool common = o != NULL;
    if (!o)
        o = option_find(cli->command->options, name);
    if (!o)
        return err_set(err, ERR_INVALID, "unknown option %.60s", word);
    if (o->kind == CLI_FLAG && value)
        return err_set(err, ERR_INVALID, "--%s takes no value", o->name);
    if (o->kind != CLI_FLAG && !value && !(value = next_word(w)))
        return err_set(err, ERR_INVALID, "--%s needs a value", o->name);
    if (!common)
        return put_option(cli->args, o, value ? value : "", err);
    if (o->kind == CLI_FLAG)
        cli->help = true;
    else
        cli->data = value;
    return 0;
}

static int take_words(struct words *w, struct cli *cli, struct err *err) {
    const struct cli_command *c = cli->command;
    unsigned operands = 0;
    bool only_operands = false;
    const char *word;
    while ((word = next_word(w))) {
        int rc;
        if (!only_operands && strcmp(word, "--") == 0) {
            only_operands = true;
            continue;
        }
        if (!only_operands && strcmp(word, "-h") == 0) {
            cli->help = true;
            continue;
        }
        if (!only_operands && word[0] == '-' && word[1] == '-')
            rc = take_option(w, word, cli, err);
        else if (!only_operands && word[0] == '-' && word[1])
            rc = err_set(err, ERR_INVALID, "unknown option %.60s", word);
        else if (operands++ >= c->most_operands)
            rc = err_set(err, ERR_INVALID, "unexpected argument %.60s", word);
        else if (c->most_operands > 1)
            rc = put_list(cli->args, c->operand_key, word, err);
        else
            rc = put(cli->args, c->operand_key, json_string(word), err);
        if (rc < 0)
            return rc;
    }
    if (cli->help)
        return 0;
    if (operands < c->least_operands)
        return err_set(err, ERR_INVALID, "%s is missing", c->operand);
    if (!cli->data && !c->no_data)
        return err_set(err, ERR_INVALID, "--data DIR is missing");
    return 0;
}

int cli_parse(int argc, char *const *argv, const struct cli_command *commands, const char *data,
              struct cli *ret, struct err *err) {
    *ret = (struct cli){.data = data, .args = json_object()};
    if (!ret->args)
        return err_set(err, ERR_NOMEM, "out of memory");
    struct words w = {.argc = argc, .argv = argv};
    if (argc == 0)
        return err_set(err, ERR_INVALID, "a command is missing");
    for (const struct cli_command *c = commands; c->words; c++) {
        int n = words_match(c->words, argc, argv);
        if (n > 0) {
            ret->command = c;
            w.at = n;
            return take_words(&w, ret, err);
        }
    }
    if (!strcmp(argv[0], "--help") || !strcmp(argv[0], "-h") || !strcmp(argv[0], "help")) {
        ret->help = true;
        return 0;
    }
    return err_set(err, ERR_INVALID, "unknown command %.60s", argv[0]);
}

void cli_release(struct cli *cli) {
    json_decref(cli->args);
    cli->args = NULL;
}

static void help_options(const struct cli_option *o, struct buf *out) {
    for (; o && o->name; o++) {
        char left[60];
        (void)snprintf(left, sizeof(left), "--%s%s%s", o->name, o->value ? " " : "",
                       o->value ? o->value : "");
        buf_addf(out, "  %-26s %s\n", left, o->text);
    }
}

void cli_help(const struct cli_command *commands, const struct cli_command *c, struct buf *out) {
    if (!c) {
        buf_adds(out, "usage: tamis COMMAND [OPTION…]\n\ncommands:\n");
        for (c = commands; c->words; c++)
            buf_addf(out, "  %-18s %s\n", c->words, c->text);
        buf_adds(out,
                 "\n`tamis COMMAND --help` tells more. Exit codes: 0 fine, 1 findings, 2 usage, "
                 "3 failed.\n");
        return;
    }
    buf_addf(out, "usage: tamis %s%s%s%s [OPTION…]\n\n%s\n\noptions:\n", c->words,
             c->operand ? " " : "", c->operand ? c->operand : "", c->most_operands > 1 ? "…" : "",
             c->text);
    help_options(c->options, out);
    help_options(common_options, out);
    if (c->takes_request)
        buf_adds(
            out,
            "  --json REQUEST             a query as the API takes it; prints the API's reply\n");
}
