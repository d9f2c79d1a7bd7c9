#include "sealer.h"

#include <pthread.h>
#include <stdlib.h>

#include "drain.h"
#include "imports.h"
#include "journal_trim.h"
#include "log.h"
#include "sealed.h"
#include "sealing.h"
#include "upkeep.h"

enum {
    LOOK_EVERY_MS = 5000, /* for days that are over */
    ROUND_EVERY = 120,    /* looks: a whole round, also for retention and what had failed */
    DRAIN_WAIT_MS = 60000,
};

struct sealer {
    struct app *app;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stop, wake;
};

/* --- one day ------------------------------------------------------------------------------------
 */

/* Ordinals go on after those of parts that hold the same day. */
static void base_of(const struct part_record *parts, size_t count, struct seal_job *job) {
    for (size_t i = 0; i < count; i++)
        if (parts[i].site == job->site && parts[i].from_day <= job->day &&
            job->day <= parts[i].to_day) {
            if (job->base_visit < parts[i].visits)
                job->base_visit = parts[i].visits;
            if (job->base_person < parts[i].persons)
                job->base_person = parts[i].persons;
        }
}

static int seal_day(struct app *a, const struct store_day *day, struct cursor until,
                    const struct part_record *known, size_t known_count, struct err *err) {
    struct seal_job job = {
        .os = &os_system, .root = a->sealed_root, .site = day->site, .day = day->day};
    int64_t began_ns = clock_mono_ns(a->clock);
    base_of(known, known_count, &job);
    int rc = control_part_begin(a->control, day->site, day->day, day->day, &job.part, err);
    if (rc < 0)
        return rc;
    struct seal_result done = {0};
    if ((rc = store_seal(a->store, &job, &done, err)) < 0)
        return rc;
    struct part_record r = {.id = job.part,
                            .site = day->site,
                            .from_day = day->day,
                            .to_day = day->day,
                            .until = until,
                            .visits = job.base_visit + (uint32_t)done.visits,
                            .persons = job.base_person + (uint32_t)done.persons};
    upkeep_fill_record(&r, &done);
    if ((rc = control_part_record(a->control, &r, NULL, 0, err)) < 0)
        return rc;
    counters_add(&a->counters, COUNT_DAYS_SEALED, 1);
    counters_add(&a->counters, COUNT_SEAL_MS,
                 (uint64_t)((clock_mono_ns(a->clock) - began_ns) / 1000000));
    counters_add(&a->counters, COUNT_EVENTS_SEALED, r.files[PART_EVENT].rows);
    return 0;
}

/* --- what is due --------------------------------------------------------------------------------
 */

static bool is_due(const struct app *a, const struct policy_set *set, const struct store_day *d) {
    const struct policy *p = policy_by_id(set, d->site);
    if (!p)
        return false; /* removed: its rows are erased, not sealed */
    int64_t now = clock_wall_ms(a->clock) - (int64_t)a->config.seal_grace_sec * 1000;
    return d->day < zone_to_local(p->zone, now).day && !imports_running(a->imports, d->site);
}

static int find_due(struct app *a, struct store_day **ret, size_t *ret_count, struct err *err) {
    struct store_day *days = NULL;
    size_t count = 0, due = 0;
    int rc = store_hot_days(a->store, &days, &count, err);
    if (rc < 0)
        return rc;
    CLEANUP(policy_set_unrefp) struct policy_set *set = policy_board_get(a->policies);
    for (size_t i = 0; i < count; i++)
        if (is_due(a, set, &days[i]))
            days[due++] = days[i];
    *ret = days;
    *ret_count = due;
    return 0;
}

/* --- a round ------------------------------------------------------------------------------------
 */

struct resting {
    struct store *store;
    const struct store_day *days;
    size_t count;
};

static int rest_here(void *arg, struct err *err) {
    const struct resting *r = arg;
    (void)err;
    store_rest(r->store, r->days, r->count);
    return 0;
}

/* Sealing needs memory of its own: what was kept for these days goes first. */
static int rest(struct app *a, const struct store_day *days, size_t count, struct err *err) {
    struct resting r = {.store = a->store, .days = days, .count = count};
    return a->drain ? drain_call(a->drain, rest_here, &r, err) : rest_here(&r, err);
}

/* Records the days as parts; those before one that fails stay recorded. */
static int seal_days(struct app *a, const struct store_day *days, size_t count, struct cursor until,
                     size_t *ret_sealed, struct err *err) {
    struct part_record *known = NULL;
    size_t known_count = 0;
    int rc = control_parts(a->control, &known, &known_count, err);
    CLEANUP(free_charp) char *owned = (char *)known;
    while (rc >= 0 && *ret_sealed < count) {
        rc = seal_day(a, &days[*ret_sealed], until, known, known_count, err);
        *ret_sealed += rc >= 0;
    }
    return rc;
}

static int seal_what_is_due(struct app *a, size_t *ret_sealed, struct err *err) {
    struct store_day *days = NULL;
    size_t count = 0;
    /* Found before the journal's end is taken: what was acknowledged of these days is before it. */
    int rc = find_due(a, &days, &count, err);
    CLEANUP(free_charp) char *owned = (char *)days;
    if (rc < 0 || count == 0)
        return rc;
    if ((rc = app_catch_up(a, DRAIN_WAIT_MS, err)) < 0 || (rc = rest(a, days, count, err)) < 0)
        return rc;
    rc = seal_days(a, days, count, store_cursor(a->store), ret_sealed, err);
    struct err of_publishing = {0};
    int published = *ret_sealed ? sealed_sync(a, &of_publishing) : 0;
    if (published < 0 && rc >= 0) {
        *err = of_publishing;
        rc = published;
    }
    return rc;
}

