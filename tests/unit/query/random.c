#include "random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypt.h"

static uint64_t seed, seed_now;

uint64_t random_seed(void) {
    const char *given = getenv("QUERY_SEED");
    if (given) {
        seed = strtoull(given, NULL, 10);
    } else {
        crypt_random(&seed, sizeof seed);
        seed %= 1000000;
    }
    print_message("# seed %llu (QUERY_SEED)\n", (unsigned long long)seed);
    return seed_now = seed;
}

uint32_t dice(uint32_t sides) {
    seed_now = seed_now * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed_now >> 33) % sides;
}

#define PICK(list) (list)[dice((uint32_t)ARRAY_LEN(list))]

static const char *const pages[] = {"/", "/a", "/A", "/blog/A", "/blog/a"};
static const char *const sources[] = {"", "", "Google", "Bing", "google"};
static const char *const words_few[] = {"", "x", "Y", "xY"};
static const char *const hosts[] = {"example.com", "shop.example.com"};
static const char *const names[] = {"Signup", "Buy", "signup"};
static const uint32_t sites[] = {SITE, SITE, SITE, OTHER_SITE, HONG_KONG_SITE};
static const char *const filter_words[] = {
    "event:page",       "event:name",      "event:hostname",   "visit:source",
    "visit:entry_page", "visit:exit_page", "visit:utm_term",   "visit:country",
    "visit:os",         "visit:channel",   "event:props:plan", "event:props:a/~1"};
static const char *const dim_words[] = {
    "time:hour",        "time:day",        "time:week",    "time:month",       "event:page",
    "event:name",       "event:hostname",  "visit:source", "visit:entry_page", "visit:exit_page",
    "visit:utm_term",   "visit:country",   "visit:device", "visit:browser",    "visit:referrer",
    "event:props:plan", "event:props:a/~1"};
static const char *const props_of_events[] = {"",
                                              "",
                                              "{\"plan\":\"x\"}",
                                              "{\"plan\":\"Y\"}",
                                              "{\"a/~1\":\"xY\",\"plan\":\"x\"}",
                                              "{\"a/~1\":\"x\",\"plan/a\":\"Y\"}"};
static const char *const cell_words[] = {"visit:source",  "visit:entry_page", "visit:country",
                                         "visit:channel", "visit:os",         "visit:device"};
static const char *const is_words[] = {"is", "is_not", "contains"};
static const char *const metric_words_all[] = {"visitors",        "visits",      "pageviews",
                                               "events",          "bounce_rate", "visit_duration",
                                               "views_per_visit", "percentage"};

/* --- events -------------------------------------------------------------------------------------
 */

int32_t random_first_day(void) {
    return day_of(2026, 3, 29);
}

enum { LATE_PERSON = 1000 };

bool random_is_late(const struct event *e) {
    return e->visitor / 1000003 >= LATE_PERSON;
}

static struct span attribute(uint64_t person, uint32_t which, const char *const *list,
                             size_t count) {
    bool steady = person % 3 > 0;
    return span_str(list[steady ? (person / 3 + which) % count : dice((uint32_t)count)]);
}
#define ATTRIBUTE(which, list) attribute(person, which, list, ARRAY_LEN(list))

void random_events(struct bed *b, struct event *events, size_t count) {
    int64_t ts = zone_day_start_ms(bed_policy(b, SITE)->zone, random_first_day()) + 3600000;
    for (size_t i = 0; i < count; i++) {
        ts += dice(12) ? dice(300000) : dice(3600000);
        uint32_t roll = dice(10), person = dice(25);
        int kind = roll < 6 ? EVENT_PAGEVIEW : roll < 8 ? EVENT_CUSTOM : EVENT_ENGAGEMENT;
        if (dice(5) == 0)
            person = LATE_PERSON + dice(6);
        events[i] = bed_event(b, PICK(sites), ts, person, kind, PICK(pages));
        struct event *e = &events[i];
        if (kind == EVENT_CUSTOM) {
            e->name = span_str(PICK(names));
            e->interactive = dice(3) > 0;
            if (dice(3) == 0) {
                e->currency = span_str(dice(20) ? "EUR" : "USD");
                e->revenue_milli = (int64_t)dice(100000) - 20000;
            }
        }
        if (kind == EVENT_ENGAGEMENT) {
            e->engaged_ms = dice(60000);
            e->scroll = (uint8_t)(dice(3) ? dice(101) : 255);
        }
        if (kind != EVENT_PAGEVIEW || dice(3) == 0)
            e->props = span_str(PICK(props_of_events));
        e->hostname = span_str(PICK(hosts));
        e->source = ATTRIBUTE(0, sources);
        e->referrer = ATTRIBUTE(1, words_few);
        e->channel = ATTRIBUTE(2, words_few);
        e->utm_term = ATTRIBUTE(3, words_few);
        e->country = ATTRIBUTE(4, words_few);
        e->os = ATTRIBUTE(5, words_few);
        e->browser = ATTRIBUTE(6, words_few);
        e->device = ATTRIBUTE(7, words_few);
    }
}

