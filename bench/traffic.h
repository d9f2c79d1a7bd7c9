/* traffic.h — made-up traffic of one site that looks like the real thing.
 *
 * Visitors come in the course of a day as people do (few at night, fewer at week-ends), one in five more
 * than once. A visit has 1 to 20 page views, three on average; half of the visits send engagement,
 * one in twenty custom events, one in ten follows a campaign. Pages follow a Zipf law, entry pages
 * a steeper one. Equal options give equal events, a day at a time and in the order of time. */
#ifndef TAMIS_BENCH_TRAFFIC_H
#define TAMIS_BENCH_TRAFFIC_H

#include "event.h"
#include "zone.h"

struct traffic_options {
    uint64_t seed;
    uint32_t site;
    uint32_t pages;          /* different paths; 0: 10,000 */
    const struct zone *zone; /* borrowed */
};

struct traffic;

int traffic_new(const struct traffic_options *o, struct traffic **ret, struct err *err) WARN_UNUSED;
void traffic_free(struct traffic *t);
DEFINE_FREEP(struct traffic, traffic_free)

/* How many of `events` in `days` days from `first_day` on fall on day i; together all of them. */
uint64_t traffic_share(const struct traffic *t, int32_t first_day, uint32_t days, uint64_t events,
                       uint32_t i);

/* Makes a day of exactly `events` page views, custom events and engagements, in place of the one
 * before. until_ms: the day goes on and this is now; 0: it is over. Takes 40 bytes an event. */
int traffic_day(struct traffic *t, int32_t day, uint64_t events, int64_t until_ms,
                struct err *err) WARN_UNUSED;

/* The day's next events, at most `most`; 0 at its end. Texts are valid until the next call. */
size_t traffic_take(struct traffic *t, struct event *events, size_t most);

#endif
