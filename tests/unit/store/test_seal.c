/* Sealed files against the hot tables they were made from, and against plain loops. */
#include "seal_sample.h"

#include <errno.h>
#include <inttypes.h>
#include <time.h>

#include "os_fault.h"
#include "rounds.h"
#include "seal_private.h"

static const char *const file_words[SEAL_KINDS] = {"@event", "@visit", "@roll"};

static unsigned first_seed(void) {
    const char *given = getenv("SEED");
    unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
    printf("# SEED=%u\n", seed);
    return seed;
}

/* --- the same visits and events ------------------------------------------------------------------
 */

#define EVENT_DIMS                                                                  \
    "referrer, source, channel, utm_source, utm_medium, utm_campaign, utm_content," \
    " utm_term, country, browser, browser_version, os, os_version, device"
#define DIMS "entry_page, exit_page, " EVENT_DIMS
#define VISIT_FACTS "hour, start_sec, pageviews, events, bounce, duration_ms, hostname, " DIMS
#define EVENT_FACTS                                                             \
    "hour, kind, interactive, scroll, engaged_ms, name, hostname, page, props," \
    " revenue_milli, currency, first"

/* Ids differ on both sides by construction, so each is put as what it holds: a visit with all its
 * events, a person with all its visits. */
static void holds_what_was_hot(const struct sealing *s, const struct seal_result *r, int32_t day,
                               unsigned seed) {
    char sql[8000], form[6000];
    snprintf(form, sizeof form,
             "WITH hv AS (SELECT visit, visitor AS who, start_ms // 1000 AS start_sec, * EXCLUDE"
             " (visit, visitor) FROM visit WHERE site = 1 AND day = %d AND sign = 1 AND rowid IN"
             " (SELECT max(rowid) FILTER (sign = 1) FROM visit GROUP BY visit)),"
             " he AS (SELECT visit, list_sort(list(row(ts_ms // 1000, " EVENT_FACTS
             ")::VARCHAR)) AS rows FROM event WHERE site = 1 AND day = %d GROUP BY visit),"
             " fe AS (SELECT visit, list_sort(list(row(ts_sec, " EVENT_FACTS
             ")::VARCHAR)) AS rows FROM @event GROUP BY visit),"
             " h AS (SELECT list_sort(list(row(" VISIT_FACTS ", rows)::VARCHAR)) AS visits"
             " FROM hv JOIN he USING (visit) GROUP BY who),"
             " f AS (SELECT list_sort(list(row(" VISIT_FACTS ", rows)::VARCHAR)) AS visits"
             " FROM @visit JOIN fe USING (visit) GROUP BY person)"
             " SELECT (SELECT count(*) FROM (FROM h EXCEPT ALL FROM f)) * 1000000 +"
             " (SELECT count(*) FROM (FROM f EXCEPT ALL FROM h))",
             day, day);
    file_sql(s, r, form, sql, sizeof sql);
    int64_t differ = number(s->store, sql);
    if (differ)
        fail_msg("seed %u: persons that are only hot × 1e6 + only in files: %" PRId64, seed,
                 differ);
    assert_int_equal(
        file_number(s, r,
                    "SELECT count(*) FROM @event e JOIN @visit v USING (day, visit) WHERE"
                    " row(e.person, e.varies, e.source, e.utm_term, e.device) <>"
                    " row(v.person, v.varies, v.source, v.utm_term, v.device)"),
        0);
}

/* --- ordinals, order ---------------------------------------------------------------------------
 */

