/* text.h — making text that came over the wire fit to keep: percent-decoding, control
 * characters, UTF-8. */
#ifndef TAMIS_TEXT_H
#define TAMIS_TEXT_H

#include "arena.h"
#include "err.h"

/* Writes the decoding of `in` to `out` (room for in.len, may be in.ptr itself); returns its
 * length. Broken escapes stay as they are. `plus`: '+' is a space
 * (application/x-www-form-urlencoded). */
size_t text_percent_decode(struct span in, char *out, bool plus);

enum text_flag { TEXT_PERCENT = 1, TEXT_PLUS = 2 };

/* A copy in the arena without control characters (C0, DEL, C1) and white space at the ends;
 * bytes that are no UTF-8 become U+FFFD. Flags say what to decode before. ERR_NOMEM only. */
int text_clean(struct span in, unsigned flags, struct arena *arena, struct span *ret,
               struct err *err) WARN_UNUSED;

/* Whether something is still percent-encoded in it. */
bool text_holds_escape(struct span text);

/* The text up to a "?name=", which begins the query of some address, or to a click id
 * (click_id.h). */
struct span text_without_query(struct span text);

/* Whether `text` holds `needle`, if that is long enough to mean something. */
bool text_holds(struct span text, struct span needle);

#endif
