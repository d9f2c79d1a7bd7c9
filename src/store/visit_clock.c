#include "visit_clock.h"

#include <stdlib.h>
#include <string.h>

#include "keyset.h"

void clocks_release(struct clocks *c) {
    free(c->items);
    free(c->index);
    *c = (struct clocks){0};
}

void clocks_clear(struct clocks *c) {
    if (c->count)
        memset(c->index, 0, c->index_cap * sizeof(*c->index));
    c->count = 0;
}

static uint32_t *clocks_slot(const struct clocks *c, uint32_t site) {
    size_t at = mix64(site) & (c->index_cap - 1);
    while (c->index[at] && c->items[c->index[at] - 1].site != site)
        at = (at + 1) & (c->index_cap - 1);
    return &c->index[at];
}

struct site_clock *clocks_find(const struct clocks *c, uint32_t site) {
    if (c->count == 0)
        return NULL;
    uint32_t at = *clocks_slot(c, site);
    return at ? &c->items[at - 1] : NULL;
}

bool clocks_reserve(struct clocks *c, size_t count) {
    if (count <= c->cap)
        return true;
    size_t cap = c->cap ? c->cap : 16;
    while (cap < count)
        cap *= 2;
    struct site_clock *items = realloc(c->items, cap * sizeof(*items));
    if (!items)
        return false;
    c->items = items;
    uint32_t *index = calloc(cap * 2, sizeof(*index));
    if (!index)
        return false;
    free(c->index);
    c->index = index;
    c->cap = cap;
    c->index_cap = cap * 2;
    for (size_t i = 0; i < c->count; i++)
        *clocks_slot(c, c->items[i].site) = (uint32_t)i + 1;
    return true;
}

struct site_clock *clocks_get(struct clocks *c, uint32_t site) {
    struct site_clock *found = clocks_find(c, site);
    if (found)
        return found;
    if (!clocks_reserve(c, c->count + 1))
        return NULL;
    c->items[c->count] = (struct site_clock){.site = site};
    *clocks_slot(c, site) = (uint32_t)++c->count;
    return &c->items[c->count - 1];
}

int64_t clock_newest(const struct site_clock *c, int32_t day) {
    for (uint32_t i = 0; c && i < c->days; i++)
        if (c->day[i].day == day)
            return c->day[i].newest_ms;
    return INT64_MIN;
}

int64_t clock_touch(struct site_clock *c, int32_t day, int64_t ts_ms) {
    int64_t newest = clock_newest(c, day);
    if (newest < ts_ms)
        newest = ts_ms;
    uint32_t at = 0;
    while (at < c->days && c->day[at].day != day)
        at++;
    if (at == c->days) {
        if (c->days < OPEN_DAYS)
            c->days++;
        at = c->days - 1;
    }
    memmove(&c->day[1], &c->day[0], at * sizeof(c->day[0]));
    c->day[0].day = day;
    c->day[0].newest_ms = newest;
    return newest;
}

void clocks_forget(struct clocks *c, uint32_t site, int32_t day) {
    struct site_clock *found = clocks_find(c, site);
    for (uint32_t i = 0; found && i < found->days; i++)
        if (found->day[i].day == day) {
            memmove(&found->day[i], &found->day[i + 1],
                    (--found->days - i) * sizeof(found->day[0]));
            return;
        }
}
