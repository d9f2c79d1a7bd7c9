/* Rows into the JSON reply. */
#include "civil.h"
#include "query_parts.h"

/* Takes over both; false when either is NULL or memory runs out. */
static bool put(json_t *object, const char *key, json_t *value) {
    return value && json_object_set_new(object, key, value) == 0;
}

static json_t *string_of(struct span s) {
    json_t *j = json_stringn(s.ptr, s.len);
    return j ? j : json_string("\xef\xbf\xbd");
}

static json_t *dim_value(enum dim d, struct sql_value v) {
    if (dim_infos[d].scope == SCOPE_TIME) {
        char text[TIME_TEXT];
        range_format(d, v.i, text);
        return json_string(text);
    }
    if (v.type != SQL_TEXT_VALUE || v.text.len == 0)
        return json_string(dim_infos[d].empty);
    return string_of(v.text);
}

static json_t *metric_value(struct sql_value v) {
    if (v.type == SQL_INT)
        return json_integer(v.i);
    return v.type == SQL_REAL ? json_real(v.d) : json_null();
}

static json_t *row_json(const struct query *q, const struct sql_result *rows, size_t row,
                        size_t skip) {
    JSON_AUTO metrics = json_array();
    JSON_AUTO dims = json_array();
    for (size_t i = 0; i < q->dim_count; i++)
        if (json_array_append_new(dims, dim_value(q->dims[i], sql_result_at(rows, row, skip + i))) <
            0)
            return NULL;
    for (size_t i = 0; i < q->metric_count; i++)
        if (json_array_append_new(
                metrics, metric_value(sql_result_at(rows, row, skip + q->dim_count + i))) < 0)
            return NULL;
    json_t *row_object = json_object();
    if (!row_object || json_object_set(row_object, "metrics", metrics) < 0 ||
        json_object_set(row_object, "dimensions", dims) < 0) {
        json_decref(row_object);
        return NULL;
    }
    return row_object;
}

static json_t *results_json(const struct query *q, const struct sql_result *rows, bool counted) {
    JSON_AUTO list = json_array();
    for (size_t i = 0; i < sql_result_rows(rows); i++) {
        if (counted && sql_result_at(rows, i, 2).type != SQL_INT)
            continue;
        if (json_array_append_new(list, row_json(q, rows, i, counted ? 3 : 0)) < 0)
            return NULL;
    }
    return TAKE_PTR(list);
}

static json_t *words_of_dims(const struct query *q) {
    json_t *list = json_array();
    for (size_t i = 0; i < q->dim_count; i++)
        (void)json_array_append_new(list, json_string(dim_infos[q->dims[i]].word));
    return list;
}

static json_t *words_of_metrics(const struct query *q) {
    json_t *list = json_array();
    for (size_t i = 0; i < q->metric_count; i++)
        (void)json_array_append_new(list, json_string(metric_words[q->metrics[i]]));
    return list;
}

static json_t *orders_json(const struct query *q) {
    json_t *list = json_array();
    for (size_t i = 0; i < q->order_count; i++) {
        const struct order *o = &q->orders[i];
        (void)json_array_append_new(list, json_pack("[ss]",
                                                    o->by_dim ? dim_infos[q->dims[o->index]].word
                                                              : metric_words[q->metrics[o->index]],
                                                    o->desc ? "desc" : "asc"));
    }
    return list;
}

static json_t *range_json(const struct range *r, const struct zone *zone) {
    char from[TIME_TEXT], to[TIME_TEXT];
    range_format_moment(zone, r->by_ts ? r->from_ms : zone_day_start_ms(zone, r->from_day), from);
    range_format_moment(zone, r->by_ts ? r->to_ms - 1 : zone_day_start_ms(zone, r->to_day + 1) - 1,
                        to);
    return json_pack("[ss]", from, to);
}

static json_t *query_json(const struct query *q, const struct policy *policy,
                          const json_t *request) {
    JSON_AUTO object = json_object();
    json_t *filters = json_member(request, "filters");
    if (!put(object, "site_id", string_of(policy->domain)) ||
        !put(object, "metrics", words_of_metrics(q)) ||
        !put(object, "date_range", range_json(&q->range, policy->zone)) ||
        !put(object, "filters", filters ? json_incref(filters) : json_array()) ||
        !put(object, "dimensions", words_of_dims(q)) || !put(object, "order_by", orders_json(q)) ||
        !put(object, "include",
             json_pack("{sbsbsb}", "imports", q->imports, "time_labels", q->time_labels,
                       "total_rows", q->total_rows)) ||
        !put(object, "pagination",
             json_pack("{sIsI}", "limit", (json_int_t)q->limit, "offset", (json_int_t)q->offset)))
        return NULL;
    return TAKE_PTR(object);
}

