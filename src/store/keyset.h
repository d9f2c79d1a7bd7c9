/* keyset.h — exact sets of 64-bit keys, and texts numbered in the order they come.
 *
 * Both are open addressing over arrays that double; nothing is ever removed singly. One thread at a
 * time. Out of memory leaves them as they were. */
#ifndef TAMIS_STORE_KEYSET_H
#define TAMIS_STORE_KEYSET_H

#include "arena.h"
#include "span.h"

/* All zero is an empty set. The key 0 cannot be held. */
struct keyset {
    uint64_t *keys;
    size_t cap; /* a power of two, or 0 */
    size_t count;
};

/* 1: added; 0: was there; -1: out of memory. */
int keyset_add(struct keyset *s, uint64_t key) WARN_UNUSED;
bool keyset_has(const struct keyset *s, uint64_t key);
void keyset_release(struct keyset *s);

/* Texts numbered 1, 2, …; 0 is the empty text. All zero is an empty table. */
struct numbering {
    struct arena bytes;
    struct span *texts; /* of number i at i - 1 */
    uint32_t *index;    /* number, 0: free */
    uint32_t *hashes;   /* beside the index: the upper half of each text's hash */
    size_t index_cap;
    uint32_t count, cap;
};

/* The text's number; copied when it is new. false: out of memory, or more than 2^27 texts. */
bool numbering_get(struct numbering *n, struct span text, uint32_t *ret) WARN_UNUSED;
size_t numbering_bytes(const struct numbering *n);
void numbering_release(struct numbering *n);

static inline uint64_t mix64(uint64_t h) {
    h ^= h >> 33;
    h *= 0xff51afd7ed558ccdULL;
    h ^= h >> 33;
    h *= 0xc4ceb9fe1a85ec53ULL;
    return h ^ (h >> 33);
}

#endif
