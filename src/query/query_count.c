/* Which flags count persons and visits exactly, and which roll-up has the whole answer.
 *
 * Event rows: with the attributes of the event reduced to at most one value a row of the result
 * (split by it, or `is` one value), a person has one flagged event at that value and day. A filter
 * or split by attributes of the visit then takes all of a person's events or none, unless these
 * attributes differ among its visits of the day: bit `varies`. Visits are flagged likewise and do
 * not vary. Visit rows: the same with one attribute of the visit for the attribute of the event.
 * The flag of a day may lie outside a range of moments, so there ids count. */
#include "first.h"
#include "must.h"
#include "query_parts.h"

/* The bit of a visit attribute in `first` and `varies` of visit rows. */
static unsigned visit_bit(enum dim d) {
    static const char *const columns[] = {
#define X(name) #name,
        FIRST_DIMENSIONS(X)
#undef X
    };
    for (size_t i = 0; i < ARRAY_LEN(columns); i++)
        if (strcmp(columns[i], dim_infos[d].column) == 0)
            return 1U << i;
    must(!"every visit attribute has a bit");
    return 0;
}

static void mark_filter(bool used[DIMS], const struct filter *f) {
    if (filter_is_leaf(f))
        used[f->dim] = true;
    for (size_t i = 0; f->op != FILTER_HAS_DONE && i < f->child_count; i++)
        mark_filter(used, &f->children[i]);
}

/* What must be one exact value for the filter to hold. */
static void mark_pinned(bool pinned[DIMS], const struct filter *f) {
    if (f->op == FILTER_IS && f->value_count == 1 && !f->fold_case)
        pinned[f->dim] = true;
    for (size_t i = 0; f->op == FILTER_AND && i < f->child_count; i++)
        mark_pinned(pinned, &f->children[i]);
}

struct uses {
    bool any[DIMS];   /* in the filter or a dimension */
    bool fixed[DIMS]; /* one value in each row of the result */
};

static struct uses uses_of(const struct query *q, size_t dim_count) {
    struct uses u = {0};
    mark_filter(u.any, &q->filter);
    mark_pinned(u.fixed, &q->filter);
    for (size_t i = 0; i < dim_count; i++)
        u.any[q->dims[i]] = u.fixed[q->dims[i]] = true;
    return u;
}

static const struct {
    enum dim dim;
    unsigned person, visit;
} event_flags[] = {
    {DIM_PAGE, FIRST_PAGE, FIRST_VISIT_PAGE},
    {DIM_NAME, FIRST_NAME, FIRST_VISIT_NAME},
    {DIM_HOSTNAME, FIRST_HOSTNAME, FIRST_VISIT_HOSTNAME},
    {DIM_TIME_HOUR, FIRST_HOUR, FIRST_VISIT_HOUR},
};

static struct counting count_events(const struct uses *u, unsigned visit_bits) {
    struct counting c = {FIRST_PERSON, FIRST_VISIT, visit_bits};
    size_t used = 0;
    if (u->any[DIM_PROP])
        return (struct counting){0};
    for (size_t i = 0; i < ARRAY_LEN(event_flags); i++) {
        if (!u->any[event_flags[i].dim])
            continue;
        if (used++ > 0 || !u->fixed[event_flags[i].dim])
            return (struct counting){0};
        c.person_flag = event_flags[i].person;
        c.visit_flag = event_flags[i].visit;
    }
    return c;
}

/* The flag of the attribute that differs most among a person's visits saves most ids. */
static struct counting count_visits(const struct uses *u, unsigned visit_bits) {
    static const enum dim best[] = {DIM_CHANNEL,   DIM_UTM_MEDIUM, DIM_UTM_CAMPAIGN,
                                    DIM_REFERRER,  DIM_UTM_SOURCE, DIM_SOURCE,
                                    DIM_EXIT_PAGE, DIM_ENTRY_PAGE}; /* the last is the best */
    struct counting c = {.person_flag = FIRST_OF(person), .varies = visit_bits};
    enum dim at = DIMS;
    for (size_t d = 0; d < DIMS; d++)
        if (u->fixed[d] && dim_infos[d].scope == SCOPE_VISIT)
            at = (enum dim)d;
    for (size_t i = 0; i < ARRAY_LEN(best); i++)
        if (u->fixed[best[i]])
            at = best[i];
    if (at != DIMS) {
        c.person_flag = visit_bit(at);
        c.varies &= ~c.person_flag;
    }
    return c;
}