/* --- queries ------------------------------------------------------------------------------------
 */

static const char *random_value(const char *word) {
    if (strstr(word, "page"))
        return PICK(pages);
    if (strcmp(word, "event:name") == 0)
        return dice(2) ? PICK(names) : "pageview";
    if (strstr(word, "hostname"))
        return PICK(hosts);
    if (strstr(word, "source"))
        return dice(4) ? PICK(sources) : "Direct / None";
    if (strstr(word, "country"))
        return dice(4) ? PICK(words_few) : "(unknown)";
    if (strstr(word, "props"))
        return dice(4) ? PICK(words_few) : "(none)";
    return PICK(words_few);
}

enum { HAS_DONE = 100 }; /* and deeper: inside of one */

static json_t *random_filter(int depth) {
    static const char *const ops[] = {"is",       "is",           "is",      "is_not",
                                      "contains", "contains_not", "matches", "matches_not"};
    static const char *const fragments[] = {"o", "/", "B", "x", "zz"};
    static const char *const patterns[] = {"^/blog", "o+", "(x|Y)$", "^$", "^/[aA]$", "i"};
    uint32_t roll = dice(10);
    if (depth < HAS_DONE && roll == 9)
        return json_pack("[so]", dice(2) ? "has_done" : "has_not_done", random_filter(HAS_DONE));
    if (depth < 3 && roll == 8)
        roll = 0;
    if (depth % HAS_DONE < 3 && roll == 0)
        return json_pack("[so]", "not", random_filter(depth + 1));
    if (depth % HAS_DONE < 3 && roll <= 2)
        return json_pack("[s[oo]]", roll == 1 ? "and" : "or", random_filter(depth + 1),
                         random_filter(depth + 1));
    const char *word = PICK(filter_words), *op = PICK(ops);
    json_t *values = json_array();
    for (uint32_t n = dice(2) ? 1 : 1 + dice(3); n > 0; n--)
        json_array_append_new(values, json_string(op[0] == 'c'   ? PICK(fragments)
                                                  : op[0] == 'm' ? PICK(patterns)
                                                                 : random_value(word)));
    json_t *f = json_pack("[sso]", op, word, values);
    if (op[0] != 'm' && dice(3) == 0)
        json_array_append_new(f, json_pack("{sb}", "case_sensitive", (int)dice(2)));
    return f;
}

static json_t *random_words(const char *const *from, size_t count, uint32_t most) {
    json_t *list = json_array();
    bool timed = false;
    for (uint32_t n = 0; n < most; n++) {
        const char *w = from[dice((uint32_t)count)];
        bool of_time = strncmp(w, "time:", 5) == 0, twice = timed && of_time;
        size_t i;
        json_t *item;
        json_array_foreach (list, i, item)
            twice |= strcmp(json_string_value(item), w) == 0;
        if (twice)
            continue;
        timed |= of_time;
        json_array_append_new(list, json_string(w));
    }
    return list;
}

