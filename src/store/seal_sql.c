/* Small pieces of statements, and running them. */
#include "seal_private.h"

/* With `person` in front, which is no column. */
static const char *const dimensions[FIRST_AT_COUNT] = {
#define X(name) #name,
    FIRST_DIMENSIONS(X)
#undef X
};

const char *seal_dim(size_t i) {
    return dimensions[i + 1];
}

const char *seal_vital(size_t i) {
    static const char *const names[SEAL_VITALS] = {"lcp_ms", "inp_ms", "cls_milli"};
    return names[i];
}

static void add_path(struct buf *out, const char *root, const char *path, bool tmp) {
    BUF_AUTO full = {0};
    buf_addf(&full, "%s/%s%s", root, path, tmp ? ".tmp" : "");
    const char *text = buf_cstr(&full);
    out->failed |= !text;
    if (text)
        engine_quote(out, text);
}

void sql_add_file(struct buf *out, const char *root, const char *path, bool tmp) {
    buf_adds(out, "read_parquet(");
    add_path(out, root, path, tmp);
    buf_adds(out, ")");
}

void sql_add_files(struct buf *out, const char *root, const struct seal_input *parts, size_t count,
                   enum seal_kind kind) {
    for (size_t i = 0; i < count; i++) {
        buf_adds(out, i ? ", " : "read_parquet([");
        add_path(out, root, parts[i].paths[kind], false);
    }
    buf_adds(out, "])");
}

void sql_add_no_vitals(struct buf *out) {
    for (size_t i = 0; i < SEAL_VITALS; i++)
        buf_addf(out, "%s 0::UINTEGER AS %s", i ? "," : "SELECT", seal_vital(i));
    buf_adds(out, " WHERE false");
}

int sql_count_vitals(duckdb_connection c, const char *root, const struct seal_input *parts,
                     size_t count, uint64_t *ret, struct err *err) {
    BUF_AUTO sql = {0};
    for (size_t i = 0; i < count; i++) {
        buf_adds(&sql, i ? ", " : "SELECT count(*) FROM parquet_schema([");
        add_path(&sql, root, parts[i].paths[SEAL_EVENT], false);
    }
    buf_addf(&sql, "]) WHERE name = '%s'", seal_vital(0));
    return sql_numbers(c, &sql, ret, 1, err);
}

void sql_add_dims(struct buf *out, const char *prefix) {
    for (size_t i = 0; i < SEAL_DIMS; i++)
        buf_addf(out, ", %s%s", prefix, seal_dim(i));
}

bool seal_dim_on_event(size_t i) {
    return i + 1 != FIRST_AT_entry_page && i + 1 != FIRST_AT_exit_page;
}

void sql_add_event_dims(struct buf *out, const char *prefix) {
    for (size_t i = 0; i < SEAL_DIMS; i++)
        if (seal_dim_on_event(i))
            buf_addf(out, ", %s%s", prefix, seal_dim(i));
}

int sql_run(duckdb_connection c, struct buf *sql, struct err *err) {
    const char *text = buf_cstr(sql);
    if (!text)
        return err_set(err, ERR_NOMEM, "no memory for a statement");
    enum engine_fault fault = ENGINE_FINE;
    int code = engine_run(c, text, &fault, err);
    buf_clear(sql);
    return code;
}

int sql_numbers(duckdb_connection c, struct buf *sql, uint64_t *ret, size_t count,
                struct err *err) {
    const char *text = buf_cstr(sql);
    if (!text)
        return err_set(err, ERR_NOMEM, "no memory for a statement");
    duckdb_result r;
    enum engine_fault fault = ENGINE_FINE;
    int code = 0;
    if (duckdb_query(c, text, &r) != DuckDBSuccess)
        code = engine_error(duckdb_result_error_type(&r), duckdb_result_error(&r), "statement",
                            &fault, err);
    for (size_t i = 0; !code && i < count; i++)
        ret[i] = duckdb_row_count(&r) ? duckdb_value_uint64(&r, i, 0) : 0;
    duckdb_destroy_result(&r);
    buf_clear(sql);
    return code;
}

int sql_in_transaction(duckdb_connection c, int (*work)(duckdb_connection, void *, struct err *),
                       void *arg, struct err *err) {
    enum engine_fault fault = ENGINE_FINE;
    int code = engine_run(c, "BEGIN TRANSACTION", &fault, err);
    if (code)
        return code;
    code = work(c, arg, err);
    struct err undo = {0};
    int undone = engine_run(c, "ROLLBACK", &fault, &undo);
    if (!code && undone)
        return err_set(err, undone, "%s", undo.text);
    return code;
}

int sql_each_chunk(duckdb_connection c, struct buf *sql,
                   int (*take)(void *, duckdb_data_chunk, struct err *), void *to,
                   struct err *err) {
    const char *text = buf_cstr(sql);
    if (!text)
        return err_set(err, ERR_NOMEM, "no memory for a statement");
    duckdb_prepared_statement p = NULL;
    duckdb_pending_result pending = NULL;
    duckdb_result r = {0};
    enum engine_fault fault = ENGINE_FINE;
    int code = engine_prepare(c, text, &p, &fault, err);
    if (code)
        return code;
    if (duckdb_pending_prepared_streaming(p, &pending) != DuckDBSuccess) {
        const char *why = duckdb_pending_error(pending);
        code = engine_error(engine_error_type(why), why, "execute", &fault, err);
    } else if (duckdb_execute_pending(pending, &r) != DuckDBSuccess) {
        code = engine_error(duckdb_result_error_type(&r), duckdb_result_error(&r), "execute",
                            &fault, err);
    }
    for (duckdb_data_chunk rows; !code && (rows = duckdb_fetch_chunk(r));) {
        code = take(to, rows, err);
        duckdb_destroy_data_chunk(&rows);
    }
    /* A stream that fails half-way ends like one that is complete. */
    if (!code && duckdb_result_error(&r))
        code = engine_error(duckdb_result_error_type(&r), duckdb_result_error(&r), "fetch", &fault,
                            err);
    duckdb_destroy_result(&r);
    duckdb_destroy_pending(&pending);
    duckdb_destroy_prepare(&p);
    return code;
}
