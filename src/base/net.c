#include "net.h"

#include <arpa/inet.h>
#include <stdio.h>

enum { LONGEST_TEXT = 45, V4_BYTES = 4, V6_BYTES = 16 };

static size_t bytes_of(const struct net_address *a) {
    return a->family == 4 ? V4_BYTES : V6_BYTES;
}

void net_unmap(struct net_address *a) {
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

bool net_parse(struct span text, struct net_address *ret) {
    if (!parse_raw(text, ret))
        return false;
    net_unmap(ret);
    return true;
}

bool net_range_parse(struct span text, struct net_range *ret) {
    size_t slash = span_find(text, '/', 0);
    struct net_address raw;
    if (!parse_raw(span_head(text, slash), &raw))
        return false;
    uint64_t most = bytes_of(&raw) * 8, bits = most;
    if (slash < text.len && (!span_u64(span_from(text, slash + 1), &bits) || bits > most))
        return false;
    struct net_address base = raw;
    net_unmap(&base);
    if (base.family != raw.family) {
        /* A range of mapped addresses is an IPv4 range; one that is wider holds more than those. */
        if (bits < 96)
            base = raw;
        else
            bits -= 96;
    }
    *ret = (struct net_range){.base = base, .bits = (uint8_t)bits};
    return true;
}

bool net_range_holds(const struct net_range *range, const struct net_address *a) {
    if (range->base.family != a->family || (a->family != 4 && a->family != 6))
        return false;
    size_t whole = range->bits / 8, rest = range->bits % 8;
    if (memcmp(range->base.bytes, a->bytes, whole) != 0)
        return false;
    return rest == 0 || (range->base.bytes[whole] ^ a->bytes[whole]) >> (8 - rest) == 0;
}

bool net_range_is_single(const struct net_range *range) {
    return range->bits == bytes_of(&range->base) * 8;
}

void net_range_write(const struct net_range *range, char out[NET_RANGE_TEXT]) {
    struct net_address base = range->base;
    for (size_t bit = range->bits; bit < bytes_of(&base) * 8; bit++)
        base.bytes[bit / 8] &= (uint8_t) ~(0x80U >> bit % 8);
    char text[LONGEST_TEXT + 1] = "";
    (void)inet_ntop(base.family == 4 ? AF_INET : AF_INET6, base.bytes, text, sizeof(text));
    (void)snprintf(out, NET_RANGE_TEXT, "%s/%u", text, range->bits);
}
