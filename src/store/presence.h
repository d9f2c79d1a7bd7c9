/* presence.h — which persons a site's day has seen where: what the flags of first.h are made from.
 *
 * For each (site, day) that is not sealed: exact sets of (person, value), kept in memory while the
 * day is being written. When they grow over `most_bytes` the days touched longest ago are let go
 * and read again from the tables when they are touched next; so memory is bounded and nothing is
 * guessed. One thread at a time: the one that applies.
 *
 * A person's visits follow one another: events go to its latest visit only (visits.h). So what
 * earlier visits left is one set, and only the latest visit's own values are kept beside it. */
#ifndef TAMIS_STORE_PRESENCE_H
#define TAMIS_STORE_PRESENCE_H

#include "err.h"
#include "first.h"
#include "visits.h"

struct presence;
struct presence_day;

struct visit_words {
    uint32_t entry_page, exit_page;
    uint32_t attributes; /* a set */
};

/* Fills a day from the tables through presence_load_*(); called before a batch's first event of
 * it. */
typedef int (*presence_load_fn)(void *arg, struct presence_day *day, uint32_t site, int32_t number,
                                struct err *err);

/* `words` stays the caller's. NULL on out of memory. */
struct presence *presence_new(size_t most_bytes, const struct words *words, presence_load_fn load,
                              void *arg) WARN_UNUSED;
void presence_free(struct presence *p);
DEFINE_FREEP(struct presence, presence_free)

/* At start: the tables hold rows of this day, so that its sets must be read before use. */
int presence_note_stored(struct presence *p, uint32_t site, int32_t day,
                         struct err *err) WARN_UNUSED;

/* An event that visits_stage() gave to `visit`. *ret_first: its row's flags. ERR_NOMEM, or what the
 * load says. */
int presence_event(struct presence *p, const struct event *e, const struct event_words *words,
                   uint64_t visit, uint32_t *ret_first, struct err *err) WARN_UNUSED;

/* A staged change, in the order of visits_change(): the flags of the row that goes (before) and of
 * the one that comes (after). */
int presence_change(struct presence *p, const struct visit_change *c, uint32_t *ret_before,
                    uint32_t *ret_after, struct err *err) WARN_UNUSED;

/* After a batch that was written; may let days go. */
void presence_publish(struct presence *p);
/* After one that was not: what it touched is read again from the tables. */
void presence_discard(struct presence *p);
/* Frees a day's sets: they are read again from the tables when it is touched. Between batches. */
void presence_rest(struct presence *p, uint32_t site, int32_t day);
/* A day whose rows were dropped. */
void presence_forget(struct presence *p, uint32_t site, int32_t day);

/* Stored rows: all visits first, in the order of their ids, in the state they have now; then
 * counted events in any order. */
int presence_load_visit(struct presence_day *d, uint64_t visitor, uint64_t visit,
                        const struct visit_words *words, struct err *err) WARN_UNUSED;
int presence_load_event(struct presence_day *d, uint64_t visitor, uint64_t visit, unsigned hour,
                        const struct event_words *words, struct err *err) WARN_UNUSED;

#endif
