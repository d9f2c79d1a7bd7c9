/* Applying a batch: rows, open visits and the cursor move together or not at all.
 *
 * Rows go in as columns (data chunks of the appender). Text is lent to the chunk and copied by the
 * appender, so nothing is copied twice here. */
#include "must.h"
#include "store_private.h"

/* Text for a column: must be UTF-8, which the engine takes on trust; anything else is kept out. */
static duckdb_string_t engine_text(struct span s) {
    duckdb_string_t out = {0};
    const unsigned char *p = (const unsigned char *)s.ptr;
    uint64_t high = 0;
    size_t i = 0;
    for (; i + 8 <= s.len; i += 8) {
        uint64_t word;
        memcpy(&word, p + i, 8);
        high |= word;
    }
    for (; i < s.len; i++)
        high |= p[i];
    if ((high & 0x8080808080808080ULL) && !span_is_utf8(s))
        return out;
    if (s.len <= sizeof(out.value.inlined.inlined)) {
        out.value.inlined.length = (uint32_t)s.len;
        if (s.len)
            memcpy(out.value.inlined.inlined, s.ptr, s.len);
        return out;
    }
    out.value.pointer.length = (uint32_t)s.len;
    memcpy(out.value.pointer.prefix, s.ptr, sizeof(out.value.pointer.prefix));
    out.value.pointer.ptr = (char *)(uintptr_t)s.ptr;
    return out;
}

/* --- rows ---------------------------------------------------------------------------------------
 */

/* An appender, the chunk it is fed with, and where the next row goes. */
struct rows {
    duckdb_appender appender;
    duckdb_data_chunk chunk;
    idx_t columns;
    void *column[MOST_COLUMNS];
    idx_t count;
    idx_t most;
};

static void rows_release(struct rows *r) {
    if (r->appender)
        duckdb_appender_destroy(&r->appender);
}

static int rows_error(struct rows *r, enum engine_fault *fault, struct err *err) {
    duckdb_error_data e = duckdb_appender_error_data(r->appender);
    int code = engine_error(duckdb_error_data_error_type(e), duckdb_error_data_message(e), "append",
                            fault, err);
    duckdb_destroy_error_data(&e);
    return code;
}

static void rows_reset(struct rows *r) {
    duckdb_data_chunk_reset(r->chunk);
    for (idx_t i = 0; i < r->columns; i++)
        r->column[i] = duckdb_vector_get_data(duckdb_data_chunk_get_vector(r->chunk, i));
    r->count = 0;
}

static int rows_begin(struct rows *r, struct hot *h, const char *table, duckdb_data_chunk chunk,
                      enum engine_fault *fault, struct err *err) {
    *r = (struct rows){.chunk = chunk,
                       .columns = duckdb_data_chunk_get_column_count(chunk),
                       .most = duckdb_vector_size()};
    if (duckdb_appender_create(h->writer, NULL, table, &r->appender) != DuckDBSuccess)
        return r->appender ? rows_error(r, fault, err)
                           : err_set(err, ERR_NOMEM, "no memory for an appender");
    rows_reset(r);
    return 0;
}

static int rows_flush(struct rows *r, enum engine_fault *fault, struct err *err) {
    duckdb_data_chunk_set_size(r->chunk, r->count);
    if (r->count && duckdb_append_data_chunk(r->appender, r->chunk) != DuckDBSuccess)
        return rows_error(r, fault, err);
    rows_reset(r);
    return 0;
}

static int rows_end(struct rows *r, enum engine_fault *fault, struct err *err) {
    int code = rows_flush(r, fault, err);
    if (!code && duckdb_appender_close(r->appender) != DuckDBSuccess)
        code = rows_error(r, fault, err);
    return code;
}

#define PUT(type, i, v) (((type *)r->column[i])[r->count] = (v))
#define PUT_U8(i, v) PUT(uint8_t, i, v)
#define PUT_U32(i, v) PUT(uint32_t, i, v)
#define PUT_U64(i, v) PUT(uint64_t, i, v)
#define PUT_I32(i, v) PUT(int32_t, i, v)
#define PUT_I64(i, v) PUT(int64_t, i, v)
#define PUT_TEXT(i, v) PUT(duckdb_string_t, i, engine_text(v))

#define PLACE_EVENT(TYPE, name) PUT_##TYPE(EVENT_COLUMN_##name, e->name)
#define PLACE_BOTH PLACE_EVENT
#define PLACE_VISIT(TYPE, name) (void)0

static void put_event(struct rows *r, const struct event *e, uint64_t visit, uint32_t first) {
#define FIELD(name, TYPE, unit, most, profiles, purpose, keep, place) PLACE_##place(TYPE, name);
#include "event_fields.def"
#undef FIELD
    PUT_U64(EVENT_COLUMN_visit, visit);
    PUT_U32(EVENT_COLUMN_first, first);
    r->count++;
}

