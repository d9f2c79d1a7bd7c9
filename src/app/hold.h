/* hold.h — how long acknowledgements wait so that the drain keeps up.
 *
 * Senders that wait for their acknowledgement send as fast as it comes, and on a machine without a
 * free core they take the drain's: then what is acknowledged could be queried later and later. So
 * commits are held back a little while the drain needs more than LEAST_BEHIND_MS for what is left
 * to it. Nothing is refused, and who sends now and then does not notice. */
#ifndef TAMIS_APP_HOLD_H
#define TAMIS_APP_HOLD_H

#include <stdint.h>

/* Microseconds before a commit, for journal_hold(). `left` bytes are not drained yet; the last
 * batch had `bytes` and took `took_ns`. */
unsigned hold_for(uint64_t left, uint64_t bytes, int64_t took_ns);

#endif
