/* What the journal promises when system calls fail. The oracle is the ledger's. */
#include "ledger.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

/* One run with one plan; true when the plan fired. */
static bool run_with_plan(struct os_plan plan) {
    struct rig r;
    rig_init(&r);
    struct journal_options o = options_for(&r.fault.os);
    struct err err = {0};
    os_fault_set(&r.fault, plan);
    if (journal_open(r.dir, &o, &r.j, &err) < 0) {
        assert_true(os_fault_fired(&r.fault) > 0);
        os_fault_clear(&r.fault);
        rig_finish(&r);
        return true;
    }
    for (unsigned i = 0; i < 40; i++)
        append(r.j, &r.ledger);
    BUF_AUTO bytes = {0};
    struct cursor next;
    int rc = journal_read(r.j, (struct cursor){0}, 100, &bytes, NULL, &next, &err);
    if (rc < 0 && !os_fault_fired(&r.fault))
        fail_msg("read: %s", err.text);
    /* Releases nothing, but walks the way. */
    assert_int_equal(journal_release(r.j, (struct cursor){.segment = 1}, &err), 0);
    await_health(r.j);
    bool fired = os_fault_fired(&r.fault) > 0;
    os_fault_clear(&r.fault);
    check(r.j, &r.ledger);
    append(r.j, &r.ledger);
    assert_int_equal(r.ledger.fate[r.ledger.count - 1], ACKED);
    check(r.j, &r.ledger);
    rig_finish(&r);
    return fired;
}

static void fails_the_nth_call_until_it_passes(void **state) {
    for (size_t p = 0; p < ARRAY_LEN(each_failure); p++) {
        struct os_plan plan = each_failure[p];
        plan.call = OS_ANY;
        plan.nth = 1;
        while (run_with_plan(plan))
            plan.nth++;
        print_message("# %s %d: %lu calls failed one by one\n", strerror(plan.error), (int)plan.how,
                      plan.nth - 1);
        assert_true(plan.nth > 100);
    }
}

/* A second failure in a row hits the appending again to the new segment: then frames are reported
 * as failed. */
static void two_failed_syncs_fail_the_frame_for_good(void **state) {
    struct rig r;
    rig_init(&r);
    rig_open(&r);
    append(r.j, &r.ledger);
    fail_sync(&r, true);
    append(r.j, &r.ledger);
    assert_int_equal(r.ledger.fate[1], FAILED);
    assert_false(journal_healthy(r.j));
    struct err err;
    assert_int_equal(journal_append(r.j, SPAN_LIT("refused at once"), &err), ERR_IO);
    os_fault_clear(&r.fault);
    await_health(r.j);
    check(r.j, &r.ledger);
    assert_false(r.ledger.seen_before[1]);
    append(r.j, &r.ledger);
    assert_int_equal(r.ledger.fate[2], ACKED);
    check(r.j, &r.ledger);
    rig_finish(&r);
    assert_false(r.ledger.seen_before[1]);
}

/* The frame's bytes are on the disk, the sync said no: it must count once, by its second
 * writing. */
static void a_failed_sync_never_doubles(void **state) {
    struct rig r;
    rig_init(&r);
    rig_open(&r);
    append(r.j, &r.ledger);
    uint64_t segment = journal_end(r.j).segment;
    fail_sync(&r, false);
    append(r.j, &r.ledger);
    assert_int_equal(os_fault_fired(&r.fault), 1);
    assert_int_equal(r.ledger.fate[1], ACKED);
    assert_true(journal_end(r.j).segment == segment + 1);
    check(r.j, &r.ledger);
    rig_finish(&r);
}

