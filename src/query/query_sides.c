/* The two sides of a result over raw rows, hot or sealed. */
#include "query_write.h"

const struct quantity_word quantity_words[5] = {
    {Q_VISITS, "visits", "sum(v.sign)", "count(*)"},
    {Q_PAGEVIEWS, "pageviews", "sum(v.pageviews)", "sum(v.pageviews)"},
    {Q_EVENTS, "events", "sum(v.events)", "sum(v.events)"},
    {Q_BOUNCES, "bounces", "sum(v.bounce)", "sum(v.bounce)"},
    {Q_DURATION, "duration", "sum(v.duration_ms)", "sum(v.duration_ms)"},
};

/* Sums of what the inner step has, for all of `mask`. */
static void put_sums(struct buf *o, unsigned mask, const char *prefix) {
    for (size_t i = 0; i < ARRAY_LEN(quantity_words); i++)
        if (mask & quantity_words[i].bit)
            buf_addf(o, "sum(%s%s)::BIGINT AS %s%s, ", prefix, quantity_words[i].name, prefix,
                     quantity_words[i].name);
}

/* --- events -------------------------------------------------------------------------------------
 */

static void put_event_rows(const struct writer *w, enum level level, bool by_person,
                           bool by_visit) {
    struct buf *o = w->out;
    const struct counting *c = &w->shape->of_events;
    unsigned mask = w->shape->from_events;
    buf_adds(o, "SELECT ");
    put_dims(w, level, SIDE_EVENT);
    if (by_person)
        put_person_id(w, level, c, "e");
    if (by_visit)
        buf_adds(o, level == LEVEL_HOT ? "e.visit, " : "e.day * 4294967296 + e.visit AS visit, ");
    if (mask & Q_VISITORS) {
        put_person_flags(w, level, c, "e");
        buf_adds(o, " AS b_visitors, ");
    }
    if (mask & Q_VISITS && !by_visit)
        buf_addf(o, "count(*) FILTER ((e.first & %u) <> 0) AS b_visits, ", c->visit_flag);
    if (mask & Q_PAGEVIEWS)
        buf_adds(o, "count(*) FILTER (e.kind = 0) AS b_pageviews, ");
    if (mask & Q_EVENTS)
        buf_adds(o, "count(*) AS b_events, ");
    buf_adds(o, "count(*) AS b_n FROM ");
    put_event_source(w, level, SIDE_EVENT);
    put_where(w, level, SIDE_EVENT);
    put_persons_alone(w, level, c, "e");
    buf_adds(o, " GROUP BY ALL");
}

/* Where ids count, by grouping in steps: one hash table each, where two count(distinct) would
 * build them side by side with the sums in a third. */
void put_event_side(const struct writer *w, enum level level) {
    struct buf *o = w->out;
    const struct counting *c = &w->shape->of_events;
    unsigned mask = w->shape->from_events;
    bool by_person = mask & Q_VISITORS && persons_by(c, level) != BY_FLAG;
    bool by_visit = mask & Q_VISITS && !c->visit_flag;
    put_words_begin(w, level);
    if (by_person) {
        buf_adds(o, "SELECT ");
        put_dim_names(w);
        buf_adds(o, "(sum(b_visitors) + count(k))::BIGINT AS b_visitors, ");
        put_sums(o, mask, "b_");
        buf_adds(o, "sum(b_n)::BIGINT AS b_n FROM (");
    }
    if (by_visit) {
        buf_adds(o, "SELECT ");
        put_dim_names(w);
        buf_adds(o, by_person ? "k, " : "");
        if (mask & Q_VISITORS)
            buf_adds(o, "sum(b_visitors)::BIGINT AS b_visitors, ");
        buf_adds(o, "count(*) AS b_visits, ");
        put_sums(o, mask & ~(unsigned)Q_VISITS, "b_");
        buf_adds(o, "sum(b_n)::BIGINT AS b_n FROM (");
    }
    put_event_rows(w, level, by_person, by_visit);
    buf_adds(o, by_visit ? ") GROUP BY ALL" : "");
    buf_adds(o, by_person ? ") GROUP BY ALL" : "");
    put_words_end(w, level);
}

