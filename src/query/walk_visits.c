/* Which visits had a person that made several that day, and who that was. */
#include <stdlib.h>

#include "walk.h"

enum { LEAST_CAP = 1024 };

void walk_visits_clear(struct walk_visits *v) {
    v->count = 0;
}

static bool reserve(struct walk_visits *v, size_t more) {
    size_t cap = v->cap ? v->cap : LEAST_CAP;
    while (cap < v->count + more)
        cap *= 2;
    if (cap == v->cap)
        return true;
    struct walk_visit *list = realloc(v->list, cap * sizeof(*list));
    if (!list)
        return false;
    v->list = list;
    v->cap = cap;
    return true;
}

int walk_visits_take(void *visits, const struct sql_chunk *c, struct err *err) {
    struct walk_visits *v = visits;
    const uint32_t *days = c->columns[0], *numbers = c->columns[1], *persons = c->columns[2];
    if (!reserve(v, c->rows))
        return err_set(err, ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < c->rows; i++)
        v->list[v->count++] = (struct walk_visit){walk_id(days[i], numbers[i]), persons[i]};
    return 0;
}

static int by_id(const void *a, const void *b) {
    uint64_t x = ((const struct walk_visit *)a)->id, y = ((const struct walk_visit *)b)->id;
    return x < y ? -1 : x > y;
}

/* Files are in order; not so those of several parts of the same days. */
void walk_visits_ready(struct walk_visits *v) {
    bool sorted = true;
    for (size_t i = 1; sorted && i < v->count; i++)
        sorted = v->list[i - 1].id < v->list[i].id;
    if (!sorted)
        qsort(v->list, v->count, sizeof(*v->list), by_id);
    v->at = 0;
}

static size_t first_from(const struct walk_visits *v, uint64_t id) {
    size_t low = 0, high = v->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (v->list[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct walk_visit *walk_visits_find(struct walk_visits *v, uint64_t id) {
    if (v->at > 0 && v->list[v->at - 1].id >= id)
        v->at = first_from(v, id);
    while (v->at < v->count && v->list[v->at].id < id)
        v->at++;
    return v->at < v->count && v->list[v->at].id == id ? &v->list[v->at] : NULL;
}

void walk_visits_release(struct walk_visits *v) {
    free(v->list);
    *v = (struct walk_visits){0};
}
