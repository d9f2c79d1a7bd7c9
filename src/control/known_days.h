/* known_days.h — on which days one visitor came: a first day and a bit for each day from it on, the
 * lowest first. Most come once, which takes a byte; 13 months take 50. */
#ifndef TAMIS_KNOWN_DAYS_H
#define TAMIS_KNOWN_DAYS_H

#include "span.h"

enum { KNOWN_DAYS_BYTES = 50, KNOWN_DAYS_BITS = KNOWN_DAYS_BYTES * 8 };

struct known_days {
    int32_t first;
    size_t len; /* bytes in use; 0: no day */
    uint8_t bits[KNOWN_DAYS_BYTES];
};

/* Whether that changed anything. A day too late for the bits begins anew; one too early is left
 * out, and so are days for which an earlier first one leaves no room. */
bool known_days_add(struct known_days *d, int32_t day);

/* Takes away the days before that one; the first day is then the first that is left. */
void known_days_cut(struct known_days *d, int32_t before);

/* Whether any day from `from` to `to` is among `bits`. */
bool known_days_any(int32_t first, struct span bits, int32_t from, int32_t to);

#endif
