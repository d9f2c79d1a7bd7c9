/* known_seen.h — which visitors the diary has today already, so that it is not asked for each of
 * their events. A set in memory that may forget everything at any time; one thread. */
#ifndef TAMIS_KNOWN_SEEN_H
#define TAMIS_KNOWN_SEEN_H

#include "attr.h"
#include "span.h"

struct known_seen_item {
    uint64_t known;
    uint32_t site; /* 0: free; sites are numbered from 1 */
    int32_t day;
};

struct known_seen {
    struct known_seen_item *items; /* open addressing, at most half full */
    size_t cap, count;
};

bool known_seen_has(const struct known_seen *s, const struct known_seen_item *item);
/* Without memory, or when it has grown to its limit, what was there is forgotten. */
void known_seen_add(struct known_seen *s, const struct known_seen_item *item);
/* Forgets everything and gives the memory back. */
void known_seen_clear(struct known_seen *s);

#endif
