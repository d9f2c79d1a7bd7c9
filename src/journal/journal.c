#include "journal.h"

#include <errno.h>
#include <semaphore.h>
#include <signal.h>

#include "recover.h"
#include "segment.h"
#include "writer.h"

enum { DEFAULT_SEGMENT_BYTES = 64 * 1024 * 1024, DEFAULT_PENDING_BYTES = 32 * 1024 * 1024 };

/* ---- open, close ---- */

static void journal_free(struct journal *j) {
    if (j->fd >= 0)
        (void)j->os->close(j->os, j->fd);
    batch_release(&j->batches[0]);
    batch_release(&j->batches[1]);
    catalog_release(&j->catalog);
    pthread_mutex_destroy(&j->lock);
    pthread_mutex_destroy(&j->upkeep_lock);
    pthread_cond_destroy(&j->work);
    pthread_cond_destroy(&j->durable);
    pthread_cond_destroy(&j->rotated);
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
    pthread_mutex_init(&j->upkeep_lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&j->work, &monotonic);
    pthread_cond_init(&j->durable, &monotonic);
    pthread_cond_init(&j->rotated, NULL);
    pthread_condattr_destroy(&monotonic);
    return j;
}

/* A new folder is durable only when its own name is. Where the parent may not be read, someone else
 * made it. */
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
    /* Always a new segment, never on at the tail of the old one: its header fixes where the old one
     * ends, and a cursor that someone kept can never point into bytes written anew. */
    rc = writer_start_segment(j, err);
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
    pthread_cond_broadcast(&j->rotated);
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

int journal_rotate(struct journal *j, struct cursor *ret_start, struct err *err) {
    pthread_mutex_lock(&j->lock);
    j->waiters++;
    struct rotation *r = &j->rotation;
    uint64_t mine = ++r->asked;
    pthread_cond_signal(&j->work);
    while (r->answered < mine && !j->closing)
        pthread_cond_wait(&j->rotated, &j->lock);
    int rc = r->answered < mine ? ERR_CLOSED : r->result;
    struct cursor start = r->start;
    if (--j->waiters == 0 && j->closing)
        pthread_cond_broadcast(&j->durable);
    pthread_mutex_unlock(&j->lock);
    if (rc < 0)
        return err_set(err, rc, "no new segment: %s", err_word(rc));
    *ret_start = start;
    return 0;
}

void journal_hold(struct journal *j, unsigned hold_us) {
    pthread_mutex_lock(&j->lock);
    j->hold_us = hold_us < JOURNAL_MOST_HOLD_US ? hold_us : JOURNAL_MOST_HOLD_US;
    pthread_mutex_unlock(&j->lock);
}

unsigned journal_held_us(struct journal *j) {
    pthread_mutex_lock(&j->lock);
    unsigned hold_us = j->hold_us;
    pthread_mutex_unlock(&j->lock);
    return hold_us;
}

bool journal_healthy(struct journal *j) {
    pthread_mutex_lock(&j->lock);
    bool healthy = j->failure == 0 && !j->closing;
    pthread_mutex_unlock(&j->lock);
    return healthy;
}