static void ordinals_are_dense(const struct sealing *s, const struct seal_result *r,
                               uint32_t base_visit, uint32_t base_person) {
    char form[400];
    snprintf(form, sizeof form,
             "SELECT count(DISTINCT visit) = count(*) AND min(visit) = %u + 1 AND max(visit) = %u"
             " + count(*) AND min(person) = %u + 1 AND max(person) = %u + count(DISTINCT person)"
             " FROM @visit",
             base_visit, base_visit, base_person, base_person);
    assert_int_equal(file_number(s, r, form), 1);
    assert_int_equal(file_number(s, r, "SELECT count(*) FROM @visit"), (int64_t)r->visits);
    assert_int_equal(file_number(s, r, "SELECT count(DISTINCT person) FROM @visit"),
                     (int64_t)r->persons);
    /* Persons in the order of their least visit. */
    assert_int_equal(
        file_number(s, r,
                    "SELECT count(*) FROM (SELECT person, lag(person) OVER (ORDER BY least) AS"
                    " before FROM (SELECT person, min(visit) AS least FROM @visit GROUP BY person))"
                    " WHERE person <= before"),
        0);
    /* Rows in the order of their ordinals; visits in the order of what people filter by. */
    for (size_t i = 0; i < SEAL_ROLL; i++) {
        char sql[500];
        snprintf(sql, sizeof sql,
                 "SELECT count(*) FROM (SELECT visit, lag(visit) OVER () AS before FROM %s) WHERE"
                 " visit < before",
                 file_words[i]);
        assert_int_equal(file_number(s, r, sql), 0);
    }
    assert_int_equal(
        file_number(s, r,
                    "SELECT count(*) FROM (SELECT ts_sec, visit = lag(visit) OVER () AS same,"
                    " lag(ts_sec) OVER () AS before FROM @event) WHERE same AND ts_sec < before"),
        0);
    assert_int_equal(
        file_number(s, r,
                    "SELECT count(*) FROM (SELECT row(channel, source, country, device, os,"
                    " browser, entry_page) AS a, lag(a) OVER (ORDER BY visit) AS b FROM @visit)"
                    " WHERE a < b"),
        0);
}

/* --- flags ---------------------------------------------------------------------------------------
 */

static const char *const dims[FIRST_AT_COUNT] = {
#define X(name) #name,
    FIRST_DIMENSIONS(X)
#undef X
};

struct flagged {
    size_t count;
    struct {
        int64_t person;
        uint32_t first, varies;
        struct span values[FIRST_AT_COUNT];
    } rows[SEALED_EVENTS];
    struct sql_result *result;
};

static struct flagged *read_visits(const struct sealing *s, const struct seal_result *r) {
    char sql[2000];
    file_sql(s, r, "SELECT person, first, varies, " DIMS " FROM @visit", sql, sizeof sql);
    struct flagged *f = calloc(1, sizeof *f);
    struct err err = {0};
    if (store_select(s->store, sql, NULL, 0, 10000, &f->result, &err))
        fail_msg("%s", err.text);
    f->count = sql_result_rows(f->result);
    for (size_t i = 0; i < f->count; i++) {
        f->rows[i].person = sql_result_at(f->result, i, 0).i;
        f->rows[i].first = (uint32_t)sql_result_at(f->result, i, 1).i;
        f->rows[i].varies = (uint32_t)sql_result_at(f->result, i, 2).i;
        f->rows[i].values[0] = SPAN_EMPTY;
        for (size_t k = 1; k < FIRST_AT_COUNT; k++)
            f->rows[i].values[k] = sql_result_at(f->result, i, 2 + k).text;
    }
    return f;
}

static void visit_flags_are_right(const struct sealing *s, const struct seal_result *r,
                                  unsigned seed) {
    struct flagged *f = read_visits(s, r);
    for (size_t i = 0; i < f->count; i++)
        for (size_t k = 0; k < FIRST_AT_COUNT; k++) {
            unsigned firsts = 0, mine = 0, others = 0;
            for (size_t j = 0; j < f->count; j++) {
                if (f->rows[j].person != f->rows[i].person)
                    continue;
                mine++;
                if (!span_eq(f->rows[j].values[k], f->rows[i].values[k]))
                    others++;
                else
                    firsts += f->rows[j].first >> k & 1;
            }
            bool varies = k == FIRST_AT_person ? mine > 1 : others > 0;
            if (firsts != 1 || varies != (f->rows[i].varies >> k & 1))
                fail_msg("seed %u: flags of %s: %u first, varies %d", seed, dims[k], firsts,
                         varies);
        }
    sql_result_free(f->result);
    free(f);
}

