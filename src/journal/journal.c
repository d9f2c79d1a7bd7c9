#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>

#include "batch.h"
#include "catalog.h"
#include "must.h"
#include "recover.h"
#include "segment.h"

enum {
    DEFAULT_SEGMENT_BYTES = 64 * 1024 * 1024,
    DEFAULT_PENDING_BYTES = 32 * 1024 * 1024,
    PROBE_PAUSE_MS = 200,
    /* From this many submitters a commit on, the next one waits up to the window for as many again: they were
     * just answered and are about to come back. Below it waiting only costs latency. */
    CROWD = 32,
    WINDOW_US = 500,
};

struct journal {
    const struct os *os;
    const struct clock *clock;
    struct counters *counters;
    char *dir;
    uint64_t segment_bytes;
    size_t pending_bytes;
    pthread_t writer;

    pthread_mutex_t lock;
    pthread_cond_t work;    /* for the writer: see wake_at */
    pthread_cond_t durable; /* for journal_wait(), and for journal_close() waiting for those */
    struct batch batches[2];
    struct batch *filling; /* one of the two; the other is being committed or empty */
    size_t waiting_bytes;  /* in both */
    size_t wake_at;        /* the writer sleeps until `filling` has this many frames; 0: it is awake */
    int failure;           /* 0, or why submissions are refused until a probe succeeds */
    bool closing;
    unsigned waiters;
    struct catalog catalog; /* only the writer adds */

    /* The writer's own. */
    struct segment current; /* the catalog's last; number 0: none yet */
    int fd;                 /* of it; -1: it must not be written any more */
    size_t last_count;

    pthread_mutex_t release_lock; /* one journal_release() at a time */
};

static void count(struct journal *j, enum counter which, uint64_t n) {
    if (j->counters)
        counters_add(j->counters, which, n);
}

static struct timespec deadline_in_us(int64_t us) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    int64_t ns = t.tv_nsec + us % 1000000 * 1000;
    t.tv_sec += (time_t)(us / 1000000 + ns / 1000000000);
    t.tv_nsec = (long)(ns % 1000000000);
    return t;
}

/* ---- the writer: segments ---- */

/* The current segment takes no more frames. What lies after its durable end gets cut off too: this fences nothing
 * for sure (only the next header does), but with a disk that is merely full it leaves nothing to be found even if
 * the process dies before it can make that header. */
static void retire_segment(struct journal *j, bool failed) {
    if (j->fd < 0)
        return;
    (void)j->os->ftruncate(j->os, j->fd, (int64_t)j->current.end);
    if (failed)
        (void)j->os->fdatasync(j->os, j->fd);
    (void)j->os->close(j->os, j->fd);
    j->fd = -1;
}

/* Once making the next segment has been tried, its header may be on the disk and fixes the end of this one: hence
 * the old segment is retired first and stays so even if the new one fails. */
static int start_segment(struct journal *j, struct err *err) {
    retire_segment(j, false);
    pthread_mutex_lock(&j->lock);
    int rc = catalog_reserve(&j->catalog, err);
    pthread_mutex_unlock(&j->lock);
    if (rc < 0)
        return rc;
    struct segment_plan plan = {
        .number = j->current.number + 1,
        .previous_end = j->current.end,
        .created_ms = clock_wall_ms(j->clock),
        .size_bytes = j->segment_bytes,
    };
    rc = segment_create(j->os, j->dir, &plan, &j->fd, err);
    if (rc < 0)
        return rc;
    j->current = (struct segment){.number = plan.number, .end = SEGMENT_HEADER_BYTES};
    pthread_mutex_lock(&j->lock);
    catalog_add(&j->catalog, j->current);
    pthread_mutex_unlock(&j->lock);
    return 0;
}

static bool has_room(const struct journal *j, size_t n) {
    uint64_t end = j->current.end;
    return j->fd >= 0 && (end == SEGMENT_HEADER_BYTES || end + n <= j->segment_bytes);
}

