/* headline.h — the one line a list of sites and views has of each. */
#ifndef TAMIS_QUERY_HEADLINE_H
#define TAMIS_QUERY_HEADLINE_H

#include "query_view.h"

struct headline {
    const struct policy *site;     /* or NULL, and then */
    const struct query_view *view; /* this */
    struct span period;            /* as date_range has it, by name */
    struct span date;              /* "2026-11-24"; empty: today */
    bool trend;
};

/* Visitors and page views in a named range of a site's own days, and what became of them since the range
 * before. *ret: {"visitors", "pageviews", "change": {"visitors", "pageviews"}}, changes in per cent, and
 * "trend" if it is asked for: visitors of each hour, day or month so far, as suits the range. Errors as
 * query_run(), beginning with "period" or "date". */
int headline_run(const struct query_env *env, const struct headline *h, json_t **ret,
                 struct err *err) WARN_UNUSED;

#endif