static void put_visit(struct rows *r, const struct visit *v, int8_t sign, uint32_t first) {
    const struct visit_facts *f = &v->facts;
    PUT(int8_t, VISIT_COLUMN_sign, sign);
    PUT_U64(VISIT_COLUMN_visit, f->visit);
    PUT_U32(VISIT_COLUMN_site, f->key.site);
    PUT_I32(VISIT_COLUMN_day, f->key.day);
    PUT_U8(VISIT_COLUMN_hour, f->hour);
    PUT_U64(VISIT_COLUMN_visitor, f->key.visitor);
    PUT_I64(VISIT_COLUMN_start_ms, f->start_ms);
    PUT_I64(VISIT_COLUMN_last_ms, f->last_ms);
    PUT_U32(VISIT_COLUMN_pageviews, f->pageviews);
    PUT_U32(VISIT_COLUMN_events, f->events);
    PUT_U8(VISIT_COLUMN_bounce, visit_bounced(f));
    PUT_I64(VISIT_COLUMN_duration_ms, visit_duration_ms(f));
    PUT_U32(VISIT_COLUMN_first, first);
    PUT_U8(VISIT_COLUMN_interactive, f->interactive);
    PUT_I64(VISIT_COLUMN_seen_ms, f->seen_ms);
#define X(name) PUT_TEXT(VISIT_COLUMN_##name, visit_text(v, VISIT_TEXT_##name));
    VISIT_TEXTS_ALL(X)
#undef X
    r->count++;
}

static int append_events(struct hot *h, const struct store_batch *batch, enum engine_fault *fault,
                         struct err *err) {
    CLEANUP(rows_release) struct rows rows;
    int code = rows_begin(&rows, h, "event", h->event_rows, fault, err);
    for (size_t i = 0; !code && i < batch->event_count; i++) {
        uint64_t visit = 0;
        int staged = visits_stage(h->visits, &batch->events[i], &visit, err);
        if (staged < 0)
            return staged;
        if (staged == 0)
            continue;
        uint32_t first;
        code = presence_event(h->presence, &batch->events[i], visit, &first, err);
        if (code)
            return code;
        put_event(&rows, &batch->events[i], visit, first);
        if (rows.count == rows.most)
            code = rows_flush(&rows, fault, err);
    }
    return code ? code : rows_end(&rows, fault, err);
}

static int append_visits(struct hot *h, enum engine_fault *fault, struct err *err) {
    CLEANUP(rows_release) struct rows rows;
    int code = rows_begin(&rows, h, "visit", h->visit_rows, fault, err);
    for (size_t i = 0; !code && i < visits_change_count(h->visits); i++) {
        const struct visit_change *c = visits_change(h->visits, i);
        uint32_t first_before, first_after;
        code = presence_change(h->presence, c, &first_before, &first_after, err);
        if (code)
            return code;
        if (c->before)
            put_visit(&rows, c->before, -1, first_before);
        if (rows.count == rows.most)
            code = rows_flush(&rows, fault, err);
        if (code)
            break;
        put_visit(&rows, c->after, 1, first_after);
        if (rows.count == rows.most)
            code = rows_flush(&rows, fault, err);
    }
    return code ? code : rows_end(&rows, fault, err);
}

/* --- one-row statements -------------------------------------------------------------------------
 */

static int execute_u64(duckdb_prepared_statement p, const uint64_t *values, size_t count,
                       idx_t *ret_changed, enum engine_fault *fault, struct err *err) {
    for (size_t i = 0; i < count; i++)
        if (duckdb_bind_uint64(p, i + 1, values[i]) != DuckDBSuccess)
            return err_set(err, ERR_INVALID, "a statement's parameter does not bind");
    duckdb_result r;
    int code = engine_execute(p, &r, fault, err);
    if (!code)
        *ret_changed = duckdb_rows_changed(&r);
    duckdb_destroy_result(&r);
    return code;
}

static int write_marks(struct hot *h, const struct store_batch *batch, enum engine_fault *fault,
                       struct err *err) {
    for (size_t i = 0; i < batch->mark_count; i++) {
        bool last = true;
        for (size_t k = i + 1; last && k < batch->mark_count; k++)
            last = batch->marks[k].import != batch->marks[i].import;
        if (!last)
            continue;
        const uint64_t values[] = {batch->marks[i].import, batch->marks[i].offset};
        idx_t changed = 0;
        int code = execute_u64(h->set_mark, values, 2, &changed, fault, err);
        if (!code && changed == 0)
            code = execute_u64(h->add_mark, values, 2, &changed, fault, err);
        if (code)
            return code;
    }
    return 0;
}