/* What roll-ups and flags can answer, one attribute at most and time, or just cannot. */
static void plain_words(json_t *dims, json_t *filters) {
    static const char *const times[] = {"time:day", "time:week", "time:month"};
    if (dice(2))
        json_array_append_new(dims, json_string(PICK(times)));
    uint32_t roll = dice(3);
    if (roll == 0 && json_array_size(dims) == 0 && dice(4) == 0)
        json_array_append_new(dims, json_string("time:hour"));
    else if (roll == 1)
        json_array_append_new(dims,
                              json_string(dim_words[4 + dice((uint32_t)ARRAY_LEN(dim_words) - 4)]));
    if (roll != 2)
        return;
    const char *word = PICK(filter_words);
    json_t *values = json_array();
    for (uint32_t n = dice(2) ? 1 : 2; n > 0; n--)
        json_array_append_new(values, json_string(random_value(word)));
    json_t *f = json_pack("[sso]", "is", word, values);
    if (dice(3) == 0)
        json_array_append_new(f, json_pack("{sb}", "case_sensitive", 0));
    json_array_append_new(filters, f);
    if (dice(3) == 0)
        json_array_append_new(dims, json_string(word));
}

/* Outside of what visits have done. */
static bool filter_mentions(const json_t *f, const char *word) {
    const char *op = json_string_value(json_array_get(f, 0));
    const json_t *second = json_array_get(f, 1);
    if (op && strncmp(op, "has_", 4) == 0)
        return false;
    if (json_is_string(second))
        return strcmp(json_string_value(second), word) == 0;
    if (op && strcmp(op, "not") == 0)
        return filter_mentions(second, word);
    size_t i;
    json_t *item;
    json_array_foreach ((json_t *)(uintptr_t)(op ? second : f), i, item)
        if (filter_mentions(item, word))
            return true;
    return false;
}

static bool mentions(const json_t *dims, const json_t *filters, const char *word) {
    size_t i;
    json_t *item;
    json_array_foreach ((json_t *)(uintptr_t)dims, i, item)
        if (strcmp(json_string_value(item), word) == 0)
            return true;
    return filter_mentions(filters, word);
}

static json_t *is_some(const char *word, uint32_t count) {
    json_t *values = json_array();
    while (count-- > 0)
        json_array_append_new(values, json_string(random_value(word)));
    return json_pack("[sso]", "is", word, values);
}

/* What cells have: pages, names or both, one of each in a row (or just not), and what they have of the
 * visit. Returns whether it is both, and cells have it. */
static bool cell_words_of(json_t *metrics, json_t *dims, json_t *filters) {
    static const char *const both[] = {"event:page", "event:name"};
    json_array_clear(metrics);
    for (uint32_t i = 0; i < 4; i++) /* those of events */
        json_array_append_new(metrics, json_string(metric_words_all[i]));
    uint32_t used = 1 + dice(5), split = used > 3 ? 1 + dice(3) : dice(4);
    used = used > 3 ? 3 : used;
    bool single = dice(5) > 0;
    for (uint32_t i = 0; i < ARRAY_LEN(both); i++) {
        if (used & split & 1U << i)
            json_array_append_new(dims, json_string(both[i]));
        else if (used & 1U << i)
            json_array_append_new(filters, is_some(both[i], single ? 1 : 2));
    }
    const char *word = PICK(cell_words);
    if (dice(3))
        json_array_append_new(filters,
                              json_pack("[ss[s]]", PICK(is_words), word, random_value(word)));
    if (dice(3) == 0)
        json_array_append_new(dims, json_string(PICK(cell_words)));
    if (dice(3) == 0)
        json_array_append_new(dims, json_string("time:day"));
    return used == 3 && single;
}

static json_t *random_order(const json_t *metrics, const json_t *dims) {
    json_t *list = json_array();
    for (uint32_t n = 1 + dice(2); n > 0; n--) {
        const json_t *from = dice(2) && json_array_size(dims) ? dims : metrics;
        const char *word =
            json_string_value(json_array_get(from, dice((uint32_t)json_array_size(from))));
        json_array_append_new(list, json_pack("[ss]", word, dice(2) ? "asc" : "desc"));
    }
    return list;
}

static json_t *moment(int64_t ms) {
    char text[48], date[CIVIL_TEXT];
    int64_t sec = ms / 1000;
    civil_format((int32_t)(sec / 86400), date);
    (void)snprintf(text, sizeof text, "%sT%02d:%02d:%02dZ", date, (int)(sec % 86400 / 3600),
                   (int)(sec % 3600 / 60), (int)(sec % 60));
    return json_string(text);
}

