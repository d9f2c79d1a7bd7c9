/* What goals ask of engagement: a leaf each, true of rows whose visit has it. */
#include "query_write.h"

/* Rows of engagement and scrolling within the range, of which `filter` is true. */
static void put_engaged_rows(const struct writer *w, const struct filter *filter,
                             enum level level) {
    struct query q = {.filter = {.op = FILTER_AND}, .range = w->q->range};
    struct shape s = {0};
    struct writer inner = *w;
    if (filter)
        q.filter = *filter;
    inner.q = &q;
    inner.shape = &s;
    buf_adds(w->out, " FROM ");
    put_event_source(&inner, level, SIDE_ENGAGED);
    put_where(&inner, level, SIDE_ENGAGED);
}

/* Of a page of a visit. */
static void put_scrolled(const struct writer *w, const struct filter *f, enum level level,
                         enum side side) {
    struct buf *o = w->out;
    buf_adds(o, "row(");
    put_visit_id(o, level, side == SIDE_VISIT ? "v" : "e");
    buf_adds(o, ", ");
    put_column(o, DIM_PAGE, level, side);
    buf_adds(o, ") IN (SELECT row(");
    put_visit_id(o, level, "e");
    buf_adds(o, ", e.page)");
    put_engaged_rows(w, &f->children[0], level);
    buf_addf(o, " AND e.scroll BETWEEN %u AND 100)", f->at_least);
}

static void put_long_engaged(const struct writer *w, const struct filter *f, enum level level,
                             enum side side) {
    struct buf *o = w->out;
    put_visit_id(o, level, side == SIDE_VISIT ? "v" : "e");
    buf_adds(o, " IN (SELECT ");
    put_visit_id(o, level, "e");
    buf_adds(o, " AS k");
    put_engaged_rows(w, NULL, level);
    buf_addf(o, " GROUP BY k HAVING sum(e.engaged_ms) FILTER (e.kind = 2) >= %u)", f->at_least);
}

void put_engagement_leaf(const struct writer *w, const struct filter *f, enum level level,
                         enum side side) {
    if (f->op == FILTER_SCROLLED)
        put_scrolled(w, f, level, side);
    else
        put_long_engaged(w, f, level, side);
}
