#include "drain.h"

#include <pthread.h>
#include <stdlib.h>

#include "clock.h"
#include "drain_batch.h"
#include "hold.h"
#include "log.h"

enum {
    KEEP_EVENTS = 4096, /* an idle drain holds no more memory than for these */
    SAVE_EVENTS = 200000,
    SAVE_AFTER_MS = 60000,
    IDLE_WAIT_MS = 250,
    LEAST_BACKOFF_MS = 50,
    MOST_BACKOFF_MS = 5000,
    TRIES = 3,
};

struct drain {
    struct drain_batch batch;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct cursor reached;   /* everything before it is applied */
    int64_t behind_since_ns; /* 0: not behind */
    int64_t saved_ns; /* the thread's own: when the store was last seen with nothing unsaved */
    bool stop;
    bool ended;
    pthread_mutex_t call_lock; /* held by the one whose call is waiting or running */
    struct drain_request *call;
};

/* Something to be done between two batches; lives on the caller's stack. */
struct drain_request {
    drain_fn fn;
    void *arg;
    struct err err;
    int result;
    bool done;
};

/* --- the thread ---------------------------------------------------------------------------------
 */

static struct timespec after_ms(int64_t ms) {
    int64_t ns = clock_mono_ns(&clock_system) + ms * 1000000;
    return (struct timespec){.tv_sec = (time_t)(ns / 1000000000),
                             .tv_nsec = (long)(ns % 1000000000)};
}

/* False when it is time to stop. */
static bool pause_for(struct drain *d, int64_t ms) {
    struct timespec until = after_ms(ms);
    pthread_mutex_lock(&d->lock);
    while (!d->stop && ms > 0 && pthread_cond_timedwait(&d->changed, &d->lock, &until) == 0)
        ;
    bool go_on = !d->stop;
    pthread_mutex_unlock(&d->lock);
    return go_on;
}

static void note_behind(struct drain *d) {
    pthread_mutex_lock(&d->lock);
    if (!d->behind_since_ns)
        d->behind_since_ns = clock_mono_ns(&clock_system);
    pthread_mutex_unlock(&d->lock);
}

/* The store's cursor may stand before an empty segment; `end` is then what has been reached. */
static void note_reached(struct drain *d, struct cursor at, bool all) {
    pthread_mutex_lock(&d->lock);
    d->reached = at;
    if (all)
        d->behind_since_ns = 0;
    pthread_cond_broadcast(&d->changed);
    pthread_mutex_unlock(&d->lock);
}

/* What the loop is to do after looking around once. */
enum outlook { OUTLOOK_STOP, OUTLOOK_IDLE, OUTLOOK_WORK };

/* While nothing waits: writes what a crash would have to drain again, when that is much or old. */
static void save_when_due(struct drain *d) {
    int64_t now_ns = clock_mono_ns(&clock_system);
    uint64_t unsaved = store_unsaved_events(d->batch.store);
    if (unsaved == 0 || d->saved_ns == 0)
        d->saved_ns = now_ns;
    if (unsaved < SAVE_EVENTS && now_ns - d->saved_ns < SAVE_AFTER_MS * 1000000LL)
        return;
    struct err err = {0};
    if (store_checkpoint(d->batch.store, &err)) {
        counters_add(d->batch.counters, COUNT_DRAIN_FAILURES, 1);
        log_warn("drain: %s", err.text);
    }
    d->saved_ns = now_ns;
}

static enum outlook look(struct drain *d) {
    struct drain_batch *b = &d->batch;
    if (store_needs_reopen(b->store))
        return OUTLOOK_WORK;
    struct cursor at = store_cursor(b->store);
    struct cursor end = journal_end(b->journal);
    int more = journal_wait(b->journal, at, 0);
    if (more == 0) {
        note_reached(d, cursor_before(end, at) ? at : end, true);
        if (b->event_cap > KEEP_EVENTS)
            drain_batch_release(b);
        save_when_due(d);
        more = journal_wait(b->journal, at, IDLE_WAIT_MS);
    }
    return more < 0 ? OUTLOOK_STOP : more > 0 ? OUTLOOK_WORK : OUTLOOK_IDLE;
}

static int64_t longer(int64_t backoff_ms) {
    if (backoff_ms == 0)
        return LEAST_BACKOFF_MS;
    return backoff_ms * 2 < MOST_BACKOFF_MS ? backoff_ms * 2 : MOST_BACKOFF_MS;
}

/* How long to let events gather before the next batch. */
static int64_t pace(const struct drain_batch *b, int64_t began_ns) {
    if (b->bytes.len >= b->batch_bytes / 2)
        return 0;
    int64_t took_ms = (clock_mono_ns(&clock_system) - began_ns) / 1000000;
    if (store_cursor(b->store).segment != journal_end(b->journal).segment)
        return 0; /* catching up over segments that are closed: nothing grows by waiting */
    return took_ms < DRAIN_PACE_MS ? DRAIN_PACE_MS - took_ms : 0;
}