/* Under a filter on dimensions of visits: flags where nothing varies, ids for the others. */
static void varies_rule_counts(const struct sealing *s, const struct seal_result *r,
                               unsigned *seed) {
    static const struct {
        const char *value;
        enum event_first bit;
    } splits[] = {{"''", FIRST_PERSON},
                  {"page", FIRST_PAGE},
                  {"CASE kind WHEN 0 THEN 'pageview' ELSE name END", FIRST_NAME},
                  {"hostname", FIRST_HOSTNAME},
                  {"hour::VARCHAR", FIRST_HOUR}};
    static const char *const wanted[] = {"", "a", "/", "Google", "DE"};
    for (unsigned n = 0; n < 30; n++) {
        unsigned d1 = 1 + pick(seed, FIRST_AT_COUNT - 1), d2 = 1 + pick(seed, FIRST_AT_COUNT - 1);
        unsigned k = pick(seed, ARRAY_LEN(splits));
        char where[300], sql[2000];
        snprintf(where, sizeof where, "%s %s '%s' AND %s <> '%s'", dims[d1],
                 pick(seed, 2) ? "=" : "<>", wanted[pick(seed, 5)], dims[d2],
                 wanted[pick(seed, 5)]);
        unsigned mask = 1U << d1 | 1U << d2;
        snprintf(sql, sizeof sql,
                 "SELECT count(*) FROM (SELECT %s AS value, count(DISTINCT person) AS a, count(*)"
                 " FILTER (varies & %u = 0 AND first & %d <> 0) + count(DISTINCT person) FILTER"
                 " (varies & %u <> 0) AS b FROM (SELECT e.*, v.entry_page, v.exit_page FROM @event "
                 "e JOIN"
                 " @visit v USING (day, visit)) WHERE kind < 2 AND %s GROUP BY ALL) WHERE a"
                 " <> b",
                 splits[k].value, mask, (int)splits[k].bit, mask, where);
        if (file_number(s, r, sql) != 0)
            fail_msg("events WHERE %s by %s", where, splits[k].value);
        snprintf(
            sql, sizeof sql,
            "SELECT count(DISTINCT person) <> count(*) FILTER (varies & %u = 0 AND first & 1 <>"
            " 0) + count(DISTINCT person) FILTER (varies & %u <> 0) FROM @visit WHERE %s",
            mask, mask, where);
        if (file_number(s, r, sql) != 0)
            fail_msg("visits WHERE %s", where);
    }
}

/* --- roll-ups against loops over the hot rows ----------------------------------------------------
 */

struct hot_visit {
    int64_t id, visitor, hour, pageviews, events, bounce, duration;
    struct span values[FIRST_AT_COUNT];
};

struct hot_event {
    int64_t visit, visitor, hour, kind, scroll, engaged;
    struct span name, hostname, page;
};

struct hot_day {
    struct sql_result *visit_rows, *event_rows;
    struct hot_visit visits[SEALED_EVENTS];
    struct hot_event events[SEALED_EVENTS];
    size_t visit_count, event_count;
};

static struct sql_result *hot_rows(const struct sealing *s, const char *columns, int32_t day,
                                   const char *from) {
    char sql[2000];
    struct sql_result *r = NULL;
    struct err err = {0};
    snprintf(sql, sizeof sql, "SELECT %s FROM %s site = 1 AND day = %d", columns, from, day);
    if (store_select(s->store, sql, NULL, 0, 10000, &r, &err))
        fail_msg("%s: %s", sql, err.text);
    return r;
}

