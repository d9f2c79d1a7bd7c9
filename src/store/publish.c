/* Publishing parts: their days leave the hot tables for good.
 *
 * Deleting rows would leave their bytes in free blocks of the hot file. So the rows that stay are
 * copied to a new file, which takes the name of the old one; the old one goes with its last reader.
 * After a crash before the renaming the old file is opened again and `seen_part` says that this is
 * still to be done. */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store_private.h"

/* The days whose rows leave, in memory and as "(site, day), …". */
struct leaving {
    struct store_day *days;
    size_t count;
    struct buf list;
};

static void leaving_release(struct leaving *l) {
    free(l->days);
    buf_release(&l->list);
}

static bool leaves(const struct store_view *v, uint32_t seen_part, const struct store_day *d) {
    for (size_t i = 0; i < v->count; i++) {
        const struct sealed_part *p = &v->facts[i];
        if (p->id > seen_part && p->site == d->site && p->from_day <= d->day && d->day <= p->to_day)
            return true;
    }
    return false;
}

static int find_leaving(struct store *s, const struct store_view *v, struct leaving *ret,
                        struct err *err) {
    size_t count = 0;
    int code = store_hot_days(s, &ret->days, &count, err);
    for (size_t i = 0; !code && i < count; i++) {
        const struct store_day d = ret->days[i];
        if (!leaves(v, s->meta.seen_part, &d))
            continue;
        buf_addf(&ret->list, "%s(%u, %d)", ret->count ? ", " : "", d.site, d.day);
        ret->days[ret->count++] = d;
    }
    return code;
}

/* Runs the text that the buffer holds. */
static int run_buf(duckdb_connection c, struct buf *sql, enum engine_fault *fault,
                   struct err *err) {
    const char *text = buf_cstr(sql);
    return text ? engine_run(c, text, fault, err) : err_set(err, ERR_NOMEM, "out of memory");
}

static int make_list(duckdb_connection c, const struct leaving *l, enum engine_fault *fault,
                     struct err *err) {
    BUF_AUTO sql = {0};
    buf_adds(&sql, "CREATE OR REPLACE TEMP TABLE sealed_day (site UINTEGER, day INTEGER);"
                   "INSERT INTO temp.sealed_day VALUES ");
    buf_add(&sql, buf_span(&l->list));
    return run_buf(c, &sql, fault, err);
}

/* Words and sets that the copied rows use, under the codes they have: the bytes of others stay behind
 * with the old file. */
static void add_words(struct buf *sql, const char *to) {
    buf_addf(
        sql,
        "INSERT INTO %s.attribute_set SELECT * FROM attribute_set WHERE code IN (SELECT"
        " attributes FROM %s.visit_row); INSERT INTO %s.word SELECT * FROM word WHERE code >= %d"
        " AND (code IN (SELECT entry_page FROM %s.visit_row UNION SELECT exit_page FROM"
        " %s.visit_row",
        to, to, to, WORDS_GIVEN, to, to);
#define X(name) buf_addf(sql, " UNION SELECT " #name " FROM %s.event_row", to);
    EVENT_WORDS(X)
#undef X
    buf_adds(sql, ") OR value IN (SELECT unnest([");
    schema_attributes(sql, "");
    buf_addf(sql, "]) FROM %s.attribute_set)); ", to);
}

/* Copies all rows but those of sealed_day into the database `to`, in the order they came. */
static int copy_rows(duckdb_connection c, const char *to, enum engine_fault *fault,
                     struct err *err) {
    static const char *const tables[] = {"event_row", "visit_row"};
    BUF_AUTO sql = {0};
    buf_adds(&sql, "BEGIN; ");
    for (size_t i = 0; i < ARRAY_LEN(tables); i++)
        buf_addf(&sql,
                 "INSERT INTO %s.%s SELECT r.* FROM %s r WHERE NOT EXISTS (SELECT 1 FROM"
                 " temp.sealed_day d WHERE d.site = r.site AND d.day = r.day) ORDER BY r.rowid; ",
                 to, tables[i], tables[i]);
    add_words(&sql, to);
    buf_addf(&sql, "INSERT INTO %s.import_mark SELECT * FROM import_mark; COMMIT; CHECKPOINT %s",
             to, to);
    int code = run_buf(c, &sql, fault, err);
    if (code) {
        struct err ignored;
        if (engine_run(c, "ROLLBACK", fault, &ignored) && *fault == ENGINE_FINE)
            *fault = ENGINE_STOPPED;
    }
    return code;
}

static int fill_generation(struct store *s, const struct generation *g,
                           const struct schema_meta *meta, const struct leaving *l,
                           enum engine_fault *fault, struct err *err) {
    int code = make_list(s->hot.writer, l, fault, err);
    if (!code)
        code = schema_make(s->hot.writer, g->name, meta, err);
    if (!code)
        code = copy_rows(s->hot.writer, g->name, fault, err);
    struct err ignored;
    if (engine_run(s->hot.writer, "DROP TABLE IF EXISTS temp.sealed_day", fault, &ignored) &&
        *fault == ENGINE_FINE)
        *fault = ENGINE_STOPPED;
    return code;
}

