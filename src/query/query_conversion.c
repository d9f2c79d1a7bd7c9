/* Rows by goal, and conversion rates: results of other queries within the statement of one.
 *
 * A query by event:goal has a query for each goal, whose rows are put one after the other. A rate has
 * one for all visitors: the same without what chooses conversions; with the same dimensions when it is
 * that of a group. */
#include "query_write.h"

/* --- the queries --------------------------------------------------------------------------------
 */

/* Both, in the arena; one that is empty is left out. */
static int both(const struct filter *a, const struct filter *b, struct arena *arena,
                struct filter *ret, struct err *err) {
    struct filter *list = ARENA_NEW(arena, struct filter, 2);
    if (!list)
        return err_set(err, ERR_NOMEM, "out of memory");
    list[0] = *a;
    list[1] = *b;
    *ret = a->child_count == 0
               ? *b
               : (struct filter){.op = FILTER_AND, .children = list, .child_count = 2};
    return 0;
}

/* `reached`: the filter of a goal, or of a group. */
static int query_of_goals(const struct query *q, const struct filter *reached, struct arena *arena,
                          struct query *ret, struct err *err) {
    *ret = *q;
    ret->goals = NULL;
    ret->goal_count = ret->group_count = 0;
    ret->currency = reached->goal->currency.len ? reached->goal->currency : SPAN_EMPTY;
    for (size_t i = 0; i < q->metric_count; i++)
        if (q->metrics[i] == METRIC_CONVERSION_RATE ||
            q->metrics[i] == METRIC_GROUP_CONVERSION_RATE)
            ret->metrics[i] = METRIC_VISITORS;
    return both(&q->filter, reached, arena, &ret->filter, err);
}

/* Visitors whether they converted or not. */
static struct query query_of_all(const struct query *q, bool split) {
    struct query all = {.metrics = {METRIC_VISITORS},
                        .metric_count = 1,
                        .filter = q->filter,
                        .range = q->range,
                        .today = q->today,
                        .floor = q->floor};
    all.filter.child_count = q->plain_filters;
    for (size_t i = 0; split && i < q->dim_count; i++)
        if (q->dims[i] != DIM_GOAL) {
            all.props[all.dim_count] = q->props[i];
            all.dims[all.dim_count++] = q->dims[i];
        }
    return all;
}

static bool asks(const struct query *q, enum metric m) {
    for (size_t i = 0; i < q->metric_count; i++)
        if (q->metrics[i] == m)
            return true;
    return false;
}

int conversion_periods(struct period *p, struct arena *arena, struct err *err) {
    const struct query *q = &p->q;
    p->within = p->all = p->group = NULL;
    p->within_count = 0;
    if (!q->goals && !query_has_conversion(q))
        return 0;
    p->within = ARENA_NEW(arena, struct period, q->goal_count + q->group_count + 2);
    if (!p->within)
        return err_set(err, ERR_NOMEM, "out of memory");
    int r = 0;
    for (size_t i = 0; r == 0 && i < q->goal_count; i++)
        if (!q->goals[i].grouped)
            r = query_of_goals(q, &q->goals[i].filter, arena, &p->within[p->within_count++].q, err);
    for (size_t i = 0; r == 0 && i < q->group_count; i++) {
        struct query split = goal_group_query(q, &q->groups[i]);
        r = query_of_goals(&split, &q->groups[i].filter, arena, &p->within[p->within_count++].q,
                           err);
    }
    if (r < 0)
        return r;
    if (asks(q, METRIC_CONVERSION_RATE)) {
        p->all = &p->within[p->within_count++];
        p->all->q = query_of_all(q, false);
    }
    if (asks(q, METRIC_GROUP_CONVERSION_RATE)) {
        p->group = &p->within[p->within_count++];
        p->group->q = query_of_all(q, true);
    }
    return 0;
}

static void add_reach(struct reach *to, const struct reach *r) {
    to->levels |= r->levels;
    if (r->rows_gone && (!to->rows_gone || r->raw_from_day > to->raw_from_day))
        to->raw_from_day = r->raw_from_day;
    to->rows_gone |= r->rows_gone;
}

struct reach period_reach(const struct period *p) {
    bool total = p->plan.total.from_events || p->plan.total.from_visits;
    struct reach r = {0};
    for (size_t i = 0; i < p->member_count && p->members; i++) {
        struct reach of_member = period_reach(p->members[i]);
        add_reach(&r, &of_member);
    }
    if (p->members)
        return r;
    if (p->q.goal_count == 0 || total)
        add_reach(&r, &p->reach);
    for (size_t i = 0; i < p->within_count; i++)
        add_reach(&r, &p->within[i].reach);
    return r;
}

/* --- SQL ----------------------------------------------------------------------------------------
 */

