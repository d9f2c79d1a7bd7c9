/* Connections for selects, and the watchdog over their time. */
#include "clock.h"
#include "store_private.h"

enum { WATCH_AGAIN_MS = 20 };

static struct timespec deadline_of(int64_t ns) {
    return (struct timespec){.tv_sec = (time_t)(ns / 1000000000),
                             .tv_nsec = (long)(ns % 1000000000)};
}

/* Interrupts what is over its time, again and again: an interrupt that comes before the engine
 * begins the statement is lost. */
static void *watch(void *arg) {
    struct readers *r = arg;
    pthread_mutex_lock(&r->lock);
    while (!r->stop) {
        int64_t now = clock_mono_ns(&clock_system);
        int64_t next = INT64_MAX;
        for (struct reader *run = r->running; run; run = run->next) {
            int64_t due = run->deadline_ns;
            if (r->interrupt_all || due <= now) {
                duckdb_interrupt(run->connection);
                due = now + WATCH_AGAIN_MS * 1000000LL;
            }
            if (due < next)
                next = due;
        }
        if (next == INT64_MAX) {
            pthread_cond_wait(&r->changed, &r->lock);
        } else {
            struct timespec t = deadline_of(next);
            pthread_cond_timedwait(&r->changed, &r->lock, &t);
        }
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

int readers_start(struct readers *r, struct err *err) {
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->changed, &attr);
    pthread_condattr_destroy(&attr);
    int sys = pthread_create(&r->watchdog, NULL, watch, r);
    if (sys == 0)
        return 0;
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    return err_sys(err, sys, "cannot start the store's watchdog");
}

static void disconnect(struct readers *r) {
    while (r->idle_count)
        duckdb_disconnect(&r->idle[--r->idle_count]);
}

void readers_disconnect(struct readers *r) {
    pthread_mutex_lock(&r->lock);
    disconnect(r);
    pthread_mutex_unlock(&r->lock);
}

/* In one step: an idle connection uses the tables of idle_generation at every moment. */
void readers_keep(struct readers *r, unsigned generation) {
    pthread_mutex_lock(&r->lock);
    if (r->idle_generation != generation)
        disconnect(r);
    r->idle_generation = generation;
    pthread_mutex_unlock(&r->lock);
}

void readers_interrupt(struct readers *r, bool all) {
    pthread_mutex_lock(&r->lock);
    r->interrupt_all = all;
    pthread_cond_signal(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

void readers_stop(struct readers *r) {
    pthread_mutex_lock(&r->lock);
    r->stop = true;
    pthread_cond_signal(&r->changed);
    pthread_mutex_unlock(&r->lock);
    pthread_join(r->watchdog, NULL);
    readers_disconnect(r);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
}

bool reader_begin(struct store *s, const struct generation *g, struct reader *run) {
    struct readers *r = &s->readers;
    pthread_mutex_lock(&r->lock);
    if (r->idle_count && r->idle_generation == g->number)
        run->connection = r->idle[--r->idle_count];
    pthread_mutex_unlock(&r->lock);
    struct err ignored;
    if (!run->connection && engine_connect(s->hot.db, g->name, &run->connection, &ignored))
        return false;
    pthread_mutex_lock(&r->lock);
    run->next = r->running;
    r->running = run;
    pthread_cond_signal(&r->changed);
    pthread_mutex_unlock(&r->lock);
    return true;
}

void reader_end(struct store *s, const struct generation *g, struct reader *run) {
    struct readers *r = &s->readers;
    pthread_mutex_lock(&r->lock);
    struct reader **at = &r->running;
    while (*at != run)
        at = &(*at)->next;
    *at = run->next;
    if (!run->spoilt && r->idle_generation == g->number && r->idle_count < IDLE_READERS) {
        r->idle[r->idle_count++] = run->connection;
        run->connection = NULL;
    }
    pthread_mutex_unlock(&r->lock);
    if (run->connection)
        duckdb_disconnect(&run->connection);
}
