/* block.h — what a site's owner wants no visits from (`tamis site block`). */
#ifndef TAMIS_BLOCK_H
#define TAMIS_BLOCK_H

#include "hit.h"
#include "policy.h"
#include "scrub.h"
#include "sieve.h"
#include "url.h"

struct block_input {
    const struct policy *policy; /* its blocks are not NULL */
    const struct hit *hit;
    const struct url *url;
    struct span country;
    struct scrub_lane *scrub;
    struct arena *arena;
};

/* SIEVE_PASS, one of SIEVE_BLOCKED_…, or ERR_NOMEM. A page is looked at as it would be kept. */
int block_verdict(const struct block_input *in, struct err *err) WARN_UNUSED;

#endif