static int write_once(struct journal *j, struct batch *b, struct err *err) {
    if (!has_room(j, b->bytes.len)) {
        int rc = start_segment(j, err);
        if (rc < 0)
            return rc;
    }
    batch_seal(b, j->current.number);
    int rc = os_write_full(j->os, j->fd, b->bytes.data, b->bytes.len, (int64_t)j->current.end, err);
    if (rc == 0) {
        /* Not even EINTR is tried again: what the interrupted call did to the pages is anyone's guess. */
        int sys = j->os->fdatasync(j->os, j->fd);
        rc = sys < 0 ? err_sys(err, -sys, "sync segment") : 0;
    }
    if (rc < 0)
        retire_segment(j, true);
    else
        j->current.end += b->bytes.len;
    return rc;
}

/* Submitters need to know one thing: whether room would help. */
static int as_failure(int rc) {
    return rc == 0 || rc == ERR_FULL ? rc : ERR_IO;
}

/* What holds for a batch:
 * - Acknowledged: it is durable before the durable end of its segment, and that end never moves back. A crash
 *   finds it by the next header or by the scan, whose frames before it all verify. Exactly once, always: an
 *   earlier attempt lies after the end that the header of the later segment, durable before it, records.
 * - Reported as failed: a last new segment is tried before the report; its header fences off the failed bytes.
 *   If it can be made, or once a probe has made it, the frames can never be read. If the process or the machine
 *   dies before that, they may still be found after the next open (they lie at the tail of the last segment):
 *   no more can be promised with a disk that takes no writes. They are never doubled by the journal itself. */
static int commit(struct journal *j, struct batch *b) {
    int rc = write_once(j, b, NULL);
    if (rc == 0)
        return 0;
    count(j, COUNT_JOURNAL_FAILURES, 1);
    rc = write_once(j, b, NULL);
    if (rc == 0)
        return 0;
    count(j, COUNT_JOURNAL_FAILURES, 1);
    int fenced = start_segment(j, NULL);
    (void)fenced; /* else the next probe does it */
    return as_failure(rc);
}

/* ---- the writer: its loop; the lock is held unless said otherwise ---- */

static void sleep_until(struct journal *j, size_t frames, const struct timespec *deadline) {
    j->wake_at = frames;
    while (!j->closing && j->filling->count < frames) {
        if (!deadline)
            pthread_cond_wait(&j->work, &j->lock);
        else if (pthread_cond_timedwait(&j->work, &j->lock, deadline) == ETIMEDOUT)
            break;
    }
    j->wake_at = 0;
}

static struct batch *take_filling(struct journal *j) {
    struct batch *b = j->filling;
    j->filling = b == &j->batches[0] ? &j->batches[1] : &j->batches[0];
    must(j->filling->count == 0);
    return b;
}

/* Gives the lock away while it tells the submitters. */
static void finish(struct journal *j, struct batch *b, int result) {
    size_t bytes = b->bytes.len;
    pthread_mutex_unlock(&j->lock);
    batch_finish(b, result);
    pthread_mutex_lock(&j->lock);
    j->waiting_bytes -= bytes;
}

static void commit_filling(struct journal *j) {
    struct batch *b = take_filling(j);
    j->last_count = b->count;
    pthread_mutex_unlock(&j->lock);
    int rc = commit(j, b);
    pthread_mutex_lock(&j->lock);
    if (rc == 0) {
        *catalog_last(&j->catalog) = j->current;
        count(j, COUNT_JOURNAL_COMMITS, 1);
        count(j, COUNT_JOURNAL_BYTES, b->bytes.len);
        if (j->waiters)
            pthread_cond_broadcast(&j->durable);
    } else {
        j->failure = rc;
    }
    finish(j, b, rc);
    if (rc < 0 && j->filling->count)
        finish(j, take_filling(j), rc);
}

