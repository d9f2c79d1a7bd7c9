/* origin.h — what a page view says about where its visitor came from: the referrer and the
 * query's campaign. */
#ifndef TAMIS_ORIGIN_H
#define TAMIS_ORIGIN_H

#include "event.h"
#include "hit.h"
#include "policy.h"
#include "props.h"
#include "scrub.h"
#include "source.h"
#include "spam.h"
#include "url.h"

/* What the steps of one hit share. */
struct origin_context {
    const struct policy *policy;
    const struct hit *hit;
    const struct source_table *sources;
    const struct spam *spam;
    struct scrub_lane *scrub;
    struct arena *arena;
};

/* A text of the sender, cleaned and scrubbed for keeping. Flags as in text_clean(). ERR_NOMEM
 * only. */
int origin_text(const struct origin_context *c, struct span text, unsigned flags, struct span *ret,
                struct err *err) WARN_UNUSED;

enum { ORIGIN_SPAM = 1 };

/* Fills referrer, source, channel and utm_* of the event; kept query parameters go to `props`. 0,
 * ORIGIN_SPAM when the site is to have nothing from that referrer (the event is then half filled),
 * or ERR_NOMEM. */
int origin_fill(const struct origin_context *c, const struct url *url, struct event *e,
                struct props *props, struct err *err) WARN_UNUSED;

#endif
