#include "sample.h"

#include <signal.h>
#include <sys/wait.h>

#include <pthread.h>
#include <stdatomic.h>

static void applies_and_answers(void **state) {
    char *dir = temp_dir();
    struct store *s = open_store(dir, false);
    struct event e[] = {page_view(7, 0, "/a long page that is not inlined"),
                        page_view(7, 60000, "/b"), page_view(8, 1000, "/c")};
    e[2].page = span_of("/\xff", 2);
    apply(s, e, 3, 100);
    assert_int_equal(store_cursor(s).offset, 100);
    assert_int_equal(number(s, "SELECT count(*) FROM event"), 3);
    assert_int_equal(number(s, "SELECT sum(sign) FROM visit"), 2);
    assert_int_equal(number(s, "SELECT sum(sign * bounce) FROM visit"), 1);
    assert_int_equal(number(s, "SELECT sum(sign * duration_ms) FROM visit"), 60000);
    is_text(s, "SELECT entry_page FROM visit WHERE visitor = 7",
            "/a long page that is not inlined");
    is_text(s, "SELECT exit_page FROM visit WHERE visitor = 7", "/b");
    is_text(s, "SELECT page FROM event WHERE visitor = 8", "");
    store_close(s);
    s = open_store(dir, false);
    assert_int_equal(store_cursor(s).offset, 100);
    struct event later = page_view(7, 120000, "/d");
    apply(s, &later, 1, 200);
    assert_int_equal(number(s, "SELECT count(DISTINCT visit) FROM event WHERE visitor = 7"), 1);
    assert_int_equal(number(s, "SELECT sum(sign * pageviews) FROM visit"), 4);
    assert_int_equal(number(s, "SELECT count(*) FROM visit"), 4);
    store_close(s);
    remove_dir(dir);
}

static void keeps_import_marks(void **state) {
    char *dir = temp_dir();
    struct store *s = open_store(dir, false);
    uint64_t offset = 9;
    assert_int_equal(store_import_offset(s, 5, &offset, NULL), 0);
    assert_int_equal(offset, 0);
    struct import_mark marks[] = {{5, 10}, {6, 1}, {5, 20}};
    struct store_batch b = {.marks = marks, .mark_count = 3, .next = {1, 1}};
    assert_int_equal(store_apply(s, &b, NULL), 0);
    marks[0].offset = 30;
    b.mark_count = 1;
    assert_int_equal(store_import_offset(s, 5, &offset, NULL), 0);
    assert_int_equal(offset, 20);
    assert_int_equal(store_apply(s, &b, NULL), 0);
    store_close(s);
    s = open_store(dir, false);
    assert_int_equal(store_import_offset(s, 5, &offset, NULL), 0);
    assert_int_equal(offset, 30);
    assert_int_equal(number(s, "SELECT count(*) FROM import_mark"), 2);
    store_close(s);
    remove_dir(dir);
}

static void gives_each_type(void **state) {
    char *dir = temp_dir();
    struct store *s = open_store(dir, false);
    const struct sql_value params[] = {{.type = SQL_INT, .i = -5},
                                       {.type = SQL_REAL, .d = 1.5},
                                       {.type = SQL_TEXT_VALUE, .text = SPAN_LIT("it's")},
                                       {.type = SQL_NULL_VALUE}};
    struct sql_result *r = NULL;
    struct err err = {0};
    int code = store_select(
        s,
        "SELECT $1::BIGINT, $2::DOUBLE, $3::VARCHAR, $4::INTEGER, 1.25, true, "
        "sum(x), 255::UTINYINT, DATE '1970-01-03', 170141183460469231731687303715884105727, "
        "repeat('y', 40) FROM (VALUES (9000000000000000000), (1)) t(x)",
        params, 4, 1000, &r, &err);
    if (code)
        fail_msg("%s", err.text);
    assert_int_equal(sql_result_rows(r), 1);
    assert_int_equal(sql_result_columns(r), 11);
    assert_int_equal(sql_result_at(r, 0, 0).i, -5);
    assert_true(sql_result_at(r, 0, 1).d == 1.5);
    assert_true(span_eq(sql_result_at(r, 0, 2).text, SPAN_LIT("it's")));
    assert_int_equal(sql_result_at(r, 0, 3).type, SQL_NULL_VALUE);
    assert_true(sql_result_at(r, 0, 4).d == 1.25);
    assert_int_equal(sql_result_at(r, 0, 5).i, 1);
    assert_int_equal(sql_result_at(r, 0, 6).i, 9000000000000000001);
    assert_int_equal(sql_result_at(r, 0, 7).i, 255);
    assert_int_equal(sql_result_at(r, 0, 8).i, 2);
    assert_int_equal(sql_result_at(r, 0, 9).type, SQL_REAL);
    assert_int_equal(sql_result_at(r, 0, 10).text.len, 40);
    sql_result_free(r);
    r = NULL;
    assert_int_equal(
        store_select(s, "SELECT i FROM range(5000) t(i) ORDER BY i", NULL, 0, 1000, &r, NULL), 0);
    assert_int_equal(sql_result_rows(r), 5000);
    for (size_t i = 0; i < 5000; i++)
        assert_int_equal(sql_result_at(r, i, 0).i, i);
    sql_result_free(r);
    store_close(s);
    remove_dir(dir);
}

