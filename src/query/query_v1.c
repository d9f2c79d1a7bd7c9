#include "query_v1.h"

#include "query_parts.h"

enum { MOST_LIMIT = 1000, DEFAULT_LIMIT = 100 };

/* --- parameters ---------------------------------------------------------------------------------
 */

enum param {
    PARAM_SITE,
    PARAM_PERIOD,
    PARAM_DATE,
    PARAM_METRICS,
    PARAM_FILTERS,
    PARAM_IMPORTED,
    PARAM_COMPARE,
    PARAM_INTERVAL,
    PARAM_PROPERTY,
    PARAM_LIMIT,
    PARAM_PAGE,
    PARAMS,
};

enum { OF_ALL = 1 << V1_AGGREGATE | 1 << V1_TIMESERIES | 1 << V1_BREAKDOWN };

static const struct {
    const char *word;
    unsigned kinds;
} param_infos[PARAMS] = {
    [PARAM_SITE] = {"site_id", OF_ALL},
    [PARAM_PERIOD] = {"period", OF_ALL},
    [PARAM_DATE] = {"date", OF_ALL},
    [PARAM_METRICS] = {"metrics", OF_ALL},
    [PARAM_FILTERS] = {"filters", OF_ALL},
    [PARAM_IMPORTED] = {"with_imported", OF_ALL},
    [PARAM_COMPARE] = {"compare", 1 << V1_AGGREGATE},
    [PARAM_INTERVAL] = {"interval", 1 << V1_TIMESERIES},
    [PARAM_PROPERTY] = {"property", 1 << V1_BREAKDOWN},
    [PARAM_LIMIT] = {"limit", 1 << V1_BREAKDOWN},
    [PARAM_PAGE] = {"page", 1 << V1_BREAKDOWN},
};

/* Values by parameter; ptr NULL where there is none. */
struct asked {
    enum v1_kind kind;
    struct span values[PARAMS];
};

static int take_params(struct asked *a, const struct v1_param *params, size_t count,
                       struct err *err) {
    for (size_t i = 0; i < count; i++) {
        size_t at = 0;
        while (at < PARAMS && (!span_eq(params[i].key, span_str(param_infos[at].word)) ||
                               !(param_infos[at].kinds & 1U << a->kind)))
            at++;
        if (at == PARAMS)
            return err_set(err, ERR_INVALID, "query: unknown parameter");
        if (a->values[at].ptr)
            return err_set(err, ERR_INVALID, "%s: is given twice", param_infos[at].word);
        if (!span_is_utf8(params[i].value))
            return err_set(err, ERR_INVALID, "%s: is not UTF-8", param_infos[at].word);
        a->values[at] = params[i].value.ptr ? params[i].value : SPAN_EMPTY;
    }
    return 0;
}

static bool given(const struct asked *a, enum param p, struct span *ret) {
    *ret = a->values[p];
    return ret->ptr != NULL;
}

static bool is_word(struct span s, const char *const *words, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (span_eq(s, span_str(words[i])))
            return true;
    return false;
}

static json_t *text(struct span s) {
    return json_stringn(s.ptr, s.len);
}

static json_t *list_of(struct span commas) {
    json_t *list = json_array();
    struct span piece;
    while (span_next(&commas, ',', &piece))
        (void)json_array_append_new(list, text(span_trim(piece)));
    return list;
}

/* --- filters ------------------------------------------------------------------------------------
 */

/* Where the next of `stops` is that no backslash is before, or the end. */
static size_t find_stop(struct span s, const char *stops) {
    size_t i = 0;
    while (i < s.len && !strchr(stops, s.ptr[i]))
        i += s.ptr[i] == '\\' && i + 1 < s.len ? 2 : 1;
    return i < s.len ? i : s.len;
}

static bool has_wildcard(struct span s) {
    return find_stop(s, "*") < s.len;
}

/* The value, or a pattern that matches what its wildcards stand for. */
static json_t *value_of(struct span raw, bool as_pattern) {
    BUF_AUTO out = {0};
    buf_adds(&out, as_pattern ? "^(?s:" : "");
    for (size_t i = 0; i < raw.len; i++) {
        bool escaped = raw.ptr[i] == '\\' && i + 1 < raw.len;
        if (!escaped && as_pattern && raw.ptr[i] == '*') {
            buf_adds(&out, ".*");
            continue;
        }
        i += escaped;
        if (as_pattern && strchr("\\.+*?()|[]{}^$", raw.ptr[i]))
            buf_addc(&out, '\\');
        buf_addc(&out, raw.ptr[i]);
    }
    buf_adds(&out, as_pattern ? ")$" : "");
    return out.failed ? NULL : text(buf_span(&out));
}

