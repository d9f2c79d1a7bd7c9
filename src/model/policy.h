/* policy.h — what a site allows: an immutable snapshot the whole road reads.
 *
 * control/ builds a policy_set from its database; a change builds a new set and swaps it in.
 * Readers hold a reference for the length of one request; the last one out frees the old set. */
#ifndef TAMIS_POLICY_H
#define TAMIS_POLICY_H

#include "arena.h"
#include "err.h"
#include "net.h"
#include "span.h"
#include "zone.h"

enum profile {
#define PROFILE(ID, word, text) PROFILE_##ID,
#include "profiles.def"
#undef PROFILE
    PROFILES
};

#define PROFILE_BIT(p) (1U << (unsigned)(p))

const char *profile_word(enum profile p);
bool profile_parse(struct span word, enum profile *ret);

/* A source's name as the site's owner wants it. */
struct policy_alias {
    struct span from; /* lower case: a host, "app:" and a package, or a word of campaign links */
    struct span name;
};

/* What a site is to have no visits from. */
struct policy_blocks {
    const struct span *pages; /* as path_patterns */
    size_t page_count;
    const struct span *hostnames, *only_hostnames; /* "example.com", "*.example.com" */
    size_t hostname_count, only_hostname_count;
    const struct span *countries; /* ISO 3166-1, capitals */
    size_t country_count;
    const struct net_range *ranges;
    size_t range_count;
    const uint64_t *address_hashes; /* of policy_address_hash() */
    size_t address_hash_count;
    const uint8_t *address_key; /* CRYPT_KEY_BYTES */
};

enum goal_kind { GOAL_PAGE, GOAL_EVENT, GOAL_SCROLL, GOAL_ENGAGEMENT, GOAL_KINDS };

struct policy_goal_prop {
    struct span key, value;
};

/* What a site's owner wants visitors to do. */
struct policy_goal {
    struct span name;
    enum goal_kind kind;
    struct span page;  /* PAGE, SCROLL: a path; a star within a segment, two across them */
    struct span event; /* EVENT */
    const struct policy_goal_prop *props; /* EVENT: which it must have */
    size_t prop_count;
    uint32_t least;       /* SCROLL: per cent; ENGAGEMENT: seconds of a visit */
    struct span currency; /* EVENT: of its revenue, ISO 4217; empty: none */
};

/* Immutable once its set is published. Strings belong to the set. */
struct policy {
    uint32_t site;      /* id, never reused */
    struct span domain; /* lower case, without www. */
    enum profile profile;
    const struct zone *zone; /* owned by the set */
    bool honour_signals;     /* Sec-GPC and DNT; on unless the publisher asks for consent itself */
    bool block_spam;         /* no visits from referrers on the list of spam */
    bool block_datacenters;  /* no visits from addresses in the operator's ranges of datacentres */
    const struct span
        *path_patterns; /* such as "/orders/" + star; what matches becomes the pattern */
    size_t path_pattern_count;
    const struct span *query_keep; /* names of query parameters kept as properties */
    size_t query_keep_count;
    const struct span *search_params; /* names of query parameters with what was searched for */
    size_t search_param_count;
    const struct policy_alias *source_aliases;
    size_t source_alias_count;
    const struct span
        *own_hosts; /* other hosts of the site's owner; links from there say nothing */
    size_t own_host_count;
    const struct policy_blocks *blocks; /* NULL: none */
    const struct policy_goal *goals;    /* by name, in the order of bytes */
    size_t goal_count;
    bool
        visitor_cookie; /* visitors who agreed are known again by a cookie: PROFILE_CONSENTED only */
    unsigned raw_months;  /* raw rows are kept so long, at most 25 */
    unsigned roll_months; /* roll-ups; 0: for good */
};

/* An address that is blocked on its own is kept as this. */
uint64_t policy_address_hash(const uint8_t *key, uint32_t site, const struct net_address *a);

struct policy_set;

/* Building: one thread, before publishing. */
struct policy_set *policy_set_new(void) WARN_UNUSED;
struct arena *policy_set_arena(struct policy_set *set); /* for the policies' strings */
/* Adds a copy of *p whose spans already live in the set's arena; opens the zone. ERR_NOT_FOUND for
 * an unknown zone, ERR_EXISTS for a domain or id that is there. */
int policy_set_add(struct policy_set *set, const struct policy *p, struct span zone,
                   struct err *err) WARN_UNUSED;
void policy_set_unref(struct policy_set *set);
static inline void policy_set_unrefp(struct policy_set **set) {
    if (*set)
        policy_set_unref(*set);
}

/* Reading: any thread that holds a reference. NULL when there is none. */
const struct policy *policy_by_domain(const struct policy_set *set, struct span domain);
const struct policy *policy_by_id(const struct policy_set *set, uint32_t site);
size_t policy_count(const struct policy_set *set);
const struct policy *policy_at(const struct policy_set *set, size_t index);

/* Where the current set hangs. */
struct policy_board;
struct policy_board *policy_board_new(void) WARN_UNUSED;
void policy_board_free(struct policy_board *b);
/* Takes over the caller's reference to `set`. */
void policy_board_publish(struct policy_board *b, struct policy_set *set);
/* A reference to the current set; give it back with policy_set_unref. Never NULL: an
 * empty set before the first publish. */
struct policy_set *policy_board_get(struct policy_board *b) WARN_UNUSED;

#endif
