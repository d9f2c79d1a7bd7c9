/* scrub.h — personal data in free text: e-mail and IP addresses, phone and card numbers, IBAN,
 * French and US social security numbers, signed tokens.
 *
 * A look at the bytes tells most texts innocent; for the others libhs finds candidates
 * (patterns.def) and validators decide. The database is compiled at build time. */
#ifndef TAMIS_SCRUB_H
#define TAMIS_SCRUB_H

#include "arena.h"
#include "err.h"

struct scrub;      /* shared, immutable */
struct scrub_lane; /* one a thread */

int scrub_open(struct scrub **ret, struct err *err) WARN_UNUSED;
void scrub_close(struct scrub *s);
int scrub_lane_new(const struct scrub *s, struct scrub_lane **ret, struct err *err) WARN_UNUSED;
void scrub_lane_free(struct scrub_lane *lane);

/* Whether the bytes could hold any of the patterns: no false "no". */
bool scrub_could_match(struct span text);

/* *ret: `text` itself, or a copy in the arena with each item replaced by its word; never longer
 * than `text`. ERR_NOMEM only. */
int scrub_text(struct scrub_lane *lane, struct span text, struct arena *arena, struct span *ret,
               struct err *err) WARN_UNUSED;

/* Whether it holds an item. */
bool scrub_finds(struct scrub_lane *lane, struct span text);

/* Whether it holds an item or a token (token.h), percent-encoded (up to three times) ones
 * included. */
bool scrub_looks_personal(struct scrub_lane *lane, struct span text);

#endif
