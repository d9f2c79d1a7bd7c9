#include "text_column.h"

#include <stdlib.h>

static bool is_null(const uint64_t *valid, idx_t row) {
    return valid && !(valid[row / 64] >> (row % 64) & 1);
}

static struct span text_of(const duckdb_string_t *s) {
    uint32_t len = s->value.inlined.length;
    return span_of(len <= sizeof(s->value.inlined.inlined) ? s->value.inlined.inlined
                                                           : s->value.pointer.ptr,
                   len);
}

struct span text_vector_at(duckdb_vector vector, idx_t row) {
    const duckdb_string_t *texts = duckdb_vector_get_data(vector);
    return is_null(duckdb_vector_get_validity(vector), row) ? SPAN_EMPTY : text_of(&texts[row]);
}

bool text_column_read(struct text_column *c, duckdb_vector vector, idx_t rows, uint32_t *ret) {
    const duckdb_string_t *texts = duckdb_vector_get_data(vector);
    const uint64_t *valid = duckdb_vector_get_validity(vector);
    struct span last = SPAN_EMPTY;
    uint32_t number = 0;
    for (idx_t i = 0; i < rows; i++) {
        struct span text = is_null(valid, i) ? SPAN_EMPTY : text_of(&texts[i]);
        /* Rows come sorted by many of these columns. */
        if (!span_eq(text, last) && !numbering_get(&c->values, text, &number))
            return false;
        last = text;
        ret[i] = number;
    }
    return true;
}

struct span text_column_at(const struct text_column *c, uint32_t number) {
    return number ? c->values.texts[number - 1] : SPAN_EMPTY;
}

void text_column_release(struct text_column *c) {
    numbering_release(&c->values);
    free(c->of_code);
    *c = (struct text_column){0};
}