/* property==value|value or property!=value */
static json_t *filter_of(struct span one) {
    size_t at = 0;
    while (at + 1 < one.len && (!strchr("=!", one.ptr[at]) || one.ptr[at + 1] != '='))
        at++;
    if (at + 1 >= one.len)
        return NULL;
    bool negated = one.ptr[at] == '!';
    struct span property = span_trim(span_head(one, at)), rest = span_from(one, at + 2);
    /* The name of a goal may have stars of its own, as that of a page has. */
    bool as_pattern = has_wildcard(rest) && !span_eq(property, SPAN_LIT("event:goal"));
    JSON_AUTO values = json_array();
    for (bool more = true; more;) {
        size_t end = find_stop(rest, "|");
        (void)json_array_append_new(values, value_of(span_head(rest, end), as_pattern));
        more = end < rest.len;
        rest = span_from(rest, end + 1);
    }
    const char *op = as_pattern ? negated ? "matches_not" : "matches" : negated ? "is_not" : "is";
    return json_pack("[s, s%, O]", op, property.ptr, property.len, values);
}

static int put_filters(const struct asked *a, json_t *query, struct err *err) {
    struct span rest;
    if (!given(a, PARAM_FILTERS, &rest) || rest.len == 0)
        return 0;
    JSON_AUTO list = json_array();
    for (bool more = true; more;) {
        size_t end = find_stop(rest, ";");
        json_t *filter = filter_of(span_trim(span_head(rest, end)));
        if (!filter)
            return err_set(err, ERR_INVALID,
                           "filters: each must be property==value or property!=value");
        (void)json_array_append_new(list, filter);
        more = end < rest.len;
        rest = span_from(rest, end + 1);
    }
    (void)json_object_set(query, "filters", list);
    return 0;
}

/* --- the query ----------------------------------------------------------------------------------
 */

static int put_period(const struct asked *a, json_t *query, struct err *err) {
    static const char *const words[] = {
#define RANGE(word, KIND, count) word,
#include "query_words.def"
#undef RANGE
    };
    struct span period, date;
    bool dated = given(a, PARAM_DATE, &date);
    if (!given(a, PARAM_PERIOD, &period))
        period = SPAN_LIT("30d");
    if (span_eq(period, SPAN_LIT("custom"))) {
        if (!dated)
            return err_set(err, ERR_INVALID, "date: a custom period needs two dates");
        (void)json_object_set_new(query, "date_range", list_of(date));
        return 0;
    }
    if (!is_word(period, words, ARRAY_LEN(words)))
        return err_set(err, ERR_INVALID, "period: unknown period");
    (void)json_object_set_new(query, "date_range", text(period));
    if (dated)
        (void)json_object_set_new(query, "date", text(date));
    return 0;
}

static int put_includes(const struct asked *a, json_t *query, struct err *err) {
    json_t *include = json_object();
    (void)json_object_set_new(query, "include", include);
    struct span value;
    if (given(a, PARAM_IMPORTED, &value)) {
        bool yes = span_eq(value, SPAN_LIT("true"));
        if (!yes && !span_eq(value, SPAN_LIT("false")))
            return err_set(err, ERR_INVALID, "with_imported: must be true or false");
        (void)json_object_set_new(include, "imports", json_boolean(yes));
    }
    if (given(a, PARAM_COMPARE, &value)) {
        if (!span_eq(value, SPAN_LIT("previous_period")))
            return err_set(err, ERR_INVALID, "compare: must be previous_period");
        (void)json_object_set_new(include, "compare", text(value));
    }
    if (a->kind == V1_TIMESERIES)
        (void)json_object_set_new(include, "time_labels", json_true());
    return 0;
}