static int write_meta(struct hot *h, struct cursor next, enum engine_fault *fault,
                      struct err *err) {
    const uint64_t values[] = {next.segment, next.offset, visits_next_id(h->visits)};
    idx_t changed = 0;
    return execute_u64(h->set_meta, values, ARRAY_LEN(values), &changed, fault, err);
}

/* --- the batch ----------------------------------------------------------------------------------
 */

static int write_batch(struct hot *h, const struct store_batch *batch, enum engine_fault *fault,
                       struct err *err) {
    int code = engine_run(h->writer, "BEGIN TRANSACTION", fault, err);
    if (!code && batch->event_count)
        code = append_events(h, batch, fault, err);
    if (!code)
        code = visits_finish(h->visits, err);
    if (!code && visits_change_count(h->visits))
        code = append_visits(h, fault, err);
    if (!code)
        code = write_marks(h, batch, fault, err);
    if (!code)
        code = write_meta(h, batch->next, fault, err);
    return code;
}

int store_apply(struct store *s, const struct store_batch *batch, struct err *err) {
    struct hot *h = &s->hot;
    if (store_needs_reopen(s))
        return err_set(err, ERR_CORRUPT, "the hot tables must be opened again");
    workers_send_away(h->workers);
    enum engine_fault fault = ENGINE_FINE;
    int code = write_batch(h, batch, &fault, err);
    if (code) {
        struct err ignored;
        if (engine_run(h->writer, "ROLLBACK", &fault, &ignored) && fault == ENGINE_FINE)
            fault = ENGINE_STOPPED;
    } else {
        code = engine_run(h->writer, "COMMIT", &fault, err);
        /* Only the file knows now whether the batch is in it. */
        if (code && fault == ENGINE_FINE)
            fault = ENGINE_STOPPED;
    }
    if (code) {
        visits_discard(h->visits);
        presence_discard(h->presence);
        store_note_fault(s, fault);
        return code;
    }
    visits_publish(h->visits);
    presence_publish(h->presence);
    s->applied = true;
    s->unsaved_events += batch->event_count ? batch->event_count : 1;
    pthread_mutex_lock(&s->cursor_lock);
    s->cursor = batch->next;
    pthread_mutex_unlock(&s->cursor_lock);
    /* The batch is applied whatever becomes of this; damage is noted and met by the next call. */
    struct err ignored;
    if (s->unsaved_events >= MOST_UNSAVED_EVENTS && store_checkpoint(s, &ignored))
        s->unsaved_events = MOST_UNSAVED_EVENTS / 2;
    return 0;
}

/* --- set-up -------------------------------------------------------------------------------------
 */

/* A chunk with the columns of a table, taken from an appender so that they always match. */
static int make_chunk(duckdb_connection c, const char *table, idx_t columns, duckdb_data_chunk *ret,
                      struct err *err) {
    CLEANUP(rows_release) struct rows rows = {0};
    if (duckdb_appender_create(c, NULL, table, &rows.appender) != DuckDBSuccess ||
        duckdb_appender_column_count(rows.appender) != columns)
        return err_set(err, ERR_CORRUPT, "table %s is not as we made it", table);
    duckdb_logical_type types[MOST_COLUMNS];
    for (idx_t i = 0; i < columns; i++)
        types[i] = duckdb_appender_column_type(rows.appender, i);
    *ret = duckdb_create_data_chunk(types, columns);
    for (idx_t i = 0; i < columns; i++)
        duckdb_destroy_logical_type(&types[i]);
    return *ret ? 0 : err_set(err, ERR_NOMEM, "no memory for rows");
}

int apply_prepare(struct hot *h, struct err *err) {
    enum engine_fault fault = ENGINE_FINE;
    int code = make_chunk(h->writer, "event", EVENT_COLUMNS, &h->event_rows, err);
    if (!code)
        code = make_chunk(h->writer, "visit", VISIT_COLUMNS, &h->visit_rows, err);
    if (!code)
        code = engine_prepare(h->writer,
                              "UPDATE meta SET segment = $1, \"offset\" = $2, next_visit = $3",
                              &h->set_meta, &fault, err);
    if (!code)
        code =
            engine_prepare(h->writer, "UPDATE import_mark SET byte_offset = $2 WHERE import = $1",
                           &h->set_mark, &fault, err);
    if (!code)
        code = engine_prepare(h->writer, "INSERT INTO import_mark VALUES ($1, $2)", &h->add_mark,
                              &fault, err);
    return code;
}

void apply_release(struct hot *h) {
    duckdb_destroy_data_chunk(&h->event_rows);
    duckdb_destroy_data_chunk(&h->visit_rows);
    duckdb_destroy_prepare(&h->set_meta);
    duckdb_destroy_prepare(&h->set_mark);
    duckdb_destroy_prepare(&h->add_mark);
}
