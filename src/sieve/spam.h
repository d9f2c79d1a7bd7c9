/* spam.h — referrers that programs name to be seen in somebody's statistics. */
#ifndef TAMIS_SPAM_H
#define TAMIS_SPAM_H

#include "err.h"
#include "span.h"

/* When the kept list (spam.def) was last looked through. */
#define SPAM_SEEN "2026-11-24"

struct spam;

/* The kept list and `more`: a host a line, '#' begins a comment. ERR_INVALID names the line that
 * is no host. */
int spam_open(struct span more, struct spam **ret, struct err *err) WARN_UNUSED;
void spam_close(struct spam *s);

/* Whether `host`, in lower case, or a domain it is part of is on the list. */
bool spam_has(const struct spam *s, struct span host);

size_t spam_count(const struct spam *s);

#endif
