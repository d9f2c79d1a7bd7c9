#include "ua_cache.h"

#include "must.h"

enum { WAYS = 2, SETS = 4096 };

struct entry {
    uint64_t hash;
    uint32_t len;  /* 0: free */
    uint32_t tick; /* of the last use */
    struct ua_info info;
};

struct ua_cache {
    uint32_t tick;
    struct entry entry[SETS][WAYS];
};

_Static_assert(sizeof(struct ua_cache) <= 2 << 20, "the cache of a lane keeps within 2 MB");

/* Multiply and fold, as in wyhash (Wang Yi, 2019); every product has a secret factor. */
static uint64_t fold(uint64_t a, uint64_t b) {
    unsigned __int128 p = (unsigned __int128)a * b;
    return (uint64_t)p ^ (uint64_t)(p >> 64);
}

uint64_t ua_key_hash(const struct ua_key *key, struct span s) {
    const uint64_t *k = key->secret;
    uint64_t h = k[0];
    uint64_t w[2];
    size_t i = 0;
    for (; s.len - i >= sizeof(w); i += sizeof(w)) {
        memcpy(w, s.ptr + i, sizeof(w));
        h = fold(w[0] ^ k[1], w[1] ^ h);
    }
    if (i < s.len) {
        w[0] = w[1] = 0;
        memcpy(w, s.ptr + i, s.len - i);
        h = fold(w[0] ^ k[2], w[1] ^ h);
    }
    return fold(h ^ k[3], (uint64_t)s.len ^ k[1]);
}

struct ua_cache *ua_cache_new(void) {
    return calloc(1, sizeof(struct ua_cache));
}

void ua_cache_free(struct ua_cache *c) {
    free(c);
}

struct ua_info *ua_cache_slot(struct ua_cache *c, uint64_t hash, size_t len, bool *ret_found) {
    must(len > 0);
    struct entry *set = c->entry[hash % SETS];
    struct entry *oldest = &set[0];
    c->tick++;
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].hash == hash && set[i].len == len) {
            set[i].tick = c->tick;
            *ret_found = true;
            return &set[i].info;
        }
        if (set[i].len == 0 || c->tick - set[i].tick > c->tick - oldest->tick)
            oldest = &set[i];
    }
    *oldest = (struct entry){.hash = hash, .len = (uint32_t)len, .tick = c->tick};
    *ret_found = false;
    return &oldest->info;
}
