#include "query_parts.h"

static bool dims_use(const struct query *q, size_t dim_count, enum dim_scope scope, enum dim but) {
    for (size_t i = 0; i < dim_count; i++)
        if (dim_infos[q->dims[i]].scope == scope && q->dims[i] != but)
            return true;
    return false;
}

static bool uses(const struct query *q, size_t dim_count, enum dim_scope scope, enum dim but) {
    return filter_uses(&q->filter, scope, but) || dims_use(q, dim_count, scope, but);
}

static bool has_dim(const struct query *q, enum dim d) {
    for (size_t i = 0; i < q->dim_count; i++)
        if (q->dims[i] == d)
            return true;
    return false;
}

/* Whole days and visit attributes alone: a visit never crosses midnight, so the visit table knows
 * all. */
static bool visits_know_all(const struct query *q) {
    return !uses(q, q->dim_count, SCOPE_EVENT, DIMS) && !has_dim(q, DIM_TIME_HOUR) &&
           !q->range.by_ts;
}

static void finish(const struct query *q, struct shape *s) {
    s->persons_alone = (s->from_events | s->from_visits) == Q_VISITORS;
    if (s->from_visits)
        s->from_visits |= Q_VISITS; /* says which rows there are */
    s->events_need_visits = uses(q, s->dim_count, SCOPE_VISIT, DIMS);
    s->visits_need_events = uses(q, s->dim_count, SCOPE_EVENT, DIM_PAGE);
    count_make(q, s);
}

static unsigned measure_of(enum metric m) {
    enum metric_kind k = metric_kinds[m];
    if (metric_of_vitals(m))
        return Q_VITALS;
    return k == KIND_MEAN ? Q_ENGAGED : k == KIND_MONEY ? Q_REVENUE : 0;
}

struct plan plan_make(const struct query *q, enum profile profile) {
    struct plan p = {.output = output_rule(q, profile),
                     .rows.dim_count = q->dim_count,
                     .total.dim_count = q->filter_dim_count};
    for (size_t i = 0; i < q->metric_count; i++)
        p.rows.from_measures |= measure_of(q->metrics[i]);
    bool of_events = uses(q, q->dim_count, SCOPE_EVENT, DIMS), percentage = false;
    bool visits_alone = visits_know_all(q) && !p.rows.from_measures;
    unsigned *counts = visits_alone ? &p.rows.from_visits : &p.rows.from_events;
    for (size_t i = 0; i < q->metric_count; i++) {
        switch (q->metrics[i]) {
        case METRIC_PERCENTAGE:
            percentage = true;
            *counts |= Q_VISITORS;
            break;
        case METRIC_VISITORS:
        case METRIC_CONVERSION_RATE:
        case METRIC_GROUP_CONVERSION_RATE:
            *counts |= Q_VISITORS;
            break;
        case METRIC_PAGEVIEWS:
            *counts |= Q_PAGEVIEWS;
            break;
        case METRIC_EVENTS:
            *counts |= Q_EVENTS;
            break;
        case METRIC_VISITS:
            *(of_events ? &p.rows.from_events : &p.rows.from_visits) |= Q_VISITS;
            break;
        case METRIC_BOUNCE_RATE:
            p.rows.from_visits |= Q_VISITS | Q_BOUNCES;
            break;
        case METRIC_VISIT_DURATION:
            p.rows.from_visits |= Q_VISITS | Q_DURATION;
            break;
        case METRIC_VIEWS_PER_VISIT:
            p.rows.from_visits |= Q_VISITS | Q_PAGEVIEWS;
            break;
        case METRIC_EXIT_RATE:
            p.rows.from_visits |= Q_VISITS;
            p.rows.exit_views = true;
            break;
        case METRIC_SCROLL_DEPTH:
        case METRIC_TIME_ON_PAGE:
        case METRIC_TOTAL_REVENUE:
        case METRIC_AVERAGE_REVENUE:
            p.rows.from_events |= Q_EVENTS; /* says which rows there are */
            break;
        case METRIC_VITALS:
        case METRIC_LCP:
        case METRIC_INP:
        case METRIC_CLS:
        case METRIC_UNIQUE_VISITORS: /* see query_known.c */
        case METRIC_NEW_VISITORS:
        case METRIC_RETURNING_VISITORS:
        case METRICS:
            break;
        }
    }
    p.rows.vitals_alone = !p.rows.from_events && !p.rows.from_visits;
    /* Goals have the same columns, whatever rule each is under. */
    if (p.output.least > 0 || has_dim(q, DIM_GOAL) || q->by_group)
        *counts |= Q_VISITORS;
    finish(q, &p.rows);
    if (percentage) {
        *(visits_alone ? &p.total.from_visits : &p.total.from_events) = Q_VISITORS;
        finish(q, &p.total);
    }
    p.cells = p.rows.cells && !p.rows.exit_views && (!percentage || p.total.cells);
    p.rollup = p.rows.roll != DIMS && !p.rows.exit_views && (!percentage || p.total.roll != DIMS);
    return p;
}
