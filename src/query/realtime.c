#include "realtime.h"

#include "query_parts.h"

enum { MINUTE_MS = 60000 };

/* What the rows of the statement are about, in the order of its columns: about, at, name, visitors,
 * pageviews. */
enum about {
    ABOUT_ALL,
    ABOUT_NOW,
    ABOUT_MINUTE, /* at: which, 0 is the oldest */
    ABOUT_PAGE,   /* of this and the next two a row each */
    ABOUT_SOURCE,
    ABOUT_COUNTRY,
    ABOUTS,
};

static const struct list {
    const char *key, *column;
    enum dim dim;
    bool of_views; /* counts who viewed, and views */
} lists[ABOUTS] = {
    [ABOUT_PAGE] = {"pages", "page", DIM_PAGE, true},
    [ABOUT_SOURCE] = {"sources", "source", DIM_SOURCE, false},
    [ABOUT_COUNTRY] = {"countries", "country", DIM_COUNTRY, false},
};

struct window {
    uint32_t site;
    int64_t from_ms, current_ms; /* the first minute; since when who was seen is there now */
    int32_t from_day, to_day;    /* local dates */
    struct output all, lists;    /* an attribute beside half an hour is crossed */
};

static struct window window_at(const struct policy *policy, int64_t now_ms) {
    struct window w = {.site = policy->site};
    struct query q = {.range.by_ts = true};
    w.all = output_rule(&q, policy->profile);
    q.dims[q.dim_count++] = DIM_PAGE;
    w.lists = output_rule(&q, policy->profile);
    w.from_ms = now_ms - now_ms % MINUTE_MS - (REALTIME_MINUTES - 1) * (int64_t)MINUTE_MS;
    w.current_ms = now_ms - now_ms % 1000 - REALTIME_CURRENT_SEC * 1000LL;
    w.from_day = zone_to_local(policy->zone, w.from_ms).day;
    w.to_day = zone_to_local(policy->zone, now_ms).day;
    return w;
}

/* --- the statement ------------------------------------------------------------------------------
 */

/* A visit's states are rows of before and after; those that brought it here are as new as their
 * event (seen_ms), so that older rows need not be looked at. */
static void put_hot(struct buf *o, const struct window *w) {
    buf_addf(o,
             "SELECT e.ts_ms, e.visitor AS who, e.kind, p.value AS page, s.value AS source,"
             " c.value AS country FROM (SELECT ts_ms, visitor, kind, page, visit FROM event_row"
             " WHERE site = %u AND day BETWEEN %d AND %d AND kind < 2 AND ts_ms >= %lld) e"
             " JOIN (SELECT visit, source, country FROM visit_row WHERE site = %u"
             " AND day BETWEEN %d AND %d AND seen_ms >= %lld GROUP BY ALL HAVING sum(sign) > 0) v"
             " ON v.visit = e.visit JOIN word p ON p.code = e.page JOIN word s ON s.code = v.source"
             " JOIN word c ON c.code = v.country",
             w->site, w->from_day, w->to_day, (long long)w->from_ms, w->site, w->from_day,
             w->to_day, (long long)w->from_ms);
}

static void put_path(struct buf *o, const char *path) {
    for (const char *p = path; *p; p++) {
        if (*p == '\'')
            buf_addc(o, '\'');
        buf_addc(o, *p);
    }
}

/* What the window begins with when midnight has passed within it. */
static void put_sealed(struct buf *o, const struct window *w, const struct store_view *view) {
    size_t count;
    const struct sealed_part *parts = store_view_parts(view, &count);
    for (size_t i = 0; w->from_day < w->to_day && i < count; i++) {
        const struct sealed_part *p = &parts[i];
        if (p->site != w->site || !p->event_path || p->to_day < w->from_day ||
            p->from_day > w->to_day)
            continue;
        buf_adds(o, " UNION ALL SELECT ts_sec * 1000, (day * 4294967296 + person)::UBIGINT, kind,"
                    " page, source, country FROM read_parquet('");
        put_path(o, p->event_path);
        buf_addf(o, "') WHERE day BETWEEN %d AND %d AND kind < 2 AND ts_sec >= %lld", w->from_day,
                 w->to_day, (long long)(w->from_ms / 1000));
    }
}

/* "figure AS name"; of few visitors 0. */
static void put_figure(struct buf *o, const struct output *rule, const char *figure,
                       const char *name) {
    if (rule->least > 0)
        buf_addf(o, "CASE WHEN count(DISTINCT who) < %d THEN 0 ELSE ", rule->least);
    output_put_rounded(rule, o, figure);
    buf_addf(o, "%s AS %s", rule->least > 0 ? " END" : "", name);
}

static void put_figures(struct buf *o, const struct output *rule) {
    put_figure(o, rule, "count(DISTINCT who)", "visitors");
    buf_adds(o, ", ");
    put_figure(o, rule, "count(*) FILTER (kind = 0)", "pageviews");
}

static void put_lists(struct buf *o, const struct window *w) {
    for (size_t i = ABOUT_PAGE; i < ABOUTS; i++) {
        buf_addf(o, ", %s AS MATERIALIZED (SELECT %s AS name, ", lists[i].key, lists[i].column);
        put_figures(o, &w->lists);
        buf_addf(o, " FROM seen%s GROUP BY 1)", lists[i].of_views ? " WHERE kind = 0" : "");
    }
}

static void put_list_rows(struct buf *o) {
    for (size_t i = ABOUT_PAGE; i < ABOUTS; i++)
        buf_addf(o,
                 " UNION ALL (SELECT %zu, 0, name, visitors, pageviews FROM %s WHERE visitors > 0"
                 " ORDER BY visitors DESC, pageviews DESC, name LIMIT %d)",
                 i, lists[i].key, REALTIME_MOST_ROWS);
}

