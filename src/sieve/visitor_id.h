/* visitor_id.h — the id that a visitor's browser made when the visitor agreed to be known again:
 * "<Unix seconds>.<32 lower-case hex digits>", when it was made and 128 random bits (RULES M06). */
#ifndef TAMIS_VISITOR_ID_H
#define TAMIS_VISITOR_ID_H

#include "span.h"

enum {
    VISITOR_ID_HEX = 32,
    VISITOR_ID_DAYS = 395, /* 13 months: older ones count for nothing, whatever the browser keeps */
    VISITOR_ID_EARLY_DAYS = 1, /* a browser's clock may be ahead so far */
};

struct visitor_id {
    int64_t made_ms;
    struct span random; /* the hex digits; borrows */
};

/* False when it is not of that form. */
bool visitor_id_parse(struct span text, struct visitor_id *ret);

/* Whether its time is within what a browser may send at `now_ms`. */
bool visitor_id_is_valid(const struct visitor_id *id, int64_t now_ms);

#endif
