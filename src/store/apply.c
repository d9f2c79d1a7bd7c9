/* Applying a batch: rows, words, open visits and the cursor move together or not at all. */
#include "must.h"
#include "rows.h"
#include "store_private.h"
#include "vitals_pack.h"

/* --- rows ---------------------------------------------------------------------------------------
 */

#define VALUE_U8(name) PUT_U8(r, EVENT_COLUMN_##name, e->name)
#define VALUE_U32(name) PUT_U32(r, EVENT_COLUMN_##name, e->name)
#define VALUE_U64(name) PUT_U64(r, EVENT_COLUMN_##name, e->name)
#define VALUE_I32(name) PUT_I32(r, EVENT_COLUMN_##name, e->name)
#define VALUE_I64(name) PUT_I64(r, EVENT_COLUMN_##name, e->name)
#define VALUE_TEXT(name) (void)0 /* words, and props */
#define PLACE_EVENT(TYPE, name) VALUE_##TYPE(name)
#define PLACE_BOTH PLACE_EVENT
#define PLACE_VISIT(TYPE, name) (void)0
#define PLACE_PACKED(TYPE, name) (void)0

static void put_event(struct rows *r, const struct event *e, const struct event_words *words,
                      uint64_t visit, uint32_t first) {
#define FIELD(name, TYPE, unit, most, profiles, purpose, keep, place) PLACE_##place(TYPE, name);
#include "event_fields.def"
#undef FIELD
#define X(name) PUT_U32(r, EVENT_COLUMN_##name, words->name);
    EVENT_WORDS(X)
#undef X
    if (e->kind == EVENT_VITALS)
        PUT_I64(r, EVENT_COLUMN_revenue_milli, vitals_pack(e));
    /* Nearly all have none, which costs less than an empty text. */
    if (e->props.len)
        PUT_TEXT(r, EVENT_COLUMN_props, e->props);
    else
        rows_put_null(r, EVENT_COLUMN_props);
    PUT_U64(r, EVENT_COLUMN_visit, visit);
    PUT_U32(r, EVENT_COLUMN_first, first);
}

static void put_visit(struct rows *r, const struct visit_facts *f,
                      const struct attributes *attributes, int8_t sign, uint32_t first) {
    PUT_I8(r, VISIT_COLUMN_sign, sign);
    PUT_U64(r, VISIT_COLUMN_visit, f->visit);
    PUT_U32(r, VISIT_COLUMN_site, f->key.site);
    PUT_I32(r, VISIT_COLUMN_day, f->key.day);
    PUT_U8(r, VISIT_COLUMN_hour, f->hour);
    PUT_U64(r, VISIT_COLUMN_visitor, f->key.visitor);
    PUT_I64(r, VISIT_COLUMN_start_ms, f->start_ms);
    PUT_I64(r, VISIT_COLUMN_last_ms, f->last_ms);
    PUT_I32(r, VISIT_COLUMN_pageviews, sign * (int32_t)f->pageviews);
    PUT_I32(r, VISIT_COLUMN_events, sign * (int32_t)f->events);
    PUT_I8(r, VISIT_COLUMN_bounce, visit_bounced(f) ? sign : 0);
    PUT_I32(r, VISIT_COLUMN_duration_ms, sign * visit_duration_ms(f));
    PUT_U32(r, VISIT_COLUMN_entry_page, f->entry_page);
    PUT_U32(r, VISIT_COLUMN_exit_page, f->exit_page);
#define VISIT_CODED(name, text) PUT_U32(r, VISIT_COLUMN_##name, attributes->word[ATTRIBUTE_##name]);
#include "visit_fields.def"
    PUT_U32(r, VISIT_COLUMN_attributes, f->attributes);
    PUT_U32(r, VISIT_COLUMN_first, first);
    PUT_U8(r, VISIT_COLUMN_interactive, f->interactive);
    PUT_I64(r, VISIT_COLUMN_seen_ms, f->seen_ms);
}

/* Of an event that is dropped no word is kept. */
static int append_event(struct hot *h, struct rows *rows, const struct event *e,
                        enum engine_fault *fault, struct err *err) {
    uint64_t visit = 0;
    struct event_words words = {0};
    int code = e->kind == EVENT_PAGEVIEW ? words_get(h->words, e->page, &words.page, err) : 0;
    int staged = code ? code : visits_stage(h->visits, e, words.page, &visit, err);
    if (staged <= 0)
        return staged;
    uint32_t first;
    code = words_of_event(h->words, e, &words, err);
    if (!code)
        code = presence_event(h->presence, e, &words, visit, &first, err);
    if (code)
        return code;
    put_event(rows, e, &words, visit, first);
    return rows_next(rows, fault, err);
}

