/* The cell level: both sides over the tables of the cell cache, which store/cell.h explains.
 *
 * Pages are codes there: rows are added up by code and get their words last. */
#include "cell_tables.h"
#include "first.h"
#include "query_write.h"

/* What a side is read from: cells, or rows that belong to one of them (e, where v is its cell). */
struct cell_table {
    const char *name; /* NULL: the cells themselves */
    const char *again;
};

static const struct cell_table of_cells = {NULL, "again"};
static const struct cell_table of_entries = {"entry", "again_entry"};
static const struct cell_table of_names = {"name", "again_name"};
static const struct cell_table of_pages = {"page", "again_page"};
static const struct cell_table of_pairs = {"pair", "again_pair"};

static const struct {
    enum quantity bit;
    const char *name, *of_cells, *of_rows;
} columns[] = {
    {Q_VISITS, "visits", "v.visits", "e.visits"},
    {Q_PAGEVIEWS, "pageviews", "v.pageviews", "e.visits + e.more - e.other"},
    {Q_EVENTS, "events", "v.events", "e.visits + e.more"},
    {Q_BOUNCES, "bounces", "v.bounces", "e.bounces"},
    {Q_DURATION, "duration", "v.duration_ms", "e.duration_ms"},
};

static void put_from(const struct writer *w, const char *table, const char *more, enum side side) {
    struct buf *o = w->out;
    int32_t from, to;
    reach_days(&w->q->range, &from, &to);
    buf_adds(o, " FROM cell.cell v");
    if (table)
        buf_addf(o, " JOIN cell.%s e ON e.cell = v.cell", table);
    buf_addf(o, " WHERE v.site = %u AND v.day BETWEEN %d AND %d AND v.part IN (", w->site, from,
             to);
    for (size_t i = 0; i < w->reach->cell_part_count; i++)
        buf_addf(o, "%s%u", i ? ", " : "", w->reach->cell_parts[i]->id);
    buf_adds(o, ")");
    if (table)
        buf_addf(o, " AND e.site = %u AND e.day BETWEEN %d AND %d", w->site, from, to);
    put_filters(w, LEVEL_CELL, side);
    buf_addf(o, "%s GROUP BY ALL", more);
}

/* "visitors", by the flags of all rows. */
static void put_flagged(const struct writer *w, const struct cell_table *t,
                        const struct counting *c) {
    static const char *const names[] = {
#define X(name) #name,
        FIRST_DIMENSIONS(X)
#undef X
    };
    struct buf *o = w->out;
    if (t->name) {
        buf_adds(o, "sum(e.visits - e.again)::BIGINT");
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (c->person_flag == 1U << i)
            buf_addf(o, "sum(v.n_%s)::BIGINT", names[i]);
}

/* Persons of whom a filter may take some cells only: their flags are taken back, and they are
 * counted by id. */
static void put_again(const struct writer *w, const struct cell_table *t, const struct counting *c,
                      enum side side, char prefix) {
    struct buf *o = w->out;
    char varying[48];
    (void)snprintf(varying, sizeof(varying), " AND (e.varies & %u) <> 0", c->varies);
    buf_adds(o, " UNION ALL BY NAME SELECT ");
    put_dims(w, LEVEL_CELL, side);
    buf_addf(o, "e.day::BIGINT * 4294967296 + e.person AS k, -count(*) FILTER (");
    if (t->name)
        buf_adds(o, "e.flagged");
    else
        buf_addf(o, "(e.first & %u) <> 0", c->person_flag);
    buf_addf(o, ") AS %c_visitors", prefix);
    put_from(w, t->again, varying, side);
}

static void put_cell_rows(const struct writer *w, const struct cell_table *t,
                          const struct counting *c, unsigned mask, enum side side, char prefix) {
    struct buf *o = w->out;
    buf_adds(o, "SELECT ");
    put_dims(w, LEVEL_CELL, side);
    if (mask & Q_VISITORS) {
        put_flagged(w, t, c);
        buf_addf(o, " AS %c_visitors, ", prefix);
    }
    for (size_t i = 0; i < ARRAY_LEN(columns); i++)
        if (mask & columns[i].bit)
            buf_addf(o, "sum(%s)::BIGINT AS %c_%s, ",
                     t->name ? columns[i].of_rows : columns[i].of_cells, prefix, columns[i].name);
    /* Rows that take others back leave none. */
    buf_addf(o, "%s AS %c_n", t->name ? "sum(e.visits)::BIGINT" : "count(*)", prefix);
    put_from(w, t->name, "", side);
}

static void put_summed(const struct writer *w, const struct cell_table *t, const struct counting *c,
                       unsigned mask, enum side side, char prefix) {
    struct buf *o = w->out;
    bool by_person = mask & Q_VISITORS && c->varies;
    if (!by_person) {
        put_cell_rows(w, t, c, mask, side, prefix);
        return;
    }
    buf_adds(o, "SELECT ");
    put_dim_names(w);
    buf_addf(o, "(sum(%c_visitors) + count(k))::BIGINT AS %c_visitors, ", prefix, prefix);
    for (size_t i = 0; i < ARRAY_LEN(columns); i++)
        if (mask & columns[i].bit)
            buf_addf(o, "sum(%c_%s)::BIGINT AS %c_%s, ", prefix, columns[i].name, prefix,
                     columns[i].name);
    buf_addf(o, "sum(%c_n)::BIGINT AS %c_n FROM (", prefix, prefix);
    put_cell_rows(w, t, c, mask, side, prefix);
    put_again(w, t, c, side, prefix);
    buf_adds(o, ") GROUP BY ALL");
}

static bool is_code(enum dim d) {
    return d == DIM_PAGE || d == DIM_ENTRY_PAGE || d == DIM_NAME;
}

static void put_worded(const struct writer *w, const struct cell_table *t, const struct counting *c,
                       unsigned mask, enum side side, char prefix) {
    put_words_begin(w, LEVEL_CELL);
    put_summed(w, t, c, mask, side, prefix);
    put_words_end(w, LEVEL_CELL);
}

static const struct cell_table *event_table(const struct shape *s) {
    if (!s->cells_by_name)
        return &of_pages;
    return s->cells_by_page ? &of_pairs : &of_names;
}

void put_cells(const struct writer *w) {
    const struct shape *s = w->shape;
    const struct counting by_row = {.varies = s->varies};
    if (s->from_events)
        put_worded(w, event_table(s), &by_row, s->from_events, SIDE_EVENT, 'b');
    if (s->from_events && s->from_visits)
        buf_adds(w->out, " UNION ALL BY NAME ");
    if (s->from_visits)
        put_worded(w, s->cells_by_page ? &of_entries : &of_cells, &s->of_visits, s->from_visits,
                   SIDE_VISIT, 'a');
}

const char *cell_code(enum dim d, enum side side) {
    if (d == DIM_NAME)
        return "e.name";
    if (d == DIM_PAGE)
        return side == SIDE_EVENT ? "e.page" : "e.entry";
    return d == DIM_ENTRY_PAGE ? "e.entry" : NULL;
}

bool cells_have(enum dim d) {
    static const char *const names[] = {
#define X(name) #name,
        CELL_DIMENSIONS(X)
#undef X
    };
    if (is_code(d) || d == DIM_GOAL || d == DIM_SITE || dim_infos[d].scope == SCOPE_TIME)
        return d != DIM_TIME_HOUR;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(names[i], dim_infos[d].column) == 0)
            return true;
    return false;
}
