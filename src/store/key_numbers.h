/* key_numbers.h — 64-bit keys, any of them, numbered 0, 1, … in the order they come.
 *
 * 8 bytes a key and 4 to 16 for finding it. One thread at a time. */
#ifndef TAMIS_STORE_KEY_NUMBERS_H
#define TAMIS_STORE_KEY_NUMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attr.h"

/* All zero is an empty table. */
struct key_numbers {
    uint64_t *keys;  /* by number */
    uint32_t *index; /* number + 1; 0: free */
    size_t index_cap;
    uint32_t count;
};

/* The key's number, a new one if it has none. false: out of memory. */
bool key_numbers_get(struct key_numbers *n, uint64_t key, uint32_t *ret) WARN_UNUSED;
void key_numbers_release(struct key_numbers *n);

#endif
