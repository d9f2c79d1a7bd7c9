/* hit.h — what a browser sent. In front of the door: collect/ fills it, sieve/ reads it, nobody
 * keeps it.
 *
 * Every span borrows from the request (its headers, its body, its arena). A hit is never stored,
 * never logged. */
#ifndef TAMIS_HIT_H
#define TAMIS_HIT_H

#ifndef TAMIS_IN_FRONT_OF_THE_DOOR
#error "hit.h holds what must not be kept: only collect/, sieve/ and http/ may see it"
#endif

#include "net.h"
#include "span.h"

struct hit_prop {
    struct span key, value;
};

/* Web vitals: largest contentful paint, interaction to next paint, cumulative layout shift. */
enum hit_vital { VITAL_LCP, VITAL_INP, VITAL_CLS, VITALS };
#define VITAL_NOT_SENT INT64_MIN

struct hit {
    /* the sender */
    struct net_address address; /* after the trusted proxies */
    struct span user_agent;
    bool gpc, dnt, opt_out;
    struct span time_zone; /* the browser's IANA zone, empty when not sent */

    /* what happened */
    struct span domain; /* the site, as named by the sender; empty: the URL's host */
    struct span name;   /* "pageview", "engagement", "vitals" or the event's own */
    struct span url;
    struct span referrer;
    const struct hit_prop *props;
    size_t prop_count;
    bool interactive;
    uint8_t scroll; /* percent; 255: not sent */
    uint32_t engaged_ms;
    int64_t revenue_milli;
    struct span currency;
    int64_t vitals_milli[VITALS]; /* thousandths of ms, ms and 1; any number, or VITAL_NOT_SENT */
    struct span visitor_id;       /* of the cookie of a visitor who agreed; empty: none */
    int64_t ts_ms;                /* the server's clock, or the log line's time in an import */
};

void hit_init(struct hit *h);

#endif
