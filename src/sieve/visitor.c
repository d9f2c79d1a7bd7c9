#include "visitor.h"

int visitor_hash(struct salts *salts, struct salt_cache *cache, struct salt_id day,
                 struct span domain, const struct hit *hit, uint64_t *ret, struct err *err) {
    const struct span parts[] = {
        domain,
        net_bytes(&hit->address),
        hit->user_agent,
    };
    return salts_hash(salts, cache, day, parts, ARRAY_LEN(parts), ret, err);
}

int visitor_hash_of_id(struct salts *salts, struct salt_cache *cache, struct salt_id day,
                       struct span domain, const struct visitor_id *id, uint64_t *ret,
                       struct err *err) {
    const struct span parts[] = {domain, id->random};
    return salts_hash(salts, cache, day, parts, ARRAY_LEN(parts), ret, err);
}