/* --- visits -------------------------------------------------------------------------------------
 */

/* Signed rows are summed per person first: one whose states at a value cancel out is not there. */
static void put_plain_visits(const struct writer *w, enum level level) {
    struct buf *o = w->out;
    const struct counting *c = &w->shape->of_visits;
    unsigned mask = w->shape->from_visits;
    bool by_person = mask & Q_VISITORS && persons_by(c, level) != BY_FLAG;
    if (by_person) {
        buf_adds(o, "SELECT ");
        put_dim_names(w);
        buf_adds(o, "(sum(a_visitors) + count(k) FILTER (a_visits > 0))::BIGINT AS a_visitors, ");
        put_sums(o, mask & ~(unsigned)Q_VISITS, "a_");
        buf_adds(o, "sum(a_visits)::BIGINT AS a_visits FROM (");
    }
    buf_adds(o, "SELECT ");
    put_dims(w, level, SIDE_VISIT);
    if (by_person)
        put_person_id(w, level, c, "v");
    if (mask & Q_VISITORS) {
        put_person_flags(w, level, c, "v");
        buf_adds(o, "::BIGINT AS a_visitors, ");
    }
    for (size_t i = ARRAY_LEN(quantity_words); i-- > 0;)
        if (mask & quantity_words[i].bit)
            buf_addf(o, "%s::BIGINT AS a_%s%s",
                     level == LEVEL_HOT ? quantity_words[i].signed_sum : quantity_words[i].sum,
                     quantity_words[i].name, i > 0 ? ", " : " FROM ");
    put_source(w, level, SOURCE_VISIT, SIDE_VISIT);
    buf_adds(o, " v");
    put_where(w, level, SIDE_VISIT);
    put_persons_alone(w, level, c, "v");
    buf_adds(o, by_person ? " GROUP BY ALL) GROUP BY ALL" : " GROUP BY ALL");
}

/* The visits with the figures that are asked, by the names of quantity_words. */
static void put_sealed_visits(const struct writer *w) {
    struct buf *o = w->out;
    buf_adds(o, "(SELECT day, visit, hour, start_sec, pageviews, events, bounce AS bounces,"
                " duration_ms AS duration FROM ");
    put_files(w, SOURCE_VISIT);
    buf_adds(o, ")");
}

/* Visits chosen or split by their events: each counts once a row. */
static void put_joined_visits(const struct writer *w, enum level level) {
    struct buf *o = w->out;
    unsigned mask = w->shape->from_visits & ~(unsigned)Q_VISITS;
    unsigned flag = w->shape->joined_flag;
    buf_adds(o, "SELECT ");
    put_dim_names(w);
    put_sums(o, mask, "a_");
    buf_addf(o, "count(*) AS a_visits FROM (SELECT %s", flag ? "" : "DISTINCT ");
    put_dims(w, level, SIDE_BOTH);
    for (size_t i = 0; i < ARRAY_LEN(quantity_words); i++)
        if (mask & quantity_words[i].bit)
            buf_addf(o, "v.%s AS a_%s, ", quantity_words[i].name, quantity_words[i].name);
    buf_adds(o, level == LEVEL_HOT ? "v.visit FROM " : "v.day, v.visit FROM ");
    put_source(w, level, SOURCE_EVENT, SIDE_BOTH);
    buf_adds(o, " e JOIN ");
    if (level == LEVEL_HOT)
        put_net_visits(w, SIDE_BOTH);
    else
        put_sealed_visits(w);
    buf_adds(o, " v ON v.visit = e.visit");
    buf_adds(o, level == LEVEL_HOT ? "" : " AND v.day = e.day");
    put_where(w, level, SIDE_BOTH);
    if (flag)
        buf_addf(o, " AND (e.first & %u) <> 0", flag);
    buf_adds(o, ") GROUP BY ALL");
}

void put_visit_side(const struct writer *w, enum level level) {
    put_words_begin(w, level);
    if (w->shape->visits_need_events)
        put_joined_visits(w, level);
    else
        put_plain_visits(w, level);
    put_words_end(w, level);
}
