/* realtime.h — the last thirty minutes of a site. */
#ifndef TAMIS_REALTIME_H
#define TAMIS_REALTIME_H

#include "query.h"

enum {
    REALTIME_MINUTES = 30,      /* whole ones by the clock, the last still going on */
    REALTIME_CURRENT_SEC = 300, /* who was seen within is there now */
    REALTIME_MOST_ROWS = 10,    /* of a list */
};

/* *ret: {"current_visitors", "visitors", "pageviews", "minutes": {"visitors": […], "pageviews": […]}
 * (oldest first), "pages": [{"name", "visitors", "pageviews"}], "sources", "countries":
 * [{"name", "visitors"}], "meta"}. Engagement is not counted. Without a change at the site and a new
 * minute it is the same again.
 *
 * Reads hot rows of these minutes; in the half hour after the site's midnight also the sealed events
 * of the day before, once it is sealed: its people are counted anew, since no identity outlives a
 * day. The site's output rule (output.h) holds: lists are of an attribute within moments, and what is
 * of too few is 0. meta tells that of the lists. Errors and threads as query_run(). */
int realtime_run(const struct query_env *env, const struct policy *policy, json_t **ret,
                 struct err *err) WARN_UNUSED;

#endif
