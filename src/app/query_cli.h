/* query_cli.h — what the commands that print figures share. */
#ifndef TAMIS_APP_QUERY_CLI_H
#define TAMIS_APP_QUERY_CLI_H

#include "cli.h"

enum format { FORMAT_TABLE, FORMAT_CSV, FORMAT_JSON };

/* From --format and --json. ERR_INVALID: it is none of these. */
int query_format(const struct cli *cli, enum format *ret, struct err *err) WARN_UNUSED;

/* --range: a name, or two dates with a comma between, as "date_range" has it; NULL: out of memory. */
json_t *query_range(const char *text);

/* Puts under `key` what `parse` makes of each text of an option that may be given several times; `list`
 * NULL: not at all. What `parse` returns below 0 ends it. */
int query_each(const json_t *list, int (*parse)(struct span text, json_t **ret, struct err *err),
               const char *key, json_t *request, struct err *err) WARN_UNUSED;

/* Puts "filters" into the request: a list of "DIMENSION OPERATOR VALUE|VALUE", or NULL, as the API has
 * them. ERR_INVALID: err->text is for the user. */
int query_filters(const json_t *list, json_t *request, struct err *err) WARN_UNUSED;

#endif
