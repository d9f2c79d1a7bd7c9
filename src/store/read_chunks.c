#include "read_chunks.h"

#include "must.h"

struct span sql_chunk_text(const struct sql_chunk *c, size_t column, size_t row) {
    duckdb_string_t *texts = (duckdb_string_t *)(uintptr_t)c->columns[column];
    return span_of(duckdb_string_t_data(&texts[row]), duckdb_string_t_length(texts[row]));
}

int read_chunks(duckdb_result *r, void *to, struct err *err) {
    const struct sql_reader *reader = to;
    must(reader->columns <= SQL_CHUNK_COLUMNS && duckdb_column_count(r) == reader->columns);
    int code = 0;
    for (duckdb_data_chunk rows; !code && (rows = duckdb_fetch_chunk(*r));) {
        struct sql_chunk chunk = {.rows = duckdb_data_chunk_get_size(rows)};
        for (size_t i = 0; i < reader->columns; i++)
            chunk.columns[i] = duckdb_vector_get_data(duckdb_data_chunk_get_vector(rows, i));
        code = reader->take(reader->to, &chunk, err);
        duckdb_destroy_data_chunk(&rows);
    }
    return code;
}