static struct hot_day *read_hot(const struct sealing *s, int32_t day) {
    struct hot_day *h = calloc(1, sizeof *h);
    struct sql_result *r = h->visit_rows =
        hot_rows(s, "visit, visitor, hour, pageviews, events, bounce, duration_ms, " DIMS, day,
                 "visit WHERE sign = 1 AND rowid IN (SELECT max(rowid) FILTER (sign = 1) FROM"
                 " visit GROUP BY visit) AND");
    h->visit_count = sql_result_rows(r);
    for (size_t i = 0; i < h->visit_count; i++) {
        struct hot_visit *v = &h->visits[i];
        int64_t *const numbers[] = {&v->id,     &v->visitor, &v->hour,    &v->pageviews,
                                    &v->events, &v->bounce,  &v->duration};
        for (size_t k = 0; k < ARRAY_LEN(numbers); k++)
            *numbers[k] = sql_result_at(r, i, k).i;
        v->values[0] = SPAN_EMPTY;
        for (size_t k = 1; k < FIRST_AT_COUNT; k++)
            v->values[k] = sql_result_at(r, i, ARRAY_LEN(numbers) + k - 1).text;
    }
    r = h->event_rows = hot_rows(s,
                                 "visit, visitor, hour, kind, scroll, engaged_ms, name,"
                                 " hostname, page",
                                 day, "event WHERE");
    h->event_count = sql_result_rows(r);
    for (size_t i = 0; i < h->event_count; i++) {
        struct hot_event *e = &h->events[i];
        int64_t *const numbers[] = {&e->visit, &e->visitor, &e->hour,
                                    &e->kind,  &e->scroll,  &e->engaged};
        for (size_t k = 0; k < ARRAY_LEN(numbers); k++)
            *numbers[k] = sql_result_at(r, i, k).i;
        e->name = e->kind == EVENT_PAGEVIEW ? SPAN_LIT("pageview") : sql_result_at(r, i, 6).text;
        e->hostname = sql_result_at(r, i, 7).text;
        e->page = sql_result_at(r, i, 8).text;
    }
    return h;
}

static void free_hot(struct hot_day *h) {
    sql_result_free(h->visit_rows);
    sql_result_free(h->event_rows);
    free(h);
}

enum roll_number {
#define X(name, type) ROLL_##name,
    ROLL_NUMBERS(X)
#undef X
        ROLL_COUNT
};

enum event_split { SPLIT_PAGE, SPLIT_NAME, SPLIT_HOSTNAME, SPLIT_HOUR, SPLIT_NONE };

static bool event_is_at(const struct hot_event *e, enum event_split split, struct span value) {
    char hour[8];
    switch (split) {
    case SPLIT_PAGE:
        return span_eq(e->page, value);
    case SPLIT_NAME:
        return span_eq(e->name, value);
    case SPLIT_HOSTNAME:
        return span_eq(e->hostname, value);
    case SPLIT_HOUR:
        snprintf(hour, sizeof hour, "%d", (int)e->hour);
        return span_eq(span_str(hour), value);
    case SPLIT_NONE:
        break;
    }
    return true;
}

/* Adds an id to a set; whether it was new. */
static bool set_add(int64_t *set, size_t *count, int64_t id) {
    for (size_t i = 0; i < *count; i++)
        if (set[i] == id)
            return false;
    set[(*count)++] = id;
    return true;
}

static void add_entry(int64_t n[ROLL_COUNT], const struct hot_visit *v) {
    n[ROLL_entries]++;
    n[ROLL_bounces] += v->bounce;
    n[ROLL_duration_ms] += v->duration;
    n[ROLL_entry_pageviews] += v->pageviews;
}

static void model_visit_dim(const struct hot_day *h, size_t k, struct span value,
                            int64_t n[ROLL_COUNT]) {
    int64_t persons[SEALED_EVENTS];
    size_t person_count = 0;
    for (size_t i = 0; i < h->visit_count; i++) {
        const struct hot_visit *v = &h->visits[i];
        if (!span_eq(v->values[k], value))
            continue;
        n[ROLL_visitors] += set_add(persons, &person_count, v->visitor);
        n[ROLL_visits]++;
        n[ROLL_pageviews] += v->pageviews;
        n[ROLL_events] += v->events;
        add_entry(n, v);
    }
}

