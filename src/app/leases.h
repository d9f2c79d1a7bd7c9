/* leases.h — what clients of the control socket hold open from one call to the next.
 *
 * A client may die at any moment. What it left is let go when another takes its place, when it was
 * silent for a minute, or when the folder closes. Any thread; one works on a lease at a time. */
#ifndef TAMIS_APP_LEASES_H
#define TAMIS_APP_LEASES_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"

struct leases;

/* One number a kind: a lease is only found by callers who ask for its kind. */
enum lease_kind { LEASE_NONE, LEASE_BACKUP, LEASE_EXPORT };

struct leases *leases_new(void) WARN_UNUSED;
void leases_free(struct leases *l);

/* Keeps `thing`, taken over also on an error; the caller has no hold of it afterwards. ERR_BUSY: too
 * many. */
int leases_keep(struct leases *l, enum lease_kind kind, void *thing, void (*let_go)(void *thing),
                uint64_t *ret_id, struct err *err) WARN_UNUSED;

/* The thing, for this thread alone until leases_give(). ERR_NOT_FOUND: it was let go. */
int leases_take(struct leases *l, enum lease_kind kind, uint64_t id, void **ret,
                struct err *err) WARN_UNUSED;
/* `done`: it is let go now. */
void leases_give(struct leases *l, uint64_t id, bool done);

/* Before a long call that ends with leases_keep(): waits for another such call to end, and lets go
 * all of the kind, after those that are at work. ERR_BUSY: meanwhile somebody else asked too. */
int leases_turn(struct leases *l, enum lease_kind kind, struct err *err) WARN_UNUSED;
void leases_turn_end(struct leases *l);

/* Lets go what was silent for a minute. */
void leases_expire(struct leases *l);

#endif
