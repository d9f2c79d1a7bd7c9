/* visits.h — which visit an event belongs to.
 *
 * For each (site, day, visitor) the latest visit is kept in memory. Rules, in the order events
 * arrive:
 *   - An event joins that visit when its time is at most 30 minutes after the visit's last event
 * and at most 30 minutes before its first; else it starts a new one. The day is in the key, so
 * midnight ends a visit.
 *   - An event that comes before the visit's first one moves start_ms; attributes, hour and entry
 * page stay those that arrived first, so a duration is never negative.
 *   - Engagement moves last_ms only. Without a visit to join it is dropped: no row, nothing
 * counted.
 *   - Web vitals change nothing, so that figures do not depend on whether they are measured. Without a
 * visit to join they are dropped too.
 *   - A visit is let go once the site's clock for that day (its greatest ts_ms) is VISIT_SLACK_MS
 * further than when the visit was last touched (seen_ms). That is a function of the rows alone, so
 * a restart changes no figure. The slack beyond 30 minutes serves logs imported beside live
 * traffic.
 *   - Only to bound memory: of a site the OPEN_DAYS days touched last are kept, and of all visits
 * the `most` touched last.
 *
 * A batch is staged, written, and then published or discarded; until published nothing has changed.
 * A struct visit is immutable: a change makes a new one. One thread at a time. */
#ifndef TAMIS_STORE_VISITS_H
#define TAMIS_STORE_VISITS_H

#include "err.h"
#include "words.h"

enum { VISIT_SILENCE_MS = 30 * 60 * 1000, VISIT_SLACK_MS = 2 * 60 * 60 * 1000, OPEN_DAYS = 4 };

struct visit_key {
    uint32_t site;
    int32_t day;
    uint64_t visitor;
};

struct visit_facts {
    uint64_t visit;
    struct visit_key key;
    int64_t start_ms;
    int64_t last_ms;
    int64_t seen_ms;
    uint64_t touch; /* order of the last change among all visits */
    uint32_t pageviews;
    uint32_t events;
    uint32_t entry_page; /* words */
    uint32_t exit_page;
    uint32_t attributes; /* a set of words */
    uint8_t hour;
    uint8_t interactive; /* interactive events, 2: two or more */
};

struct visit {
    struct visit_facts facts;
};

static inline bool visit_bounced(const struct visit_facts *f) {
    return f->interactive < 2;
}

/* A visit is of one day; what says otherwise is cut to 24 days. */
static inline int32_t visit_duration_ms(const struct visit_facts *f) {
    int64_t ms = visit_bounced(f) ? 0 : f->last_ms - f->start_ms;
    return ms > INT32_MAX ? INT32_MAX : (int32_t)ms;
}

/* NULL on out of memory. */
struct visit *visit_new(const struct visit_facts *facts) WARN_UNUSED;

/* What a batch did to one visit. `before` is borrowed, NULL when the visit is new. */
struct visit_change {
    const struct visit *before;
    struct visit *after; /* set by visits_finish() */
    struct visit_facts facts;
};

struct visits;

/* `words` gives the codes of attributes and stays the caller's. NULL on out of memory. */
struct visits *visits_new(size_t most, uint64_t next_visit, struct words *words) WARN_UNUSED;
void visits_free(struct visits *t);
DEFINE_FREEP(struct visits, visits_free)

/* Taking up what was stored: the clock of a site's day (days in the order they were last touched),
 * and a visit's state (takes ownership; of several with one key the latest stays). */
int visits_load_clock(struct visits *t, uint32_t site, int32_t day, int64_t newest_ms,
                      struct err *err) WARN_UNUSED;
int visits_load(struct visits *t, struct visit *v, struct err *err) WARN_UNUSED;

/* Stages one event; `page` is the word of a page view's page. 1: it belongs to *ret_visit; 0:
 * dropped; ERR_NOMEM. */
int visits_stage(struct visits *t, const struct event *e, uint32_t page, uint64_t *ret_visit,
                 struct err *err) WARN_UNUSED;

/* After the batch's last event: makes the new states, so that publishing cannot fail. */
int visits_finish(struct visits *t, struct err *err) WARN_UNUSED;
size_t visits_change_count(const struct visits *t);
const struct visit_change *visits_change(const struct visits *t, size_t i);
uint64_t visits_next_id(const struct visits *t); /* with what is staged */

void visits_publish(struct visits *t);
void visits_discard(struct visits *t);

/* The rows of a day were dropped: its open visits go with the next visits_drop_forgotten(), as do
 * those that have been silent too long to go on. Between batches. */
void visits_forget(struct visits *t, uint32_t site, int32_t day);
void visits_drop_forgotten(struct visits *t);

#endif
