/* alias.h — the names a site's owner gives to sources (`tamis site set --source-alias`). */
#ifndef TAMIS_ALIAS_H
#define TAMIS_ALIAS_H

#include "policy.h"

/* What the site calls `from`, a word of a campaign link or a host (an Android package if `app`).
 * The alias that is all of it wins, else the longest one of which a host is a part. False: no
 * alias; *ret is untouched. */
bool alias_of(const struct policy *p, struct span from, bool app, struct span *ret);

/* What the site calls a name of the kept list. */
bool alias_of_name(const struct policy *p, struct span name, struct span *ret);

#endif
