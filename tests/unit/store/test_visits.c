/* Visits against a model that is written down plainly, with restarts and rebuilds thrown in. */
#include "first.h"
#include "rounds.h"
#include "sample.h"

#include <inttypes.h>
#include <time.h>

enum { MINUTE = 60000, EVENTS = 600 };

/* --- the model ----------------------------------------------------------------------------------
 */

struct model_visit {
    uint64_t id;
    struct event first;
    int64_t start_ms, last_ms, seen_ms;
    unsigned pageviews, events, interactive;
    struct span entry, exit;
};

struct model {
    struct model_visit visits[EVENTS];
    size_t count;
    struct event kept[EVENTS];
    size_t kept_count;
};

static int64_t model_newest(const struct model *m, const struct event *e) {
    int64_t newest = INT64_MIN;
    for (size_t i = 0; i < m->kept_count; i++)
        if (m->kept[i].site == e->site && m->kept[i].day == e->day && m->kept[i].ts_ms > newest)
            newest = m->kept[i].ts_ms;
    return newest;
}

static void model_add(struct model *m, const struct event *e) {
    struct model_visit *v = NULL;
    int64_t newest = model_newest(m, e);
    for (size_t i = 0; i < m->count; i++)
        if (m->visits[i].first.site == e->site && m->visits[i].first.day == e->day &&
            m->visits[i].first.visitor == e->visitor)
            v = &m->visits[i];
    if (v && (e->ts_ms > v->last_ms + 30 * MINUTE || e->ts_ms < v->start_ms - 30 * MINUTE ||
              newest - v->seen_ms > 120 * MINUTE))
        v = NULL;
    if (!v && e->kind == EVENT_ENGAGEMENT)
        return;
    if (!v) {
        v = &m->visits[m->count++];
        *v = (struct model_visit){.id = m->count,
                                  .first = *e,
                                  .start_ms = e->ts_ms,
                                  .last_ms = e->ts_ms,
                                  .entry = SPAN_EMPTY,
                                  .exit = SPAN_EMPTY};
    }
    v->start_ms = e->ts_ms < v->start_ms ? e->ts_ms : v->start_ms;
    v->last_ms = e->ts_ms > v->last_ms ? e->ts_ms : v->last_ms;
    v->seen_ms = e->ts_ms > newest ? e->ts_ms : newest;
    if (e->kind != EVENT_ENGAGEMENT) {
        v->events++;
        v->interactive += e->interactive;
    }
    if (e->kind == EVENT_PAGEVIEW) {
        if (v->pageviews++ == 0)
            v->entry = e->page;
        v->exit = e->page;
    }
    m->kept[m->kept_count++] = *e;
}

/* --- comparison ---------------------------------------------------------------------------------
 */

static void same(const struct model *m, struct store *s, unsigned seed) {
    struct sql_result *r = NULL;
    struct err err = {0};
    int code = store_select(
        s,
        "SELECT visit, site, day, visitor, hour, start_ms, last_ms, pageviews, events, bounce, "
        "duration_ms,"
        " entry_page, exit_page, hostname, referrer FROM visit GROUP BY ALL HAVING sum(sign) <> 0"
        " ORDER BY visit",
        NULL, 0, 10000, &r, &err);
    if (code)
        fail_msg("seed %u: %s", seed, err.text);
    if (sql_result_rows(r) != m->count)
        fail_msg("seed %u: %zu visits, not %zu", seed, sql_result_rows(r), m->count);
    for (size_t i = 0; i < m->count; i++) {
        const struct model_visit *v = &m->visits[i];
        bool bounce = v->interactive < 2;
        const int64_t want[] = {(int64_t)v->id,
                                v->first.site,
                                v->first.day,
                                (int64_t)v->first.visitor,
                                v->first.hour,
                                v->start_ms,
                                v->last_ms,
                                v->pageviews,
                                v->events,
                                bounce,
                                bounce ? 0 : v->last_ms - v->start_ms};
        for (size_t c = 0; c < ARRAY_LEN(want); c++)
            if (sql_result_at(r, i, c).i != want[c])
                fail_msg("seed %u: visit %zu column %zu: %" PRId64 ", not %" PRId64, seed, i + 1, c,
                         sql_result_at(r, i, c).i, want[c]);
        const struct span text[] = {v->entry, v->exit, v->first.hostname, v->first.referrer};
        for (size_t c = 0; c < ARRAY_LEN(text); c++)
            if (!span_eq(sql_result_at(r, i, ARRAY_LEN(want) + c).text, text[c]))
                fail_msg("seed %u: visit %zu text %zu", seed, i + 1, c);
    }
    sql_result_free(r);
    assert_int_equal(number(s, "SELECT count(*) FROM event"), (int64_t)m->kept_count);
    assert_int_equal(
        number(
            s,
            "SELECT count(*) FROM (SELECT visit FROM visit GROUP BY visit HAVING sum(sign) <> 1)"),
        0);
    assert_int_equal(number(s, "SELECT count(*) FROM event e WHERE NOT EXISTS (SELECT 1 FROM visit "
                               "v WHERE v.visit = e.visit)"),
                     0);
}

