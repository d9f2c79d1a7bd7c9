#include "writer.h"

#include <errno.h>

#include "must.h"
#include "segment.h"

enum {
    PROBE_PAUSE_MS = 200,
    /* From this many submitters a commit on, the next one waits up to the window for as many
     * again: they were just answered and are about to come back. Below it waiting only costs
     * latency. */
    CROWD = 32,
    WINDOW_US = 500,
};

static void count(struct journal *j, enum counter which, uint64_t n) {
    if (j->counters)
        counters_add(j->counters, which, n);
}

struct timespec deadline_in_us(int64_t us) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    int64_t ns = t.tv_nsec + us % 1000000 * 1000;
    t.tv_sec += (time_t)(us / 1000000 + ns / 1000000000);
    t.tv_nsec = (long)(ns % 1000000000);
    return t;
}

/* ---- segments ---- */

/* The current segment takes no more frames. What lies after its durable end gets cut off too: this
 * fences nothing for sure (only the next header does), but with a disk that is merely full it
 * leaves nothing to be found even if the process dies before it can make that header. */
static void retire_segment(struct journal *j, bool failed) {
    if (j->fd < 0)
        return;
    (void)j->os->ftruncate(j->os, j->fd, (int64_t)j->current.end);
    if (failed)
        (void)j->os->fdatasync(j->os, j->fd);
    (void)j->os->close(j->os, j->fd);
    j->fd = -1;
}

/* Once making the next segment has been tried, its header may be on the disk and fixes the end of
 * this one: hence the old segment is retired first and stays so even if the new one fails. */
int writer_start_segment(struct journal *j, struct err *err) {
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
        int rc = writer_start_segment(j, err);
        if (rc < 0)
            return rc;
    }
    batch_seal(b, j->current.number);
    int rc = os_write_full(j->os, j->fd, b->bytes.data, b->bytes.len, (int64_t)j->current.end, err);
    if (rc == 0) {
        /* Not even EINTR is tried again: what the interrupted call did to the pages is anyone's
         * guess. */
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
 * - Acknowledged: it is durable before the durable end of its segment, and that end never moves
 *   back. A crash finds it by the next header or by the scan, whose frames before it all verify.
 *   Exactly once, always: an earlier attempt lies after the end that the header of the later
 *   segment, durable before it, records.
 * - Reported as failed: a last new segment is tried before the report; its header fences off the
 *   failed bytes. If it can be made, or once a probe has made it, the frames can never be read. If
 *   the process or the machine dies before that, they may still be found after the next open (they
 *   lie at the tail of the last segment): no more can be promised with a disk that takes no writes.
 *   They are never doubled by the journal itself. */
static int commit(struct journal *j, struct batch *b) {
    int rc = write_once(j, b, NULL);
    if (rc == 0)
        return 0;
    count(j, COUNT_JOURNAL_FAILURES, 1);
    rc = write_once(j, b, NULL);
    if (rc == 0)
        return 0;
    count(j, COUNT_JOURNAL_FAILURES, 1);
    int fenced = writer_start_segment(j, NULL);
    (void)fenced; /* else the next probe does it */
    return as_failure(rc);
}

/* ---- the loop; the lock is held unless said otherwise ---- */

static bool rotation_due(const struct journal *j) {
    return j->rotation.answered < j->rotation.asked && !j->closing;
}

static void sleep_until(struct journal *j, size_t frames, const struct timespec *deadline) {
    j->wake_at = frames;
    while (!j->closing && !rotation_due(j) && j->filling->count < frames) {
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

/* When it fails nothing else changes: the next commit has to make a segment first, and copes. */
static void rotate(struct journal *j) {
    struct rotation *r = &j->rotation;
    uint64_t asked = r->asked;
    int rc = j->failure;
    bool empty = j->fd >= 0 && j->current.end == SEGMENT_HEADER_BYTES;
    if (rc == 0 && !empty) {
        pthread_mutex_unlock(&j->lock);
        rc = as_failure(writer_start_segment(j, NULL));
        pthread_mutex_lock(&j->lock);
    }
    r->answered = asked;
    r->result = rc;
    r->start = (struct cursor){.segment = j->current.number, .offset = SEGMENT_HEADER_BYTES};
    pthread_cond_broadcast(&j->rotated);
}

/* A new segment proves that the disk takes writes; one that was made right after the failure has
 * done so. */
static void pause_and_probe(struct journal *j) {
    struct timespec until = deadline_in_us(PROBE_PAUSE_MS * 1000);
    sleep_until(j, SIZE_MAX, &until);
    if (j->closing)
        return;
    int rc = 0;
    if (j->fd < 0) {
        pthread_mutex_unlock(&j->lock);
        rc = writer_start_segment(j, NULL);
        pthread_mutex_lock(&j->lock);
    }
    j->failure = as_failure(rc);
}

void *writer_main(void *arg) {
    struct journal *j = arg;
    pthread_mutex_lock(&j->lock);
    for (;;) {
        if (rotation_due(j)) {
            rotate(j);
            continue;
        }
        if (j->failure && !j->closing) {
            pause_and_probe(j);
            continue;
        }
        sleep_until(j, 1, NULL);
        if (j->hold_us) {
            struct timespec until = deadline_in_us(j->hold_us);
            sleep_until(j, SIZE_MAX, &until);
        } else if (j->last_count >= CROWD) {
            struct timespec until = deadline_in_us(WINDOW_US);
            sleep_until(j, j->last_count, &until);
        }
        if (j->filling->count)
            commit_filling(j);
        else if (j->closing)
            break;
    }
    pthread_mutex_unlock(&j->lock);
    retire_segment(j, false);
    return NULL;
}
