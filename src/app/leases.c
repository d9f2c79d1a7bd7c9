#include "leases.h"

#include <pthread.h>
#include <stdlib.h>

#include "clock.h"
#include "crypt.h"

enum { MOST_LEASES = 8 };
static const int64_t silent_ns = 60LL * 1000000000;

struct lease {
    uint64_t id;
    enum lease_kind kind; /* LEASE_NONE: free */
    void *thing;
    void (*let_go)(void *thing);
    int64_t used_ns;
    bool busy;
};

struct leases {
    pthread_mutex_t lock;
    pthread_cond_t idle;
    struct lease items[MOST_LEASES];
    uint64_t asked; /* turns */
    bool turn;      /* one is taken */
};

struct leases *leases_new(void) {
    struct leases *l = calloc(1, sizeof(*l));
    if (!l)
        return NULL;
    (void)pthread_mutex_init(&l->lock, NULL);
    (void)pthread_cond_init(&l->idle, NULL);
    return l;
}

/* Takes the lease out under the lock, and lets its thing go outside of it. */
static void end(struct leases *l, struct lease *item) {
    struct lease ended = *item;
    *item = (struct lease){0};
    (void)pthread_mutex_unlock(&l->lock);
    ended.let_go(ended.thing);
    (void)pthread_mutex_lock(&l->lock);
}

void leases_free(struct leases *l) {
    if (!l)
        return;
    for (size_t i = 0; i < MOST_LEASES; i++)
        if (l->items[i].kind)
            l->items[i].let_go(l->items[i].thing);
    (void)pthread_cond_destroy(&l->idle);
    (void)pthread_mutex_destroy(&l->lock);
    free(l);
}

static struct lease *find_free(struct leases *l) {
    for (size_t i = 0; i < MOST_LEASES; i++)
        if (!l->items[i].kind)
            return &l->items[i];
    return NULL;
}

int leases_keep(struct leases *l, enum lease_kind kind, void *thing, void (*let_go)(void *thing),
                uint64_t *ret_id, struct err *err) {
    leases_expire(l);
    (void)pthread_mutex_lock(&l->lock);
    struct lease *item = find_free(l);
    if (item) {
        *item = (struct lease){.kind = kind,
                               .thing = thing,
                               .let_go = let_go,
                               .used_ns = clock_mono_ns(&clock_system)};
        crypt_random(&item->id, sizeof(item->id));
        item->id >>= 12; /* goes through JSON */
        *ret_id = item->id;
    }
    (void)pthread_mutex_unlock(&l->lock);
    if (item)
        return 0;
    let_go(thing);
    return err_set(err, ERR_BUSY, "too many backups and exports at a time");
}

static struct lease *find(struct leases *l, enum lease_kind kind, uint64_t id) {
    for (size_t i = 0; i < MOST_LEASES; i++)
        if (l->items[i].kind && l->items[i].id == id && (!kind || l->items[i].kind == kind))
            return &l->items[i];
    return NULL;
}

int leases_take(struct leases *l, enum lease_kind kind, uint64_t id, void **ret, struct err *err) {
    (void)pthread_mutex_lock(&l->lock);
    struct lease *item;
    while ((item = find(l, kind, id)) && item->busy)
        (void)pthread_cond_wait(&l->idle, &l->lock);
    if (item) {
        item->busy = true;
        *ret = item->thing;
    }
    (void)pthread_mutex_unlock(&l->lock);
    return item ? 0 : err_set(err, ERR_NOT_FOUND, "another took its place, or it was too slow");
}

void leases_give(struct leases *l, uint64_t id, bool done) {
    (void)pthread_mutex_lock(&l->lock);
    struct lease *item = find(l, LEASE_NONE, id);
    item->busy = false;
    item->used_ns = clock_mono_ns(&clock_system);
    if (done)
        end(l, item);
    (void)pthread_cond_broadcast(&l->idle);
    (void)pthread_mutex_unlock(&l->lock);
}

static struct lease *find_kind(struct leases *l, enum lease_kind kind) {
    for (size_t i = 0; i < MOST_LEASES; i++)
        if (l->items[i].kind == kind)
            return &l->items[i];
    return NULL;
}

static void drop(struct leases *l, enum lease_kind kind) {
    struct lease *item;
    while ((item = find_kind(l, kind))) {
        if (item->busy)
            (void)pthread_cond_wait(&l->idle, &l->lock);
        else
            end(l, item);
    }
}

/* Clients that were killed leave their calls behind; only the latest is sure to have one. */
int leases_turn(struct leases *l, enum lease_kind kind, struct err *err) {
    (void)pthread_mutex_lock(&l->lock);
    uint64_t mine = ++l->asked;
    (void)pthread_cond_broadcast(&l->idle);
    while (l->turn && l->asked == mine)
        (void)pthread_cond_wait(&l->idle, &l->lock);
    bool given = !l->turn && l->asked == mine;
    if (given) {
        l->turn = true;
        drop(l, kind);
    }
    (void)pthread_mutex_unlock(&l->lock);
    return given ? 0 : err_set(err, ERR_BUSY, "another asked for the same meanwhile");
}

void leases_turn_end(struct leases *l) {
    (void)pthread_mutex_lock(&l->lock);
    l->turn = false;
    (void)pthread_cond_broadcast(&l->idle);
    (void)pthread_mutex_unlock(&l->lock);
}

void leases_expire(struct leases *l) {
    int64_t now = clock_mono_ns(&clock_system);
    (void)pthread_mutex_lock(&l->lock);
    for (size_t i = 0; i < MOST_LEASES; i++) {
        struct lease *item = &l->items[i];
        if (item->kind && !item->busy && now - item->used_ns > silent_ns)
            end(l, item);
    }
    (void)pthread_mutex_unlock(&l->lock);
}
