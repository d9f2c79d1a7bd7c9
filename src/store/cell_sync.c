/* Keeps the cell cache what the parts of the view say, a step at a time and behind it: until a part
 * is in, queries read its files. */
#include <stdlib.h>

#include "cell.h"
#include "seal_private.h"
#include "store_private.h"

enum { SAVE_EVERY_EVENTS = 500000 };

void cells_note_gone(struct store *s, uint32_t part) {
    pthread_mutex_lock(&s->cells.lock);
    size_t n = s->cells.gone_count;
    uint32_t *more = realloc(s->cells.gone, (n + 1) * sizeof(*more));
    if (more) { /* else the sweep after the next opening finds it */
        more[n] = part;
        s->cells.gone = more;
        s->cells.gone_count = n + 1;
    }
    pthread_mutex_unlock(&s->cells.lock);
}

static bool has_rows(const struct sealed_part *p) {
    return p->event_path && p->visit_path;
}

static bool shows(const struct store_view *v, uint32_t id) {
    for (size_t i = 0; i < v->count; i++)
        if (v->facts[i].id == id && has_rows(&v->facts[i]))
            return true;
    return false;
}

static int take_ids(void *to, duckdb_data_chunk rows, struct err *err) {
    struct buf *ids = to;
    const char *from = duckdb_vector_get_data(duckdb_data_chunk_get_vector(rows, 0));
    buf_add(ids, span_of(from, duckdb_data_chunk_get_size(rows) * sizeof(uint32_t)));
    return 0;
}

static int by_id(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

int cells_mark(duckdb_connection c, const struct store_view *v, struct err *err) {
    BUF_AUTO sql = {0};
    BUF_AUTO ids = {0};
    buf_adds(&sql, "SELECT part FROM cell.loaded ORDER BY part");
    int code = sql_each_chunk(c, &sql, take_ids, &ids, err);
    if (!code && ids.failed)
        code = err_set(err, ERR_NOMEM, "no memory for a list of parts");
    for (size_t i = 0; !code && ids.len && i < v->count; i++)
        if (has_rows(&v->facts[i]) &&
            bsearch(&v->facts[i].id, ids.data, ids.len / sizeof(uint32_t), sizeof(uint32_t), by_id))
            view_set_cells(v, i, CELLS_READY);
    return code;
}

/* Cells that a crash left of parts that are gone. */
static int sweep(duckdb_connection c, struct store *s, const struct store_view *v,
                 struct err *err) {
    BUF_AUTO sql = {0};
    BUF_AUTO ids = {0};
    buf_adds(&sql, "SELECT DISTINCT part FROM cell.built");
    int code = sql_each_chunk(c, &sql, take_ids, &ids, err);
    if (code)
        return code;
    for (size_t i = 0; i < ids.len / sizeof(uint32_t); i++)
        cells_note_gone(s, ((const uint32_t *)(const void *)ids.data)[i]);
    s->cells.swept = v->generation->opening;
    return 0;
}

static struct cell_source source_of(const struct sealed_part *p) {
    return (struct cell_source){.site = p->site,
                                .part = p->id,
                                .from_day = p->from_day,
                                .to_day = p->to_day,
                                .event_path = p->event_path,
                                .visit_path = p->visit_path};
}

/* A compacted month has the rows of its days: their cells are right for it. */
static int hand_over(duckdb_connection c, const struct store_view *v, const uint32_t *gone,
                     size_t count, bool *ret_any, struct err *err) {
    int code = 0;
    for (size_t i = 0; count > 1 && !code && i < v->count; i++) {
        const struct sealed_part *p = &v->facts[i];
        if (!has_rows(p) || view_cells(v, i) != CELLS_UNKNOWN)
            continue;
        const struct cell_source month = source_of(p);
        bool taken = false;
        code = cell_take_over(c, &month, p->visit_rows, gone, count, &taken, err);
        if (taken)
            view_set_cells(v, i, CELLS_READY);
        *ret_any |= taken;
    }
    return code;
}

/* A part that came back under its id keeps its cells when it has its rows. */
static int drop_gone(duckdb_connection c, struct store *s, const struct store_view *v,
                     bool *ret_any, struct err *err) {
    pthread_mutex_lock(&s->cells.lock);
    CLEANUP(free_charp) char *owned = (char *)s->cells.gone;
    uint32_t *gone = s->cells.gone;
    size_t count = s->cells.gone_count, left = 0;
    s->cells.gone = NULL;
    s->cells.gone_count = 0;
    pthread_mutex_unlock(&s->cells.lock);
    for (size_t i = 0; i < count; i++)
        if (!shows(v, gone[i]))
            gone[left++] = gone[i];
    if (left == 0)
        return 0;
    bool dropped = false;
    int code = hand_over(c, v, gone, left, ret_any, err);
    if (!code)
        code = cell_forget(c, gone, left, &dropped, err);
    *ret_any |= dropped;
    for (size_t i = 0; code && i < left; i++)
        cells_note_gone(s, gone[i]);
    return code;
}

static int build_next(duckdb_connection c, struct store *s, const struct store_view *v,
                      bool *ret_built, struct err *err) {
    for (size_t i = v->count; i-- > 0;) {
        const struct sealed_part *p = &v->facts[i];
        if (!has_rows(p) || view_cells(v, i) != CELLS_UNKNOWN)
            continue;
        const struct cell_source source = source_of(p);
        bool complete = false;
        int code = cell_build(c, &source, &complete, err);
        if (code == ERR_NOMEM || code == ERR_FULL)
            return code;
        if (code || complete)
            view_set_cells(v, i, code ? CELLS_NONE : CELLS_READY);
        s->cells.unsaved_events += p->event_rows / (uint64_t)(p->to_day - p->from_day + 1) + 1;
        *ret_built = true;
        return 0;
    }
    return 0;
}

/* A checkpoint costs as much as building a small day. What a crash takes back is built again. */
static int save(duckdb_connection c, struct store *s, bool at_rest, struct err *err) {
    if (s->cells.unsaved_events < (at_rest ? 1 : SAVE_EVERY_EVENTS))
        return 0;
    BUF_AUTO sql = {0};
    buf_adds(&sql, "CHECKPOINT cell");
    int code = sql_run(c, &sql, err);
    if (!code)
        s->cells.unsaved_events = 0;
    return code;
}

struct step {
    struct store *store;
    bool changed;
};

static int step(duckdb_connection c, void *arg, struct err *err) {
    struct step *k = arg;
    CLEANUP(view_unrefp) struct store_view *v = NULL;
    int code = store_view_open(k->store, &v, err);
    if (code)
        return code;
    if (k->store->cells.swept != v->generation->opening)
        code = sweep(c, k->store, v, err);
    bool dropped = false, built = false;
    if (!code)
        code = drop_gone(c, k->store, v, &dropped, err);
    if (!code)
        code = build_next(c, k->store, v, &built, err);
    k->changed = dropped || built;
    k->store->cells.unsaved_events += dropped;
    return code ? code : save(c, k->store, !k->changed, err);
}

int store_build_cells(struct store *s, bool *ret_more, struct err *err) {
    struct step k = {.store = s};
    int code = store_with_session(s, step, &k, err);
    if (!code)
        *ret_more = k.changed;
    return code;
}
