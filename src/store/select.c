/* Running one SELECT within a view. */
#include "clock.h"
#include "keep_rows.h"
#include "read_chunks.h"
#include "store_private.h"

static bool bind(duckdb_prepared_statement p, idx_t at, const struct sql_value *v) {
    switch (v->type) {
    case SQL_INT:
        return duckdb_bind_int64(p, at, v->i) == DuckDBSuccess;
    case SQL_REAL:
        return duckdb_bind_double(p, at, v->d) == DuckDBSuccess;
    case SQL_TEXT_VALUE:
        return span_is_utf8(v->text) &&
               duckdb_bind_varchar_length(p, at, v->text.ptr, v->text.len) == DuckDBSuccess;
    case SQL_NULL_VALUE:
        break;
    }
    return duckdb_bind_null(p, at) == DuckDBSuccess;
}

/* A statement to be run, and what becomes of its rows. */
struct statement {
    const char *sql;
    const struct sql_value *params;
    size_t param_count;
    int (*take)(duckdb_result *r, void *to, struct err *err);
    void *to;
};

static int run(duckdb_connection c, const struct statement *s, enum engine_fault *fault,
               struct err *err) {
    duckdb_prepared_statement p = NULL;
    int code = engine_prepare(c, s->sql, &p, fault, err);
    if (code)
        return code;
    if (duckdb_prepared_statement_type(p) != DUCKDB_STATEMENT_TYPE_SELECT)
        code = err_set(err, ERR_INVALID, "not a SELECT");
    else if (duckdb_nparams(p) != s->param_count)
        code = err_set(err, ERR_INVALID, "%zu parameters given, %zu wanted", s->param_count,
                       (size_t)duckdb_nparams(p));
    for (size_t i = 0; !code && i < s->param_count; i++)
        if (!bind(p, i + 1, &s->params[i]))
            code = err_set(err, ERR_INVALID, "parameter %zu does not bind", i + 1);
    if (!code) {
        duckdb_result r;
        code = engine_execute(p, &r, fault, err);
        if (!code)
            code = s->take(&r, s->to, err);
        duckdb_destroy_result(&r);
    }
    duckdb_destroy_prepare(&p);
    return code;
}

/* In a transaction of its own, so that the statement is planned and run at the same moment: rows that
 * came in between would not be in the statistics that the plan relies on. */
static int run_at_once(struct reader *reader, const struct statement *s, enum engine_fault *fault,
                       struct err *err) {
    int code = engine_run(reader->connection, "BEGIN TRANSACTION READ ONLY", fault, err);
    if (code)
        return code;
    code = run(reader->connection, s, fault, err);
    enum engine_fault ending = ENGINE_FINE;
    struct err ignored;
    reader->spoilt = engine_run(reader->connection, "ROLLBACK", &ending, &ignored) != 0;
    return code;
}

static int run_in_view(struct store_view *v, const struct statement *statement, int timeout_ms,
                       struct err *err) {
    const struct generation *g = v->generation;
    struct store *s = g->store;
    if (atomic_load(&s->shut) || pthread_rwlock_tryrdlock(&s->gate) != 0)
        return err_set(err, ERR_BUSY, "the hot tables are being opened again");
    struct reader reader = {.deadline_ns =
                                clock_mono_ns(&clock_system) + (int64_t)timeout_ms * 1000000};
    enum engine_fault fault = ENGINE_FINE;
    int code;
    if (!s->hot.db || s->opening != g->opening || !reader_begin(s, g, &reader)) {
        code = err_set(err, ERR_BUSY, "the hot tables are not open");
    } else {
        workers_call(s->hot.workers);
        code = run_at_once(&reader, statement, &fault, err);
        workers_dismiss(s->hot.workers);
        reader_end(s, g, &reader);
        store_note_fault(s, fault);
    }
    pthread_rwlock_unlock(&s->gate);
    if (code == ERR_TIMEOUT && atomic_load(&s->shut))
        return err_set(err, ERR_BUSY, "the hot tables are being opened again");
    return code;
}

int store_view_select(struct store_view *v, const char *sql, const struct sql_value *params,
                      size_t param_count, int timeout_ms, struct sql_result **ret,
                      struct err *err) {
    struct statement s = {sql, params, param_count, keep_rows, ret};
    return run_in_view(v, &s, timeout_ms, err);
}

int store_view_read(struct store_view *v, const char *sql, const struct sql_value *params,
                    size_t param_count, int timeout_ms, const struct sql_reader *reader,
                    struct err *err) {
    struct statement s = {sql, params, param_count, read_chunks, (void *)(uintptr_t)reader};
    return run_in_view(v, &s, timeout_ms, err);
}

int store_select(struct store *s, const char *sql, const struct sql_value *params,
                 size_t param_count, int timeout_ms, struct sql_result **ret, struct err *err) {
    CLEANUP(store_view_closep) struct store_view *v = NULL;
    int code = store_view_open(s, &v, err);
    return code ? code : store_view_select(v, sql, params, param_count, timeout_ms, ret, err);
}

int store_hot_days(struct store *s, struct store_day **ret, size_t *ret_count, struct err *err) {
    CLEANUP(sql_result_freep) struct sql_result *r = NULL;
    int code = store_select(s, "SELECT DISTINCT site, day FROM event_row ORDER BY site, day", NULL,
                            0, 60000, &r, err);
    if (code)
        return code;
    size_t count = sql_result_rows(r);
    struct store_day *days = calloc(count + 1, sizeof(*days));
    if (!days)
        return err_set(err, ERR_NOMEM, "no memory for a list of days");
    for (size_t i = 0; i < count; i++)
        days[i] = (struct store_day){.site = (uint32_t)sql_result_at(r, i, 0).i,
                                     .day = (int32_t)sql_result_at(r, i, 1).i};
    *ret = days;
    *ret_count = count;
    return 0;
}

int store_import_offset(struct store *s, uint64_t import, uint64_t *ret_offset, struct err *err) {
    const struct sql_value id = {.type = SQL_INT, .i = (int64_t)import};
    CLEANUP(sql_result_freep) struct sql_result *r = NULL;
    int code = store_select(s, "SELECT byte_offset FROM import_mark WHERE import = $1", &id, 1,
                            10000, &r, err);
    if (!code)
        *ret_offset = sql_result_rows(r) ? (uint64_t)sql_result_at(r, 0, 0).i : 0;
    return code;
}
