#include "view.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store_private.h"

/* --- hot files ----------------------------------------------------------------------------------
 */

struct generation *generation_new(struct store *s, unsigned opening, unsigned number) {
    struct generation *g = calloc(1, sizeof(*g));
    if (!g)
        return NULL;
    atomic_init(&g->refs, 1);
    g->store = s;
    g->opening = opening;
    g->number = number;
    (void)snprintf(g->name, sizeof(g->name), "h%u", number);
    return g;
}

struct generation *generation_ref(struct generation *g) {
    atomic_fetch_add(&g->refs, 1);
    return g;
}

void generation_unref(struct generation *g) {
    if (atomic_fetch_sub(&g->refs, 1) != 1)
        return;
    struct store *s = g->store;
    /* While the engine is closed or opened anew that closes its files. */
    if (!atomic_load(&s->shut) && pthread_rwlock_tryrdlock(&s->gate) == 0) {
        if (s->hot.db && s->opening == g->opening)
            engine_detach(s->hot.db, g->name);
        pthread_rwlock_unlock(&s->gate);
    }
    free(g);
}

/* --- parts --------------------------------------------------------------------------------------
 */

enum part_path { PATH_EVENT, PATH_VISIT, PATH_ROLL, PATHS };

/* A part as the views share it. */
struct part {
    atomic_uint refs;
    _Atomic unsigned dead;  /* bits of enum part_path: these files go with the last view */
    _Atomic unsigned cells; /* opening << CELLS_BITS | enum cells_state */
    struct sealed_part facts;
    char *paths[PATHS];
};

static void part_free(struct part *p) {
    for (size_t i = 0; i < ARRAY_LEN(p->paths); i++) {
        if (p->paths[i] && atomic_load(&p->dead) & 1U << i)
            (void)unlink(p->paths[i]);
        free(p->paths[i]);
    }
    free(p);
}

static void part_unref(struct part *p, struct store *s) {
    if (atomic_fetch_sub(&p->refs, 1) != 1)
        return;
    cells_note_gone(s, p->facts.id);
    part_free(p);
}

static struct part *part_new(const struct sealed_part *facts) {
    struct part *p = calloc(1, sizeof(*p));
    if (!p)
        return NULL;
    atomic_init(&p->refs, 1);
    p->facts = *facts;
    const char **paths[] = {&p->facts.event_path, &p->facts.visit_path, &p->facts.roll_path};
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        if (!*paths[i])
            continue;
        *paths[i] = p->paths[i] = strdup(*paths[i]);
        if (!p->paths[i]) {
            part_free(p);
            return NULL;
        }
    }
    return p;
}

