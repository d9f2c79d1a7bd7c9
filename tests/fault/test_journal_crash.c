/* What the journal promises when the power goes. The oracle is the ledger's; TAMIS_SEED=n repeats
 * one seed. */
#include "ledger.h"

#include <errno.h>
#include <limits.h>

#include "crash_disk.h"

/* Releases what one read gave, as the drain does. */
static void release_some(struct journal *j, struct ledger *l) {
    BUF_AUTO bytes = {0};
    struct cursor next;
    if (journal_read(j, (struct cursor){0}, 9000, &bytes, NULL, &next, NULL) < 0 || bytes.len == 0)
        return;
    struct span rest = buf_span(&bytes);
    struct span frame;
    unsigned first = l->first;
    while (journal_next_frame(&rest, NULL, &frame))
        first = id_of(frame) + 1;
    if (first > l->first)
        l->first = first;
    int rc = journal_release(j, next, NULL);
    (void)rc; /* the power may be gone */
}

static void redact_some(struct crash_disk *d, struct journal *j, struct ledger *l) {
    int rc = redact_thirds(j, l, (unsigned)crash_disk_random(d, l->count + 1));
    (void)rc; /* the ledger knows */
}

/* A failed commit that the power survived ends within a probe or two. */
static bool goes_on(struct crash_disk *d, struct journal *j) {
    for (unsigned i = 0; !journal_healthy(j) && i < 250 && crash_disk_powered(d); i++)
        (void)usleep(2000);
    return journal_healthy(j);
}

static void run_session(struct crash_disk *d, struct ledger *l, bool killed) {
    struct journal_options o = options_for(&d->os);
    struct journal *j = NULL;
    bool dies_early = crash_disk_random(d, 4) == 0;
    if (dies_early)
        crash_disk_cut_after(d, 1 + crash_disk_random(d, 25));
    if (journal_open(d->dir, &o, &j, NULL) < 0) {
        assert_true(dies_early);
        return;
    }
    if (!dies_early) {
        check(j, l);
        crash_disk_cut_after(d, 1 + crash_disk_random(d, 150));
    }
    /* After a mere kill the page cache is still there, and with it what a failed sync has thrown
     * away. */
    d->sync_failure_percent = !killed && crash_disk_random(d, 3) == 0 ? 8 : 0;
    d->write_failure_percent = crash_disk_random(d, 3) == 0 ? 5 : 0;
    unsigned rounds = 5 + (unsigned)crash_disk_random(d, 25);
    for (unsigned i = 0; i < rounds && goes_on(d, j); i++) {
        append_some(j, l, 1 + (unsigned)crash_disk_random(d, 5));
        if (crash_disk_random(d, 12) == 0)
            release_some(j, l);
        if (crash_disk_random(d, 8) == 0)
            redact_some(d, j, l);
    }
    if (crash_disk_random(d, 5) != 0)
        crash_disk_cut_after(d, 0); /* else it is closed in good order, if the power lasts */
    journal_close(j);
}

static void seeds(uint64_t from, uint64_t to) {
    unsigned acked = 0;
    unsigned survived = 0;
    unsigned redacted = 0;
    for (uint64_t seed = from; seed < to; seed++) {
        char dir[64];
        make_dir(dir);
        struct crash_disk d;
        struct ledger l = {0};
        assert_true(crash_disk_init(&d, dir, seed));
        (void)fprintf(stderr, "# seed %llu\r", (unsigned long long)seed);
        for (unsigned session = 0; session < 5; session++) {
            bool killed = crash_disk_random(&d, 3) == 0;
            run_session(&d, &l, killed);
            d.sync_failure_percent = 0;
            d.write_failure_percent = 0;
            settle(&l);
            crash_disk_cut_after(&d, ULONG_MAX);
            if (!killed)
                crash_disk_cut(&d);
        }
        reopen_and_check(dir, &l);
        for (unsigned id = 0; id < l.count; id++) {
            acked += l.fate[id] == ACKED;
            survived += l.fate[id] == MAYBE && l.seen_before[id];
            redacted += l.redaction[id] == REDACTED;
        }
        crash_disk_release(&d);
        remove_dir(dir);
    }
    print_message("# %u frames acknowledged, %u redacted; %u others survived\n", acked, redacted,
                  survived);
}

/* The failed bytes are on the disk, nothing cuts them off, and the power goes before another
 * commit: the header of the segment that the probe made must be durable by itself. */
static void what_a_probe_fenced_off_stays_away(void **state) {
    for (uint64_t seed = 1; seed <= 12; seed++) {
        char dir[64];
        make_dir(dir);
        struct crash_disk d;
        assert_true(crash_disk_init(&d, dir, seed));
        d.os.ftruncate = no_truncate;
        struct os_fault f;
        os_fault_init(&f, &d.os);
        struct ledger l = {0};
        struct journal_options o = options_for(&f.os);
        struct journal *j = NULL;
        assert_int_equal(journal_open(dir, &o, &j, NULL), 0);
        append(j, &l);
        os_fault_set(&f, (struct os_plan){.call = OS_FDATASYNC,
                                          .nth = 1,
                                          .persistent = true,
                                          .error = EIO,
                                          .how = OS_FAIL_AFTER});
        append(j, &l);
        assert_int_equal(l.fate[1], FAILED);
        os_fault_clear(&f);
        await_health(j);
        crash_disk_cut_after(&d, 0);
        journal_close(j);
        crash_disk_cut(&d);
        reopen_and_check(dir, &l);
        assert_false(l.seen_before[1]);
        crash_disk_release(&d);
        remove_dir(dir);
    }
}

/* The folder's sync failed after the rename: the second redaction finds nothing to change, yet has
 * to make sure of the name. */
static void a_repeated_redaction_is_durable(void **state) {
    for (uint64_t seed = 1; seed <= 12; seed++) {
        char dir[64];
        make_dir(dir);
        struct crash_disk d;
        assert_true(crash_disk_init(&d, dir, seed));
        struct os_fault f;
        os_fault_init(&f, &d.os);
        struct ledger l = {0};
        struct journal_options o = options_for(&f.os);
        struct journal *j = NULL;
        assert_int_equal(journal_open(dir, &o, &j, NULL), 0);
        append_some(j, &l, 5);
        assert_int_equal(redact_thirds(j, &l, MOST), 0); /* none, but the segment is closed now */
        os_fault_set(&f, (struct os_plan){.call = OS_FSYNC, .nth = 1, .error = EIO});
        assert_int_equal(redact_thirds(j, &l, 1), ERR_IO);
        os_fault_clear(&f);
        assert_int_equal(redact_thirds(j, &l, 1), 0);
        crash_disk_cut_after(&d, 0);
        journal_close(j);
        crash_disk_cut(&d);
        reopen_and_check(dir, &l);
        assert_int_equal(l.redaction[1], REDACTED);
        crash_disk_release(&d);
        remove_dir(dir);
    }
}

static void power_cuts_lose_and_double_nothing(void **state) {
    const char *one = getenv("TAMIS_SEED");
    uint64_t seed = 0;
    if (one && span_u64(span_str(one), &seed))
        seeds(seed, seed + 1);
    else
        seeds(1, 301);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_probe_fenced_off_stays_away),
        cmocka_unit_test(a_repeated_redaction_is_durable),
        cmocka_unit_test(power_cuts_lose_and_double_nothing),
    };
    return cmocka_run_group_tests_name("journal_crash", tests, NULL, NULL);
}
