#include "query_parts.h"

/* Where a part of the statement takes its columns from. */
enum side {
    SIDE_EVENT, /* rows of event e; attributes of the visit from v */
    SIDE_VISIT, /* rows of visit v alone; a page is the page it entered by */
    SIDE_BOTH,  /* visits v that have an event e; a page is the page it entered by */
};

struct writer {
    const struct query *q;
    const struct plan *plan;
    struct buf *out;
    size_t dim_count; /* 0 while the part for the total is written */
};

/* How a quantity is summed: over signed rows, and over rows that were summed already. */
static const struct {
    enum quantity bit;
    const char *name;
    const char *of_visits;
} quantities[] = {
    {Q_VISITS, "visits", "sum(sign)"},
    {Q_PAGEVIEWS, "pageviews", "sum(sign * pageviews::BIGINT)"},
    {Q_EVENTS, "events", "sum(sign * events::BIGINT)"},
    {Q_BOUNCES, "bounces", "sum(sign * bounce)"},
    {Q_DURATION, "duration", "sum(sign * duration_ms)"},
};

static void put_time(struct buf *o, enum dim d, const char *alias) {
    if (d == DIM_TIME_HOUR)
        buf_addf(o, "%s.day::BIGINT * 24 + %s.hour", alias, alias);
    else if (d == DIM_TIME_WEEK)
        buf_addf(o, "%s.day - (%s.day + 3) %% 7", alias, alias);
    else if (d == DIM_TIME_MONTH)
        buf_addf(o, "date_trunc('month', DATE '1970-01-01' + %s.day)::DATE - DATE '1970-01-01'",
                 alias);
    else
        buf_addf(o, "%s.day", alias);
}

static void put_column(struct buf *o, enum dim d, enum side side) {
    const struct dim_info *info = &dim_infos[d];
    if (info->scope == SCOPE_TIME)
        put_time(o, d, side == SIDE_EVENT ? "e" : "v");
    else if (d == DIM_PAGE && side != SIDE_EVENT)
        buf_adds(o, "v.entry_page");
    else if (d == DIM_NAME)
        buf_adds(o, "(CASE e.kind WHEN 0 THEN 'pageview' ELSE e.name END)");
    else
        buf_addf(o, "%s.%s", info->scope == SCOPE_EVENT ? "e" : "v", info->column);
}

static void put_leaf(struct buf *o, const struct filter *f, enum side side) {
    const char *open = f->fold_case ? "lower(" : "", *close = f->fold_case ? ")" : "";
    if (f->op == FILTER_IS) {
        buf_adds(o, open);
        put_column(o, f->dim, side);
        buf_addf(o, "%s IN (", close);
        for (size_t i = 0; i < f->value_count; i++)
            buf_addf(o, "%s%s$%zu%s", i ? ", " : "", open, f->first_param + i, close);
        buf_adds(o, ")");
        return;
    }
    for (size_t i = 0; i < f->value_count; i++) {
        buf_addf(o, "%scontains(%s", i ? " OR " : "", open);
        put_column(o, f->dim, side);
        buf_addf(o, "%s, %s$%zu%s)", close, open, f->first_param + i, close);
    }
}

static void put_filter(struct buf *o, const struct filter *f, enum side side) {
    buf_adds(o, f->op == FILTER_NOT ? "(NOT " : "(");
    if (f->op == FILTER_IS || f->op == FILTER_CONTAINS)
        put_leaf(o, f, side);
    for (size_t i = 0; i < f->child_count; i++) {
        if (i > 0)
            buf_adds(o, f->op == FILTER_OR ? " OR " : " AND ");
        put_filter(o, &f->children[i], side);
    }
    buf_adds(o, ")");
}

/* Parameters 1 to 5 are always site, days, moments, in this order. */
static void put_days(struct buf *o, const char *prefix) {
    buf_addf(o, "%ssite = $1::UINTEGER AND %sday BETWEEN $2::INTEGER AND $3::INTEGER", prefix,
             prefix);
}

