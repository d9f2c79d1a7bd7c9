#include "presence.h"

#include <stdlib.h>

#include "presence_day.h"

struct presence {
    const struct words *words;
    struct presence_day **days;
    size_t day_count, day_cap;
    uint32_t *index; /* position + 1 by (site, day) */
    size_t index_cap;
    struct presence_day *last; /* most events follow one of the same day */
    uint64_t touch;
    size_t bytes, most_bytes;
    presence_load_fn load;
    void *load_arg;
};

static int no_memory(struct err *err) {
    return err_set(err, ERR_NOMEM, "no memory to tell visitors apart");
}

struct presence *presence_new(size_t most_bytes, const struct words *words, presence_load_fn load,
                              void *arg) {
    struct presence *p = calloc(1, sizeof(*p));
    if (!p)
        return NULL;
    p->words = words;
    p->most_bytes = most_bytes;
    p->load = load;
    p->load_arg = arg;
    return p;
}

void presence_free(struct presence *p) {
    for (size_t i = 0; i < p->day_count; i++) {
        presence_day_let_go(p->days[i]);
        free(p->days[i]);
    }
    free(p->days);
    free(p->index);
    free(p);
}

static size_t day_slot(const struct presence *p, uint32_t site, int32_t number) {
    size_t at = mix64((uint64_t)site << 32 | (uint32_t)number) & (p->index_cap - 1);
    while (p->index[at] &&
           (p->days[p->index[at] - 1]->site != site || p->days[p->index[at] - 1]->number != number))
        at = (at + 1) & (p->index_cap - 1);
    return at;
}

static bool index_days(struct presence *p, size_t cap) {
    uint32_t *index = calloc(cap, sizeof(*index));
    if (!index)
        return false;
    free(p->index);
    p->index = index;
    p->index_cap = cap;
    for (size_t i = 0; i < p->day_count; i++)
        index[day_slot(p, p->days[i]->site, p->days[i]->number)] = (uint32_t)i + 1;
    return true;
}

static struct presence_day *day_get(struct presence *p, uint32_t site, int32_t number) {
    if (p->last && p->last->site == site && p->last->number == number)
        return p->last;
    if (p->day_count == p->day_cap) {
        size_t cap = p->day_cap ? p->day_cap * 2 : 16;
        struct presence_day **days = realloc(p->days, cap * sizeof(*days));
        if (!days)
            return NULL;
        p->days = days;
        p->day_cap = cap;
        if (!index_days(p, cap * 2))
            return NULL;
    }
    size_t at = day_slot(p, site, number);
    if (!p->index[at]) {
        struct presence_day *d = calloc(1, sizeof(*d));
        if (!d)
            return NULL;
        d->words = p->words;
        d->site = site;
        d->number = number;
        p->days[p->day_count++] = d;
        p->index[at] = (uint32_t)p->day_count;
    }
    return p->last = p->days[p->index[at] - 1];
}

/* The day with its sets as the tables have them. */
static int day_ready(struct presence *p, uint32_t site, int32_t number, struct presence_day **ret,
                     struct err *err) {
    struct presence_day *d = day_get(p, site, number);
    if (!d)
        return no_memory(err);
    if (!d->loaded && d->stored) {
        int code = p->load(p->load_arg, d, site, number, err);
        if (code) {
            presence_day_let_go(d);
            return code;
        }
    }
    d->loaded = d->touched = true;
    d->touch = p->touch;
    *ret = d;
    return 0;
}

int presence_note_stored(struct presence *p, uint32_t site, int32_t day, struct err *err) {
    struct presence_day *d = day_get(p, site, day);
    if (!d)
        return no_memory(err);
    d->stored = true;
    return 0;
}

int presence_event(struct presence *p, const struct event *e, const struct event_words *words,
                   uint64_t visit, uint32_t *ret_first, struct err *err) {
    *ret_first = 0;
    struct presence_day *d = NULL;
    int code = day_ready(p, e->site, e->day, &d, err);
    if (code || e->kind >= EVENT_ENGAGEMENT)
        return code;
    struct event_words w = *words;
    if (e->kind == EVENT_PAGEVIEW)
        w.name = WORD_PAGEVIEW;
    return presence_day_event(d, e->visitor, visit, e->hour, &w, ret_first) ? 0 : no_memory(err);
}

int presence_change(struct presence *p, const struct visit_change *c, uint32_t *ret_before,
                    uint32_t *ret_after, struct err *err) {
    const struct visit_facts *f = &c->facts;
    struct presence_day *d = NULL;
    int code = day_ready(p, f->key.site, f->key.day, &d, err);
    if (code)
        return code;
    struct visit_words w = {f->entry_page, f->exit_page, f->attributes};
    *ret_before = 0;
    bool ok = c->before ? presence_day_move_visit(d, f->key.visitor, &w, ret_before, ret_after)
                        : presence_day_begin_visit(d, f->key.visitor, f->visit, &w, ret_after);
    return ok ? 0 : no_memory(err);
}

static struct presence_day *oldest_loaded(const struct presence *p) {
    struct presence_day *oldest = NULL;
    for (size_t i = 0; i < p->day_count; i++)
        if (p->days[i]->loaded && (!oldest || p->days[i]->touch < oldest->touch))
            oldest = p->days[i];
    return oldest;
}

void presence_publish(struct presence *p) {
    for (size_t i = 0; i < p->day_count; i++) {
        struct presence_day *d = p->days[i];
        if (!d->touched)
            continue;
        d->touched = false;
        d->stored = true;
        size_t bytes = presence_day_bytes(d);
        p->bytes += bytes - d->bytes;
        d->bytes = bytes;
    }
    /* The day being written stays, whatever its size: it would be read again for the next batch. */
    struct presence_day *d;
    while (p->bytes > p->most_bytes && (d = oldest_loaded(p)) && d->touch < p->touch) {
        p->bytes -= d->bytes;
        presence_day_let_go(d);
    }
    p->touch++;
}

void presence_discard(struct presence *p) {
    for (size_t i = 0; i < p->day_count; i++)
        if (p->days[i]->touched) {
            p->bytes -= p->days[i]->bytes;
            presence_day_let_go(p->days[i]);
        }
    p->touch++;
}

/* Its place in `days` + 1, or 0. */
static uint32_t day_find(const struct presence *p, uint32_t site, int32_t day) {
    return p->index_cap ? p->index[day_slot(p, site, day)] : 0;
}

void presence_rest(struct presence *p, uint32_t site, int32_t day) {
    uint32_t at = day_find(p, site, day);
    if (!at)
        return;
    p->bytes -= p->days[at - 1]->bytes;
    presence_day_let_go(p->days[at - 1]);
}

void presence_forget(struct presence *p, uint32_t site, int32_t day) {
    uint32_t at = day_find(p, site, day);
    if (!at)
        return;
    struct presence_day *d = p->days[at - 1];
    p->bytes -= d->bytes;
    presence_day_let_go(d);
    free(d);
    p->last = NULL;
    p->days[at - 1] = p->days[--p->day_count];
    memset(p->index, 0, p->index_cap * sizeof(*p->index));
    for (size_t i = 0; i < p->day_count; i++)
        p->index[day_slot(p, p->days[i]->site, p->days[i]->number)] = (uint32_t)i + 1;
}
