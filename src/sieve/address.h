/* address.h — which address sent a request, with proxies that are trusted and headers that are not.
 */
#ifndef TAMIS_ADDRESS_H
#define TAMIS_ADDRESS_H

#include "net.h"

/* The peer, unless it is in `trusted`: then the right-most address of `forwarded` (a comma list;
 * IPv4 may carry a port, IPv6 brackets) that is not in `trusted`; the peer when the list is empty,
 * all trusted, or broken there. IPv4-mapped IPv6 counts as IPv4. */
struct net_address address_of_client(const struct net_address *peer, struct span forwarded,
                                     const struct net_range *trusted, size_t trusted_count);

#endif
