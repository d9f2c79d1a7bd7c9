#include "parquet_meta.h"

/* --- Thrift's compact protocol ------------------------------------------------------------------
 */

enum thrift_type {
    THRIFT_TRUE = 1,
    THRIFT_FALSE = 2,
    THRIFT_BYTE = 3,
    THRIFT_I32 = 5,
    THRIFT_I64 = 6,
    THRIFT_BINARY = 8,
    THRIFT_LIST = 9,
    THRIFT_STRUCT = 12,
};

/* A record being written. Fields come with ascending ids, each as the distance from the last. */
struct record {
    struct buf *out;
    unsigned last;
};

static void add_field(struct record *r, unsigned id, enum thrift_type type) {
    buf_addc(r->out, (char)((id - r->last) << 4 | type));
    r->last = id;
}

static void add_integer(struct buf *out, int64_t v) {
    buf_add_varint(out, (uint64_t)v << 1 ^ (uint64_t)(v >> 63));
}

static void add_i32(struct record *r, unsigned id, int64_t v) {
    add_field(r, id, THRIFT_I32);
    add_integer(r->out, v);
}

static void add_i64(struct record *r, unsigned id, int64_t v) {
    add_field(r, id, THRIFT_I64);
    add_integer(r->out, v);
}

static void add_bytes(struct buf *out, struct span s) {
    buf_add_varint(out, s.len);
    buf_add(out, s);
}

static void add_binary(struct record *r, unsigned id, struct span s) {
    add_field(r, id, THRIFT_BINARY);
    add_bytes(r->out, s);
}

static void add_list(struct record *r, unsigned id, enum thrift_type type, size_t count) {
    enum { MOST_SHORT = 14 };
    add_field(r, id, THRIFT_LIST);
    buf_addc(r->out, (char)((count <= MOST_SHORT ? count : MOST_SHORT + 1) << 4 | type));
    if (count > MOST_SHORT)
        buf_add_varint(r->out, count);
}

static struct record begin(struct record *r, unsigned id) {
    add_field(r, id, THRIFT_STRUCT);
    return (struct record){.out = r->out};
}

static void end(struct record *r) {
    buf_addc(r->out, 0);
}

/* --- pages and groups ---------------------------------------------------------------------------
 */

enum { CODEC_ZSTD = 6, LEVELS_RLE = 3 };

void parquet_add_page_header(struct buf *out, enum parquet_page type,
                             enum parquet_encoding encoding, size_t values, size_t raw_bytes,
                             size_t bytes) {
    struct record page = {.out = out};
    add_i32(&page, 1, type);
    add_i32(&page, 2, (int64_t)raw_bytes);
    add_i32(&page, 3, (int64_t)bytes);
    struct record of_type = begin(&page, type == PAGE_DATA ? 5 : 7);
    add_i32(&of_type, 1, (int64_t)values);
    add_i32(&of_type, 2, encoding);
    if (type == PAGE_DATA) {
        add_i32(&of_type, 3, LEVELS_RLE);
        add_i32(&of_type, 4, LEVELS_RLE);
    }
    end(&of_type);
    end(&page);
}

/* Types as in parquet.thrift: Type and ConvertedType. */
static const struct {
    int type, converted;
    int bits; /* of an integer */
    bool is_signed;
} types[] = {
    [PARQUET_U8] = {1, 11, 8, false},  [PARQUET_U32] = {1, 13, 32, false},
    [PARQUET_I32] = {1, 17, 32, true}, [PARQUET_U64] = {2, 14, 64, false},
    [PARQUET_I64] = {2, 18, 64, true}, [PARQUET_TEXT] = {6, 0, 0, false},
};

static void add_bounds(struct record *meta, const struct parquet_chunk *c) {
    struct record bounds = begin(meta, 12);
    add_i64(&bounds, 3, 0); /* NULLs */
    if (c->has_bounds) {
        add_binary(&bounds, 5, c->most);
        add_binary(&bounds, 6, c->least);
    }
    end(&bounds);
}