static struct writer writer_within(const struct writer *w, const struct period *p) {
    return (struct writer){.q = &p->cells,
                           .asked = &p->q,
                           .place = p->place,
                           .plan = &p->plan,
                           .reach = &p->reach,
                           .shape = &p->plan.rows,
                           .period = p,
                           .site = w->site,
                           .out = w->out};
}

/* Of a query by goal without any goal there is no row. */
void put_goal(const struct writer *w) {
    if (w->goal_param)
        buf_addf(w->out, "$%zu::VARCHAR", w->goal_param);
    else
        buf_adds(w->out, "''");
}

/* One goal may be under a rule that hides and the next under none; both have the columns of the
 * former. */
static void put_goal_shown(const struct writer *w, bool ruled) {
    if (ruled)
        put_ruled(w, w->asked->dim_count);
    else
        put_shown(w, w->asked->dim_count);
}

/* Rows by what the goals differ in, with their names in its place. */
static void put_group_shown(const struct writer *w, const struct goal_group *group, bool ruled,
                            const struct query *asked) {
    struct buf *o = w->out;
    size_t at = 0;
    while (asked->dims[at] != DIM_GOAL)
        at++;
    buf_addf(o, "SELECT c.* REPLACE (n.goal AS d%zu) FROM ", at);
    put_goal_shown(w, ruled);
    buf_adds(o, " c JOIN (VALUES ");
    for (size_t i = 0; i < group->count; i++)
        buf_addf(o, "%s($%zu::VARCHAR, $%zu::VARCHAR)", i ? ", " : "",
                 group->filter.children[0].first_param + i,
                 asked->goals[group->goals[i]].name_param);
    buf_addf(o, ") n(value, goal) ON n.value = c.d%zu", at);
}

void put_shown_of_goals(const struct writer *w) {
    const struct query *q = w->asked;
    const struct period *next = w->period->within;
    bool ruled = !output_shows_all(&w->plan->output);
    const char *between = "";
    buf_adds(w->out, "(");
    for (size_t i = 0; i < q->goal_count; i++) {
        if (q->goals[i].grouped)
            continue;
        struct writer one = writer_within(w, next++);
        one.goal_param = q->goals[i].name_param;
        buf_adds(w->out, between);
        put_goal_shown(&one, ruled);
        between = " UNION ALL ";
    }
    for (size_t i = 0; i < q->group_count; i++) {
        struct writer one = writer_within(w, next++);
        buf_adds(w->out, between);
        put_group_shown(&one, &q->groups[i], ruled, q);
        between = " UNION ALL ";
    }
    if (q->goal_count == 0) {
        buf_adds(w->out, "SELECT * FROM ");
        put_goal_shown(w, ruled);
        buf_adds(w->out, " LIMIT 0");
    }
    buf_adds(w->out, ")");
}

void put_conversions(const struct writer *w) {
    const struct period *all = w->period->all, *group = w->period->group;
    struct buf *o = w->out;
    if (all) {
        struct writer of_all = writer_within(w, all);
        buf_adds(o, " CROSS JOIN ");
        put_shown(&of_all, 0);
        buf_adds(o, " ca");
    }
    if (group) {
        struct writer of_group = writer_within(w, group);
        buf_adds(o, " LEFT JOIN ");
        put_shown(&of_group, group->q.dim_count);
        buf_adds(o, " cg ON true");
    }
    for (size_t i = 0, at = 0; group && i < w->asked->dim_count; i++)
        if (w->asked->dims[i] != DIM_GOAL)
            buf_addf(o, " AND cg.d%zu = s.d%zu", at++, i);
}

static const char *visitors_of(const struct shape *s) {
    return s->from_events & Q_VISITORS ? "b_visitors" : "a_visitors";
}

/* Of what is shown, each under the rule of its own question; so rounding may pass the whole. Of a
 * handful, or of what is not shown, it is unknown. */
void put_conversion_rate(const struct writer *w, enum metric m) {
    struct buf *o = w->out;
    bool of_group = m == METRIC_GROUP_CONVERSION_RATE;
    const struct period *base = of_group ? w->period->group : w->period->all;
    int unit = base->plan.output.unit;
    char reached[32], of[32];
    (void)snprintf(reached, sizeof(reached), "s.%s", visitors_of(w->shape));
    (void)snprintf(of, sizeof(of), "%s.%s", of_group ? "cg" : "ca", visitors_of(&base->plan.rows));
    buf_addf(o, "CASE WHEN %s + %s IS NOT NULL", reached, of);
    if (unit > 1)
        buf_addf(o, " AND %s NOT BETWEEN 1 AND %d", of, unit);
    buf_addf(o, " THEN least(coalesce(round(%s * 1e2 / nullif(%s, 0), 1), 0), 1e2) END", reached,
             of);
}