/* A new segment proves that the disk takes writes; one that was made right after the failure has done so. */
static void pause_and_probe(struct journal *j) {
    struct timespec until = deadline_in_us(PROBE_PAUSE_MS * 1000);
    sleep_until(j, SIZE_MAX, &until);
    if (j->closing)
        return;
    int rc = 0;
    if (j->fd < 0) {
        pthread_mutex_unlock(&j->lock);
        rc = start_segment(j, NULL);
        pthread_mutex_lock(&j->lock);
    }
    j->failure = as_failure(rc);
}

static void *writer_main(void *arg) {
    struct journal *j = arg;
    pthread_mutex_lock(&j->lock);
    for (;;) {
        if (j->failure && !j->closing) {
            pause_and_probe(j);
            continue;
        }
        sleep_until(j, 1, NULL);
        if (j->last_count >= CROWD) {
            struct timespec until = deadline_in_us(WINDOW_US);
            sleep_until(j, j->last_count, &until);
        }
        if (j->filling->count == 0)
            break;
        commit_filling(j);
    }
    pthread_mutex_unlock(&j->lock);
    retire_segment(j, false);
    return NULL;
}

/* ---- open, close ---- */

static void journal_free(struct journal *j) {
    if (j->fd >= 0)
        (void)j->os->close(j->os, j->fd);
    batch_release(&j->batches[0]);
    batch_release(&j->batches[1]);
    catalog_release(&j->catalog);
    pthread_mutex_destroy(&j->lock);
    pthread_mutex_destroy(&j->release_lock);
    pthread_cond_destroy(&j->work);
    pthread_cond_destroy(&j->durable);
    free(j->dir);
    free(j);
}
DEFINE_FREEP(struct journal, journal_free)

static struct journal *journal_new(const char *dir, const struct journal_options *o) {
    struct journal *j = calloc(1, sizeof(*j));
    char *copy = strdup(dir);
    if (!j || !copy) {
        free(j);
        free(copy);
        return NULL;
    }
    j->os = o->os;
    j->clock = o->clock;
    j->counters = o->counters;
    j->dir = copy;
    j->segment_bytes = o->segment_bytes ? o->segment_bytes : DEFAULT_SEGMENT_BYTES;
    j->pending_bytes = o->pending_bytes ? o->pending_bytes : DEFAULT_PENDING_BYTES;
    j->filling = &j->batches[0];
    j->fd = -1;
    pthread_mutex_init(&j->lock, NULL);
    pthread_mutex_init(&j->release_lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&j->work, &monotonic);
    pthread_cond_init(&j->durable, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return j;
}

/* A new folder is durable only when its own name is. Where the parent may not be read, someone else made it. */
static int make_folder(const struct os *os, const char *dir, struct err *err) {
    int rc = os_make_dir(os, dir, err);
    if (rc < 0)
        return rc;
    CLEANUP(free_charp) char *parent = path_join(dir, "..");
    if (!parent)
        return err_set(err, ERR_NOMEM, "out of memory");
    rc = os_sync_dir(os, parent, err);
    return rc == ERR_DENIED ? 0 : rc;
}

/* Signals are for the threads that expect them. */
static int start_writer(struct journal *j, struct err *err) {
    sigset_t all, old;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &old);
    int sys = pthread_create(&j->writer, NULL, writer_main, j);
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (sys)
        return err_sys(err, sys, "start journal thread");
    (void)pthread_setname_np(j->writer, "journal");
    return 0;
}

int journal_open(const char *dir, const struct journal_options *options, struct journal **ret,
                 struct err *err) {
    CLEANUP(journal_freep) struct journal *j = journal_new(dir, options);
    if (!j)
        return err_set(err, ERR_NOMEM, "out of memory");
    int rc = make_folder(j->os, dir, err);
    if (rc < 0)
        return rc;
    rc = recover(j->os, dir, &j->catalog, err);
    if (rc < 0)
        return rc;
    if (j->catalog.count)
        j->current = *catalog_last(&j->catalog);
    /* Always a new segment, never on at the tail of the old one: its header fixes where the old one ends, and a
     * cursor that someone kept can never point into bytes written anew. */
    rc = start_segment(j, err);
    /* With a full disk the server must still start, or retention could never make room. */
    if (rc < 0 && rc != ERR_FULL)
        return rc;
    j->failure = rc;
    rc = start_writer(j, err);
    if (rc < 0)
        return rc;
    *ret = TAKE_PTR(j);
    return 0;
}

