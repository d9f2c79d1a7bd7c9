/* Exit rate: visits that left by a page, of the views that page had. The views are a side of their own:
 * events by their page, which stands where the page that visits left by stands elsewhere. */
#include "query_write.h"

/* A filter on that page alone, or not. It chooses rows of the result, and no views of others. */
static bool is_of_exit(const struct filter *f) {
    while (f->op == FILTER_NOT)
        f = &f->children[0];
    return filter_is_leaf(f) && f->dim == DIM_EXIT_PAGE;
}

bool exits_are_told_apart(const struct filter *f) {
    for (size_t i = 0; i < f->child_count; i++)
        if (!is_of_exit(&f->children[i]) && filter_names(&f->children[i], DIM_EXIT_PAGE))
            return false;
    return true;
}

void put_exit_views(const struct writer *w, enum level level) {
    if (!w->shape->exit_views)
        return;
    struct filter kept[QUERY_MOST_FILTER_NODES];
    struct query q = *w->q;
    struct shape s = {.dim_count = w->shape->dim_count};
    struct writer views = *w;
    q.filter = (struct filter){.op = FILTER_AND, .children = kept};
    for (size_t i = 0; i < w->q->filter.child_count; i++)
        if (!is_of_exit(&w->q->filter.children[i]))
            kept[q.filter.child_count++] = w->q->filter.children[i];
    for (size_t i = 0; i < q.dim_count; i++) {
        q.dims[i] = q.dims[i] == DIM_EXIT_PAGE ? DIM_PAGE : q.dims[i];
        s.events_need_visits |= dim_infos[q.dims[i]].scope == SCOPE_VISIT;
    }
    s.events_need_visits |= filter_uses(&q.filter, SCOPE_VISIT, DIMS);
    views.q = &q;
    views.shape = &s;
    buf_adds(w->out, " UNION ALL BY NAME ");
    put_words_begin(&views, level);
    buf_adds(w->out, "SELECT ");
    put_dims(&views, level, SIDE_EVENT);
    buf_adds(w->out, "count(*) AS x_views FROM ");
    put_event_source(&views, level, SIDE_EVENT);
    put_where(&views, level, SIDE_EVENT);
    buf_adds(w->out, " AND e.kind = 0 GROUP BY ALL");
    put_words_end(&views, level);
}
