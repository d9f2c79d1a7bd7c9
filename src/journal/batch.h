/* batch.h — frames that wait for one commit, laid out as they will stand on the disk. Internal to
 * journal/.
 *
 * Memory is kept from commit to commit, so that a frame costs no allocation. */
#ifndef TAMIS_BATCH_H
#define TAMIS_BATCH_H

#include "buf.h"
#include "journal.h"

struct waiter {
    journal_done_fn done;
    void *arg;
};

struct batch {
    struct buf bytes;
    struct waiter *waiters;
    size_t count;
    size_t cap;
};

/* Adds a copy of `frame`; on ERR_NOMEM the batch is as before. */
int batch_add(struct batch *b, struct span frame, journal_done_fn done, void *arg,
              struct err *err) WARN_UNUSED;

/* Makes the frames ones of that segment. May be repeated for another one. */
void batch_seal(struct batch *b, uint64_t segment);

/* Tells each submitter and empties the batch. */
void batch_finish(struct batch *b, int result);

void batch_release(struct batch *b);

#endif