/* Hours of a day, months of many, days of the rest. */
static int put_interval(const struct asked *a, json_t *query, struct err *err) {
    static const char *const by_month[] = {"6mo", "12mo", "year", "all"};
    static const char *const words[] = {"hour", "day", "date", "week", "month"};
    struct span interval, period;
    if (!given(a, PARAM_INTERVAL, &interval)) {
        if (!given(a, PARAM_PERIOD, &period))
            period = SPAN_EMPTY;
        interval = span_eq(period, SPAN_LIT("day"))                 ? SPAN_LIT("hour")
                   : is_word(period, by_month, ARRAY_LEN(by_month)) ? SPAN_LIT("month")
                                                                    : SPAN_LIT("day");
    }
    if (!is_word(interval, words, ARRAY_LEN(words)))
        return err_set(err, ERR_INVALID, "interval: must be hour, day, week or month");
    if (span_eq(interval, SPAN_LIT("date")))
        interval = SPAN_LIT("day");
    char dim[16];
    (void)snprintf(dim, sizeof(dim), "time:%.*s", SPAN_ARG(interval));
    (void)json_object_set_new(query, "dimensions", json_pack("[s]", dim));
    return 0;
}

static int number_of(const struct asked *a, enum param p, uint64_t most, uint64_t *value,
                     struct err *err) {
    struct span s;
    if (!given(a, p, &s))
        return 0;
    if (!span_u64(s, value) || *value < 1 || *value > most)
        return err_set(err, ERR_INVALID, "%s: must be 1 to %llu", param_infos[p].word,
                       (unsigned long long)most);
    return 0;
}

static int put_breakdown(const struct asked *a, json_t *query, struct err *err) {
    uint64_t limit = DEFAULT_LIMIT, page = 1;
    struct span property;
    if (!given(a, PARAM_PROPERTY, &property))
        return err_set(err, ERR_INVALID, "property: is required");
    if (span_starts(property, SPAN_LIT("time")))
        return err_set(err, ERR_INVALID, "property: must not be of time");
    int r = number_of(a, PARAM_LIMIT, MOST_LIMIT, &limit, err);
    if (r == 0)
        r = number_of(a, PARAM_PAGE, QUERY_MOST_OFFSET / MOST_LIMIT, &page, err);
    if (r < 0)
        return r;
    (void)json_object_set_new(query, "dimensions", json_pack("[s%]", property.ptr, property.len));
    (void)json_object_set_new(query, "pagination",
                              json_pack("{s:I, s:I}", "limit", (json_int_t)limit, "offset",
                                        (json_int_t)(page - 1) * (json_int_t)limit));
    return 0;
}

/* In v1 the rate of a row is that of its group, unless rows are goals or properties of events. */
static bool rate_is_of_group(const struct asked *a) {
    struct span property = a->values[PARAM_PROPERTY];
    return a->kind == V1_TIMESERIES ||
           (a->kind == V1_BREAKDOWN && property.ptr && !span_eq(property, SPAN_LIT("event:goal")) &&
            !span_starts(property, SPAN_LIT("event:props:")));
}

static int put_metrics(const struct asked *a, json_t *query, struct err *err) {
    struct span metrics;
    if (!given(a, PARAM_METRICS, &metrics))
        metrics = SPAN_LIT("visitors");
    JSON_AUTO list = list_of(metrics);
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct span word = json_span(json_array_get(list, i));
        if (span_eq(word, span_str(metric_words[METRIC_GROUP_CONVERSION_RATE])))
            return err_set(err, ERR_INVALID, "metrics: unknown metric");
        if (span_eq(word, span_str(metric_words[METRIC_CONVERSION_RATE])) && rate_is_of_group(a))
            (void)json_array_set_new(list, i,
                                     json_string(metric_words[METRIC_GROUP_CONVERSION_RATE]));
    }
    (void)json_object_set(query, "metrics", list);
    return 0;
}

int v1_query(enum v1_kind kind, const struct v1_param *params, size_t count, json_t **ret,
             struct err *err) {
    struct asked a = {.kind = kind};
    JSON_AUTO query = json_object();
    int r = take_params(&a, params, count, err);
    if (r == 0)
        r = put_metrics(&a, query, err);
    if (r == 0)
        r = put_period(&a, query, err);
    if (r == 0)
        r = put_filters(&a, query, err);
    if (r == 0)
        r = put_includes(&a, query, err);
    if (r == 0 && kind == V1_TIMESERIES)
        r = put_interval(&a, query, err);
    if (r == 0 && kind == V1_BREAKDOWN)
        r = put_breakdown(&a, query, err);
    if (r == 0)
        *ret = TAKE_PTR(query);
    return r;
}

