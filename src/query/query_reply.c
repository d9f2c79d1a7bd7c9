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

static json_t *metric_value(enum metric m, struct sql_value v, struct span currency) {
    if (metric_kinds[m] == KIND_MONEY)
        return money_json(v, currency);
    if (v.type == SQL_INT)
        return json_integer(v.i);
    return v.type == SQL_REAL ? json_real(v.d) : json_null();
}

/* Where a row's columns are; see query_sql(). */
struct columns {
    size_t dims, metrics, currency, found, other_metrics, other_currency;
};

static struct columns columns_of(const struct outcome *o) {
    const struct query *q = &o->period->q;
    struct columns c = {.dims = o->sql->counted ? 2 : 0};
    c.metrics = c.dims + q->dim_count;
    c.currency = c.metrics + q->metric_count;
    c.found = c.currency + (query_has_money(q) ? 1 : 0);
    c.other_metrics = c.found + 1;
    c.other_currency = c.other_metrics + q->metric_count;
    return c;
}

/* A list that is complete, or NULL; takes it over. */
static json_t *whole(json_t *list, size_t count) {
    if (json_array_size(list) == count)
        return list;
    json_decref(list);
    return NULL;
}

static json_t *dims_json(const struct outcome *o, size_t row, bool other) {
    const struct query *q = &o->period->q;
    json_t *list = json_array();
    for (size_t i = 0; i < q->dim_count; i++) {
        struct sql_value v = sql_result_at(o->rows, row, columns_of(o).dims + i);
        if (other && dim_infos[q->dims[i]].scope == SCOPE_TIME)
            v.i = compare_number(q, q->dims[i], v.i);
        (void)json_array_append_new(list, dim_value(q->dims[i], v));
    }
    return whole(list, q->dim_count);
}

/* What the other period has at that row; where it has no row, nothing was counted, or it is hidden,
 * which must look the same. */
static struct sql_value other_value(const struct outcome *o, size_t row, size_t metric) {
    struct columns c = columns_of(o);
    if (sql_result_at(o->rows, row, c.found).type != SQL_NULL_VALUE)
        return sql_result_at(o->rows, row, c.other_metrics + metric);
    bool zero = metric_kinds[o->period->q.metrics[metric]] <= KIND_RATIO &&
                o->other->plan.output.least == 0;
    return (struct sql_value){.type = zero ? SQL_INT : SQL_NULL_VALUE};
}

/* Of a row's sums of money; empty without any. */
static struct span currency_of(const struct outcome *o, size_t row, bool other) {
    struct columns c = columns_of(o);
    if (!query_has_money(&o->period->q))
        return SPAN_EMPTY;
    struct sql_value v = sql_result_at(o->rows, row, other ? c.other_currency : c.currency);
    return v.type == SQL_TEXT_VALUE ? v.text : SPAN_EMPTY;
}

static json_t *comparison_json(const struct outcome *o, size_t row) {
    const struct query *q = &o->period->q;
    struct span here = currency_of(o, row, false), there = currency_of(o, row, true);
    json_t *metrics = json_array(), *change = json_array();
    for (size_t i = 0; i < q->metric_count; i++) {
        struct sql_value before = other_value(o, row, i);
        struct sql_value now = sql_result_at(o->rows, row, columns_of(o).metrics + i);
        (void)json_array_append_new(metrics, metric_value(q->metrics[i], before, there));
        if (metric_kinds[q->metrics[i]] == KIND_MONEY && !span_eq(here, there))
            before.type = SQL_NULL_VALUE;
        (void)json_array_append_new(change, compare_change(q->metrics[i], before, now));
    }
    return json_pack("{s:o, s:o, s:o}", "metrics", whole(metrics, q->metric_count), "change",
                     whole(change, q->metric_count), "dimensions", dims_json(o, row, true));
}

static json_t *row_json(const struct outcome *o, size_t row) {
    const struct query *q = &o->period->q;
    json_t *metrics = json_array();
    struct span currency = currency_of(o, row, false);
    for (size_t i = 0; i < q->metric_count; i++) {
        struct sql_value v = sql_result_at(o->rows, row, columns_of(o).metrics + i);
        (void)json_array_append_new(metrics, metric_value(q->metrics[i], v, currency));
    }
    JSON_AUTO object = json_pack("{s:o, s:o}", "metrics", whole(metrics, q->metric_count),
                                 "dimensions", dims_json(o, row, false));
    if (object && o->other && !put(object, "comparison", comparison_json(o, row)))
        return NULL;
    return TAKE_PTR(object);
}

