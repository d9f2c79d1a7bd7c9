/* draw.h — random numbers for made-up data: fast, seeded, the same on every machine. */
#ifndef TAMIS_BENCH_DRAW_H
#define TAMIS_BENCH_DRAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attr.h"

/* SplitMix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators", 2014). */
static inline uint64_t draw_mix(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31);
}

static inline uint64_t draw_next(uint64_t *state) {
    return draw_mix(*state += 0x9e3779b97f4a7c15U);
}

/* Below `n`, from the upper half of a draw; the lower half stays independent of it. */
static inline uint32_t draw_below(uint64_t random, uint32_t n) {
    return (uint32_t)(((random >> 32) * n) >> 32);
}

static inline bool draw_chance(uint64_t *state, unsigned percent) {
    return draw_below(draw_next(state), 100) < percent;
}

/* A discrete distribution, drawn from in constant time (Walker's alias method). */
struct draw {
    uint32_t count;
    uint32_t *keep;  /* of 2^32: how often i stays i */
    uint32_t *other; /* what it is else */
};

/* False on out of memory. */
bool draw_init(struct draw *d, const double *weights, uint32_t count) WARN_UNUSED;
/* Rank i (from 0) weighs 1 / (i + 1 + shift) ^ exponent. */
bool draw_init_zipf(struct draw *d, uint32_t count, double shift, double exponent) WARN_UNUSED;
void draw_release(struct draw *d);

static inline uint32_t draw_from(const struct draw *d, uint64_t *state) {
    uint64_t random = draw_next(state);
    uint32_t i = draw_below(random, d->count);
    return (uint32_t)random < d->keep[i] ? i : d->other[i];
}

#endif
