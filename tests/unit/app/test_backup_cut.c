/* Backups taken while days are sealed without a pause: each event acknowledged before one begins is
 * in it exactly once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app.h"
#include "backup.h"
#include "crypt.h"
#include "record.h"
#include "restore.h"
#include "sealer.h"

enum { DAY_MS = 86400000, PATIENCE_MS = 120000, BACKUPS = 6, MOST_PAGES = 200000, BATCH = 100 };

static const int64_t noon_ms = 1773140400000; /* in Paris, on 10 March 2026 */
static const int32_t today = 20522;

struct fixture {
    char dir[64];
    char data[96], copy[96], restored[96];
    struct fake_clock clock;
    struct app app;
    uint32_t site;
    _Atomic unsigned acknowledged; /* pages 0 … this - 1 */
    _Atomic bool stop, ended;
    size_t sealed;
};

static void open_app(struct app *a, const struct clock *clock, const char *data) {
    struct err err = {0};
    *a = (struct app){.clock = clock};
    assert_int_equal(config_init(&a->config, &err), 0);
    if (app_open(a, data, APP_STORE | APP_MAKE | APP_DRAIN, &err) < 0)
        fail_msg("app_open: %s", err.text);
}

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));
    struct err err = {0};
    assert_int_equal(crypt_init(), 0);
    (void)snprintf(f->dir, sizeof(f->dir), "/tmp/tamis-cut-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    (void)snprintf(f->data, sizeof(f->data), "%s/data", f->dir);
    (void)snprintf(f->copy, sizeof(f->copy), "%s/copy", f->dir);
    (void)snprintf(f->restored, sizeof(f->restored), "%s/restored", f->dir);
    fake_clock_init(&f->clock, noon_ms);
    open_app(&f->app, &f->clock.clock, f->data);
    JSON_AUTO settings = json_pack("{s:s, s:s}", "domain", "a.example", "timezone", "Europe/Paris");
    assert_int_equal(control_site_add(f->app.control, settings, &f->site, &err), 0);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    app_close(&f->app);
    char command[96];
    (void)snprintf(command, sizeof(command), "rm -r %s", f->dir);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

static int add_page(struct fixture *f, unsigned n, struct err *err) {
    BUF_AUTO frame = {0};
    BUF_AUTO scratch = {0};
    char page[32];
    (void)snprintf(page, sizeof(page), "/p%u", n);
    struct event e;
    event_init(&e);
    e.site = f->site;
    e.day = today - 1 - (int32_t)(n / BATCH % 3);
    e.ts_ms = (int64_t)e.day * DAY_MS + (int64_t)n % 80000 * 1000;
    e.visitor = n * 0x9e3779b97f4a7c15u;
    e.name = SPAN_LIT("pageview");
    e.hostname = SPAN_LIT("a.example");
    e.page = span_str(page);
    record_add_event(&frame, &e, &scratch);
    return journal_append(f->app.journal, buf_span(&frame), err);
}

/* No event comes for a day that is being sealed: so it is with days that are over, and imports hold
 * the sealer off. */
static const char *write_and_seal(struct fixture *f) {
    struct err err = {0};
    for (unsigned n = 0; n + BATCH < MOST_PAGES && !atomic_load(&f->stop);) {
        for (unsigned end = n + BATCH; n < end; n++) {
            if (add_page(f, n, &err) < 0)
                return "a page was not taken";
            atomic_store(&f->acknowledged, n + 1);
        }
        size_t sealed = 0;
        if (sealer_round(&f->app, &sealed, &err) < 0) {
            (void)fprintf(stderr, "sealer: %s\n", err.text);
            return "a round failed";
        }
        f->sealed += sealed;
    }
    return NULL;
}

static void *work(void *arg) {
    struct fixture *f = arg;
    const char *wrong = write_and_seal(f);
    atomic_store(&f->ended, true);
    return (void *)(uintptr_t)wrong;
}

static void make_backup(struct fixture *f) {
    struct err err = {0};
    JSON_AUTO args = json_pack("{s:s}", "dir", f->copy);
    JSON_AUTO begun = NULL;
    if (verb_backup_begin(&f->app, args, SPAN_EMPTY, &begun, &err) < 0)
        fail_msg("begin: %s", err.text);
    for (bool done = false; !done;) {
        JSON_AUTO reply = NULL;
        if (verb_backup_step(&f->app, begun, SPAN_EMPTY, &reply, &err) < 0)
            fail_msg("step: %s", err.text);
        done = json_is_true(json_object_get(reply, "done"));
    }
}

static void restore(struct fixture *f) {
    struct err err = {0};
    struct restore r = {.backup = f->copy};
    struct manifest m = {0};
    uint64_t damaged = 0;
    assert_int_equal(restore_verify(&r, &m, &damaged, &err), 0);
    assert_int_equal(damaged, 0);
    if (restore_fill(&r, &m, f->restored, &err) < 0)
        fail_msg("restore: %s", err.text);
    manifest_release(&m);
}

/* A row a page, each once, of the hot tables and of all parts' event files. */
static void count_pages(struct app *a, uint8_t *counted) {
    struct err err = {0};
    BUF_AUTO sql = {0};
    CLEANUP(store_view_closep) struct store_view *v = NULL;
    CLEANUP(sql_result_freep) struct sql_result *r = NULL;
    size_t count;
    assert_int_equal(store_view_open(a->store, &v, &err), 0);
    const struct sealed_part *parts = store_view_parts(v, &count);
    buf_adds(&sql, "SELECT page FROM event");
    for (size_t i = 0; i < count; i++)
        buf_addf(&sql, " UNION ALL SELECT page FROM read_parquet('%s')", parts[i].event_path);
    if (store_view_select(v, buf_cstr(&sql), NULL, 0, PATIENCE_MS, &r, &err) < 0)
        fail_msg("select: %s", err.text);
    for (size_t i = 0; i < sql_result_rows(r); i++) {
        uint64_t n;
        assert_true(span_u64(span_from(sql_result_at(r, i, 0).text, 2), &n) && n < MOST_PAGES);
        counted[n]++;
    }
}

static void holds(struct fixture *f, unsigned least) {
    struct app a;
    struct err err = {0};
    uint8_t *counted = calloc(MOST_PAGES, 1);
    open_app(&a, &f->clock.clock, f->restored);
    assert_int_equal(app_catch_up(&a, PATIENCE_MS, &err), 0);
    count_pages(&a, counted);
    app_close(&a);
    unsigned lost = 0, doubled = 0;
    for (unsigned n = 0; n < MOST_PAGES; n++) {
        lost += n < least && counted[n] == 0;
        doubled += counted[n] > 1;
    }
    if (lost || doubled)
        fail_msg("of %u pages %u are lost and %u doubled", least, lost, doubled);
    free(counted);
    char command[120];
    (void)snprintf(command, sizeof(command), "rm -r %s", f->restored);
    assert_int_equal(system(command), 0);
}

/* When events were acknowledged that the next round seals: what a careless backup loses. */
static unsigned in_the_middle_of_a_batch(const struct fixture *f) {
    for (;;) {
        unsigned n = atomic_load(&f->acknowledged);
        if (n % BATCH > BATCH / 4 && n % BATCH < BATCH / 2)
            return n;
        if (atomic_load(&f->ended))
            fail_msg("the writer has ended, after %u pages", n);
        (void)usleep(200);
    }
}

static void each_event_is_in_a_backup_once(void **state) {
    struct fixture *f = *state;
    pthread_t worker;
    void *wrong = NULL;
    assert_int_equal(pthread_create(&worker, NULL, work, f), 0);
    for (unsigned i = 0; i < BACKUPS; i++) {
        unsigned least = in_the_middle_of_a_batch(f);
        make_backup(f);
        restore(f);
        holds(f, least);
    }
    atomic_store(&f->stop, true);
    assert_int_equal(pthread_join(worker, &wrong), 0);
    assert_null(wrong);
    (void)printf("# %u events, %zu days sealed\n", atomic_load(&f->acknowledged), f->sealed);
    assert_true(f->sealed > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_event_is_in_a_backup_once, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
