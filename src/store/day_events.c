#include "day_events.h"

#include <stdlib.h>

enum {
    STREAM_BYTES = 8 << 20,
    BLOCKS = 128, /* of a stream, when there are several: what of each is in memory */
    MOST_STREAMS = 4096,
};

static int no_memory(struct err *err) {
    return err_set(err, ERR_NOMEM, "no memory for a day's events");
}

/* --- streams ------------------------------------------------------------------------------------
 */

/* How many bytes the day will have, props included. */
static int count_bytes(duckdb_connection c, const struct seal_job *job, uint64_t *ret,
                       struct err *err) {
    BUF_AUTO sql = {0};
    uint64_t n[2];
    buf_addf(&sql,
             "SELECT count(*), sum(strlen(props)) FROM event_row WHERE site = %u AND day = %d",
             job->site, job->day);
    int code = sql_numbers(c, &sql, n, 2, err);
    if (!code)
        *ret = n[0] * sizeof(struct day_event) + n[1];
    return code;
}

/* Cuts the visits into runs with about as many events each; engagement is not counted with a visit,
 * but spreads like the rest. */
static bool cut(struct day_events *d, const struct day_visits *visits, size_t most) {
    d->streams = calloc(most + 1, sizeof(*d->streams));
    if (!d->streams)
        return false;
    uint64_t all = 0, so_far = 0;
    for (size_t i = 0; i < visits->count; i++)
        all += visits->visits[i].events;
    for (size_t i = 0; i < visits->count; i++) {
        if (i == 0 || so_far * most >= all * d->count)
            d->streams[d->count++].from = (uint32_t)i;
        so_far += visits->visits[i].events;
        if (d->count == most)
            break;
    }
    d->streams[d->count].from = (uint32_t)visits->count;
    return true;
}

