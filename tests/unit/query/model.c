#include "model.h"

#include <math.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>

#include "civil.h"

void model_build(struct model *m, const struct event *events, size_t count) {
    *m = (struct model){.events = events, .event_count = count};
    m->visit_of = calloc(count, sizeof *m->visit_of);
    m->visits = calloc(count, sizeof *m->visits);
    if (!m->visit_of || !m->visits)
        abort();
    for (size_t i = 0; i < count; i++) {
        const struct event *e = &events[i];
        int found = -1;
        for (size_t k = 0; k < m->visit_count; k++) {
            const struct model_visit *v = &m->visits[k];
            if (v->first->site == e->site && v->first->day == e->day &&
                v->first->visitor == e->visitor && e->ts_ms - v->last_ms <= 1800000)
                found = (int)k;
        }
        m->visit_of[i] = -1;
        if (found < 0 && e->kind == EVENT_ENGAGEMENT)
            continue;
        if (found < 0) {
            found = (int)m->visit_count++;
            m->visits[found] = (struct model_visit){.first = e,
                                                    .start_ms = e->ts_ms,
                                                    .entry_page = SPAN_EMPTY,
                                                    .exit_page = SPAN_EMPTY};
        }
        m->visit_of[i] = found;
        struct model_visit *v = &m->visits[found];
        v->last_ms = e->ts_ms;
        if (e->kind == EVENT_ENGAGEMENT)
            continue;
        v->events++;
        v->interactive += e->interactive;
        if (e->kind == EVENT_PAGEVIEW) {
            if (v->pageviews++ == 0)
                v->entry_page = e->page;
            v->exit_page = e->page;
        }
    }
}

void model_release(struct model *m) {
    free(m->visit_of);
    free(m->visits);
}

static const char *empty_label(const char *word) {
    if (strcmp(word, "visit:source") == 0 || strcmp(word, "visit:referrer") == 0)
        return "Direct / None";
    if (strncmp(word, "visit:utm_", 10) == 0)
        return "(not set)";
    return strcmp(word, "visit:country") == 0 ? "(unknown)" : "(none)";
}

/* Of texts without a quotation mark. */
static struct span property_of(const struct event *e, const char *name) {
    char key[64];
    (void)snprintf(key, sizeof key, "\"%s\":\"", name);
    const char *at = e->props.len ? memmem(e->props.ptr, e->props.len, key, strlen(key)) : NULL;
    if (!at)
        return SPAN_EMPTY;
    struct span rest = span_str(at + strlen(key));
    return span_head(rest, span_find(rest, '"', 0));
}

static bool is_property(const char *word) {
    return strncmp(word, "event:props:", 12) == 0;
}

