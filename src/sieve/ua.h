/* ua.h — a user-agent string reduced to families: browser, operating system, kind of device, robot
 * or not.
 *
 * uap-core's expressions and the crawler list are compiled at build time into one multi-pattern
 * database that finds candidates in one pass; PCRE2 then confirms the first one in order and cuts
 * out the family and the major version. Answers are cached by a hash of the string; the string
 * itself is not kept. */
#ifndef TAMIS_UA_H
#define TAMIS_UA_H

#include "err.h"
#include "span.h"

struct ua;      /* shared, immutable */
struct ua_lane; /* one a thread: scratch and cache */

struct ua_info {
    bool bot; /* crawler, headless browser, library, or empty string */
    char browser[60];
    char browser_version[12];
    char os[60];
    char os_version[12];
    char device[20]; /* Desktop, Mobile, Tablet, TV, Console, or empty */
};

int ua_open(struct ua **ret, struct err *err) WARN_UNUSED;
void ua_close(struct ua *ua);
int ua_lane_new(const struct ua *ua, struct ua_lane **ret, struct err *err) WARN_UNUSED;
void ua_lane_free(struct ua_lane *lane);

/* Valid until the next look-up on the same lane. Never fails: what is not known is empty. */
const struct ua_info *ua_lookup(struct ua_lane *lane, struct span user_agent);

#endif
