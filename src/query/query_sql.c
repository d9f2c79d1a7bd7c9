/* The statement: the levels' rows added up, then metrics, order and page. */
#include "query_write.h"

/* --- adding up ----------------------------------------------------------------------------------
 */

static void put_level(const struct writer *w, enum level level) {
    if (level == LEVEL_ROLLUP) {
        put_rollup(w);
        return;
    }
    if (level == LEVEL_CELL) {
        put_cells(w);
        return;
    }
    if (w->shape->from_events)
        put_event_side(w, level);
    if (w->shape->from_events && w->shape->from_visits)
        buf_adds(w->out, " UNION ALL BY NAME ");
    if (w->shape->from_visits)
        put_visit_side(w, level);
    put_measures(w, level);
    put_exit_views(w, level);
}

static void put_quantity_sums(const struct writer *w, unsigned mask, const char *prefix) {
    if (mask & Q_VISITORS)
        buf_addf(w->out, "coalesce(sum(%svisitors), 0)::BIGINT AS %svisitors, ", prefix, prefix);
    for (size_t i = 0; i < ARRAY_LEN(quantity_words); i++)
        if (mask & quantity_words[i].bit)
            buf_addf(w->out, "coalesce(sum(%s%s), 0)::BIGINT AS %s%s, ", prefix,
                     quantity_words[i].name, prefix, quantity_words[i].name);
}

static void put_levels(const struct writer *w) {
    const char *between = "";
    for (int level = 0; level < LEVELS; level++) {
        if (!(w->reach->levels & 1U << level))
            continue;
        buf_adds(w->out, between);
        put_level(w, (enum level)level);
        between = " UNION ALL BY NAME ";
    }
}

/* With both sides, rows that only the visit side has are none. */
void put_sums_of_levels(const struct writer *w) {
    struct buf *o = w->out;
    const struct shape *s = w->shape;
    buf_adds(o, "(SELECT ");
    for (size_t i = 0; i < s->dim_count; i++) {
        if (time_is_late(s, w->q))
            put_time(o, w->q->dims[i], "d0");
        else
            buf_addf(o, "d%zu", i);
        buf_addf(o, " AS d%zu, ", i);
    }
    put_quantity_sums(w, s->from_events, "b_");
    put_quantity_sums(w, s->from_visits, "a_");
    put_measure_sums(w);
    if (s->from_measures & Q_VITALS)
        put_vital_sums(w);
    if (s->exit_views)
        buf_adds(o, "sum(x_views)::BIGINT AS x_views, ");
    buf_adds(o, "FROM (");
    if (w->period && w->period->members)
        put_members(w, put_levels);
    else
        put_levels(w);
    buf_adds(o, ")");
    if (s->dim_count > 0)
        buf_addf(o, " GROUP BY ALL HAVING %s > 0",
                 s->vitals_alone  ? "sum(v_n)"
                 : s->from_events ? "sum(b_n)"
                                  : "sum(a_visits)");
    buf_adds(o, ")");
}

/* --- metrics ------------------------------------------------------------------------------------
 */

/* Of one unit of visits, which may be a handful, rounding leaves no ratio. */
static void put_ratio(const struct writer *w, const char *value) {
    buf_adds(w->out, "CASE WHEN s.a_visits = 0 THEN 0");
    if (w->plan->output.unit > 1)
        buf_addf(w->out, " WHEN s.a_visits <= %d THEN NULL", w->plan->output.unit);
    buf_addf(w->out, " ELSE %s END", value);
}

/* Of a row that is not shown NULL, of nobody 0. */
static void put_percentage(const struct writer *w) {
    const char *row = w->shape->from_events ? "b" : "a";
    const char *total = w->plan->total.from_events ? "b" : "a";
    buf_addf(w->out,
             "CASE WHEN s.%s_visitors + t.%s_visitors IS NOT NULL THEN"
             " coalesce(round(s.%s_visitors * 1e2 / nullif(t.%s_visitors, 0), 1), 0) END",
             row, total, row, total);
}