static void model_engagement(const struct hot_day *h, enum event_split split, struct span value,
                             int64_t n[ROLL_COUNT]) {
    for (size_t i = 0; i < h->visit_count; i++) {
        bool engaged = false;
        int64_t deepest = -1;
        for (size_t j = 0; j < h->event_count; j++) {
            const struct hot_event *e = &h->events[j];
            if (e->visit != h->visits[i].id || !event_is_at(e, split, value))
                continue;
            if (e->kind == EVENT_ENGAGEMENT) {
                engaged = true;
                n[ROLL_engaged_ms] += e->engaged;
            }
            if (e->scroll != SCROLL_NONE && e->scroll > deepest)
                deepest = e->scroll;
        }
        n[ROLL_engaged_visits] += engaged;
        n[ROLL_scroll_visits] += deepest >= 0;
        n[ROLL_scroll_sum] += deepest >= 0 ? deepest : 0;
    }
}

static void model_event_dim(const struct hot_day *h, enum event_split split, struct span value,
                            int64_t n[ROLL_COUNT]) {
    int64_t persons[SEALED_EVENTS], visits[SEALED_EVENTS];
    size_t person_count = 0, visit_count = 0;
    for (size_t j = 0; j < h->event_count; j++) {
        const struct hot_event *e = &h->events[j];
        if (e->kind == EVENT_ENGAGEMENT || !event_is_at(e, split, value))
            continue;
        n[ROLL_visitors] += set_add(persons, &person_count, e->visitor);
        n[ROLL_visits] += set_add(visits, &visit_count, e->visit);
        n[ROLL_pageviews] += e->kind == EVENT_PAGEVIEW;
        n[ROLL_events]++;
    }
    if (split == SPLIT_HOUR)
        n[ROLL_visits] = 0;
    for (size_t i = 0; i < h->visit_count; i++) {
        const struct hot_visit *v = &h->visits[i];
        struct hot_event began = {.hour = v->hour};
        if (split == SPLIT_PAGE && span_eq(v->values[FIRST_AT_entry_page], value))
            add_entry(n, v);
        if ((split == SPLIT_NAME || split == SPLIT_HOSTNAME) &&
            !set_add(visits, &visit_count, v->id))
            add_entry(n, v);
        if (split == SPLIT_HOUR && event_is_at(&began, split, value)) {
            add_entry(n, v);
            n[ROLL_visits]++;
        }
    }
    if (split == SPLIT_PAGE)
        model_engagement(h, split, value, n);
}

static void model_roll(const struct hot_day *h, struct span dim, struct span value,
                       int64_t n[ROLL_COUNT]) {
    static const char *const of_events[] = {"page", "name", "hostname", "hour"};
    for (size_t k = 0; k < FIRST_AT_COUNT; k++)
        if (span_eq(dim, span_str(dims[k])))
            model_visit_dim(h, k, value, n);
    for (size_t k = 0; k < ARRAY_LEN(of_events); k++)
        if (span_eq(dim, span_str(of_events[k])))
            model_event_dim(h, (enum event_split)k, value, n);
    if (span_eq(dim, SPAN_LIT("person")))
        model_engagement(h, SPLIT_NONE, value, n);
}

static int64_t values_there_are(const struct sealing *s, int32_t day) {
    char sql[4000];
    int n = snprintf(sql, sizeof sql,
                     "SELECT (SELECT count(DISTINCT page) + count(DISTINCT hostname) +"
                     " count(DISTINCT hour) + count(DISTINCT CASE kind WHEN 0 THEN 'pageview' ELSE"
                     " name END) FROM event WHERE kind < 2 AND site = 1 AND day = %d) +"
                     " (SELECT 1",
                     day);
    for (size_t k = 1; k < FIRST_AT_COUNT; k++)
        n += snprintf(sql + n, sizeof sql - (size_t)n, " + count(DISTINCT %s)", dims[k]);
    snprintf(sql + n, sizeof sql - (size_t)n,
             " FROM (SELECT visit, " DIMS " FROM visit WHERE site = 1 AND day = %d GROUP BY ALL"
             " HAVING sum(sign) > 0))",
             day);
    return number(s->store, sql);
}

