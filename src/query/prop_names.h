/* prop_names.h — which properties a site's events have: what can follow "event:props:". */
#ifndef TAMIS_PROP_NAMES_H
#define TAMIS_PROP_NAMES_H

#include "query.h"

struct prop_names_asked {
    const json_t *range; /* as date_range of a query */
    const json_t *date;  /* NULL: today */
    struct span event;   /* the name of an event; empty: of all */
};

enum { PROP_NAMES_MOST = 100 };

/* *ret, for the caller: {"results":[{"name", "visitors", "events"}, …],"meta":{…}}, the names that
 * most events have first. Under the profile that folds, names of few visitors are left out: they
 * may be free text. Errors as of query_run(). */
int prop_names_run(const struct query_env *env, const struct policy *policy,
                   const struct prop_names_asked *asked, json_t **ret, struct err *err) WARN_UNUSED;

#endif