static void put_metric(const struct writer *w, enum metric m) {
    unsigned from_events = w->shape->from_events;
    switch (m) {
    case METRIC_VISITORS:
        buf_adds(w->out, from_events & Q_VISITORS ? "s.b_visitors" : "s.a_visitors");
        break;
    case METRIC_VISITS:
        buf_adds(w->out, from_events & Q_VISITS ? "s.b_visits" : "s.a_visits");
        break;
    case METRIC_PAGEVIEWS:
        buf_adds(w->out, from_events & Q_PAGEVIEWS ? "s.b_pageviews" : "s.a_pageviews");
        break;
    case METRIC_EVENTS:
        buf_adds(w->out, from_events & Q_EVENTS ? "s.b_events" : "s.a_events");
        break;
    case METRIC_BOUNCE_RATE:
        put_ratio(w, "round(s.a_bounces * 1e2 / s.a_visits)::BIGINT");
        break;
    case METRIC_VISIT_DURATION:
        put_ratio(w, "round(s.a_duration / (s.a_visits * 1e3))::BIGINT");
        break;
    case METRIC_VIEWS_PER_VISIT:
        put_ratio(w, output_shows_all(&w->plan->output)
                         ? "round(s.a_pageviews * 1e0 / s.a_visits, 2)"
                         : "round(s.a_views * 1e0 / s.a_visits, 2)");
        break;
    case METRIC_PERCENTAGE:
        put_percentage(w);
        break;
    case METRIC_CONVERSION_RATE:
    case METRIC_GROUP_CONVERSION_RATE:
        put_conversion_rate(w, m);
        break;
    case METRIC_EXIT_RATE: /* between moments a view may lie outside */
        put_ratio(w, "CASE WHEN s.x_views > 0 THEN least(round(s.a_visits * 1e2 / s.x_views, 1),"
                     " 1e2) END");
        break;
    case METRIC_SCROLL_DEPTH:
    case METRIC_TIME_ON_PAGE:
    case METRIC_TOTAL_REVENUE:
    case METRIC_AVERAGE_REVENUE:
        put_measure(w, m);
        break;
    case METRIC_VITALS:
        buf_adds(w->out, "s.v_n");
        break;
    case METRIC_LCP:
    case METRIC_INP:
    case METRIC_CLS:
        put_vital(w, m);
        break;
    case METRIC_UNIQUE_VISITORS: /* see query_known.c */
    case METRIC_NEW_VISITORS:
    case METRIC_RETURNING_VISITORS:
    case METRICS:
        break;
    }
}

void put_rows(const struct writer *w) {
    struct buf *o = w->out;
    const struct query *q = w->asked;
    buf_adds(o, "SELECT ");
    for (size_t i = 0; i < q->dim_count; i++)
        buf_addf(o, "s.d%zu AS d%zu, ", i, i);
    for (size_t i = 0; i < q->metric_count; i++) {
        put_metric(w, q->metrics[i]);
        buf_addf(o, " AS m%zu, ", i);
    }
    if (query_has_money(q))
        put_currency(w);
    buf_adds(o, "FROM ");
    if (q->goals)
        put_shown_of_goals(w);
    else
        put_shown(w, q->dim_count);
    buf_adds(o, " s");
    if (w->plan->total.from_events || w->plan->total.from_visits) {
        struct writer total = *w;
        total.shape = &w->plan->total;
        buf_adds(o, " CROSS JOIN ");
        put_shown(&total, 0);
        buf_adds(o, " t");
    }
    put_conversions(w);
}

/* --- order and page -----------------------------------------------------------------------------
 */

static void put_order(const struct writer *w, const char *alias) {
    const struct query *q = w->asked;
    buf_adds(w->out, " ORDER BY ");
    for (size_t i = 0; i < q->order_count; i++)
        buf_addf(w->out, "%s%s%c%zu %s NULLS LAST", i ? ", " : "", alias,
                 q->orders[i].by_dim ? 'd' : 'm', q->orders[i].index,
                 q->orders[i].desc ? "DESC" : "ASC");
    for (size_t i = 0; i < q->dim_count; i++)
        buf_addf(w->out, ", %sd%zu", alias, i);
}

static void put_page(const struct writer *w) {
    put_order(w, "");
    buf_addf(w->out, " LIMIT %lld OFFSET %lld", (long long)w->asked->limit,
             (long long)w->asked->offset);
}

static void put_columns(const struct writer *w, const struct writer *other) {
    const struct query *q = w->asked;
    for (size_t i = 0; i < q->dim_count; i++)
        buf_addf(w->out, "p.d%zu, ", i);
    for (size_t i = 0; i < q->metric_count; i++)
        buf_addf(w->out, "%sp.m%zu", i ? ", " : "", i);
    const char *currency = query_has_money(q) ? "currency" : NULL;
    buf_adds(w->out, currency ? ", p.currency" : "");
    buf_adds(w->out, other ? ", o.found" : "");
    for (size_t i = 0; other && i < q->metric_count; i++)
        buf_addf(w->out, ", o.m%zu", i);
    buf_adds(w->out, other && currency ? ", o.currency" : "");
}

static void put_uncounted(const struct writer *w, const struct writer *other) {
    buf_adds(w->out, "SELECT ");
    put_columns(w, other);
    buf_adds(w->out, " FROM (SELECT * FROM (");
    put_rows(w);
    buf_adds(w->out, ")");
    put_page(w);
    buf_adds(w->out, ") p");
}