/* From here on the writer's tables are those of `g`. The statements are made anew; when that fails
 * the engine is opened again. */
static int move_writer(struct store *s, const struct generation *g, struct err *err) {
    struct hot *h = &s->hot;
    char use[40];
    (void)snprintf(use, sizeof(use), "USE %s", g->name);
    apply_release(h);
    enum engine_fault fault = ENGINE_FINE;
    int code = engine_run(h->writer, use, &fault, err);
    if (!code)
        code = load_words(h, err);
    if (!code)
        code = apply_prepare(h, err);
    if (code)
        store_note_fault(s, ENGINE_STOPPED);
    h->generation = g->number;
    return code;
}

static void forget_days(struct hot *h, const struct leaving *l) {
    for (size_t i = 0; i < l->count; i++) {
        presence_forget(h->presence, l->days[i].site, l->days[i].day);
        visits_forget(h->visits, l->days[i].site, l->days[i].day);
    }
    visits_drop_forgotten(h->visits);
}

static void abandon(struct store *s, struct generation *g, const char *path) {
    engine_detach(s->hot.db, g->name);
    (void)unlink(path);
}

/* A new hot file without the rows of these days. */
static int replace_file(struct store *s, const struct store_change *change, const struct leaving *l,
                        const struct schema_meta *meta, struct err *err) {
    CLEANUP(generation_unrefp)
    struct generation *g = generation_new(s, s->opening, s->hot.generation + 1);
    char *path = NULL;
    if (!g || asprintf(&path, "%s/hot-%u.duckdb", s->dir, g->number) < 0)
        return err_set(err, ERR_NOMEM, "no memory for the hot tables");
    CLEANUP(free_charp) char *owned = path;
    (void)unlink(path);
    int code = engine_attach(s->hot.db, path, g->name, err);
    if (code)
        return code;
    enum engine_fault fault = ENGINE_FINE;
    code = fill_generation(s, g, meta, l, &fault, err);
    struct store_view *v = NULL;
    if (!code)
        code = view_make(s->view, generation_ref(g), change, &v, err);
    if (!code && rename(path, s->path) < 0)
        code = err_sys(err, errno, "cannot name the new hot file");
    if (code) {
        if (v)
            view_unref(v);
        abandon(s, g, path);
        store_note_fault(s, fault);
        return code;
    }
    forget_days(&s->hot, l);
    s->meta = *meta;
    s->unsaved_events = 0;
    view_bury(s->view, change);
    publish_view(s, v);
    return move_writer(s, g, err);
}

/* `v` becomes the view of the moment; taken over only on success. */
static int same_file(struct store *s, const struct store_change *change, struct store_view *v,
                     const struct schema_meta *meta, struct err *err) {
    char sql[60];
    (void)snprintf(sql, sizeof(sql), "UPDATE meta SET seen_part = %u", meta->seen_part);
    enum engine_fault fault = ENGINE_FINE;
    int code = engine_run(s->hot.writer, sql, &fault, err);
    if (code) {
        store_note_fault(s, fault);
        return code;
    }
    s->meta = *meta;
    if (s->unsaved_events == 0)
        s->unsaved_events = 1;
    view_bury(s->view, change);
    publish_view(s, v);
    return 0;
}

int store_publish(struct store *s, const struct store_change *change, struct err *err) {
    if (store_needs_reopen(s) || !s->view)
        return err_set(err, ERR_CORRUPT, "the hot tables must be opened again");
    CLEANUP(view_unrefp) struct store_view *v = NULL;
    int code = view_make(s->view, generation_ref(s->view->generation), change, &v, err);
    if (code)
        return code;
    code = roll_sync(s->hot.writer, s->view, v, change, !s->rolls_synced, err);
    if (!code && !s->rolls_synced)
        code = cells_mark(s->hot.writer, v, err);
    if (code)
        return code;
    s->rolls_synced = true;
    CLEANUP(leaving_release) struct leaving l = {0};
    code = find_leaving(s, v, &l, err);
    if (code)
        return code;
    struct schema_meta meta = {.cursor = store_cursor(s),
                               .next_visit = visits_next_id(s->hot.visits),
                               .seen_part = v->watermark};
    if (l.count)
        return replace_file(s, change, &l, &meta, err);
    code = same_file(s, change, v, &meta, err);
    if (!code)
        v = NULL;
    return code;
}

void store_rest(struct store *s, const struct store_day *days, size_t count) {
    if (!s->hot.db)
        return;
    for (size_t i = 0; i < count; i++)
        presence_rest(s->hot.presence, days[i].site, days[i].day);
    visits_drop_forgotten(s->hot.visits);
    (void)malloc_trim(0);
}

bool store_is_sealed(struct store *s, uint32_t site, int32_t day, struct cursor at) {
    return s->view && cursor_before(at, s->view->until) && store_view_holds(s->view, site, day, at);
}
