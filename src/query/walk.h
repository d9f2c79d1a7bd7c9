/* walk.h — what people did one after another: the events of a question about order, put together by
 * person, visit and time; private to src/query.
 *
 * Sealed rows need no sorting for it: a file has its events by visit and time, and most persons made
 * one visit that day. The visits of those that made several (bit `person` of `varies`) are read
 * first, from the visit files, which have far fewer rows; their events are set aside and put together
 * when their day is over. Files are read some days at a time, so that what is held in memory does not
 * grow with the range. Hot rows are sorted by the engine.
 *
 * Events of one millisecond are in the order in which they arrived. Sealed rows were put in order so
 * when their day was sealed; only where several visits of one person are told by the day are they
 * ordered by seconds, then by visit. */
#ifndef TAMIS_QUERY_WALK_H
#define TAMIS_QUERY_WALK_H

#include "keyset.h"
#include "query_write.h"

/* A question, from its request to the rows. */
struct walk {
    const struct query_env *env;
    const struct policy *policy;
    struct store_view *view;
    struct output output;
    json_t *kept;   /* as of query_parse() */
    struct query q; /* date_range and filters, which are about visits */
    struct reach reach;
    bool by_day;              /* a person's events of the day are one walk; else those of a visit */
    struct sql_value *params; /* of q.filter, then the caller's */
    size_t param_count;
    int64_t deadline_ns; /* of clock_mono_ns() */
};

struct walk_event {
    bool new_person; /* the first of its person */
    bool new_visit;  /* the first of its visit; by day, of its person */
    uint32_t value;
};

/* Which events, and what of each is asked. */
struct walk_rows {
    /* SQL over an event e: UINTEGER. */
    void (*put_value)(const struct writer *w, enum level level, const void *of);
    void (*put_condition)(const struct writer *w, enum level level, const void *of); /* " AND …" */
    const void *of;
    int (*take)(void *to, const struct walk_event *e, struct err *err);
    void *to;
};

/* --- walk_request.c --- */

/* Reads site_id, date_range, date and filters of `request`, which may have `known` keys, and opens a
 * view. The request must outlive the walk. walk_close() in any case. */
int walk_open(const struct query_env *env, const struct policy *policy, const json_t *request,
              const char *const *known, size_t known_count, struct arena *arena, struct walk *ret,
              struct err *err) WARN_UNUSED;
void walk_close(struct walk *w);
/* Once patterns of the caller's own filters are checked: what there is to read. */
int walk_resolve(struct walk *w, struct arena *arena, struct err *err) WARN_UNUSED;

/* {"levels", "raw_rows_from", "metric_notes", "rounded_to", "hidden_below"} and {"site_id", "date_range", "filters"}, as
 * in replies of queries; NULL on out of memory. */
json_t *walk_meta(const struct walk *w);
json_t *walk_query(const struct walk *w, const json_t *request);
/* --- walk.c --- */

/* Hands on all events, person by person and visit by visit. */
int walk_read(const struct walk *w, const struct walk_rows *rows, struct arena *arena,
              struct err *err) WARN_UNUSED;

/* --- walk_visits.c --- */

/* A day, and a visit or a person of that day. */
static inline uint64_t walk_id(uint32_t day, uint32_t number) {
    return (uint64_t)day << 32 | number;
}
/* In the id of a visit: it stands for its person, who made no other. */
#define WALK_ALONE (UINT64_C(1) << 63)

struct walk_visit {
    uint64_t id;
    uint32_t person;
};

/* Visits by id. */
struct walk_visits {
    struct walk_visit *list;
    size_t count, cap;
    size_t at; /* where the last one asked for is, or would be */
};

void walk_visits_clear(struct walk_visits *v);
/* For struct sql_reader: day, visit, person. */
int walk_visits_take(void *visits, const struct sql_chunk *c, struct err *err) WARN_UNUSED;
/* Before the first is asked for. */
void walk_visits_ready(struct walk_visits *v);
/* NULL: it is not among them. Fast when asked for in order. */
const struct walk_visit *walk_visits_find(struct walk_visits *v, uint64_t id);
void walk_visits_release(struct walk_visits *v);

/* --- walk_order.c --- */

/* An event whose person made several visits that day. */
struct walk_held {
    uint32_t person, visit, value;
    int64_t at;
};

struct walk_order {
    struct walk_held *list, *other; /* other: as long, to sort with */
    size_t count, cap;
};

/* false: out of memory. */
bool walk_hold(struct walk_order *o, struct walk_held held) WARN_UNUSED;
/* By person, and as they came or `by_time`. The order is kept until the next walk_hold(). */
void walk_sort(struct walk_order *o, bool by_time);
void walk_order_release(struct walk_order *o);

#endif