static void put_statement(struct buf *o, const struct window *w, const struct store_view *view) {
    buf_adds(o, "WITH seen AS MATERIALIZED (");
    put_hot(o, w);
    put_sealed(o, w, view);
    buf_adds(o, ")");
    put_lists(o, w);
    buf_addf(o, " SELECT %d AS about, 0 AS slot, '' AS name, ", ABOUT_ALL);
    put_figures(o, &w->all);
    buf_addf(o, " FROM seen UNION ALL SELECT %d, 0, '', ", ABOUT_NOW);
    put_figures(o, &w->all);
    buf_addf(
        o, " FROM seen WHERE ts_ms >= %lld UNION ALL SELECT %d, (ts_ms - %lld) // %d AS slot, '', ",
        (long long)w->current_ms, ABOUT_MINUTE, (long long)w->from_ms, MINUTE_MS);
    put_figures(o, &w->all);
    buf_adds(o, " FROM seen GROUP BY slot");
    put_list_rows(o);
    buf_adds(o, " ORDER BY about, slot, visitors DESC, pageviews DESC, name");
}

/* --- the reply ----------------------------------------------------------------------------------
 */

struct figures {
    int64_t visitors, pageviews;
};

struct realtime {
    struct figures all, now, minutes[REALTIME_MINUTES];
    json_t *lists[ABOUTS];
};

static void realtime_releasep(struct realtime *r) {
    for (size_t i = 0; i < ABOUTS; i++)
        json_decref(r->lists[i]);
}

static json_t *row_json(const struct list *l, struct span name, struct figures f) {
    if (name.len == 0)
        name = span_str(dim_infos[l->dim].empty);
    json_t *text = json_stringn(name.ptr, name.len);
    json_t *row = json_pack("{s:o, s:I}", "name", text ? text : json_string("\xef\xbf\xbd"),
                            "visitors", (json_int_t)f.visitors);
    if (l->of_views)
        (void)json_object_set_new(row, "pageviews", json_integer(f.pageviews));
    return row;
}

static int take_row(const struct sql_result *rows, size_t i, struct realtime *r) {
    size_t about = (size_t)sql_result_at(rows, i, 0).i;
    int64_t at = sql_result_at(rows, i, 1).i;
    struct figures f = {sql_result_at(rows, i, 3).i, sql_result_at(rows, i, 4).i};
    if (about == ABOUT_ALL)
        r->all = f;
    else if (about == ABOUT_NOW)
        r->now = f;
    else if (about == ABOUT_MINUTE && at < REALTIME_MINUTES)
        r->minutes[at] = f;
    else if (about >= ABOUT_PAGE)
        return json_array_append_new(r->lists[about],
                                     row_json(&lists[about], sql_result_at(rows, i, 2).text, f));
    return 0;
}

static json_t *minutes_json(const struct realtime *r) {
    json_t *visitors = json_array(), *pageviews = json_array();
    for (size_t i = 0; i < REALTIME_MINUTES; i++) {
        (void)json_array_append_new(visitors, json_integer(r->minutes[i].visitors));
        (void)json_array_append_new(pageviews, json_integer(r->minutes[i].pageviews));
    }
    return json_pack("{s:o, s:o}", "visitors", visitors, "pageviews", pageviews);
}

static json_t *meta_json(const struct window *w) {
    json_t *meta = json_object();
    if (w->lists.unit > 1)
        (void)json_object_set_new(meta, "rounded_to", json_integer(w->lists.unit));
    if (w->lists.least > 0)
        (void)json_object_set_new(meta, "hidden_below", json_integer(w->lists.least));
    return meta;
}

static int make_reply(const struct window *w, const struct sql_result *rows, json_t **ret,
                      struct err *err) {
    CLEANUP(realtime_releasep) struct realtime r = {0};
    int failed = 0;
    for (size_t i = ABOUT_PAGE; i < ABOUTS; i++)
        r.lists[i] = json_array();
    for (size_t i = 0; i < sql_result_rows(rows); i++)
        failed |= take_row(rows, i, &r);
    JSON_AUTO reply =
        json_pack("{s:I, s:I, s:I, s:o}", "current_visitors", (json_int_t)r.now.visitors,
                  "visitors", (json_int_t)r.all.visitors, "pageviews", (json_int_t)r.all.pageviews,
                  "minutes", minutes_json(&r));
    for (size_t i = ABOUT_PAGE; i < ABOUTS; i++)
        failed |= json_object_set(reply, lists[i].key, r.lists[i]);
    failed |= json_object_set_new(reply, "meta", meta_json(w));
    if (failed)
        return err_set(err, ERR_NOMEM, "out of memory");
    *ret = TAKE_PTR(reply);
    return 0;
}

int realtime_run(const struct query_env *env, const struct policy *policy, json_t **ret,
                 struct err *err) {
    struct window w = window_at(policy, clock_wall_ms(env->clock));
    CLEANUP(store_view_closep) struct store_view *view = NULL;
    CLEANUP(sql_result_freep) struct sql_result *rows = NULL;
    BUF_AUTO sql = {0};
    struct err why = {0};
    int rc = store_view_open(env->store, &view, &why);
    if (rc < 0)
        return err_set(err, rc, "the query could not be run: %s", err_word(rc));
    put_statement(&sql, &w, view);
    const char *text = buf_cstr(&sql);
    if (!text)
        return err_set(err, ERR_NOMEM, "out of memory");
    rc = store_view_select(view, text, NULL, 0, env->timeout_ms, &rows, &why);
    if (rc < 0)
        return err_set(err, rc == ERR_INVALID ? ERR_UNSUPPORTED : rc,
                       "the query could not be run: %s", err_word(rc));
    return make_reply(&w, rows, ret, err);
}
