/* The rows of a walk: statements, and events put together as they come. */
#include "walk.h"

#include "first.h"

enum {
    SLICE_EVENTS = 4000000, /* of days that are read at a time; more when one day has more */
    COLUMN_PERSON = 0,
    COLUMN_VISIT,
    COLUMN_AT,
    COLUMN_SEVERAL,
    COLUMN_VALUE,
    COLUMNS,
};

/* --- events as they come ------------------------------------------------------------------------
 */

struct gathering {
    const struct walk *walk;
    const struct walk_rows *rows;
    struct walk_order order; /* events that were set aside, all of one day */
    uint64_t order_day;
    bool any; /* the next two are of an event */
    uint64_t person, visit;
};

static void gathering_release(struct gathering *g) {
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
        code = hand_on(g, g->order_day << 32 | h->person, h->visit, h->value, err);
    }
    g->order.count = 0;
    return code;
}

static int hold(struct gathering *g, uint64_t person, uint64_t visit, int64_t at, uint32_t value,
                struct err *err) {
    int code = 0;
    if (g->order.count && g->order_day != person >> 32)
        code = hand_on_held(g, err);
    g->order_day = person >> 32;
    struct walk_held h = {(uint32_t)person, (uint32_t)visit, value, at};
    if (!code && !walk_hold(&g->order, h))
        return err_set(err, ERR_NOMEM, "out of memory");
    return code;
}

static int take_rows(void *to, const struct sql_chunk *c, struct err *err) {
    struct gathering *g = to;
    const uint64_t *person = c->columns[COLUMN_PERSON], *visit = c->columns[COLUMN_VISIT];
    const int64_t *at = c->columns[COLUMN_AT];
    const uint8_t *several = c->columns[COLUMN_SEVERAL];
    const uint32_t *values = c->columns[COLUMN_VALUE];
    struct numbering *texts = g->rows->texts;
    int code = 0;
    for (size_t i = 0; !code && i < c->rows; i++) {
        uint32_t value = texts ? 0 : values[i];
        if (texts && !numbering_get(texts, sql_chunk_text(c, COLUMN_VALUE, i), &value))
            return err_set(err, ERR_NOMEM, "out of memory");
        if (several[i])
            code = hold(g, person[i], visit[i], at[i], value, err);
        else
            code = hand_on(g, person[i], visit[i], value, err);
    }
    return code;
}

/* --- statements ---------------------------------------------------------------------------------
 */

/* Whether filters look at what only the visit file has, or at other events. */
static bool asks_visits(const struct filter *f) {
    return filter_names(f, DIM_ENTRY_PAGE) || filter_names(f, DIM_EXIT_PAGE) ||
           filter_has(f, FILTER_HAS_DONE);
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
    buf_addf(o,
             "SELECT e.day::UBIGINT << 32 | e.person, e.visit::UBIGINT, %s::BIGINT,"
             " (e.varies & %u)::UTINYINT, ",
             by_day ? "e.ts_sec" : "0", FIRST_OF(person)); /* a visit is in order in its file */
    rows->put_value(w, LEVEL_SEALED, rows->of);
    buf_adds(o, " FROM ");
    put_files(w, SOURCE_EVENT);
    buf_adds(o, " e");
    put_where(&events, LEVEL_SEALED, SIDE_EVENT);
    buf_addf(o, " AND e.day BETWEEN %d AND %d", from, to);
    rows->put_condition(w, LEVEL_SEALED, rows->of);
    if (!join)
        return;
    buf_adds(o, " AND e.day * 4294967296 + e.visit IN (SELECT v.day * 4294967296 + v.visit FROM ");
    put_files(w, SOURCE_VISIT);
    buf_addf(o, " v WHERE v.day BETWEEN %d AND %d", from, to);
    put_filters(w, LEVEL_SEALED, SIDE_VISIT);
    buf_adds(o, ") ORDER BY e.day, e.visit, e.file_row_number");
}

static void put_hot(const struct writer *w, const struct walk_rows *rows, bool by_day) {
    struct buf *o = w->out;
    buf_adds(o, "SELECT e.visitor, e.visit, e.ts_ms, 0::UTINYINT, ");
    rows->put_value(w, LEVEL_HOT, rows->of);
    buf_adds(o, " FROM ");
    put_event_source(w, LEVEL_HOT, SIDE_EVENT);
    put_where(w, LEVEL_HOT, SIDE_EVENT);
    rows->put_condition(w, LEVEL_HOT, rows->of);
    buf_addf(o, " ORDER BY e.day, e.visitor, %se.ts_ms, e.rowid", by_day ? "" : "e.visit, ");
}

static int run(struct gathering *g, struct buf *sql, struct err *err) {
    const struct walk *w = g->walk;
    const char *text = buf_cstr(sql);
    if (!text)
        return err_set(err, ERR_NOMEM, "out of memory");
    int64_t left_ms = (w->deadline_ns - clock_mono_ns(w->env->clock)) / 1000000;
    if (left_ms <= 0)
        return query_failed(ERR_TIMEOUT, err);
    struct sql_reader reader = {.columns = COLUMNS, .take = take_rows, .to = g};
    struct err why = {0};
    int r = store_view_read(w->view, text, w->params, w->param_count, (int)left_ms, &reader, &why);
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
    put_sealed(w, g->rows, g->walk->by_day, from, to);
    int r = run(g, &sql, err);
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
    return run(&g, &sql, err);
}
