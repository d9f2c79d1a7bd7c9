#include "sieve_private.h"

#include <stdlib.h>

#define ZONE_TABLES "/usr/share/zoneinfo"

void sieve_close(struct sieve *s) {
    if (s->salts)
        salts_close(s->salts);
    if (s->known_keys)
        known_keys_close(s->known_keys);
    if (s->scrub)
        scrub_close(s->scrub);
    if (s->ua)
        ua_close(s->ua);
    if (s->countries)
        country_close(s->countries);
    if (s->sources)
        source_table_close(s->sources);
    spam_close(s->spam);
    datacenters_close(s->datacenters);
    free(s);
}

int sieve_open(const struct sieve_options *options, struct sieve **ret, struct err *err) {
    if (crypt_init() < 0)
        return err_set(err, ERR_UNSUPPORTED, "no source of randomness");
    struct sieve *s = calloc(1, sizeof(*s));
    if (!s)
        return err_set(err, ERR_NOMEM, "out of memory");
    s->clock = options->clock;
    s->counters = options->counters;
    int rc = salts_open(options->os, options->keys_dir, &s->salts, err);
    if (rc == 0)
        rc = known_keys_open(options->os, options->keys_dir, &s->known_keys, err);
    if (rc == 0)
        rc = scrub_open(&s->scrub, err);
    if (rc == 0)
        rc = ua_open(&s->ua, err);
    if (rc == 0)
        rc = country_open(options->os, ZONE_TABLES, &s->countries, err);
    if (rc == 0)
        rc = source_table_open(&s->sources, err);
    if (rc == 0)
        rc = spam_open(options->spam_referrers, &s->spam, err);
    if (rc == 0)
        rc = datacenters_open(options->datacenter_ranges, &s->datacenters, err);
    if (rc < 0) {
        sieve_close(s);
        return rc;
    }
    *ret = s;
    return 0;
}

int sieve_lane_new(struct sieve *s, struct sieve_lane **ret, struct err *err) {
    struct sieve_lane *lane = calloc(1, sizeof(*lane));
    if (!lane)
        return err_set(err, ERR_NOMEM, "out of memory");
    lane->sieve = s;
    salts_join(s->salts, &lane->salts);
    int rc = scrub_lane_new(s->scrub, &lane->scrub, err);
    if (rc == 0)
        rc = ua_lane_new(s->ua, &lane->ua, err);
    if (rc < 0) {
        sieve_lane_free(lane);
        return rc;
    }
    *ret = lane;
    return 0;
}

void sieve_lane_free(struct sieve_lane *lane) {
    salts_leave(lane->sieve->salts, &lane->salts);
    if (lane->scrub)
        scrub_lane_free(lane->scrub);
    if (lane->ua)
        ua_lane_free(lane->ua);
    free(lane);
}

int sieve_lane_import(struct sieve_lane *lane, uint64_t import, struct err *err) {
    if (import) {
        int rc = salts_import_begin(lane->sieve->salts, import, err);
        if (rc < 0)
            return rc;
    }
    lane->import = import;
    return 0;
}

int sieve_import_end(struct sieve *s, uint64_t import, struct err *err) {
    return salts_import_end(s->salts, import, err);
}

int sieve_wipe_removed(struct sieve *s, const struct policy_set *policies, struct err *err) {
    return known_keys_wipe_removed(s->known_keys, policies, err);
}

void sieve_wipe_ended(struct sieve *s, const struct policy_set *policies) {
    salts_wipe_ended(s->salts, policies, clock_wall_ms(s->clock));
}
