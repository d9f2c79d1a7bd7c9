/* counters.h — what /metrics shows. Labels are fixed words, so no visitor data can get in. */
#ifndef TAMIS_COUNTERS_H
#define TAMIS_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

#include "buf.h"

enum counter {
#define COUNTER(ID, name, reason, text) COUNT_##ID,
#include "counters.def"
#undef COUNTER
    COUNTERS
};

struct counters {
    _Atomic uint64_t value[COUNTERS];
};

static inline void counters_add(struct counters *c, enum counter which, uint64_t n) {
    atomic_fetch_add_explicit(&c->value[which], n, memory_order_relaxed);
}

static inline uint64_t counters_get(struct counters *c, enum counter which) {
    return atomic_load_explicit(&c->value[which], memory_order_relaxed);
}

/* Appends all of them in the Prometheus text format, version 0.0.4. */
void counters_write(struct counters *c, struct buf *out);

#endif
