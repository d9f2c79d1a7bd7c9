/* Which output rule a question falls under, and which questions a profile refuses.
 *
 * What counts is how many attributes a row of the answer tells of its persons. One alone is what
 * any breakdown shows; two say something of the same person, and so does one beside a moment. */
#include <stdlib.h>

#include "civil.h"
#include "query_parts.h"

/* What an event is, and a visit. A row by goal tells what the goal is, which is a filter of its query; one by
 * site what that site tells anyway. */
static bool is_attribute(enum dim d) {
    return dim_infos[d].scope != SCOPE_TIME && d != DIM_GOAL && d != DIM_SITE;
}

/* "Its name is not engagement": so are all events that are counted. */
static bool says_nothing(const struct filter *f) {
    const struct filter *no = f->op == FILTER_NOT ? &f->children[0] : NULL;
    return no && no->op == FILTER_IS && no->dim == DIM_NAME && no->value_count == 1 &&
           span_eq(no->values[0], SPAN_LIT("engagement"));
}

/* Attributes of one event and its visit. */
struct told {
    bool dims[DIMS];
    struct span props[QUERY_MOST_DIMS]; /* names; of more than these it does not matter */
    size_t prop_count;
};

static void tell_prop(struct told *t, struct span name) {
    for (size_t i = 0; i < t->prop_count; i++)
        if (span_eq(t->props[i], name))
            return;
    if (t->prop_count < ARRAY_LEN(t->props))
        t->props[t->prop_count++] = name;
}

static void tell(struct told *t, enum dim d, const struct property *prop) {
    if (d == DIM_PROP)
        tell_prop(t, prop->name);
    else
        t->dims[d] |= is_attribute(d);
}

/* An event has properties of its own, so that one of these tells its name. */
static size_t told_count(const struct told *t) {
    size_t n = t->prop_count;
    for (size_t d = 0; d < DIMS; d++)
        n += t->dims[d] && !(d == DIM_NAME && t->prop_count > 0);
    return n;
}

/* What its owner says in one word: that a page is read to the end tells no more than that it is
 * read. Returns what visits have done besides. */
static size_t tell_goal(struct told *t, const struct policy_goal *g) {
    if (g->kind == GOAL_ENGAGEMENT)
        return 1;
    t->dims[g->kind == GOAL_EVENT ? DIM_NAME : DIM_PAGE] = true;
    for (size_t i = 0; i < g->prop_count; i++)
        tell_prop(t, g->props[i].key);
    return 0;
}

/* Returns how many attributes are those of other events, which a visit has done. */
static size_t tell_filter(struct told *t, const struct filter *f) {
    size_t elsewhere = 0;
    if (f->goal && f->op != FILTER_OR)
        return tell_goal(t, f->goal);
    if (filter_is_leaf(f))
        tell(t, f->dim, &f->prop);
    for (size_t i = 0; i < f->child_count; i++) {
        struct told done = {0};
        bool other = f->op == FILTER_HAS_DONE;
        elsewhere += tell_filter(other ? &done : t, &f->children[i]) + told_count(&done);
    }
    return elsewhere;
}

struct telling {
    size_t attributes;
    bool filtered;
    bool split; /* by an attribute */
    bool free;  /* by a property, which may be free text */
    bool fine;  /* in hours or moments */
};

/* Filters that all hold, one by one. A goal of a query by goals is what its row is of. */
static void tell_all(struct telling *t, struct told *told, const struct filter *f, bool by_goal) {
    if (f->op == FILTER_AND && !f->goal) {
        for (size_t i = 0; i < f->child_count; i++)
            tell_all(t, told, &f->children[i], by_goal);
        return;
    }
    if (says_nothing(f))
        return;
    t->filtered |= !(by_goal && f->goal && f->op != FILTER_OR);
    t->attributes += tell_filter(told, f);
}

static struct telling telling_of(const struct query *q) {
    struct telling t = {.fine = q->range.by_ts};
    struct told told = {0};
    bool by_goal = q->by_group;
    for (size_t i = 0; i < q->dim_count; i++) {
        enum dim d = q->dims[i];
        by_goal |= d == DIM_GOAL;
        t.fine |= d == DIM_TIME_HOUR;
        t.split |= dim_infos[d].scope != SCOPE_TIME;
        t.free |= d == DIM_PROP;
        tell(&told, d, &q->props[i]);
    }
    tell_all(&t, &told, &q->filter, by_goal);
    t.attributes += told_count(&told);
    return t;
}

static bool crosses(const struct telling *t) {
    return t->attributes > 1 || (t->attributes > 0 && t->fine);
}