static void refuses(struct store *s, const char *sql, int want) {
    struct sql_result *r = NULL;
    struct err err = {0};
    int code = store_select(s, sql, NULL, 0, 200, &r, &err);
    if (code != want)
        fail_msg("%s: %d, %s", sql, code, err.text);
    assert_null(r);
    assert_null(strstr(err.text, "secret"));
}

static void refuses_what_is_no_select(void **state) {
    char *dir = temp_dir();
    struct store *s = open_store(dir, false);
    refuses(s, "SELEC secret", ERR_INVALID);
    refuses(s, "SELECT secret FROM event", ERR_INVALID);
    refuses(s, "DELETE FROM event", ERR_INVALID);
    refuses(s, "SELECT 1; SELECT 2", ERR_INVALID);
    refuses(s, "SELECT $1", ERR_INVALID);
    refuses(s, "SELECT [1]", ERR_UNSUPPORTED);
    refuses(s, "SELECT CAST('secret' AS INTEGER)", ERR_INVALID);
    refuses(s, "SELECT * FROM read_text('/etc/passwd')", ERR_DENIED);
    refuses(s,
            "SELECT sum(a.i * b.i % c.i) FROM range(100000) a(i), range(100000) b(i), range(1, "
            "10000) c(i)",
            ERR_TIMEOUT);
    assert_int_equal(number(s, "SELECT 1"), 1);
    store_close(s);
    remove_dir(dir);
}

static void reads_below_its_folder_only(void **state) {
    char *dir = temp_dir();
    char allowed[100], path[120];
    snprintf(allowed, sizeof allowed, "%s/it's sealed", dir);
    mkdir(allowed, 0700);
    snprintf(path, sizeof path, "%s/a.csv", allowed);
    FILE *f = fopen(path, "w");
    fputs("a,b\n1,2\n", f);
    fclose(f);
    struct store *s = NULL;
    bool rebuilt;
    assert_int_equal(store_open(dir, &(struct store_options){.sealed_root = allowed, .threads = 1},
                                &s, &rebuilt, NULL),
                     0);
    const struct sql_value p = {.type = SQL_TEXT_VALUE, .text = span_str(path)};
    struct sql_result *r = NULL;
    struct err err = {0};
    if (store_select(s, "SELECT length(content) FROM read_text($1)", &p, 1, 1000, &r, &err))
        fail_msg("%s", err.text);
    assert_int_equal(sql_result_at(r, 0, 0).i, 8);
    sql_result_free(r);
    refuses(s, "SELECT * FROM read_text('/etc/passwd')", ERR_DENIED);
    store_close(s);
    remove_dir(dir);
}

static void large_queries_spill(void **state) {
    char *dir = temp_dir();
    struct store *s = NULL;
    bool rebuilt;
    assert_int_equal(
        store_open(dir, &(struct store_options){.memory_bytes = 64 << 20}, &s, &rebuilt, NULL), 0);
    struct sql_result *r = NULL;
    struct err err = {0};
    if (store_select(
            s,
            "SELECT count(*) FROM (SELECT i FROM range(8000000) t(i) ORDER BY hash(i) OFFSET 10)",
            NULL, 0, 60000, &r, &err))
        fail_msg("%s", err.text);
    assert_int_equal(sql_result_at(r, 0, 0).i, 7999990);
    sql_result_free(r);
    store_close(s);
    remove_dir(dir);
}

struct selecting {
    struct store *store;
    _Atomic bool stop;
    _Atomic int answered, busy, other;
};

static void *select_on(void *arg) {
    struct selecting *t = arg;
    while (!atomic_load(&t->stop)) {
        struct sql_result *r = NULL;
        int code = store_select(t->store, "SELECT count(*), sum(sign) FROM visit", NULL, 0, 1000,
                                &r, NULL);
        atomic_fetch_add(code == 0 ? &t->answered : code == ERR_BUSY ? &t->busy : &t->other, 1);
        sql_result_free(r);
    }
    return NULL;
}

