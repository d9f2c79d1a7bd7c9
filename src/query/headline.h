/* headline.h — the one line a list of sites has of each. */
#ifndef TAMIS_QUERY_HEADLINE_H
#define TAMIS_QUERY_HEADLINE_H

#include "query.h"

/* Visitors and page views of one site in a named range of its own days, and what became of them
 * since the range before. `period`: as date_range has it; `date` ("2026-11-24") empty: today.
 * *ret: {"visitors", "pageviews", "change": {"visitors", "pageviews"}}, changes in per cent. Errors
 * as query_run(), beginning with "period" or "date". */
int headline_run(const struct query_env *env, const struct policy *policy, struct span period,
                 struct span date, json_t **ret, struct err *err) WARN_UNUSED;

#endif
