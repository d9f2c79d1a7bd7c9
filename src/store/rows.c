#include "rows.h"

void rows_release(struct rows *r) {
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

int rows_begin(struct rows *r, duckdb_connection c, const char *table, duckdb_data_chunk chunk,
               enum engine_fault *fault, struct err *err) {
    *r = (struct rows){.chunk = chunk,
                       .columns = duckdb_data_chunk_get_column_count(chunk),
                       .most = duckdb_vector_size()};
    if (duckdb_appender_create(c, NULL, table, &r->appender) != DuckDBSuccess)
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

int rows_next(struct rows *r, enum engine_fault *fault, struct err *err) {
    return ++r->count == r->most ? rows_flush(r, fault, err) : 0;
}

int rows_end(struct rows *r, enum engine_fault *fault, struct err *err) {
    int code = rows_flush(r, fault, err);
    if (!code && duckdb_appender_close(r->appender) != DuckDBSuccess)
        code = rows_error(r, fault, err);
    return code;
}

duckdb_string_t rows_text(struct span s) {
    duckdb_string_t out = {0};
    if (!span_is_utf8(s))
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

int rows_chunk(duckdb_connection c, const char *table, idx_t columns, duckdb_data_chunk *ret,
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