static json_t *date(int32_t day) {
    char text[CIVIL_TEXT];
    civil_format(day, text);
    return json_string(text);
}

static json_t *random_range(struct bed *b, uint32_t site, struct model_range *r) {
    *r = (struct model_range){.from_day = random_first_day() + (int)dice(RANDOM_DAYS - 1)};
    r->to_day = r->from_day + (int)dice(RANDOM_DAYS);
    b->clock.now_ms = zone_day_start_ms(bed_policy(b, site)->zone, random_first_day() + 60);
    uint32_t roll = dice(6);
    if (roll > 1)
        return json_pack("[oo]", date(r->from_day), date(r->to_day));
    int64_t start = zone_day_start_ms(bed_policy(b, site)->zone, r->from_day);
    r->by_ts = true;
    r->from_day = INT32_MIN;
    r->to_day = INT32_MAX;
    if (roll == 0) {
        b->clock.now_ms = start + dice(200000000); /* the last 24 hours, in whole seconds */
        r->to_ms = b->clock.now_ms / 1000 * 1000 + 1000;
        r->from_ms = r->to_ms - 86401000;
        return json_string("24h");
    }
    r->from_ms = start / 1000 * 1000 + (int64_t)dice(86400) * 1000;
    r->to_ms = r->from_ms + 1000 + (int64_t)dice(172800) * 1000;
    return json_pack("[oo]", moment(r->from_ms), moment(r->to_ms - 1000));
}

/* The previous period, or any other days or moments. */
static json_t *random_compare(struct random_query *q) {
    struct model_range *o = &q->other;
    *o = q->range;
    if (!o->by_ts && dice(2)) {
        int32_t days = o->to_day - o->from_day + 1;
        o->from_day -= days;
        o->to_day -= days;
        return json_string("previous_period");
    }
    if (!o->by_ts) {
        o->from_day = random_first_day() + (int)dice(RANDOM_DAYS);
        o->to_day = o->from_day + (int)dice(RANDOM_DAYS);
        return json_pack("[oo]", date(o->from_day), date(o->to_day));
    }
    o->from_ms -= 3600000 * (int64_t)(1 + dice(30));
    o->to_ms -= 3600000 * (int64_t)dice(2);
    return json_pack("[oo]", moment(o->from_ms), moment(o->to_ms - 1000));
}

void random_query_make(struct bed *b, struct random_query *ret) {
    struct random_query q = {.site = PICK(sites)};
    bool alone = dice(4) == 0; /* the first: visitors */
    json_t *metrics = random_words(metric_words_all, alone ? 1 : ARRAY_LEN(metric_words_all),
                                   alone ? 1 : 1 + dice(6));
    bool plain = dice(2) == 0;
    bool of_cells = dice(5) == 0;
    bool listed = plain || of_cells;
    json_t *dims = random_words(dim_words, ARRAY_LEN(dim_words), listed ? 0 : dice(4));
    json_t *filters = json_array();
    for (uint32_t n = listed ? 0 : dice(3); n > 0; n--)
        json_array_append_new(filters, random_filter(0));
    if (of_cells)
        q.paired = cell_words_of(metrics, dims, filters);
    else if (plain)
        plain_words(dims, filters);
    bool of_pages = !of_cells && mentions(dims, filters, "event:page") &&
                    !mentions(dims, filters, "event:name") &&
                    !mentions(dims, filters, "event:props:plan") &&
                    !mentions(dims, filters, "event:props:a/~1");
    if (of_pages && dice(3) == 0) {
        json_array_append_new(metrics, json_string("time_on_page"));
        json_array_append_new(metrics, json_string("scroll_depth"));
    }
    if (!of_cells && dice(8) == 0) {
        json_array_append_new(metrics, json_string("total_revenue"));
        json_array_append_new(metrics, json_string("average_revenue"));
    }
    json_t *range = random_range(b, q.site, &q.range);
    q.request = json_pack("{sososOso}", "metrics", metrics, "dimensions", dims, "filters", filters,
                          "date_range", range);
    json_decref(filters);
    if (dice(3) == 0)
        json_object_set_new(q.request, "include", json_pack("{sb}", "total_rows", 1));
    if (dice(3) == 0)
        json_object_set_new(q.request, "order_by", random_order(metrics, dims));
    q.compares = dice(4) == 0;
    if (q.compares) {
        json_t *include = json_object_get(q.request, "include");
        if (!include)
            json_object_set_new(q.request, "include", include = json_object());
        json_object_set_new(include, "compare", random_compare(&q));
    }
    q.paged = dice(4) == 0;
    if (q.paged)
        json_object_set_new(
            q.request, "pagination",
            json_pack("{sisi}", "limit", (int)(1 + dice(5)), "offset", (int)dice(4)));
    assert_non_null(q.request);
    *ret = q;
}

