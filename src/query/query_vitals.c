/* Web vitals: the measurement below which three of four are, over rows; no sum of days has it. A side
 * of its own, v_…, which the levels give row by row. */
#include "query_write.h"
#include "vitals_pack.h"

/* 0 stands for what was not measured. As numbers with a sign, or the engine compares them as texts, at
 * three times the cost. */
static const struct {
    enum metric metric;
    const char *sealed, *hot, *name, *count;
} vitals[] = {
    {METRIC_LCP, "e.lcp_ms", VITALS_LCP_MS_SQL("e"), "v_lcp", "v_lcp_n"},
    {METRIC_INP, "e.inp_ms", VITALS_INP_MS_SQL("e"), "v_inp", "v_inp_n"},
    {METRIC_CLS, "e.cls_milli", VITALS_CLS_MILLI_SQL("e"), "v_cls", "v_cls_n"},
};

static bool is_asked(const struct writer *w, enum metric m) {
    for (size_t i = 0; i < w->q->metric_count; i++)
        if (w->q->metrics[i] == m)
            return true;
    return false;
}

void put_vitals(const struct writer *w, enum level level) {
    struct buf *o = w->out;
    put_words_begin(w, level);
    buf_adds(o, "SELECT ");
    put_dims(w, level, SIDE_VITALS);
    for (size_t i = 0; i < ARRAY_LEN(vitals); i++)
        if (is_asked(w, vitals[i].metric))
            buf_addf(o, "nullif(%s::INTEGER, 0) AS %s, ",
                     level == LEVEL_HOT ? vitals[i].hot : vitals[i].sealed, vitals[i].name);
    buf_adds(o, "1 AS v_n FROM ");
    put_event_source(w, level, SIDE_VITALS);
    put_where(w, level, SIDE_VITALS);
    put_words_end(w, level);
}

static bool has_cells(const struct writer *w) {
    return w->q->filter_dim_count > 0;
}

/* The nearest rank: of n in order the one at ceil(n × 3 / 4), which was measured; nothing between two
 * is made up. Of cells all measurements go on, since no sum has it. */
void put_vital_sums(const struct writer *w) {
    struct buf *o = w->out;
    for (size_t i = 0; i < ARRAY_LEN(vitals); i++) {
        const char *name = vitals[i].name;
        if (!is_asked(w, vitals[i].metric))
            continue;
        if (has_cells(w))
            buf_addf(o, "list(%s) FILTER (%s IS NOT NULL) AS %s, ", name, name, name);
        else
            buf_addf(o, "quantile_disc(%s, 0.75) AS %s, ", name, name);
        buf_addf(o, "count(%s) AS %s, ", name, vitals[i].count);
    }
    buf_adds(o, "coalesce(sum(v_n), 0)::BIGINT AS v_n, ");
}

/* A cell of few measurements gives none. */
void put_vitals_shown(const struct writer *w) {
    struct buf *o = w->out;
    for (size_t i = 0; i < ARRAY_LEN(vitals); i++) {
        const char *name = vitals[i].name, *count = vitals[i].count;
        char enough[64] = "";
        if (!is_asked(w, vitals[i].metric))
            continue;
        if (has_cells(w))
            (void)snprintf(enough, sizeof(enough), " FILTER (c.%s >= %d)", count,
                           w->plan->output.least_measured);
        buf_addf(o,
                 has_cells(w) ? "list_aggregate(flatten(list(c.%s)%s), 'quantile_disc', 0.75)"
                              : "max(c.%s)%s",
                 name, enough);
        buf_addf(o, " AS %s, coalesce(sum(c.%s)%s, 0)::BIGINT AS %s, ", name, count, enough, count);
    }
}

void put_vital(const struct writer *w, enum metric m) {
    for (size_t i = 0; i < ARRAY_LEN(vitals); i++)
        if (vitals[i].metric == m)
            buf_addf(w->out, "CASE WHEN s.%s >= %d THEN ", vitals[i].count,
                     w->plan->output.least_measured);
    buf_adds(w->out, m == METRIC_LCP   ? "s.v_lcp::BIGINT END"
                     : m == METRIC_INP ? "s.v_inp::BIGINT END"
                                       : "round((s.v_cls::BIGINT - 1) / 1e3, 3) END");
}

void put_vital_files(const struct writer *w) {
    buf_adds(w->out, "(SELECT 0::UINTEGER AS lcp_ms, 0::UINTEGER AS inp_ms, 0::UINTEGER AS"
                     " cls_milli WHERE false UNION ALL BY NAME SELECT * FROM read_parquet(");
    put_file_list(w, SOURCE_EVENT);
    buf_adds(w->out, ", union_by_name = true))");
}
