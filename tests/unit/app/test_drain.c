/* The way from the journal to the tables, with the real journal and the real store. */
#include "../../../src/app/drain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"
#include "record.h"

/* What never comes within it does not come at all, on a slow and busy machine too. */
enum { PATIENCE_MS = 120000 };

struct bench {
    char dir[40], journal_dir[60], hot_dir[60], diary[60];
    struct journal *journal;
    struct store *store;
    struct known *known;
    struct counters counters;
    struct drain_options options;
};

static void open_both(struct bench *b) {
    struct err err = {0};
    bool rebuilt;
    const struct journal_options options = {
        .os = &os_system, .clock = &clock_system, .counters = &b->counters};
    if (journal_open(b->journal_dir, &options, &b->journal, &err) ||
        store_open(b->hot_dir, NULL, &b->store, &rebuilt, &err) ||
        known_open(b->diary, &clock_system, &b->known, &err))
        fail_msg("%s", err.text);
    b->options = (struct drain_options){
        .journal = b->journal, .store = b->store, .known = b->known, .counters = &b->counters};
}

static void close_both(struct bench *b) {
    store_close(b->store);
    known_close(b->known);
    journal_close(b->journal);
}

static int setup(void **state) {
    static struct bench b;
    b = (struct bench){0};
    snprintf(b.dir, sizeof b.dir, "/tmp/tamis-drain-XXXXXX");
    assert_non_null(mkdtemp(b.dir));
    snprintf(b.journal_dir, sizeof b.journal_dir, "%s/journal", b.dir);
    snprintf(b.hot_dir, sizeof b.hot_dir, "%s/hot", b.dir);
    snprintf(b.diary, sizeof b.diary, "%s/visitors.db", b.dir);
    log_set_level(LOG_ERROR_LEVEL + 1);
    *state = &b;
    return 0;
}

static int teardown(void **state) {
    struct bench *b = *state;
    char command[80];
    snprintf(command, sizeof command, "rm -rf '%s'", b->dir);
    return system(command);
}

static void append(struct journal *j, unsigned first, unsigned count) {
    BUF_AUTO frame = {0};
    BUF_AUTO scratch = {0};
    for (unsigned i = first; i < first + count; i++) {
        struct event e;
        event_init(&e);
        e.site = 1;
        e.day = 20000;
        e.ts_ms = 20000LL * 86400000 + i * 10;
        e.visitor = i % 50;
        e.interactive = 1;
        e.page = SPAN_LIT("/page");
        record_add_event(&frame, &e, &scratch);
    }
    record_add_import_mark(&frame, &(struct import_mark){.import = 1, .offset = first + count});
    struct err err = {0};
    if (journal_append(j, buf_span(&frame), &err))
        fail_msg("%s", err.text);
}

static int64_t number(struct store *s, const char *sql) {
    struct sql_result *r = NULL;
    struct err err = {0};
    if (store_select(s, sql, NULL, 0, PATIENCE_MS, &r, &err))
        fail_msg("%s", err.text);
    int64_t n = sql_result_at(r, 0, 0).i;
    sql_result_free(r);
    return n;
}

static void holds(struct store *s, unsigned events) {
    uint64_t offset;
    assert_int_equal(number(s, "SELECT count(*) FROM event"), events);
    assert_int_equal(number(s, "SELECT coalesce(sum(sign * events), 0) FROM visit"), events);
    assert_int_equal(store_import_offset(s, 1, &offset, NULL), 0);
    assert_int_equal(offset, events);
}

static struct drain *start(struct bench *b) {
    struct drain *d = NULL;
    const struct drain_options options = {
        .journal = b->journal, .store = b->store, .counters = &b->counters};
    assert_int_equal(drain_start(&options, &d, NULL), 0);
    return d;
}

static void carries_events(void **state) {
    struct bench *b = *state;
    open_both(b);
    struct drain *d = start(b);
    for (unsigned i = 0; i < 20; i++) {
        append(b->journal, i * 7, 7);
        if (i % 5 == 0)
            assert_int_equal(drain_wait_for(d, journal_end(b->journal), PATIENCE_MS), 0);
    }
    assert_int_equal(drain_wait_for(d, journal_end(b->journal), PATIENCE_MS), 0);
    holds(b->store, 140);
    assert_int_equal(counters_get(&b->counters, COUNT_DRAIN_EVENTS), 140);
    struct cursor far = {.segment = UINT64_MAX};
    assert_int_equal(drain_wait_for(d, far, 400), ERR_TIMEOUT);
    assert_int_equal(drain_lag_ms(d), 0);
    drain_stop(d);
    close_both(b);
    open_both(b);
    holds(b->store, 140);
    append(b->journal, 140, 10);
    assert_int_equal(drain_once(&b->options, NULL), 0);
    holds(b->store, 150);
    close_both(b);
}