/* Each flag, summed, is what counting ids gives, at every value of every day. */
static void flags_count(struct store *s, unsigned seed) {
    static const struct {
        const char *value;
        enum event_first person, visit;
    } of_events[] = {
        {"0", FIRST_PERSON, FIRST_VISIT},
        {"page", FIRST_PAGE, FIRST_VISIT_PAGE},
        {"CASE kind WHEN 0 THEN 'pageview' ELSE name END", FIRST_NAME, FIRST_VISIT_NAME},
        {"hostname", FIRST_HOSTNAME, FIRST_VISIT_HOSTNAME},
        {"hour", FIRST_HOUR, FIRST_VISIT_HOUR},
    };
    char sql[1000];
    for (size_t i = 0; i < ARRAY_LEN(of_events); i++) {
        snprintf(sql, sizeof sql,
                 "SELECT count(*) FROM (SELECT site, day, %s AS value,"
                 " count(DISTINCT visitor) AS a, count(*) FILTER (first & %d) AS b,"
                 " count(DISTINCT visit) AS c, count(*) FILTER (first & %d) AS d"
                 " FROM event WHERE kind < 2 GROUP BY ALL) WHERE a <> b OR c <> d",
                 of_events[i].value, of_events[i].person, of_events[i].visit);
        if (number(s, sql) != 0)
            fail_msg("seed %u: flags of events, %s", seed, of_events[i].value);
    }
    static const char *const of_visits[FIRST_AT_COUNT] = {
#define X(name) #name,
        FIRST_DIMENSIONS(X)
#undef X
    };
    for (size_t i = 0; i < FIRST_AT_COUNT; i++) {
        const char *value = i == FIRST_AT_person ? "0" : of_visits[i];
        snprintf(
            sql, sizeof sql,
            "WITH net AS (SELECT site, day, visitor, visit, %s AS value FROM visit GROUP BY ALL"
            " HAVING sum(sign) > 0), a AS (SELECT site, day, value, count(DISTINCT visitor) AS n"
            " FROM net GROUP BY ALL), b AS (SELECT site, day, %s AS value, sum(sign) FILTER"
            " (first & %u) AS n FROM visit GROUP BY ALL) SELECT count(*) FROM a FULL JOIN b"
            " USING (site, day, value) WHERE coalesce(a.n, 0) <> coalesce(b.n, 0)",
            value, value, 1U << i);
        if (number(s, sql) != 0)
            fail_msg("seed %u: flags of visits, %s", seed, value);
    }
    assert_int_equal(number(s, "SELECT count(*) FROM event WHERE kind = 2 AND first <> 0"), 0);
}

static unsigned pick(unsigned *seed, unsigned n) {
    return (unsigned)rand_r(seed) % n;
}

static void make_events(struct event *events, unsigned *seed) {
    static const char *const pages[] = {"/", "/pricing", "/a page with a name that is long",
                                        "/contact", ""};
    static const char *const hosts[] = {"example.com", "shop.example.com with a long name"};
    int64_t now[2] = {10 * 60 * MINUTE,
                      2 * 60 * MINUTE}; /* live, and an older day being imported */
    unsigned visitors = 3 + pick(seed, 12);
    unsigned step = 1 + pick(seed, 8) * MINUTE;
    for (size_t i = 0; i < EVENTS; i++) {
        unsigned lane = pick(seed, 4) == 0;
        now[lane] += pick(seed, step);
        int64_t ts = now[lane];
        if (pick(seed, 10) == 0)
            ts -= pick(seed, 50 * MINUTE);
        if (pick(seed, 200) == 0)
            now[lane] -= 3 * 60 * MINUTE;
        struct event *e = &events[i];
        *e = page_view(1 + pick(seed, visitors), 0, pages[pick(seed, 5)]);
        e->site = 1 + pick(seed, 2);
        e->ts_ms = SAMPLE_START_MS + ts - (lane ? 5 * 86400000LL : 0);
        e->day = (int32_t)(e->ts_ms / 86400000);
        e->hour = (uint8_t)(e->ts_ms / 3600000 % 24);
        e->kind = (uint8_t)(pick(seed, 3) == 0 ? pick(seed, 3) : EVENT_PAGEVIEW);
        if (e->kind == EVENT_CUSTOM)
            e->name = span_str(pages[pick(seed, 3)]);
        e->interactive = pick(seed, 4) != 0;
        e->hostname = span_str(hosts[pick(seed, 2)]);
        e->referrer = span_str(pages[pick(seed, 5)]);
    }
}