static json_t *results_json(const struct outcome *o) {
    JSON_AUTO list = json_array();
    for (size_t i = 0; i < sql_result_rows(o->rows); i++) {
        if (o->sql->counted && sql_result_at(o->rows, i, 1).type != SQL_INT)
            continue;
        if (json_array_append_new(list, row_json(o, i)) < 0)
            return NULL;
    }
    return TAKE_PTR(list);
}

/* The word of a dimension, with the name of its property. */
static json_t *word_of_dim(const struct query *q, size_t at) {
    BUF_AUTO word = {0};
    buf_adds(&word, dim_infos[q->dims[at]].word);
    if (q->dims[at] == DIM_PROP)
        buf_add(&word, q->props[at].name);
    return word.failed ? NULL : string_of(buf_span(&word));
}

static json_t *words_of_dims(const struct query *q) {
    json_t *list = json_array();
    for (size_t i = 0; i < q->dim_count; i++)
        (void)json_array_append_new(list, word_of_dim(q, i));
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
        json_t *word =
            o->by_dim ? word_of_dim(q, o->index) : json_string(metric_words[q->metrics[o->index]]);
        (void)json_array_append_new(list, json_pack("[os]", word, o->desc ? "desc" : "asc"));
    }
    return list;
}

json_t *reply_range(const struct range *r, const struct zone *zone) {
    char from[TIME_TEXT], to[TIME_TEXT];
    range_format_moment(zone, r->by_ts ? r->from_ms : zone_day_start_ms(zone, r->from_day), from);
    range_format_moment(zone, r->by_ts ? r->to_ms - 1 : zone_day_start_ms(zone, r->to_day + 1) - 1,
                        to);
    return json_pack("[ss]", from, to);
}

static bool put_includes(json_t *object, const struct query *q, const json_t *request) {
    json_t *include = json_pack("{sbsbsb}", "imports", q->imports, "time_labels", q->time_labels,
                                "total_rows", q->total_rows);
    if (!put(object, "include", include))
        return false;
    json_t *asked = json_member(json_member(request, "include"), "compare");
    return q->compare.kind == COMPARE_NONE ||
           (put(include, "compare", json_incref(asked)) &&
            put(include, "compare_match_day_of_week", json_boolean(q->compare.match_weekdays)));
}

static json_t *query_json(const struct query *q, const struct policy *policy,
                          const json_t *request) {
    JSON_AUTO object = json_object();
    json_t *filters = json_member(request, "filters");
    if (!put(object, "site_id", string_of(policy->domain)) ||
        !put(object, "metrics", words_of_metrics(q)) ||
        !put(object, "date_range", reply_range(&q->range, policy->zone)) ||
        !put(object, "filters", filters ? json_incref(filters) : json_array()) ||
        !put(object, "dimensions", words_of_dims(q)) || !put(object, "order_by", orders_json(q)) ||
        !put_includes(object, q, request) ||
        !put(object, "pagination",
             json_pack("{sIsI}", "limit", (json_int_t)q->limit, "offset", (json_int_t)q->offset)))
        return NULL;
    if (q->compare.kind != COMPARE_NONE &&
        !put(object, "comparison_date_range", reply_range(&q->compare.range, policy->zone)))
        return NULL;
    return TAKE_PTR(object);
}

