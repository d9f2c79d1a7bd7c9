/* packed.h — an array of numbers in as few bytes each as the greatest of them needs: 1, 2 or 4.
 *
 * Most columns of texts have few different ones, so that their numbers are small. All zero is an
 * empty array. */
#ifndef TAMIS_STORE_PACKED_H
#define TAMIS_STORE_PACKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attr.h"

struct packed {
    void *at;
    size_t count, cap;
    uint8_t width; /* bytes; 0 before the first */
};

/* false: out of memory, and nothing was added. */
bool packed_add(struct packed *p, const uint32_t *values, size_t count) WARN_UNUSED;
/* Puts what is at from[i] to i; `from` has each place once. false: out of memory. */
bool packed_reorder(struct packed *p, const uint32_t *from) WARN_UNUSED;
void packed_release(struct packed *p);

static inline uint32_t packed_at(const struct packed *p, size_t i) {
    if (p->width == sizeof(uint8_t))
        return ((const uint8_t *)p->at)[i];
    if (p->width == sizeof(uint16_t))
        return ((const uint16_t *)p->at)[i];
    return ((const uint32_t *)p->at)[i];
}

#endif
