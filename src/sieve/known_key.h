/* known_key.h — the lasting keys of sites whose visitors may agree to be known again: one a site,
 * so that an id says nothing to another site, and neither does a hash without the key.
 *
 * A key is on disk (keys_dir/known-<site>, 32 bytes, 0600) before its first use, and is wiped with
 * its site. Any thread. */
#ifndef TAMIS_KNOWN_KEY_H
#define TAMIS_KNOWN_KEY_H

#include "crypt.h"
#include "err.h"
#include "os.h"
#include "policy.h"

struct known_keys;

/* Loads what is in the folder, which is there; wipes temporary files a crash left. */
int known_keys_open(const struct os *os, const char *keys_dir, struct known_keys **ret,
                    struct err *err) WARN_UNUSED;
void known_keys_close(struct known_keys *k);

/* 1: *ret is the keyed hash of the random part of an id. A site without a key gets one when `make`,
 * else 0: nobody is known there. ERR_IO and the like: a key that cannot be stored is never used. */
int known_keys_hash(struct known_keys *k, uint32_t site, struct span random, bool make,
                    uint64_t *ret, struct err *err) WARN_UNUSED;

/* Wipes the keys of sites that are not in the set. */
int known_keys_wipe_removed(struct known_keys *k, const struct policy_set *policies,
                            struct err *err) WARN_UNUSED;

#endif