static void put_where(const struct writer *w, enum side side) {
    struct buf *o = w->out;
    buf_adds(o, " WHERE ");
    if (side != SIDE_VISIT)
        put_days(o, "e.");
    if (side == SIDE_VISIT)
        put_days(o, "v.");
    buf_adds(o, side == SIDE_VISIT ? " AND v.events > 0" : " AND e.kind < 2");
    if (w->q->range.by_ts && side != SIDE_VISIT)
        buf_adds(o, " AND e.ts_ms >= $4::BIGINT AND e.ts_ms < $5::BIGINT");
    if (w->q->range.by_ts && side != SIDE_EVENT)
        buf_adds(o, " AND v.start_ms >= $4::BIGINT AND v.start_ms < $5::BIGINT");
    if (w->q->filter.child_count > 0) {
        buf_adds(o, " AND ");
        put_filter(o, &w->q->filter, side);
    }
}

static void mark_dim(bool *needed, enum dim d, enum side side) {
    if (d == DIM_PAGE && side == SIDE_BOTH)
        d = DIM_ENTRY_PAGE;
    if (dim_infos[d].scope == SCOPE_VISIT)
        needed[d] = true;
}

static void mark_filter(bool *needed, const struct filter *f, enum side side) {
    if (f->op == FILTER_IS || f->op == FILTER_CONTAINS)
        mark_dim(needed, f->dim, side);
    for (size_t i = 0; i < f->child_count; i++)
        mark_filter(needed, &f->children[i], side);
}

/* The state each visit has now: one row a visit, with the attributes this side needs. */
static void put_net_visits(const struct writer *w, enum side side) {
    struct buf *o = w->out;
    bool needed[DIMS] = {0};
    mark_filter(needed, &w->q->filter, side);
    for (size_t i = 0; i < w->dim_count; i++)
        mark_dim(needed, w->q->dims[i], side);
    buf_adds(o, "(SELECT visit");
    if (side == SIDE_BOTH)
        buf_adds(o, ", day, hour, start_ms");
    for (size_t d = 0; d < DIMS; d++)
        if (needed[d])
            buf_addf(o, ", %s", dim_infos[d].column);
    for (size_t i = 0; side == SIDE_BOTH && i < ARRAY_LEN(quantities); i++)
        if (w->plan->from_visits & quantities[i].bit && quantities[i].bit != Q_VISITS)
            buf_addf(o, ", %s AS %s", quantities[i].of_visits, quantities[i].name);
    buf_adds(o, " FROM visit WHERE ");
    put_days(o, "");
    buf_adds(o, " AND events > 0 GROUP BY ALL HAVING sum(sign) > 0) v");
}

static void put_dims(const struct writer *w, enum side side) {
    for (size_t i = 0; i < w->dim_count; i++) {
        put_column(w->out, w->q->dims[i], side);
        buf_addf(w->out, " AS d%zu, ", i);
    }
}

static void put_dim_names(const struct writer *w) {
    for (size_t i = 0; i < w->dim_count; i++)
        buf_addf(w->out, "d%zu, ", i);
}

/* Sums of what the inner level has, for all of `mask` but `but`. */
static void put_sums(struct buf *o, unsigned mask, unsigned but) {
    for (size_t i = 0; i < ARRAY_LEN(quantities); i++)
        if (mask & ~but & quantities[i].bit)
            buf_addf(o, "coalesce(sum(%s), 0)::BIGINT AS %s, ", quantities[i].name,
                     quantities[i].name);
}

/* Every list of columns ends with this one, so that each item before it may end with a comma. */
static const char last_column[] = "count(*) AS n";

/* Whether the part looks at what changes while a visit lasts. */
static bool looks_at_changing(const struct writer *w) {
    bool needed[DIMS] = {0};
    mark_filter(needed, &w->q->filter, SIDE_BOTH);
    for (size_t i = 0; i < w->dim_count; i++)
        mark_dim(needed, w->q->dims[i], SIDE_BOTH);
    return needed[DIM_ENTRY_PAGE] || needed[DIM_EXIT_PAGE];
}

/* Every state that came has the attributes the visit still has, so whoever came once is there. */
static void put_plain_visit_sums(const struct writer *w) {
    struct buf *o = w->out;
    unsigned mask = w->plan->from_visits;
    buf_adds(o, "(SELECT ");
    put_dims(w, SIDE_VISIT);
    if (mask & Q_VISITORS)
        buf_adds(o, "count(DISTINCT v.visitor) FILTER (v.sign = 1) AS visitors, ");
    for (size_t i = 0; i < ARRAY_LEN(quantities); i++)
        if (mask & quantities[i].bit)
            buf_addf(o, "coalesce(%s, 0)::BIGINT AS %s, ", quantities[i].of_visits,
                     quantities[i].name);
    buf_addf(o, "%s FROM visit v", last_column);
    put_where(w, SIDE_VISIT);
    buf_adds(o, " GROUP BY ALL");
    if (w->dim_count > 0)
        buf_adds(o, " HAVING sum(sign) > 0");
    buf_adds(o, ")");
}

