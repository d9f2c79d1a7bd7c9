/* What the journal promises when system calls fail and when the power goes.
 *
 * Oracle: every acknowledged frame is read exactly once and in order; nothing is read that was not
 * submitted; nothing that was reported as failed before a later acknowledgement is read at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <limits.h>

#include "crash_disk.h"
#include "journal.h"
#include "os_fault.h"

enum { MOST = 512, LONGEST = 3000 };

enum fate { NEVER, ACKED, FAILED, MAYBE };

struct ledger {
    enum fate fate[MOST];
    unsigned count;
    bool seen_before[MOST]; /* read after an earlier open: must stay */
    unsigned first;         /* frames before this one were released: they may be gone, or not yet */
    _Atomic unsigned in_flight;
};

static struct journal_options options_for(const struct os *os) {
    return (struct journal_options){.os = os, .clock = &clock_system, .segment_bytes = 4096};
}

/* In memory where possible: durability is simulated here. */
static void make_dir(char dir[64]) {
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    (void)snprintf(dir, 64, "%s/tamis-fault-XXXXXX", base);
    assert_non_null(mkdtemp(dir));
}

static void empty_dir(const char *dir) {
    DIR *d = opendir(dir);
    if (!d)
        return;
    for (const struct dirent *e; (e = readdir(d));) {
        CLEANUP(free_charp) char *path = path_join(dir, e->d_name);
        (void)unlink(path);
    }
    (void)closedir(d);
}

static void remove_dir(const char *dir) {
    empty_dir(dir);
    (void)rmdir(dir);
}

/* Frame `id`: its number, then bytes that follow from it. */
static size_t length_of(unsigned id) {
    return 4 + (id * 2654435761u >> 8) % (id % 7 == 0 ? LONGEST : 200);
}

static struct span frame_of(unsigned id, char out[LONGEST + 4]) {
    size_t n = length_of(id);
    memcpy(out, &(uint32_t){id}, 4);
    for (size_t i = 4; i < n; i++)
        out[i] = (char)(id * 31 + i * 7);
    return span_of(out, n);
}

static unsigned id_of(struct span frame) {
    uint32_t id;
    char want[LONGEST + 4];
    assert_true(frame.len >= 4);
    memcpy(&id, frame.ptr, 4);
    assert_true(id < MOST);
    assert_true(span_eq(frame_of(id, want), frame));
    return id;
}

static void append(struct journal *j, struct ledger *l) {
    char bytes[LONGEST + 4];
    if (l->count == MOST)
        return;
    unsigned id = l->count++;
    l->fate[id] = journal_append(j, frame_of(id, bytes), NULL) == 0 ? ACKED : FAILED;
}

struct flying {
    struct ledger *ledger;
    unsigned id;
};

static void landed(void *arg, int result) {
    struct flying *f = arg;
    struct ledger *l = f->ledger;
    l->fate[f->id] = result == 0 ? ACKED : FAILED;
    l->in_flight--;
}

/* Several at once, so that a commit has more than one frame. */
static void append_some(struct journal *j, struct ledger *l, unsigned n) {
    char bytes[LONGEST + 4];
    struct flying flying[8];
    for (unsigned i = 0; i < n && i < ARRAY_LEN(flying) && l->count < MOST; i++) {
        unsigned id = l->count++;
        flying[i] = (struct flying){.ledger = l, .id = id};
        l->in_flight++;
        if (journal_submit(j, frame_of(id, bytes), landed, &flying[i], NULL) < 0)
            landed(&flying[i], ERR_IO);
    }
    while (l->in_flight)
        (void)usleep(20);
}

/* Reads all from `from`; marks what was seen. */
static void read_from(struct journal *j, struct cursor from, bool seen[MOST]) {
    unsigned expected_least = 0;
    for (;;) {
        BUF_AUTO bytes = {0};
        struct cursor next;
        struct err err = {0};
        int rc = journal_read(j, from, 1500, &bytes, NULL, &next, &err);
        if (rc != 0)
            fail_msg("read: %s", err.text);
        struct span rest = buf_span(&bytes);
        struct span frame;
        while (journal_next_frame(&rest, NULL, &frame)) {
            unsigned id = id_of(frame);
            if (id < expected_least)
                fail_msg("frame %u is read twice or out of order", id);
            expected_least = id + 1;
            seen[id] = true;
        }
        assert_int_equal(rest.len, 0);
        if (bytes.len == 0)
            return;
        assert_true(cursor_before(from, next));
        from = next;
    }
}

