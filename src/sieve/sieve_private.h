/* sieve_private.h — what is opened in sieve_lanes.c and used in sieve.c; private to both. */
#ifndef TAMIS_SIEVE_PRIVATE_H
#define TAMIS_SIEVE_PRIVATE_H

#include "country.h"
#include "datacenter.h"
#include "known_key.h"
#include "salt.h"
#include "scrub.h"
#include "sieve.h"
#include "source.h"
#include "spam.h"
#include "ua.h"

struct sieve {
    const struct clock *clock;
    struct counters *counters;
    struct salts *salts;
    struct known_keys *known_keys;
    struct scrub *scrub;
    struct ua *ua;
    struct country *countries;
    struct source_table *sources;
    struct spam *spam;
    struct datacenters *datacenters;
};

struct sieve_lane {
    struct sieve *sieve;
    struct scrub_lane *scrub;
    struct ua_lane *ua;
    uint64_t import; /* that lets hits be of days past; 0: none does */
    struct salt_cache salts;
};

#endif