/* Small batches over much work: the rest takes long, so senders are held back, and no longer once
 * it is done. */
static void holds_senders_back_while_behind(void **state) {
    struct bench *b = *state;
    open_both(b);
    for (unsigned i = 0; i < 100; i++)
        append(b->journal, i * 1000, 1000);
    struct drain *d = NULL;
    struct drain_options options = {
        .journal = b->journal, .store = b->store, .counters = &b->counters, .batch_bytes = 1024};
    assert_int_equal(drain_start(&options, &d, NULL), 0);
    int64_t until = clock_mono_ns(&clock_system) + PATIENCE_MS * 1000000LL;
    while (journal_held_us(b->journal) == 0 && clock_mono_ns(&clock_system) < until)
        sched_yield();
    assert_in_range(journal_held_us(b->journal), 1, JOURNAL_MOST_HOLD_US);
    assert_int_equal(drain_wait_for(d, journal_end(b->journal), PATIENCE_MS), 0);
    assert_int_equal(journal_held_us(b->journal), 0);
    drain_stop(d);
    holds(b->store, 100000);
    close_both(b);
}

static void passes_over_a_bad_frame(void **state) {
    struct bench *b = *state;
    open_both(b);
    append(b->journal, 0, 5);
    assert_int_equal(journal_append(b->journal,
                                    SPAN_LIT("\x01\x05"
                                             "nonsense"),
                                    NULL),
                     0);
    append(b->journal, 5, 5);
    struct err err = {0};
    if (drain_once(&b->options, &err))
        fail_msg("%s", err.text);
    holds(b->store, 10);
    assert_int_equal(counters_get(&b->counters, COUNT_DRAIN_FAILURES), 1);
    close_both(b);
}

/* Damage that shows only while running: the tables are built again without anybody asking. */
static void rebuilds_a_damaged_store(void **state) {
    struct bench *b = *state;
    open_both(b);
    for (unsigned i = 0; i < 40; i++)
        append(b->journal, i * 1000, 1000);
    assert_int_equal(drain_once(&b->options, NULL), 0);
    close_both(b);
    char command[200];
    snprintf(command, sizeof command,
             "cd '%s/hot' && for at in 300 500 700 900; do printf 'damaged damaged' | "
             "dd of=hot.duckdb bs=1024 seek=$at conv=notrunc 2>/dev/null; done",
             b->dir);
    assert_int_equal(system(command), 0);
    open_both(b);
    struct drain *d = start(b);
    struct sql_result *r = NULL;
    /* Whether opening or this meets the damage first does not matter. */
    int code =
        store_select(b->store, "SELECT sum(hash(e) % 7) FROM event e", NULL, 0, 10000, &r, NULL);
    sql_result_free(r);
    (void)code;
    append(b->journal, 40000, 1000);
    assert_int_equal(drain_wait_for(d, journal_end(b->journal), PATIENCE_MS), 0);
    holds(b->store, 41000);
    drain_stop(d);
    close_both(b);
}

static void survives_kill(void **state) {
    struct bench *b = *state;
    unsigned total = 0;
    for (unsigned round = 0; round < 8; round++) {
        int acknowledged[2];
        assert_int_equal(pipe(acknowledged), 0);
        pid_t child = fork();
        if (child == 0) {
            open_both(b);
            start(b);
            for (unsigned i = total;; i += 25) {
                append(b->journal, i, 25);
                unsigned now = i + 25;
                if (write(acknowledged[1], &now, sizeof now) != sizeof now)
                    _exit(1);
            }
        }
        close(acknowledged[1]);
        unsigned now; /* its work begins with the first answer, whenever that comes */
        assert_int_equal(read(acknowledged[0], &now, sizeof now), sizeof now);
        total = now;
        usleep(50000 + round * 23000);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        while (read(acknowledged[0], &now, sizeof now) == sizeof now)
            total = now;
        close(acknowledged[0]);

        pid_t reader = fork();
        if (reader == 0) {
            open_both(b);
            if (drain_once(&b->options, NULL))
                _exit(2);
            int64_t events = number(b->store, "SELECT count(*) FROM event");
            /* One frame may be durable and not acknowledged. */
            if (events != total && events != total + 25)
                _exit(3);
            holds(b->store, (unsigned)events);
            close_both(b);
            _exit(events == total ? 0 : 25);
        }
        int status;
        waitpid(reader, &status, 0);
        assert_true(WIFEXITED(status));
        assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 25);
        total += (unsigned)WEXITSTATUS(status);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(survives_kill, setup, teardown), /* forks: first */
        cmocka_unit_test_setup_teardown(carries_events, setup, teardown),
        cmocka_unit_test_setup_teardown(holds_senders_back_while_behind, setup, teardown),
        cmocka_unit_test_setup_teardown(passes_over_a_bad_frame, setup, teardown),
        cmocka_unit_test_setup_teardown(rebuilds_a_damaged_store, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