/* Visits with such an event: a page is the one the visit entered by, an hour that of the visit. */
static unsigned count_joined(const struct uses *u) {
    if ((u->any[DIM_NAME] && u->any[DIM_HOSTNAME]) || u->any[DIM_PROP])
        return 0;
    if (u->any[DIM_NAME])
        return u->fixed[DIM_NAME] ? FIRST_VISIT_NAME : 0;
    return u->fixed[DIM_HOSTNAME] ? FIRST_VISIT_HOSTNAME : 0;
}

static bool splits_by(const struct query *q, size_t dim_count, enum dim d) {
    for (size_t i = 0; i < dim_count; i++)
        if (q->dims[i] == d)
            return true;
    return false;
}

/* The filter, when it is `is` with one exact value a row. */
static const struct filter *sole_value(const struct query *q, size_t dim_count) {
    const struct filter *f = &q->filter;
    while (f->op == FILTER_AND && f->child_count == 1)
        f = &f->children[0];
    bool one = f->value_count == 1 || splits_by(q, dim_count, f->dim);
    return f->op == FILTER_IS && one && !f->fold_case ? f : NULL;
}

/* The one attribute by which the result is split or chosen. */
static enum dim roll_of(const struct query *q, size_t dim_count) {
    if (q->range.by_ts)
        return DIMS;
    enum dim at = DIM_TIME;
    if (q->filter.child_count > 0) {
        const struct filter *f = sole_value(q, dim_count);
        if (!f)
            return DIMS;
        at = f->dim;
    }
    for (size_t i = 0; i < dim_count; i++) {
        enum dim d = q->dims[i];
        if (d == DIM_GOAL || d == DIM_SITE ||
            (dim_infos[d].scope == SCOPE_TIME && d != DIM_TIME_HOUR))
            continue;
        if (at != DIM_TIME && at != d)
            return DIMS;
        at = d;
    }
    return at == DIM_PROP ? DIMS : at;
}

/* Rows of events have flags of pages, of names or of both: each row of the result must be of one. */
static bool events_in_cells(const struct uses *u, const struct shape *s) {
    if (s->cells_by_name && s->cells_by_page)
        return u->fixed[DIM_NAME] && u->fixed[DIM_PAGE];
    return s->of_events.person_flag == (s->cells_by_name ? FIRST_NAME : FIRST_PAGE);
}

static bool in_cells(const struct uses *u, const struct shape *s) {
    for (size_t d = 0; d < DIMS; d++)
        if (u->any[d] && !cells_have((enum dim)d))
            return false;
    if (s->cells_by_name && s->from_visits)
        return false;
    if (s->from_events && !events_in_cells(u, s))
        return false;
    return !(s->from_visits & Q_VISITORS) || !s->cells_by_page ||
           s->of_visits.person_flag == FIRST_OF(entry_page);
}

void count_make(const struct query *q, struct shape *s) {
    struct uses u = uses_of(q, s->dim_count);
    /* What visits have done may differ among the visits of persons who made several. */
    bool has_done = filter_has(&q->filter, FILTER_HAS_DONE) ||
                    filter_has(&q->filter, FILTER_SCROLLED) ||
                    filter_has(&q->filter, FILTER_ENGAGED);
    unsigned visit_bits = has_done ? FIRST_OF(person) : 0;
    for (size_t d = 0; d < DIMS; d++)
        if (u.any[d] && dim_infos[d].scope == SCOPE_VISIT)
            visit_bits |= visit_bit((enum dim)d);
    s->roll = s->from_measures & (Q_REVENUE | Q_VITALS) ? DIMS : roll_of(q, s->dim_count);
    if (q->range.by_ts)
        return;
    s->of_events = count_events(&u, visit_bits);
    s->of_visits = count_visits(&u, visit_bits);
    s->joined_flag = count_joined(&u);
    s->varies = visit_bits;
    s->cells_by_page = u.any[DIM_PAGE] || u.any[DIM_ENTRY_PAGE];
    s->cells_by_name = u.any[DIM_NAME];
    s->cells = !has_done && !s->from_measures && in_cells(&u, s);
}
