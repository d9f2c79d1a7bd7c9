/* query.h — one JSON query (Plausible's stats API v2) into rows. */
#ifndef TAMIS_QUERY_H
#define TAMIS_QUERY_H

#include "buf.h"
#include "clock.h"
#include "control.h"
#include "err.h"
#include "json.h"
#include "known.h"
#include "policy.h"
#include "store.h"

struct query_env {
    struct store *store;
    const struct clock *clock;
    struct control *control; /* has the segments that filters may name; NULL: none */
    struct known *known;     /* the diary of known visitors; NULL: none */
    int timeout_ms;
    bool no_rollup; /* other levels answer although roll-ups could: to compare them */
    bool no_cells;  /* the same of the cell cache */
    bool explain; /* the reply tells how it was made in "explain", which holds no value asked for */
};

/* Runs `request` (without looking at its site_id) for one site. *ret is the whole reply
 * {"results":[…],"meta":{…},"query":{…}}. ERR_INVALID: err->text is for the sender and names the
 * key; ERR_TIMEOUT: the time limit was reached. Any thread. */
int query_run(const struct query_env *env, const struct policy *policy, const json_t *request,
              json_t **ret, struct err *err) WARN_UNUSED;

/* Appends the JSON schema (2020-12) of such a request, site_id included. */
void query_schema(struct buf *out);

#endif
