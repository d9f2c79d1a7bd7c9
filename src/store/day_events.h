/* day_events.h — a day's events on their way from the hot tables to a file: each with the place of
 * its visit in day_visits, in the order (visit, time).
 *
 * A large day is not held: its events go to a spool in streams, each with the visits from one place
 * to the next and about 8 MB, and are read back and sorted a stream at a time. Memory: a stream,
 * a row group (28 MB) and the different texts; of one visit all events. */
#ifndef TAMIS_STORE_DAY_EVENTS_H
#define TAMIS_STORE_DAY_EVENTS_H

#include "day_visits.h"
#include "spool.h"

struct day_event {
    int64_t ts_ms, revenue_milli;            /* of web vitals, these (vitals_pack.h) */
    uint32_t visit;                          /* its place */
    uint32_t name, hostname, page, currency; /* numbers of day_events.texts */
    uint32_t props; /* in a spool: the bytes that follow; in a group: a number of its `props` */
    uint32_t first, engaged_ms;
    uint8_t hour, kind, interactive, scroll;
};

enum { EVENT_NAME, EVENT_HOSTNAME, EVENT_PAGE, EVENT_CURRENCY, EVENT_TEXTS };

struct day_stream {
    uint32_t from; /* the first visit */
    size_t events;
};

/* All zero is a day without events. */
struct day_events {
    struct text_column texts[EVENT_TEXTS];
    struct spool *spool;
    struct day_stream *streams; /* one more, with the end of the visits */
    size_t count;
    bool has_vitals;
};

/* Reads the events of the visits; those of no visit are left out. `words`: of the hot tables. */
int day_events_read(duckdb_connection c, const struct seal_job *job, const char *spool_path,
                    const struct day_visits *visits, const struct code_texts *words,
                    struct day_events *ret, struct err *err) WARN_UNUSED;
void day_events_release(struct day_events *d);

/* Events in order. All zero is an empty one. */
struct event_group {
    struct day_event *events;
    size_t count, cap;
    struct numbering props;
    struct buf bytes; /* of the stream that is being added */
};

/* Adds a stream's events behind those that are in the group. */
int event_group_add(struct event_group *g, struct day_events *d, size_t stream,
                    struct err *err) WARN_UNUSED;
void event_group_clear(struct event_group *g);
void event_group_release(struct event_group *g);

#endif
