#include "code_texts.h"

#include <stdlib.h>

static bool reserve(struct code_texts *t, uint32_t code) {
    if (code < t->cap)
        return true;
    size_t cap = t->cap ? t->cap : 256;
    while (cap <= code)
        cap *= 2;
    size_t before = (size_t)t->cap * t->columns, after = cap * t->columns;
    struct span *at = realloc(t->at, after * sizeof(*at));
    if (!at)
        return false;
    memset(at + before, 0, (after - before) * sizeof(*at));
    t->at = at;
    t->cap = (uint32_t)cap;
    return true;
}

static bool keep(struct code_texts *t, struct span text, struct span *ret) {
    if (text.len == 0)
        return true;
    *ret = arena_copy(&t->bytes, text);
    return ret->ptr;
}

static bool add_rows(struct code_texts *t, duckdb_data_chunk rows) {
    const uint32_t *codes = chunk_column(rows, 0);
    if (t->cap == 0)
        arena_init(&t->bytes, SIZE_MAX);
    for (idx_t i = 0; i < duckdb_data_chunk_get_size(rows); i++) {
        if (!reserve(t, codes[i]))
            return false;
        struct span *at = t->at + (size_t)codes[i] * t->columns;
        for (uint32_t k = 0; k < t->columns; k++)
            if (!keep(t, text_vector_at(duckdb_data_chunk_get_vector(rows, k + 1), i), &at[k]))
                return false;
    }
    return true;
}

static int take_rows(void *to, duckdb_data_chunk rows, struct err *err) {
    return add_rows(to, rows) ? 0 : err_set(err, ERR_NOMEM, "no memory for a day's texts");
}

int code_texts_load(struct code_texts *t, duckdb_connection c, struct buf *sql, uint32_t columns,
                    struct err *err) {
    t->columns = columns;
    return sql_each_chunk(c, sql, take_rows, t, err);
}

void code_texts_release(struct code_texts *t) {
    if (t->cap)
        arena_release(&t->bytes);
    free(t->at);
    *t = (struct code_texts){0};
}

bool code_texts_read(const struct code_texts *t, uint32_t column, const uint32_t *codes, idx_t rows,
                     struct text_column *to, uint32_t *ret) {
    if (!to->of_code && t->cap) {
        to->of_code = calloc(t->cap, sizeof(*to->of_code));
        if (!to->of_code)
            return false;
        to->codes = t->cap;
    }
    for (idx_t i = 0; i < rows; i++) {
        uint32_t code = codes[i], number;
        if (code >= to->codes) {
            ret[i] = 0;
            continue;
        }
        if (!to->of_code[code]) {
            if (!numbering_get(&to->values, t->at[(size_t)code * t->columns + column], &number))
                return false;
            to->of_code[code] = number + 1;
        }
        ret[i] = to->of_code[code] - 1;
    }
    return true;
}
