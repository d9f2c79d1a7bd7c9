/* fixture.h — a sieve with its keys in a folder, for one test. Its sites are the test's business. */
#ifndef TAMIS_TEST_SIEVE_FIXTURE_H
#define TAMIS_TEST_SIEVE_FIXTURE_H

#include "sieve.h"
/* after the one above */
#include "t.h"

struct fixture {
    char dir[64];
    struct fake_clock clock;
    struct counters counters;
    struct policy_set *set;
    struct sieve *sieve;
    struct sieve_lane *lane;
    struct arena arena;
};

/* Opens a sieve that holds 203.0.113.0/25 for a datacenter's; there is no site yet. */
void fixture_open(struct fixture *f, int64_t now_ms);
/* Site number `i`, of the domain site<i>.example; its id is one more. */
void fixture_add_site(struct fixture *f, uint32_t i, struct policy policy, struct span zone);

/* cmocka's. */
int tear_down(void **state);

#endif
