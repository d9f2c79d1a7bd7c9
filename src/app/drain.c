#include "drain.h"

#include <pthread.h>
#include <stdlib.h>

#include "clock.h"
#include "hold.h"
#include "log.h"
#include "record.h"

enum {
    BATCH_BYTES = 4 << 20,
    KEEP_EVENTS = 4096, /* an idle drain holds no more memory than for these */
    SAVE_EVENTS = 200000,
    SAVE_AFTER_MS = 60000,
    IDLE_WAIT_MS = 250,
    LEAST_BACKOFF_MS = 50,
    MOST_BACKOFF_MS = 5000,
    TRIES = 3,
};

/* One batch's bytes and what they decode to. */
struct work {
    struct journal *journal;
    struct store *store;
    struct known *known;
    struct counters *counters;
    size_t batch_bytes;
    struct buf bytes;
    struct event *events;
    size_t event_count, event_cap;
    struct import_mark *marks;
    size_t mark_count, mark_cap;
    struct known_entry *visitors;
    size_t visitor_count, visitor_cap;
    _Atomic bool took_withdrawal;
};

struct drain {
    struct work work;
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

/* --- one batch ----------------------------------------------------------------------------------
 */

static void work_release(struct work *w) {
    buf_release(&w->bytes);
    free(w->events);
    free(w->marks);
    free(w->visitors);
    w->events = NULL;
    w->marks = NULL;
    w->visitors = NULL;
    w->event_cap = w->mark_cap = w->visitor_cap = 0;
}

static bool add_visitor(struct work *w, const struct record *r) {
    if (w->visitor_count == w->visitor_cap) {
        size_t cap = w->visitor_cap ? w->visitor_cap * 2 : 256;
        struct known_entry *visitors = realloc(w->visitors, cap * sizeof(*visitors));
        if (!visitors)
            return false;
        w->visitors = visitors;
        w->visitor_cap = cap;
    }
    w->visitors[w->visitor_count++] =
        (struct known_entry){.visitor = r->known, .forget = r->type == RECORD_FORGET};
    return true;
}

static bool add_record(struct work *w, const struct record *r) {
    if (r->type == RECORD_EVENT) {
        if (w->event_count == w->event_cap) {
            size_t cap = w->event_cap ? w->event_cap * 2 : 256;
            struct event *events = realloc(w->events, cap * sizeof(*events));
            if (!events)
                return false;
            w->events = events;
            w->event_cap = cap;
        }
        w->events[w->event_count++] = r->event;
        return true;
    }
    if (r->type != RECORD_IMPORT_MARK)
        return add_visitor(w, r);
    if (w->mark_count == w->mark_cap) {
        size_t cap = w->mark_cap ? w->mark_cap * 2 : 16;
        struct import_mark *marks = realloc(w->marks, cap * sizeof(*marks));
        if (!marks)
            return false;
        w->marks = marks;
        w->mark_cap = cap;
    }
    w->marks[w->mark_count++] = r->import_mark;
    return true;
}

/* A frame counts as a whole: one that does not parse to its end adds nothing. Events of days that
 * were sealed behind it (`at`: where it starts) are in a part. */
static int add_frame(struct work *w, struct span frame, struct cursor at, struct err *err) {
    size_t events = w->event_count;
    size_t marks = w->mark_count;
    size_t visitors = w->visitor_count;
    struct record r;
    int more;
    while ((more = record_next(&frame, &r, err)) == 1) {
        if (r.type == RECORD_EVENT && store_is_sealed(w->store, r.event.site, r.event.day, at))
            continue;
        if (!add_record(w, &r))
            return err_set(err, ERR_NOMEM, "no memory for a batch");
    }
    if (more == 0)
        return 0;
    w->event_count = events;
    w->mark_count = marks;
    w->visitor_count = visitors;
    counters_add(w->counters, COUNT_DRAIN_FAILURES, 1);
    log_error("drain: passed over a frame that does not parse");
    return 0;
}

/* Reads and decodes what follows `from`. */
static int gather(struct work *w, struct cursor from, struct cursor *ret_next, struct err *err) {
    struct cursor next = from;
    buf_clear(&w->bytes);
    w->event_count = w->mark_count = w->visitor_count = 0;
    struct cursor at = from;
    int code = journal_read(w->journal, from, w->batch_bytes, &w->bytes, &at, &next, err);
    if (code == ERR_CORRUPT && cursor_before(from, next)) {
        counters_add(w->counters, COUNT_DRAIN_FAILURES, 1);
        log_error("drain: passed over damage in segment %llu of the journal, from byte %llu",
                  (unsigned long long)from.segment, (unsigned long long)from.offset);
        code = 0;
    }
    if (code == ERR_CORRUPT)
        return err_set(err, ERR_IO, "the journal does not read");
    if (code)
        return code;
    if (w->bytes.failed)
        return err_set(err, ERR_NOMEM, "no memory for a batch");
    struct span rest = buf_span(&w->bytes);
    struct span frame;
    for (struct cursor start = at; !code && journal_next_frame(&rest, &at, &frame); start = at)
        code = add_frame(w, frame, start, err);
    if (!code)
        *ret_next = next;
    return code;
}

static int reopen(struct work *w, struct err *err) {
    log_warn("drain: opening the hot tables again");
    int opened = store_reopen(w->store, err);
    if (opened == 1) {
        counters_add(w->counters, COUNT_HOT_REBUILDS, 1);
        log_warn("drain: set the hot file aside; building it again from the journal");
    }
    return opened < 0 ? opened : store_publish(w->store, &(struct store_change){0}, err);
}

/* The diary is durable before the cursor moves, and bears the same batch again. */
static int write_diary(struct work *w, struct err *err) {
    int code = known_apply(w->known, w->visitors, w->visitor_count, err);
    for (size_t i = 0; code == 0 && i < w->visitor_count; i++)
        if (w->visitors[i].forget) {
            counters_add(w->counters, COUNT_VISITORS_WITHDRAWN, 1);
            atomic_store(&w->took_withdrawal, true);
        }
    return code;
}

/* One batch, from the store's cursor on. */
static int step(struct work *w, struct err *err) {
    if (store_needs_reopen(w->store)) {
        int code = reopen(w, err);
        if (code)
            return code;
    }
    struct store_batch batch = {0};
    int code = gather(w, store_cursor(w->store), &batch.next, err);
    if (code)
        return code;
    if (UNLIKELY(w->visitor_count) && (code = write_diary(w, err)))
        return code;
    batch.events = w->events;
    batch.event_count = w->event_count;
    batch.marks = w->marks;
    batch.mark_count = w->mark_count;
    code = store_apply(w->store, &batch, err);
    if (code)
        return code;
    counters_add(w->counters, COUNT_DRAIN_EVENTS, batch.event_count);
    counters_add(w->counters, COUNT_DRAIN_BATCHES, 1);
    return 0;
}

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
    uint64_t unsaved = store_unsaved_events(d->work.store);
    if (unsaved == 0 || d->saved_ns == 0)
        d->saved_ns = now_ns;
    if (unsaved < SAVE_EVENTS && now_ns - d->saved_ns < SAVE_AFTER_MS * 1000000LL)
        return;
    struct err err = {0};
    if (store_checkpoint(d->work.store, &err)) {
        counters_add(d->work.counters, COUNT_DRAIN_FAILURES, 1);
        log_warn("drain: %s", err.text);
    }
    d->saved_ns = now_ns;
}

