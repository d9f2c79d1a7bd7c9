/* The roll-up cache: what is loaded is what the files say, once; and it can always be made again.
 */
#include "sample.h"

#include <fcntl.h>

#include "roll.h"
#include "seal.h"

struct cache {
    char *dir;
    duckdb_database db;
    duckdb_connection c;
};

static void cache_open(struct cache *k, bool made) {
    struct err err = {0};
    bool was_made = false;
    assert_int_equal(duckdb_open(NULL, &k->db), DuckDBSuccess);
    assert_int_equal(duckdb_connect(k->db, &k->c), DuckDBSuccess);
    if (roll_attach(k->c, &os_system, k->dir, &was_made, &err))
        fail_msg("roll_attach: %s", err.text);
    assert_int_equal(was_made, made);
}

static void cache_shut(struct cache *k) {
    duckdb_disconnect(&k->c);
    duckdb_close(&k->db);
}

static void run(struct cache *k, const char *sql) {
    duckdb_result r;
    if (duckdb_query(k->c, sql, &r) != DuckDBSuccess)
        fail_msg("%s: %s", sql, duckdb_result_error(&r));
    duckdb_destroy_result(&r);
}

static int64_t count(struct cache *k, const char *sql) {
    duckdb_result r;
    if (duckdb_query(k->c, sql, &r) != DuckDBSuccess)
        fail_msg("%s: %s", sql, duckdb_result_error(&r));
    int64_t n = duckdb_value_int64(&r, 0, 0);
    duckdb_destroy_result(&r);
    return n;
}

static const char *roll_path(const struct cache *k, unsigned part) {
    static char path[200];
    snprintf(path, sizeof path, "%s/%u.roll.parquet", k->dir, part);
    return path;
}

