#include "address.h"

#include <arpa/inet.h>

enum { LONGEST_TEXT = 45, V4_BYTES = 4, V6_BYTES = 16 };

static size_t bytes_of(const struct net_address *a) {
    return a->family == 4 ? V4_BYTES : V6_BYTES;
}

/* ::ffff:a.b.c.d (RFC 4291, 2.5.5.2) is the IPv4 address within. */
static void unmap(struct net_address *a) {
    static const uint8_t prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (a->family != 6 || memcmp(a->bytes, prefix, sizeof(prefix)) != 0)
        return;
    struct net_address v4 = {.family = 4};
    memcpy(v4.bytes, a->bytes + sizeof(prefix), V4_BYTES);
    *a = v4;
}

static bool parse_raw(struct span text, struct net_address *ret) {
    char z[LONGEST_TEXT + 1];
    if (text.len == 0 || text.len > LONGEST_TEXT || memchr(text.ptr, '\0', text.len))
        return false;
    memcpy(z, text.ptr, text.len);
    z[text.len] = '\0';
    struct net_address a = {0};
    if (inet_pton(AF_INET, z, a.bytes) == 1)
        a.family = 4;
    else if (inet_pton(AF_INET6, z, a.bytes) == 1)
        a.family = 6;
    else
        return false;
    *ret = a;
    return true;
}

bool address_parse(struct span text, struct net_address *ret) {
    if (!parse_raw(text, ret))
        return false;
    unmap(ret);
    return true;
}

bool address_range_parse(struct span text, struct address_range *ret) {
    size_t slash = span_find(text, '/', 0);
    struct net_address raw;
    if (!parse_raw(span_head(text, slash), &raw))
        return false;
    uint64_t most = bytes_of(&raw) * 8, bits = most;
    if (slash < text.len && (!span_u64(span_from(text, slash + 1), &bits) || bits > most))
        return false;
    struct net_address base = raw;
    unmap(&base);
    if (base.family != raw.family) {
        /* A range of mapped addresses is an IPv4 range; one that is wider holds more than those. */
        if (bits < 96)
            base = raw;
        else
            bits -= 96;
    }
    *ret = (struct address_range){.base = base, .bits = (uint8_t)bits};
    return true;
}

bool address_in(const struct address_range *range, const struct net_address *a) {
    if (range->base.family != a->family || (a->family != 4 && a->family != 6))
        return false;
    size_t whole = range->bits / 8, rest = range->bits % 8;
    if (memcmp(range->base.bytes, a->bytes, whole) != 0)
        return false;
    return rest == 0 || (range->base.bytes[whole] ^ a->bytes[whole]) >> (8 - rest) == 0;
}

static bool is_trusted(const struct net_address *a, const struct address_range *trusted,
                       size_t count) {
    for (size_t i = 0; i < count; i++)
        if (address_in(&trusted[i], a))
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
        return address_parse(span_from(span_head(text, close), 1), ret);
    }
    size_t colon = span_find(text, ':', 0);
    if (colon < text.len && span_find(text, ':', colon + 1) == text.len) {
        uint64_t port;
        if (!span_u64(span_from(text, colon + 1), &port) || port > UINT16_MAX)
            return false;
        text = span_head(text, colon);
    }
    return address_parse(text, ret);
}

struct net_address address_of_client(const struct net_address *peer, struct span forwarded,
                                     const struct address_range *trusted, size_t trusted_count) {
    struct net_address self = *peer;
    unmap(&self);
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
