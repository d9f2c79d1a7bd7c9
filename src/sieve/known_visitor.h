/* known_visitor.h — whether a hit is of a visitor who agreed to be known again, and what its event is
 * to say of that. */
#ifndef TAMIS_KNOWN_VISITOR_H
#define TAMIS_KNOWN_VISITOR_H

#include "hit.h"
#include "policy.h"
#include "visitor_id.h"

enum known_state {
    KNOWN_NO,
    KNOWN_YES,
    KNOWN_MALFORMED, /* an id that counts for nothing, like the next */
    KNOWN_EXPIRED,
};

/* At `ts_ms`; *ret is set with KNOWN_YES. */
enum known_state known_visitor(const struct policy *policy, const struct hit *hit, int64_t ts_ms,
                               struct visitor_id *ret);

/* The property that tells the figures of new visitors from others; the site's own of that name would
 * be mistaken for it. */
#define VISITOR_PROP SPAN_LIT("visitor")

/* Its value on that day of the site, by when the id was made; empty for who is not known. */
struct span visitor_word(const struct policy *policy, enum known_state state,
                         const struct visitor_id *id, int32_t day);

#endif
