#include "known_seen.h"

#include <stdlib.h>

enum { FIRST_CAP = 1024, MOST_CAP = 1 << 19 }; /* of 16 bytes: 8 MiB */

static bool equal(const struct known_seen_item *a, const struct known_seen_item *b) {
    return a->known == b->known && a->site == b->site && a->day == b->day;
}

/* `known` is a hash already. */
static struct known_seen_item *place_of(const struct known_seen *s,
                                        const struct known_seen_item *item) {
    size_t at = (size_t)(item->known ^ item->site * 0x9e3779b97f4a7c15ULL) & (s->cap - 1);
    while (s->items[at].site && !equal(&s->items[at], item))
        at = (at + 1) & (s->cap - 1);
    return &s->items[at];
}

bool known_seen_has(const struct known_seen *s, const struct known_seen_item *item) {
    return s->cap && place_of(s, item)->site;
}

void known_seen_clear(struct known_seen *s) {
    free(s->items);
    *s = (struct known_seen){0};
}

static bool grow(struct known_seen *s) {
    struct known_seen next = {.cap = s->cap ? s->cap * 2 : FIRST_CAP, .count = s->count};
    if (next.cap > MOST_CAP || !(next.items = calloc(next.cap, sizeof(*next.items))))
        return false;
    for (size_t i = 0; i < s->cap; i++)
        if (s->items[i].site)
            *place_of(&next, &s->items[i]) = s->items[i];
    free(s->items);
    *s = next;
    return true;
}

void known_seen_add(struct known_seen *s, const struct known_seen_item *item) {
    if ((s->count + 1) * 2 > s->cap && !grow(s)) {
        known_seen_clear(s);
        if (!grow(s))
            return;
    }
    struct known_seen_item *to = place_of(s, item);
    s->count += !to->site;
    *to = *item;
}
