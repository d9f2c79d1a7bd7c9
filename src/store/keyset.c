#include "keyset.h"

#include <stdlib.h>

enum { LEAST_CAP = 64, MOST_TEXTS = 1 << 27 };

static size_t slot_of(const uint64_t *keys, size_t cap, uint64_t key) {
    size_t at = mix64(key) & (cap - 1);
    while (keys[at] && keys[at] != key)
        at = (at + 1) & (cap - 1);
    return at;
}

static bool keyset_grow(struct keyset *s) {
    size_t cap = s->cap ? s->cap * 2 : LEAST_CAP;
    uint64_t *keys = calloc(cap, sizeof(*keys));
    if (!keys)
        return false;
    for (size_t i = 0; i < s->cap; i++)
        if (s->keys[i])
            keys[slot_of(keys, cap, s->keys[i])] = s->keys[i];
    free(s->keys);
    s->keys = keys;
    s->cap = cap;
    return true;
}

int keyset_add(struct keyset *s, uint64_t key) {
    if (s->count * 4 >= s->cap * 3 && !keyset_grow(s))
        return -1;
    size_t at = slot_of(s->keys, s->cap, key);
    if (s->keys[at])
        return 0;
    s->keys[at] = key;
    s->count++;
    return 1;
}

bool keyset_has(const struct keyset *s, uint64_t key) {
    return s->count && s->keys[slot_of(s->keys, s->cap, key)];
}

void keyset_release(struct keyset *s) {
    free(s->keys);
    *s = (struct keyset){0};
}

/* --- texts --------------------------------------------------------------------------------------
 */

static bool numbering_grow(struct numbering *n) {
    uint32_t cap = n->cap ? n->cap * 2 : LEAST_CAP;
    size_t index_cap = (size_t)cap * 2;
    struct span *texts = realloc(n->texts, cap * sizeof(*texts));
    if (!texts)
        return false;
    n->texts = texts;
    uint32_t *index = calloc(index_cap * 2, sizeof(*index));
    if (!index)
        return false;
    uint32_t *hashes = index + index_cap;
    for (uint32_t i = 0; i < n->count; i++) {
        uint64_t hash = span_hash(texts[i]);
        size_t at = hash & (index_cap - 1);
        while (index[at])
            at = (at + 1) & (index_cap - 1);
        index[at] = i + 1;
        hashes[at] = (uint32_t)(hash >> 32);
    }
    free(n->index);
    n->index = index;
    n->hashes = hashes;
    n->index_cap = index_cap;
    n->cap = cap;
    return true;
}

bool numbering_get(struct numbering *n, struct span text, uint32_t *ret) {
    if (text.len == 0) {
        *ret = 0;
        return true;
    }
    if (n->count == n->cap && (n->count == MOST_TEXTS || !numbering_grow(n)))
        return false;
    uint64_t hash = span_hash(text);
    uint32_t upper = (uint32_t)(hash >> 32);
    size_t at = hash & (n->index_cap - 1);
    for (; n->index[at]; at = (at + 1) & (n->index_cap - 1))
        if (n->hashes[at] == upper && span_eq(n->texts[n->index[at] - 1], text)) {
            *ret = n->index[at];
            return true;
        }
    struct span copy = arena_copy(&n->bytes, text);
    if (!copy.ptr)
        return false;
    n->texts[n->count++] = copy;
    n->index[at] = n->count;
    n->hashes[at] = upper;
    *ret = n->count;
    return true;
}

size_t numbering_bytes(const struct numbering *n) {
    return n->bytes.used_bytes + n->cap * sizeof(*n->texts) + n->index_cap * 2 * sizeof(*n->index);
}

void numbering_release(struct numbering *n) {
    arena_release(&n->bytes);
    free(n->texts);
    free(n->index);
    *n = (struct numbering){0};
}