void random_query_release(struct random_query *q) {
    json_decref(q->request);
}

/* --- comparing ----------------------------------------------------------------------------------
 */

static bool same_figures(const json_t *row, const json_t *values) {
    size_t k;
    json_t *item;
    json_array_foreach (json_object_get(row, "metrics"), k, item) {
        const json_t *value = json_array_get(values, k);
        if (json_is_object(item))
            item = json_object_get(item, "value");
        if (value && json_is_null(value) != json_is_null(item))
            return false;
        double want = json_number_value(value);
        double slack = json_is_integer(item) ? 0 : 0.1001;
        if (fabs(json_number_value(item) - want) > slack)
            return false;
    }
    return true;
}

/* The figures of a row's labels; without any the model has no such row. */
static const json_t *figures_of(const json_t *row, const json_t *expected) {
    char key[512] = "";
    size_t k;
    json_t *item;
    json_array_foreach (json_object_get(row, "dimensions"), k, item) {
        size_t len = strlen(key);
        (void)snprintf(key + len, sizeof key - len, "%s%s", k ? "\x1f" : "",
                       json_string_value(item));
    }
    return json_object_get(expected, key);
}

static bool same_row(const json_t *row, const json_t *expected, const json_t *other) {
    const json_t *values = figures_of(row, expected);
    const json_t *comparison = json_object_get(row, "comparison");
    if (!values || !same_figures(row, values) || !comparison != !other)
        return false;
    return !other || same_figures(comparison, figures_of(comparison, other));
}

static size_t page_size(const struct random_query *q, size_t rows) {
    const json_t *page = json_object_get(q->request, "pagination");
    if (!page)
        return rows;
    size_t limit = (size_t)json_integer_value(json_object_get(page, "limit"));
    size_t offset = (size_t)json_integer_value(json_object_get(page, "offset"));
    rows = rows > offset ? rows - offset : 0;
    return rows < limit ? rows : limit;
}

void random_query_compare(const struct random_query *q, const struct model *m, const json_t *reply,
                          const char *what) {
    JSON_AUTO expected = model_run(m, q->site, &q->range, json_object_get(q->request, "metrics"),
                                   json_object_get(q->request, "dimensions"),
                                   json_object_get(q->request, "filters"));
    JSON_AUTO other = q->compares
                          ? model_run(m, q->site, &q->other, json_object_get(q->request, "metrics"),
                                      json_object_get(q->request, "dimensions"),
                                      json_object_get(q->request, "filters"))
                          : NULL;
    const json_t *results = json_object_get(reply, "results");
    bool same = json_array_size(results) == page_size(q, json_object_size(expected));
    size_t i;
    json_t *row;
    json_array_foreach ((json_t *)(uintptr_t)results, i, row)
        same = same && same_row(row, expected, other);
    if (!same)
        fail_msg("seed %llu, %s\n%s\n  model %s\n  other %s\n  got   %s", (unsigned long long)seed,
                 what, json_dumps(q->request, JSON_COMPACT),
                 json_dumps(expected, JSON_COMPACT | JSON_REAL_PRECISION(6)),
                 json_dumps(other, JSON_COMPACT | JSON_REAL_PRECISION(6)),
                 json_dumps(results, JSON_COMPACT | JSON_REAL_PRECISION(6)));
}
