/* The rows of a walk: statements, and events put together as they come. */
#include "walk.h"

#include "first.h"

enum {
    SLICE_EVENTS = 6000000, /* of days that are read at a time; more when one day has more */
    COLUMN_WHO = 0,         /* the day; in the hot level the person */
    COLUMN_VISIT,
    COLUMN_VALUE,
    COLUMN_AT, /* sealed events by day alone */
};

/* --- events as they come ------------------------------------------------------------------------
 */

struct gathering {
    const struct walk *walk;
    const struct walk_rows *rows;
    struct walk_visits several; /* of the days at hand */
    struct walk_order order;    /* events that were set aside, all of one day */
    uint32_t order_day;
    bool any; /* the next two are of an event */
    uint64_t person, visit;
};

static void gathering_release(struct gathering *g) {
    walk_visits_release(&g->several);
    walk_order_release(&g->order);
}

static int hand_on(struct gathering *g, uint64_t person, uint64_t visit, uint32_t value,
                   struct err *err) {
    struct walk_event e = {.new_person = !g->any || person != g->person, .value = value};
    e.new_visit = e.new_person || (visit != g->visit && !g->walk->by_day);
    g->any = true;
    g->person = person;
    g->visit = visit;
    return g->rows->take(g->rows->to, &e, err);
}

static int hand_on_held(struct gathering *g, struct err *err) {
    walk_sort(&g->order, g->walk->by_day);
    int code = 0;
    for (size_t i = 0; !code && i < g->order.count; i++) {
        const struct walk_held *h = &g->order.list[i];
        code = hand_on(g, walk_id(g->order_day, h->person), h->visit, h->value, err);
    }
    g->order.count = 0;
    return code;
}

static int hold(struct gathering *g, uint32_t day, struct walk_held held, struct err *err) {
    int code = 0;
    if (g->order.count && g->order_day != day)
        code = hand_on_held(g, err);
    g->order_day = day;
    if (!code && !walk_hold(&g->order, held))
        return err_set(err, ERR_NOMEM, "out of memory");
    return code;
}

static int take_sealed(void *to, const struct sql_chunk *c, struct err *err) {
    struct gathering *g = to;
    const uint32_t *days = c->columns[COLUMN_WHO], *visits = c->columns[COLUMN_VISIT];
    const uint32_t *values = c->columns[COLUMN_VALUE];
    const int64_t *at = g->walk->by_day ? c->columns[COLUMN_AT] : NULL;
    int code = 0;
    for (size_t i = 0; !code && i < c->rows; i++) {
        uint64_t id = walk_id(days[i], visits[i]);
        const struct walk_visit *v = walk_visits_find(&g->several, id);
        struct walk_held h = {v ? v->person : 0, visits[i], values[i], at ? at[i] : 0};
        code = v ? hold(g, days[i], h, err) : hand_on(g, id | WALK_ALONE, id, values[i], err);
    }
    return code;
}

static int take_hot(void *to, const struct sql_chunk *c, struct err *err) {
    const uint64_t *persons = c->columns[COLUMN_WHO], *visits = c->columns[COLUMN_VISIT];
    const uint32_t *values = c->columns[COLUMN_VALUE];
    int code = 0;
    for (size_t i = 0; !code && i < c->rows; i++)
        code = hand_on(to, persons[i], visits[i], values[i], err);
    return code;
}

/* --- statements ---------------------------------------------------------------------------------
 */

/* Whether filters look at what only the visit file has, or at other events. */
static bool asks_visits(const struct filter *f) {
    return filter_names(f, DIM_ENTRY_PAGE) || filter_names(f, DIM_EXIT_PAGE) ||
           filter_has(f, FILTER_HAS_DONE);
}

/* Whether the writer's parts have rows of other days too. */
static bool has_others(const struct writer *w, int32_t from, int32_t to) {
    for (size_t i = 0; i < w->reach->part_count; i++)
        if (w->reach->parts[i]->from_day < from || w->reach->parts[i]->to_day > to)
            return true;
    return false;
}

