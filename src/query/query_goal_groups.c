/* Goals that differ by one value alone, the name of an event or the path of a page: one query by that
 * attribute has the rows of all of them, where each would be read for itself. */
#include "query_parts.h"

/* What is seen once a row of events, however they are split by names or pages. */
static bool metrics_allow(const struct query *q) {
    for (size_t i = 0; i < q->metric_count; i++)
        if (metric_of_vitals(q->metrics[i]) || q->metrics[i] == METRIC_EXIT_RATE)
            return false;
    return true;
}

static bool dims_allow(const struct query *q, enum dim d) {
    for (size_t i = 0; i < q->dim_count; i++)
        if (q->dims[i] == d)
            return false;
    return true;
}

/* The leaf with the value comes first in a goal's filter. DIMS: it is told by more than that. */
static enum dim dim_of(const struct query *q, const struct query_goal *goal) {
    const struct policy_goal *g = goal->filter.goal;
    bool own_currency = query_has_money(q) && g->currency.len > 0;
    const struct filter *leaf = &goal->filter.children[0];
    if (own_currency || g->prop_count > 0 || (g->kind != GOAL_EVENT && g->kind != GOAL_PAGE))
        return DIMS;
    return leaf->op == FILTER_IS && leaf->value_count == 1 ? leaf->dim : DIMS;
}

/* The filter of the first goal, with the values of all. */
static int fill(const struct query *q, struct goal_group *group, struct arena *arena,
                struct err *err) {
    const struct filter *first = &q->goals[group->goals[0]].filter;
    struct filter *children = ARENA_NEW(arena, struct filter, first->child_count);
    struct span *values = ARENA_NEW(arena, struct span, group->count);
    if (!children || !values)
        return err_set(err, ERR_NOMEM, "out of memory");
    memcpy(children, first->children, sizeof(*children) * first->child_count);
    for (size_t i = 0; i < group->count; i++)
        values[i] = q->goals[group->goals[i]].filter.children[0].values[0];
    children[0].values = values;
    children[0].value_count = group->count;
    group->filter = *first;
    group->filter.children = children;
    return 0;
}

static int group_by(struct query *q, enum dim d, struct arena *arena, struct err *err) {
    enum { LEAST_GOALS = 2 };
    struct goal_group *group = &q->groups[q->group_count];
    *group = (struct goal_group){.dim = d};
    group->goals = ARENA_NEW(arena, size_t, q->goal_count + 1);
    if (!group->goals)
        return err_set(err, ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < q->goal_count; i++)
        if (dim_of(q, &q->goals[i]) == d)
            group->goals[group->count++] = i;
    if (group->count < LEAST_GOALS || !dims_allow(q, d))
        return 0;
    for (size_t i = 0; i < group->count; i++)
        q->goals[group->goals[i]].grouped = true;
    q->group_count++;
    return fill(q, group, arena, err);
}

int goals_group(struct query *q, struct arena *arena, struct err *err) {
    if (q->goal_count == 0 || !metrics_allow(q))
        return 0;
    int r = group_by(q, DIM_NAME, arena, err);
    return r < 0 ? r : group_by(q, DIM_PAGE, arena, err);
}

struct query goal_group_query(const struct query *q, const struct goal_group *group) {
    struct query one = *q;
    one.by_group = true;
    for (size_t i = 0; i < q->dim_count; i++)
        if (q->dims[i] == DIM_GOAL)
            one.dims[i] = group->dim;
    return one;
}