static int by_site_and_day(const void *a, const void *b) {
    const struct sealed_part *x = &(*(struct part *const *)a)->facts;
    const struct sealed_part *y = &(*(struct part *const *)b)->facts;
    if (x->site != y->site)
        return x->site < y->site ? -1 : 1;
    if (x->from_day != y->from_day)
        return x->from_day < y->from_day ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* --- views --------------------------------------------------------------------------------------
 */

static bool removes(const struct store_change *change, uint32_t id) {
    for (size_t i = 0; i < change->removed_count; i++)
        if (change->removed[i] == id)
            return true;
    return false;
}

static bool add_part(struct store_view *v, struct part *p) {
    if (!p)
        return false;
    v->parts[v->count++] = p;
    if (v->watermark < p->facts.id)
        v->watermark = p->facts.id;
    if (cursor_before(v->until, p->facts.until))
        v->until = p->facts.until;
    return true;
}

static bool fill(struct store_view *v, const struct store_view *before,
                 const struct store_change *change) {
    size_t most = (before ? before->count : 0) + change->added_count;
    v->parts = calloc(most + 1, sizeof(*v->parts));
    v->facts = calloc(most + 1, sizeof(*v->facts));
    if (!v->parts || !v->facts)
        return false;
    for (size_t i = 0; before && i < before->count; i++) {
        if (removes(change, before->facts[i].id))
            continue;
        atomic_fetch_add(&before->parts[i]->refs, 1);
        (void)add_part(v, before->parts[i]);
    }
    for (size_t i = 0; i < change->added_count; i++)
        if (!add_part(v, part_new(&change->added[i])))
            return false;
    qsort(v->parts, v->count, sizeof(struct part *), by_site_and_day);
    for (size_t i = 0; i < v->count; i++)
        v->facts[i] = v->parts[i]->facts;
    return true;
}

int view_make(const struct store_view *before, struct generation *g,
              const struct store_change *change, struct store_view **ret, struct err *err) {
    CLEANUP(view_unrefp) struct store_view *v = calloc(1, sizeof(*v));
    if (!v) {
        generation_unref(g);
        return err_set(err, ERR_NOMEM, "no memory for the list of sealed days");
    }
    atomic_init(&v->refs, 1);
    v->generation = g;
    /* Even when the latest part has gone its id does not come back. */
    v->watermark = before ? before->watermark : 0;
    if (!fill(v, before, change))
        return err_set(err, ERR_NOMEM, "no memory for the list of sealed days");
    *ret = TAKE_PTR(v);
    return 0;
}

/* The files of a part that is taken away, but those it is shown again with. */
static unsigned buried(const struct store_change *change, uint32_t id) {
    unsigned dead = (1U << PATHS) - 1;
    for (size_t i = 0; i < change->added_count; i++) {
        const struct sealed_part *p = &change->added[i];
        if (p->id != id)
            continue;
        dead &= ~((p->event_path ? 1U << PATH_EVENT : 0) | (p->visit_path ? 1U << PATH_VISIT : 0) |
                  (p->roll_path ? 1U << PATH_ROLL : 0));
    }
    return dead;
}

void view_bury(const struct store_view *v, const struct store_change *change) {
    for (size_t i = 0; i < v->count; i++)
        if (removes(change, v->facts[i].id))
            atomic_store(&v->parts[i]->dead, buried(change, v->facts[i].id));
}

struct store_view *view_ref(struct store_view *v) {
    atomic_fetch_add(&v->refs, 1);
    return v;
}

void view_unref(struct store_view *v) {
    if (atomic_fetch_sub(&v->refs, 1) != 1)
        return;
    for (size_t i = 0; i < v->count; i++)
        part_unref(v->parts[i], v->generation->store);
    free(v->parts);
    free(v->facts);
    generation_unref(v->generation);
    free(v);
}

bool store_view_holds(const struct store_view *v, uint32_t site, int32_t day, struct cursor at) {
    size_t low = 0, high = v->count; /* the site's first part */
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (v->facts[middle].site < site)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < v->count && v->facts[low].site == site && v->facts[low].from_day <= day; low++)
        if (day <= v->facts[low].to_day && cursor_before(at, v->facts[low].until))
            return true;
    return false;
}

/* --- cells --------------------------------------------------------------------------------------
 */

enum { CELLS_BITS = 2 };

enum cells_state view_cells(const struct store_view *v, size_t i) {
    unsigned cells = atomic_load(&v->parts[i]->cells);
    return cells >> CELLS_BITS == v->generation->opening ? cells & ((1U << CELLS_BITS) - 1)
                                                         : CELLS_UNKNOWN;
}

void view_set_cells(const struct store_view *v, size_t i, enum cells_state state) {
    atomic_store(&v->parts[i]->cells, v->generation->opening << CELLS_BITS | state);
}

bool store_view_has_cells(const struct store_view *v, const struct sealed_part *part) {
    return view_cells(v, (size_t)(part - v->facts)) == CELLS_READY;
}

/* --- for others ---------------------------------------------------------------------------------
 */

int store_view_open(struct store *s, struct store_view **ret, struct err *err) {
    pthread_mutex_lock(&s->view_lock);
    struct store_view *v = s->view ? view_ref(s->view) : NULL;
    pthread_mutex_unlock(&s->view_lock);
    if (!v)
        return err_set(err, ERR_BUSY, "the hot tables are not open");
    *ret = v;
    return 0;
}

void store_view_close(struct store_view *v) {
    view_unref(v);
}

const struct sealed_part *store_view_parts(const struct store_view *v, size_t *ret_count) {
    *ret_count = v->count;
    return v->facts;
}

uint32_t store_view_watermark(const struct store_view *v) {
    return v->watermark;
}

/* --- publishing ---------------------------------------------------------------------------------
 */

void publish_view(struct store *s, struct store_view *v) {
    pthread_mutex_lock(&s->view_lock);
    struct store_view *before = s->view;
    s->view = v;
    pthread_mutex_unlock(&s->view_lock);
    readers_keep(&s->readers, v ? v->generation->number : 0);
    if (before)
        view_unref(before);
}