static void check(struct journal *j, struct ledger *l) {
    bool seen[MOST] = {0};
    read_from(j, (struct cursor){0}, seen);
    bool acked_later = false;
    for (unsigned id = l->count; id-- > l->first;) {
        if (l->fate[id] == ACKED && !seen[id])
            fail_msg("acknowledged frame %u is lost", id);
        if (l->fate[id] == FAILED && acked_later && seen[id])
            fail_msg("failed frame %u came back", id);
        if (l->seen_before[id] && !seen[id])
            fail_msg("frame %u was read once and is gone", id);
        if (l->fate[id] == NEVER && seen[id])
            fail_msg("frame %u was never submitted", id);
        acked_later |= l->fate[id] == ACKED;
        l->seen_before[id] |= seen[id];
    }
}

/* After a crash, what failed last may have survived. */
static void settle(struct ledger *l) {
    for (unsigned id = l->count; id-- > 0 && l->fate[id] != ACKED;) {
        if (l->fate[id] == FAILED)
            l->fate[id] = MAYBE;
    }
}

static void reopen_and_check(const char *dir, struct ledger *l) {
    struct journal_options o = options_for(&os_system);
    struct journal *j = NULL;
    struct err err = {0};
    if (journal_open(dir, &o, &j, &err) < 0)
        fail_msg("reopen: %s", err.text);
    check(j, l);
    for (unsigned i = 0; i < 3; i++)
        append(j, l);
    assert_int_equal(l->fate[l->count - 1], ACKED);
    check(j, l);
    journal_close(j);
}

static void await_health(struct journal *j) {
    while (!journal_healthy(j))
        (void)usleep(2000);
}

/* One run with one plan; true when the plan fired. */
static bool run_with_plan(struct os_fault *f, struct os_plan plan) {
    char dir[64];
    make_dir(dir);
    struct ledger l = {0};
    struct journal_options o = options_for(&f->os);
    struct journal *j = NULL;
    struct err err = {0};
    os_fault_set(f, plan);
    if (journal_open(dir, &o, &j, &err) == 0) {
        for (unsigned i = 0; i < 40; i++)
            append(j, &l);
        BUF_AUTO bytes = {0};
        struct cursor next;
        int rc = journal_read(j, (struct cursor){0}, 100, &bytes, NULL, &next, &err);
        if (rc < 0 && !os_fault_fired(f))
            fail_msg("read: %s", err.text);
        /* Releases nothing, but walks the way. */
        assert_int_equal(journal_release(j, (struct cursor){.segment = 1}, &err), 0);
        await_health(j);
        unsigned long fired = os_fault_fired(f);
        os_fault_clear(f);
        check(j, &l);
        append(j, &l);
        assert_int_equal(l.fate[l.count - 1], ACKED);
        check(j, &l);
        journal_close(j);
        reopen_and_check(dir, &l);
        remove_dir(dir);
        return fired > 0;
    }
    bool fired = os_fault_fired(f) > 0;
    assert_true(fired);
    os_fault_clear(f);
    reopen_and_check(dir, &l);
    remove_dir(dir);
    return fired;
}

/* The disk under the plans that forgets nothing, without real fsyncs, so that the loops are
 * quick. */
static int no_sync(const struct os *os, int fd) {
    (void)os;
    (void)fd;
    return 0;
}

static struct os quick_os(void) {
    struct os quick = os_system;
    quick.fdatasync = no_sync;
    quick.fsync = no_sync;
    return quick;
}