static void put_days(const struct writer *w, const char *alias, int32_t from, int32_t to) {
    buf_adds(w->out, " WHERE true");
    if (has_others(w, from, to))
        buf_addf(w->out, " AND %s.day BETWEEN %d AND %d", alias, from, to);
}

/* A column that is the same everywhere need not be read. */
static void put_day(const struct writer *w, const char *alias, int32_t from, int32_t to) {
    if (from == to)
        buf_addf(w->out, "SELECT %d::INTEGER", from);
    else
        buf_addf(w->out, "SELECT %s.day::INTEGER", alias);
}

/* The days from `from` to `to` of the writer's parts. Visits are chosen by a join where filters need
 * one, after which the engine may give rows in another order. */
static void put_sealed(const struct writer *w, const struct walk_rows *rows, bool by_day,
                       int32_t from, int32_t to) {
    struct buf *o = w->out;
    struct query unfiltered = *w->q;
    struct writer events = *w;
    bool join = asks_visits(&w->q->filter);
    if (join) {
        unfiltered.filter = (struct filter){.op = FILTER_AND};
        events.q = &unfiltered;
    }
    put_day(w, "e", from, to);
    buf_adds(o, ", e.visit::UINTEGER, ");
    rows->put_value(w, LEVEL_SEALED, rows->of);
    buf_adds(o, by_day ? ", e.ts_sec" : ""); /* a visit is in order in its file */
    buf_adds(o, " FROM ");
    put_files(w, SOURCE_EVENT);
    buf_adds(o, " e");
    put_days(w, "e", from, to);
    rows->put_condition(w, LEVEL_SEALED, rows->of);
    put_bounds(&events, LEVEL_SEALED, SIDE_EVENT);
    if (!join)
        return;
    buf_adds(o, " AND e.day * 4294967296 + e.visit IN (SELECT v.day * 4294967296 + v.visit FROM ");
    put_files(w, SOURCE_VISIT);
    buf_adds(o, " v");
    put_days(w, "v", from, to);
    put_filters(w, LEVEL_SEALED, SIDE_VISIT);
    buf_adds(o, ") ORDER BY e.day, e.visit, e.file_row_number");
}

/* The visits of persons who made several that day. */
static void put_several(const struct writer *w, int32_t from, int32_t to) {
    put_day(w, "v", from, to);
    buf_adds(w->out, ", v.visit::UINTEGER, v.person::UINTEGER FROM ");
    put_files(w, SOURCE_VISIT);
    buf_adds(w->out, " v");
    put_days(w, "v", from, to);
    buf_addf(w->out, " AND (v.varies & %u) <> 0", FIRST_OF(person));
}

static void put_hot(const struct writer *w, const struct walk_rows *rows, bool by_day) {
    struct buf *o = w->out;
    buf_adds(o, "SELECT e.visitor, e.visit, ");
    rows->put_value(w, LEVEL_HOT, rows->of);
    buf_adds(o, " FROM ");
    put_event_source(w, LEVEL_HOT, SIDE_EVENT);
    put_where(w, LEVEL_HOT, SIDE_EVENT);
    rows->put_condition(w, LEVEL_HOT, rows->of);
    buf_addf(o, " ORDER BY e.day, e.visitor, %se.ts_ms, e.rowid", by_day ? "" : "e.visit, ");
}

static int run(const struct walk *w, struct buf *sql, bool with_params,
               const struct sql_reader *reader, struct err *err) {
    const char *text = buf_cstr(sql);
    if (!text)
        return err_set(err, ERR_NOMEM, "out of memory");
    int64_t left_ms = (w->deadline_ns - clock_mono_ns(w->env->clock)) / 1000000;
    if (left_ms <= 0)
        return query_failed(ERR_TIMEOUT, err);
    struct err why = {0};
    int r = store_view_read(w->view, text, w->params, with_params ? w->param_count : 0,
                            (int)left_ms, reader, &why);
    return r < 0 ? query_failed(r, err) : 0;
}

