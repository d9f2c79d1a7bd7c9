/* What rotating and redacting promise when system calls fail. The oracle is the ledger's. */
#include "ledger.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

/* All frames as journal_read() gives them, before anything is redacted. */
static void read_plain(struct journal *j, struct buf *ret) {
    struct cursor at = {0}, next;
    for (;; at = next) {
        size_t before = ret->len;
        assert_int_equal(journal_read(j, at, 100, ret, NULL, &next, NULL), 0);
        if (ret->len == before)
            return;
    }
}

static void assert_not_in(struct span file, const struct rig *r, struct span plain) {
    struct span frame;
    while (journal_next_frame(&plain, NULL, &frame)) {
        if (r->ledger.redaction[id_of(frame)] == REDACTED && frame.len >= 16 &&
            span_find_span(file, span_from(frame, 4)) != SIZE_MAX)
            fail_msg("frame %u is still in the folder", id_of(frame));
    }
}

/* No redacted frame in any file, and no file that nobody reads. */
static void assert_gone(const struct rig *r, struct span plain) {
    DIR *d = opendir(r->dir);
    assert_non_null(d);
    for (const struct dirent *e; (e = readdir(d));) {
        CLEANUP(free_charp) char *path = path_join(r->dir, e->d_name);
        BUF_AUTO bytes = {0};
        if (e->d_name[0] == '.')
            continue;
        assert_null(strstr(e->d_name, ".tmp"));
        assert_int_equal(os_read_file(&os_system, path, 1 << 20, &bytes, NULL), 0);
        assert_not_in(buf_span(&bytes), r, plain);
    }
    (void)closedir(d);
}

/* One redaction with one plan, then one without; true when the plan fired. */
static bool redact_with_plan(struct os_plan plan, bool *ret_failed) {
    struct rig r;
    BUF_AUTO plain = {0};
    rig_init(&r);
    rig_open(&r);
    for (unsigned i = 0; i < 40; i++)
        append(r.j, &r.ledger);
    read_plain(r.j, &plain);
    os_fault_set(&r.fault, plan);
    *ret_failed = redact_thirds(r.j, &r.ledger, 2) < 0;
    bool fired = os_fault_fired(&r.fault) > 0;
    assert_true(fired || !*ret_failed);
    os_fault_clear(&r.fault);
    check(r.j, &r.ledger);
    assert_int_equal(redact_thirds(r.j, &r.ledger, 2), 0);
    assert_int_equal(r.ledger.redaction[20], REDACTED);
    append(r.j, &r.ledger);
    assert_int_equal(r.ledger.fate[40], ACKED);
    check(r.j, &r.ledger);
    assert_gone(&r, buf_span(&plain));
    rig_finish(&r);
    return fired;
}

static void fails_the_nth_call_of_a_redaction(void **state) {
    for (size_t p = 0; p < ARRAY_LEN(each_failure); p++) {
        struct os_plan plan = each_failure[p];
        unsigned failures = 0;
        bool failed;
        plan.call = OS_ANY;
        plan.nth = 1;
        for (; redact_with_plan(plan, &failed); plan.nth++)
            failures += failed;
        print_message("# %s %d: %u of %lu failed calls failed it\n", strerror(plan.error),
                      (int)plan.how, failures, plan.nth - 1);
        assert_true(plan.nth > 30);
    }
}

/* True when the plan fired. */
static bool rotate_with_plan(struct os_plan plan) {
    struct rig r;
    rig_init(&r);
    rig_open(&r);
    append(r.j, &r.ledger);
    struct cursor durable = journal_end(r.j);
    struct cursor start = {0};
    os_fault_set(&r.fault, plan);
    int rc = journal_rotate(r.j, &start, NULL);
    bool fired = os_fault_fired(&r.fault) > 0;
    os_fault_clear(&r.fault);
    assert_true(fired || rc == 0);
    assert_true(rc == 0 ? start.segment > durable.segment : start.segment == 0);
    assert_true(journal_healthy(r.j));
    append(r.j, &r.ledger);
    assert_int_equal(r.ledger.fate[1], ACKED);
    check(r.j, &r.ledger);
    assert_int_equal(journal_rotate(r.j, &start, NULL), 0);
    assert_true(start.segment > durable.segment + 1);
    check(r.j, &r.ledger);
    rig_finish(&r);
    return fired;
}

static void fails_the_nth_call_of_a_rotation(void **state) {
    for (size_t p = 0; p < ARRAY_LEN(each_failure); p++) {
        struct os_plan plan = each_failure[p];
        plan.call = OS_ANY;
        plan.nth = 1;
        while (rotate_with_plan(plan))
            plan.nth++;
        assert_true(plan.nth > 8);
    }
}

static void a_rotation_on_a_failed_disk_says_so(void **state) {
    struct rig r;
    struct cursor start;
    rig_init(&r);
    rig_open(&r);
    append(r.j, &r.ledger);
    os_fault_set(&r.fault, (struct os_plan){
                               .call = OS_WRITES, .nth = 1, .persistent = true, .error = ENOSPC});
    assert_int_equal(journal_rotate(r.j, &start, NULL), ERR_FULL);
    append(r.j, &r.ledger);
    assert_int_equal(r.ledger.fate[1], FAILED);
    assert_int_equal(journal_rotate(r.j, &start, NULL), ERR_FULL);
    os_fault_clear(&r.fault);
    await_health(r.j);
    assert_int_equal(journal_rotate(r.j, &start, NULL), 0);
    append(r.j, &r.ledger);
    assert_int_equal(r.ledger.fate[2], ACKED);
    check(r.j, &r.ledger);
    rig_finish(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fails_the_nth_call_of_a_redaction),
        cmocka_unit_test(fails_the_nth_call_of_a_rotation),
        cmocka_unit_test(a_rotation_on_a_failed_disk_says_so),
    };
    return cmocka_run_group_tests_name("journal_upkeep_fault", tests, NULL, NULL);
}
