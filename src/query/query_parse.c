#include "query_parts.h"

const struct dim_info dim_infos[DIMS] = {
#define DIMENSION(ID, word, SCOPE, column, empty) {word, SCOPE_##SCOPE, column, empty},
#include "query_words.def"
#undef DIMENSION
};

const char *const metric_words[METRICS] = {
#define METRIC(ID, word, KIND) word,
#include "query_words.def"
#undef METRIC
};

const enum metric_kind metric_kinds[METRICS] = {
#define METRIC(ID, word, KIND) KIND_##KIND,
#include "query_words.def"
#undef METRIC
};

bool dim_from_word(struct span word, enum dim *ret) {
    for (size_t i = 0; i < DIMS; i++)
        if (span_eq(word, span_str(dim_infos[i].word))) {
            *ret = (enum dim)i;
            return true;
        }
    *ret = DIM_PROP;
    return span_starts(word, span_str(dim_infos[DIM_PROP].word));
}

enum dim query_time_dim(const struct query *q) {
    for (size_t i = 0; i < q->dim_count; i++)
        if (dim_infos[q->dims[i]].scope == SCOPE_TIME)
            return q->dims[i];
    return DIMS;
}

bool metric_from_word(struct span word, enum metric *ret) {
    for (size_t i = 0; i < METRICS; i++)
        if (span_eq(word, span_str(metric_words[i]))) {
            *ret = (enum metric)i;
            return true;
        }
    return false;
}

int query_check_keys(const json_t *object, const char *where, const char *const *known,
                     size_t count, struct err *err) {
    void *it = json_object_iter((json_t *)(uintptr_t)object);
    for (; it; it = json_object_iter_next((json_t *)(uintptr_t)object, it)) {
        bool found = false;
        for (size_t i = 0; i < count && !found; i++)
            found = strcmp(json_object_iter_key(it), known[i]) == 0;
        if (!found)
            return err_set(err, ERR_INVALID, "%s: unknown key", where);
    }
    return 0;
}

static int parse_metrics(const json_t *list, struct query *q, struct err *err) {
    if (!list)
        return err_set(err, ERR_INVALID, "metrics: is required");
    if (!json_is_array(list) || json_array_size(list) == 0)
        return err_set(err, ERR_INVALID, "metrics: must be a list of at least one");
    size_t i;
    json_t *item;
    json_array_foreach ((json_t *)(uintptr_t)list, i, item) {
        enum metric m;
        if (!json_is_string(item) || !metric_from_word(json_span(item), &m))
            return err_set(err, ERR_INVALID, "metrics: unknown metric");
        for (size_t k = 0; k < q->metric_count; k++)
            if (q->metrics[k] == m)
                return err_set(err, ERR_INVALID, "metrics: %s is listed twice", metric_words[m]);
        q->metrics[q->metric_count++] = m;
    }
    return 0;
}

/* A property is another one by another name. */
static bool is_listed(const struct query *q, enum dim d, struct span prop, size_t *ret_index) {
    for (size_t i = 0; i < q->dim_count; i++) {
        *ret_index = i;
        if (q->dims[i] == d && (d != DIM_PROP || span_eq(q->props[i].name, prop)))
            return true;
    }
    return false;
}

static int parse_dims(const json_t *list, struct arena *arena, struct query *q, struct err *err) {
    if (!list)
        return 0;
    if (!json_is_array(list))
        return err_set(err, ERR_INVALID, "dimensions: must be a list");
    if (json_array_size(list) > QUERY_MOST_DIMS)
        return err_set(err, ERR_INVALID, "dimensions: at most %d", QUERY_MOST_DIMS);
    bool timed = false;
    size_t i;
    json_t *item;
    json_array_foreach ((json_t *)(uintptr_t)list, i, item) {
        enum dim d;
        if (!json_is_string(item) || !dim_from_word(json_span(item), &d))
            return err_set(err, ERR_INVALID, "dimensions: unknown dimension");
        struct property prop = {0};
        if (d == DIM_PROP) {
            int r = prop_parse(json_span(item), "dimensions", arena, &prop, err);
            if (r < 0)
                return r;
        }
        size_t at;
        if (is_listed(q, d, prop.name, &at))
            return err_set(err, ERR_INVALID, "dimensions: %s is listed twice", dim_infos[d].word);
        if (dim_infos[d].scope == SCOPE_TIME && timed)
            return err_set(err, ERR_INVALID, "dimensions: at most one of time");
        timed |= dim_infos[d].scope == SCOPE_TIME;
        q->props[q->dim_count] = prop;
        q->dims[q->dim_count++] = d;
    }
    return 0;
}