static void rolls_are_right(const struct sealing *s, const struct seal_result *r, int32_t day,
                            unsigned seed) {
    char sql[1000];
    struct sql_result *rows = NULL;
    struct err err = {0};
#define X(name, type) ", " #name
    file_sql(s, r, "SELECT dim, value, day" ROLL_NUMBERS(X) " FROM @roll", sql, sizeof sql);
#undef X
    if (store_select(s->store, sql, NULL, 0, 10000, &rows, &err))
        fail_msg("%s", err.text);
    struct hot_day *h = read_hot(s, day);
    assert_int_equal(sql_result_rows(rows), values_there_are(s, day));
    assert_int_equal(sql_result_rows(rows), r->files[SEAL_ROLL].rows);
    for (size_t i = 0; i < sql_result_rows(rows); i++) {
        struct span dim = sql_result_at(rows, i, 0).text, value = sql_result_at(rows, i, 1).text;
        int64_t n[ROLL_COUNT] = {0};
        model_roll(h, dim, value, n);
        assert_int_equal(sql_result_at(rows, i, 2).i, day);
        for (size_t k = 0; k < ROLL_COUNT; k++)
            if (sql_result_at(rows, i, 3 + k).i != n[k])
                fail_msg("seed %u: %.*s = \"%.*s\", number %zu: %" PRId64 ", not %" PRId64, seed,
                         SPAN_ARG(dim), SPAN_ARG(value), k, sql_result_at(rows, i, 3 + k).i, n[k]);
    }
    free_hot(h);
    sql_result_free(rows);
}

/* --- no hash stays -------------------------------------------------------------------------------
 */

static bool file_has(const char *path, const void *bytes, size_t n) {
    BUF_AUTO all = {0};
    assert_int_equal(os_read_file(&os_system, path, 1 << 26, &all, NULL), 0);
    return span_find_span(buf_span(&all), span_of(bytes, n)) != SIZE_MAX;
}

/* Parquet pages are compressed, so the rows are looked through too, as text. */
static void holds_no_hash(const struct sealing *s, const struct seal_result *r) {
    char sql[1000], path[300];
    for (size_t p = 0; p < s->persons; p++) {
        uint64_t hash = s->hashes[p], turned = __builtin_bswap64(hash);
        char hex[20], decimal[24], signed_decimal[24];
        snprintf(hex, sizeof hex, "%016" PRIx64, hash);
        snprintf(decimal, sizeof decimal, "%" PRIu64, hash);
        snprintf(signed_decimal, sizeof signed_decimal, "%" PRId64, (int64_t)hash);
        for (size_t k = 0; k < SEAL_KINDS; k++) {
            snprintf(path, sizeof path, "%s/%s", s->root, r->files[k].path);
            assert_false(file_has(path, &hash, 8));
            assert_false(file_has(path, &turned, 8));
            assert_false(file_has(path, hex, 16));
            assert_false(file_has(path, decimal, strlen(decimal)));
        }
        for (size_t k = 0; k < SEAL_KINDS; k++) {
            snprintf(sql, sizeof sql,
                     "SELECT count(*) FROM (SELECT t::VARCHAR AS a FROM %s t) WHERE"
                     " contains(a, '%s') OR contains(a, '%s') OR contains(a, '%s')",
                     file_words[k], hex, decimal, signed_decimal);
            assert_int_equal(file_number(s, r, sql), 0);
        }
    }
}

static void equals_what_was_hot(void **state) {
    unsigned first = first_seed();
    for (unsigned seed = first; seed < first + ROUNDS(3, 2); seed++) {
        struct sealing s;
        sealing_open(&s);
        s.stream_bytes = seed % 2 ? 2000 : 0; /* as large days and as small ones */
        sealing_fill(&s, seed);
        unsigned random = seed;
        for (int32_t day = SAMPLE_DAY; day < SAMPLE_DAY + SEALED_DAYS; day++) {
            struct seal_result r = seal_day(&s, day, (uint32_t)day);
            holds_what_was_hot(&s, &r, day, seed);
            ordinals_are_dense(&s, &r, 0, 0);
            visit_flags_are_right(&s, &r, seed);
            varies_rule_counts(&s, &r, &random);
            rolls_are_right(&s, &r, day, seed);
        }
        sealing_close(&s);
    }
}

