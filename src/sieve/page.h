/* page.h — a URL's path as it may be kept: decoded, tidied, personal data and tokens templated
 * out. */
#ifndef TAMIS_PAGE_H
#define TAMIS_PAGE_H

#include "policy.h"
#include "scrub.h"

/* `path` is still encoded. A path that fits one of the policy's patterns (NULL: none) becomes
 * the pattern. `secret` is a text that makes the whole path personal: the sender's user-agent
 * string. *ret is in the arena. ERR_NOMEM only. */
int page_of(struct scrub_lane *scrub, struct span path, const struct policy *policy,
            struct span secret, struct arena *arena, struct span *ret, struct err *err) WARN_UNUSED;

/* Whether a path fits a pattern: "*" is one segment, "**" at the end is all that is left. */
bool page_fits(struct span path, struct span pattern);

#endif
