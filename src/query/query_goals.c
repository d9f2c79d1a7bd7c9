/* Queries about goals: which are asked for, what goes with them, and whom their visitors are compared
 * with. */
#include "query_parts.h"

static bool names_dim(const struct query *q, enum dim d) {
    for (size_t i = 0; i < q->dim_count; i++)
        if (q->dims[i] == d)
            return true;
    return false;
}

/* Whether a goal stands anywhere in the tree; has_done is about other events. */
static bool has_goal(const struct filter *f, bool in_has_done) {
    if (f->goal)
        return true;
    bool any = false;
    for (size_t i = 0; (in_has_done || f->op != FILTER_HAS_DONE) && i < f->child_count; i++)
        any |= has_goal(&f->children[i], in_has_done);
    return any;
}

bool query_has_conversion(const struct query *q) {
    for (size_t i = 0; i < q->metric_count; i++)
        if (q->metrics[i] == METRIC_CONVERSION_RATE ||
            q->metrics[i] == METRIC_GROUP_CONVERSION_RATE)
            return true;
    return false;
}

/* --- what does not go together ------------------------------------------------------------------
 */

static bool tells_origin(enum dim d) {
    return d == DIM_SOURCE || d == DIM_CHANNEL || d == DIM_REFERRER || d == DIM_UTM_SOURCE ||
           d == DIM_UTM_MEDIUM || d == DIM_UTM_CAMPAIGN || d == DIM_UTM_CONTENT ||
           d == DIM_UTM_TERM;
}

/* The first such leaf, also in what visits have done; DIMS: none. */
static enum dim origin_in(const struct filter *f) {
    enum dim found = filter_is_leaf(f) && tells_origin(f->dim) ? f->dim : DIMS;
    for (size_t i = 0; found == DIMS && i < f->child_count; i++)
        found = origin_in(&f->children[i]);
    return found;
}

/* Conversion by channel is outside the exemption that the profile is about. */
static int check_profile(const struct query *q, enum profile profile, struct err *err) {
    enum dim d = origin_in(&q->filter);
    const char *where = "filters";
    for (size_t i = 0; i < q->dim_count; i++)
        if (tells_origin(q->dims[i])) {
            d = q->dims[i];
            where = "dimensions";
        }
    if (profile != PROFILE_CNIL || d == DIMS)
        return 0;
    return err_set(err, ERR_INVALID, "%s: %s does not go with event:goal under the profile cnil",
                   where, dim_infos[d].word);
}

static int check_measures(const struct query *q, struct err *err) {
    for (size_t i = 0; i < q->metric_count; i++)
        if (metric_kinds[q->metrics[i]] == KIND_MEAN)
            return err_set(err, ERR_INVALID,
                           "metrics: %s does not go with event:goal; has_done does",
                           metric_words[q->metrics[i]]);
    return 0;
}

/* `chosen`: filters that choose goals, each on its own. */
static int check_conversion(const struct query *q, size_t chosen, bool nested, struct err *err) {
    bool by_goal = names_dim(q, DIM_GOAL);
    for (size_t i = 0; i < q->metric_count; i++) {
        enum metric m = q->metrics[i];
        const char *word = metric_words[m];
        if (m != METRIC_CONVERSION_RATE && m != METRIC_GROUP_CONVERSION_RATE)
            continue;
        if (!by_goal && chosen == 0)
            return err_set(err, ERR_INVALID,
                           "metrics: %s needs event:goal as a dimension or in filters", word);
        if (m == METRIC_GROUP_CONVERSION_RATE && q->dim_count == 0)
            return err_set(err, ERR_INVALID, "metrics: %s needs a dimension", word);
        if (nested)
            return err_set(err, ERR_INVALID,
                           "filters: with %s, event:goal must be a filter of its own", word);
    }
    return 0;
}

/* --- filters ------------------------------------------------------------------------------------
 */

/* As Plausible has it, those about properties are of the conversion too. */
static bool is_of_prop(const json_t *item) {
    struct span word = json_span(json_array_get(item, 1));
    return word.ptr && span_starts(word, SPAN_LIT("event:props:"));
}

