/* Rows of the engine as one of a part's files. The engine's own COPY would hold two row groups of
 * texts, which is more than a small engine has; here a row group is held as numbers. */
#include <stdlib.h>

#include "packed.h"
#include "parquet.h"
#include "seal_columns.h"
#include "text_column.h"

enum {
    LEVEL_DAY = 1,
    LEVEL_MONTH = 9,       /* read for two years, written at leisure: 6 % smaller */
    MOST_TEXTS = 64 << 20, /* bytes of a row group's different texts */
};

/* A column of the row group that is being gathered. */
struct gathered {
    struct packed small; /* numbers of 32 bits and less, and those of texts */
    int64_t *wide;
    struct text_column texts;
};

struct copying {
    struct seal_columns columns;
    struct parquet *parquet;
    struct gathered at[PARQUET_COLUMNS];
    size_t rows;
    int64_t *numbers; /* of one column, to be written */
    uint32_t *codes;
};

static void copying_free(struct copying *k) {
    for (size_t i = 0; i < k->columns.count; i++) {
        packed_release(&k->at[i].small);
        free(k->at[i].wide);
        text_column_release(&k->at[i].texts);
    }
    if (k->parquet)
        parquet_free(k->parquet);
    free(k->numbers);
    free(k->codes);
    free(k);
}
DEFINE_FREEP(struct copying, copying_free)

static int no_memory(struct err *err) {
    return err_set(err, ERR_NOMEM, "no memory to write a file");
}

/* --- gathering ----------------------------------------------------------------------------------
 */

static bool gather_wide(struct copying *k, struct gathered *g, const void *data, idx_t rows) {
    if (!g->wide && !(g->wide = malloc(PARQUET_GROUP_ROWS * sizeof(*g->wide))))
        return false;
    memcpy(g->wide + k->rows, data, rows * sizeof(*g->wide));
    return true;
}

static bool gather(struct copying *k, size_t column, duckdb_vector vector, idx_t rows) {
    struct gathered *g = &k->at[column];
    const void *data = duckdb_vector_get_data(vector);
    uint32_t values[MOST_CHUNK_ROWS];
    switch (k->columns.at[column].type) {
    case PARQUET_U8:
        for (idx_t i = 0; i < rows; i++)
            values[i] = ((const uint8_t *)data)[i];
        return packed_add(&g->small, values, rows);
    case PARQUET_U32:
    case PARQUET_I32:
        return packed_add(&g->small, data, rows);
    case PARQUET_U64:
    case PARQUET_I64:
        return gather_wide(k, g, data, rows);
    case PARQUET_TEXT:
        break;
    }
    return text_column_read(&g->texts, vector, rows, values) && packed_add(&g->small, values, rows);
}

static size_t text_bytes(const struct copying *k) {
    size_t bytes = 0;
    for (size_t i = 0; i < k->columns.count; i++)
        bytes += k->at[i].texts.values.bytes.used_bytes;
    return bytes;
}

/* --- writing ------------------------------------------------------------------------------------
 */

static int put_texts(struct copying *k, struct gathered *g, struct err *err) {
    for (size_t i = 0; i < k->rows; i++)
        k->codes[i] = packed_at(&g->small, i);
    return parquet_put_texts(k->parquet, k->codes, g->texts.values.texts, g->texts.values.count,
                             err);
}

static int put_numbers(struct copying *k, struct gathered *g, enum parquet_type type,
                       struct err *err) {
    if (g->wide)
        return parquet_put_numbers(k->parquet, g->wide, err);
    for (size_t i = 0; i < k->rows; i++) {
        uint32_t v = packed_at(&g->small, i);
        k->numbers[i] = type == PARQUET_I32 ? (int32_t)v : (int64_t)v;
    }
    return parquet_put_numbers(k->parquet, k->numbers, err);
}

