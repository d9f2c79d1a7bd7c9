#include "journey_tree.h"

#include <stdlib.h>

static int no_memory(struct err *err) {
    return err_set(err, ERR_NOMEM, "out of memory");
}

static bool add_node(struct journey_tree *t, struct journey_node node) {
    if (t->count == t->cap) {
        uint32_t cap = t->cap ? t->cap * 2 : 256;
        struct journey_node *nodes = realloc(t->nodes, cap * sizeof(*nodes));
        if (!nodes)
            return false;
        t->nodes = nodes;
        t->cap = cap;
    }
    t->nodes[t->count++] = node;
    return true;
}

int journey_tree_init(struct journey_tree *t, struct numbering *pages, uint32_t most,
                      struct err *err) {
    *t = (struct journey_tree){.pages = pages, .most = most};
    return add_node(t, (struct journey_node){.shown = true}) ? 0 : no_memory(err);
}

void journey_tree_release(struct journey_tree *t) {
    free(t->nodes);
    free(t->shown);
    key_numbers_release(&t->keys);
    *t = (struct journey_tree){0};
}

/* --- counting -----------------------------------------------------------------------------------
 */

/* UINT32_MAX: there is none, and none is to be made. */
static int child_of(struct journey_tree *t, uint32_t parent, uint32_t page, uint32_t *ret,
                    struct err *err) {
    uint32_t level = t->nodes[parent].level + 1, known = t->keys.count, number;
    if (!key_numbers_get(&t->keys, (uint64_t)parent << 32 | page, &number))
        return no_memory(err);
    *ret = number + 1;
    if (number < known)
        return 0;
    struct journey_node node = {.parent = parent, .page = page, .level = level};
    return add_node(t, node) ? 0 : no_memory(err);
}

static bool was_shown(const struct journey_tree *t, uint32_t parent, uint32_t page, uint32_t *ret) {
    const struct journey_node *p = &t->nodes[parent];
    for (uint32_t i = 0; i < p->children; i++) {
        *ret = t->shown[p->first_child + i];
        if (t->nodes[*ret].page == page)
            return true;
    }
    return false;
}

static void count_visit(struct journey_tree *t, struct journey_node *n) {
    n->visits++;
    n->persons += n->last != t->person;
    n->last = t->person;
}

static void begin_visit(struct journey_tree *t) {
    t->node = 0;
    t->page = 0;
    t->strayed = false;
    if (t->frozen == 0 && !t->entry)
        count_visit(t, &t->nodes[0]);
}

static void end_visit(struct journey_tree *t) {
    struct journey_node *n = &t->nodes[t->node];
    if (t->strayed || n->level < t->frozen || n->level == t->levels || t->node == 0)
        return;
    n->ended++;
    n->ended_persons += n->last_ended != t->person;
    n->last_ended = t->person;
}

static int go_on(struct journey_tree *t, uint32_t page, struct err *err) {
    uint32_t level = t->nodes[t->node].level, next = 0;
    t->strayed = level == t->levels || (level == 0 && t->entry && page != t->entry);
    if (t->strayed)
        return 0;
    if (level == 0 && t->entry && t->frozen == 0)
        count_visit(t, &t->nodes[0]);
    if (level < t->frozen) {
        t->strayed = !was_shown(t, t->node, page, &next);
        t->node = t->strayed ? t->node : next;
        return 0;
    }
    int code = child_of(t, t->node, page, &next, err);
    if (code)
        return code;
    t->full |= t->count > t->most;
    t->node = next;
    count_visit(t, &t->nodes[next]);
    return 0;
}

/* A page that is seen again right away is no step. */
int journey_tree_take(void *tree, const struct walk_event *e, struct err *err) {
    struct journey_tree *t = tree;
    if (t->full)
        return 0;
    if (e->new_visit) {
        if (t->any)
            end_visit(t);
        t->person += e->new_person;
        t->any = true;
        begin_visit(t);
    }
    if (t->strayed || (e->value == t->page && t->node != 0))
        return 0;
    t->page = e->value;
    return go_on(t, e->value, err);
}

void journey_tree_end(struct journey_tree *t) {
    if (t->any && !t->full)
        end_visit(t);
    t->any = false;
}

/* --- one level after the other ------------------------------------------------------------------
 */

/* Those that are shown and not below `frozen`, with new numbers. */
static bool keep_nodes(struct journey_tree *t, const struct journey_node *old, uint32_t count,
                       uint32_t *place) {
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0 && (!old[i].shown || old[i].level > t->frozen))
            continue;
        struct journey_node n = old[i];
        uint32_t number;
        place[i] = t->count;
        n.parent = place[n.parent];
        n.last = n.last_ended = 0;
        if (t->frozen == 0)
            n = (struct journey_node){.shown = true};
        if (i > 0 && !key_numbers_get(&t->keys, (uint64_t)n.parent << 32 | n.page, &number))
            return false;
        if (!add_node(t, n))
            return false;
    }
    return true;
}