static int parse_order_item(const json_t *item, const struct query *q, struct order *ret,
                            struct err *err) {
    if (!json_is_array(item) || json_array_size(item) != 2)
        return err_set(err, ERR_INVALID, "order_by: each must be [metric or dimension, direction]");
    struct span word = json_span(json_array_get(item, 0));
    struct span direction = json_span(json_array_get(item, 1));
    if (!word.ptr || !direction.ptr)
        return err_set(err, ERR_INVALID, "order_by: each must be two strings");
    struct order o = {.desc = span_eq(direction, SPAN_LIT("desc"))};
    if (!o.desc && !span_eq(direction, SPAN_LIT("asc")))
        return err_set(err, ERR_INVALID, "order_by: direction must be asc or desc");
    enum metric m;
    enum dim d;
    if (metric_from_word(word, &m)) {
        while (o.index < q->metric_count && q->metrics[o.index] != m)
            o.index++;
        if (o.index == q->metric_count)
            return err_set(err, ERR_INVALID, "order_by: %s is not among the metrics",
                           metric_words[m]);
    } else if (dim_from_word(word, &d)) {
        o.by_dim = true;
        struct span prop = span_from(word, strlen(dim_infos[DIM_PROP].word));
        if (!is_listed(q, d, prop, &o.index))
            return err_set(err, ERR_INVALID, "order_by: %s is not among the dimensions",
                           dim_infos[d].word);
    } else {
        return err_set(err, ERR_INVALID, "order_by: unknown metric or dimension");
    }
    *ret = o;
    return 0;
}

static void default_order(struct query *q) {
    for (size_t i = 0; i < q->dim_count; i++)
        if (dim_infos[q->dims[i]].scope == SCOPE_TIME)
            q->orders[q->order_count++] = (struct order){.by_dim = true, .index = i};
    q->orders[q->order_count++] = (struct order){.desc = true};
}

static int parse_order(const json_t *list, struct query *q, struct err *err) {
    if (!list || (json_is_array(list) && json_array_size(list) == 0)) {
        default_order(q);
        return 0;
    }
    if (!json_is_array(list))
        return err_set(err, ERR_INVALID, "order_by: must be a list");
    if (json_array_size(list) > ARRAY_LEN(q->orders))
        return err_set(err, ERR_INVALID, "order_by: too many");
    size_t i;
    json_t *item;
    json_array_foreach ((json_t *)(uintptr_t)list, i, item) {
        struct order o;
        int r = parse_order_item(item, q, &o, err);
        if (r < 0)
            return r;
        q->orders[q->order_count++] = o;
    }
    return 0;
}

static int parse_flag(const json_t *object, const char *key, bool *ret, struct err *err) {
    const json_t *value = json_member(object, key);
    if (value && !json_is_boolean(value))
        return err_set(err, ERR_INVALID, "include: %s must be true or false", key);
    *ret = json_is_true(value);
    return 0;
}

static int parse_include(const json_t *object, const struct zone *zone, struct query *q,
                         struct err *err) {
    static const char *const known[] = {"imports", "time_labels", "total_rows", "compare",
                                        "compare_match_day_of_week"};
    if (!object)
        return 0;
    if (!json_is_object(object))
        return err_set(err, ERR_INVALID, "include: must be an object");
    int r = query_check_keys(object, "include", known, ARRAY_LEN(known), err);
    if (r == 0)
        r = parse_flag(object, known[0], &q->imports, err);
    if (r == 0)
        r = parse_flag(object, known[1], &q->time_labels, err);
    if (r == 0)
        r = parse_flag(object, known[2], &q->total_rows, err);
    if (r == 0)
        r = parse_flag(object, known[4], &q->compare.match_weekdays, err);
    if (r == 0)
        r = compare_parse(json_member(object, known[3]), zone, &q->compare, err);
    if (r < 0 || !q->time_labels)
        return r;
    return query_time_dim(q) != DIMS
               ? 0
               : err_set(err, ERR_INVALID, "include: time_labels needs a time dimension");
}

static int parse_number(const json_t *object, const char *key, int64_t least, int64_t most,
                        int64_t *value, struct err *err) {
    const json_t *j = json_member(object, key);
    if (!j)
        return 0;
    if (!json_is_integer(j) || json_integer_value(j) < least || json_integer_value(j) > most)
        return err_set(err, ERR_INVALID, "pagination: %s must be %lld to %lld", key,
                       (long long)least, (long long)most);
    *value = json_integer_value(j);
    return 0;
}