/* Rows are made once, whether they are counted or not. */
static void put_counted(const struct writer *w, const struct writer *other) {
    struct buf *o = w->out;
    buf_adds(o, "WITH j AS MATERIALIZED (");
    put_rows(w);
    buf_adds(o, ") SELECT c.kept, p.hit, ");
    put_columns(w, other);
    buf_adds(o, " FROM (SELECT count(*) AS kept FROM j) c LEFT JOIN (SELECT *, 1 AS hit FROM j");
    put_page(w);
    buf_adds(o, ") p ON true");
}

size_t filter_bind(struct filter *f, struct sql_value *params, size_t next) {
    if (filter_is_leaf(f) && f->dim == DIM_PROP) {
        params[next++] = (struct sql_value){.type = SQL_TEXT_VALUE, .text = f->prop.pointer};
        f->prop_param = next;
    }
    f->first_param = next + 1;
    for (size_t i = 0; i < f->value_count; i++)
        params[next++] = (struct sql_value){.type = SQL_TEXT_VALUE, .text = f->values[i]};
    for (size_t i = 0; i < f->child_count; i++)
        next = filter_bind(&f->children[i], params, next);
    return next;
}

static struct writer writer_of(const struct period *p, uint32_t site, struct buf *out) {
    return (struct writer){.q = &p->cells,
                           .asked = &p->q,
                           .place = p->place,
                           .plan = &p->plan,
                           .reach = &p->reach,
                           .shape = &p->plan.rows,
                           .period = p,
                           .site = site,
                           .out = out};
}

size_t filter_params(const struct filter *f) {
    size_t count = f->value_count + (filter_is_leaf(f) && f->dim == DIM_PROP);
    for (size_t i = 0; i < f->child_count; i++)
        count += filter_params(&f->children[i]);
    return count;
}

static size_t params_of_query(const struct query *q) {
    size_t count = QUERY_MOST_DIMS + filter_params(&q->filter);
    for (size_t i = 0; i < q->goal_count; i++)
        count += filter_params(&q->goals[i].filter) + 1;
    for (size_t i = 0; i < q->group_count; i++)
        count += filter_params(&q->groups[i].filter);
    return count;
}

/* Behind the first `next`; how many there are then. `named`: with the names of goals. */
static size_t bind_query(struct query *q, bool named, struct sql_value *params, size_t next) {
    next = filter_bind(&q->filter, params, next);
    for (size_t i = 0; i < q->goal_count; i++) {
        struct query_goal *g = &q->goals[i];
        if (!g->grouped) /* the engine wants each parameter to be used */
            next = filter_bind(&g->filter, params, next);
        if (!named)
            continue;
        params[next++] = (struct sql_value){.type = SQL_TEXT_VALUE, .text = g->name};
        g->name_param = next;
    }
    for (size_t i = 0; i < q->group_count; i++)
        next = filter_bind(&q->groups[i].filter, params, next);
    return next;
}

int query_bind_all(struct query *const *list, size_t count, struct arena *arena,
                   struct sql_text *ret, struct err *err) {
    size_t most = 0;
    for (size_t i = 0; i < count; i++)
        most += params_of_query(list[i]);
    struct sql_value *params = ARENA_NEW(arena, struct sql_value, most);
    if (!params)
        return err_set(err, ERR_NOMEM, "out of memory");
    ret->param_count = prop_bind_dims(list[0], params);
    for (size_t i = 0; i < count; i++)
        ret->param_count = bind_query(list[i], i == 0, params, ret->param_count);
    ret->params = params;
    return 0;
}

int query_bind(struct query *q, struct arena *arena, struct sql_text *ret, struct err *err) {
    return query_bind_all(&q, 1, arena, ret, err);
}

/* The queries of a view's sites share nothing but their words. */
static int bind_period(struct period *p, struct arena *arena, struct sql_text *ret,
                       struct err *err) {
    if (!p->members)
        return query_bind(&p->q, arena, ret, err);
    struct query **list = ARENA_NEW(arena, struct query *, p->member_count);
    if (!list)
        return err_set(err, ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < p->member_count; i++)
        list[i] = &p->members[i]->q;
    return query_bind_all(list, p->member_count, arena, ret, err);
}

int query_sql(struct period *p, const struct period *other, uint32_t site, struct arena *arena,
              struct sql_text *ret, struct err *err) {
    int r = bind_period(p, arena, ret, err);
    if (r < 0)
        return r;
    ret->counted = p->q.total_rows;
    struct writer w = writer_of(p, site, &ret->text), beside = {0};
    if (other)
        beside = writer_of(other, site, &ret->text);
    if (ret->counted)
        put_counted(&w, other ? &beside : NULL);
    else
        put_uncounted(&w, other ? &beside : NULL);
    if (other)
        put_comparison(&w, &beside);
    put_order(&w, "p.");
    return ret->text.failed ? err_set(err, ERR_NOMEM, "out of memory") : 0;
}
