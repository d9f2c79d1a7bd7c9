/* code_texts.h — the texts that codes of the hot tables stand for: words, or attribute sets with
 * several texts each. For one that reads; words.h has those of the thread that applies. */
#ifndef TAMIS_STORE_CODE_TEXTS_H
#define TAMIS_STORE_CODE_TEXTS_H

#include "seal_private.h"
#include "text_column.h"

/* All zero knows no code. */
struct code_texts {
    struct arena bytes;
    struct span *at; /* of code c and column k at c × columns + k */
    uint32_t columns;
    uint32_t cap; /* codes */
};

/* Reads the rows "code, text, …" of the statement in the buffer, `columns` texts each. */
int code_texts_load(struct code_texts *t, duckdb_connection c, struct buf *sql, uint32_t columns,
                    struct err *err) WARN_UNUSED;
void code_texts_release(struct code_texts *t);

/* Numbers the texts that codes stand for, as text_column_read() does. A code that is not known is
 * the empty text. false: out of memory. */
bool code_texts_read(const struct code_texts *t, uint32_t column, const uint32_t *codes, idx_t rows,
                     struct text_column *to, uint32_t *ret) WARN_UNUSED;

#endif
