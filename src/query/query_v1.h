/* query_v1.h — Plausible's stats API v1 in terms of v2: parameters into a query for query_run(), its
 * reply back. Both APIs so give the same figures. */
#ifndef TAMIS_QUERY_V1_H
#define TAMIS_QUERY_V1_H

#include "err.h"
#include "json.h"

enum v1_kind { V1_AGGREGATE, V1_TIMESERIES, V1_BREAKDOWN };

struct v1_param {
    struct span key, value; /* decoded */
};

/* The query, for the caller to own. ERR_INVALID: err->text begins with the parameter at fault and
 * holds nothing the parameters hold. */
int v1_query(enum v1_kind kind, const struct v1_param *params, size_t count, json_t **ret,
             struct err *err) WARN_UNUSED;

/* An error of query_run() about such a query names its keys: here the parameters they came from. */
void v1_rename_error(struct err *err);

/* {"results": …} from query_run()'s reply; NULL on out of memory. */
json_t *v1_reply(enum v1_kind kind, const json_t *reply) WARN_UNUSED;

#endif
