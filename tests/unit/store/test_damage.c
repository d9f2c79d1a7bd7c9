/* A damaged hot file costs a rebuild and never a wrong figure, a crash or a refusal to start. */
#include "sample.h"

#include <dirent.h>
#include <duckdb.h>
#include <fcntl.h>
#include <time.h>

enum { ROWS = 30000 };

#define FINGERPRINT                                          \
    "SELECT (SELECT sum(hash(e) % 1000003) FROM event e) + " \
    "(SELECT sum(hash(v) % 1000003) FROM visit v)"

static int64_t fingerprint; /* of the file that was not damaged */

static char *name_in(const char *dir, const char *name) {
    char *path = NULL;
    assert_true(asprintf(&path, "%s/%s", dir, name) > 0);
    return path;
}

static void copy(const char *from_dir, const char *to_dir, const char *name) {
    char command[300];
    snprintf(command, sizeof command, "cp '%s/%s' '%s/%s'", from_dir, name, to_dir, name);
    assert_int_equal(system(command), 0);
}

static long size_of(const char *dir, const char *name) {
    char *path = name_in(dir, name);
    struct stat st;
    long size = stat(path, &st) ? -1 : (long)st.st_size;
    free(path);
    return size;
}

static size_t count_bad(const char *dir) {
    size_t n = 0;
    DIR *d = opendir(dir);
    for (struct dirent *e; (e = readdir(d));)
        n += strstr(e->d_name, ".bad-") != NULL;
    closedir(d);
    return n;
}

static void fill(struct store *s, uint64_t from) {
    static struct event events[1000];
    static char pages[1000][40];
    for (uint64_t at = from; at < from + ROWS; at += ARRAY_LEN(events)) {
        for (unsigned i = 0; i < ARRAY_LEN(events); i++) {
            snprintf(pages[i], sizeof pages[i], "/page number %u",
                     (unsigned)((at + i) * 2654435761u % 5000));
            events[i] =
                page_view((at + i) % 4000 * 0x9e3779b97f4a7c15u, (int64_t)(at + i) * 10, pages[i]);
        }
        apply(s, events, ARRAY_LEN(events), at + ARRAY_LEN(events));
    }
}

static char *make_clean(void) {
    char *dir = temp_dir();
    struct store *s = open_store(dir, false);
    fill(s, 0);
    store_close(s);
    s = open_store(dir, false);
    fingerprint = number(s, FINGERPRINT);
    store_close(s);
    return dir;
}

/* Opens what is in `dir`: it must answer as before, or notice, start anew and work. */
static void heals(const char *dir, long where) {
    struct store *s = NULL;
    struct err err = {0};
    bool rebuilt = false;
    if (store_open(dir, NULL, &s, &rebuilt, &err))
        fail_msg("at %ld: %s", where, err.text);
    if (!rebuilt) {
        struct sql_result *r = NULL;
        int code = store_select(s, FINGERPRINT, NULL, 0, 30000, &r, &err);
        if (code == 0 && sql_result_at(r, 0, 0).i != fingerprint)
            fail_msg("at %ld: a wrong answer", where);
        if (code == 0)
            assert_int_equal(store_cursor(s).offset, ROWS);
        sql_result_free(r);
        if (code) {
            if (code != ERR_CORRUPT)
                fail_msg("at %ld: %d %s", where, code, err.text);
            assert_true(store_needs_reopen(s));
            struct event e = page_view(1, 0, "/");
            assert_int_equal(try_apply(s, &e, 1, 1, NULL), ERR_CORRUPT);
            assert_int_equal(store_reopen(s, &err), 1);
            rebuilt = true;
        }
    }
    if (rebuilt) {
        assert_int_equal(store_cursor(s).offset, 0);
        assert_int_equal(number(s, "SELECT count(*) FROM event"), 0);
        assert_true(count_bad(dir) <= 1);
    }
    struct event e = page_view(1, 0, "/");
    int code = try_apply(s, &e, 1, 1, &err);
    if (code == ERR_CORRUPT) {
        assert_true(store_reopen(s, &err) >= 0);
        code = try_apply(s, &e, 1, 1, &err);
    }
    if (code)
        fail_msg("at %ld: %s", where, err.text);
    store_close(s);
}

