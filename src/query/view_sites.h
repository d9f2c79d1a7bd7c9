/* view_sites.h — whom a question to a view is put to, and as what; private to src/query. */
#ifndef TAMIS_QUERY_VIEW_SITES_H
#define TAMIS_QUERY_VIEW_SITES_H

#include "query_view.h"

struct view_sites {
    struct policy *list; /* in the arena; one at least, which has no rows when nobody is asked */
    size_t count;
    bool mixed;        /* the view has sites of several profiles */
    bool filtered;     /* not all of its sites are asked for */
    json_t *request;   /* without filters on visit:site, which chose the list; owned */
    struct zone *zone; /* of a view without sites; owned, or NULL */
};

/* The sites all have the same goals: one that has none of that name gets one nobody reaches. They all have
 * the strictest profile of the view, chosen or not. */
int view_sites_make(const struct query_view *v, const json_t *request, struct arena *arena,
                    struct view_sites *ret, struct err *err) WARN_UNUSED;
void view_sites_release(struct view_sites *s);

#endif
