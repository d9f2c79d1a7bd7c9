/* Which output rule a question falls under, and which questions a profile refuses.
 *
 * What counts is how many attributes a row of the answer tells of its persons. One alone is what
 * any breakdown shows; two say something of the same person, and so does one beside a moment. */
#include <stdlib.h>

#include "civil.h"
#include "query_parts.h"

static bool is_attribute(enum dim d) {
    return dim_infos[d].scope != SCOPE_TIME;
}

/* "Its name is not engagement": so are all events that are counted. */
static bool says_nothing(const struct filter *f) {
    const struct filter *not = f->op == FILTER_NOT ? &f->children[0] : NULL;
    return not &&not ->op == FILTER_IS && not ->dim == DIM_NAME && not ->value_count == 1 &&
           span_eq(not ->values[0], SPAN_LIT("engagement"));
}

static size_t set_count(const bool set[DIMS]) {
    size_t n = 0;
    for (size_t d = 0; d < DIMS; d++)
        n += set[d];
    return n;
}

/* Marks the attributes of one event and its visit. Returns how many those of other events are,
 * which a visit has done. */
static size_t mark(const struct filter *f, bool set[DIMS]) {
    size_t elsewhere = 0;
    if (filter_is_leaf(f))
        set[f->dim] = true;
    for (size_t i = 0; i < f->child_count; i++) {
        bool done[DIMS] = {0};
        bool other = f->op == FILTER_HAS_DONE;
        elsewhere += mark(&f->children[i], other ? done : set) + set_count(done);
    }
    return elsewhere;
}

struct telling {
    size_t attributes;
    bool filtered;
    bool split; /* by an attribute */
    bool fine;  /* in hours or moments */
};

static struct telling telling_of(const struct query *q) {
    struct telling t = {.fine = q->range.by_ts};
    bool set[DIMS] = {0};
    for (size_t i = 0; i < q->filter.child_count; i++) {
        if (says_nothing(&q->filter.children[i]))
            continue;
        t.filtered = true;
        t.attributes += mark(&q->filter.children[i], set);
    }
    for (size_t i = 0; i < q->dim_count; i++) {
        t.fine |= q->dims[i] == DIM_TIME_HOUR;
        t.split |= is_attribute(q->dims[i]);
        set[q->dims[i]] |= is_attribute(q->dims[i]);
    }
    t.attributes += set_count(set);
    return t;
}

static bool crosses(const struct telling *t) {
    return t->attributes > 1 || (t->attributes > 0 && t->fine);
}

struct output output_rule(const struct query *q, enum profile profile) {
    struct telling t = telling_of(q);
    if (profile == PROFILE_CNIL) {
        if (!t.filtered && !crosses(&t) && !q->range.by_ts)
            return (struct output){.unit = OUTPUT_CNIL_LEAST};
        return (struct output){OUTPUT_CNIL_LEAST, OUTPUT_CNIL_LEAST, true};
    }
    if (profile == PROFILE_FRUGAL && crosses(&t))
        return (struct output){OUTPUT_FRUGAL_LEAST, OUTPUT_FRUGAL_LEAST, false};
    bool folds = profile == PROFILE_FRUGAL && t.filtered && t.split;
    return (struct output){.unit = 1, .least = folds ? OUTPUT_FRUGAL_LEAST : 0};
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

int output_check(const struct query *q, enum profile profile, int64_t now_ms, struct err *err) {
    if (profile != PROFILE_CNIL)
        return 0;
    struct telling t = telling_of(q);
    for (size_t i = 0; i < q->filter.child_count; i++) {
        int r = says_nothing(&q->filter.children[i])
                    ? 0
                    : check_filter(&q->filter.children[i], true, err);
        if (r < 0)
            return r;
    }
    if (t.attributes > OUTPUT_CNIL_MOST_ATTRIBUTES)
        return err_set(err, ERR_INVALID,
                       "filters: at most %d attributes, dimensions included, with the profile cnil",
                       OUTPUT_CNIL_MOST_ATTRIBUTES);
    int r = check_range(&q->range, &t, "date_range", now_ms, err);
    if (r == 0 && q->compare.kind == COMPARE_CUSTOM)
        r = check_range(&q->compare.range, &t, "include: compare", now_ms, err);
    return r;
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

struct query output_cells(const struct query *q, enum profile profile, size_t *place) {
    struct query cells = *q;
    cells.dim_count = 0; /* there is room: output_check() lets few attributes pass */
    if (output_rule(q, profile).cells)
        add_filter_dims(&cells, &q->filter);
    cells.filter_dim_count = cells.dim_count;
    for (size_t i = 0; i < q->dim_count; i++)
        place[i] = add_dim(&cells, q->dims[i]);
    return cells;
}
