#include "datacenter.h"

#include <stdlib.h>

#include "attr.h"

/* Both ends belong to it. IPv4 and IPv6 are apart, as the family comes first in the order. */
struct stretch {
    struct net_address first, last;
};

/* Sorted, apart from each other. */
struct datacenters {
    struct stretch *items;
    size_t count;
};

static int compare(const struct net_address *a, const struct net_address *b) {
    return a->family != b->family ? a->family - b->family
                                  : memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static int by_first(const void *a, const void *b) {
    const struct stretch *x = a, *y = b;
    return compare(&x->first, &y->first);
}

static struct stretch stretch_of(const struct net_range *range) {
    struct stretch s = {.first = range->base, .last = range->base};
    for (size_t bit = range->bits; bit < net_bytes(&range->base).len * 8; bit++) {
        s.first.bytes[bit / 8] &= (uint8_t) ~(0x80U >> bit % 8);
        s.last.bytes[bit / 8] |= (uint8_t)(0x80U >> bit % 8);
    }
    return s;
}

/* Ranges within others, and those that overlap, become one. */
static void merge(struct datacenters *d) {
    if (d->count == 0)
        return;
    qsort(d->items, d->count, sizeof(*d->items), by_first);
    size_t kept = 1;
    for (size_t i = 1; i < d->count; i++) {
        struct stretch *before = &d->items[kept - 1];
        if (compare(&d->items[i].first, &before->last) > 0)
            d->items[kept++] = d->items[i];
        else if (compare(&d->items[i].last, &before->last) > 0)
            before->last = d->items[i].last;
    }
    d->count = kept;
}

static void datacenters_closep(struct datacenters **d) {
    datacenters_close(*d);
}

int datacenters_open(struct span ranges, struct datacenters **ret, struct err *err) {
    CLEANUP(datacenters_closep) struct datacenters *d = calloc(1, sizeof(*d));
    size_t most = 1;
    for (size_t i = 0; i < ranges.len; i++)
        most += ranges.ptr[i] == '\n';
    if (d)
        d->items = calloc(most, sizeof(*d->items));
    if (!d || !d->items)
        return err_set(err, ERR_NOMEM, "out of memory");
    struct span line;
    for (unsigned number = 1; span_next(&ranges, '\n', &line); number++) {
        struct net_range range;
        line = span_trim(span_head(line, span_find(line, '#', 0)));
        if (line.len == 0)
            continue;
        if (!net_range_parse(line, &range))
            return err_set(err, ERR_INVALID, "datacenter_ranges: line %u is no range", number);
        d->items[d->count++] = stretch_of(&range);
    }
    merge(d);
    *ret = TAKE_PTR(d);
    return 0;
}

void datacenters_close(struct datacenters *d) {
    if (!d)
        return;
    free(d->items);
    free(d);
}

bool datacenters_hold(const struct datacenters *d, const struct net_address *a) {
    size_t from = 0, to = d->count; /* the first that begins after `a` is in there, or at `to` */
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (compare(&d->items[middle].first, a) <= 0)
            from = middle + 1;
        else
            to = middle;
    }
    return a->family && from > 0 && compare(a, &d->items[from - 1].last) <= 0;
}