static void fails_the_nth_call_until_it_passes(void **state) {
    static const struct os_plan plans[] = {
        {.error = EIO, .how = OS_FAIL_BEFORE},    {.error = EIO, .how = OS_FAIL_AFTER},
        {.error = ENOSPC, .how = OS_FAIL_BEFORE}, {.error = EINTR, .how = OS_FAIL_BEFORE},
        {.error = 0, .how = OS_FAIL_SHORT},
    };
    struct os quick = quick_os();
    for (size_t p = 0; p < ARRAY_LEN(plans); p++) {
        unsigned long n = 1;
        for (;; n++) {
            struct os_fault f;
            os_fault_init(&f, &quick);
            struct os_plan plan = plans[p];
            plan.call = OS_ANY;
            plan.nth = n;
            if (!run_with_plan(&f, plan))
                break;
        }
        print_message("# %s %d: %lu calls failed one by one\n", strerror(plans[p].error),
                      (int)plans[p].how, n - 1);
        assert_true(n > 100);
    }
}

/* A second failure in a row hits the appending again to the new segment: then frames are reported
 * as failed. */
static void two_failed_syncs_fail_the_frame_for_good(void **state) {
    char dir[64];
    make_dir(dir);
    struct os quick = quick_os();
    struct os_fault f;
    os_fault_init(&f, &quick);
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
    assert_false(journal_healthy(j));
    struct err err;
    assert_int_equal(journal_append(j, SPAN_LIT("refused at once"), &err), ERR_IO);
    os_fault_clear(&f);
    await_health(j);
    check(j, &l);
    assert_false(l.seen_before[1]);
    append(j, &l);
    assert_int_equal(l.fate[2], ACKED);
    check(j, &l);
    journal_close(j);
    reopen_and_check(dir, &l);
    assert_false(l.seen_before[1]);
    remove_dir(dir);
}

/* The frame's bytes are on the disk, the sync said no: it must count once, by its second
 * writing. */
static void a_failed_sync_never_doubles(void **state) {
    char dir[64];
    make_dir(dir);
    struct os quick = quick_os();
    struct os_fault f;
    os_fault_init(&f, &quick);
    struct ledger l = {0};
    struct journal_options o = options_for(&f.os);
    struct journal *j = NULL;
    assert_int_equal(journal_open(dir, &o, &j, NULL), 0);
    append(j, &l);
    uint64_t segment = journal_end(j).segment;
    os_fault_set(
        &f, (struct os_plan){.call = OS_FDATASYNC, .nth = 1, .error = EIO, .how = OS_FAIL_AFTER});
    append(j, &l);
    assert_int_equal(os_fault_fired(&f), 1);
    assert_int_equal(l.fate[1], ACKED);
    assert_true(journal_end(j).segment == segment + 1);
    check(j, &l);
    journal_close(j);
    reopen_and_check(dir, &l);
    remove_dir(dir);
}

static int no_truncate(const struct os *os, int fd, int64_t size) {
    (void)os;
    (void)fd;
    (void)size;
    return -EIO;
}

/* The same where nothing can be cut off: the header alone has to do. */
static void the_next_header_alone_fences_off_failed_bytes(void **state) {
    char dir[64];
    make_dir(dir);
    struct os quick = quick_os();
    quick.ftruncate = no_truncate;
    struct os_fault f;
    os_fault_init(&f, &quick);
    struct ledger l = {0};
    struct journal_options o = options_for(&f.os);
    for (unsigned round = 0; round < 5; round++) {
        struct journal *j = NULL;
        assert_int_equal(journal_open(dir, &o, &j, NULL), 0);
        check(j, &l);
        append(j, &l);
        os_fault_set(&f, (struct os_plan){.call = OS_FDATASYNC,
                                          .nth = 1,
                                          .error = EIO,
                                          .how = OS_FAIL_AFTER,
                                          .persistent = round % 2});
        append(j, &l);
        assert_int_equal(l.fate[l.count - 1], round % 2 ? FAILED : ACKED);
        os_fault_clear(&f);
        await_health(j);
        append(j, &l);
        check(j, &l);
        journal_close(j);
    }
    reopen_and_check(dir, &l);
    remove_dir(dir);
}