void v1_rename_error(struct err *err) {
    static const struct {
        const char *key, *param;
    } names[] = {{"date_range:", "date"}, {"dimensions:", "property"}, {"include:", "date"}};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct span rest = span_str(err->text), key = span_str(names[i].key);
        if (!span_starts(rest, key))
            continue;
        char text[sizeof(err->text)];
        rest = span_from(rest, key.len);
        (void)snprintf(text, sizeof(text), "%s:%.*s", names[i].param, SPAN_ARG(rest));
        memcpy(err->text, text, sizeof(text));
        return;
    }
}

/* --- the reply ----------------------------------------------------------------------------------
 */

static const json_t *asked_metrics(const json_t *reply) {
    return json_member(json_member(reply, "query"), "metrics");
}

/* Metrics by name, of `row`; NULL: of a time without any. */
static json_t *named_metrics(const json_t *reply, const json_t *row) {
    const json_t *metrics = asked_metrics(reply);
    json_t *object = json_object();
    for (size_t i = 0; i < json_array_size(metrics); i++) {
        struct span word = json_span(json_array_get(metrics, i));
        enum metric m = METRIC_VISITORS;
        (void)metric_from_word(word, &m);
        json_t *value = row ? json_incref(json_array_get(json_member(row, "metrics"), i))
                        : metric_kinds[m] == KIND_COUNT ? json_integer(0)
                                                        : json_null();
        if (m == METRIC_GROUP_CONVERSION_RATE)
            m = METRIC_CONVERSION_RATE;
        (void)json_object_set_new(object, metric_words[m], value);
    }
    return object;
}

static json_t *aggregate(const json_t *reply) {
    const json_t *row = json_array_get(json_member(reply, "results"), 0);
    const json_t *change = json_member(json_member(row, "comparison"), "change");
    JSON_AUTO values = named_metrics(reply, row);
    json_t *object = json_object();
    const char *word;
    json_t *value;
    size_t i = 0;
    json_object_foreach (values, word, value) {
        json_t *figure = json_pack("{s:O}", "value", value);
        if (change)
            (void)json_object_set(figure, "change", json_array_get(change, i));
        (void)json_object_set_new(object, word, figure);
        i++;
    }
    return object;
}

/* A row for every label of the range; both are in order of time. */
static json_t *timeseries(const json_t *reply) {
    const json_t *labels = json_member(json_member(reply, "meta"), "time_labels");
    const json_t *rows = json_member(reply, "results");
    json_t *list = json_array();
    size_t at = 0;
    for (size_t i = 0; i < json_array_size(labels); i++) {
        json_t *label = json_array_get(labels, i);
        const json_t *row = json_array_get(rows, at);
        bool here = row && json_equal(json_array_get(json_member(row, "dimensions"), 0), label);
        at += here;
        json_t *object = named_metrics(reply, here ? row : NULL);
        (void)json_object_set(object, "date", label);
        (void)json_array_append_new(list, object);
    }
    return list;
}

/* The property without the words before it: page, source, or the name of the site's own. */
static const char *short_name(const char *property) {
    const char *own = dim_infos[DIM_PROP].word;
    if (strncmp(property, own, strlen(own)) == 0)
        return property + strlen(own);
    const char *colon = strchr(property, ':');
    return colon ? colon + 1 : property;
}

static json_t *breakdown(const json_t *reply) {
    const json_t *rows = json_member(reply, "results");
    const json_t *dims = json_member(json_member(reply, "query"), "dimensions");
    const char *property = json_string_value(json_array_get(dims, 0));
    json_t *list = json_array();
    for (size_t i = 0; property && i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        json_t *object = named_metrics(reply, row);
        (void)json_object_set(object, short_name(property),
                              json_array_get(json_member(row, "dimensions"), 0));
        (void)json_array_append_new(list, object);
    }
    return list;
}

json_t *v1_reply(enum v1_kind kind, const json_t *reply) {
    return json_pack("{s:o}", "results",
                     kind == V1_AGGREGATE    ? aggregate(reply)
                     : kind == V1_TIMESERIES ? timeseries(reply)
                                             : breakdown(reply));
}