static struct output rule_of(const struct query *q, enum profile profile) {
    struct telling t = telling_of(q);
    if (profile == PROFILE_CNIL) {
        bool plain = !t.filtered && !crosses(&t) && !q->range.by_ts;
        return (struct output){.unit = OUTPUT_CNIL_LEAST,
                               .least = plain ? 0 : OUTPUT_CNIL_LEAST,
                               .cells = !plain,
                               .least_measured = OUTPUT_CNIL_LEAST};
    }
    if (profile == PROFILE_CONSENTED)
        return (struct output){.unit = 1, .least_measured = 1};
    bool crossed = crosses(&t), folds = t.split && (t.filtered || t.free);
    return (struct output){.unit = crossed ? OUTPUT_FRUGAL_LEAST : 1,
                           .least = crossed || folds ? OUTPUT_FRUGAL_LEAST : 0,
                           .least_measured = OUTPUT_FRUGAL_LEAST};
}

static struct query query_of_goal(const struct query *q, const struct query_goal *g,
                                  struct filter both[2]) {
    struct query one = *q;
    both[0] = q->filter;
    both[1] = g->filter;
    one.goals = NULL;
    one.goal_count = 0;
    one.filter = (struct filter){.op = FILTER_AND, .children = both, .child_count = 2};
    return one;
}

struct output output_stricter(struct output a, const struct output *b) {
    a.unit = b->unit > a.unit ? b->unit : a.unit;
    a.least = b->least > a.least ? b->least : a.least;
    a.least_measured = b->least_measured > a.least_measured ? b->least_measured : a.least_measured;
    a.cells |= b->cells;
    a.by_site |= b->by_site;
    return a;
}

struct output output_rule(const struct query *q, enum profile profile) {
    struct output rule = rule_of(q, profile);
    for (size_t i = 0; i < q->goal_count; i++) {
        struct filter both[2];
        struct query one = query_of_goal(q, &q->goals[i], both);
        struct output other = rule_of(&one, profile);
        rule = output_stricter(rule, &other);
    }
    return q->floor ? output_stricter(rule, q->floor) : rule;
}

/* --- questions that are refused -----------------------------------------------------------------
 */

/* Windows anybody could choose the ends of tell when each person came. */
static bool is_recent(const struct range *r, int64_t now_ms) {
    static const int64_t lengths_ms[] = {5 * 60000, 30 * 60000, 24 * 3600000LL};
    enum { LENGTH_SLACK_MS = 3000, END_SLACK_MS = 60000 };
    if (llabs(r->to_ms - now_ms) > END_SLACK_MS)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(lengths_ms); i++)
        if (llabs(r->to_ms - r->from_ms - lengths_ms[i]) <= LENGTH_SLACK_MS)
            return true;
    return false;
}

/* So that few ranges begin or end with any one day: what many have, rounded each for itself, is as
 * good as exact. */
static bool is_usual(const struct range *r) {
    static const int32_t lengths[] = {1, 7, 28, 30, 90, 91};
    enum { MOST_DAYS = 366 };
    int32_t length = r->to_day - r->from_day + 1;
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++)
        if (length == lengths[i])
            return true;
    return r->from_first || (civil_month_start(r->from_day) == r->from_day && length <= MOST_DAYS);
}

static int check_range(const struct range *r, const struct telling *t, const char *key,
                       int64_t now_ms, struct err *err) {
    if (r->by_ts)
        return is_recent(r, now_ms)
                   ? 0
                   : err_set(err, ERR_INVALID,
                             "%s: the profile cnil has moments only of the last 5 minutes, 30"
                             " minutes or 24 hours",
                             key);
    if ((t->filtered || crosses(t)) && !is_usual(r))
        return err_set(err, ERR_INVALID,
                       "%s: with filters or two attributes the profile cnil takes 1, 7, 28, 30, 90"
                       " or 91 days, or days from the first of a month, at most a year",
                       key);
    return 0;
}

/* Persons are at many pages: of several, sums of rounded rows would count them too often, and what
 * is not rounded one by one can be told apart. */