static void no_hash_is_left(void **state) {
    struct sealing s;
    sealing_open(&s);
    sealing_fill(&s, first_seed());
    struct seal_result r = seal_day(&s, SAMPLE_DAY, 1);
    holds_no_hash(&s, &r);
    sealing_close(&s);
}

/* --- parts, files --------------------------------------------------------------------------------
 */

static bool is_there(const struct sealing *s, const char *path, const char *end) {
    char full[600];
    snprintf(full, sizeof full, "%s/%s%s", s->root, path, end);
    return access(full, F_OK) == 0;
}

static void a_second_part_goes_on_counting(void **state) {
    struct sealing s;
    sealing_open(&s);
    sealing_fill(&s, first_seed());
    struct seal_result one = seal_day(&s, SAMPLE_DAY, 1), two;
    struct seal_job job = job_of(&s, SAMPLE_DAY, 2);
    job.base_visit = (uint32_t)one.visits;
    job.base_person = (uint32_t)one.persons;
    assert_int_equal(seal_write(s.connection, &job, &two, NULL), 0);
    ordinals_are_dense(&s, &two, job.base_visit, job.base_person);
    visit_flags_are_right(&s, &two, 0);
    assert_string_equal(two.files[SEAL_VISIT].path, "1/2024-10/2024-10-04.2.visit.parquet");
    sealing_close(&s);
}

/* Nothing more than is written down: a hot number would tell the order of arrival. */
static void the_columns_are_those(void **state) {
    static const char *const columns[SEAL_KINDS] = {
        "day, visit, person, hour, ts_sec, kind, interactive, scroll, engaged_ms, name, hostname,"
        " page, props, revenue_milli, currency, first, varies, " EVENT_DIMS,
        "day, visit, person, hour, start_sec, pageviews, events, bounce, duration_ms, hostname,"
        " " DIMS ", first, varies",
        "day, dim, value, visitors, visits, pageviews, events, entries, bounces, duration_ms,"
        " entry_pageviews, engaged_ms, engaged_visits, scroll_sum, scroll_visits"};
    struct sealing s;
    sealing_open(&s);
    sealing_fill(&s, 7);
    struct seal_result r = seal_day(&s, SAMPLE_DAY, 1);
    for (size_t k = 0; k < SEAL_KINDS; k++) {
        char form[1500];
        snprintf(form, sizeof form,
                 "SELECT string_agg(column_name, ', ') = '%s' FROM (DESCRIBE SELECT * FROM %s)",
                 columns[k], file_words[k]);
        assert_int_equal(file_number(&s, &r, form), 1);
    }
    sealing_close(&s);
}

static void the_record_is_of_the_file(void **state) {
    struct sealing s;
    sealing_open(&s);
    sealing_fill(&s, 7);
    struct seal_result r = seal_day(&s, SAMPLE_DAY, 1);
    for (size_t k = 0; k < SEAL_KINDS; k++) {
        char path[300];
        uint8_t digest[CRYPT_DIGEST_BYTES];
        BUF_AUTO all = {0};
        snprintf(path, sizeof path, "%s/%s", s.root, r.files[k].path);
        assert_int_equal(os_read_file(&os_system, path, 1 << 26, &all, NULL), 0);
        crypt_digest(buf_span(&all), digest);
        assert_int_equal(all.len, r.files[k].bytes);
        assert_memory_equal(digest, r.files[k].digest, sizeof digest);
        char sql[60];
        snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", file_words[k]);
        assert_int_equal(file_number(&s, &r, sql), (int64_t)r.files[k].rows);
        assert_false(is_there(&s, r.files[k].path, ".tmp"));
    }
    sealing_close(&s);
}

static void an_empty_day_writes_nothing(void **state) {
    struct sealing s;
    sealing_open(&s);
    struct seal_result r = seal_day(&s, SAMPLE_DAY, 1);
    assert_int_equal(r.visits, 0);
    assert_string_equal(r.files[SEAL_EVENT].path, "");
    assert_false(is_there(&s, "1", ""));
    sealing_close(&s);
}

