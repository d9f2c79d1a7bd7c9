#include "block.h"

#include "host.h"
#include "page.h"

static bool address_blocked(const struct policy *p, const struct net_address *a) {
    const struct policy_blocks *b = p->blocks;
    for (size_t i = 0; i < b->range_count; i++)
        if (net_range_holds(&b->ranges[i], a))
            return true;
    if (b->address_hash_count == 0)
        return false;
    uint64_t hash = policy_address_hash(b->address_key, p->site, a);
    for (size_t i = 0; i < b->address_hash_count; i++)
        if (b->address_hashes[i] == hash)
            return true;
    return false;
}

/* "example.com" is that host, "*.example.com" what is below it. */
static bool host_among(struct span host, const struct span *list, size_t count) {
    for (size_t i = 0; i < count; i++) {
        bool below = span_starts(list[i], SPAN_LIT("*."));
        struct span domain = span_from(list[i], below ? 2 : 0);
        if (below ? host.len > domain.len && host_is_within(host, domain) : span_eq(host, domain))
            return true;
    }
    return false;
}

static bool hostname_blocked(const struct policy_blocks *b, struct span host) {
    return host_among(host, b->hostnames, b->hostname_count) ||
           (b->only_hostname_count && !host_among(host, b->only_hostnames, b->only_hostname_count));
}

static bool country_blocked(const struct policy_blocks *b, struct span country) {
    for (size_t i = 0; i < b->country_count; i++)
        if (span_eq(b->countries[i], country))
            return true;
    return false;
}

static int page_blocked(const struct block_input *in, bool *ret, struct err *err) {
    const struct policy_blocks *b = in->policy->blocks;
    struct span page;
    *ret = false;
    if (b->page_count == 0)
        return 0;
    int rc =
        page_of(in->scrub, in->url->path, in->policy, in->hit->user_agent, in->arena, &page, err);
    for (size_t i = 0; rc == 0 && i < b->page_count && !*ret; i++)
        *ret = page_fits(page, b->pages[i]);
    return rc;
}

int block_verdict(const struct block_input *in, struct err *err) {
    const struct policy_blocks *b = in->policy->blocks;
    if (address_blocked(in->policy, &in->hit->address))
        return SIEVE_BLOCKED_ADDRESS;
    if (hostname_blocked(b, url_host(in->url)))
        return SIEVE_BLOCKED_HOSTNAME;
    if (country_blocked(b, in->country))
        return SIEVE_BLOCKED_COUNTRY;
    bool page;
    int rc = page_blocked(in, &page, err);
    return rc < 0 ? rc : page ? SIEVE_BLOCKED_PAGE : SIEVE_PASS;
}
