#include "catalog.h"

#include <stdlib.h>

#include "must.h"
#include "segment.h"

void catalog_release(struct catalog *c) {
    free(c->items);
    *c = (struct catalog){0};
}

int catalog_reserve(struct catalog *c, struct err *err) {
    if (c->count < c->cap)
        return 0;
    size_t cap = c->cap ? c->cap * 2 : 16;
    struct segment *p = realloc(c->items, cap * sizeof(*p));
    if (!p)
        return err_set(err, ERR_NOMEM, "out of memory");
    c->items = p;
    c->cap = cap;
    return 0;
}

void catalog_add(struct catalog *c, struct segment s) {
    must(c->count < c->cap);
    must(c->count == 0 || c->items[c->count - 1].number < s.number);
    c->items[c->count++] = s;
}

struct segment *catalog_last(struct catalog *c) {
    return c->count ? &c->items[c->count - 1] : NULL;
}

struct segment catalog_take_first(struct catalog *c) {
    must(c->count > 0);
    struct segment first = c->items[0];
    c->count--;
    memmove(c->items, c->items + 1, c->count * sizeof(*c->items));
    return first;
}

void catalog_put_first(struct catalog *c, struct segment s) {
    memmove(c->items + 1, c->items, c->count * sizeof(*c->items));
    c->items[0] = s;
    c->count++;
}

/* Index of the first segment with that number or a higher one. */
static size_t lower_bound(const struct catalog *c, uint64_t number) {
    size_t low = 0;
    size_t high = c->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (c->items[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct segment *catalog_from(struct catalog *c, uint64_t number) {
    size_t i = lower_bound(c, number);
    return i < c->count ? &c->items[i] : NULL;
}

bool catalog_find(const struct catalog *c, struct cursor *at, struct segment *ret) {
    for (size_t i = lower_bound(c, at->segment); i < c->count; i++) {
        const struct segment *s = &c->items[i];
        if (s->number != at->segment)
            *at = (struct cursor){.segment = s->number};
        if (at->offset < SEGMENT_HEADER_BYTES)
            at->offset = SEGMENT_HEADER_BYTES;
        if (at->offset < s->end) {
            *ret = *s;
            return true;
        }
    }
    return false;
}

uint64_t catalog_bytes_from(const struct catalog *c, struct cursor at) {
    uint64_t bytes = 0;
    for (size_t i = lower_bound(c, at.segment); i < c->count; i++) {
        const struct segment *s = &c->items[i];
        uint64_t from = s->number == at.segment ? at.offset : 0;
        if (from < SEGMENT_HEADER_BYTES)
            from = SEGMENT_HEADER_BYTES;
        bytes += s->end > from ? s->end - from : 0;
    }
    return bytes;
}