/* --- some days at a time ------------------------------------------------------------------------
 */

static uint64_t events_on(const struct reach *r, int32_t day) {
    uint64_t sum = 0;
    for (size_t i = 0; i < r->part_count; i++) {
        const struct sealed_part *p = r->parts[i];
        if (p->from_day <= day && day <= p->to_day)
            sum += p->event_rows / (uint64_t)(p->to_day - p->from_day + 1);
    }
    return sum;
}

/* The days of the range that parts may have rows of; false: none. */
static bool days_of(const struct walk *w, int32_t *ret_from, int32_t *ret_to) {
    int32_t from, to, first = INT32_MAX, last = INT32_MIN;
    reach_days(&w->q.range, &from, &to);
    for (size_t i = 0; i < w->reach.part_count; i++) {
        const struct sealed_part *p = w->reach.parts[i];
        first = p->from_day < first ? p->from_day : first;
        last = p->to_day > last ? p->to_day : last;
    }
    *ret_from = from > first ? from : first;
    *ret_to = to < last ? to : last;
    return *ret_from <= *ret_to;
}

static int read_days(struct gathering *g, struct writer *w, int32_t from, int32_t to,
                     struct arena *arena, struct err *err) {
    const struct reach *all = &g->walk->reach;
    struct reach some = *all;
    some.parts = ARENA_NEW(arena, const struct sealed_part *, all->part_count);
    if (!some.parts)
        return err_set(err, ERR_NOMEM, "out of memory");
    some.part_count = 0;
    for (size_t i = 0; i < all->part_count; i++)
        if (all->parts[i]->from_day <= to && all->parts[i]->to_day >= from)
            some.parts[some.part_count++] = all->parts[i];
    if (some.part_count == 0)
        return 0;
    BUF_AUTO sql = {0};
    w->reach = &some;
    w->out = &sql;
    put_several(w, from, to);
    walk_visits_clear(&g->several);
    struct sql_reader several = {.columns = 3, .take = walk_visits_take, .to = &g->several};
    int r = run(g->walk, &sql, false, &several, err);
    if (r < 0)
        return r;
    walk_visits_ready(&g->several);
    buf_clear(&sql);
    bool by_day = g->walk->by_day;
    put_sealed(w, g->rows, by_day, from, to);
    struct sql_reader events = {
        .columns = by_day ? COLUMN_AT + 1 : COLUMN_AT, .take = take_sealed, .to = g};
    r = run(g->walk, &sql, true, &events, err);
    return r < 0 ? r : hand_on_held(g, err);
}

static int read_sealed(struct gathering *g, struct writer *w, struct arena *arena,
                       struct err *err) {
    int32_t from, last;
    if (!days_of(g->walk, &from, &last))
        return 0;
    int code = 0;
    while (!code && from <= last) {
        int32_t to = from;
        uint64_t events = events_on(&g->walk->reach, from), more;
        while (to < last && events + (more = events_on(&g->walk->reach, to + 1)) <= SLICE_EVENTS) {
            events += more;
            to++;
        }
        code = read_days(g, w, from, to, arena, err);
        from = to + 1;
    }
    return code;
}

int walk_read(const struct walk *walk, const struct walk_rows *rows, struct arena *arena,
              struct err *err) {
    CLEANUP(gathering_release) struct gathering g = {.walk = walk, .rows = rows};
    struct shape shape = {.events_need_visits = filter_uses(&walk->q.filter, SCOPE_VISIT, DIMS)};
    struct writer w = {.q = &walk->q, .shape = &shape, .site = walk->policy->site};
    int code = read_sealed(&g, &w, arena, err);
    if (code)
        return code;
    BUF_AUTO sql = {0};
    g.any = false; /* hot rows name persons in another way */
    w.reach = &walk->reach;
    w.out = &sql;
    put_hot(&w, rows, walk->by_day);
    struct sql_reader events = {.columns = COLUMN_VALUE + 1, .take = take_hot, .to = &g};
    return run(walk, &sql, true, &events, err);
}
