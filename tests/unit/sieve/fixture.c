#include "fixture.h"

#include <stdlib.h>

void fixture_open(struct fixture *f, int64_t now_ms) {
    memset(f, 0, sizeof(*f));
    (void)snprintf(f->dir, sizeof(f->dir), "/tmp/tamis-sieve-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    fake_clock_init(&f->clock, now_ms);
    arena_init(&f->arena, 0);
    f->set = policy_set_new();
    struct sieve_options o = {.os = &os_system,
                              .clock = &f->clock.clock,
                              .keys_dir = f->dir,
                              .counters = &f->counters,
                              .datacenter_ranges = SPAN_LIT("203.0.113.0/25")};
    struct err err;
    if (sieve_open(&o, &f->sieve, &err) < 0 || sieve_lane_new(f->sieve, &f->lane, &err) < 0)
        fail_msg("%s", err.text);
}

void fixture_add_site(struct fixture *f, uint32_t i, struct policy policy, struct span zone) {
    char *domain = arena_alloc(policy_set_arena(f->set), 32);
    assert_non_null(domain);
    (void)snprintf(domain, 32, "site%u.example", i);
    policy.site = i + 1;
    policy.domain = span_str(domain);
    assert_int_equal(policy_set_add(f->set, &policy, zone, NULL), 0);
}

int tear_down(void **state) {
    struct fixture *f = *state;
    sieve_lane_free(f->lane);
    sieve_close(f->sieve);
    policy_set_unref(f->set);
    arena_release(&f->arena);
    char command[100];
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", f->dir);
    return system(command);
}
