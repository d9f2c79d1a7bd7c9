/* cohorts.h — visitors who agreed to be known again, by the week or month in which they came first,
 * and how many of them came in each one after. */
#ifndef TAMIS_COHORTS_H
#define TAMIS_COHORTS_H

#include "query.h"

struct cohorts_asked {
    struct span period;  /* "week" or "month"; empty: week */
    struct span periods; /* a number: how many, the present one included; empty: 8 */
};

/* *ret, for the caller: {"period", "unfinished": first day of the present period, whose figures still
 * grow, "diary_from": first day the diary is of, or null, "cohorts": [{"cohort": first day of the
 * period, "visitors", "returned": [how many of them came in it, in the next one, …]}, …]}. Days are
 * the site's, weeks begin on Monday. ERR_INVALID names the parameter. */
int cohorts_run(const struct query_env *env, const struct policy *policy,
                const struct cohorts_asked *asked, json_t **ret, struct err *err) WARN_UNUSED;

#endif
