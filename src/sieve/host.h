/* host.h — what the Public Suffix List says of a host, and the host as it is kept. */
#ifndef TAMIS_HOST_H
#define TAMIS_HOST_H

#include "arena.h"
#include "err.h"
#include "span.h"

/* Whether registries sell names right below it ("fr", "co.uk"). Suffixes of companies, such as
 * github.io, do not count. */
bool host_is_suffix(struct span host);

/* Whether `host` is `domain` or below it. Letter case does not matter. */
bool host_is_within(struct span host, struct span domain);

/* *ret: `host` itself, or a copy in the arena in which each label below the registrable domain
 * that is a token has its word. ERR_NOMEM only. */
int host_fold(struct span host, struct arena *arena, struct span *ret, struct err *err) WARN_UNUSED;

#endif
