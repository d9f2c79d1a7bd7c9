/* rows.h — rows for a table as columns: an appender and the data chunk it is fed with.
 *
 * Text is lent to the chunk and copied by the appender, so nothing is copied twice. One thread at a
 * time. */
#ifndef TAMIS_STORE_ROWS_H
#define TAMIS_STORE_ROWS_H

#include "engine.h"
#include "schema.h"

struct rows {
    duckdb_appender appender;
    duckdb_data_chunk chunk;
    idx_t columns;
    void *column[MOST_COLUMNS];
    idx_t count; /* where the next row goes */
    idx_t most;
};

/* A chunk with the columns of a table, taken from an appender so that they always match.
 * ERR_CORRUPT: the table has another number of them. */
int rows_chunk(duckdb_connection c, const char *table, idx_t columns, duckdb_data_chunk *ret,
               struct err *err) WARN_UNUSED;

int rows_begin(struct rows *r, duckdb_connection c, const char *table, duckdb_data_chunk chunk,
               enum engine_fault *fault, struct err *err) WARN_UNUSED;
/* After a row's columns were put. */
int rows_next(struct rows *r, enum engine_fault *fault, struct err *err) WARN_UNUSED;
int rows_end(struct rows *r, enum engine_fault *fault, struct err *err) WARN_UNUSED;
void rows_release(struct rows *r);

/* Text for a column: must be UTF-8, which the engine takes on trust; anything else is kept out. */
duckdb_string_t rows_text(struct span s);

#define PUT(type, r, i, v) (((type *)(r)->column[i])[(r)->count] = (v))
#define PUT_U8(r, i, v) PUT(uint8_t, r, i, v)
#define PUT_U32(r, i, v) PUT(uint32_t, r, i, v)
#define PUT_U64(r, i, v) PUT(uint64_t, r, i, v)
#define PUT_I8(r, i, v) PUT(int8_t, r, i, v)
#define PUT_I32(r, i, v) PUT(int32_t, r, i, v)
#define PUT_I64(r, i, v) PUT(int64_t, r, i, v)
/* No value in this row, in place of a PUT. */
static inline void rows_put_null(struct rows *r, idx_t column) {
    duckdb_vector v = duckdb_data_chunk_get_vector(r->chunk, column);
    duckdb_vector_ensure_validity_writable(v);
    duckdb_validity_set_row_invalid(duckdb_vector_get_validity(v), r->count);
}

#define PUT_TEXT(r, i, v) PUT(duckdb_string_t, r, i, rows_text(v))

#endif