/* While no import begins. */
static int seal_held(struct app *a, size_t *ret_sealed, struct err *err) {
    bool ended = imports_take_ended(a->imports);
    /* What a round recorded and could not publish comes first, or it would be sealed twice. */
    int rc = sealed_sync(a, err);
    /* The days of an import that has ended are known once they are drained. */
    if (rc >= 0 && ended)
        rc = app_catch_up(a, DRAIN_WAIT_MS, err);
    return rc < 0 ? rc : seal_what_is_due(a, ret_sealed, err);
}

static int locked_round(struct app *a, size_t *ret_sealed, struct err *err) {
    imports_hold(a->imports);
    int rc = seal_held(a, ret_sealed, err);
    imports_let_go(a->imports);
    if (rc >= 0)
        rc = upkeep_run(a, err);
    if (*ret_sealed || (a->drain && drain_took_withdrawal(a->drain)))
        a->trimmed = false;
    if (rc < 0 || a->trimmed)
        return rc;
    rc = journal_trim(a, err);
    a->trimmed = rc >= 0;
    return rc;
}

int sealer_round(struct app *a, size_t *ret_sealed, struct err *err) {
    *ret_sealed = 0;
    upkeep_lock(a);
    int rc = locked_round(a, ret_sealed, err);
    upkeep_unlock(a);
    return rc;
}

/* --- the thread ---------------------------------------------------------------------------------
 */

/* A look is cheap; a round reads the record of all parts. */
static bool something_is_due(struct app *a) {
    struct store_day *days = NULL;
    size_t count = 0;
    struct err ignored;
    int rc = find_due(a, &days, &count, &ignored);
    free(days);
    return rc < 0 || count > 0;
}

static bool has_news(struct sealer *s) {
    (void)pthread_mutex_lock(&s->lock);
    bool news = s->stop || s->wake;
    (void)pthread_mutex_unlock(&s->lock);
    return news;
}

static void one_round(struct sealer *s) {
    struct err err = {0};
    size_t sealed = 0;
    if (sealer_round(s->app, &sealed, &err) < 0) {
        counters_add(&s->app->counters, COUNT_SEAL_FAILURES, 1);
        log_warn("seal: %s", err.text);
    }
    if (sealed)
        log_info("sealed %zu site-days", sealed);
}

/* The cell cache comes after everything that is due, a step at a time. */
static void build_cells(struct sealer *s) {
    struct err err = {0};
    bool more = true;
    while (more && !has_news(s) && !something_is_due(s->app)) {
        if (store_build_cells(s->app->store, &more, &err) < 0) {
            log_warn("cells: %s", err.text);
            return;
        }
    }
}

/* False when it is time to stop. *ret_woken: it was not the time that was over. */
static bool wait_for_work(struct sealer *s, bool *ret_woken) {
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += LOOK_EVERY_MS / 1000;
    (void)pthread_mutex_lock(&s->lock);
    while (!s->stop && !s->wake && pthread_cond_timedwait(&s->changed, &s->lock, &until) == 0)
        ;
    *ret_woken = s->wake;
    s->wake = false;
    bool go_on = !s->stop;
    (void)pthread_mutex_unlock(&s->lock);
    return go_on;
}

static void *run(void *arg) {
    struct sealer *s = arg;
    bool woken = true;
    unsigned look = 0;
    do {
        if (woken || look++ % ROUND_EVERY == 0 || something_is_due(s->app))
            one_round(s);
        build_cells(s);
    } while (wait_for_work(s, &woken));
    return NULL;
}

int sealer_start(struct app *a, struct sealer **ret, struct err *err) {
    struct sealer *s = calloc(1, sizeof(*s));
    if (!s)
        return err_set(err, ERR_NOMEM, "no memory for the sealer");
    s->app = a;
    pthread_condattr_t attr;
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&s->changed, &attr);
    (void)pthread_condattr_destroy(&attr);
    (void)pthread_mutex_init(&s->lock, NULL);
    int sys = pthread_create(&s->thread, NULL, run, s);
    if (sys != 0) {
        (void)pthread_cond_destroy(&s->changed);
        (void)pthread_mutex_destroy(&s->lock);
        free(s);
        return err_sys(err, sys, "cannot start the sealer");
    }
    *ret = s;
    return 0;
}

void sealer_wake(struct sealer *s) {
    (void)pthread_mutex_lock(&s->lock);
    s->wake = true;
    (void)pthread_cond_signal(&s->changed);
    (void)pthread_mutex_unlock(&s->lock);
}

void sealer_stop(struct sealer *s) {
    (void)pthread_mutex_lock(&s->lock);
    s->stop = true;
    (void)pthread_cond_signal(&s->changed);
    (void)pthread_mutex_unlock(&s->lock);
    (void)pthread_join(s->thread, NULL);
    (void)pthread_cond_destroy(&s->changed);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}