void journal_close(struct journal *j) {
    if (!j)
        return;
    pthread_mutex_lock(&j->lock);
    j->closing = true;
    pthread_cond_signal(&j->work);
    pthread_cond_broadcast(&j->durable);
    while (j->waiters)
        pthread_cond_wait(&j->durable, &j->lock);
    pthread_mutex_unlock(&j->lock);
    (void)pthread_join(j->writer, NULL);
    journal_free(j);
}

/* ---- writing ---- */

static int submit_locked(struct journal *j, struct span frame, journal_done_fn done, void *arg,
                         struct err *err) {
    if (j->closing)
        return err_set(err, ERR_CLOSED, "journal is closed");
    if (j->failure)
        return err_set(err, j->failure, "journal cannot write: %s", err_word(j->failure));
    size_t bytes = FRAME_HEADER_BYTES + frame.len;
    if (j->waiting_bytes && j->waiting_bytes + bytes > j->pending_bytes)
        return err_set(err, ERR_BUSY, "too much waits for a commit");
    int rc = batch_add(j->filling, frame, done, arg, err);
    if (rc < 0)
        return rc;
    j->waiting_bytes += bytes;
    if (j->filling->count == j->wake_at)
        pthread_cond_signal(&j->work);
    return 0;
}

int journal_submit(struct journal *j, struct span frame, journal_done_fn done, void *arg,
                   struct err *err) {
    if (frame.len == 0 || frame.len > JOURNAL_LARGEST_FRAME)
        return err_set(err, ERR_INVALID, "frame of %zu bytes", frame.len);
    pthread_mutex_lock(&j->lock);
    int rc = submit_locked(j, frame, done, arg, err);
    pthread_mutex_unlock(&j->lock);
    return rc;
}

struct append {
    sem_t done;
    int result;
};

static void append_done(void *arg, int result) {
    struct append *a = arg;
    a->result = result;
    (void)sem_post(&a->done);
}

int journal_append(struct journal *j, struct span frame, struct err *err) {
    struct append a;
    (void)sem_init(&a.done, 0, 0);
    int rc = journal_submit(j, frame, append_done, &a, err);
    if (rc == 0) {
        while (sem_wait(&a.done) < 0 && errno == EINTR)
            ;
        rc = a.result;
        if (rc < 0)
            (void)err_set(err, rc, "commit failed: %s", err_word(rc));
    }
    (void)sem_destroy(&a.done);
    return rc;
}

bool journal_healthy(struct journal *j) {
    pthread_mutex_lock(&j->lock);
    bool healthy = j->failure == 0 && !j->closing;
    pthread_mutex_unlock(&j->lock);
    return healthy;
}

/* ---- reading ---- */

struct cursor journal_end(struct journal *j) {
    pthread_mutex_lock(&j->lock);
    const struct segment *last = catalog_last(&j->catalog);
    struct cursor end = {0};
    if (last)
        end = (struct cursor){.segment = last->number, .offset = last->end};
    pthread_mutex_unlock(&j->lock);
    return end;
}

int journal_wait(struct journal *j, struct cursor from, int timeout_ms) {
    struct timespec until = deadline_in_us((int64_t)(timeout_ms > 0 ? timeout_ms : 0) * 1000);
    struct segment s;
    int sys = 0;
    pthread_mutex_lock(&j->lock);
    j->waiters++;
    bool there;
    while (!(there = catalog_find(&j->catalog, &from, &s)) && !j->closing && sys != ETIMEDOUT)
        sys = pthread_cond_timedwait(&j->durable, &j->lock, &until);
    int rc = j->closing ? ERR_CLOSED : there;
    if (--j->waiters == 0 && j->closing)
        pthread_cond_broadcast(&j->durable);
    pthread_mutex_unlock(&j->lock);
    return rc;
}