static int64_t temporary_things(duckdb_connection c) {
    duckdb_result r;
    assert_int_equal(duckdb_query(c,
                                  "SELECT (SELECT count(*) FROM duckdb_tables() WHERE temporary) +"
                                  " (SELECT count(*) FROM duckdb_types() WHERE type_name LIKE"
                                  " 'seal%')",
                                  &r),
                     DuckDBSuccess);
    int64_t n = duckdb_value_int64(&r, 0, 0);
    duckdb_destroy_result(&r);
    return n;
}

/* Each call fails once: an error, nothing left behind, and the next try is as good as a first. */
static void any_call_may_fail(void **state) {
    struct sealing s;
    sealing_open(&s);
    s.stream_bytes = 2000; /* so that there is a spool to fail, too */
    sealing_fill(&s, 11);
    struct os_fault f;
    os_fault_init(&f, &os_system);
    for (unsigned long nth = 1;; nth++) {
        struct seal_job job = job_of(&s, SAMPLE_DAY, 1);
        struct seal_result r = {0};
        job.os = &f.os;
        os_fault_set(&f, (struct os_plan){.call = OS_WRITES, .nth = nth, .error = EIO});
        int code = seal_write(s.connection, &job, &r, NULL);
        unsigned long fired = os_fault_fired(&f);
        os_fault_clear(&f);
        assert_int_equal(temporary_things(s.connection), 0);
        if (!fired) {
            assert_int_equal(code, 0);
            assert_true(nth > 12);
            rolls_are_right(&s, &r, SAMPLE_DAY, 11);
            break;
        }
        assert_true(code < 0);
        assert_int_equal(r.visits, 0);
        for (size_t k = 0; k < SEAL_KINDS; k++) {
            struct seal_file files[SEAL_KINDS];
            seal_paths(1, SAMPLE_DAY, false, 1, files);
            assert_false(is_there(&s, files[k].path, ""));
            assert_false(is_there(&s, files[k].path, ".tmp"));
        }
    }
    sealing_close(&s);
}

static void write_text(const struct sealing *s, const char *name) {
    char path[600];
    snprintf(path, sizeof path, "%s/%s", s->root, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("x", file);
    fclose(file);
}

static void sweeping_leaves_what_is_kept(void **state) {
    struct sealing s;
    size_t removed = 0;
    sealing_open(&s);
    assert_int_equal(seal_sweep(&os_system, "/nonexistent", NULL, 0, &removed, NULL), 0);
    sealing_fill(&s, 3);
    struct seal_result one = seal_day(&s, SAMPLE_DAY, 7), two = seal_day(&s, SAMPLE_DAY + 1, 12);
    write_text(&s, "1/2024-10/2024-10-04.7.event.parquet.tmp");
    write_text(&s, "1/2024-10/notes.txt");
    const uint32_t keep[] = {3, 7, 20};
    assert_int_equal(seal_sweep(&os_system, s.root, keep, 3, &removed, NULL), 0);
    assert_int_equal(removed, 4);
    assert_true(is_there(&s, one.files[SEAL_EVENT].path, ""));
    assert_false(is_there(&s, two.files[SEAL_EVENT].path, ""));
    assert_true(is_there(&s, "1/2024-10/notes.txt", ""));
    assert_int_equal(seal_sweep(&os_system, s.root, NULL, 0, &removed, NULL), 0);
    assert_int_equal(removed, 3);
    sealing_close(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_what_was_hot),
        cmocka_unit_test(no_hash_is_left),
        cmocka_unit_test(a_second_part_goes_on_counting),
        cmocka_unit_test(the_columns_are_those),
        cmocka_unit_test(the_record_is_of_the_file),
        cmocka_unit_test(an_empty_day_writes_nothing),
        cmocka_unit_test(any_call_may_fail),
        cmocka_unit_test(sweeping_leaves_what_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
