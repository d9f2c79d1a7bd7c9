#include "keep_rows.h"

#include <stdlib.h>

#include "arena.h"

enum { MOST_RESULT_BYTES = 256 * 1024 * 1024 };

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

int keep_rows(duckdb_result *r, void *to, struct err *err) {
    struct sql_result **ret = to;
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
