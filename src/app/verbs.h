/* verbs.h — what can be asked of a data folder: one table, used over the control socket and
 * in-process. */
#ifndef TAMIS_VERBS_H
#define TAMIS_VERBS_H

#include "app.h"
#include "json.h"

typedef int (*verb_fn)(struct app *a, const json_t *args, struct span body, json_t **ret,
                       struct err *err);

struct verb {
    const char *name;
    verb_fn run;
    unsigned parts; /* of the folder that must be open */
};

/* NULL: no such verb. */
const struct verb *verb_find(struct span name);

/* An http_rpc_fn; ctx is the struct app. */
int verb_call(void *ctx, struct span name, const json_t *args, struct span body, json_t **ret,
              struct err *err) WARN_UNUSED;

enum { QUERY_CATCH_UP_MS = 2000 };

/* doctor.c: an array of {"check", "ok", "text"}. */
int verb_doctor(struct app *a, const json_t *args, struct span body, json_t **ret,
                struct err *err) WARN_UNUSED;

/* version.c: {"tamis": …, "sqlite": …, …}. `a` may be NULL. */
int verb_version(struct app *a, const json_t *args, struct span body, json_t **ret,
                 struct err *err) WARN_UNUSED;

#endif