static enum outlook look(struct drain *d) {
    struct work *w = &d->work;
    if (store_needs_reopen(w->store))
        return OUTLOOK_WORK;
    struct cursor at = store_cursor(w->store);
    struct cursor end = journal_end(w->journal);
    int more = journal_wait(w->journal, at, 0);
    if (more == 0) {
        note_reached(d, cursor_before(end, at) ? at : end, true);
        if (w->event_cap > KEEP_EVENTS)
            work_release(w);
        save_when_due(d);
        more = journal_wait(w->journal, at, IDLE_WAIT_MS);
    }
    return more < 0 ? OUTLOOK_STOP : more > 0 ? OUTLOOK_WORK : OUTLOOK_IDLE;
}

static int64_t longer(int64_t backoff_ms) {
    if (backoff_ms == 0)
        return LEAST_BACKOFF_MS;
    return backoff_ms * 2 < MOST_BACKOFF_MS ? backoff_ms * 2 : MOST_BACKOFF_MS;
}

/* How long to let events gather before the next batch. */
static int64_t pace(const struct work *w, int64_t began_ns) {
    if (w->bytes.len >= w->batch_bytes / 2)
        return 0;
    int64_t took_ms = (clock_mono_ns(&clock_system) - began_ns) / 1000000;
    if (store_cursor(w->store).segment != journal_end(w->journal).segment)
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
    struct work *w = &d->work;
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
        int code = step(w, &err);
        if (code) {
            counters_add(w->counters, COUNT_DRAIN_FAILURES, 1);
            log_warn("drain: %s", err.text);
            journal_hold(w->journal, 0);
            pause_ms = backoff_ms = longer(backoff_ms);
            continue;
        }
        backoff_ms = 0;
        note_reached(d, store_cursor(w->store), false);
        journal_hold(w->journal, hold_for(journal_bytes_from(w->journal, store_cursor(w->store)),
                                          w->bytes.len, clock_mono_ns(&clock_system) - began_ns));
        pause_ms = pace(w, began_ns);
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
    work_release(&d->work);
    free(d);
}

static struct work work_of(const struct drain_options *options) {
    return (struct work){
        .journal = options->journal,
        .store = options->store,
        .known = options->known,
        .counters = options->counters,
        .batch_bytes = options->batch_bytes ? options->batch_bytes : BATCH_BYTES,
    };
}

int drain_start(const struct drain_options *options, struct drain **ret, struct err *err) {
    struct drain *d = calloc(1, sizeof(*d));
    if (!d)
        return err_set(err, ERR_NOMEM, "no memory for the drain");
    d->work = work_of(options);
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
    return atomic_exchange(&d->work.took_withdrawal, false);
}

int drain_once(const struct drain_options *options, struct err *err) {
    struct work w = work_of(options);
    struct store *store = w.store;
    unsigned failures = 0;
    int code = 0;
    while (failures < TRIES &&
           (store_needs_reopen(store) || journal_wait(w.journal, store_cursor(store), 0) == 1)) {
        code = step(&w, err);
        failures = code ? failures + 1 : 0;
    }
    work_release(&w);
    return code;
}