static int put_group(struct copying *k, struct err *err) {
    if (k->rows == 0)
        return 0;
    parquet_begin_group(k->parquet, k->rows);
    int code = 0;
    for (size_t i = 0; !code && i < k->columns.count; i++) {
        enum parquet_type type = k->columns.at[i].type;
        code = type == PARQUET_TEXT ? put_texts(k, &k->at[i], err)
                                    : put_numbers(k, &k->at[i], type, err);
        packed_release(&k->at[i].small);
        text_column_release(&k->at[i].texts);
    }
    k->rows = 0;
    return code;
}

static int take_rows(void *to, duckdb_data_chunk chunk, struct err *err) {
    struct copying *k = to;
    idx_t rows = duckdb_data_chunk_get_size(chunk);
    if (k->rows + rows > PARQUET_GROUP_ROWS || text_bytes(k) > MOST_TEXTS) {
        int code = put_group(k, err);
        if (code)
            return code;
    }
    for (size_t i = 0; i < k->columns.count; i++)
        if (!gather(k, i, duckdb_data_chunk_get_vector(chunk, i), rows))
            return no_memory(err);
    k->rows += rows;
    return 0;
}

/* The rows of `select` by name and type. */
static void add_select(struct buf *sql, const struct seal_columns *columns, struct buf *select) {
    static const char *const types[] = {
        [PARQUET_U8] = "UTINYINT", [PARQUET_U32] = "UINTEGER", [PARQUET_I32] = "INTEGER",
        [PARQUET_U64] = "UBIGINT", [PARQUET_I64] = "BIGINT",   [PARQUET_TEXT] = "VARCHAR"};
    for (size_t i = 0; i < columns->count; i++)
        buf_addf(sql, "%s %s::%s", i ? "," : "SELECT", columns->at[i].name,
                 types[columns->at[i].type]);
    buf_adds(sql, " FROM (");
    buf_add(sql, buf_span(select));
    buf_adds(sql, ")");
    sql->failed |= select->failed;
}

static int copy_open(struct copying *k, const struct os *os, const char *root, const char *path,
                     bool month, struct err *err) {
    BUF_AUTO tmp = {0};
    buf_addf(&tmp, "%s/%s.tmp", root, path);
    const char *name = buf_cstr(&tmp);
    k->numbers = malloc(PARQUET_GROUP_ROWS * sizeof(*k->numbers));
    k->codes = malloc(PARQUET_GROUP_ROWS * sizeof(*k->codes));
    if (!name || !k->numbers || !k->codes || duckdb_vector_size() > MOST_CHUNK_ROWS)
        return no_memory(err);
    return parquet_open(os, name, k->columns.at, k->columns.count, month ? LEVEL_MONTH : LEVEL_DAY,
                        &k->parquet, err);
}

int seal_copy_each(duckdb_connection c, const struct seal_target *to, enum seal_kind kind,
                   struct seal_file *file, const struct seal_selects *selects, struct err *err) {
    CLEANUP(copying_freep) struct copying *k = calloc(1, sizeof(*k));
    if (!k)
        return no_memory(err);
    k->columns = seal_columns_of(kind, to->vitals);
    int code = copy_open(k, to->os, to->root, file->path, to->month, err);
    for (size_t i = 0; !code && i < selects->count; i++) {
        BUF_AUTO select = {0};
        BUF_AUTO sql = {0};
        selects->add(selects->arg, i, &select);
        add_select(&sql, &k->columns, &select);
        code = sql_each_chunk(c, &sql, take_rows, k, err);
    }
    if (!code)
        code = put_group(k, err);
    return code ? code : parquet_end(k->parquet, &file->rows, err);
}

static void add_one(void *arg, size_t i, struct buf *out) {
    const struct buf *select = arg;
    buf_add(out, buf_span(select));
    out->failed |= select->failed;
}

int seal_copy(duckdb_connection c, const struct seal_target *to, enum seal_kind kind,
              struct seal_file *file, struct buf *select, struct err *err) {
    const struct seal_selects one = {.count = 1, .add = add_one, .arg = select};
    int code = seal_copy_each(c, to, kind, file, &one, err);
    buf_clear(select);
    return code;
}
