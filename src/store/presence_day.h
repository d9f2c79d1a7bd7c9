/* presence_day.h — the sets of one site's day. A day that is not `loaded` has none. */
#ifndef TAMIS_STORE_PRESENCE_DAY_H
#define TAMIS_STORE_PRESENCE_DAY_H

#include "keyset.h"
#include "presence.h"

/* Values of an event that seldom differ from those of the event before. */
struct event_values {
    uint32_t name, hostname, hour;
};

struct person {
    uint64_t visitor;
    uint64_t event_visit; /* the visit its latest counted event belongs to; 0: none yet */
    uint64_t visit;       /* the visit whose values follow; 0: none yet */
    struct visit_words values;
    struct event_values latest; /* of event_visit */
    uint32_t later_visit; /* number of event_visit among those that are not a person's first */
    bool past;            /* has earlier visits */
};

struct presence_day {
    const struct words *words;
    uint32_t site;
    int32_t number;
    bool stored;  /* the tables hold rows of it */
    bool loaded;  /* the sets hold all of them */
    bool touched; /* by the batch at hand */
    uint64_t touch;

    struct person *persons; /* person i at i - 1 */
    uint32_t person_count, person_cap;
    uint32_t *person_index; /* by visitor: i; 0: free */
    size_t person_index_cap;

    struct keyset at_values;    /* (person, value of an event) */
    struct keyset later_values; /* (visit that is not its person's first, value of an event) */
    struct keyset earlier;      /* (person, value of an earlier visit) */
    uint32_t later_visits;
    size_t bytes; /* when last added up */
};

size_t presence_day_bytes(const struct presence_day *d);
/* Frees the sets: back to a day that is not loaded. */
void presence_day_let_go(struct presence_day *d);

/* The next in the day's order; they return the flags of first.h. false: out of memory. */
bool presence_day_event(struct presence_day *d, uint64_t visitor, uint64_t visit, unsigned hour,
                        const struct event_words *w, uint32_t *ret_first) WARN_UNUSED;
bool presence_day_begin_visit(struct presence_day *d, uint64_t visitor, uint64_t visit,
                              const struct visit_words *words, uint32_t *ret_first) WARN_UNUSED;
/* The latest visit has other words now; only entry and exit page can change. */
bool presence_day_move_visit(struct presence_day *d, uint64_t visitor,
                             const struct visit_words *words, uint32_t *ret_before,
                             uint32_t *ret_after) WARN_UNUSED;

#endif