static bool is_negated(const struct filter *f) {
    return f->op == FILTER_NOT && f->children[0].goal;
}

struct chosen {
    size_t count; /* of filters */
    bool nested;
    bool mixed; /* goals of different currencies */
    const struct policy_goal *first;
};

static void note_currency(struct chosen *c, const struct policy_goal *g) {
    if (!c->first)
        c->first = g;
    c->mixed |= !span_eq(c->first->currency, g->currency);
}

static void note_filter(struct chosen *c, const struct filter *f) {
    c->nested |= !f->goal && !is_negated(f) && has_goal(f, false);
    if (!f->goal)
        return;
    c->count++;
    if (f->op != FILTER_OR)
        note_currency(c, f->goal);
    for (size_t i = 0; f->op == FILTER_OR && i < f->child_count; i++)
        note_currency(c, f->children[i].goal);
}

/* Those of visitors in general first, those of conversions after them; `drop` those that choose
 * goals. */
static int part_filters(struct query *q, const json_t *filters, bool drop, struct arena *arena,
                        struct err *err) {
    struct filter *f = &q->filter;
    struct filter *list = ARENA_NEW(arena, struct filter, f->child_count + 1);
    size_t n = 0;
    if (!list)
        return err_set(err, ERR_NOMEM, "out of memory");
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < f->child_count; i++) {
            const struct filter *one = &f->children[i];
            bool late = one->goal || is_negated(one) || is_of_prop(json_array_get(filters, i));
            if (late == (pass == 1) && !(drop && one->goal))
                list[n++] = *one;
        }
        if (pass == 0)
            q->plain_filters = n;
    }
    f->children = list;
    f->child_count = n;
    return 0;
}

/* --- a row for each goal ------------------------------------------------------------------------
 */

static bool is_among(const struct filter *f, const struct policy_goal *g) {
    bool any = f->op != FILTER_OR && f->goal == g;
    for (size_t i = 0; f->op == FILTER_OR && i < f->child_count; i++)
        any |= f->children[i].goal == g;
    return any;
}

/* Filters that choose goals choose the rows. */
static bool is_row(const struct filter *f, const struct policy_goal *g) {
    bool all = true;
    for (size_t i = 0; i < f->child_count; i++)
        all &= !f->children[i].goal || is_among(&f->children[i], g);
    return all;
}

static int list_goals(const struct goal_book *book, struct query *q, struct err *err) {
    const struct policy *p = book->policy;
    struct query_goal *list = ARENA_NEW(book->arena, struct query_goal, p->goal_count + 1);
    if (!list)
        return err_set(err, ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < p->goal_count; i++) {
        if (!is_row(&q->filter, &p->goals[i]))
            continue;
        struct query_goal *g = &list[q->goal_count++];
        int r = goal_filter(book, &p->goals[i], &g->filter, err);
        if (r < 0)
            return r;
        g->name = p->goals[i].name;
    }
    q->goals = list;
    return 0;
}

/* Revenue of a goal is that in its currency. */
static void choose_currency(struct query *q, const struct chosen *c) {
    if (c->first)
        q->currency = c->mixed || !c->first->currency.len ? SPAN_EMPTY : c->first->currency;
}

int goals_resolve(const struct goal_book *book, const json_t *filters, struct query *q,
                  struct err *err) {
    bool by_goal = names_dim(q, DIM_GOAL);
    struct chosen c = {0};
    for (size_t i = 0; i < q->filter.child_count; i++)
        note_filter(&c, &q->filter.children[i]);
    q->plain_filters = q->filter.child_count;
    int r = check_conversion(q, c.count, c.nested, err);
    if (r < 0 || (!by_goal && !has_goal(&q->filter, true)))
        return r;
    if ((r = check_profile(q, book->policy->profile, err)) < 0)
        return r;
    if ((by_goal || has_goal(&q->filter, false)) && (r = check_measures(q, err)) < 0)
        return r;
    choose_currency(q, &c);
    if (by_goal && (r = list_goals(book, q, err)) < 0)
        return r;
    if (by_goal && (r = goals_group(q, book->arena, err)) < 0)
        return r;
    return part_filters(q, filters, by_goal, book->arena, err);
}
