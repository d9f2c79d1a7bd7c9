/* datacenter.h — whether an address belongs to a datacentre, by a list of ranges that the operator
 * supplies. Nothing here remembers an address. */
#ifndef TAMIS_DATACENTER_H
#define TAMIS_DATACENTER_H

#include "err.h"
#include "net.h"

struct datacenters; /* immutable once open */

/* `ranges`: a range or an address a line, '#' begins a comment. ERR_INVALID names the line that is
 * none. */
int datacenters_open(struct span ranges, struct datacenters **ret, struct err *err) WARN_UNUSED;
void datacenters_close(struct datacenters *d);

bool datacenters_hold(const struct datacenters *d, const struct net_address *a);

#endif