static void serve_call(struct drain *d, bool ended) {
    pthread_mutex_lock(&d->lock);
    struct drain_request *call = TAKE_PTR(d->call);
    pthread_mutex_unlock(&d->lock);
    if (!call)
        return;
    int result = ended ? err_set(&call->err, ERR_CLOSED, "the server is stopping")
                       : call->fn(call->arg, &call->err);
    pthread_mutex_lock(&d->lock);
    call->result = result;
    call->done = true;
    pthread_cond_broadcast(&d->changed);
    pthread_mutex_unlock(&d->lock);
}

static void *run(void *arg) {
    struct drain *d = arg;
    struct drain_batch *b = &d->batch;
    int64_t backoff_ms = 0;
    int64_t pause_ms = 0;
    enum outlook outlook;
    while (pause_for(d, pause_ms) && (outlook = look(d)) != OUTLOOK_STOP) {
        pause_ms = 0;
        serve_call(d, false);
        if (outlook == OUTLOOK_IDLE)
            continue;
        note_behind(d);
        int64_t began_ns = clock_mono_ns(&clock_system);
        struct err err = {0};
        int code = drain_batch_step(b, &err);
        if (code) {
            counters_add(b->counters, COUNT_DRAIN_FAILURES, 1);
            log_warn("drain: %s", err.text);
            journal_hold(b->journal, 0);
            pause_ms = backoff_ms = longer(backoff_ms);
            continue;
        }
        backoff_ms = 0;
        note_reached(d, store_cursor(b->store), false);
        journal_hold(b->journal, hold_for(journal_bytes_from(b->journal, store_cursor(b->store)),
                                          b->bytes.len, clock_mono_ns(&clock_system) - began_ns));
        pause_ms = pace(b, began_ns);
    }
    pthread_mutex_lock(&d->lock);
    d->ended = true;
    pthread_cond_broadcast(&d->changed);
    pthread_mutex_unlock(&d->lock);
    serve_call(d, true);
    return NULL;
}

/* --- from outside -------------------------------------------------------------------------------
 */

static void drain_free(struct drain *d) {
    pthread_mutex_destroy(&d->call_lock);
    pthread_cond_destroy(&d->changed);
    pthread_mutex_destroy(&d->lock);
    drain_batch_release(&d->batch);
    free(d);
}

int drain_start(const struct drain_options *options, struct drain **ret, struct err *err) {
    struct drain *d = calloc(1, sizeof(*d));
    if (!d)
        return err_set(err, ERR_NOMEM, "no memory for the drain");
    drain_batch_init(&d->batch, options);
    d->reached = store_cursor(options->store);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&d->changed, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&d->lock, NULL);
    pthread_mutex_init(&d->call_lock, NULL);
    int sys = pthread_create(&d->thread, NULL, run, d);
    if (sys != 0) {
        drain_free(d);
        return err_sys(err, sys, "cannot start the drain");
    }
    *ret = d;
    return 0;
}

void drain_stop(struct drain *d) {
    pthread_mutex_lock(&d->lock);
    d->stop = true;
    pthread_cond_broadcast(&d->changed);
    pthread_mutex_unlock(&d->lock);
    pthread_join(d->thread, NULL);
    drain_free(d);
}

int drain_call(struct drain *d, drain_fn fn, void *arg, struct err *err) {
    struct drain_request call = {.fn = fn, .arg = arg};
    pthread_mutex_lock(&d->call_lock);
    pthread_mutex_lock(&d->lock);
    if (d->ended) {
        call.result = err_set(&call.err, ERR_CLOSED, "the server is stopping");
    } else {
        d->call = &call;
        pthread_cond_broadcast(&d->changed);
        while (!call.done)
            pthread_cond_wait(&d->changed, &d->lock);
    }
    pthread_mutex_unlock(&d->lock);
    pthread_mutex_unlock(&d->call_lock);
    if (call.result && err)
        *err = call.err;
    return call.result;
}

int drain_wait_for(struct drain *d, struct cursor until, int timeout_ms) {
    struct timespec deadline = after_ms(timeout_ms);
    int code = 0;
    pthread_mutex_lock(&d->lock);
    while (!code && cursor_before(d->reached, until)) {
        if (d->ended)
            code = ERR_CLOSED;
        else if (pthread_cond_timedwait(&d->changed, &d->lock, &deadline) != 0 &&
                 cursor_before(d->reached, until))
            code = ERR_TIMEOUT;
    }
    pthread_mutex_unlock(&d->lock);
    return code;
}

int64_t drain_lag_ms(struct drain *d) {
    pthread_mutex_lock(&d->lock);
    int64_t since = d->behind_since_ns;
    pthread_mutex_unlock(&d->lock);
    return since ? (clock_mono_ns(&clock_system) - since) / 1000000 : 0;
}

bool drain_took_withdrawal(struct drain *d) {
    return atomic_exchange(&d->batch.took_withdrawal, false);
}

int drain_once(const struct drain_options *options, struct err *err) {
    struct drain_batch b;
    drain_batch_init(&b, options);
    struct store *store = b.store;
    unsigned failures = 0;
    int code = 0;
    while (failures < TRIES &&
           (store_needs_reopen(store) || journal_wait(b.journal, store_cursor(store), 0) == 1)) {
        code = drain_batch_step(&b, err);
        failures = code ? failures + 1 : 0;
    }
    drain_batch_release(&b);
    return code;
}
