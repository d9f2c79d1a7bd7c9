/* net.h — IP addresses and ranges of them, as text and as bytes. */
#ifndef TAMIS_NET_H
#define TAMIS_NET_H

#include "span.h"

struct net_address {
    uint8_t bytes[16]; /* IPv4 in the first four */
    uint8_t family;    /* 0 none, 4, 6 */
};

struct net_range {
    struct net_address base;
    uint8_t bits;
};

enum { NET_RANGE_TEXT = 50 };

/* The bytes of `a` that count: 4, 16 or none. */
static inline struct span net_bytes(const struct net_address *a) {
    return span_of((const char *)a->bytes, a->family == 4 ? 4 : a->family == 6 ? 16 : 0);
}

/* ::ffff:a.b.c.d (RFC 4291, 2.5.5.2) becomes the IPv4 address within. */
void net_unmap(struct net_address *a);

/* "::1", "192.0.2.7"; an IPv4-mapped IPv6 address is the IPv4 address. */
bool net_parse(struct span text, struct net_address *ret);
/* "10.0.0.0/8"; an address is the range of itself. */
bool net_range_parse(struct span text, struct net_range *ret);
bool net_range_holds(const struct net_range *range, const struct net_address *a);
/* Whether it holds one address only. */
bool net_range_is_single(const struct net_range *range);
/* The range as it is usually written, with what is not in its prefix zero; NUL-terminated. */
void net_range_write(const struct net_range *range, char out[NET_RANGE_TEXT]);

#endif
