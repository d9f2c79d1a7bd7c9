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

static bool read_texts(struct text_column *c, duckdb_vector vector, idx_t rows, uint32_t *ret) {
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

static void destroy_type(duckdb_logical_type *type) {
    duckdb_destroy_logical_type(type);
}

static bool learn(struct text_column *c, duckdb_logical_type type, uint32_t code) {
    char *text = duckdb_enum_dictionary_value(type, code);
    uint32_t number;
    bool ok = text && numbering_get(&c->values, span_str(text), &number);
    duckdb_free(text);
    if (ok)
        c->of_code[code] = number + 1;
    return ok;
}

static uint32_t code_at(const void *data, duckdb_type width, idx_t row) {
    if (width == DUCKDB_TYPE_UTINYINT)
        return ((const uint8_t *)data)[row];
    if (width == DUCKDB_TYPE_USMALLINT)
        return ((const uint16_t *)data)[row];
    return ((const uint32_t *)data)[row];
}

static bool read_codes(struct text_column *c, duckdb_vector vector, duckdb_logical_type type,
                       idx_t rows, uint32_t *ret) {
    if (!c->of_code) {
        c->codes = duckdb_enum_dictionary_size(type);
        c->of_code = calloc(c->codes, sizeof(*c->of_code));
        if (!c->of_code)
            return false;
    }
    const void *data = duckdb_vector_get_data(vector);
    const uint64_t *valid = duckdb_vector_get_validity(vector);
    duckdb_type width = duckdb_enum_internal_type(type);
    for (idx_t i = 0; i < rows; i++) {
        uint32_t code = is_null(valid, i) ? UINT32_MAX : code_at(data, width, i);
        if (code >= c->codes) {
            ret[i] = 0;
            continue;
        }
        if (!c->of_code[code] && !learn(c, type, code))
            return false;
        ret[i] = c->of_code[code] - 1;
    }
    return true;
}

bool text_column_read(struct text_column *c, duckdb_vector vector, idx_t rows, uint32_t *ret) {
    CLEANUP(destroy_type) duckdb_logical_type type = duckdb_vector_get_column_type(vector);
    return duckdb_get_type_id(type) == DUCKDB_TYPE_ENUM ? read_codes(c, vector, type, rows, ret)
                                                        : read_texts(c, vector, rows, ret);
}

struct span text_column_at(const struct text_column *c, uint32_t number) {
    return number ? c->values.texts[number - 1] : SPAN_EMPTY;
}

void text_column_release(struct text_column *c) {
    numbering_release(&c->values);
    free(c->of_code);
    *c = (struct text_column){0};
}