static int append_events(struct hot *h, const struct store_batch *batch, enum engine_fault *fault,
                         struct err *err) {
    CLEANUP(rows_release) struct rows rows;
    int code = rows_begin(&rows, h->writer, "event_row", h->event_rows, fault, err);
    for (size_t i = 0; !code && i < batch->event_count; i++)
        code = append_event(h, &rows, &batch->events[i], fault, err);
    return code ? code : rows_end(&rows, fault, err);
}

static int append_visits(struct hot *h, enum engine_fault *fault, struct err *err) {
    CLEANUP(rows_release) struct rows rows;
    int code = rows_begin(&rows, h->writer, "visit_row", h->visit_rows, fault, err);
    for (size_t i = 0; !code && i < visits_change_count(h->visits); i++) {
        const struct visit_change *c = visits_change(h->visits, i);
        const struct attributes *a = words_attributes(h->words, c->facts.attributes);
        uint32_t first_before, first_after;
        code = presence_change(h->presence, c, &first_before, &first_after, err);
        if (!code && c->before) {
            put_visit(&rows, &c->before->facts, a, -1, first_before);
            code = rows_next(&rows, fault, err);
        }
        if (code)
            break;
        put_visit(&rows, &c->facts, a, 1, first_after);
        code = rows_next(&rows, fault, err);
    }
    return code ? code : rows_end(&rows, fault, err);
}

/* --- words --------------------------------------------------------------------------------------
 */

static int append_words(struct hot *h, enum engine_fault *fault, struct err *err) {
    size_t count = words_unsaved(h->words);
    if (count == 0)
        return 0;
    CLEANUP(rows_release) struct rows rows;
    int code = rows_begin(&rows, h->writer, "word", h->word_rows, fault, err);
    for (size_t i = 0; !code && i < count; i++) {
        uint32_t word = words_unsaved_at(h->words, i);
        PUT_U32(&rows, WORD_COLUMN_code, word);
        PUT_TEXT(&rows, WORD_COLUMN_value, words_text(h->words, word));
        code = rows_next(&rows, fault, err);
    }
    return code ? code : rows_end(&rows, fault, err);
}

static int append_sets(struct hot *h, enum engine_fault *fault, struct err *err) {
    size_t count = words_unsaved_sets(h->words);
    if (count == 0)
        return 0;
    CLEANUP(rows_release) struct rows rows;
    int code = rows_begin(&rows, h->writer, "attribute_set", h->set_rows, fault, err);
    for (size_t i = 0; !code && i < count; i++) {
        uint32_t set = words_unsaved_set_at(h->words, i);
        const struct attributes *a = words_attributes(h->words, set);
        PUT_U32(&rows, SET_COLUMN_code, set);
        for (size_t k = 0; k < ATTRIBUTES; k++)
            PUT_TEXT(&rows, SET_COLUMN_texts + k, words_text(h->words, a->word[k]));
        code = rows_next(&rows, fault, err);
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
        code = append_words(h, fault, err);
    if (!code)
        code = append_sets(h, fault, err);
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
    words_saved(h->words);
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

int apply_prepare(struct hot *h, struct err *err) {
    enum engine_fault fault = ENGINE_FINE;
    int code = rows_chunk(h->writer, "event_row", EVENT_COLUMNS, &h->event_rows, err);
    if (!code)
        code = rows_chunk(h->writer, "visit_row", VISIT_COLUMNS, &h->visit_rows, err);
    if (!code)
        code = rows_chunk(h->writer, "word", WORD_COLUMNS, &h->word_rows, err);
    if (!code)
        code = rows_chunk(h->writer, "attribute_set", SET_COLUMNS, &h->set_rows, err);
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
    duckdb_destroy_data_chunk(&h->word_rows);
    duckdb_destroy_data_chunk(&h->set_rows);
    duckdb_destroy_prepare(&h->set_meta);
    duckdb_destroy_prepare(&h->set_mark);
    duckdb_destroy_prepare(&h->add_mark);
}
