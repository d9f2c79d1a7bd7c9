#include "clock.h"

#include <time.h>

static int64_t read_ns(clockid_t id) {
    struct timespec t;
    (void)clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t system_wall_ms(const struct clock *c) {
    (void)c;
    return read_ns(CLOCK_REALTIME) / 1000000;
}

static int64_t system_mono_ns(const struct clock *c) {
    (void)c;
    return read_ns(CLOCK_MONOTONIC);
}

const struct clock clock_system = {.wall_ms = system_wall_ms, .mono_ns = system_mono_ns};

static int64_t fake_wall_ms(const struct clock *c) {
    const struct fake_clock *f = (const struct fake_clock *)(const void *)c;
    return f->now_ms;
}

static int64_t fake_mono_ns(const struct clock *c) {
    return fake_wall_ms(c) * 1000000;
}

void fake_clock_init(struct fake_clock *f, int64_t now_ms) {
    f->clock = (struct clock){.wall_ms = fake_wall_ms, .mono_ns = fake_mono_ns};
    f->now_ms = now_ms;
}