static int check_filter(const struct filter *f, bool pinned, struct err *err) {
    if (pinned && (says_nothing(f) || (f->goal && f->op == FILTER_AND)))
        return 0; /* a goal is one value, whatever pages are its own */
    if (f->goal)
        return err_set(err, ERR_INVALID,
                       "filters: event:goal takes \"is\" with one goal with the profile cnil");
    if (f->op == FILTER_HAS_DONE)
        return err_set(err, ERR_INVALID, "filters: has_done does not go with the profile cnil");
    bool one = pinned && f->op == FILTER_IS && f->value_count == 1 && !f->fold_case;
    if (filter_is_leaf(f) && dim_infos[f->dim].scope == SCOPE_EVENT && !one)
        return err_set(err, ERR_INVALID,
                       "filters: %s takes \"is\" with one value with the profile cnil",
                       dim_infos[f->dim].word);
    for (size_t i = 0; i < f->child_count; i++) {
        int r = check_filter(&f->children[i], pinned && f->op == FILTER_AND, err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int check_telling(const struct query *q, int64_t now_ms, struct err *err) {
    struct telling t = telling_of(q);
    if (t.attributes > OUTPUT_CNIL_MOST_ATTRIBUTES)
        return err_set(err, ERR_INVALID,
                       "filters: at most %d attributes, dimensions included, with the profile cnil",
                       OUTPUT_CNIL_MOST_ATTRIBUTES);
    int r = check_range(&q->range, &t, "date_range", now_ms, err);
    if (r == 0 && q->compare.kind == COMPARE_CUSTOM)
        r = check_range(&q->compare.range, &t, "include: compare", now_ms, err);
    return r;
}

int output_check(const struct query *q, enum profile profile, int64_t now_ms, struct err *err) {
    if (profile != PROFILE_CNIL)
        return 0;
    int r = check_filter(&q->filter, true, err);
    if (r == 0)
        r = check_telling(q, now_ms, err);
    for (size_t i = 0; r == 0 && i < q->goal_count; i++) {
        struct filter both[2];
        struct query one = query_of_goal(q, &q->goals[i], both);
        r = check_telling(&one, now_ms, err);
    }
    return r;
}

/* --- walks --------------------------------------------------------------------------------------
 */

struct output output_rule_of_walks(enum profile profile) {
    int unit = profile == PROFILE_CNIL     ? OUTPUT_CNIL_LEAST
               : profile == PROFILE_FRUGAL ? OUTPUT_FRUGAL_LEAST
                                           : 1;
    return (struct output){.unit = unit, .least = unit > 1 ? unit : 0, .least_measured = unit};
}

/* A walk is of several events and of a visit, and is counted at once: no table could be added up. */
int output_check_walk(const struct filter *f, enum profile profile, struct err *err) {
    if (profile != PROFILE_CNIL)
        return 0;
    bool one = f->op == FILTER_AND ||
               (f->op == FILTER_IS && f->value_count == 1 && !f->fold_case && !f->goal);
    if (!one)
        return err_set(err, ERR_INVALID,
                       "filters: funnels and journeys take \"is\" with one value with the profile"
                       " cnil");
    struct told told = {0};
    int r = tell_filter(&told, f) + told_count(&told) > OUTPUT_CNIL_MOST_ATTRIBUTES
                ? err_set(err, ERR_INVALID, "filters: at most %d attributes with the profile cnil",
                          OUTPUT_CNIL_MOST_ATTRIBUTES)
                : 0;
    for (size_t i = 0; r == 0 && i < f->child_count; i++)
        r = output_check_walk(&f->children[i], profile, err);
    return r;
}

int output_check_walk_range(const struct range *r, enum profile profile, int64_t now_ms,
                            struct err *err) {
    static const struct telling crossed = {.filtered = true};
    return profile == PROFILE_CNIL ? check_range(r, &crossed, "date_range", now_ms, err) : 0;
}

int64_t output_rounded(const struct output *rule, int64_t count) {
    int64_t rounded = (count + rule->unit / 2) / rule->unit * rule->unit;
    return count == 0 || rounded > rule->unit ? rounded : rule->unit;
}

/* --- cells --------------------------------------------------------------------------------------
 */

static size_t place_of(const struct query *q, enum dim d) {
    size_t i = 0;
    while (i < q->dim_count && q->dims[i] != d)
        i++;
    return i;
}

static size_t add_dim(struct query *q, enum dim d) {
    size_t at = place_of(q, d);
    if (at == q->dim_count)
        q->dims[q->dim_count++] = d;
    return at;
}

static void add_filter_dims(struct query *q, const struct filter *f) {
    if (filter_is_leaf(f) && dim_infos[f->dim].scope == SCOPE_VISIT)
        (void)add_dim(q, f->dim);
    for (size_t i = 0; i < f->child_count; i++)
        add_filter_dims(q, &f->children[i]);
}

/* A property is another one by another name. */
static size_t add_own_dim(struct query *cells, const struct query *q, size_t i) {
    if (q->dims[i] != DIM_PROP)
        return add_dim(cells, q->dims[i]);
    cells->props[cells->dim_count] = q->props[i];
    cells->dims[cells->dim_count] = DIM_PROP;
    return cells->dim_count++;
}

struct query output_cells(const struct query *q, enum profile profile, size_t *place) {
    struct query cells = *q;
    struct output rule = output_rule(q, profile);
    for (size_t i = 0; i < q->dim_count; i++)
        place[i] = i;
    if (!rule.cells && !rule.by_site)
        return cells;
    cells.dim_count = 0; /* there is room: with cells, output_check() lets few attributes pass */
    if (rule.by_site)
        (void)add_dim(&cells, DIM_SITE);
    if (rule.cells)
        add_filter_dims(&cells, &q->filter);
    cells.filter_dim_count = cells.dim_count;
    for (size_t i = 0; i < q->dim_count; i++)
        place[i] = add_own_dim(&cells, q, i);
    return cells;
}
