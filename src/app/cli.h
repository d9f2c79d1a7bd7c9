/* cli.h — the command line as a table: words, operands and options become one JSON object of
 * arguments. */
#ifndef TAMIS_CLI_H
#define TAMIS_CLI_H

#include <stdio.h>

#include "buf.h"
#include "err.h"
#include "json.h"

enum cli_exit { EXIT_FINE = 0, EXIT_FINDINGS = 1, EXIT_USAGE = 2, EXIT_FAILED = 3 };

enum cli_kind {
    CLI_TEXT,
    CLI_LIST,   /* may be given again: an array of text */
    CLI_BOOL,   /* on or off */
    CLI_NUMBER, /* a whole number, not negative */
    CLI_FLAG,   /* takes no value */
};

struct cli_option {
    const char *name; /* without the dashes */
    const char *key;  /* in the arguments */
    enum cli_kind kind;
    const char *value; /* what stands for it in the help; NULL for a flag */
    const char *text;
};

struct cli;
struct cli_command {
    const char *words;       /* "site add" */
    const char *operand;     /* in the help, "DOMAIN"; NULL: takes none */
    const char *operand_key; /* in the arguments; of a list when most_operands > 1 */
    unsigned least_operands, most_operands;
    const struct cli_option *options; /* ends with a row without name; NULL: none */
    const char *text;
    int (*run)(const struct cli *cli); /* returns an enum cli_exit */
    bool no_data;                      /* works without --data */
    bool takes_request;                /* --json may be followed by an object, put under "query" */
};

struct cli {
    const struct cli_command *command;
    const char *data; /* --data; borrowed from argv or the environment */
    bool json;
    bool help;
    json_t *args;
};

/* `commands` ends with a row without words. ERR_INVALID: err->text is for the user. data: what
 * counts when
 * --data is not given (may be NULL). ret->command may be set even on an error, for the help. */
int cli_parse(int argc, char *const *argv, const struct cli_command *commands, const char *data,
              struct cli *ret, struct err *err) WARN_UNUSED;
void cli_release(struct cli *cli);

/* command NULL: the list of commands. */
void cli_help(const struct cli_command *commands, const struct cli_command *command,
              struct buf *out);

#endif
