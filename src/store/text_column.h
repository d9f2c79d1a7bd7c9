/* text_column.h — a column of texts in DuckDB's chunks as numbers.
 *
 * Numbers are those of the column's `values` (keyset.h): 1, 2, … as they come, 0 the empty text and
 * NULL. One thread at a time. */
#ifndef TAMIS_STORE_TEXT_COLUMN_H
#define TAMIS_STORE_TEXT_COLUMN_H

#include <duckdb.h>

#include "keyset.h"

enum {
    MOST_CHUNK_ROWS = 2048
}; /* of this engine; whoever relies on it asks duckdb_vector_size() */

/* A chunk's column of numbers. */
static inline void *chunk_column(duckdb_data_chunk rows, idx_t i) {
    return duckdb_vector_get_data(duckdb_data_chunk_get_vector(rows, i));
}

/* All zero is one that nothing was read of. */
struct text_column {
    struct numbering values;
    uint32_t *of_code; /* for code_texts.h: a code's number + 1; 0: not met yet */
    uint32_t codes;
};

/* Numbers the vector's first `rows` values. false: out of
 * memory. */
bool text_column_read(struct text_column *c, duckdb_vector vector, idx_t rows,
                      uint32_t *ret) WARN_UNUSED;
/* A text of a VARCHAR vector, as long as that is; NULL is the empty one. */
struct span text_vector_at(duckdb_vector vector, idx_t row);
/* The text of a number; borrowed from the column. */
struct span text_column_at(const struct text_column *c, uint32_t number);
void text_column_release(struct text_column *c);

#endif
