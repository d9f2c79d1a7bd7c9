/* writer.h — struct journal, and the thread that alone writes its segments. Internal to
 * journal/. */
#ifndef TAMIS_WRITER_H
#define TAMIS_WRITER_H

#include <pthread.h>
#include <time.h>

#include "batch.h"
#include "catalog.h"
#include "journal.h"

/* Each asker takes the next number; the writer answers all that asked before it began. */
struct rotation {
    uint64_t asked;
    uint64_t answered;
    int result; /* of the last answer */
    struct cursor start;
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
    pthread_cond_t rotated; /* for journal_rotate() */
    struct batch batches[2];
    struct batch *filling; /* one of the two; the other is being committed or empty */
    size_t waiting_bytes;  /* in both */
    unsigned hold_us;      /* before each commit */
    size_t wake_at;        /* the writer sleeps until `filling` has this many; 0: it is awake */
    int failure;           /* 0, or why submissions are refused until a probe succeeds */
    bool closing;
    unsigned waiters;
    struct rotation rotation;
    struct catalog catalog; /* only the writer adds */

    /* The writer's own. */
    struct segment current; /* the catalog's last; number 0: none yet */
    int fd;                 /* of it; -1: it must not be written any more */
    size_t last_count;

    pthread_mutex_t upkeep_lock; /* one journal_release() or journal_redact() at a time */
};

/* Makes the next segment the current one. Writer thread, or before it runs. */
int writer_start_segment(struct journal *j, struct err *err) WARN_UNUSED;

/* The thread's function; `arg` is the journal. Ends when `closing` is set and nothing is left to
 * commit. */
void *writer_main(void *arg);

/* A moment of the monotonic clock for pthread_cond_timedwait(). */
struct timespec deadline_in_us(int64_t us);

#endif
