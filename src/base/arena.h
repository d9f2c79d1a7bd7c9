/* arena.h — bump allocator: one per request or batch, freed in one go.
 *
 * Memory from an arena is never freed singly. arena_clear() keeps the first chunk for the next
 * request. Bytes given back are poisoned under AddressSanitizer. One thread at a time. */
#ifndef TAMIS_ARENA_H
#define TAMIS_ARENA_H

#include "attr.h"
#include "span.h"

struct arena_chunk;

struct arena {
    struct arena_chunk *head; /* the chunk being filled; older ones behind it */
    size_t used_bytes;        /* handed out since the last clear */
    size_t limit_bytes;       /* 0: none; over it, allocation fails */
};

void arena_init(struct arena *a, size_t limit_bytes);
void arena_clear(struct arena *a);
void arena_release(struct arena *a);

/* Aligned to 16 bytes, not zeroed. NULL when memory or the arena's limit is exhausted. */
void *arena_alloc(struct arena *a, size_t size_bytes) WARN_UNUSED __attribute__((alloc_size(2)));
void *arena_zalloc(struct arena *a, size_t size_bytes) WARN_UNUSED __attribute__((alloc_size(2)));

/* Copies of bytes; the string form ends with NUL. A NULL ptr in the returned span means out of
 * memory. */
struct span arena_copy(struct arena *a, struct span s) WARN_UNUSED;
char *arena_str(struct arena *a, struct span s) WARN_UNUSED;

#define ARENA_NEW(a, type, n) ((type *)arena_zalloc((a), sizeof(type) * (n)))

#endif
