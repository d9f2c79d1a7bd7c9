/* many_beds.h — the same random events in beds whose days are hot, sealed, or some of each. */
#ifndef TAMIS_TEST_QUERY_MANY_BEDS_H
#define TAMIS_TEST_QUERY_MANY_BEDS_H

#include "random.h"

enum { BED_HOT, BED_SEALED, BED_MIXED, BED_COMPACTED, BEDS };

struct many_beds {
    struct bed *beds[BEDS];
    struct event *events;
    size_t count;
    struct model model; /* of the events */
};

extern const char *const many_beds_names[BEDS];

/* In BED_MIXED some days are sealed, some in two parts and some beside rows that came later; in
 * BED_COMPACTED all have two parts, and those of a month are one. */
void many_beds_open(struct many_beds *m, size_t count);
void many_beds_close(struct many_beds *m);
/* What the clocks of all of them say. */
void many_beds_set_clock(struct many_beds *m, int64_t now_ms);

#endif