/* Signed rows are summed per visitor first: a visitor whose states at a value cancel out is not
 * there. */
static void put_changing_visit_sums(const struct writer *w) {
    struct buf *o = w->out;
    unsigned mask = w->plan->from_visits;
    bool visitors = mask & Q_VISITORS;
    buf_adds(o, "(SELECT ");
    put_dim_names(w);
    put_sums(o, mask | Q_VISITS, 0);
    buf_addf(o, "%s%s FROM (SELECT ", visitors ? "count(*) FILTER (visits > 0) AS visitors, " : "",
             last_column);
    put_dims(w, SIDE_VISIT);
    if (visitors)
        buf_adds(o, "v.visitor, ");
    for (size_t i = 0; i < ARRAY_LEN(quantities); i++)
        if ((mask | Q_VISITS) & quantities[i].bit)
            buf_addf(o, "%s AS %s, ", quantities[i].of_visits, quantities[i].name);
    buf_addf(o, "%s FROM visit v", last_column);
    put_where(w, SIDE_VISIT);
    buf_adds(o, " GROUP BY ALL) GROUP BY ALL");
    if (w->dim_count > 0)
        buf_adds(o, " HAVING sum(visits) > 0");
    buf_adds(o, ")");
}

/* The same for visits chosen or split by their events: each counts once a row. */
static void put_joined_visit_sums(const struct writer *w) {
    struct buf *o = w->out;
    unsigned mask = w->plan->from_visits;
    buf_adds(o, "(SELECT ");
    put_dim_names(w);
    put_sums(o, mask, Q_VISITS);
    buf_addf(o, "count(*) AS visits, %s FROM (SELECT DISTINCT ", last_column);
    put_dims(w, SIDE_BOTH);
    for (size_t i = 0; i < ARRAY_LEN(quantities); i++)
        if (mask & quantities[i].bit && quantities[i].bit != Q_VISITS)
            buf_addf(o, "v.%s, ", quantities[i].name);
    buf_adds(o, "v.visit FROM event e JOIN ");
    put_net_visits(w, SIDE_BOTH);
    buf_adds(o, " ON v.visit = e.visit");
    put_where(w, SIDE_BOTH);
    buf_adds(o, ") GROUP BY ALL)");
}

/* Distinct visitors and visits by grouping in steps: one hash table each, where two count(distinct)
 * would build them side by side with the sums in a third. */
static void put_event_sums(const struct writer *w) {
    struct buf *o = w->out;
    unsigned mask = w->plan->from_events;
    bool visitors = mask & Q_VISITORS, visits = mask & Q_VISITS;
    const char *close = "";
    buf_adds(o, "(SELECT ");
    if (visitors) {
        put_dim_names(w);
        put_sums(o, mask, 0);
        buf_addf(o, "count(*) AS visitors, %s FROM (SELECT ", last_column);
        close = ") GROUP BY ALL";
    }
    if (visits) {
        put_dim_names(w);
        put_sums(o, mask, Q_VISITS);
        buf_addf(o, "%scount(*) AS visits, %s FROM (SELECT ", visitors ? "visitor, " : "",
                 last_column);
    }
    put_dims(w, SIDE_EVENT);
    buf_addf(o, "%s%s", visitors ? "e.visitor, " : "", visits ? "e.visit, " : "");
    if (mask & Q_PAGEVIEWS)
        buf_adds(o, "count(*) FILTER (e.kind = 0) AS pageviews, ");
    if (mask & Q_EVENTS)
        buf_adds(o, "count(*) AS events, ");
    buf_addf(o, "%s FROM event e", last_column);
    if (w->plan->events_need_visits) {
        buf_adds(o, " JOIN ");
        put_net_visits(w, SIDE_EVENT);
        buf_adds(o, " ON v.visit = e.visit");
    }
    put_where(w, SIDE_EVENT);
    buf_addf(o, " GROUP BY ALL%s%s)", visits ? ") GROUP BY ALL" : "", close);
}

static void put_visit_sums(const struct writer *w) {
    if (looks_at_changing(w))
        put_changing_visit_sums(w);
    else
        put_plain_visit_sums(w);
}

