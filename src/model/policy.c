#include "policy.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "crypt.h"

static const char *const profile_words[PROFILES] = {
#define PROFILE(ID, word, text) [PROFILE_##ID] = (word),
#include "profiles.def"
#undef PROFILE
};

const char *profile_word(enum profile p) {
    return profile_words[p];
}

bool profile_parse(struct span word, enum profile *ret) {
    for (unsigned i = 0; i < PROFILES; i++)
        if (span_eq(word, span_str(profile_words[i]))) {
            *ret = (enum profile)i;
            return true;
        }
    return false;
}

uint64_t policy_address_hash(const uint8_t *key, uint32_t site, const struct net_address *a) {
    const struct span parts[] = {span_of((const char *)&site, sizeof(site)), net_bytes(a)};
    return crypt_keyed_hash64(key, parts, ARRAY_LEN(parts));
}

/* Open addressing from domain hash to index + 1; at most half full. */
struct policy_set {
    _Atomic unsigned refs;
    struct arena arena;
    struct policy *items;
    struct zone **zones; /* one a policy */
    size_t count, cap;
    uint32_t *slots;
    size_t slot_count; /* power of two */
};

struct policy_set *policy_set_new(void) {
    struct policy_set *set = calloc(1, sizeof(*set));
    if (!set)
        return NULL;
    atomic_init(&set->refs, 1);
    arena_init(&set->arena, 0);
    return set;
}

struct arena *policy_set_arena(struct policy_set *set) {
    return &set->arena;
}

static void slot_insert(struct policy_set *set, size_t index) {
    size_t at = span_hash(set->items[index].domain) & (set->slot_count - 1);
    while (set->slots[at])
        at = (at + 1) & (set->slot_count - 1);
    set->slots[at] = (uint32_t)index + 1;
}

static int grow(struct policy_set *set) {
    size_t cap = set->cap ? set->cap * 2 : 8;
    struct policy *items = realloc(set->items, cap * sizeof(*items));
    if (!items)
        return ERR_NOMEM;
    set->items = items;
    struct zone **zones = realloc(set->zones, cap * sizeof(struct zone *));
    if (!zones)
        return ERR_NOMEM;
    set->zones = zones;
    uint32_t *slots = calloc(cap * 2, sizeof(*slots));
    if (!slots)
        return ERR_NOMEM;
    free(set->slots);
    set->slots = slots;
    set->slot_count = cap * 2;
    set->cap = cap;
    for (size_t i = 0; i < set->count; i++)
        slot_insert(set, i);
    return 0;
}

int policy_set_add(struct policy_set *set, const struct policy *p, struct span zone,
                   struct err *err) {
    if (policy_by_domain(set, p->domain) || policy_by_id(set, p->site))
        return err_set(err, ERR_EXISTS, "site is there already");
    if (set->count == set->cap && grow(set) < 0)
        return err_set(err, ERR_NOMEM, "out of memory");
    struct zone *z;
    int rc = zone_open(zone, &z, err);
    if (rc < 0)
        return rc;
    size_t index = set->count++;
    set->zones[index] = z;
    set->items[index] = *p;
    set->items[index].zone = z;
    slot_insert(set, index);
    return 0;
}

void policy_set_unref(struct policy_set *set) {
    if (atomic_fetch_sub(&set->refs, 1) != 1)
        return;
    for (size_t i = 0; i < set->count; i++)
        zone_free(set->zones[i]);
    free(set->zones);
    free(set->items);
    free(set->slots);
    arena_release(&set->arena);
    free(set);
}

const struct policy *policy_by_domain(const struct policy_set *set, struct span domain) {
    if (!set->slot_count)
        return NULL;
    size_t at = span_hash(domain) & (set->slot_count - 1);
    for (; set->slots[at]; at = (at + 1) & (set->slot_count - 1)) {
        const struct policy *p = &set->items[set->slots[at] - 1];
        if (span_eq(p->domain, domain))
            return p;
    }
    return NULL;
}

const struct policy *policy_by_id(const struct policy_set *set, uint32_t site) {
    for (size_t i = 0; i < set->count; i++)
        if (set->items[i].site == site)
            return &set->items[i];
    return NULL;
}

size_t policy_count(const struct policy_set *set) {
    return set->count;
}

const struct policy *policy_at(const struct policy_set *set, size_t index) {
    return &set->items[index];
}

struct policy_board {
    pthread_mutex_t lock; /* guards `current` and the taking of a reference to it */
    struct policy_set *current;
};

struct policy_board *policy_board_new(void) {
    struct policy_board *b = calloc(1, sizeof(*b));
    if (!b)
        return NULL;
    (void)pthread_mutex_init(&b->lock, NULL);
    b->current = policy_set_new();
    if (!b->current) {
        policy_board_free(b);
        return NULL;
    }
    return b;
}

void policy_board_free(struct policy_board *b) {
    if (!b)
        return;
    if (b->current)
        policy_set_unref(b->current);
    (void)pthread_mutex_destroy(&b->lock);
    free(b);
}

void policy_board_publish(struct policy_board *b, struct policy_set *set) {
    (void)pthread_mutex_lock(&b->lock);
    struct policy_set *old = b->current;
    b->current = set;
    (void)pthread_mutex_unlock(&b->lock);
    policy_set_unref(old);
}

struct policy_set *policy_board_get(struct policy_board *b) {
    (void)pthread_mutex_lock(&b->lock);
    struct policy_set *set = b->current;
    atomic_fetch_add(&set->refs, 1);
    (void)pthread_mutex_unlock(&b->lock);
    return set;
}
