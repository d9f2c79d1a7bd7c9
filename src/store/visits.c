#include "visits.h"

#include "keyset.h"
#include "must.h"
#include "visit_clock.h"

struct slot {
    uint64_t hash;
    struct visit *visit;
};

struct visits {
    struct words *words;
    struct slot *slots;
    size_t slot_count, count;
    size_t most, sweep_at;
    uint64_t next_visit, touch;
    struct clocks clocks;

    struct visit_change *changes; /* staged */
    size_t change_count, change_cap;
    uint32_t *change_index; /* position + 1 of the latest change of a key */
    size_t change_index_cap;
    struct clocks staged_clocks;
    uint64_t staged_next_visit, staged_touch;
};

static uint64_t key_hash(struct visit_key k) {
    return mix64(k.visitor ^ mix64(((uint64_t)k.site << 32) ^ (uint32_t)k.day));
}

static bool key_eq(struct visit_key a, struct visit_key b) {
    return a.visitor == b.visitor && a.site == b.site && a.day == b.day;
}

/* --- a visit ------------------------------------------------------------------------------------
 */

struct visit *visit_new(const struct visit_facts *facts) {
    struct visit *v = malloc(sizeof(*v));
    if (v)
        v->facts = *facts;
    return v;
}

/* --- the table ----------------------------------------------------------------------------------
 */

static struct slot *table_slot(const struct visits *t, struct visit_key key, uint64_t hash) {
    size_t at = hash & (t->slot_count - 1);
    while (t->slots[at].visit &&
           (t->slots[at].hash != hash || !key_eq(t->slots[at].visit->facts.key, key)))
        at = (at + 1) & (t->slot_count - 1);
    return &t->slots[at];
}

static bool table_reserve(struct visits *t, size_t count) {
    size_t want = t->slot_count ? t->slot_count : 1024;
    while (want * 3 / 4 < count)
        want *= 2;
    if (want == t->slot_count)
        return true;
    struct slot *slots = calloc(want, sizeof(*slots));
    if (!slots)
        return false;
    struct slot *old = t->slots;
    size_t old_count = t->slot_count;
    t->slots = slots;
    t->slot_count = want;
    for (size_t i = 0; i < old_count; i++)
        if (old[i].visit)
            *table_slot(t, old[i].visit->facts.key, old[i].hash) = old[i];
    free(old);
    return true;
}

static void table_put(struct visits *t, struct visit *v) {
    uint64_t hash = key_hash(v->facts.key);
    struct slot *slot = table_slot(t, v->facts.key, hash);
    if (!slot->visit)
        t->count++;
    free(slot->visit);
    *slot = (struct slot){.hash = hash, .visit = v};
}

static bool let_go(const struct visits *t, const struct visit_facts *f) {
    int64_t newest = clock_newest(clocks_find(&t->clocks, f->key.site), f->key.day);
    return newest == INT64_MIN || newest - f->seen_ms > VISIT_SLACK_MS;
}

