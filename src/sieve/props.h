/* props.h — the site's own properties as one canonical JSON object: sorted by key, what looks
 * personal left out. */
#ifndef TAMIS_PROPS_H
#define TAMIS_PROPS_H

#include "hit.h"
#include "scrub.h"

enum { PROPS_MOST = 30 };

struct prop {
    struct span key, value;
};

struct props {
    size_t count;
    size_t dropped; /* for looking personal */
    struct prop list[PROPS_MOST];
};

/* Takes a property in, unless there are enough, its key is there already, it is empty, or it (or
 * `secret`, the sender's user-agent string) looks personal. Key and value must outlive `p`.
 * ERR_NOMEM only. */
int props_add(struct props *p, struct scrub_lane *scrub, struct span key, struct span value,
              struct span secret, struct arena *arena, struct err *err) WARN_UNUSED;

/* Puts a property of ours in the place of one of that name and, when there are enough, of the last;
 * value empty: only takes that one away. Key and value must outlive `p`. */
void props_set(struct props *p, struct span key, struct span value);

/* The JSON text, in the arena, at most `most` bytes; empty when there are none. ERR_NOMEM only. */
int props_write(struct props *p, size_t most, struct arena *arena, struct span *ret,
                struct err *err) WARN_UNUSED;

#endif
