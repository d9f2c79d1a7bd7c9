/* Measures that only some events carry: engagement, scrolling, revenue. Each is a side of its own,
 * g_… and r_…, beside those of query_sides.c, which say what rows there are. */
#include "query_write.h"

/* Per visit first: of scrolling its deepest counts, and a visit counts once. Scroll 255 is none. */
static void put_engaged(const struct writer *w, enum level level) {
    struct buf *o = w->out;
    put_words_begin(w, level);
    buf_adds(o, "SELECT ");
    put_dim_names(w);
    buf_adds(o, "sum(ms)::BIGINT AS g_engaged, count(*) FILTER (engaged) AS g_engaged_visits,"
                " sum(deepest)::BIGINT AS g_scroll, count(deepest) AS g_scroll_visits"
                " FROM (SELECT ");
    put_dims(w, level, SIDE_ENGAGED);
    put_visit_id(o, level, "e");
    buf_adds(o, " AS k, sum(e.engaged_ms) FILTER (e.kind = 2) AS ms,"
                " bool_or(e.kind = 2) AS engaged, max(e.scroll) FILTER (e.scroll < 255) AS deepest"
                " FROM ");
    put_event_source(w, level, SIDE_ENGAGED);
    put_where(w, level, SIDE_ENGAGED);
    buf_adds(o, " GROUP BY ALL) GROUP BY ALL");
    put_words_end(w, level);
}

/* A sum of one currency: r_low and r_high tell whether it is. */
static void put_revenue(const struct writer *w, enum level level) {
    struct buf *o = w->out;
    const char *currency = level == LEVEL_HOT ? "c.value" : "e.currency";
    put_words_begin(w, level);
    buf_adds(o, "SELECT ");
    put_dims(w, level, SIDE_EVENT);
    buf_addf(o,
             "sum(e.revenue_milli) AS r_milli, count(*) AS r_count,"
             " min(%s) AS r_low, max(%s) AS r_high FROM ",
             currency, currency);
    put_event_source(w, level, SIDE_EVENT);
    buf_adds(o, level == LEVEL_HOT ? " JOIN word c ON c.code = e.currency" : "");
    put_where(w, level, SIDE_EVENT);
    if (w->q->currency.len)
        buf_addf(o, " AND %s = '%.*s' GROUP BY ALL", currency, SPAN_ARG(w->q->currency));
    else
        buf_addf(o, " AND %s <> ''%s GROUP BY ALL", currency,
                 w->q->currency.ptr ? " AND false" : "");
    put_words_end(w, level);
}

void put_measures(const struct writer *w, enum level level) {
    const struct shape *s = w->shape;
    if (s->from_measures & Q_VITALS) {
        buf_adds(w->out, s->from_events || s->from_visits ? " UNION ALL BY NAME " : "");
        put_vitals(w, level);
    }
    if (w->shape->from_measures & Q_ENGAGED) {
        buf_adds(w->out, " UNION ALL BY NAME ");
        put_engaged(w, level);
    }
    if (w->shape->from_measures & Q_REVENUE) {
        buf_adds(w->out, " UNION ALL BY NAME ");
        put_revenue(w, level);
    }
}

void put_measure_sums(const struct writer *w) {
    if (w->shape->from_measures & Q_ENGAGED)
        buf_adds(w->out, "sum(g_engaged)::BIGINT AS g_engaged,"
                         " coalesce(sum(g_engaged_visits), 0)::BIGINT AS g_engaged_visits,"
                         " sum(g_scroll)::BIGINT AS g_scroll,"
                         " coalesce(sum(g_scroll_visits), 0)::BIGINT AS g_scroll_visits, ");
    if (w->shape->from_measures & Q_REVENUE)
        buf_adds(w->out, "sum(r_milli) AS r_milli, coalesce(sum(r_count), 0)::BIGINT AS r_count,"
                         " min(r_low) AS r_low, max(r_high) AS r_high, ");
}

/* Without any it is unknown, and under a rule that hides the few a handful would tell too much. */
static void put_known(const struct writer *w, const char *count, const char *value) {
    buf_addf(w->out, "CASE WHEN s.%s >= %d THEN %s END", count, w->plan->output.unit, value);
}

/* What one in the second digit of `value` is worth. */
static void put_second_digit(struct buf *o, const char *value) {
    buf_addf(o, "pow(10, floor(log10(greatest(abs(%s), 1e-3))) - 1)", value);
}

/* Beside rounded counts to two digits: to the cent, the difference of two sums is an order. */
static void put_money(const struct writer *w, const char *value) {
    struct buf *o = w->out;
    buf_addf(o, "CASE WHEN s.r_count >= %d AND s.r_low = s.r_high THEN ", w->plan->output.unit);
    if (w->plan->output.unit == 1) {
        buf_addf(o, "round(%s, 3) END", value);
        return;
    }
    buf_addf(o, "round(round(%s / ", value);
    put_second_digit(o, value);
    buf_adds(o, ") * ");
    put_second_digit(o, value);
    buf_adds(o, ", 3) END");
}

void put_measure(const struct writer *w, enum metric m) {
    if (m == METRIC_SCROLL_DEPTH)
        put_known(w, "g_scroll_visits", "round(s.g_scroll * 1e0 / s.g_scroll_visits)::BIGINT");
    else if (m == METRIC_TIME_ON_PAGE)
        put_known(w, "g_engaged_visits", "round(s.g_engaged / (s.g_engaged_visits * 1e3))::BIGINT");
    else if (m == METRIC_TOTAL_REVENUE)
        put_money(w, "(s.r_milli / 1e3)");
    else
        put_money(w, "(s.r_milli / (s.r_count * 1e3))");
}

void put_currency(const struct writer *w) {
    buf_addf(w->out, "CASE WHEN s.r_low = s.r_high THEN s.r_low WHEN s.r_low IS NULL THEN ''"
                     " ELSE '" CURRENCY_MIXED "' END AS currency, ");
}