static void recovers_by_itself_when_space_comes_back(void **state) {
    char dir[64];
    make_dir(dir);
    struct os_fault f;
    os_fault_init(&f, &os_system);
    struct ledger l = {0};
    struct counters counters = {0};
    struct journal_options o = options_for(&f.os);
    o.counters = &counters;
    struct journal *j = NULL;
    assert_int_equal(journal_open(dir, &o, &j, NULL), 0);
    append(j, &l);
    os_fault_set(
        &f, (struct os_plan){.call = OS_WRITES, .nth = 1, .persistent = true, .error = ENOSPC});
    append(j, &l);
    assert_int_equal(l.fate[1], FAILED);
    assert_false(journal_healthy(j));
    struct err err;
    assert_int_equal(journal_append(j, SPAN_LIT("x"), &err), ERR_FULL);
    assert_true(counters_get(&counters, COUNT_JOURNAL_FAILURES) > 0);
    check(j, &l);
    (void)usleep(450 * 1000); /* two probes that fail as well */
    assert_false(journal_healthy(j));
    os_fault_clear(&f);
    await_health(j);
    for (unsigned i = 0; i < 60; i++)
        append(j, &l);
    assert_int_equal(l.fate[2], ACKED);
    check(j, &l);
    journal_close(j);
    reopen_and_check(dir, &l);
    assert_false(l.seen_before[1]);
    remove_dir(dir);
}

static void starts_on_a_full_disk_and_recovers(void **state) {
    char dir[64];
    make_dir(dir);
    struct os_fault f;
    os_fault_init(&f, &os_system);
    struct ledger l = {0};
    struct journal_options o = options_for(&f.os);
    struct journal *j = NULL;
    assert_int_equal(journal_open(dir, &o, &j, NULL), 0);
    append(j, &l);
    journal_close(j);
    os_fault_set(
        &f, (struct os_plan){.call = OS_PWRITE, .nth = 1, .persistent = true, .error = ENOSPC});
    assert_int_equal(journal_open(dir, &o, &j, NULL), 0);
    assert_false(journal_healthy(j));
    check(j, &l);
    os_fault_clear(&f);
    await_health(j);
    append(j, &l);
    assert_int_equal(l.fate[1], ACKED);
    check(j, &l);
    journal_close(j);
    remove_dir(dir);
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
    char dir[64];
    make_dir(dir);
    struct os quick = quick_os();
    struct os_fault f;
    os_fault_init(&f, &quick);
    struct journal_options o = options_for(&f.os);
    struct crowd *c = calloc(1, sizeof(*c));
    assert_non_null(c);
    assert_int_equal(journal_open(dir, &o, &c->j, NULL), 0);
    pthread_t threads[THREADS + 1];
    struct member members[THREADS];
    for (unsigned t = 0; t < THREADS; t++) {
        members[t] = (struct member){.crowd = c, .thread = t};
        assert_int_equal(pthread_create(&threads[t], NULL, submit_many, &members[t]), 0);
    }
    assert_int_equal(pthread_create(&threads[THREADS], NULL, fail_now_and_then, &f), 0);
    for (unsigned t = 0; t <= THREADS; t++)
        (void)pthread_join(threads[t], NULL);
    await_health(c->j);
    journal_close(c->j);
    check_crowd(c, dir);
    free(c);
    remove_dir(dir);
}

/* ---- the power goes ---- */

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
    }
    if (crash_disk_random(d, 5) != 0)
        crash_disk_cut_after(d, 0); /* else it is closed in good order, if the power lasts */
    journal_close(j);
}

static void seeds(uint64_t from, uint64_t to) {
    unsigned acked = 0;
    unsigned survived = 0;
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
        }
        crash_disk_release(&d);
        remove_dir(dir);
    }
    print_message("# %u frames acknowledged; %u others survived\n", acked, survived);
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
        cmocka_unit_test(fails_the_nth_call_until_it_passes),
        cmocka_unit_test(a_failed_sync_never_doubles),
        cmocka_unit_test(two_failed_syncs_fail_the_frame_for_good),
        cmocka_unit_test(the_next_header_alone_fences_off_failed_bytes),
        cmocka_unit_test(recovers_by_itself_when_space_comes_back),
        cmocka_unit_test(starts_on_a_full_disk_and_recovers),
        cmocka_unit_test(many_threads_and_a_bad_disk),
        cmocka_unit_test(what_a_probe_fenced_off_stays_away),
        cmocka_unit_test(power_cuts_lose_and_double_nothing),
    };
    return cmocka_run_group_tests_name("journal_fault", tests, NULL, NULL);
}
