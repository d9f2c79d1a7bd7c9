#include "key_numbers.h"

#include <stdlib.h>

#include "keyset.h"

enum { LEAST_CAP = 256 };

static size_t slot_of(const struct key_numbers *n, uint64_t key) {
    size_t at = mix64(key) & (n->index_cap - 1);
    while (n->index[at] && n->keys[n->index[at] - 1] != key)
        at = (at + 1) & (n->index_cap - 1);
    return at;
}

static bool grow(struct key_numbers *n) {
    size_t cap = n->index_cap ? n->index_cap * 2 : LEAST_CAP;
    uint64_t *keys = realloc(n->keys, cap / 4 * 3 * sizeof(*keys));
    if (!keys)
        return false;
    n->keys = keys;
    uint32_t *index = calloc(cap, sizeof(*index));
    if (!index)
        return false;
    free(n->index);
    n->index = index;
    n->index_cap = cap;
    for (uint32_t i = 0; i < n->count; i++)
        index[slot_of(n, keys[i])] = i + 1;
    return true;
}

bool key_numbers_get(struct key_numbers *n, uint64_t key, uint32_t *ret) {
    if (n->count == n->index_cap / 4 * 3 && (n->count == UINT32_MAX / 2 || !grow(n)))
        return false;
    size_t at = slot_of(n, key);
    if (!n->index[at]) {
        n->keys[n->count++] = key;
        n->index[at] = n->count;
    }
    *ret = n->index[at] - 1;
    return true;
}

void key_numbers_release(struct key_numbers *n) {
    free(n->keys);
    free(n->index);
    *n = (struct key_numbers){0};
}
