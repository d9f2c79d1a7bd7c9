/* journey.h — which pages people go to next. */
#ifndef TAMIS_JOURNEY_H
#define TAMIS_JOURNEY_H

#include "query.h"

/* Runs a request {"site_id", "date_range", "date", "filters", "from", "depth", "limit"} (without looking
 * at its site_id) for one site; docs/funnels.md has what they mean. *ret is the whole reply
 * {"results":[…],"meta":{…},"query":{…}}, a row a path. Nothing in it, nor any difference within it,
 * is about fewer people than the profile's threshold. Errors as query_run(). */
int journey_run(const struct query_env *env, const struct policy *policy, const json_t *request,
                json_t **ret, struct err *err) WARN_UNUSED;

#endif