static int put_labels(json_t *meta, const struct query *q, const struct zone *zone,
                      struct arena *arena, struct err *err) {
    enum dim dim = DIM_TIME_DAY;
    for (size_t i = 0; i < q->dim_count; i++)
        if (dim_infos[q->dims[i]].scope == SCOPE_TIME)
            dim = q->dims[i];
    int64_t *numbers;
    size_t count;
    int r = range_labels(&q->range, dim, zone, arena, &numbers, &count, err);
    if (r < 0)
        return r;
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        char text[TIME_TEXT];
        range_format(dim, numbers[i], text);
        (void)json_array_append_new(list, json_string(text));
    }
    return put(meta, "time_labels", list) ? 0 : err_set(err, ERR_NOMEM, "out of memory");
}

static bool counts_people(const struct query *q) {
    for (size_t i = 0; i < q->metric_count; i++)
        if (q->metrics[i] == METRIC_VISITORS || q->metrics[i] == METRIC_PERCENTAGE)
            return true;
    return false;
}

static json_t *levels_json(const struct reach *r) {
    json_t *list = json_array();
    for (size_t i = 0; i < LEVELS; i++)
        if (r->levels & 1U << i)
            (void)json_array_append_new(list, json_string(level_words[i]));
    return list;
}

static json_t *day_json(int32_t day) {
    char text[CIVIL_TEXT];
    civil_format(day, text);
    return json_string(text);
}

static int meta_json(const struct outcome *o, const struct policy *policy, struct arena *arena,
                     json_t **ret, struct err *err) {
    const struct query *q = o->q;
    JSON_AUTO meta = json_object();
    bool ok = meta != NULL;
    if (q->range.from_day != q->range.to_day && counts_people(q))
        ok = ok &&
             put(meta, "metric_notes", json_pack("{ss}", "visitors", "daily visitors, added up"));
    if (o->plan->round_counts)
        ok = ok && put(meta, "rounded_to", json_integer(10));
    if (q->total_rows && sql_result_rows(o->rows) > 0)
        ok = ok && put(meta, "total_rows", json_integer(sql_result_at(o->rows, 0, 0).i));
    if (o->plan->fold && sql_result_rows(o->rows) > 0)
        ok = ok && put(meta, "folded_rows", json_integer(sql_result_at(o->rows, 0, 1).i));
    if (q->imports)
        ok = ok && put(meta, "imports_included", json_false());
    ok = ok && put(meta, "levels", levels_json(o->reach));
    if (o->reach->rows_gone)
        ok = ok && put(meta, "raw_rows_from", day_json(o->reach->raw_from_day));
    if (!ok)
        return err_set(err, ERR_NOMEM, "out of memory");
    int r = q->time_labels ? put_labels(meta, q, policy->zone, arena, err) : 0;
    if (r == 0)
        *ret = TAKE_PTR(meta);
    return r;
}

/* The statement holds $1 … where the query's values go, and names of our own files. */
static json_t *explain_json(const struct outcome *o) {
    json_t *parts = json_array();
    for (size_t i = 0; i < o->reach->part_count; i++)
        (void)json_array_append_new(parts, json_integer(o->reach->parts[i]->id));
    for (size_t i = 0; i < o->reach->cell_part_count; i++)
        (void)json_array_append_new(parts, json_integer(o->reach->cell_parts[i]->id));
    struct span sql = buf_span(&o->sql->text);
    return json_pack("{s:o, s:o, s:s%, s:{s:f, s:f}}", "levels", levels_json(o->reach), "parts",
                     parts, "sql", sql.ptr, sql.len, "ms", "plan", o->plan_ms, "rows", o->rows_ms);
}

int reply_make(const struct outcome *o, const struct policy *policy, const json_t *request,
               bool explain, struct arena *arena, json_t **ret, struct err *err) {
    json_t *meta = NULL;
    int r = meta_json(o, policy, arena, &meta, err);
    if (r < 0)
        return r;
    JSON_AUTO reply = json_object();
    bool ok = put(reply, "results", results_json(o->q, o->rows, o->sql->counted));
    ok = put(reply, "meta", meta) && ok;
    ok = ok && put(reply, "query", query_json(o->q, policy, request));
    if (explain)
        ok = ok && put(reply, "explain", explain_json(o));
    if (!ok)
        return err_set(err, ERR_NOMEM, "out of memory");
    *ret = TAKE_PTR(reply);
    return 0;
}
