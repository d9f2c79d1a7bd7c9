#include "address.h"

static bool is_trusted(const struct net_address *a, const struct net_range *trusted, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (net_range_holds(&trusted[i], a))
            return true;
    return false;
}

/* "192.0.2.1", "192.0.2.1:443", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:443". */
static bool parse_hop(struct span text, struct net_address *ret) {
    text = span_trim(text);
    if (text.len && text.ptr[0] == '[') {
        size_t close = span_find(text, ']', 0);
        if (close == text.len)
            return false;
        struct span after = span_from(text, close + 1);
        uint64_t port;
        if (after.len &&
            (after.ptr[0] != ':' || !span_u64(span_from(after, 1), &port) || port > UINT16_MAX))
            return false;
        return net_parse(span_from(span_head(text, close), 1), ret);
    }
    size_t colon = span_find(text, ':', 0);
    if (colon < text.len && span_find(text, ':', colon + 1) == text.len) {
        uint64_t port;
        if (!span_u64(span_from(text, colon + 1), &port) || port > UINT16_MAX)
            return false;
        text = span_head(text, colon);
    }
    return net_parse(text, ret);
}

struct net_address address_of_client(const struct net_address *peer, struct span forwarded,
                                     const struct net_range *trusted, size_t trusted_count) {
    struct net_address self = *peer;
    net_unmap(&self);
    if (!is_trusted(&self, trusted, trusted_count))
        return self;
    while (forwarded.len) {
        size_t from = forwarded.len;
        while (from > 0 && forwarded.ptr[from - 1] != ',')
            from--;
        struct net_address hop;
        if (!parse_hop(span_from(forwarded, from), &hop))
            return self;
        if (!is_trusted(&hop, trusted, trusted_count))
            return hop;
        forwarded = span_head(forwarded, from ? from - 1 : 0);
    }
    return self;
}