static void flip(const char *dir, const char *name, long at) {
    char *path = name_in(dir, name);
    int fd = open(path, O_RDWR);
    unsigned char c;
    assert_int_equal(pread(fd, &c, 1, at), 1);
    c ^= (unsigned char)(1u << (at % 8));
    assert_int_equal(pwrite(fd, &c, 1, at), 1);
    close(fd);
    free(path);
}

static void cut(const char *dir, const char *name, long size) {
    char *path = name_in(dir, name);
    assert_int_equal(truncate(path, size), 0);
    free(path);
}

static void try_each(const char *from, const char *name,
                     void (*damage)(const char *, const char *, long), unsigned tries) {
    long size = size_of(from, name);
    unsigned seed = (unsigned)time(NULL);
    printf("# %s, %ld bytes, seed %u\n", name, size, seed);
    for (unsigned i = 0; i < tries; i++) {
        long at = i < 12 ? (long)i * 1021 % size
                         : (long)((unsigned)rand_r(&seed) * 4096L + rand_r(&seed) % 4096) % size;
        char *dir = temp_dir();
        copy(from, dir, "hot.duckdb");
        damage(dir, name, at);
        heals(dir, at);
        remove_dir(dir);
    }
}

static void damaged_file(void **state) {
    char *clean = make_clean();
    try_each(clean, "hot.duckdb", flip, 60);
    try_each(clean, "hot.duckdb", cut, 30);
    remove_dir(clean);
}

static void write_file(const char *dir, const char *name, const char *bytes, size_t n) {
    char *path = name_in(dir, name);
    FILE *f = fopen(path, "w");
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    fclose(f);
    free(path);
}

static void garbage_and_leftovers(void **state) {
    char *dir = temp_dir();
    static char garbage[100000];
    for (size_t i = 0; i < sizeof garbage; i++)
        garbage[i] = (char)(i * 31 + i / 256);
    write_file(dir, "hot.duckdb", garbage, sizeof garbage);
    store_close(open_store(dir, true));
    write_file(dir, "hot.duckdb", garbage, 3);
    write_file(dir, "hot.duckdb.wal", garbage, 5000);
    store_close(open_store(dir, true));
    assert_int_equal(count_bad(dir), 1);
    store_close(open_store(dir, false));

    /* The engine did not survive the last opening. */
    write_file(dir, "hot.duckdb.opening", "", 0);
    store_close(open_store(dir, true));
    store_close(open_store(dir, false));

    /* A log without its file. */
    char *path = name_in(dir, "hot.duckdb");
    unlink(path);
    free(path);
    write_file(dir, "hot.duckdb.wal", garbage, 5000);
    store_close(open_store(dir, false));
    remove_dir(dir);
}

/* A well-formed file that another version of the program made. */
static void another_version_is_set_aside(void **state) {
    char *dir = temp_dir();
    struct store *s = open_store(dir, false);
    fill(s, 0);
    store_close(s);
    char *path = name_in(dir, "hot.duckdb");
    duckdb_database db;
    duckdb_connection c;
    assert_int_equal(duckdb_open(path, &db), DuckDBSuccess);
    assert_int_equal(duckdb_connect(db, &c), DuckDBSuccess);
    assert_int_equal(duckdb_query(c, "UPDATE meta SET version = version + 1; CHECKPOINT", NULL),
                     DuckDBSuccess);
    duckdb_disconnect(&c);
    duckdb_close(&db);
    free(path);
    s = open_store(dir, true);
    assert_int_equal(store_cursor(s).offset, 0);
    assert_int_equal(count_bad(dir), 1);
    fill(s, 0);
    store_close(s);
    remove_dir(dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_version_is_set_aside),
        cmocka_unit_test(garbage_and_leftovers),
        cmocka_unit_test(damaged_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