static void equals_the_model(void **state) {
    const char *given = getenv("SEED");
    unsigned first = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
    static struct event events[EVENTS];
    static struct model m;
    printf("# SEED=%u\n", first);
    for (unsigned n = 0; n < ROUNDS(6, 2); n++) {
        unsigned seed = first + n;
        unsigned r = seed;
        make_events(events, &r);
        m.count = m.kept_count = 0;
        for (size_t i = 0; i < EVENTS; i++)
            model_add(&m, &events[i]);
        char *dir = temp_dir();
        /* Every other seed without memory for a second day: its sets are read again and again. */
        const struct store_options options = {.presence_bytes = seed % 2 ? 1 : 0};
        struct store *s = open_store_with(dir, &options, false);
        unsigned most = 1 + pick(&r, 60);
        bool deleted = false;
        while (store_cursor(s).offset < EVENTS) {
            size_t at = store_cursor(s).offset;
            size_t count = 1 + pick(&r, most);
            if (count > EVENTS - at)
                count = EVENTS - at;
            apply(s, events + at, count, at + count);
            if (pick(&r, 8) == 0) {
                store_close(s);
                s = open_store_with(dir, &options, false);
            } else if (pick(&r, 20) == 0) {
                assert_int_equal(store_reopen(s, NULL), 0);
            } else if (!deleted && pick(&r, 30) == 0) {
                deleted = true;
                store_close(s);
                char path[100];
                snprintf(path, sizeof path, "%s/hot.duckdb", dir);
                unlink(path);
                s = open_store_with(dir, &options, false);
                assert_int_equal(store_cursor(s).offset, 0);
            }
        }
        same(&m, s, seed);
        flags_count(s, seed);
        store_close(s);
        remove_dir(dir);
    }
}

/* --- single rules -------------------------------------------------------------------------------
 */

static void engagement_extends_but_does_not_start(void **state) {
    char *dir = temp_dir();
    struct store *s = open_store(dir, false);
    struct event e[] = {page_view(1, 0, "/"), page_view(1, 0, "/"), page_view(1, 20 * MINUTE, "/"),
                        page_view(1, 45 * MINUTE, "/end")};
    e[0].kind = e[2].kind = EVENT_ENGAGEMENT;
    apply(s, e, 3, 1);
    assert_int_equal(number(s, "SELECT count(*) FROM event"), 2);
    assert_int_equal(number(s, "SELECT sum(sign * bounce) FROM visit"), 1);
    assert_int_equal(number(s, "SELECT sum(sign * duration_ms) FROM visit"), 0);
    apply(s, &e[3], 1, 2);
    assert_int_equal(number(s, "SELECT sum(sign) FROM visit"), 1);
    assert_int_equal(number(s, "SELECT sum(sign * duration_ms) FROM visit"), 45 * MINUTE);
    store_close(s);
    remove_dir(dir);
}

static void an_event_before_the_first_moves_the_start(void **state) {
    char *dir = temp_dir();
    struct store *s = open_store(dir, false);
    struct event e[] = {page_view(1, 60 * MINUTE, "/first"), page_view(1, 40 * MINUTE, "/earlier"),
                        page_view(1, 9 * MINUTE, "/other")};
    apply(s, e, 3, 1);
    assert_int_equal(number(s, "SELECT sum(sign) FROM visit"), 2);
    assert_int_equal(number(s, "SELECT sum(sign * duration_ms) FROM visit"), 20 * MINUTE);
    is_text(s, "SELECT entry_page FROM visit WHERE visit = 1", "/first");
    store_close(s);
    remove_dir(dir);
}

static void memory_stays_bounded(void **state) {
    char *dir = temp_dir();
    struct store *s = NULL;
    bool rebuilt;
    assert_int_equal(
        store_open(dir, &(struct store_options){.most_open_visits = 100}, &s, &rebuilt, NULL), 0);
    for (unsigned i = 0; i < 1000; i++) {
        struct event e[2] = {page_view(1000 + i, i, "/"), page_view(1, i, "/")};
        apply(s, e, 2, i + 1);
    }
    /* Visitor 1 came all the time, so is still known; the one of the start is not. */
    struct event e[2] = {page_view(1000, 2000, "/"), page_view(1, 2000, "/")};
    apply(s, e, 2, 2000);
    assert_int_equal(number(s, "SELECT sum(sign) FROM visit WHERE visitor = 1"), 1);
    assert_int_equal(number(s, "SELECT sum(sign) FROM visit WHERE visitor = 1000"), 2);
    assert_int_equal(number(s, "SELECT sum(sign * events) FROM visit"), 2002);
    store_close(s);
    remove_dir(dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_the_model),
        cmocka_unit_test(engagement_extends_but_does_not_start),
        cmocka_unit_test(an_event_before_the_first_moves_the_start),
        cmocka_unit_test(memory_stays_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
