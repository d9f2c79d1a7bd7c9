/* Files that parquet.c wrote, read by DuckDB: the same rows, and bounds that hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
/* after those */
#include <cmocka.h>
#include <duckdb.h>

#include "buf.h"
#include "parquet.h"
#include "parquet_pack.h"
#include "text_column.h"

enum { NUMBERS = 6, TEXTS = 2, COLUMNS = NUMBERS + TEXTS, WORDS = 400, MOST_ROWS = 700000 };

static const struct parquet_column columns[COLUMNS] = {
    {.name = "u8", .type = PARQUET_U8},
    {.name = "u32", .type = PARQUET_U32},
    {.name = "near32", .type = PARQUET_U32, .near = true},
    {.name = "i32", .type = PARQUET_I32, .near = true},
    {.name = "u64", .type = PARQUET_U64},
    {.name = "i64", .type = PARQUET_I64, .near = true},
    {.name = "word", .type = PARQUET_TEXT},
    {.name = "long", .type = PARQUET_TEXT},
};

struct written {
    size_t rows;
    int64_t *numbers[NUMBERS];
    uint32_t *texts[TEXTS];
    struct span words[WORDS];
    char *bytes;
};

static uint64_t next(uint64_t *seed) {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* Within the column's type. */
static int64_t fit(enum parquet_type type, uint64_t v) {
    switch (type) {
    case PARQUET_U8:
        return (uint8_t)v;
    case PARQUET_U32:
        return (uint32_t)v;
    case PARQUET_I32:
        return (int32_t)v;
    case PARQUET_U64:
        return (int64_t)(v >> 1);
    default:
        return (int64_t)v;
    }
}

/* One value, a few, runs, steps, and anything at all. */
static void fill_numbers(enum parquet_type type, unsigned pattern, int64_t *ret, size_t rows,
                         uint64_t *seed) {
    uint64_t v = next(seed);
    for (size_t i = 0; i < rows; i++) {
        if (pattern == 1)
            v = next(seed) % 7;
        else if (pattern == 2 && next(seed) % 20 == 0)
            v = next(seed);
        else if (pattern == 3)
            v += next(seed) % 3;
        else if (pattern == 4)
            v = next(seed);
        ret[i] = fit(type, v);
    }
}

static void fill_texts(unsigned pattern, uint32_t *ret, size_t rows, uint64_t *seed) {
    uint32_t word = 0;
    for (size_t i = 0; i < rows; i++) {
        if (pattern == 1 || next(seed) % 30 == 0)
            word = (uint32_t)(next(seed) % (WORDS + 1));
        ret[i] = word;
    }
}

static struct written make(size_t rows, size_t longest, uint64_t seed) {
    struct written w = {.rows = rows, .bytes = malloc(WORDS * longest)};
    for (size_t i = 0; i < WORDS; i++) {
        char *text = w.bytes + i * longest;
        size_t len = 1 + next(&seed) % longest;
        memset(text, 'a' + (int)(i % 26), len);
        for (size_t k = 0; k < len && k < 3; k++)
            text[k] = (char)('!' + next(&seed) % 90);
        w.words[i] = span_of(text, len);
    }
    for (size_t k = 0; k < NUMBERS; k++) {
        w.numbers[k] = malloc(rows * sizeof(int64_t));
        fill_numbers(columns[k].type, (unsigned)(next(&seed) % 5), w.numbers[k], rows, &seed);
    }
    for (size_t k = 0; k < TEXTS; k++) {
        w.texts[k] = malloc(rows * sizeof(uint32_t));
        fill_texts((unsigned)k, w.texts[k], rows, &seed);
    }
    return w;
}

static void release(struct written *w) {
    for (size_t k = 0; k < NUMBERS; k++)
        free(w->numbers[k]);
    for (size_t k = 0; k < TEXTS; k++)
        free(w->texts[k]);
    free(w->bytes);
}

static void put_group(struct parquet *p, const struct written *w, size_t from, size_t rows) {
    parquet_begin_group(p, rows);
    for (size_t k = 0; k < NUMBERS; k++)
        assert_int_equal(parquet_put_numbers(p, w->numbers[k] + from, NULL), 0);
    for (size_t k = 0; k < TEXTS; k++)
        assert_int_equal(parquet_put_texts(p, w->texts[k] + from, w->words, WORDS, NULL), 0);
}

static void write_file(const char *path, const struct written *w, size_t group) {
    struct parquet *p = NULL;
    uint64_t rows = 0;
    assert_int_equal(parquet_open(&os_system, path, columns, COLUMNS, 1, &p, NULL), 0);
    for (size_t from = 0; from < w->rows; from += group)
        put_group(p, w, from, w->rows - from < group ? w->rows - from : group);
    assert_int_equal(parquet_end(p, &rows, NULL), 0);
    assert_int_equal(rows, w->rows);
    parquet_free(p);
}

/* --- reading it ----------------------------------------------------------------------------------
 */

static int64_t number_at(duckdb_data_chunk chunk, size_t column, idx_t row) {
    const void *data = chunk_column(chunk, column);
    switch (columns[column].type) {
    case PARQUET_U8:
        return ((const uint8_t *)data)[row];
    case PARQUET_U32:
        return ((const uint32_t *)data)[row];
    case PARQUET_I32:
        return ((const int32_t *)data)[row];
    default:
        return ((const int64_t *)data)[row];
    }
}

static void compare_row(const struct written *w, duckdb_data_chunk chunk, idx_t row, size_t at) {
    for (size_t k = 0; k < NUMBERS; k++)
        if (number_at(chunk, k, row) != w->numbers[k][at])
            fail_msg("row %zu of %s: %lld, not %lld", at, columns[k].name,
                     (long long)number_at(chunk, k, row), (long long)w->numbers[k][at]);
    for (size_t k = 0; k < TEXTS; k++) {
        uint32_t number = w->texts[k][at];
        struct span text = text_vector_at(duckdb_data_chunk_get_vector(chunk, NUMBERS + k), row);
        if (!span_eq(text, number ? w->words[number - 1] : SPAN_EMPTY))
            fail_msg("row %zu of %s", at, columns[NUMBERS + k].name);
    }
}

static void compare(duckdb_connection c, const char *path, const struct written *w) {
    char sql[300];
    duckdb_result r;
    snprintf(sql, sizeof sql, "FROM read_parquet('%s')", path);
    if (duckdb_query(c, sql, &r) != DuckDBSuccess)
        fail_msg("%s", duckdb_result_error(&r));
    static const duckdb_type types[COLUMNS] = {
        DUCKDB_TYPE_UTINYINT, DUCKDB_TYPE_UINTEGER, DUCKDB_TYPE_UINTEGER, DUCKDB_TYPE_INTEGER,
        DUCKDB_TYPE_UBIGINT,  DUCKDB_TYPE_BIGINT,   DUCKDB_TYPE_VARCHAR,  DUCKDB_TYPE_VARCHAR};
    for (idx_t k = 0; k < COLUMNS; k++)
        assert_int_equal(duckdb_column_type(&r, k), types[k]);
    size_t at = 0;
    for (duckdb_data_chunk chunk; (chunk = duckdb_fetch_chunk(r));) {
        for (idx_t i = 0; i < duckdb_data_chunk_get_size(chunk); i++)
            compare_row(w, chunk, i, at++);
        duckdb_destroy_data_chunk(&chunk);
    }
    assert_int_equal(at, w->rows);
    duckdb_destroy_result(&r);
}

/* A number; '@' in the statement stands for the file. */
static int64_t ask(duckdb_connection c, const char *form, const char *path) {
    BUF_AUTO sql = {0};
    duckdb_result r;
    for (; *form; form++)
        if (*form == '@')
            buf_addf(&sql, "'%s'", path);
        else
            buf_addc(&sql, *form);
    if (duckdb_query(c, buf_cstr(&sql), &r) != DuckDBSuccess)
        fail_msg("%s", duckdb_result_error(&r));
    int64_t n = duckdb_value_int64(&r, 0, 0);
    duckdb_destroy_result(&r);
    return n;
}

/* What a reader skips a row group by. */
static void bounds_hold(duckdb_connection c, const char *path) {
    for (size_t k = 0; k < NUMBERS; k++) {
        char form[600];
        const char *name = columns[k].name;
        snprintf(form, sizeof form,
                 "SELECT (SELECT row(min(stats_min_value::HUGEINT), max(stats_max_value::HUGEINT))"
                 " FROM parquet_metadata(@) WHERE path_in_schema = '%s') = (SELECT"
                 " row(min(%s)::HUGEINT, max(%s)::HUGEINT) FROM read_parquet(@))",
                 name, name, name);
        if (!ask(c, form, path))
            fail_msg("bounds of %s", name);
    }
    assert_int_equal(ask(c,
                         "SELECT (SELECT row(min(stats_min_value), max(stats_max_value)) FROM"
                         " parquet_metadata(@) WHERE path_in_schema = 'word') = (SELECT"
                         " row(min(word), max(word)) FROM read_parquet(@))",
                         path),
                     1);
}

static void reads_back(void **state) {
    (void)state;
    static const struct {
        size_t rows, group, longest;
    } sizes[] = {
        {1, 1, 20},     {7, 8, 20},       {8, 8, 20},         {9, 4, 20},
        {129, 200, 20}, {1000, 300, 200}, {50000, 20000, 40}, {MOST_ROWS, PARQUET_GROUP_ROWS, 20}};
    duckdb_database db;
    duckdb_connection c;
    assert_int_equal(duckdb_open(NULL, &db), DuckDBSuccess);
    assert_int_equal(duckdb_connect(db, &c), DuckDBSuccess);
    uint64_t seed = (uint64_t)time(NULL);
    printf("# seed %llu\n", (unsigned long long)seed);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
        for (unsigned round = 0; round < (sizes[i].rows < 10000 ? 40 : 4); round++) {
            struct written w = make(sizes[i].rows, sizes[i].longest, seed + i * 100 + round);
            /* Another name each time: DuckDB keeps what it read of a file. */
            char path[] = "/tmp/tamis-parquet-XXXXXX";
            close(mkstemp(path));
            write_file(path, &w, sizes[i].group);
            compare(c, path, &w);
            bounds_hold(c, path);
            release(&w);
            unlink(path);
        }
    duckdb_disconnect(&c);
    duckdb_close(&db);
}

/* 400 texts of 50 KB do not go into a dictionary. */
static void long_texts_stand_one_by_one(void **state) {
    (void)state;
    char path[] = "/tmp/tamis-parquet-XXXXXX";
    close(mkstemp(path));
    duckdb_database db;
    duckdb_connection c;
    assert_int_equal(duckdb_open(NULL, &db), DuckDBSuccess);
    assert_int_equal(duckdb_connect(db, &c), DuckDBSuccess);
    struct written w = make(900, 100000, 42);
    write_file(path, &w, 900);
    compare(c, path, &w);
    assert_int_equal(ask(c,
                         "SELECT count(*) FROM parquet_metadata(@) WHERE path_in_schema ="
                         " 'long' AND encodings = 'PLAIN' AND stats_min_value IS NULL",
                         path),
                     1);
    release(&w);
    duckdb_disconnect(&c);
    duckdb_close(&db);
    unlink(path);
}

/* DuckDB would read wider ones too; others need not. */
static void steps_of_32_bits_have_no_more(void **state) {
    (void)state;
    static const int64_t values[] = {0, UINT32_MAX, 0, 7, UINT32_MAX, 1};
    BUF_AUTO out = {0};
    parquet_pack_steps(&out, values, ARRAY_LEN(values), true);
    struct span rest = buf_span(&out);
    uint64_t head[5]; /* block, miniblocks, count, first value, least step */
    for (size_t i = 0; i < ARRAY_LEN(head); i++)
        assert_true(take_varint(&rest, &head[i]));
    assert_int_equal(head[2], ARRAY_LEN(values));
    uint8_t width;
    assert_true(take_u8(&rest, &width));
    assert_in_range(width, 1, 32);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_of_32_bits_have_no_more),
        cmocka_unit_test(reads_back),
        cmocka_unit_test(long_texts_stand_one_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