/* The same where nothing can be cut off: the header alone has to do. */
static void the_next_header_alone_fences_off_failed_bytes(void **state) {
    struct rig r;
    rig_init(&r);
    r.disk.ftruncate = no_truncate;
    for (unsigned round = 0; round < 5; round++) {
        journal_close(r.j);
        rig_open(&r);
        check(r.j, &r.ledger);
        append(r.j, &r.ledger);
        fail_sync(&r, round % 2);
        append(r.j, &r.ledger);
        assert_int_equal(r.ledger.fate[r.ledger.count - 1], round % 2 ? FAILED : ACKED);
        os_fault_clear(&r.fault);
        await_health(r.j);
        append(r.j, &r.ledger);
        check(r.j, &r.ledger);
    }
    rig_finish(&r);
}

static void recovers_by_itself_when_space_comes_back(void **state) {
    struct rig r;
    rig_init(&r);
    struct counters counters = {0};
    struct journal_options o = options_for(&r.fault.os);
    o.counters = &counters;
    assert_int_equal(journal_open(r.dir, &o, &r.j, NULL), 0);
    append(r.j, &r.ledger);
    os_fault_set(&r.fault, (struct os_plan){
                               .call = OS_WRITES, .nth = 1, .persistent = true, .error = ENOSPC});
    append(r.j, &r.ledger);
    assert_int_equal(r.ledger.fate[1], FAILED);
    assert_false(journal_healthy(r.j));
    struct err err;
    assert_int_equal(journal_append(r.j, SPAN_LIT("x"), &err), ERR_FULL);
    assert_true(counters_get(&counters, COUNT_JOURNAL_FAILURES) > 0);
    check(r.j, &r.ledger);
    unsigned long failed = os_fault_fired(&r.fault);
    while (os_fault_fired(&r.fault) < failed + 2) /* two probes that fail as well */
        (void)usleep(2000);
    assert_false(journal_healthy(r.j));
    os_fault_clear(&r.fault);
    await_health(r.j);
    for (unsigned i = 0; i < 60; i++)
        append(r.j, &r.ledger);
    assert_int_equal(r.ledger.fate[2], ACKED);
    check(r.j, &r.ledger);
    rig_finish(&r);
    assert_false(r.ledger.seen_before[1]);
}

static void starts_on_a_full_disk_and_recovers(void **state) {
    struct rig r;
    rig_init(&r);
    rig_open(&r);
    append(r.j, &r.ledger);
    journal_close(r.j);
    os_fault_set(&r.fault, (struct os_plan){
                               .call = OS_PWRITE, .nth = 1, .persistent = true, .error = ENOSPC});
    rig_open(&r);
    assert_false(journal_healthy(r.j));
    check(r.j, &r.ledger);
    os_fault_clear(&r.fault);
    await_health(r.j);
    append(r.j, &r.ledger);
    assert_int_equal(r.ledger.fate[1], ACKED);
    check(r.j, &r.ledger);
    rig_finish(&r);
}

/* ---- many submitters while the disk fails now and then ---- */

enum { THREADS = 4, EACH = 2000 };

struct one {
    _Atomic int calls;
    _Atomic int result;
};

struct crowd {
    struct journal *j;
    struct one frames[THREADS][EACH];
    bool submitted[THREADS][EACH];
    _Atomic bool stop;
};

struct member {
    struct crowd *crowd;
    unsigned thread;
};

static void one_done(void *arg, int result) {
    struct one *o = arg;
    o->result = result;
    o->calls++;
}

static void *submit_many(void *arg) {
    struct member *m = arg;
    for (unsigned i = 0; i < EACH; i++) {
        char frame[8];
        memcpy(frame, &(uint32_t){m->thread}, 4);
        memcpy(frame + 4, &(uint32_t){i}, 4);
        int rc;
        while ((rc = journal_submit(m->crowd->j, span_of(frame, sizeof(frame)), one_done,
                                    &m->crowd->frames[m->thread][i], NULL)) != 0)
            (void)usleep(500); /* unhealthy or busy: try again */
        m->crowd->submitted[m->thread][i] = true;
        if (i % 16 == 0)
            (void)usleep(100);
    }
    return NULL;
}