static int by_number(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Frees visits that are let go, and those touched before `oldest`. */
static void sweep_once(struct visits *t, uint64_t oldest) {
    struct slot *old = t->slots;
    size_t old_count = t->slot_count;
    size_t live = 0;
    for (size_t i = 0; i < old_count; i++)
        if (old[i].visit &&
            (old[i].visit->facts.touch < oldest || let_go(t, &old[i].visit->facts))) {
            free(old[i].visit);
            old[i].visit = NULL;
        } else if (old[i].visit) {
            live++;
        }
    size_t want = 1024;
    while (want / 2 < live)
        want *= 2;
    struct slot *slots = calloc(want, sizeof(*slots));
    t->count = live;
    if (slots) {
        t->slots = slots;
        t->slot_count = want;
        for (size_t i = 0; i < old_count; i++)
            if (old[i].visit)
                *table_slot(t, old[i].visit->facts.key, old[i].hash) = old[i];
        free(old);
        return;
    }
    /* No memory for a smaller table: close the gaps in place, moving each visit to where a search
     * finds it. Twice, because a chain may wrap around the table's end. */
    for (size_t pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < old_count; i++) {
            struct slot s = old[i];
            if (!s.visit)
                continue;
            old[i].visit = NULL;
            *table_slot(t, s.visit->facts.key, s.hash) = s;
        }
}

static void sweep(struct visits *t) {
    if (t->count < t->sweep_at)
        return;
    sweep_once(t, 0);
    if (t->count > t->most) {
        /* A step below the limit, so that this is rare. */
        size_t keep = t->most - t->most / 8;
        uint64_t *touches = malloc(t->count * sizeof(*touches));
        size_t n = 0;
        for (size_t i = 0; touches && i < t->slot_count; i++)
            if (t->slots[i].visit)
                touches[n++] = t->slots[i].visit->facts.touch;
        if (touches) {
            qsort(touches, n, sizeof(*touches), by_number);
            sweep_once(t, touches[n - keep]);
        } else {
            sweep_once(t, UINT64_MAX);
        }
        free(touches);
    }
    t->sweep_at = t->count * 2;
    if (t->sweep_at > t->most)
        t->sweep_at = t->most + 1;
    if (t->sweep_at < 4096 && t->most > 4096)
        t->sweep_at = 4096;
}

struct visits *visits_new(size_t most, uint64_t next_visit, struct words *words) {
    struct visits *t = calloc(1, sizeof(*t));
    if (!t)
        return NULL;
    t->words = words;
    t->most = most;
    t->sweep_at = most < 4096 ? most + 1 : 4096;
    t->next_visit = t->staged_next_visit = next_visit;
    if (!table_reserve(t, 1)) {
        free(t);
        return NULL;
    }
    return t;
}

void visits_free(struct visits *t) {
    visits_discard(t);
    for (size_t i = 0; i < t->slot_count; i++)
        free(t->slots[i].visit);
    free(t->slots);
    free(t->changes);
    free(t->change_index);
    clocks_release(&t->clocks);
    clocks_release(&t->staged_clocks);
    free(t);
}

void visits_forget(struct visits *t, uint32_t site, int32_t day) {
    clocks_forget(&t->clocks, site, day);
}

void visits_drop_forgotten(struct visits *t) {
    sweep_once(t, 0);
}

int visits_load_clock(struct visits *t, uint32_t site, int32_t day, int64_t newest_ms,
                      struct err *err) {
    struct site_clock *c = clocks_get(&t->clocks, site);
    if (!c)
        return err_set(err, ERR_NOMEM, "no memory for open visits");
    clock_touch(c, day, newest_ms);
    return 0;
}

int visits_load(struct visits *t, struct visit *v, struct err *err) {
    if (!table_reserve(t, t->count + 1)) {
        free(v);
        return err_set(err, ERR_NOMEM, "no memory for open visits");
    }
    const struct visit *known = table_slot(t, v->facts.key, key_hash(v->facts.key))->visit;
    if (v->facts.touch >= t->touch)
        t->touch = t->staged_touch = v->facts.touch + 1;
    if (known && (known->facts.visit > v->facts.visit ||
                  (known->facts.visit == v->facts.visit && known->facts.touch > v->facts.touch))) {
        free(v);
        return 0;
    }
    table_put(t, v);
    sweep(t);
    return 0;
}

/* --- a batch ------------------------------------------------------------------------------------
 */

static bool reserve_changes(struct visits *t) {
    if (t->change_count < t->change_cap)
        return true;
    size_t cap = t->change_cap ? t->change_cap * 2 : 256;
    struct visit_change *changes = realloc(t->changes, cap * sizeof(*changes));
    if (!changes)
        return false;
    t->changes = changes;
    uint32_t *index = calloc(cap * 2, sizeof(*index));
    if (!index)
        return false;
    free(t->change_index);
    t->change_index = index;
    t->change_index_cap = cap * 2;
    t->change_cap = cap;
    for (size_t i = 0; i < t->change_count; i++) {
        size_t at = key_hash(changes[i].facts.key) & (cap * 2 - 1);
        while (index[at] && !key_eq(changes[index[at] - 1].facts.key, changes[i].facts.key))
            at = (at + 1) & (cap * 2 - 1);
        index[at] = (uint32_t)i + 1;
    }
    return true;
}

static uint32_t *change_slot(const struct visits *t, struct visit_key key, uint64_t hash) {
    size_t at = hash & (t->change_index_cap - 1);
    while (t->change_index[at] && !key_eq(t->changes[t->change_index[at] - 1].facts.key, key))
        at = (at + 1) & (t->change_index_cap - 1);
    return &t->change_index[at];
}

static bool joins(const struct visit_facts *f, int64_t newest_ms, const struct event *e) {
    return e->ts_ms <= f->last_ms + VISIT_SILENCE_MS &&
           e->ts_ms >= f->start_ms - VISIT_SILENCE_MS &&
           (newest_ms == INT64_MIN || newest_ms - f->seen_ms <= VISIT_SLACK_MS);
}

static void begin(struct visit_change *c, const struct event *e, uint64_t visit,
                  uint32_t attributes) {
    *c = (struct visit_change){
        .facts = {.visit = visit,
                  .key = {.site = e->site, .day = e->day, .visitor = e->visitor},
                  .start_ms = e->ts_ms,
                  .last_ms = e->ts_ms,
                  .attributes = attributes,
                  .hour = e->hour},
    };
}

static void add(struct visit_change *c, const struct event *e, uint32_t page) {
    struct visit_facts *f = &c->facts;
    if (e->ts_ms > f->last_ms)
        f->last_ms = e->ts_ms;
    if (e->ts_ms < f->start_ms)
        f->start_ms = e->ts_ms;
    if (e->kind == EVENT_ENGAGEMENT)
        return;
    f->events++;
    if (e->interactive && f->interactive < 2)
        f->interactive++;
    if (e->kind != EVENT_PAGEVIEW)
        return;
    if (f->pageviews++ == 0)
        f->entry_page = page;
    f->exit_page = page;
}

/* The staged copy of a site's clock. */
static struct site_clock *stage_clock(struct visits *t, uint32_t site) {
    struct site_clock *staged = clocks_find(&t->staged_clocks, site);
    if (staged)
        return staged;
    const struct site_clock *known = clocks_find(&t->clocks, site);
    staged = clocks_get(&t->staged_clocks, site);
    if (staged && known)
        *staged = *known;
    return staged;
}

int visits_stage(struct visits *t, const struct event *e, uint32_t page, uint64_t *ret_visit,
                 struct err *err) {
    struct visit_key key = {.site = e->site, .day = e->day, .visitor = e->visitor};
    uint64_t hash = key_hash(key);
    struct site_clock *clock = stage_clock(t, e->site);
    if (!clock || !reserve_changes(t))
        return err_set(err, ERR_NOMEM, "no memory for open visits");
    int64_t newest = clock_newest(clock, e->day);

    uint32_t *slot = change_slot(t, key, hash);
    struct visit_change *c = *slot ? &t->changes[*slot - 1] : NULL;
    const struct visit *known = c ? NULL : table_slot(t, key, hash)->visit;
    if (c && !joins(&c->facts, newest, e))
        c = NULL;
    if (known && !joins(&known->facts, newest, e))
        known = NULL;
    if (!c && !known && e->kind >= EVENT_ENGAGEMENT)
        return 0;
    if (e->kind == EVENT_VITALS) {
        *ret_visit = c ? c->facts.visit : known->facts.visit;
        return 1;
    }
    if (!c) {
        uint32_t attributes = 0;
        int code = known ? 0 : words_set(t->words, e, &attributes, err);
        if (code)
            return code;
        c = &t->changes[t->change_count++];
        *slot = (uint32_t)t->change_count;
        if (known)
            *c = (struct visit_change){.before = known, .facts = known->facts};
        else
            begin(c, e, t->staged_next_visit++, attributes);
    }
    add(c, e, page);
    c->facts.seen_ms = clock_touch(clock, e->day, e->ts_ms);
    c->facts.touch = t->staged_touch++;
    *ret_visit = c->facts.visit;
    return 1;
}

int visits_finish(struct visits *t, struct err *err) {
    if (!table_reserve(t, t->count + t->change_count) ||
        !clocks_reserve(&t->clocks, t->clocks.count + t->staged_clocks.count))
        return err_set(err, ERR_NOMEM, "no memory for open visits");
    for (size_t i = 0; i < t->change_count; i++) {
        struct visit_change *c = &t->changes[i];
        c->after = visit_new(&c->facts);
        if (!c->after)
            return err_set(err, ERR_NOMEM, "no memory for open visits");
    }
    return 0;
}

size_t visits_change_count(const struct visits *t) {
    return t->change_count;
}

const struct visit_change *visits_change(const struct visits *t, size_t i) {
    must(i < t->change_count);
    return &t->changes[i];
}

uint64_t visits_next_id(const struct visits *t) {
    return t->staged_next_visit;
}

static void end_batch(struct visits *t) {
    enum { KEEP = 4096 }; /* an idle server holds no large batch's memory */
    t->change_count = 0;
    clocks_clear(&t->staged_clocks);
    if (t->change_cap > KEEP) {
        free(t->changes);
        free(t->change_index);
        t->changes = NULL;
        t->change_index = NULL;
        t->change_cap = t->change_index_cap = 0;
    } else if (t->change_index) {
        memset(t->change_index, 0, t->change_index_cap * sizeof(*t->change_index));
    }
}

void visits_publish(struct visits *t) {
    for (size_t i = 0; i < t->staged_clocks.count; i++) {
        struct site_clock *c = clocks_get(&t->clocks, t->staged_clocks.items[i].site);
        must(c);
        *c = t->staged_clocks.items[i];
    }
    for (size_t i = 0; i < t->change_count; i++)
        table_put(t, TAKE_PTR(t->changes[i].after));
    t->next_visit = t->staged_next_visit;
    t->touch = t->staged_touch;
    end_batch(t);
    sweep(t);
}

void visits_discard(struct visits *t) {
    for (size_t i = 0; i < t->change_count; i++)
        free(t->changes[i].after);
    t->staged_next_visit = t->next_visit;
    t->staged_touch = t->touch;
    end_batch(t);
}
