#include "arena.h"

#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif

#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define POISON(p, n) ASAN_POISON_MEMORY_REGION((p), (n))
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION((p), (n))
#else
#define POISON(p, n) ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#endif

enum { ALIGN = 16, FIRST_CHUNK = 16 * 1024, LARGEST_GROWTH = 1024 * 1024 };

struct arena_chunk {
    struct arena_chunk *next;
    size_t size; /* of data[] */
    size_t used;
    _Alignas(ALIGN) char data[];
};

void arena_init(struct arena *a, size_t limit_bytes) {
    *a = (struct arena){.limit_bytes = limit_bytes};
}

static void chunk_free(struct arena_chunk *c) {
    UNPOISON(c->data, c->size);
    free(c);
}

void arena_clear(struct arena *a) {
    while (a->head && a->head->next) {
        struct arena_chunk *c = a->head;
        a->head = c->next;
        chunk_free(c);
    }
    if (a->head) {
        a->head->used = 0;
        POISON(a->head->data, a->head->size);
    }
    a->used_bytes = 0;
}

void arena_release(struct arena *a) {
    arena_clear(a);
    if (a->head)
        chunk_free(a->head);
    a->head = NULL;
}

static struct arena_chunk *grow(struct arena *a, size_t need) {
    size_t size = a->head ? a->head->size * 2 : FIRST_CHUNK;
    if (size > LARGEST_GROWTH)
        size = LARGEST_GROWTH;
    if (size < need)
        size = need;
    struct arena_chunk *c = malloc(sizeof(*c) + size);
    if (!c)
        return NULL;
    *c = (struct arena_chunk){.next = a->head, .size = size};
    POISON(c->data, c->size);
    a->head = c;
    return c;
}

void *arena_alloc(struct arena *a, size_t size_bytes) {
    if (size_bytes > SIZE_MAX / 2)
        return NULL;
    size_t need = (size_bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    if (need == 0)
        need = ALIGN;
    if (a->limit_bytes && (need > a->limit_bytes || a->used_bytes > a->limit_bytes - need))
        return NULL;
    struct arena_chunk *c = a->head;
    if (!c || c->size - c->used < need) {
        c = grow(a, need);
        if (!c)
            return NULL;
    }
    void *p = c->data + c->used;
    c->used += need;
    a->used_bytes += need;
    UNPOISON(p, size_bytes);
    return p;
}

void *arena_zalloc(struct arena *a, size_t size_bytes) {
    void *p = arena_alloc(a, size_bytes);
    if (p)
        memset(p, 0, size_bytes);
    return p;
}

struct span arena_copy(struct arena *a, struct span s) {
    char *p = arena_alloc(a, s.len);
    if (!p)
        return (struct span){0};
    if (s.len)
        memcpy(p, s.ptr, s.len);
    return span_of(p, s.len);
}

char *arena_str(struct arena *a, struct span s) {
    char *p = arena_alloc(a, s.len + 1);
    if (!p)
        return NULL;
    if (s.len)
        memcpy(p, s.ptr, s.len);
    p[s.len] = '\0';
    return p;
}
