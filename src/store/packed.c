#include "packed.h"

#include <stdlib.h>
#include <string.h>

enum { LEAST_CAP = 1024 };

static uint8_t width_for(const uint32_t *values, size_t count) {
    uint32_t all = 0;
    for (size_t i = 0; i < count; i++)
        all |= values[i];
    if (all <= UINT8_MAX)
        return sizeof(uint8_t);
    return all <= UINT16_MAX ? sizeof(uint16_t) : sizeof(uint32_t);
}

static void put(struct packed *p, size_t i, uint32_t value) {
    if (p->width == sizeof(uint8_t))
        ((uint8_t *)p->at)[i] = (uint8_t)value;
    else if (p->width == sizeof(uint16_t))
        ((uint16_t *)p->at)[i] = (uint16_t)value;
    else
        ((uint32_t *)p->at)[i] = value;
}

/* The same numbers with room for `cap` of `width` bytes. */
static bool remake(struct packed *p, size_t cap, uint8_t width) {
    struct packed larger = {
        .at = malloc(cap * width), .count = p->count, .cap = cap, .width = width};
    if (!larger.at)
        return false;
    if (p->width == width)
        memcpy(larger.at, p->at, p->count * width);
    else
        for (size_t i = 0; i < p->count; i++)
            put(&larger, i, packed_at(p, i));
    free(p->at);
    *p = larger;
    return true;
}

bool packed_add(struct packed *p, const uint32_t *values, size_t count) {
    uint8_t width = width_for(values, count);
    size_t cap = p->cap;
    if (p->count + count > cap)
        cap = p->count + count + p->count / 2 + LEAST_CAP;
    width = width > p->width ? width : p->width;
    if ((cap != p->cap || width != p->width) && !remake(p, cap, width))
        return false;
    for (size_t i = 0; i < count; i++)
        put(p, p->count + i, values[i]);
    p->count += count;
    return true;
}

bool packed_reorder(struct packed *p, const uint32_t *from) {
    struct packed ordered = {.at = malloc(p->count * p->width + 1),
                             .count = p->count,
                             .cap = p->count,
                             .width = p->width};
    if (!ordered.at)
        return false;
    for (size_t i = 0; i < p->count; i++)
        put(&ordered, i, packed_at(p, from[i]));
    free(p->at);
    *p = ordered;
    return true;
}

void packed_release(struct packed *p) {
    free(p->at);
    *p = (struct packed){0};
}
