/* clock.h — time as something passed in, so that tests run at any moment of any day. */
#ifndef TAMIS_CLOCK_H
#define TAMIS_CLOCK_H

#include <stdint.h>

struct clock {
    int64_t (*wall_ms)(const struct clock *c); /* milliseconds since 1970-01-01T00:00Z */
    int64_t (*mono_ns)(const struct clock *c); /* monotonic, for durations and deadlines */
};

/* The machine's clock. */
extern const struct clock clock_system;

static inline int64_t clock_wall_ms(const struct clock *c) {
    return c->wall_ms(c);
}

static inline int64_t clock_mono_ns(const struct clock *c) {
    return c->mono_ns(c);
}

/* A clock that stands still until told otherwise; embed it, set the fields. Both are atomic. */
struct fake_clock {
    struct clock clock;
    _Atomic int64_t now_ms;
};

void fake_clock_init(struct fake_clock *f, int64_t now_ms);

#endif
