#include "workers.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "must.h"

/* From a call until they are sent away. Freed by the last one to leave it. */
struct shift {
    duckdb_task_state tasks;
    unsigned holders; /* struct workers, and each thread in it */
};

struct workers {
    duckdb_database db;
    pthread_mutex_t lock;
    pthread_cond_t called;
    pthread_t *threads;
    unsigned count;
    unsigned callers;
    struct shift *shift; /* NULL: nothing to do, or no memory for it: then callers work alone */
    bool stop;
};

unsigned workers_share(unsigned wanted) {
    if (wanted)
        return wanted;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores > 0 ? (unsigned)cores : 1;
}

/* The lock is held. */
static void shift_leave(struct shift *s) {
    if (--s->holders)
        return;
    duckdb_destroy_task_state(s->tasks);
    free(s);
}

static void *work(void *arg) {
    struct workers *w = arg;
    pthread_mutex_lock(&w->lock);
    while (!w->stop) {
        struct shift *s = w->shift;
        if (!s) {
            pthread_cond_wait(&w->called, &w->lock);
            continue;
        }
        s->holders++;
        pthread_mutex_unlock(&w->lock);
        duckdb_execute_tasks_state(s->tasks); /* until the shift ends */
        pthread_mutex_lock(&w->lock);
        shift_leave(s);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

static void workers_free(struct workers *w) {
    pthread_cond_destroy(&w->called);
    pthread_mutex_destroy(&w->lock);
    free(w->threads);
    free(w);
}

/* Signals are for the threads that expect them. */
static int start_thread(struct workers *w, struct err *err) {
    sigset_t all, old;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &old);
    int sys = pthread_create(&w->threads[w->count], NULL, work, w);
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (sys)
        return err_sys(err, sys, "cannot start the engine's threads");
    (void)pthread_setname_np(w->threads[w->count++], "engine");
    return 0;
}

int workers_start(duckdb_database db, unsigned share, struct workers **ret, struct err *err) {
    struct workers *w = calloc(1, sizeof(*w));
    pthread_t *threads = calloc(share, sizeof(*threads));
    if (!w || !threads) {
        free(w);
        free(threads);
        return err_set(err, ERR_NOMEM, "no memory for the engine's threads");
    }
    *w = (struct workers){.db = db, .threads = threads};
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->called, NULL);
    int code = 0;
    while (!code && w->count + 1 < share)
        code = start_thread(w, err);
    if (code)
        workers_stop(w);
    else
        *ret = w;
    return code;
}

void workers_stop(struct workers *w) {
    must(w->callers == 0);
    workers_send_away(w);
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_broadcast(&w->called);
    pthread_mutex_unlock(&w->lock);
    for (unsigned i = 0; i < w->count; i++)
        pthread_join(w->threads[i], NULL);
    workers_free(w);
}

static struct shift *shift_new(duckdb_database db) {
    struct shift *s = malloc(sizeof(*s));
    if (!s)
        return NULL;
    *s = (struct shift){.tasks = duckdb_create_task_state(db), .holders = 1};
    if (s->tasks)
        return s;
    free(s);
    return NULL;
}

void workers_call(struct workers *w) {
    pthread_mutex_lock(&w->lock);
    w->callers++;
    if (!w->shift && w->count) {
        w->shift = shift_new(w->db);
        pthread_cond_broadcast(&w->called);
    }
    pthread_mutex_unlock(&w->lock);
}

void workers_dismiss(struct workers *w) {
    pthread_mutex_lock(&w->lock);
    must(w->callers > 0);
    w->callers--;
    pthread_mutex_unlock(&w->lock);
}

void workers_send_away(struct workers *w) {
    pthread_mutex_lock(&w->lock);
    struct shift *s = w->shift;
    if (s && w->callers == 0) {
        w->shift = NULL;
        duckdb_finish_execution(s->tasks);
        shift_leave(s);
    }
    pthread_mutex_unlock(&w->lock);
}