/* 50 pages, two sources and a day's total; values that name their part. */
static void make_file(struct cache *k, unsigned part, int day) {
    char sql[2000];
    int n = snprintf(sql, sizeof sql,
                     "COPY (SELECT %d::INTEGER AS day, dim, value || '-of-%u' AS value", day, part);
#define X(name, type)                                                                         \
    n += snprintf(sql + n, sizeof sql - (size_t)n, ", (hash(value, '%s') %% 1000)::%s AS %s", \
                  #name, type, #name);
    ROLL_NUMBERS(X)
#undef X
    snprintf(sql + n, sizeof sql - (size_t)n,
             " FROM (SELECT 'page' AS dim, '/p' || i AS value FROM range(50) t(i) UNION ALL SELECT"
             " 'source', 's' || i FROM range(2) t(i) UNION ALL SELECT 'person', '') ORDER BY dim,"
             " value) TO '%s' (FORMAT parquet)",
             roll_path(k, part));
    run(k, sql);
}

static void load(struct cache *k, unsigned site, unsigned part) {
    struct err err = {0};
    const struct roll_source source = {site, part, roll_path(k, part)};
    if (roll_load(k->c, &source, 1, &err))
        fail_msg("roll_load: %s", err.text);
}

static void cache_begin(struct cache *k) {
    *k = (struct cache){.dir = temp_dir()};
    cache_open(k, true);
    for (unsigned part = 1; part <= 4; part++)
        make_file(k, part, 20000 + (int)part);
}

static void cache_end(struct cache *k) {
    cache_shut(k);
    remove_dir(k->dir);
}

static void is_what_the_file_says(struct cache *k, unsigned part) {
    static const char *const dims[] = {"page", "source", "person"};
    for (size_t i = 0; i < ARRAY_LEN(dims); i++) {
        char sql[600];
        snprintf(sql, sizeof sql,
                 "WITH a AS (SELECT day, value, COLUMNS(c -> c NOT IN ('day', 'value', 'dim'))"
                 " FROM read_parquet('%s') WHERE dim = '%s'), b AS (SELECT * EXCLUDE (site, part)"
                 " FROM roll.\"%s\" WHERE part = %u) SELECT (SELECT count(*) FROM (FROM a EXCEPT"
                 " ALL FROM b)) + (SELECT count(*) FROM (FROM b EXCEPT ALL FROM a))",
                 roll_path(k, part), dims[i], dims[i], part);
        assert_int_equal(count(k, sql), 0);
    }
}

static void loads_each_part_once(void **state) {
    struct cache k;
    const uint32_t parts[] = {4, 2, 1, 3};
    uint32_t missing[4];
    size_t missing_count;
    cache_begin(&k);
    load(&k, 1, 1);
    load(&k, 2, 2);
    load(&k, 1, 1);
    is_what_the_file_says(&k, 1);
    is_what_the_file_says(&k, 2);
    assert_int_equal(count(&k, "SELECT count(*) FROM roll.page WHERE site = 2"), 50);
    assert_int_equal(count(&k, "SELECT count(*) FROM roll.page"), 100);
    assert_int_equal(roll_missing(k.c, parts, 4, missing, &missing_count, NULL), 0);
    assert_int_equal(missing_count, 2);
    assert_int_equal(missing[0], 4);
    assert_int_equal(missing[1], 3);
    assert_int_equal(roll_missing(k.c, parts, 0, missing, &missing_count, NULL), 0);
    assert_int_equal(missing_count, 0);
    cache_end(&k);
}

/* A file whose first columns read and whose last do not: nothing of it is in. */
static void a_load_is_all_or_nothing(void **state) {
    struct cache k;
    char sql[400];
    cache_begin(&k);
    assert_true(roll_load(k.c, &(struct roll_source){1, 9, roll_path(&k, 9)}, 1, NULL) < 0);
    snprintf(sql, sizeof sql,
             "COPY (SELECT * REPLACE (CASE dim WHEN 'person' THEN -1 ELSE 1 END AS visits) FROM"
             " read_parquet('%s')) TO '%s/9.roll.parquet' (FORMAT parquet)",
             roll_path(&k, 1), k.dir);
    run(&k, sql);
    snprintf(sql, sizeof sql,
             "COPY (SELECT * REPLACE (CASE dim WHEN 'source' THEN -1 ELSE 1 END AS visits) FROM"
             " read_parquet('%s')) TO '%s/8.roll.parquet' (FORMAT parquet)",
             roll_path(&k, 1), k.dir);
    run(&k, sql);
    for (uint32_t part = 8; part <= 9; part++)
        assert_true(roll_load(k.c, &(struct roll_source){1, part, roll_path(&k, part)}, 1, NULL) <
                    0);
    assert_int_equal(count(&k, "SELECT count(*) FROM roll.page"), 0);
    assert_int_equal(count(&k, "SELECT count(*) FROM roll.loaded"), 0);
    load(&k, 1, 1);
    is_what_the_file_says(&k, 1);
    cache_end(&k);
}

static bool is_in(struct cache *k, uint32_t part) {
    uint32_t missing;
    size_t missing_count = 9;
    assert_int_equal(roll_missing(k->c, &part, 1, &missing, &missing_count, NULL), 0);
    return missing_count == 0;
}

static void forgets(void **state) {
    struct cache k;
    cache_begin(&k);
    for (unsigned part = 1; part <= 4; part++)
        load(&k, 1, part);
    assert_int_equal(roll_forget(k.c, (const uint32_t[]){2, 77}, 2, NULL), 0);
    assert_false(is_in(&k, 2));
    assert_int_equal(count(&k, "SELECT count(*) FROM roll.page WHERE part = 2"), 0);
    assert_int_equal(count(&k, "SELECT count(*) FROM roll.page"), 150);
    assert_int_equal(roll_forget_days(k.c, 1, 20000, 20001, NULL), 0);
    assert_int_equal(roll_forget_days(k.c, 2, 20000, 20009, NULL), 0);
    assert_true(is_in(&k, 1));
    assert_int_equal(count(&k, "SELECT count(*) FROM roll.page"), 100);
    assert_int_equal(count(&k, "SELECT count(*) FROM roll.person WHERE day = 20001"), 0);
    assert_int_equal(roll_keep(k.c, (const uint32_t[]){4}, 1, NULL), 0);
    assert_true(is_in(&k, 4));
    assert_false(is_in(&k, 1) || is_in(&k, 3));
    assert_int_equal(count(&k, "SELECT count(*) FROM roll.source"), 2);
    load(&k, 1, 3);
    is_what_the_file_says(&k, 3);
    assert_int_equal(roll_keep(k.c, NULL, 0, NULL), 0);
    assert_int_equal(count(&k, "SELECT count(*) FROM roll.page"), 0);
    cache_end(&k);
}

static void a_month_takes_over_the_rows_of_its_days(void **state) {
    struct cache k;
    cache_begin(&k);
    load(&k, 1, 1);
    load(&k, 1, 2);
    load(&k, 1, 4);
    assert_int_equal(roll_merge(k.c, (const uint32_t[]){1, 2}, 2, 9, NULL), 0);
    assert_true(is_in(&k, 9));
    assert_false(is_in(&k, 1) || is_in(&k, 2));
    is_what_the_file_says(&k, 1);
    assert_int_equal(roll_keep(k.c, (const uint32_t[]){9, 4}, 2, NULL), 0);
    assert_int_equal(count(&k, "SELECT count(*) FROM roll.page"), 150);
    assert_int_equal(roll_forget(k.c, (const uint32_t[]){9}, 1, NULL), 0);
    assert_int_equal(count(&k, "SELECT count(*) FROM roll.page"), 50);
    /* 3 is not in, so all of the month must be loaded. */
    assert_int_equal(roll_merge(k.c, (const uint32_t[]){3, 4}, 2, 10, NULL), 0);
    assert_false(is_in(&k, 10) || is_in(&k, 4));
    assert_int_equal(count(&k, "SELECT count(*) FROM roll.page"), 0);
    cache_end(&k);
}

static bool file_has(const struct cache *k, const char *text) {
    BUF_AUTO all = {0};
    char path[200];
    snprintf(path, sizeof path, "%s/roll.duckdb", k->dir);
    assert_int_equal(os_read_file(&os_system, path, 1 << 26, &all, NULL), 0);
    return span_find_span(buf_span(&all), span_str(text)) != SIZE_MAX;
}

static void stays_and_is_made_again(void **state) {
    struct cache k;
    char path[200];
    cache_begin(&k);
    load(&k, 1, 1);
    run(&k, "CHECKPOINT roll");
    cache_shut(&k);
    assert_true(file_has(&k, "-of-1"));
    cache_open(&k, false);
    is_what_the_file_says(&k, 1);
    assert_true(is_in(&k, 1));

    assert_int_equal(roll_rebuild(k.c, &os_system, k.dir, NULL), 0);
    assert_false(is_in(&k, 1));
    assert_false(file_has(&k, "-of-1"));
    load(&k, 1, 2);
    is_what_the_file_says(&k, 2);

    run(&k, "UPDATE roll.meta SET columns = columns + 1; CHECKPOINT roll");
    cache_shut(&k);
    cache_open(&k, true);
    assert_false(is_in(&k, 2));
    cache_shut(&k);

    snprintf(path, sizeof path, "%s/roll.duckdb", k.dir);
    int fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "nonsense nonsense nonsense", 26, 4), 26);
    close(fd);
    cache_open(&k, true);
    load(&k, 1, 3);
    is_what_the_file_says(&k, 3);
    cache_end(&k);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loads_each_part_once),
        cmocka_unit_test(a_load_is_all_or_nothing),
        cmocka_unit_test(forgets),
        cmocka_unit_test(a_month_takes_over_the_rows_of_its_days),
        cmocka_unit_test(stays_and_is_made_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