void parquet_add_chunk(struct buf *out, const struct parquet_chunk *c) {
    struct record chunk = {.out = out};
    add_i64(&chunk, 2, c->dictionary_at ? c->dictionary_at : c->data_at);
    struct record meta = begin(&chunk, 3);
    add_i32(&meta, 1, types[c->column->type].type);
    add_list(&meta, 2, THRIFT_I32, c->dictionary_at ? 2 : 1);
    add_integer(out, c->encoding);
    if (c->dictionary_at)
        add_integer(out, ENCODE_PLAIN);
    add_list(&meta, 3, THRIFT_BINARY, 1);
    add_bytes(out, span_str(c->column->name));
    add_i32(&meta, 4, CODEC_ZSTD);
    add_i64(&meta, 5, (int64_t)c->rows);
    add_i64(&meta, 6, c->raw_bytes);
    add_i64(&meta, 7, c->bytes);
    add_i64(&meta, 9, c->data_at);
    if (c->dictionary_at)
        add_i64(&meta, 11, c->dictionary_at);
    add_bounds(&meta, c);
    end(&meta);
    end(&chunk);
}

void parquet_add_group(struct buf *out, struct span chunks, size_t columns, size_t rows,
                       int64_t raw_bytes) {
    struct record group = {.out = out};
    add_list(&group, 1, THRIFT_STRUCT, columns);
    buf_add(out, chunks);
    add_i64(&group, 2, raw_bytes);
    add_i64(&group, 3, (int64_t)rows);
    end(&group);
}

/* --- the footer ---------------------------------------------------------------------------------
 */

static void add_logical_type(struct record *element, enum parquet_type type) {
    struct record logical = begin(element, 10);
    struct record of_type = begin(&logical, type == PARQUET_TEXT ? 1 : 10);
    if (type != PARQUET_TEXT) {
        add_field(&of_type, 1, THRIFT_BYTE);
        buf_addc(of_type.out, (char)types[type].bits);
        add_field(&of_type, 2, types[type].is_signed ? THRIFT_TRUE : THRIFT_FALSE);
    }
    end(&of_type);
    end(&logical);
}

static void add_schema(struct record *file, const struct parquet_column *columns, size_t count) {
    add_list(file, 2, THRIFT_STRUCT, count + 1);
    struct record root = {.out = file->out};
    add_binary(&root, 4, SPAN_LIT("schema"));
    add_i32(&root, 5, (int64_t)count);
    end(&root);
    for (size_t i = 0; i < count; i++) {
        struct record element = {.out = file->out};
        add_i32(&element, 1, types[columns[i].type].type);
        add_i32(&element, 3, 0); /* REQUIRED */
        add_binary(&element, 4, span_str(columns[i].name));
        add_i32(&element, 6, types[columns[i].type].converted);
        add_logical_type(&element, columns[i].type);
        end(&element);
    }
}

/* That bounds are in the order of each column's type. */
static void add_orders(struct record *file, size_t count) {
    add_list(file, 7, THRIFT_STRUCT, count);
    for (size_t i = 0; i < count; i++) {
        struct record order = {.out = file->out};
        struct record of_type = begin(&order, 1);
        end(&of_type);
        end(&order);
    }
}

void parquet_add_file(struct buf *out, const struct parquet_column *columns, size_t count,
                      uint64_t rows, struct span groups, size_t group_count) {
    struct record file = {.out = out};
    add_i32(&file, 1, 2); /* version */
    add_schema(&file, columns, count);
    add_i64(&file, 3, (int64_t)rows);
    add_list(&file, 4, THRIFT_STRUCT, group_count);
    buf_add(out, groups);
    add_binary(&file, 6, SPAN_LIT("tamis " TAMIS_VERSION));
    add_orders(&file, count);
    end(&file);
}
