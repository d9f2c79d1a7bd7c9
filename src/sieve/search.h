/* search.h — what a page view's URL says was searched for on the site. */
#ifndef TAMIS_SEARCH_H
#define TAMIS_SEARCH_H

#include "event.h"
#include "hit.h"
#include "policy.h"
#include "props.h"
#include "scrub.h"

enum { SEARCH_MOST_CHARS = 80 };

/* Whether `view` is a page view whose URL has one of the site's search parameters: 1, and *ret is the
 * event to be kept beside it, "Site Search" with property `query`: lower case, white space folded, at
 * most SEARCH_MOST_CHARS characters; not interactive, so that a bounce stays one. 0: it is not, or
 * what was searched for looks personal (*ret_dropped is 1 then), or the profile keeps no properties.
 * `beside`: another property that it gets; NULL: none.
 * *ret borrows from *view and the arena. Else ERR_NOMEM. */
int search_event(struct scrub_lane *scrub, const struct policy *policy, const struct hit *hit,
                 const struct event *view, const struct prop *beside, struct arena *arena,
                 struct event *ret, unsigned *ret_dropped, struct err *err) WARN_UNUSED;

#endif
