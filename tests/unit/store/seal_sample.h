/* seal_sample.h — a store with a sealed folder, filled with events of many kinds.
 *
 * Few persons with many visits each, so that flags and `varies` have work to do; values that
 * change between the visits of a person; events at a visit's borders. */
#ifndef TAMIS_TEST_SEAL_SAMPLE_H
#define TAMIS_TEST_SEAL_SAMPLE_H

#include "sample.h"
/* after the one above */
#include "seal.h"
#include "store_private.h"

enum { SEALED_EVENTS = 900, SEALED_DAYS = 2 };

struct sealing {
    char *dir, *root;
    struct store *store;
    duckdb_connection connection;
    uint64_t hashes[40]; /* of the persons */
    unsigned persons;
    size_t stream_bytes;
};

static inline unsigned pick(unsigned *seed, unsigned n) {
    return (unsigned)rand_r(seed) % n;
}

static inline struct span one_of(unsigned *seed, const char *const *texts, unsigned n) {
    return span_str(texts[pick(seed, n)]);
}

static inline void sealed_event(struct sealing *s, struct event *e, int64_t at_ms, unsigned *seed) {
    static const char *const pages[] = {"/",    "/pricing", "/it's \"quoted\"",
                                        "/a/b", "",         "/contact"};
    static const char *const sources[] = {"", "Google", "Bing", "Mastodon"};
    static const char *const names[] = {"Signup", "Download", "", "pageview"};
    static const char *const hosts[] = {"example.com", "shop.example.com"};
    static const char *const words[] = {"", "a", "b"};
    event_init(e);
    e->site = 1 + (pick(seed, 12) == 0);
    e->ts_ms = SAMPLE_START_MS + at_ms;
    e->day = (int32_t)(e->ts_ms / 86400000);
    e->hour = (uint8_t)(e->ts_ms / 3600000 % 24);
    e->visitor = s->hashes[pick(seed, s->persons)];
    e->kind = (uint8_t)(pick(seed, 2) ? pick(seed, 3) : EVENT_PAGEVIEW);
    e->interactive = e->kind != EVENT_ENGAGEMENT && pick(seed, 4) != 0;
    e->name = e->kind == EVENT_CUSTOM ? one_of(seed, names, 4) : SPAN_LIT("pageview");
    e->hostname = one_of(seed, hosts, 2);
    e->page = one_of(seed, pages, 6);
    if (e->kind == EVENT_ENGAGEMENT) {
        e->engaged_ms = pick(seed, 50000);
        e->scroll = (uint8_t)(pick(seed, 3) ? pick(seed, 101) : SCROLL_NONE);
    } else if (e->kind == EVENT_CUSTOM && pick(seed, 3) == 0) {
        e->props = SPAN_LIT("{\"plan\":\"free\"}");
        e->revenue_milli = (int64_t)pick(seed, 90000) - 10000;
        e->currency = SPAN_LIT("EUR");
    }
    e->referrer = e->source = one_of(seed, sources, 4);
    e->channel = one_of(seed, words, 2);
    e->utm_source = one_of(seed, words, 3);
    e->utm_medium = one_of(seed, words, 2);
    e->utm_campaign = one_of(seed, words, 3);
    e->utm_content = one_of(seed, words, 1);
    e->utm_term = one_of(seed, words, 2);
    e->country = one_of(seed, (const char *const[]){"DE", "FR", ""}, 3);
    e->browser = one_of(seed, words + 1, 2);
    e->browser_version = one_of(seed, words, 3);
    e->os = one_of(seed, words + 1, 1);
    e->os_version = one_of(seed, words, 2);
    e->device = one_of(seed, words + 1, 2);
}

static inline duckdb_connection connect_to(struct store *s) {
    duckdb_connection c = NULL;
    struct err err = {0};
    if (engine_connect(s->hot.db, s->view->generation->name, &c, &err))
        fail_msg("%s", err.text);
    return c;
}

static inline void sealing_open(struct sealing *s) {
    assert_int_equal(crypt_init(), 0);
    *s = (struct sealing){.dir = temp_dir()};
    assert_true(asprintf(&s->root, "%s/sealed", s->dir) > 0);
    assert_int_equal(mkdir(s->root, 0700), 0);
    s->store = open_store_with(s->dir, &(struct store_options){.sealed_root = s->root}, false);
    s->connection = connect_to(s->store);
}

static inline void sealing_close(struct sealing *s) {
    duckdb_disconnect(&s->connection);
    store_close(s->store);
    free(s->root);
    remove_dir(s->dir);
}

/* Batches of random length, so that visits have states that went. */
static inline void sealing_fill(struct sealing *s, unsigned seed) {
    static struct event events[SEALED_EVENTS];
    s->persons = 3 + pick(&seed, ARRAY_LEN(s->hashes) - 3);
    crypt_random(s->hashes, sizeof s->hashes);
    int64_t now = 0;
    for (size_t i = 0; i < SEALED_EVENTS; i++) {
        now += pick(&seed, SEALED_DAYS * 86400000 / SEALED_EVENTS * 2 - 1);
        /* Some come late. */
        int64_t at = now - (pick(&seed, 3) ? 0 : pick(&seed, 20 * 60000));
        sealed_event(s, &events[i], (at > 0 ? at : 0) % ((int64_t)SEALED_DAYS * 86400000), &seed);
    }
    for (size_t at = 0; at < SEALED_EVENTS;) {
        size_t count = 1 + pick(&seed, 40);
        if (count > SEALED_EVENTS - at)
            count = SEALED_EVENTS - at;
        apply(s->store, events + at, count, at + count);
        at += count;
    }
}

static inline struct seal_job job_of(const struct sealing *s, int32_t day, uint32_t part) {
    return (struct seal_job){.os = &os_system,
                             .root = s->root,
                             .site = 1,
                             .day = day,
                             .part = part,
                             .stream_bytes = s->stream_bytes};
}

static inline struct seal_result seal_day(struct sealing *s, int32_t day, uint32_t part) {
    struct seal_job job = job_of(s, day, part);
    struct seal_result r = {0};
    struct err err = {0};
    if (seal_write(s->connection, &job, &r, &err))
        fail_msg("seal_write: %s", err.text);
    return r;
}

/* A query in which @event, @visit and @roll stand for a part's files. */
static inline void file_sql(const struct sealing *s, const struct seal_result *r, const char *form,
                            char *sql, size_t cap) {
    static const char *const words[SEAL_KINDS] = {"@event", "@visit", "@roll"};
    BUF_AUTO out = {0};
    while (*form) {
        size_t k = 0;
        while (k < SEAL_KINDS && strncmp(form, words[k], strlen(words[k])) != 0)
            k++;
        if (k == SEAL_KINDS) {
            buf_addc(&out, *form++);
            continue;
        }
        buf_addf(&out, "read_parquet('%s/%s')", s->root, r->files[k].path);
        form += strlen(words[k]);
    }
    assert_true(!out.failed && out.len < cap);
    memcpy(sql, out.data, out.len);
    sql[out.len] = 0;
}

static inline int64_t file_number(const struct sealing *s, const struct seal_result *r,
                                  const char *form) {
    char sql[8000];
    file_sql(s, r, form, sql, sizeof sql);
    return number(s->store, sql);
}

#endif
