#include "journey_tree.h"

#include <stdlib.h>

enum {
    MOST_THIN = 4000,    /* visits of a node in a sample that tells little about its children */
    MOST_LIKELY = 20,    /* times the children that are shown */
    MOST_OPENED = 10000, /* from a sample */
};

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
                      uint32_t levels, struct err *err) {
    *t = (struct journey_tree){.pages = pages, .most = most, .levels = levels};
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

static int child_of(struct journey_tree *t, uint32_t parent, uint32_t page, uint32_t *ret,
                    struct err *err) {
    uint32_t level = t->nodes[parent].level + 1, known = t->keys.count, number;
    if (!key_numbers_get(&t->keys, (uint64_t)parent << 32 | page, &number))
        return no_memory(err);
    *ret = number + 1;
    if (number < known)
        return 0;
    bool open = t->nodes[parent].wide && t->count < t->most / 4 * 3;
    struct journey_node node = {
        .parent = parent, .page = page, .level = level, .open = open, .wide = open};
    return add_node(t, node) ? 0 : no_memory(err);
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
    if (!t->entry)
        count_visit(t, &t->nodes[0]);
}

static void end_visit(struct journey_tree *t) {
    struct journey_node *n = &t->nodes[t->node];
    if (t->strayed || n->level == t->levels || t->node == 0)
        return;
    n->ended++;
    n->ended_persons += n->last_ended != t->person;
    n->last_ended = t->person;
}

static int go_on(struct journey_tree *t, uint32_t page, struct err *err) {
    const struct journey_node *n = &t->nodes[t->node];
    uint32_t next = 0;
    t->strayed = n->level == t->levels || (t->pruned && !n->open) ||
                 (n->level == 0 && t->entry && page != t->entry);
    if (t->strayed)
        return 0;
    if (n->level == 0 && t->entry)
        count_visit(t, &t->nodes[0]);
    int code = child_of(t, t->node, page, &next, err);
    if (code)
        return code;
    t->node = next;
    count_visit(t, &t->nodes[next]);
    t->full = t->count > t->most;
    return t->full ? err_set(err, ERR_FULL, "too many paths") : 0;
}

/* A page that is seen again right away is no step. */
int journey_tree_take(void *tree, const struct walk_event *e, struct err *err) {
    struct journey_tree *t = tree;
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

/* --- what is shown ------------------------------------------------------------------------------
 */

static int compare_siblings(const void *a, const void *b, void *tree) {
    const struct journey_tree *t = tree;
    const struct journey_node *x = &t->nodes[*(const uint32_t *)a];
    const struct journey_node *y = &t->nodes[*(const uint32_t *)b];
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

/* Nodes by their parent. */
struct families {
    uint32_t *from; /* of node i: its children are members[from[i] … from[i + 1]) */
    uint32_t *members;
};

static void families_release(struct families *f) {
    free(f->from);
    free(f->members);
}

static bool families_make(const struct journey_tree *t, struct families *ret) {
    *ret = (struct families){calloc((size_t)t->count + 2, sizeof(uint32_t)),
                             calloc(t->count, sizeof(uint32_t))};
    if (!ret->from || !ret->members)
        return false;
    uint32_t *next =
        ret->from + 1; /* where the next child goes; afterwards where the others' begin */
    for (uint32_t i = 1; i < t->count; i++)
        next[t->nodes[i].parent + 1]++;
    for (uint32_t i = 0; i < t->count; i++)
        next[i + 1] += next[i];
    for (uint32_t i = 1; i < t->count; i++)
        ret->members[next[t->nodes[i].parent]++] = i;
    return true;
}

/* A node's children, those with most visits first. */
static uint32_t *children_of(struct journey_tree *t, const struct families *f, uint32_t node,
                             uint32_t *ret_count) {
    uint32_t *children = f->members + f->from[node];
    *ret_count = f->from[node + 1] - f->from[node];
    qsort_r(children, *ret_count, sizeof(*children), compare_siblings, t);
    return children;
}

int journey_choose(struct journey_tree *t, uint32_t limit, uint32_t threshold, bool *ret_again,
                   struct err *err) {
    CLEANUP(families_release) struct families f;
    uint32_t *list = realloc(t->shown, t->count * sizeof(*list)), count;
    t->shown = list ? list : t->shown;
    if (!families_make(t, &f) || !list)
        return no_memory(err);
    bool again = false;
    t->shown_count = 0;
    t->nodes[0].shown = t->nodes[0].persons >= threshold;
    for (uint32_t i = 0; i < t->count; i++) {
        struct journey_node *n = &t->nodes[i];
        if (!n->shown || n->level == t->levels)
            continue;
        const uint32_t *children = children_of(t, &f, i, &count);
        choose_of(t, n, children, count, limit, threshold);
        again |= t->pruned && !n->open;
        n->open = true;
    }
    *ret_again = again;
    return 0;
}

/* --- counting in parts --------------------------------------------------------------------------
 */

/* Whether a node may have as many visits as its sibling, which had more in a sample: they differ by
 * at most three times what chance makes of them. */
static bool may_reach(uint64_t visits, uint64_t more) {
    return (more - visits) * (more - visits) <= 9 * (more + visits);
}

/* How many of the sorted siblings are likely to be among the first `limit`. */
static uint32_t likely_of(const struct journey_tree *t, const uint32_t *siblings, uint32_t count,
                          uint32_t limit) {
    if (count <= limit)
        return count;
    uint32_t last = t->nodes[siblings[limit - 1]].visits, n = limit;
    while (n < count && n < limit * MOST_LIKELY && may_reach(t->nodes[siblings[n]].visits, last))
        n++;
    return n;
}

int journey_open_likely(struct journey_tree *t, uint32_t limit, struct err *err) {
    CLEANUP(families_release) struct families f;
    if (!families_make(t, &f))
        return no_memory(err);
    journey_open_root(t);
    uint32_t opened = 1, count;
    for (uint32_t i = 0; i < t->count; i++) {
        if (!t->nodes[i].open || t->nodes[i].level + 1 >= t->levels)
            continue;
        const uint32_t *children = children_of(t, &f, i, &count);
        t->nodes[i].wide = i > 0 && t->nodes[i].visits <= MOST_THIN;
        uint32_t likely = likely_of(t, children, count, limit);
        for (uint32_t k = 0; k < likely && opened < MOST_OPENED; k++, opened++)
            t->nodes[children[k]].open = true;
    }
    return 0;
}

void journey_open_root(struct journey_tree *t) {
    for (uint32_t i = 0; i < t->count; i++) {
        t->nodes[i].open = i == 0;
        t->nodes[i].wide = false;
    }
}

/* Open nodes with new numbers, and nothing counted; parents come before their children. */
static bool keep_open(struct journey_tree *t, const struct journey_node *old, uint32_t count,
                      uint32_t *place) {
    for (uint32_t i = 0; i < count; i++) {
        if (!old[i].open || old[i].level == t->levels)
            continue;
        struct journey_node n = {.parent = place[old[i].parent],
                                 .page = old[i].page,
                                 .level = old[i].level,
                                 .shown = i == 0,
                                 .open = true,
                                 .wide = old[i].wide};
        uint32_t number;
        place[i] = t->count;
        if (i > 0 && !key_numbers_get(&t->keys, (uint64_t)n.parent << 32 | n.page, &number))
            return false;
        if (!add_node(t, n))
            return false;
    }
    return true;
}

int journey_tree_again(struct journey_tree *t, struct err *err) {
    uint32_t *place = calloc(t->count, sizeof(*place));
    if (!place)
        return no_memory(err);
    struct journey_node *old = t->nodes;
    uint32_t count = t->count;
    key_numbers_release(&t->keys);
    t->nodes = NULL;
    t->count = t->cap = t->person = 0;
    t->full = t->any = false;
    t->pruned = true;
    bool ok = keep_open(t, old, count, place);
    free(place);
    free(old);
    return ok ? 0 : no_memory(err);
}