static void put_visit_part(const struct writer *w) {
    if (w->plan->visits_need_events)
        put_joined_visit_sums(w);
    else
        put_visit_sums(w);
}

/* The part that says which rows there are, summed up without dimensions: all visitors. */
static void put_total_visitors(const struct writer *w, bool from_events) {
    struct plan only = *w->plan;
    only.from_events = only.from_visits = Q_VISITORS;
    struct writer total = {.q = w->q, .plan = &only, .out = w->out};
    if (from_events)
        put_event_sums(&total);
    else
        put_visit_sums(&total);
}

static void put_count(const struct writer *w, const char *part, const char *name) {
    if (w->plan->round_counts)
        buf_addf(
            w->out,
            "CASE WHEN coalesce(%s.%s, 0) = 0 THEN 0 ELSE greatest(10, (%s.%s + 5) // 10 * 10) END",
            part, name, part, name);
    else
        buf_addf(w->out, "coalesce(%s.%s, 0)", part, name);
}

/* Under the profile that rounds, a ratio over a handful of visits would tell what the rounding
 * hides. */
static void put_ratio(const struct writer *w, const char *value) {
    buf_adds(w->out, "CASE WHEN coalesce(a.visits, 0) = 0 THEN 0");
    if (w->plan->round_counts)
        buf_addf(w->out, " WHEN a.visits < %d THEN NULL", QUERY_FOLD_BELOW);
    buf_addf(w->out, " ELSE %s END", value);
}

static void put_metric(const struct writer *w, enum metric m) {
    const char *counts = w->plan->from_events ? "b" : "a";
    switch (m) {
    case METRIC_VISITORS:
        put_count(w, w->plan->from_events & Q_VISITORS ? "b" : "a", "visitors");
        break;
    case METRIC_VISITS:
        put_count(w, w->plan->from_events & Q_VISITS ? "b" : "a", "visits");
        break;
    case METRIC_PAGEVIEWS:
        put_count(w, w->plan->from_events & Q_PAGEVIEWS ? "b" : "a", "pageviews");
        break;
    case METRIC_EVENTS:
        put_count(w, w->plan->from_events & Q_EVENTS ? "b" : "a", "events");
        break;
    case METRIC_BOUNCE_RATE:
        put_ratio(w, "round(a.bounces * 1e2 / a.visits)::BIGINT");
        break;
    case METRIC_VISIT_DURATION:
        put_ratio(w, "round(a.duration / (a.visits * 1e3))::BIGINT");
        break;
    case METRIC_VIEWS_PER_VISIT:
        put_ratio(w, "round(a.pageviews * 1e0 / a.visits, 2)");
        break;
    case METRIC_PERCENTAGE:
        buf_addf(w->out, "coalesce(round(");
        put_count(w, counts, "visitors");
        buf_adds(w->out, " * 1e2 / nullif(");
        put_count(w, "t", "visitors");
        buf_adds(w->out, ", 0), 1), 0)");
        break;
    case METRICS:
        break;
    }
}

static bool has_metric(const struct query *q, enum metric m) {
    for (size_t i = 0; i < q->metric_count; i++)
        if (q->metrics[i] == m)
            return true;
    return false;
}

static void put_from(const struct writer *w) {
    struct buf *o = w->out;
    const struct plan *p = w->plan;
    buf_adds(o, " FROM ");
    if (p->from_events) {
        put_event_sums(w);
        buf_adds(o, " b");
    }
    if (p->from_events && p->from_visits)
        buf_adds(o, w->dim_count ? " LEFT JOIN " : " CROSS JOIN ");
    if (p->from_visits) {
        put_visit_part(w);
        buf_adds(o, " a");
    }
    for (size_t i = 0; p->from_events && p->from_visits && i < w->dim_count; i++)
        buf_addf(o, "%sb.d%zu = a.d%zu", i ? " AND " : " ON ", i, i);
    if (has_metric(w->q, METRIC_PERCENTAGE)) {
        buf_adds(o, " CROSS JOIN ");
        put_total_visitors(w, p->from_events);
        buf_adds(o, " t");
    }
}

