/* Events of one day, put together by person. */
#include <stdlib.h>

#include "walk.h"

enum { LEAST_CAP = 1024, DIGIT_BITS = 11, DIGITS = 3, DIGIT_VALUES = 1 << DIGIT_BITS };

bool walk_hold(struct walk_order *o, struct walk_held held) {
    if (o->count == o->cap) {
        size_t cap = o->cap ? o->cap * 2 : LEAST_CAP;
        struct walk_held *list = realloc(o->list, cap * sizeof(*list));
        if (!list)
            return false;
        o->list = list;
        struct walk_held *other = realloc(o->other, cap * sizeof(*other));
        if (!other)
            return false;
        o->other = other;
        o->cap = cap;
    }
    o->list[o->count++] = held;
    return true;
}

/* By one digit of the person; equal ones stay in their order. */
static void sort_digit(struct walk_order *o, unsigned shift) {
    size_t begins[DIGIT_VALUES] = {0}, next = 0;
    for (size_t i = 0; i < o->count; i++)
        begins[o->list[i].person >> shift & (DIGIT_VALUES - 1)]++;
    for (size_t d = 0; d < DIGIT_VALUES; d++) {
        size_t here = begins[d];
        begins[d] = next;
        next += here;
    }
    for (size_t i = 0; i < o->count; i++)
        o->other[begins[o->list[i].person >> shift & (DIGIT_VALUES - 1)]++] = o->list[i];
    struct walk_held *list = o->other;
    o->other = o->list;
    o->list = list;
}

static bool is_later(const struct walk_held *a, const struct walk_held *b) {
    return a->at != b->at ? a->at > b->at : a->visit > b->visit;
}

/* Merges the sorted halves of list[from … to) through `other`. */
static void merge(struct walk_order *o, size_t from, size_t middle, size_t to) {
    size_t a = from, b = middle;
    for (size_t i = from; i < to; i++) {
        bool second = a == middle || (b < to && is_later(&o->list[a], &o->list[b]));
        o->other[i] = o->list[second ? b++ : a++];
    }
    memcpy(o->list + from, o->other + from, (to - from) * sizeof(*o->list));
}

/* A person's visits follow one another already, mostly in the right order. */
static void sort_person(struct walk_order *o, size_t from, size_t to) {
    bool sorted = true;
    for (size_t i = from + 1; sorted && i < to; i++)
        sorted = !is_later(&o->list[i - 1], &o->list[i]);
    if (sorted)
        return;
    for (size_t width = 1; width < to - from; width *= 2)
        for (size_t at = from; at + width < to; at += 2 * width)
            merge(o, at, at + width, at + 2 * width < to ? at + 2 * width : to);
}

void walk_sort(struct walk_order *o, bool by_time) {
    for (unsigned i = 0; i < DIGITS; i++)
        sort_digit(o, i * DIGIT_BITS);
    for (size_t from = 0, to; by_time && from < o->count; from = to) {
        for (to = from + 1; to < o->count && o->list[to].person == o->list[from].person; to++)
            ;
        sort_person(o, from, to);
    }
}

void walk_order_release(struct walk_order *o) {
    free(o->list);
    free(o->other);
    *o = (struct walk_order){0};
}
