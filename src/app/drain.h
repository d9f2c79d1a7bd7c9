/* drain.h — carries what is durable in the journal into the store.
 *
 * One thread reads frames after the store's cursor, decodes them and applies them in batches. A
 * lone event is taken at once; under load batches start DRAIN_PACE_MS apart unless a full one
 * waits. Exactly-once comes from the store, which keeps rows and cursor in one transaction. A store
 * that fails is tried again, later and later; one that says ERR_CORRUPT is opened again, and built
 * anew from the journal when need be. Frames that do not verify or parse are counted, logged and
 * passed over, and so are events of days that were sealed behind them. */
#ifndef TAMIS_APP_DRAIN_H
#define TAMIS_APP_DRAIN_H

#include "counters.h"
#include "journal.h"
#include "known.h"
#include "store.h"

enum { DRAIN_PACE_MS = 200 };

struct drain;

struct drain_options {
    struct journal *journal;
    struct store *store;
    struct known *known; /* the diary of known visitors; written before the store's cursor moves */
    struct counters *counters;
    size_t batch_bytes; /* of the journal, at most about; 0: 4 MiB */
};

/* Journal, store, diary and counters must outlive the drain. From here on only its thread applies. */
int drain_start(const struct drain_options *options, struct drain **ret,
                struct err *err) WARN_UNUSED;

/* Ends after the batch at hand; what is left is drained after the next start. */
void drain_stop(struct drain *d);

/* Runs `fn` on the thread that applies, between two batches, and returns what it returns; ERR_CLOSED
 * when the thread has ended. Others wait for their turn. */
typedef int (*drain_fn)(void *arg, struct err *err);
int drain_call(struct drain *d, drain_fn fn, void *arg, struct err *err) WARN_UNUSED;

/* Waits until everything before `until` has been applied. ERR_TIMEOUT; ERR_CLOSED when the thread
 * has ended. */
int drain_wait_for(struct drain *d, struct cursor until, int timeout_ms) WARN_UNUSED;

/* Whether a withdrawal was carried out since this was last asked. */
bool drain_took_withdrawal(struct drain *d);

/* How long ago the store last held all that is durable; 0 while it does. For /metrics. */
int64_t drain_lag_ms(struct drain *d);

/* Drains all that is durable, on the calling thread: for commands without a server. Not beside a
 * drain. */
int drain_once(const struct drain_options *options, struct err *err) WARN_UNUSED;

#endif
