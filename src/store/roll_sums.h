/* roll_sums.h — the roll-up numbers of one day, summed in one pass over its visits and one over its
 * events.
 *
 * Unique persons and visits are sums of flags (first.h), so nothing here counts ids but the
 * engagement of pages, which has no flags. Visits come first; then events, those of a visit
 * together, the visits ascending. Memory: the different values, and 16 bytes a visit. One
 * thread at a time. */
#ifndef TAMIS_STORE_ROLL_SUMS_H
#define TAMIS_STORE_ROLL_SUMS_H

#include "seal_private.h"
#include "text_column.h"

enum roll_number {
#define X(name, type) ROLL_AT_##name,
    ROLL_NUMBERS(X)
#undef X
        ROLL_NUMBERS_COUNT
};

/* The visit's own dimensions (seal_dim) come first. */
enum roll_dim {
    ROLL_PAGE = SEAL_DIMS,
    ROLL_NAME,
    ROLL_HOSTNAME,
    ROLL_HOUR,
    ROLL_PERSON,
    ROLL_DIMS,
    ROLL_TEXT_DIMS = ROLL_HOUR, /* whose values are texts; those of ROLL_PERSON is the empty one */
};

struct roll_value {
    uint64_t numbers[ROLL_NUMBERS_COUNT];
    bool is_row;                      /* there is something to say of it, be it zeros */
    uint8_t scroll;                   /* deepest yet in visit scrolled_in */
    uint32_t engaged_in, scrolled_in; /* the visit that was last here, as counted below */
};

/* By the value's number; an hour's is the hour. */
struct roll_values {
    struct roll_value *at;
    uint32_t cap;
};

struct roll_visit {
    uint32_t visit, pageviews, duration_ms;
    bool bounce;
};

/* All zero, but for the columns, is a day without rows. */
struct roll_sums {
    struct text_column *columns[ROLL_TEXT_DIMS]; /* the caller's */
    struct roll_values dims[ROLL_DIMS];
    struct roll_visit *visits;
    size_t visit_count, visit_cap;
    size_t at_visit;    /* where in `visits` the events are */
    uint32_t of_events; /* the visit whose events come */
    uint32_t serial;    /* counts those visits, from 1 */
    uint32_t pageview;  /* the number of that name */
};

struct roll_visit_row {
    struct roll_visit visit;
    uint32_t first, events;
    uint8_t hour;
    uint32_t dims[SEAL_DIMS]; /* numbers of `columns` */
};

struct roll_event_row {
    uint32_t visit, first, engaged_ms;
    uint8_t kind, hour, scroll;
    uint32_t page, name, hostname; /* numbers of `columns` */
};

/* false: out of memory. */
bool roll_sums_visit(struct roll_sums *s, const struct roll_visit_row *row) WARN_UNUSED;
/* Between the visits and the events. */
bool roll_sums_end_visits(struct roll_sums *s) WARN_UNUSED;
bool roll_sums_event(struct roll_sums *s, const struct roll_event_row *row) WARN_UNUSED;
void roll_sums_release(struct roll_sums *s);

/* What its rows are called in a roll file. */
const char *roll_dim_name(size_t dim);
/* The text of a value; borrowed from the columns. */
struct span roll_sums_text(const struct roll_sums *s, size_t dim, uint32_t number);

#endif
