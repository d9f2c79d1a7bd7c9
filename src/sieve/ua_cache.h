/* ua_cache.h — answers by a keyed hash of the user agent: two-way, fixed size, the older of a pair
 * goes.
 *
 * The string is not kept; two strings are taken for the same one when 64 bits and their lengths
 * agree. One thread at a time. Pages are touched as they fill. */
#ifndef TAMIS_UA_CACHE_H
#define TAMIS_UA_CACHE_H

#include "attr.h"
#include "span.h"
#include "ua.h"

struct ua_cache;

struct ua_key {
    uint64_t secret[4]; /* random, one a process */
};

uint64_t ua_key_hash(const struct ua_key *key, struct span s);

struct ua_cache *ua_cache_new(void) WARN_UNUSED; /* NULL on out of memory */
void ua_cache_free(struct ua_cache *c);

/* The place of an answer, valid until the next call. *ret_found: it holds it; otherwise it is
 * cleared and the caller fills it in. `len` is not 0. */
struct ua_info *ua_cache_slot(struct ua_cache *c, uint64_t hash, size_t len,
                              bool *ret_found) WARN_UNUSED;

#endif