static void reopens_beside_selects(void **state) {
    char *dir = temp_dir();
    struct store *s = open_store(dir, false);
    struct selecting t = {.store = s};
    pthread_t threads[4];
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_create(&threads[i], NULL, select_on, &t);
    for (unsigned i = 1; i <= 20; i++) {
        struct event e = page_view(i, i * 1000, "/");
        apply(s, &e, 1, i);
        struct err err = {0};
        int code = store_reopen(s, &err);
        if (code)
            fail_msg("%d %s", code, err.text);
        assert_int_equal(store_cursor(s).offset, i);
        int before = atomic_load(&t.answered);
        while (atomic_load(&t.answered) == before)
            usleep(100);
    }
    atomic_store(&t.stop, true);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&t.other), 0);
    assert_int_equal(number(s, "SELECT sum(sign) FROM visit"), 20);
    store_close(s);
    remove_dir(dir);
}

/* A child applies batch after batch and is killed at any moment; rows and cursor must agree. */
static void survives_kill(void **state) {
    enum { EACH = 50 };
    char *dir = temp_dir();
    for (unsigned round = 0; round < 12; round++) {
        pid_t child = fork();
        if (child == 0) {
            struct store *s = NULL;
            bool rebuilt;
            if (store_open(dir, NULL, &s, &rebuilt, NULL))
                _exit(1);
            for (;;) {
                uint64_t at = store_cursor(s).offset;
                struct event e[EACH];
                for (unsigned i = 0; i < EACH; i++)
                    e[i] = page_view((at * EACH + i) % 97, (int64_t)at * 10 + i, "/page");
                if (try_apply(s, e, EACH, at + 1, NULL) ||
                    (at % 3 == 0 && store_checkpoint(s, NULL)))
                    _exit(2);
            }
        }
        usleep(60000 + (round * 7919) % 90000);
        kill(child, SIGKILL);
        int status;
        waitpid(child, &status, 0);
        assert_true(WIFSIGNALED(status));

        pid_t reader = fork();
        if (reader == 0) {
            struct store *s = NULL;
            bool rebuilt;
            if (store_open(dir, NULL, &s, &rebuilt, NULL)) /* killed while opening: rebuilt */
                _exit(3);
            uint64_t batches = store_cursor(s).offset;
            bool same = number(s, "SELECT count(*) FROM event") == (int64_t)(batches * EACH) &&
                        number(s, "SELECT coalesce(sum(sign * events), 0) FROM visit") ==
                            (int64_t)(batches * EACH);
            store_close(s);
            _exit(same ? 0 : 4);
        }
        waitpid(reader, &status, 0);
        assert_int_equal(status, 0);
    }
    struct store *s = open_store(dir, false);
    store_close(s);
    remove_dir(dir);
}

/* --- selects beside batches with new words ------------------------------------------------------
 */

/* The sanitizers make it nine times slower and do not look for what this does. */
#ifdef __SANITIZE_ADDRESS__
enum { NEW_WORD_STORES = 2 };
#else
enum { NEW_WORD_STORES = 12 };
#endif
enum { NEW_WORDS = 600 };

struct page_reader {
    struct store *store;
    _Atomic bool stop;
    unsigned failed;
};

static void *select_by_page(void *arg) {
    struct page_reader *w = arg;
    while (!w->stop) {
        struct sql_result *r = NULL;
        struct err err = {0};
        w->failed += store_select(w->store, "SELECT page, count(*) FROM event_row GROUP BY page",
                                  NULL, 0, 30000, &r, &err) != 0;
        sql_result_free(r);
    }
    return NULL;
}

/* The engine plans by the greatest code there is; a greater one must not turn up while it runs. */
static void selects_while_words_come(void **state) {
    for (unsigned k = 0; k < NEW_WORD_STORES; k++) {
        char *dir = temp_dir();
        struct page_reader w = {.store = open_store(dir, false)};
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, select_by_page, &w), 0);
        for (unsigned i = 0; i < NEW_WORDS; i++) {
            char page[20];
            snprintf(page, sizeof page, "/%u", i);
            struct event e = page_view(7, i, page);
            apply(w.store, &e, 1, i + 1);
        }
        w.stop = true;
        pthread_join(thread, NULL);
        assert_int_equal(w.failed, 0);
        store_close(w.store);
        remove_dir(dir);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(survives_kill), /* forks: before the engine has threads */
        cmocka_unit_test(applies_and_answers),
        cmocka_unit_test(keeps_import_marks),
        cmocka_unit_test(gives_each_type),
        cmocka_unit_test(refuses_what_is_no_select),
        cmocka_unit_test(reads_below_its_folder_only),
        cmocka_unit_test(large_queries_spill),
        cmocka_unit_test(reopens_beside_selects),
        cmocka_unit_test(selects_while_words_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
