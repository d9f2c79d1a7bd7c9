/* visit_clock.h — how far each site's days have come: the greatest time seen, of the days touched
 * last. One thread at a time. */
#ifndef TAMIS_STORE_VISIT_CLOCK_H
#define TAMIS_STORE_VISIT_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "visits.h"

/* Of one site the days touched last, latest first. */
struct site_clock {
    uint32_t site;
    uint32_t days;
    struct {
        int32_t day;
        int64_t newest_ms;
    } day[OPEN_DAYS];
};

/* Sites are few: an index by open addressing over a growing array. */
struct clocks {
    struct site_clock *items;
    uint32_t *index; /* position + 1; 0: free */
    size_t count, cap, index_cap;
};

/* All zero is an empty table. */
void clocks_release(struct clocks *c);
void clocks_clear(struct clocks *c); /* keeps its memory */
bool clocks_reserve(struct clocks *c, size_t count) WARN_UNUSED;

struct site_clock *clocks_find(const struct clocks *c, uint32_t site); /* NULL: none */
/* The site's clock, made when there is none; NULL on out of memory. Room that was reserved is
 * enough. */
struct site_clock *clocks_get(struct clocks *c, uint32_t site);
void clocks_forget(struct clocks *c, uint32_t site, int32_t day);

/* INT64_MIN when the day is not among those kept. */
int64_t clock_newest(const struct site_clock *c, int32_t day);
/* Makes the day the site's latest and moves its time on; returns the greatest. */
int64_t clock_touch(struct site_clock *c, int32_t day, int64_t ts_ms);

#endif