/* `e` NULL: of the visit alone, where a page is the one it entered by. */
static struct span value_of(const char *word, const struct event *e, const struct model_visit *v,
                            bool of_visit) {
    if (strcmp(word, "event:page") == 0)
        return of_visit ? v->entry_page : e->page;
    if (strcmp(word, "event:name") == 0)
        return e->kind == EVENT_PAGEVIEW ? SPAN_LIT("pageview") : e->name;
    if (strcmp(word, "event:hostname") == 0)
        return e->hostname;
    if (is_property(word))
        return property_of(e, word + 12);
    if (strcmp(word, "visit:entry_page") == 0)
        return v->entry_page;
    if (strcmp(word, "visit:exit_page") == 0)
        return v->exit_page;
    const struct event *f = v->first;
#define TEXT(name)                         \
    if (strcmp(word, "visit:" #name) == 0) \
        return f->name;
    /* clang-format off */
    TEXT(source) TEXT(channel) TEXT(referrer) TEXT(utm_source) TEXT(utm_medium)
    TEXT(utm_campaign) TEXT(utm_content) TEXT(utm_term) TEXT(country) TEXT(browser)
    TEXT(browser_version) TEXT(os) TEXT(os_version) TEXT(device)
    /* clang-format on */
#undef TEXT
                abort();
}

static void label_of(const char *word, const struct event *e, const struct model_visit *v,
                     bool of_visit, char *out, size_t size) {
    if (strncmp(word, "time:", 5) != 0) {
        struct span s = value_of(word, e, v, of_visit);
        if (s.len == 0)
            s = span_str(empty_label(word));
        (void)snprintf(out, size, "%.*s", SPAN_ARG(s));
        return;
    }
    const struct event *t = of_visit ? v->first : e;
    int32_t day = strcmp(word, "time:week") == 0    ? civil_week_start(t->day)
                  : strcmp(word, "time:month") == 0 ? civil_month_start(t->day)
                                                    : t->day;
    char date[CIVIL_TEXT];
    civil_format(day, date);
    if (strcmp(word, "time:hour") == 0)
        (void)snprintf(out, size, "%s %02d:00:00", date, t->hour);
    else
        (void)snprintf(out, size, "%s", date);
}

/* What is asked, for filters that look at other events. */
static const struct model *asked;
static const struct model_range *asked_range;

static bool event_in(const struct event *e, uint32_t site, const struct model_range *r) {
    return e->site == site && e->kind != EVENT_ENGAGEMENT && e->day >= r->from_day &&
           e->day <= r->to_day && (!r->by_ts || (e->ts_ms >= r->from_ms && e->ts_ms < r->to_ms));
}

static bool holds(const json_t *f, const struct event *e, const struct model_visit *v,
                  bool of_visit);

static bool has_done(const json_t *f, const struct model_visit *v) {
    for (size_t i = 0; i < asked->event_count; i++) {
        const struct event *e = &asked->events[i];
        if (event_in(e, v->first->site, asked_range) && &asked->visits[asked->visit_of[i]] == v &&
            holds(f, e, v, false))
            return true;
    }
    return false;
}

/* Patterns that mean the same to POSIX and RE2. */
static bool matches(const char *text, const char *pattern) {
    regex_t r;
    if (regcomp(&r, pattern, REG_EXTENDED | REG_NOSUB) != 0)
        abort();
    bool found = regexec(&r, text, 0, NULL, 0) == 0;
    regfree(&r);
    return found;
}

static bool holds(const json_t *f, const struct event *e, const struct model_visit *v,
                  bool of_visit) {
    const char *op = json_string_value(json_array_get(f, 0));
    const json_t *second = json_array_get(f, 1);
    size_t i;
    json_t *item;
    if (strncmp(op, "has_", 4) == 0)
        return has_done(second, v) == (strcmp(op, "has_done") == 0);
    if (strcmp(op, "not") == 0)
        return !holds(second, e, v, of_visit);
    if (strcmp(op, "and") == 0 || strcmp(op, "or") == 0) {
        bool any = strcmp(op, "or") == 0;
        json_array_foreach ((json_t *)(uintptr_t)second, i, item) {
            if (holds(item, e, v, of_visit) == any)
                return any;
        }
        return !any;
    }
    const char *word = json_string_value(second);
    struct span has = value_of(word, e, v, of_visit);
    if (is_property(word) && has.len == 0 && op[0] != 'i')
        return false;
    bool fold = json_is_false(json_object_get(json_array_get(f, 3), "case_sensitive"));
    char low[256], want[256];
    bool found = false;
    json_array_foreach (json_array_get(f, 2), i, item) {
        const char *value = json_string_value(item);
        bool is = strncmp(op, "is", 2) == 0;
        if (is && strcmp(value, empty_label(word)) == 0)
            value = "";
        (void)snprintf(low, sizeof low, "%.*s", SPAN_ARG(has));
        (void)snprintf(want, sizeof want, "%s", value);
        for (char *p = low; fold && *p; p++)
            *p = ascii_lower(*p);
        for (char *p = want; fold && *p; p++)
            *p = ascii_lower(*p);
        found |= is             ? strcmp(low, want) == 0
                 : op[0] == 'm' ? matches(low, want)
                                : strstr(low, want) != NULL;
    }
    return found != (strstr(op, "_not") != NULL);
}

static bool all_hold(const json_t *filters, const struct event *e, const struct model_visit *v,
                     bool of_visit) {
    size_t i;
    json_t *f;
    json_array_foreach ((json_t *)(uintptr_t)filters, i, f) {
        if (!holds(f, e, v, of_visit))
            return false;
    }
    return true;
}

/* Whether any word of filters or dimensions begins with "event:" and is not `but`. */
static bool mentions_event(const json_t *j, const char *but) {
    if (json_is_string(j))
        return strncmp(json_string_value(j), "event:", 6) == 0 &&
               (!but || strcmp(json_string_value(j), but) != 0);
    size_t i;
    json_t *item;
    const char *op = json_string_value(json_array_get(j, 0));
    if (op && strncmp(op, "has_", 4) == 0)
        return false;
    json_array_foreach ((json_t *)(uintptr_t)j, i, item) {
        if (mentions_event(item, but))
            return true;
    }
    return false;
}

struct row {
    char key[512];
    bool from_events;
    size_t pageviews, events;
    uint64_t *visitors; /* distinct, of the events */
    size_t visitor_count;
    int *visits; /* distinct, of the events */
    size_t visit_count;
    int *entered; /* distinct, for what is told of visits */
    size_t entered_count;
    double engaged_ms;
    struct {
        int visit, scroll; /* the deepest, −1: none */
        bool engaged;
    } * reads; /* a visit each */
    size_t read_count;
    double milli;
    size_t paid;
    char currency[8]; /* "*": several */
};

#define ADD_DISTINCT(list, count, value)                              \
    do {                                                              \
        size_t _i = 0;                                                \
        while (_i < (count) && (list)[_i] != (value))                 \
            _i++;                                                     \
        if (_i == (count)) {                                          \
            (list) = realloc((list), sizeof *(list) * ((count) + 1)); \
            (list)[(count)++] = (value);                              \
        }                                                             \
    } while (0)

struct rows {
    struct row *list;
    size_t count;
};

static struct row *row_for(struct rows *rows, const json_t *dims, const struct event *e,
                           const struct model_visit *v, bool of_visit) {
    char key[512] = "";
    size_t i, len = 0;
    json_t *d;
    json_array_foreach ((json_t *)(uintptr_t)dims, i, d) {
        if (i > 0)
            key[len++] = '\x1f';
        label_of(json_string_value(d), e, v, of_visit, key + len, sizeof key - len);
        len = strlen(key);
    }
    for (i = 0; i < rows->count; i++)
        if (strcmp(rows->list[i].key, key) == 0)
            return &rows->list[i];
    rows->list = realloc(rows->list, sizeof *rows->list * (rows->count + 1));
    struct row *r = &rows->list[rows->count++];
    memset(r, 0, sizeof *r);
    memcpy(r->key, key, sizeof key);
    return r;
}

static void add_reading(struct row *r, int visit, const struct event *e) {
    size_t i = 0;
    while (i < r->read_count && r->reads[i].visit != visit)
        i++;
    if (i == r->read_count) {
        r->reads = realloc(r->reads, sizeof *r->reads * (i + 1));
        r->reads[i].visit = visit;
        r->reads[i].scroll = -1;
        r->reads[i].engaged = false;
        r->read_count++;
    }
    if (e->kind == EVENT_ENGAGEMENT) {
        r->reads[i].engaged = true;
        r->engaged_ms += e->engaged_ms;
    }
    if (e->scroll != 255 && e->scroll > r->reads[i].scroll)
        r->reads[i].scroll = e->scroll;
}

static void add_payment(struct row *r, const struct event *e) {
    if (e->currency.len == 0)
        return;
    char text[8];
    (void)snprintf(text, sizeof text, "%.*s", SPAN_ARG(e->currency));
    bool same = r->paid++ == 0 || strcmp(r->currency, text) == 0;
    (void)snprintf(r->currency, sizeof r->currency, "%s", same ? text : "*");
    r->milli += (double)e->revenue_milli;
}

/* NULL: not one of these. */
static json_t *measure(const struct row *r, const char *metric) {
    if (strstr(metric, "revenue")) {
        double value = metric[0] == 't' ? r->milli / 1000 : r->milli / 1000 / (double)r->paid;
        return r->paid && r->currency[0] != '*' ? json_real(value) : json_null();
    }
    bool scroll = strcmp(metric, "scroll_depth") == 0;
    if (!scroll && strcmp(metric, "time_on_page") != 0)
        return NULL;
    double sum = 0, n = 0;
    for (size_t i = 0; i < r->read_count; i++) {
        bool counts = scroll ? r->reads[i].scroll >= 0 : r->reads[i].engaged;
        n += counts;
        sum += counts && scroll ? r->reads[i].scroll : 0;
    }
    sum = scroll ? sum : r->engaged_ms / 1000;
    return n > 0 ? json_real(round(sum / n)) : json_null();
}

static bool visit_in(const struct model_visit *v, uint32_t site, const struct model_range *r) {
    return v->first->site == site && v->first->day >= r->from_day && v->first->day <= r->to_day &&
           (!r->by_ts || (v->start_ms >= r->from_ms && v->start_ms < r->to_ms));
}

static double ratio(const struct model *m, const struct row *r, const char *metric) {
    double bounces = 0, ms = 0, views = 0, n = (double)r->entered_count;
    for (size_t i = 0; i < r->entered_count; i++) {
        const struct model_visit *v = &m->visits[r->entered[i]];
        bounces += v->interactive < 2;
        ms += v->interactive < 2 ? 0 : (double)(v->last_ms - v->start_ms);
        views += v->pageviews;
    }
    if (n == 0)
        return 0;
    if (strcmp(metric, "bounce_rate") == 0)
        return round(bounces * 100 / n);
    if (strcmp(metric, "visit_duration") == 0)
        return round(ms / (n * 1000));
    return round(views / n * 100) / 100;
}

json_t *model_run(const struct model *m, uint32_t site, const struct model_range *range,
                  const json_t *metrics, const json_t *dims, const json_t *filters) {
    asked = m;
    asked_range = range;
    struct rows rows = {0};
    uint64_t *everyone = NULL;
    size_t everyone_count = 0;
    bool of_events = mentions_event(filters, NULL) || mentions_event(dims, NULL);
    bool joined = mentions_event(filters, "event:page") || mentions_event(dims, "event:page");
    bool asks_events = false;
    size_t i;
    json_t *item;
    json_array_foreach ((json_t *)(uintptr_t)metrics, i, item) {
        const char *w = json_string_value(item);
        asks_events |= strstr(w, "revenue") || strstr(w, "_depth") || strstr(w, "_page");
        asks_events |= strcmp(w, "visitors") == 0 || strcmp(w, "pageviews") == 0 ||
                       strcmp(w, "events") == 0 || strcmp(w, "percentage") == 0 ||
                       (of_events && strcmp(w, "visits") == 0);
    }
    if (json_array_size(dims) == 0)
        row_for(&rows, dims, NULL, NULL, false)->from_events = true;
    for (i = 0; i < m->event_count; i++) {
        const struct event *e = &m->events[i];
        struct event counted = *e;
        counted.kind = 0;
        if (m->visit_of[i] < 0 || !event_in(&counted, site, range))
            continue;
        const struct model_visit *v = &m->visits[m->visit_of[i]];
        if ((e->kind == EVENT_ENGAGEMENT || e->scroll != 255) && all_hold(filters, e, v, false))
            add_reading(row_for(&rows, dims, e, v, false), m->visit_of[i], e);
        if (e->kind == EVENT_ENGAGEMENT)
            continue;
        if (all_hold(filters, e, v, false)) {
            struct row *r = row_for(&rows, dims, e, v, false);
            r->from_events = true;
            r->events++;
            r->pageviews += e->kind == EVENT_PAGEVIEW;
            add_payment(r, e);
            ADD_DISTINCT(r->visitors, r->visitor_count, e->visitor);
            ADD_DISTINCT(r->visits, r->visit_count, m->visit_of[i]);
            ADD_DISTINCT(everyone, everyone_count, e->visitor);
        }
        if (joined && visit_in(v, site, range) && all_hold(filters, e, v, true)) {
            struct row *r = row_for(&rows, dims, e, v, true);
            ADD_DISTINCT(r->entered, r->entered_count, m->visit_of[i]);
        }
    }
    for (i = 0; !joined && i < m->visit_count; i++) {
        const struct model_visit *v = &m->visits[i];
        if (!visit_in(v, site, range) || !all_hold(filters, NULL, v, true))
            continue;
        struct row *r = row_for(&rows, dims, NULL, v, true);
        ADD_DISTINCT(r->entered, r->entered_count, (int)i);
    }
    json_t *result = json_object();
    for (i = 0; i < rows.count; i++) {
        struct row *r = &rows.list[i];
        if (asks_events ? r->from_events : (r->entered_count > 0 || json_array_size(dims) == 0)) {
            json_t *values = json_array();
            size_t k;
            json_array_foreach ((json_t *)(uintptr_t)metrics, k, item) {
                const char *w = json_string_value(item);
                json_t *measured = measure(r, w);
                if (measured) {
                    json_array_append_new(values, measured);
                    continue;
                }
                double d =
                    strcmp(w, "visitors") == 0    ? (double)r->visitor_count
                    : strcmp(w, "pageviews") == 0 ? (double)r->pageviews
                    : strcmp(w, "events") == 0    ? (double)r->events
                    : strcmp(w, "visits") == 0
                        ? (double)(of_events ? r->visit_count : r->entered_count)
                    : strcmp(w, "percentage") == 0
                        ? (everyone_count
                               ? round((double)r->visitor_count * 1000 / (double)everyone_count) /
                                     10
                               : 0)
                        : ratio(m, r, w);
                json_array_append_new(values, json_real(d));
            }
            json_object_set_new(result, r->key, values);
        }
        free(r->visitors);
        free(r->visits);
        free(r->entered);
        free(r->reads);
    }
    free(rows.list);
    free(everyone);
    return result;
}
