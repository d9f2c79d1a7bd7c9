#include "visitor.h"

int visitor_hash(struct salts *salts, struct salt_cache *cache, struct salt_id day,
                 struct span domain, const struct hit *hit, uint64_t *ret, struct err *err) {
    const struct net_address *a = &hit->address;
    size_t bytes = a->family == 4 ? 4 : a->family == 6 ? sizeof(a->bytes) : 0;
    const struct span parts[] = {
        domain,
        span_of((const char *)a->bytes, bytes),
        hit->user_agent,
    };
    return salts_hash(salts, cache, day, parts, ARRAY_LEN(parts), ret, err);
}
