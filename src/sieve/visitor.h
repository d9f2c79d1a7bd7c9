/* visitor.h — who a visitor is for one day: a keyed hash of site, address and user agent. */
#ifndef TAMIS_VISITOR_H
#define TAMIS_VISITOR_H

#include "hit.h"
#include "salt.h"
#include "visitor_id.h"

/* 64 bits of keyed BLAKE2b; errors as salts_hash(). */
int visitor_hash(struct salts *salts, struct salt_cache *cache, struct salt_id day,
                 struct span domain, const struct hit *hit, uint64_t *ret,
                 struct err *err) WARN_UNUSED;

/* The same of a visitor who sends an id: by it instead of address and user agent. */
int visitor_hash_of_id(struct salts *salts, struct salt_cache *cache, struct salt_id day,
                       struct span domain, const struct visitor_id *id, uint64_t *ret,
                       struct err *err) WARN_UNUSED;

#endif
