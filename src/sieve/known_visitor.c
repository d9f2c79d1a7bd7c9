#include "known_visitor.h"

enum known_state known_visitor(const struct policy *policy, const struct hit *hit, int64_t ts_ms,
                               struct visitor_id *ret) {
    if (LIKELY(!policy->visitor_cookie) || hit->visitor_id.len == 0)
        return KNOWN_NO;
    struct visitor_id id;
    if (!visitor_id_parse(hit->visitor_id, &id))
        return KNOWN_MALFORMED;
    if (!visitor_id_is_valid(&id, ts_ms))
        return KNOWN_EXPIRED;
    *ret = id;
    return KNOWN_YES;
}

struct span visitor_word(const struct policy *policy, enum known_state state,
                         const struct visitor_id *id, int32_t day) {
    if (state != KNOWN_YES)
        return SPAN_EMPTY;
    return zone_to_local(policy->zone, id->made_ms).day >= day ? SPAN_LIT("new")
                                                               : SPAN_LIT("returning");
}