static size_t stream_of(const struct day_events *d, uint32_t visit) {
    size_t low = 0, high = d->count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (d->streams[middle].from <= visit)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static int open_streams(duckdb_connection c, const struct seal_job *job, const char *path,
                        const struct day_visits *visits, struct day_events *d, struct err *err) {
    uint64_t bytes = 0;
    int code = count_bytes(c, job, &bytes, err);
    if (code)
        return code;
    uint64_t size = job->stream_bytes ? job->stream_bytes : STREAM_BYTES;
    uint64_t most = bytes / size + 1;
    most = most < MOST_STREAMS ? most : MOST_STREAMS;
    if (!cut(d, visits, (size_t)most))
        return no_memory(err);
    /* What is one stream need not leave memory. */
    return spool_open(job->os, path, d->count, d->count > 1 ? size / BLOCKS : SIZE_MAX, &d->spool,
                      err);
}

/* --- reading the hot rows -----------------------------------------------------------------------
 */

/* The places of visits by their ids. Those come from a counter and events in about the order of
 * their visits, so that a table in pages of the ids that occur is found in the cache, where a hash
 * table would not be. */
enum { PAGE_IDS = 256 };

struct visit_places {
    uint64_t least;
    uint32_t **pages; /* of PAGE_IDS ids each: place + 1; NULL: no such visit */
    size_t count;
};

static void visit_places_release(struct visit_places *p) {
    for (size_t i = 0; i < p->count; i++)
        free(p->pages[i]);
    free(p->pages);
}

static bool add_place(struct visit_places *p, uint64_t id, uint32_t place) {
    uint32_t **page = &p->pages[(id - p->least) / PAGE_IDS];
    if (!*page && !(*page = calloc(PAGE_IDS, sizeof(**page))))
        return false;
    (*page)[(id - p->least) % PAGE_IDS] = place + 1;
    return true;
}

static bool find_places(const struct day_visits *d, struct visit_places *p) {
    uint64_t least = UINT64_MAX, most = 0;
    for (size_t i = 0; i < d->count; i++) {
        uint64_t id = d->visits[i].id;
        least = id < least ? id : least;
        most = id > most ? id : most;
    }
    p->least = least;
    p->count = d->count ? (size_t)((most - least) / PAGE_IDS) + 1 : 0;
    if (p->count && !(p->pages = calloc(p->count, sizeof(*p->pages))))
        return false;
    for (size_t i = 0; i < d->count; i++)
        if (!add_place(p, d->visits[i].id, (uint32_t)i))
            return false;
    return true;
}

static bool place_of(const struct visit_places *p, uint64_t id, uint32_t *ret) {
    uint64_t at = id - p->least;
    if (at / PAGE_IDS >= p->count || !p->pages[at / PAGE_IDS])
        return false;
    uint32_t place = p->pages[at / PAGE_IDS][at % PAGE_IDS];
    *ret = place - 1;
    return place;
}

struct reading {
    struct day_events *day;
    struct visit_places places;
    const struct code_texts *words;
    uint32_t numbers[EVENT_TEXTS][MOST_CHUNK_ROWS];
};

static void reading_free(struct reading *r) {
    visit_places_release(&r->places);
    free(r);
}
DEFINE_FREEP(struct reading, reading_free)

static int take_row(struct day_events *d, struct day_event *e, struct span props, struct err *err) {
    size_t stream = stream_of(d, e->visit);
    d->streams[stream].events++;
    e->props = (uint32_t)props.len;
    d->has_vitals |= e->kind == EVENT_VITALS;
    int code = spool_add(d->spool, stream, span_of((const char *)e, sizeof(*e)), err);
    return code || props.len == 0 ? code : spool_add(d->spool, stream, props, err);
}

static int take_rows(void *to, duckdb_data_chunk rows, struct err *err) {
    struct reading *r = to;
    enum { FIGURES = 9, PROPS = FIGURES + EVENT_TEXTS };
    const uint64_t *visit = chunk_column(rows, 0);
    const int64_t *ts_ms = chunk_column(rows, 1), *revenue_milli = chunk_column(rows, 2);
    const uint32_t *first = chunk_column(rows, 3), *engaged_ms = chunk_column(rows, 4);
    const uint8_t *hour = chunk_column(rows, 5), *kind = chunk_column(rows, 6),
                  *interactive = chunk_column(rows, 7), *scroll = chunk_column(rows, 8);
    duckdb_vector props = duckdb_data_chunk_get_vector(rows, PROPS);
    idx_t count = duckdb_data_chunk_get_size(rows);
    for (size_t k = 0; k < EVENT_TEXTS; k++)
        if (!code_texts_read(r->words, 0, chunk_column(rows, FIGURES + k), count, &r->day->texts[k],
                             r->numbers[k]))
            return no_memory(err);
    int code = 0;
    for (idx_t i = 0; !code && i < count; i++) {
        struct day_event e = {.ts_ms = ts_ms[i],
                              .revenue_milli = revenue_milli[i],
                              .name = r->numbers[EVENT_NAME][i],
                              .hostname = r->numbers[EVENT_HOSTNAME][i],
                              .page = r->numbers[EVENT_PAGE][i],
                              .currency = r->numbers[EVENT_CURRENCY][i],
                              .first = first[i],
                              .engaged_ms = engaged_ms[i],
                              .hour = hour[i],
                              .kind = kind[i],
                              .interactive = interactive[i],
                              .scroll = scroll[i]};
        if (place_of(&r->places, visit[i], &e.visit))
            code = take_row(r->day, &e, text_vector_at(props, i), err);
    }
    return code;
}

int day_events_read(duckdb_connection c, const struct seal_job *job, const char *spool_path,
                    const struct day_visits *visits, const struct code_texts *words,
                    struct day_events *ret, struct err *err) {
    CLEANUP(reading_freep) struct reading *r = calloc(1, sizeof(*r));
    if (!r || duckdb_vector_size() > MOST_CHUNK_ROWS)
        return no_memory(err);
    r->day = ret;
    r->words = words;
    if (!find_places(visits, &r->places))
        return no_memory(err);
    int code = open_streams(c, job, spool_path, visits, ret, err);
    if (code)
        return code;
    BUF_AUTO sql = {0};
    buf_addf(&sql,
             "SELECT visit, ts_ms, revenue_milli, first, engaged_ms, hour, kind, interactive,"
             " scroll, name, hostname, page, currency, props FROM event_row WHERE site = %u AND"
             " day = %d",
             job->site, job->day);
    return sql_each_chunk(c, &sql, take_rows, r, err);
}

void day_events_release(struct day_events *d) {
    for (size_t k = 0; k < EVENT_TEXTS; k++)
        text_column_release(&d->texts[k]);
    if (d->spool)
        spool_free(d->spool);
    free(d->streams);
    *d = (struct day_events){0};
}

/* --- groups -------------------------------------------------------------------------------------
 */

void event_group_clear(struct event_group *g) {
    g->count = 0;
    numbering_release(&g->props);
}

void event_group_release(struct event_group *g) {
    free(g->events);
    numbering_release(&g->props);
    buf_release(&g->bytes);
    *g = (struct event_group){0};
}

static bool reserve(struct event_group *g, size_t more) {
    if (g->cap - g->count >= more)
        return true;
    struct day_event *events = realloc(g->events, (g->count + more) * sizeof(*events));
    if (!events)
        return false;
    g->events = events;
    g->cap = g->count + more;
    return true;
}

static void take_event(struct span *bytes, struct day_event *ret_event, struct span *ret_props) {
    memcpy(ret_event, bytes->ptr, sizeof(*ret_event));
    *ret_props = span_of(bytes->ptr + sizeof(*ret_event), ret_event->props);
    *bytes = span_from(*bytes, sizeof(*ret_event) + ret_event->props);
}

/* Where the events of each of the stream's visits begin: `ret`[visit − from]. */
static void count_visits(struct span bytes, uint32_t from, uint32_t visits, uint32_t *ret) {
    struct day_event e;
    struct span props;
    while (bytes.len) {
        take_event(&bytes, &e, &props);
        ret[e.visit - from]++;
    }
    uint32_t begin = 0;
    for (uint32_t i = 0; i < visits; i++) {
        uint32_t here = ret[i];
        ret[i] = begin;
        begin += here;
    }
}

static int by_time(const void *a, const void *b) {
    const struct day_event *x = a, *y = b;
    return (x->ts_ms > y->ts_ms) - (x->ts_ms < y->ts_ms);
}

/* Events mostly come in the order in which they happened. */
static void order_visit(struct day_event *events, size_t count) {
    for (size_t i = 1; i < count; i++)
        if (events[i].ts_ms < events[i - 1].ts_ms) {
            qsort(events, count, sizeof(*events), by_time);
            return;
        }
}

static void order_visits(struct day_event *events, size_t count) {
    for (size_t from = 0, to; from < count; from = to) {
        for (to = from + 1; to < count && events[to].visit == events[from].visit; to++)
            ;
        order_visit(events + from, to - from);
    }
}

int event_group_add(struct event_group *g, struct day_events *d, size_t stream, struct err *err) {
    uint32_t from = d->streams[stream].from;
    uint32_t visits = d->streams[stream + 1].from - from;
    int code = spool_read(d->spool, stream, &g->bytes, err);
    if (code)
        return code;
    CLEANUP(free_charp) char *memory = calloc(visits + 1, sizeof(uint32_t));
    uint32_t *next = (uint32_t *)(void *)memory;
    if (!next || !reserve(g, d->streams[stream].events))
        return no_memory(err);
    struct span bytes = buf_span(&g->bytes);
    count_visits(bytes, from, visits, next);
    while (bytes.len) {
        struct day_event e;
        struct span props;
        take_event(&bytes, &e, &props);
        if (!numbering_get(&g->props, props, &e.props))
            return no_memory(err);
        g->events[g->count + next[e.visit - from]++] = e;
    }
    order_visits(g->events + g->count, d->streams[stream].events);
    g->count += d->streams[stream].events;
    return 0;
}
