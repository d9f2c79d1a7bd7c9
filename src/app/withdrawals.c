#include "withdrawals.h"

#include <stdlib.h>

struct withdrawal {
    struct record_known visitor; /* without a day */
    struct cursor at;            /* where its frame starts */
};

static int compare(const void *a, const void *b) {
    const struct withdrawal *x = a, *y = b;
    if (x->visitor.site != y->visitor.site)
        return x->visitor.site < y->visitor.site ? -1 : 1;
    if (x->visitor.known != y->visitor.known)
        return x->visitor.known < y->visitor.known ? -1 : 1;
    return cursor_before(x->at, y->at) ? -1 : cursor_before(y->at, x->at);
}

struct finding {
    struct withdrawals *found;
    struct cursor applied;
    bool no_memory;
};

static bool add(struct withdrawals *w, const struct record_known *visitor, struct cursor at) {
    if (w->count == w->cap) {
        size_t cap = w->cap ? w->cap * 2 : 64;
        struct withdrawal *items = realloc(w->items, cap * sizeof(*items));
        if (!items)
            return false;
        w->items = items;
        w->cap = cap;
    }
    w->items[w->count++] = (struct withdrawal){.visitor = *visitor, .at = at};
    return true;
}

/* What does not parse is left to those who come to erase. */
static enum journal_verdict look(void *arg, struct cursor at, char *frame, size_t len) {
    struct finding *f = arg;
    struct span rest = span_of(frame, len);
    struct record r;
    while (cursor_before(at, f->applied) && record_next(&rest, &r, NULL) == 1)
        if (r.type == RECORD_FORGET && !add(f->found, &r.known, at))
            f->no_memory = true;
    return JOURNAL_KEEP;
}

int withdrawals_find(struct journal *j, struct cursor start, struct cursor applied,
                     struct withdrawals *ret, struct err *err) {
    struct finding f = {.found = ret, .applied = applied};
    *ret = (struct withdrawals){0};
    int rc = journal_redact(j, start, look, &f, NULL, err);
    if (rc == 0 && f.no_memory)
        rc = err_set(err, ERR_NOMEM, "no memory for a list of withdrawals");
    if (rc < 0) {
        withdrawals_release(ret);
        return rc;
    }
    if (ret->count)
        qsort(ret->items, ret->count, sizeof(*ret->items), compare);
    return 0;
}

void withdrawals_release(struct withdrawals *w) {
    free(w->items);
    *w = (struct withdrawals){0};
}

bool withdrawals_follow(const struct withdrawals *w, const struct record_known *visitor,
                        struct cursor at) {
    const struct withdrawal wanted = {.visitor = *visitor, .at = at};
    size_t low = 0, high = w->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (compare(&w->items[middle], &wanted) > 0)
            high = middle;
        else
            low = middle + 1;
    }
    return low < w->count && w->items[low].visitor.site == visitor->site &&
           w->items[low].visitor.known == visitor->known;
}
