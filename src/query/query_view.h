/* query_view.h — a query over a consolidated view: the figures of several sites added up.
 *
 * Each site is asked for itself, in its own zone and with its own goals, under the strictest profile among
 * the view's; what its levels give is then added up within one statement, before rows are made, ordered
 * and paged. Nobody is looked for across sites: who is on two of them are two. */
#ifndef TAMIS_QUERY_VIEW_H
#define TAMIS_QUERY_VIEW_H

#include "query.h"

struct query_view {
    struct span name;
    const struct policy *const *sites; /* the first one's zone is that of the reply's moments */
    size_t site_count;                 /* 0: all figures are 0 */
};

/* The strictest among its sites', under which it answers. */
enum profile query_view_profile(const struct query_view *v);

/* As query_run(). What is split by visit:site has a row for each site. ERR_INVALID also when sites
 * reach a goal of one name in ways that do not add up. */
int query_run_view(const struct query_env *env, const struct query_view *v, const json_t *request,
                   json_t **ret, struct err *err) WARN_UNUSED;

#endif