static int parse_pagination(const json_t *object, struct query *q, struct err *err) {
    static const char *const known[] = {"limit", "offset"};
    q->limit = QUERY_MOST_LIMIT;
    if (!object)
        return 0;
    if (!json_is_object(object))
        return err_set(err, ERR_INVALID, "pagination: must be an object");
    int r = query_check_keys(object, "pagination", known, ARRAY_LEN(known), err);
    if (r == 0)
        r = parse_number(object, known[0], 1, QUERY_MOST_LIMIT, &q->limit, err);
    if (r == 0)
        r = parse_number(object, known[1], 0, QUERY_MOST_OFFSET, &q->offset, err);
    return r;
}

static bool query_names(const struct query *q, enum dim d) {
    for (size_t i = 0; i < q->dim_count; i++)
        if (q->dims[i] == d)
            return true;
    return filter_names(&q->filter, d);
}

/* Exits are told of visits, and of the pages they left by. */
static int check_exits(const struct query *q, struct err *err) {
    bool by_exit = false, of_events = filter_uses(&q->filter, SCOPE_EVENT, DIMS);
    for (size_t i = 0; i < q->dim_count; i++) {
        by_exit |= q->dims[i] == DIM_EXIT_PAGE;
        of_events |= dim_infos[q->dims[i]].scope == SCOPE_EVENT || q->dims[i] == DIM_TIME_HOUR;
    }
    if (!by_exit)
        return err_set(err, ERR_INVALID, "metrics: exit_rate needs visit:exit_page as a dimension");
    if (of_events)
        return err_set(err, ERR_INVALID,
                       "metrics: exit_rate does not go with events or hours; has_done does");
    if (!exits_are_told_apart(&q->filter))
        return err_set(err, ERR_INVALID,
                       "metrics: exit_rate needs filters on visit:exit_page beside the others");
    return 0;
}

/* Engagement is told of pages. It and web vitals are told by events that have a name of their own. */
static int check_metrics(const struct query *q, struct err *err) {
    for (size_t i = 0; i < q->metric_count; i++) {
        int failed = q->metrics[i] == METRIC_EXIT_RATE ? check_exits(q, err) : 0;
        if (failed < 0)
            return failed;
        bool is_mean = metric_kinds[q->metrics[i]] == KIND_MEAN;
        if (!is_mean && !metric_of_vitals(q->metrics[i]))
            continue;
        const char *word = metric_words[q->metrics[i]];
        if (is_mean && !query_names(q, DIM_PAGE))
            return err_set(err, ERR_INVALID,
                           "metrics: %s needs event:page as a dimension or in filters", word);
        if (query_names(q, DIM_NAME))
            return err_set(err, ERR_INVALID,
                           "metrics: %s does not go with event:name; has_done does", word);
        if (query_names(q, DIM_PROP))
            return err_set(err, ERR_INVALID,
                           "metrics: %s does not go with event:props:; has_done does", word);
    }
    return 0;
}

bool query_has_money(const struct query *q) {
    for (size_t i = 0; i < q->metric_count; i++)
        if (metric_kinds[q->metrics[i]] == KIND_MONEY)
            return true;
    return false;
}

int query_parse(const json_t *request, const struct policy *policy, int64_t now_ms,
                struct arena *arena, json_t *kept, struct query *ret, struct err *err) {
    static const char *const known[] = {"site_id",  "metrics",    "date_range",
                                        "date",     "dimensions", "filters",
                                        "order_by", "include",    "pagination"};
    if (!json_is_object(request))
        return err_set(err, ERR_INVALID, "query: must be an object");
    struct query q = {.filter = {.op = FILTER_AND},
                      .today = zone_to_local(policy->zone, now_ms).day};
    int r = query_check_keys(request, "query", known, ARRAY_LEN(known), err);
    if (r == 0)
        r = parse_metrics(json_member(request, "metrics"), &q, err);
    if (r == 0)
        r = range_parse(json_member(request, "date_range"), json_member(request, "date"),
                        policy->zone, now_ms, &q.range, err);
    if (r == 0)
        r = parse_dims(json_member(request, "dimensions"), arena, &q, err);
    const struct goal_book book = {policy, arena, kept};
    const json_t *filters = json_member(request, "filters");
    if (r == 0)
        r = filter_parse_goals(filters, &book, &q.filter, err);
    if (r == 0)
        r = goals_resolve(&book, filters, &q, err);
    if (r == 0)
        r = prop_check_profile(&q, policy->profile, err);
    if (r == 0)
        r = check_metrics(&q, err);
    if (r == 0)
        r = parse_order(json_member(request, "order_by"), &q, err);
    if (r == 0)
        r = parse_include(json_member(request, "include"), policy->zone, &q, err);
    if (r == 0)
        r = parse_pagination(json_member(request, "pagination"), &q, err);
    if (r == 0)
        r = known_check(&q, policy, err);
    if (r == 0)
        *ret = q;
    return r;
}
