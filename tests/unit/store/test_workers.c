/* The engine's threads: called, sent away and stopped at any moment, beside statements. */
#include "workers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

enum { SHARE = 3, CALLERS = 4, ROUNDS = 40 };

struct bench {
    duckdb_database db;
    struct workers *workers;
    _Atomic unsigned wrong;
    _Atomic bool stop;
};

static int setup(void **state) {
    static struct bench b;
    b = (struct bench){0};
    duckdb_config config;
    assert_int_equal(duckdb_create_config(&config), DuckDBSuccess);
    assert_int_equal(duckdb_set_config(config, "threads", "3"), DuckDBSuccess);
    assert_int_equal(duckdb_set_config(config, "external_threads", "3"), DuckDBSuccess);
    assert_int_equal(duckdb_open_ext(NULL, &b.db, config, NULL), DuckDBSuccess);
    duckdb_destroy_config(&config);
    assert_int_equal(workers_start(b.db, SHARE, &b.workers, NULL), 0);
    *state = &b;
    return 0;
}

static int teardown(void **state) {
    struct bench *b = *state;
    workers_stop(b->workers);
    duckdb_close(&b->db);
    return 0;
}

/* Large enough for several threads: a million rows. */
static bool adds_up(struct bench *b) {
    duckdb_connection c;
    duckdb_result r;
    if (duckdb_connect(b->db, &c) != DuckDBSuccess)
        return false;
    bool right =
        duckdb_query(c, "SELECT sum(i)::BIGINT FROM range(1000000) t(i)", &r) == DuckDBSuccess &&
        duckdb_value_int64(&r, 0, 0) == 499999500000;
    duckdb_destroy_result(&r);
    duckdb_disconnect(&c);
    return right;
}

static void *call_again_and_again(void *arg) {
    struct bench *b = arg;
    for (int i = 0; i < ROUNDS; i++) {
        workers_call(b->workers);
        if (!adds_up(b))
            b->wrong++;
        workers_dismiss(b->workers);
    }
    return NULL;
}

static void *send_away_again_and_again(void *arg) {
    struct bench *b = arg;
    while (!b->stop) {
        workers_send_away(b->workers);
        if (!adds_up(b)) /* alone or not, as it comes */
            b->wrong++;
    }
    return NULL;
}

static void comes_and_goes_beside_statements(void **state) {
    struct bench *b = *state;
    pthread_t callers[CALLERS];
    pthread_t other;
    assert_int_equal(pthread_create(&other, NULL, send_away_again_and_again, b), 0);
    for (int i = 0; i < CALLERS; i++)
        assert_int_equal(pthread_create(&callers[i], NULL, call_again_and_again, b), 0);
    for (int i = 0; i < CALLERS; i++)
        pthread_join(callers[i], NULL);
    b->stop = true;
    pthread_join(other, NULL);
    assert_int_equal(b->wrong, 0);
}

static void stops_while_they_listen(void **state) {
    struct bench *b = *state;
    workers_call(b->workers);
    assert_true(adds_up(b));
    workers_dismiss(b->workers);
}

static void works_without_any(void **state) {
    struct bench *b = *state;
    struct workers *none = NULL;
    assert_int_equal(workers_start(b->db, 1, &none, NULL), 0);
    workers_call(none);
    assert_true(adds_up(b));
    workers_dismiss(none);
    workers_send_away(none);
    workers_stop(none);
}

static void shares_are_a_core_each(void **state) {
    (void)state;
    assert_int_equal(workers_share(7), 7);
    assert_true(workers_share(0) >= 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(comes_and_goes_beside_statements, setup, teardown),
        cmocka_unit_test_setup_teardown(stops_while_they_listen, setup, teardown),
        cmocka_unit_test_setup_teardown(works_without_any, setup, teardown),
        cmocka_unit_test(shares_are_a_core_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
