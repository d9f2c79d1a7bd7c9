/* The roll-up level: one row a day and value has all figures of both sides. */
#include "query_write.h"

static const struct {
    enum quantity bit;
    const char *of_events; /* NULL: none */
    const char *of_visits;
    const char *name;
} columns[] = {
    {Q_VISITORS, "visitors", "visitors", "visitors"},
    {Q_VISITS, "visits", "entries", "visits"},
    {Q_PAGEVIEWS, "pageviews", "entry_pageviews", "pageviews"},
    {Q_EVENTS, "events", "events", "events"},
    {Q_BOUNCES, NULL, "bounces", "bounces"},
    {Q_DURATION, NULL, "duration_ms", "duration"},
};

static void put_roll_dim(const struct writer *w, enum dim d) {
    if (d == DIM_TIME_HOUR)
        buf_adds(w->out, "r.day::BIGINT * 24 + r.value::BIGINT");
    else if (dim_infos[d].scope == SCOPE_TIME)
        put_time(w->out, time_is_late(w->shape, w->q) ? DIM_TIME_DAY : d, "r.day");
    else
        buf_adds(w->out, "r.value");
}

static const char *table_of(enum dim d) {
    return d == DIM_TIME ? "person" : d == DIM_TIME_HOUR ? "hour" : dim_infos[d].column;
}

static const struct filter *leaf_of(const struct filter *f) {
    while (f->op == FILTER_AND)
        f = &f->children[0];
    return f;
}

void put_rollup(const struct writer *w) {
    struct buf *o = w->out;
    const struct shape *s = w->shape;
    const struct range *r = &w->q->range;
    buf_adds(o, "SELECT ");
    for (size_t i = 0; i < s->dim_count; i++) {
        if (w->q->dims[i] == DIM_GOAL)
            put_goal(w);
        else if (w->q->dims[i] == DIM_SITE)
            put_site(w);
        else
            put_roll_dim(w, w->q->dims[i]);
        buf_addf(o, " AS d%zu, ", i);
    }
    for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
        if (columns[i].of_events && s->from_events & columns[i].bit)
            buf_addf(o, "r.%s::BIGINT AS b_%s, ", columns[i].of_events, columns[i].name);
        if (s->from_visits & columns[i].bit)
            buf_addf(o, "r.%s::BIGINT AS a_%s, ", columns[i].of_visits, columns[i].name);
    }
    if (s->from_measures & Q_ENGAGED)
        buf_adds(o, "r.engaged_ms AS g_engaged, r.engaged_visits AS g_engaged_visits,"
                    " r.scroll_sum AS g_scroll, r.scroll_visits AS g_scroll_visits, ");
    buf_addf(o,
             "r.events::BIGINT AS b_n FROM roll.%s r WHERE r.site = %u AND r.day BETWEEN %d AND %d"
             " AND r.part <= %u",
             table_of(s->roll), w->site, r->from_day, r->to_day, w->reach->watermark);
    if (w->q->filter.child_count > 0) {
        buf_adds(o, " AND ");
        put_test(o, leaf_of(&w->q->filter), "r.value");
    }
}
