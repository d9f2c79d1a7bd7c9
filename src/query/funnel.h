/* funnel.h — how many people take several steps one after another. */
#ifndef TAMIS_FUNNEL_H
#define TAMIS_FUNNEL_H

#include "query.h"

/* Runs a request {"site_id", "date_range", "date", "filters", "steps", "within"} (without looking at
 * its site_id) for one site; docs/funnels.md has what they mean. *ret is the whole reply
 * {"results":[…],"meta":{…},"query":{…}}, a row a step. Errors as query_run(). */
int funnel_run(const struct query_env *env, const struct policy *policy, const json_t *request,
               json_t **ret, struct err *err) WARN_UNUSED;

#endif
