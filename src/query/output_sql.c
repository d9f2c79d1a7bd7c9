/* The output rule in SQL: sums of the levels → what of them may be shown.
 *
 * Each row is rounded and hidden by itself, and all metrics are made of what is left: a ratio or a
 * percentage tells no more than the counts beside it. */
#include "query_write.h"

void output_put_rounded(const struct output *rule, struct buf *out, const char *value) {
    int unit = rule->unit;
    if (unit == 1)
        buf_adds(out, value);
    else
        buf_addf(out, "CASE WHEN %s = 0 THEN 0 ELSE greatest(%d, (%s + %d) // %d * %d) END", value,
                 unit, value, unit / 2, unit, unit);
}

static void put_rounded(const struct writer *w, const char *value) {
    output_put_rounded(&w->plan->output, w->out, value);
}

/* What adds up over the row's visits, as often as these are shown: of few visits their mean to one
 * part of the unit, which is no finer than what ten visits (or five) can have; of many to the unit. */
static void put_rounded_sum(const struct writer *w, const char *value) {
    int unit = w->plan->output.unit;
    buf_adds(w->out, "CASE WHEN c.a_visits = 0 THEN 0 WHEN c.a_visits > ");
    buf_addf(w->out, "%d THEN (%s + %d) // %d * %d ELSE round(%s * %d / c.a_visits) * ((",
             unit * unit, value, unit / 2, unit, unit, value, unit);
    put_rounded(w, "c.a_visits");
    buf_addf(w->out, ") // %d) END", unit);
}

/* The mean in seconds, as often as visits are shown. */
static void put_rounded_duration(const struct writer *w) {
    buf_adds(w->out, "round(c.a_duration / (nullif(c.a_visits, 0) * 1e3)) * 1e3 * (");
    put_rounded(w, "c.a_visits");
    buf_adds(w->out, ")");
}

static void put_sum(const struct writer *w, char side, const struct quantity_word *q) {
    char value[32];
    (void)snprintf(value, sizeof(value), "c.%c_%s", side, q->name);
    buf_adds(w->out, "sum(");
    if (w->plan->output.unit == 1)
        buf_adds(w->out, value);
    else if (q->bit == Q_DURATION)
        put_rounded_duration(w);
    else if (q->bit == Q_BOUNCES)
        put_rounded_sum(w, value);
    else
        put_rounded(w, value);
    buf_addf(w->out, ")::BIGINT AS %c_%s, ", side, q->name);
}

/* For ratios; as a count it is shown rounded by itself. */
static void put_views(const struct writer *w) {
    buf_adds(w->out, "sum(");
    if (w->plan->output.unit == 1)
        buf_adds(w->out, "c.a_pageviews");
    else
        put_rounded_sum(w, "c.a_pageviews");
    buf_adds(w->out, ")::BIGINT AS a_views, ");
}

static void put_sums_of(const struct writer *w, char side, unsigned mask) {
    static const struct quantity_word visitors = {.bit = Q_VISITORS, .name = "visitors"};
    if (mask & Q_VISITORS)
        put_sum(w, side, &visitors);
    for (size_t i = 0; i < ARRAY_LEN(quantity_words); i++)
        if (mask & quantity_words[i].bit)
            put_sum(w, side, &quantity_words[i]);
}

/* Rows of pages that were left have views of these; nobody need have viewed one within moments. */
static void put_exit_views_shown(const struct writer *w) {
    buf_adds(w->out, "sum(");
    put_rounded(w, "coalesce(c.x_views, 0)");
    buf_adds(w->out, ")::BIGINT AS x_views, ");
}

static void put_vital_count(const struct writer *w) {
    buf_adds(w->out, "sum(");
    put_rounded(w, "c.v_n");
    buf_adds(w->out, ")::BIGINT AS v_n, ");
}

void put_ruled(const struct writer *w, size_t dim_count) {
    struct buf *o = w->out;
    const struct output *rule = &w->plan->output;
    buf_adds(o, "(SELECT ");
    for (size_t i = 0; i < dim_count; i++)
        buf_addf(o, "c.d%zu AS d%zu, ", w->place[i], i);
    put_sums_of(w, 'b', w->shape->from_events);
    put_sums_of(w, 'a', w->shape->from_visits);
    if (w->shape->from_visits & Q_PAGEVIEWS)
        put_views(w);
    put_measure_sums(w);
    if (w->shape->from_measures & Q_VITALS) {
        put_vitals_shown(w);
        put_vital_count(w);
    }
    if (w->shape->exit_views)
        put_exit_views_shown(w);
    buf_adds(o, "FROM ");
    put_sums_of_levels(w);
    buf_adds(o, " c");
    if (rule->least > 0)
        buf_addf(o, " WHERE c.%c_visitors >= %d", w->shape->from_events & Q_VISITORS ? 'b' : 'a',
                 rule->least);
    buf_adds(o, dim_count > 0 ? " GROUP BY ALL)" : ")");
}

void put_shown(const struct writer *w, size_t dim_count) {
    if (output_shows_all(&w->plan->output))
        put_sums_of_levels(w);
    else
        put_ruled(w, dim_count);
}