/* The whole result: d0 …, m0 …, and the visitors that decide about folding. */
static void put_rows(const struct writer *w) {
    const char *first = w->plan->from_events ? "b" : "a";
    buf_adds(w->out, "SELECT ");
    for (size_t i = 0; i < w->dim_count; i++)
        buf_addf(w->out, "%s.d%zu AS d%zu, ", first, i, i);
    for (size_t i = 0; i < w->q->metric_count; i++) {
        put_metric(w, w->q->metrics[i]);
        buf_addf(w->out, " AS m%zu, ", i);
    }
    if (w->plan->fold)
        buf_addf(w->out, "%s.visitors AS seen", first);
    else
        buf_adds(w->out, "0 AS seen");
    put_from(w);
}

static void put_order(const struct writer *w) {
    const struct query *q = w->q;
    buf_adds(w->out, " ORDER BY ");
    for (size_t i = 0; i < q->order_count; i++)
        buf_addf(w->out, "%c%zu %s NULLS LAST, ", q->orders[i].by_dim ? 'd' : 'm',
                 q->orders[i].index, q->orders[i].desc ? "DESC" : "ASC");
    for (size_t i = 0; i < w->dim_count; i++)
        buf_addf(w->out, "d%zu, ", i);
    buf_adds(w->out, "seen");
}

static void put_columns(const struct writer *w) {
    for (size_t i = 0; i < w->dim_count; i++)
        buf_addf(w->out, "d%zu, ", i);
    for (size_t i = 0; i < w->q->metric_count; i++)
        buf_addf(w->out, "%sm%zu", i ? ", " : "", i);
}

static void put_statement(const struct writer *w, bool counted, size_t limit_param) {
    struct buf *o = w->out;
    buf_adds(o, "WITH j AS MATERIALIZED (");
    put_rows(w);
    buf_adds(o, ") SELECT ");
    if (counted) {
        buf_addf(o, "c.kept, c.folded, p.hit, ");
        put_columns(w);
        buf_addf(o,
                 " FROM (SELECT count(*) FILTER (seen >= %d) AS kept, count(*) FILTER (seen < %d) "
                 "AS folded"
                 " FROM j) c LEFT JOIN (SELECT *, 1 AS hit FROM j WHERE seen >= %d",
                 w->plan->fold ? QUERY_FOLD_BELOW : 0, w->plan->fold ? QUERY_FOLD_BELOW : 0,
                 w->plan->fold ? QUERY_FOLD_BELOW : 0);
    } else {
        put_columns(w);
        buf_adds(o, " FROM j");
    }
    if (counted) {
        put_order(w);
        buf_addf(o, " LIMIT $%zu::BIGINT OFFSET $%zu::BIGINT) p ON true", limit_param,
                 limit_param + 1);
        put_order(w);
        return;
    }
    put_order(w);
    buf_addf(o, " LIMIT $%zu::BIGINT OFFSET $%zu::BIGINT", limit_param, limit_param + 1);
}

static size_t bind_values(struct filter *f, struct sql_value *params, size_t next) {
    f->first_param = next + 1;
    for (size_t i = 0; i < f->value_count; i++)
        params[next++] = (struct sql_value){.type = SQL_TEXT_VALUE, .text = f->values[i]};
    for (size_t i = 0; i < f->child_count; i++)
        next = bind_values(&f->children[i], params, next);
    return next;
}

static struct sql_value sql_int(int64_t i) {
    return (struct sql_value){.type = SQL_INT, .i = i};
}

int query_sql(struct query *q, const struct plan *plan, uint32_t site, struct arena *arena,
              struct sql_text *ret, struct err *err) {
    struct sql_value *params = ARENA_NEW(arena, struct sql_value, q->value_count + 7);
    if (!params)
        return err_set(err, ERR_NOMEM, "out of memory");
    size_t n = 0;
    params[n++] = sql_int(site);
    params[n++] = sql_int(q->range.from_day);
    params[n++] = sql_int(q->range.to_day);
    if (q->range.by_ts) {
        params[n++] = sql_int(q->range.from_ms);
        params[n++] = sql_int(q->range.to_ms);
    }
    n = bind_values(&q->filter, params, n);
    params[n++] = sql_int(q->limit);
    params[n++] = sql_int(q->offset);

    ret->counted = q->total_rows || plan->fold;
    struct writer w = {.q = q, .plan = plan, .out = &ret->text, .dim_count = q->dim_count};
    put_statement(&w, ret->counted, n - 1);
    if (ret->text.failed)
        return err_set(err, ERR_NOMEM, "out of memory");
    ret->params = params;
    ret->param_count = n;
    return 0;
}
