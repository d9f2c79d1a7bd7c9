#include "ledger.h"

#include <dirent.h>
#include <errno.h>

struct journal_options options_for(const struct os *os) {
    return (struct journal_options){.os = os, .clock = &clock_system, .segment_bytes = 4096};
}

void make_dir(char dir[64]) {
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

void remove_dir(const char *dir) {
    empty_dir(dir);
    (void)rmdir(dir);
}

static size_t length_of(unsigned id) {
    return 4 + (id * 2654435761u >> 8) % (id % 7 == 0 ? LONGEST : 200);
}

static char byte_of(unsigned id, size_t i) {
    uint32_t h = id * 2654435761u + (uint32_t)i * 40503u;
    h = (h ^ h >> 15) * 2246822519u;
    return (char)(1 | (h ^ h >> 13));
}

/* Frame `id`: its number, then bytes that follow from it, none of them zero. */
static struct span frame_of(unsigned id, char out[LONGEST + 4]) {
    size_t n = length_of(id);
    memcpy(out, &(uint32_t){id}, 4);
    for (size_t i = 4; i < n; i++)
        out[i] = byte_of(id, i);
    return span_of(out, n);
}

/* Whether it is redacted; one of a number alone is both. */
static bool is_redacted(struct span frame) {
    for (size_t i = 4; i < frame.len; i++) {
        if (frame.ptr[i])
            return false;
    }
    return true;
}

unsigned id_of(struct span frame) {
    uint32_t id;
    char want[LONGEST + 4];
    assert_true(frame.len >= 4);
    memcpy(&id, frame.ptr, 4);
    assert_true(id < MOST);
    assert_true(span_eq(frame_of(id, want), frame) ||
                (frame.len == length_of(id) && is_redacted(frame)));
    return id;
}

void append(struct journal *j, struct ledger *l) {
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

void append_some(struct journal *j, struct ledger *l, unsigned n) {
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

struct thirds {
    struct ledger *ledger;
    unsigned first;
};

static enum journal_verdict redact_third(void *arg, struct cursor at, char *frame, size_t len) {
    struct thirds *t = arg;
    unsigned id = id_of(span_of(frame, len));
    if (id % 3 != t->first % 3 || id < t->first)
        return JOURNAL_KEEP;
    if (t->ledger->redaction[id] == PLAIN)
        t->ledger->redaction[id] = TRIED;
    if (is_redacted(span_of(frame, len)))
        return JOURNAL_KEEP;
    memset(frame + 4, 0, len - 4);
    return JOURNAL_CHANGED;
}

int redact_thirds(struct journal *j, struct ledger *l, unsigned first) {
    struct thirds t = {.ledger = l, .first = first};
    struct cursor before = journal_end(j);
    int rc = journal_rotate(j, &before, NULL);
    enum redaction old[MOST];
    memcpy(old, l->redaction, sizeof(old));
    memset(l->redaction, PLAIN, sizeof(l->redaction));
    if (rc == 0)
        rc = journal_redact(j, before, redact_third, &t, NULL, NULL);
    for (unsigned id = 0; id < MOST; id++) {
        if (rc == 0 && l->redaction[id] == TRIED)
            l->redaction[id] = REDACTED;
        if (l->redaction[id] < old[id])
            l->redaction[id] = old[id];
    }
    return rc;
}

/* Reads all; marks what was seen. */
static void read_all(struct journal *j, const struct ledger *l, bool seen[MOST]) {
    struct cursor from = {0};
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
            if (is_redacted(frame) ? l->redaction[id] == PLAIN && frame.len > 4
                                   : l->redaction[id] == REDACTED)
                fail_msg("frame %u is %s", id, is_redacted(frame) ? "zeros" : "plain again");
            seen[id] = true;
        }
        assert_int_equal(rest.len, 0);
        if (bytes.len == 0)
            return;
        assert_true(cursor_before(from, next));
        from = next;
    }
}

void check(struct journal *j, struct ledger *l) {
    bool seen[MOST] = {0};
    read_all(j, l, seen);
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

void settle(struct ledger *l) {
    for (unsigned id = l->count; id-- > 0 && l->fate[id] != ACKED;) {
        if (l->fate[id] == FAILED)
            l->fate[id] = MAYBE;
    }
}

void reopen_and_check(const char *dir, struct ledger *l) {
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

void await_health(struct journal *j) {
    while (!journal_healthy(j))
        (void)usleep(2000);
}

static int no_sync(const struct os *os, int fd) {
    (void)os;
    (void)fd;
    return 0;
}

struct os quick_os(void) {
    struct os quick = os_system;
    quick.fdatasync = no_sync;
    quick.fsync = no_sync;
    return quick;
}

int no_truncate(const struct os *os, int fd, int64_t size) {
    (void)os;
    (void)fd;
    (void)size;
    return -EIO;
}

/* ---- the rig ---- */

const struct os_plan each_failure[5] = {
    {.error = EIO, .how = OS_FAIL_BEFORE},    {.error = EIO, .how = OS_FAIL_AFTER},
    {.error = ENOSPC, .how = OS_FAIL_BEFORE}, {.error = EINTR, .how = OS_FAIL_BEFORE},
    {.error = 0, .how = OS_FAIL_SHORT},
};

void rig_init(struct rig *r) {
    *r = (struct rig){.disk = quick_os()};
    make_dir(r->dir);
    os_fault_init(&r->fault, &r->disk);
}

void rig_open(struct rig *r) {
    struct journal_options o = options_for(&r->fault.os);
    assert_int_equal(journal_open(r->dir, &o, &r->j, NULL), 0);
}

void rig_finish(struct rig *r) {
    journal_close(r->j);
    reopen_and_check(r->dir, &r->ledger);
    remove_dir(r->dir);
}

void fail_sync(struct rig *r, bool persistent) {
    os_fault_set(&r->fault, (struct os_plan){.call = OS_FDATASYNC,
                                             .nth = 1,
                                             .persistent = persistent,
                                             .error = EIO,
                                             .how = OS_FAIL_AFTER});
}