static void *fail_now_and_then(void *arg) {
    struct os_fault *f = arg;
    for (unsigned i = 0; i < 25; i++) {
        os_fault_set(f, (struct os_plan){.call = i % 3 ? OS_FDATASYNC : OS_PWRITE,
                                         .nth = 3 + i % 4,
                                         .persistent = i % 4 == 3,
                                         .error = i % 2 ? EIO : ENOSPC,
                                         .how = i % 5 ? OS_FAIL_AFTER : OS_FAIL_BEFORE});
        for (unsigned k = 0; k < 40 && os_fault_fired(f) < (i % 4 == 3 ? 4 : 1); k++)
            (void)usleep(500);
    }
    os_fault_clear(f);
    return NULL;
}

static void check_crowd(struct crowd *c, const char *dir) {
    static unsigned times[THREADS][EACH];
    memset(times, 0, sizeof(times));
    struct journal_options o = options_for(&os_system);
    struct journal *j = NULL;
    assert_int_equal(journal_open(dir, &o, &j, NULL), 0);
    struct cursor at = {0};
    int last[THREADS] = {-1, -1, -1, -1};
    for (;;) {
        BUF_AUTO bytes = {0};
        assert_int_equal(journal_read(j, at, 4096, &bytes, NULL, &at, NULL), 0);
        if (bytes.len == 0)
            break;
        struct span rest = buf_span(&bytes);
        struct span frame;
        while (journal_next_frame(&rest, NULL, &frame)) {
            uint32_t id[2];
            assert_int_equal(frame.len, sizeof(id));
            memcpy(id, frame.ptr, sizeof(id));
            assert_true(id[0] < THREADS && id[1] < EACH);
            times[id[0]][id[1]]++;
            assert_true((int)id[1] > last[id[0]]);
            last[id[0]] = (int)id[1];
        }
    }
    journal_close(j);
    unsigned failed = 0;
    for (unsigned t = 0; t < THREADS; t++) {
        for (unsigned i = 0; i < EACH; i++) {
            assert_int_equal(c->frames[t][i].calls, 1);
            assert_int_equal(times[t][i], c->frames[t][i].result == 0 ? 1 : 0);
            failed += c->frames[t][i].result != 0;
        }
    }
    print_message("# %u of %u frames failed\n", failed, THREADS * EACH);
}

static void many_threads_and_a_bad_disk(void **state) {
    struct rig r;
    rig_init(&r);
    rig_open(&r);
    struct crowd *c = calloc(1, sizeof(*c));
    assert_non_null(c);
    c->j = r.j;
    pthread_t threads[THREADS + 1];
    struct member members[THREADS];
    for (unsigned t = 0; t < THREADS; t++) {
        members[t] = (struct member){.crowd = c, .thread = t};
        assert_int_equal(pthread_create(&threads[t], NULL, submit_many, &members[t]), 0);
    }
    assert_int_equal(pthread_create(&threads[THREADS], NULL, fail_now_and_then, &r.fault), 0);
    for (unsigned t = 0; t <= THREADS; t++)
        (void)pthread_join(threads[t], NULL);
    await_health(r.j);
    journal_close(r.j);
    check_crowd(c, r.dir);
    free(c);
    remove_dir(r.dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fails_the_nth_call_until_it_passes),
        cmocka_unit_test(a_failed_sync_never_doubles),
        cmocka_unit_test(two_failed_syncs_fail_the_frame_for_good),
        cmocka_unit_test(the_next_header_alone_fences_off_failed_bytes),
        cmocka_unit_test(recovers_by_itself_when_space_comes_back),
        cmocka_unit_test(starts_on_a_full_disk_and_recovers),
        cmocka_unit_test(many_threads_and_a_bad_disk),
    };
    return cmocka_run_group_tests_name("journal_fault", tests, NULL, NULL);
}