/* 1: *at and *ret_segment say where to read; 0: nothing there. */
static int find(struct journal *j, struct cursor *at, struct segment *ret_segment, struct err *err) {
    pthread_mutex_lock(&j->lock);
    const struct segment *last = catalog_last(&j->catalog);
    bool unknown = at->segment > (last ? last->number : 0) + 1;
    bool there = catalog_find(&j->catalog, at, ret_segment);
    pthread_mutex_unlock(&j->lock);
    if (unknown)
        return err_set(err, ERR_INVALID, "cursor is of segment %llu, which does not exist yet",
                       (unsigned long long)at->segment);
    return there;
}

int journal_read(struct journal *j, struct cursor from, size_t most_bytes, struct buf *ret,
                 struct cursor *ret_next, struct err *err) {
    struct cursor at = from;
    struct segment s;
    int fd;
    int rc;
    for (;;) {
        rc = find(j, &at, &s, err);
        if (rc < 0)
            return rc;
        if (rc == 0) {
            *ret_next = at;
            return 0;
        }
        rc = segment_open(j->os, j->dir, s.number, O_RDONLY, &fd, err);
        if (rc == 0)
            break;
        if (rc != ERR_NOT_FOUND)
            return rc;
        /* Released since, or lost. In the first case the catalog knows by now. */
        struct cursor again = at;
        struct segment found;
        if (find(j, &again, &found, err) == 1 && found.number == s.number) {
            *ret_next = (struct cursor){.segment = s.number + 1};
            return err_set(err, ERR_CORRUPT, "segment %llu is missing", (unsigned long long)s.number);
        }
    }
    uint64_t next;
    rc = segment_read(j->os, fd, s.number, at.offset, s.end, most_bytes, ret, &next, err);
    (void)j->os->close(j->os, fd);
    if (rc == 0)
        *ret_next = (struct cursor){.segment = s.number, .offset = next};
    else if (rc == ERR_CORRUPT)
        *ret_next = (struct cursor){.segment = s.number + 1};
    return rc;
}

bool journal_next_frame(struct span *bytes, struct span *ret_frame) {
    uint32_t len;
    return take_u32le(bytes, &len) && take_bytes(bytes, len, ret_frame);
}

/* ---- releasing ---- */

/* Never the newest one: its number is what the next one follows. */
static bool take_released(struct journal *j, struct cursor before, struct segment *ret) {
    pthread_mutex_lock(&j->lock);
    const struct segment *first = j->catalog.items;
    bool released = j->catalog.count > 1 &&
                    (first->number < before.segment ||
                     (first->number == before.segment && first->end <= before.offset));
    if (released)
        *ret = catalog_take_first(&j->catalog);
    pthread_mutex_unlock(&j->lock);
    return released;
}

static int unlink_segment(struct journal *j, uint64_t number, struct err *err) {
    char name[SEGMENT_NAME_BYTES];
    segment_name(number, ".seg", name);
    CLEANUP(free_charp) char *path = path_join(j->dir, name);
    if (!path)
        return err_set(err, ERR_NOMEM, "out of memory");
    int rc = j->os->unlink(j->os, path);
    return rc < 0 && rc != -ENOENT ? err_sys(err, -rc, "remove segment") : 0;
}

static int release_all(struct journal *j, struct cursor before, struct err *err) {
    struct segment s;
    bool any = false;
    while (take_released(j, before, &s)) {
        int rc = unlink_segment(j, s.number, err);
        if (rc < 0) {
            pthread_mutex_lock(&j->lock);
            if (catalog_reserve(&j->catalog, NULL) == 0)
                catalog_put_first(&j->catalog, s);
            pthread_mutex_unlock(&j->lock);
            return rc;
        }
        any = true;
    }
    return any ? os_sync_dir(j->os, j->dir, err) : 0;
}

int journal_release(struct journal *j, struct cursor before, struct err *err) {
    pthread_mutex_lock(&j->release_lock);
    int rc = release_all(j, before, err);
    pthread_mutex_unlock(&j->release_lock);
    return rc;
}