int journey_tree_begin(struct journey_tree *t, uint32_t frozen, uint32_t levels, struct err *err) {
    struct journey_node *old = t->nodes;
    uint32_t count = t->count, kept = 0;
    uint32_t *place = calloc(count, sizeof(*place));
    if (!place)
        return no_memory(err);
    key_numbers_release(&t->keys);
    t->nodes = NULL;
    t->count = t->cap = 0;
    t->frozen = frozen;
    t->levels = levels;
    t->person = 0;
    t->full = t->any = false;
    bool ok = keep_nodes(t, old, count, place);
    for (uint32_t i = 0; i < t->shown_count; i++)
        if (old[t->shown[i]].level <= frozen)
            t->shown[kept++] = place[t->shown[i]];
    t->shown_count = kept;
    free(place);
    free(old);
    return ok ? 0 : no_memory(err);
}

/* --- what is shown ------------------------------------------------------------------------------
 */

static int compare_siblings(const void *a, const void *b, void *tree) {
    const struct journey_tree *t = tree;
    const struct journey_node *x = &t->nodes[*(const uint32_t *)a];
    const struct journey_node *y = &t->nodes[*(const uint32_t *)b];
    if (x->parent != y->parent)
        return x->parent < y->parent ? -1 : 1;
    if (x->visits != y->visits)
        return x->visits > y->visits ? -1 : 1;
    struct span none = SPAN_EMPTY;
    return span_compare(x->page ? t->pages->texts[x->page - 1] : none,
                        y->page ? t->pages->texts[y->page - 1] : none);
}

/* What is left over of a node once some children and perhaps `ended` are shown. */
struct rest {
    uint32_t visits;
    uint32_t persons; /* at least so many: of them the part that has most */
};

static struct rest rest_of(const struct journey_tree *t, const struct journey_node *n,
                           const uint32_t *children, uint32_t count) {
    struct rest r = {n->visits, 0};
    if (n->ended_shown)
        r.visits -= n->ended;
    else
        r.persons = n->ended_persons;
    for (uint32_t i = 0; i < count; i++) {
        const struct journey_node *child = &t->nodes[children[i]];
        if (child->shown)
            r.visits -= child->visits;
        else if (child->persons > r.persons)
            r.persons = child->persons;
    }
    return r;
}

/* Takes the smallest part back. */
static void hide_one(struct journey_tree *t, struct journey_node *n, const uint32_t *children,
                     uint32_t count) {
    struct journey_node *least = NULL;
    for (uint32_t i = 0; i < count; i++)
        if (t->nodes[children[i]].shown)
            least = &t->nodes[children[i]];
    if (n->ended_shown && n->ended > 0 && (!least || n->ended < least->visits))
        n->ended_shown = false;
    else if (least)
        least->shown = false;
}

/* `children` are sorted. What is left over must not be a handful, since it follows from the others:
 * then one more part goes there, which has people enough. */
static void choose_of(struct journey_tree *t, struct journey_node *n, const uint32_t *children,
                      uint32_t count, uint32_t limit, uint32_t threshold) {
    uint32_t shown = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct journey_node *child = &t->nodes[children[i]];
        child->shown = shown < limit && child->persons >= threshold;
        shown += child->shown;
    }
    n->ended_shown = n->ended == 0 || n->ended_persons >= threshold;
    struct rest r = rest_of(t, n, children, count);
    if (r.visits > 0 && r.persons < threshold) {
        hide_one(t, n, children, count);
        r = rest_of(t, n, children, count);
    }
    n->other = r.visits;
    n->first_child = t->shown_count;
    for (uint32_t i = 0; i < count; i++)
        if (t->nodes[children[i]].shown)
            t->shown[t->shown_count++] = children[i];
    n->children = t->shown_count - n->first_child;
}

int journey_choose(struct journey_tree *t, uint32_t limit, uint32_t threshold, struct err *err) {
    uint32_t *sorted = calloc(t->count, sizeof(*sorted)), count = 0;
    uint32_t *list = realloc(t->shown, (t->shown_count + t->count) * sizeof(*list));
    t->shown = list ? list : t->shown;
    if (!sorted || !list) {
        free(sorted);
        return no_memory(err);
    }
    for (uint32_t i = 1; i < t->count; i++)
        if (t->nodes[i].level > t->frozen)
            sorted[count++] = i;
    qsort_r(sorted, count, sizeof(*sorted), compare_siblings, t);
    if (t->frozen == 0)
        t->nodes[0].shown = t->nodes[0].persons >= threshold;
    uint32_t from = 0;
    for (uint32_t i = 0; i < t->count; i++) {
        struct journey_node *n = &t->nodes[i];
        uint32_t to = from;
        while (to < count && t->nodes[sorted[to]].parent == i)
            to++;
        if (n->shown && n->level >= t->frozen && n->level < t->levels)
            choose_of(t, n, sorted + from, to - from, limit, threshold);
        from = to;
    }
    free(sorted);
    return 0;
}