static int put_labels(json_t *meta, const struct period *p, const struct zone *zone,
                      struct arena *arena, struct err *err) {
    const struct query *q = &p->q;
    enum dim dim = query_time_dim(q);
    int64_t *numbers;
    size_t count;
    int r = p->members ? view_labels(p, dim, arena, &numbers, &count, err)
                       : range_labels(&q->range, dim, zone, arena, &numbers, &count, err);
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
    return query_has_conversion(q);
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

/* What must be said of figures, by metric. */
static json_t *notes_json(const struct outcome *o) {
    const struct query *q = &o->period->q;
    json_t *notes = json_object();
    bool many_days = q->range.from_day != q->range.to_day;
    if (o->period->members && counts_people(q))
        (void)json_object_set_new(notes, "visitors",
                                  json_string(many_days ? "daily visitors of each site, added up"
                                                        : "visitors of each site, added up"));
    else if (many_days && counts_people(q))
        (void)json_object_set_new(notes, "visitors", json_string("daily visitors, added up"));
    bool mixed = false;
    for (size_t i = 0; i < sql_result_rows(o->rows); i++)
        mixed |= span_eq(currency_of(o, i, false), SPAN_LIT(CURRENCY_MIXED));
    for (size_t i = 0; mixed && i < q->metric_count; i++)
        if (metric_kinds[q->metrics[i]] == KIND_MONEY)
            (void)json_object_set_new(notes, metric_words[q->metrics[i]],
                                      json_string("null where currencies are mixed"));
    return notes;
}

bool reply_put_reach(json_t *meta, const struct reach *r) {
    return put(meta, "levels", levels_json(r)) &&
           (!r->rows_gone || put(meta, "raw_rows_from", day_json(r->raw_from_day)));
}

static bool put_other_reach(json_t *meta, const struct outcome *o) {
    json_t *other = json_object();
    struct reach r = period_reach(o->other);
    return put(meta, "comparison", other) && reply_put_reach(other, &r);
}

static int meta_json(const struct outcome *o, const struct policy *policy, struct arena *arena,
                     json_t **ret, struct err *err) {
    const struct query *q = &o->period->q;
    const struct output *rule = &o->period->plan.output;
    JSON_AUTO meta = json_object();
    bool ok = meta != NULL;
    JSON_AUTO notes = notes_json(o);
    if (json_object_size(notes) > 0)
        ok = ok && put(meta, "metric_notes", json_incref(notes));
    if (rule->unit > 1)
        ok = ok && put(meta, "rounded_to", json_integer(rule->unit));
    if (rule->least > 0)
        ok = ok && put(meta, "hidden_below", json_integer(rule->least));
    if (q->total_rows && sql_result_rows(o->rows) > 0)
        ok = ok && put(meta, "total_rows", json_integer(sql_result_at(o->rows, 0, 0).i));
    if (q->imports)
        ok = ok && put(meta, "imports_included", json_false()) &&
             put(meta, "imports_skip_reason", json_string("no_imported_data"));
    struct reach reach = period_reach(o->period);
    ok = ok && reply_put_reach(meta, &reach);
    if (o->other)
        ok = ok && put_other_reach(meta, o);
    if (!ok)
        return err_set(err, ERR_NOMEM, "out of memory");
    int r = q->time_labels ? put_labels(meta, o->period, policy->zone, arena, err) : 0;
    if (r == 0)
        *ret = TAKE_PTR(meta);
    return r;
}

static void add_parts(json_t *list, const struct period *p) {
    const struct reach *r = &p->reach;
    for (size_t i = 0; p->members && i < p->member_count; i++)
        add_parts(list, p->members[i]);
    if (p->members)
        return;
    for (size_t i = 0; i < r->part_count; i++)
        (void)json_array_append_new(list, json_integer(r->parts[i]->id));
    for (size_t i = 0; i < r->cell_part_count; i++)
        (void)json_array_append_new(list, json_integer(r->cell_parts[i]->id));
    for (size_t i = 0; i < p->within_count; i++)
        add_parts(list, &p->within[i]);
}

/* The statement holds $1 … where the query's values go, and names of our own files. */
static json_t *explain_json(const struct outcome *o) {
    json_t *parts = json_array();
    add_parts(parts, o->period);
    if (o->other)
        add_parts(parts, o->other);
    struct span sql = buf_span(&o->sql->text);
    struct reach r = period_reach(o->period);
    return json_pack("{s:o, s:o, s:s%, s:{s:f, s:f}}", "levels", levels_json(&r), "parts", parts,
                     "sql", sql.ptr, sql.len, "ms", "plan", o->plan_ms, "rows", o->rows_ms);
}

int reply_make(const struct outcome *o, const struct policy *policy, const json_t *request,
               bool explain, struct arena *arena, json_t **ret, struct err *err) {
    json_t *meta = NULL;
    int r = meta_json(o, policy, arena, &meta, err);
    if (r < 0)
        return r;
    JSON_AUTO reply = json_object();
    bool ok = put(reply, "results", results_json(o));
    ok = put(reply, "meta", meta) && ok;
    ok = ok && put(reply, "query", query_json(&o->period->q, policy, request));
    if (explain)
        ok = ok && put(reply, "explain", explain_json(o));
    if (!ok)
        return err_set(err, ERR_NOMEM, "out of memory");
    *ret = TAKE_PTR(reply);
    return 0;
}
