/* Running one SELECT and keeping its result. */
#include "arena.h"
#include "clock.h"
#include "read_chunks.h"
#include "store_private.h"

enum { WATCH_AGAIN_MS = 20, MOST_RESULT_BYTES = 256 * 1024 * 1024 };

struct sql_result {
    size_t rows;
    size_t columns;
    size_t cap_rows;
    struct sql_value *values; /* rows × columns */
    struct arena texts;
};

void sql_result_free(struct sql_result *r) {
    if (!r)
        return;
    free(r->values);
    arena_release(&r->texts);
    free(r);
}

size_t sql_result_rows(const struct sql_result *r) {
    return r->rows;
}

size_t sql_result_columns(const struct sql_result *r) {
    return r->columns;
}

struct sql_value sql_result_at(const struct sql_result *r, size_t row, size_t column) {
    return r->values[row * r->columns + column];
}

/* --- connections and the watchdog ---------------------------------------------------------------
 */

static struct timespec deadline_of(int64_t ns) {
    return (struct timespec){.tv_sec = (time_t)(ns / 1000000000),
                             .tv_nsec = (long)(ns % 1000000000)};
}

/* Interrupts what is over its time, again and again: an interrupt that comes before the engine
 * begins the statement is lost. */
static void *watch(void *arg) {
    struct readers *r = arg;
    pthread_mutex_lock(&r->lock);
    while (!r->stop) {
        int64_t now = clock_mono_ns(&clock_system);
        int64_t next = INT64_MAX;
        for (struct reader *run = r->running; run; run = run->next) {
            int64_t due = run->deadline_ns;
            if (r->interrupt_all || due <= now) {
                duckdb_interrupt(run->connection);
                due = now + WATCH_AGAIN_MS * 1000000LL;
            }
            if (due < next)
                next = due;
        }
        if (next == INT64_MAX) {
            pthread_cond_wait(&r->changed, &r->lock);
        } else {
            struct timespec t = deadline_of(next);
            pthread_cond_timedwait(&r->changed, &r->lock, &t);
        }
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

int readers_start(struct readers *r, struct err *err) {
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->changed, &attr);
    pthread_condattr_destroy(&attr);
    int sys = pthread_create(&r->watchdog, NULL, watch, r);
    if (sys == 0)
        return 0;
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    return err_sys(err, sys, "cannot start the store's watchdog");
}

static void disconnect(struct readers *r) {
    while (r->idle_count)
        duckdb_disconnect(&r->idle[--r->idle_count]);
}

void readers_disconnect(struct readers *r) {
    pthread_mutex_lock(&r->lock);
    disconnect(r);
    pthread_mutex_unlock(&r->lock);
}

/* In one step: an idle connection uses the tables of idle_generation at every moment. */
void readers_keep(struct readers *r, unsigned generation) {
    pthread_mutex_lock(&r->lock);
    if (r->idle_generation != generation)
        disconnect(r);
    r->idle_generation = generation;
    pthread_mutex_unlock(&r->lock);
}

void readers_interrupt(struct readers *r, bool all) {
    pthread_mutex_lock(&r->lock);
    r->interrupt_all = all;
    pthread_cond_signal(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

void readers_stop(struct readers *r) {
    pthread_mutex_lock(&r->lock);
    r->stop = true;
    pthread_cond_signal(&r->changed);
    pthread_mutex_unlock(&r->lock);
    pthread_join(r->watchdog, NULL);
    readers_disconnect(r);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
}

/* A connection for this reader, watched from now on. False: the engine gives none. */
static bool reader_begin(struct store *s, const struct generation *g, struct reader *run) {
    struct readers *r = &s->readers;
    pthread_mutex_lock(&r->lock);
    if (r->idle_count && r->idle_generation == g->number)
        run->connection = r->idle[--r->idle_count];
    pthread_mutex_unlock(&r->lock);
    struct err ignored;
    if (!run->connection && engine_connect(s->hot.db, g->name, &run->connection, &ignored))
        return false;
    pthread_mutex_lock(&r->lock);
    run->next = r->running;
    r->running = run;
    pthread_cond_signal(&r->changed);
    pthread_mutex_unlock(&r->lock);
    return true;
}

static void reader_end(struct store *s, const struct generation *g, struct reader *run) {
    struct readers *r = &s->readers;
    pthread_mutex_lock(&r->lock);
    struct reader **at = &r->running;
    while (*at != run)
        at = &(*at)->next;
    *at = run->next;
    if (!run->spoilt && r->idle_generation == g->number && r->idle_count < IDLE_READERS) {
        r->idle[r->idle_count++] = run->connection;
        run->connection = NULL;
    }
    pthread_mutex_unlock(&r->lock);
    if (run->connection)
        duckdb_disconnect(&run->connection);
}

/* --- values -------------------------------------------------------------------------------------
 */

struct column {
    duckdb_type type;
    duckdb_type stored; /* of a DECIMAL */
    double scale;       /* of a DECIMAL: what to divide by */
};

static int describe(duckdb_result *r, idx_t i, struct column *ret, struct err *err) {
    *ret = (struct column){.type = duckdb_column_type(r, i), .scale = 1};
    switch (ret->type) {
    case DUCKDB_TYPE_BOOLEAN:
    case DUCKDB_TYPE_TINYINT:
    case DUCKDB_TYPE_SMALLINT:
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_BIGINT:
    case DUCKDB_TYPE_UTINYINT:
    case DUCKDB_TYPE_USMALLINT:
    case DUCKDB_TYPE_UINTEGER:
    case DUCKDB_TYPE_UBIGINT:
    case DUCKDB_TYPE_HUGEINT:
    case DUCKDB_TYPE_FLOAT:
    case DUCKDB_TYPE_DOUBLE:
    case DUCKDB_TYPE_DATE:
    case DUCKDB_TYPE_TIMESTAMP:
    case DUCKDB_TYPE_VARCHAR:
    case DUCKDB_TYPE_BLOB:
    case DUCKDB_TYPE_SQLNULL:
        return 0;
    case DUCKDB_TYPE_DECIMAL: {
        duckdb_logical_type t = duckdb_column_logical_type(r, i);
        ret->stored = duckdb_decimal_internal_type(t);
        for (uint8_t digit = duckdb_decimal_scale(t); digit; digit--)
            ret->scale *= 10;
        duckdb_destroy_logical_type(&t);
        return 0;
    }
    default:
        return err_set(err, ERR_UNSUPPORTED, "column %u has a type that must be cast first",
                       (unsigned)i + 1);
    }
}

static struct sql_value sql_int(int64_t i) {
    return (struct sql_value){.type = SQL_INT, .i = i};
}

static struct sql_value sql_real(double d) {
    return (struct sql_value){.type = SQL_REAL, .d = d};
}

/* Sums are HUGEINT; what does not fit 64 bits goes on as a floating-point number. */
static struct sql_value sql_huge(duckdb_hugeint h) {
    if ((h.upper == 0 && h.lower <= INT64_MAX) || (h.upper == -1 && h.lower > INT64_MAX))
        return sql_int((int64_t)h.lower);
    return sql_real(duckdb_hugeint_to_double(h));
}

static struct sql_value number_at(duckdb_type type, const void *data, idx_t i) {
    switch (type) {
    case DUCKDB_TYPE_BOOLEAN:
        return sql_int(((const bool *)data)[i]);
    case DUCKDB_TYPE_TINYINT:
        return sql_int(((const int8_t *)data)[i]);
    case DUCKDB_TYPE_SMALLINT:
        return sql_int(((const int16_t *)data)[i]);
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_DATE:
        return sql_int(((const int32_t *)data)[i]);
    case DUCKDB_TYPE_BIGINT:
    case DUCKDB_TYPE_TIMESTAMP:
        return sql_int(((const int64_t *)data)[i]);
    case DUCKDB_TYPE_UTINYINT:
        return sql_int(((const uint8_t *)data)[i]);
    case DUCKDB_TYPE_USMALLINT:
        return sql_int(((const uint16_t *)data)[i]);
    case DUCKDB_TYPE_UINTEGER:
        return sql_int(((const uint32_t *)data)[i]);
    case DUCKDB_TYPE_UBIGINT:
        /* Ids use all 64 bits; they keep them. */
        return sql_int((int64_t)((const uint64_t *)data)[i]);
    case DUCKDB_TYPE_HUGEINT:
        return sql_huge(((const duckdb_hugeint *)data)[i]);
    case DUCKDB_TYPE_FLOAT:
        return sql_real((double)((const float *)data)[i]);
    default:
        return sql_real(((const double *)data)[i]);
    }
}

static bool value_at(const struct column *c, duckdb_vector v, void *data, idx_t i,
                     struct arena *texts, struct sql_value *ret) {
    uint64_t *validity = duckdb_vector_get_validity(v);
    if (c->type == DUCKDB_TYPE_SQLNULL ||
        (validity && !duckdb_validity_row_is_valid(validity, i))) {
        *ret = (struct sql_value){.type = SQL_NULL_VALUE};
        return true;
    }
    if (c->type == DUCKDB_TYPE_VARCHAR || c->type == DUCKDB_TYPE_BLOB) {
        duckdb_string_t *s = &((duckdb_string_t *)data)[i];
        struct span text = span_of(duckdb_string_t_data(s), duckdb_string_t_length(*s));
        *ret = (struct sql_value){.type = SQL_TEXT_VALUE,
                                  .text = text.len ? arena_copy(texts, text) : SPAN_EMPTY};
        return ret->text.ptr != NULL;
    }
    if (c->type != DUCKDB_TYPE_DECIMAL) {
        *ret = number_at(c->type, data, i);
        return true;
    }
    struct sql_value raw = number_at(c->stored, data, i);
    *ret = sql_real((raw.type == SQL_INT ? (double)raw.i : raw.d) / c->scale);
    return true;
}

static bool reserve_rows(struct sql_result *r, size_t more) {
    size_t want = r->rows + more;
    if (want <= r->cap_rows)
        return true;
    size_t cap = r->cap_rows ? r->cap_rows * 2 : more;
    if (cap < want)
        cap = want;
    size_t bytes;
    if (__builtin_mul_overflow(cap * r->columns, sizeof(*r->values), &bytes) ||
        bytes > MOST_RESULT_BYTES)
        return false;
    struct sql_value *values = realloc(r->values, bytes);
    if (!values)
        return false;
    r->values = values;
    r->cap_rows = cap;
    return true;
}

static int take_chunk(struct sql_result *out, const struct column *columns, duckdb_data_chunk rows,
                      struct err *err) {
    idx_t count = duckdb_data_chunk_get_size(rows);
    if (!reserve_rows(out, count))
        return err_set(err, ERR_NOMEM, "the result is too large");
    for (idx_t c = 0; c < out->columns; c++) {
        duckdb_vector v = duckdb_data_chunk_get_vector(rows, c);
        void *data = duckdb_vector_get_data(v);
        for (idx_t i = 0; i < count; i++)
            if (!value_at(&columns[c], v, data, i, &out->texts,
                          &out->values[(out->rows + i) * out->columns + c]))
                return err_set(err, ERR_NOMEM, "the result is too large");
    }
    out->rows += count;
    return 0;
}

static int take_result(duckdb_result *r, struct sql_result **ret, struct err *err) {
    CLEANUP(sql_result_freep) struct sql_result *out = calloc(1, sizeof(*out));
    if (!out)
        return err_set(err, ERR_NOMEM, "no memory for a result");
    arena_init(&out->texts, MOST_RESULT_BYTES);
    out->columns = duckdb_column_count(r);
    CLEANUP(free_charp) char *memory = calloc(out->columns + 1, sizeof(struct column));
    struct column *columns = (struct column *)(void *)memory;
    if (!columns)
        return err_set(err, ERR_NOMEM, "no memory for a result");
    int code = 0;
    for (idx_t i = 0; !code && i < out->columns; i++)
        code = describe(r, i, &columns[i], err);
    for (duckdb_data_chunk rows; !code && (rows = duckdb_fetch_chunk(*r));) {
        code = take_chunk(out, columns, rows, err);
        duckdb_destroy_data_chunk(&rows);
    }
    if (!code)
        *ret = TAKE_PTR(out);
    return code;
}

/* --- the statement ------------------------------------------------------------------------------
 */

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

static int keep_rows(duckdb_result *r, void *to, struct err *err) {
    return take_result(r, to, err);
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
