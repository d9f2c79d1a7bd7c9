/* drain_batch.h — one batch: what follows in the journal is read, decoded and applied to store and
 * diary; private to the drain.
 *
 * Memory is kept from one batch to the next. Used by one thread at a time. */
#ifndef TAMIS_APP_DRAIN_BATCH_H
#define TAMIS_APP_DRAIN_BATCH_H

#include "buf.h"
#include "drain.h"

/* A batch's bytes and what they decode to. */
struct drain_batch {
    struct journal *journal;
    struct store *store;
    struct known *known;
    struct counters *counters;
    size_t batch_bytes; /* of the journal, at most about */
    struct buf bytes;
    struct event *events; /* their texts are in `bytes` */
    size_t event_count, event_cap;
    struct import_mark *marks;
    size_t mark_count, mark_cap;
    struct known_entry *visitors;
    size_t visitor_count, visitor_cap;
    _Atomic bool took_withdrawal; /* set when one is carried out; whoever asks clears it */
};

void drain_batch_init(struct drain_batch *b, const struct drain_options *options);

/* Gives the memory back. It may be used again, and takes some then. */
void drain_batch_release(struct drain_batch *b);

/* One batch, from the store's cursor on; a store that needs it is opened again first. After an
 * error the cursor is not past the batch: the next step takes it again. */
int drain_batch_step(struct drain_batch *b, struct err *err) WARN_UNUSED;

#endif
