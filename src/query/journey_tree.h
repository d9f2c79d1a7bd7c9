/* journey_tree.h — paths of pages as a tree, with how many visits and people took each; private to
 * src/query.
 *
 * A node is a path: the root is the empty one, its children are entry pages. A node's visits go on to
 * a page, which is a child, or end there. Levels are counted from 0, the root.
 *
 * The tree may grow too large to be counted whole. Then what was counted so far is a sample that tells
 * which nodes are likely to be shown. These are `open`: all is counted anew, but only of the open ones
 * what came after them. Whoever is to be shown then and was not open is opened, and it is counted
 * again; so what is shown is the same as of the whole tree. */
#ifndef TAMIS_JOURNEY_TREE_H
#define TAMIS_JOURNEY_TREE_H

#include "err.h"
#include "key_numbers.h"
#include "keyset.h"
#include "walk.h"

struct journey_node {
    uint32_t parent; /* nodes come after their parents */
    uint32_t page;   /* a number of `pages` */
    uint32_t level;
    uint32_t visits, persons;
    uint32_t ended, ended_persons; /* visits that went no further */
    uint32_t last, last_ended;     /* the person counted last */
    /* By journey_choose(): */
    uint32_t
        other; /* visits that went on in ways that are not shown, with `ended` if that is not */
    bool shown, ended_shown;
    bool open;                      /* its children are counted */
    bool wide;                      /* those of its children too that are not there yet */
    uint32_t first_child, children; /* those that are shown, in `shown` */
};

struct journey_tree {
    struct journey_node *nodes;
    uint32_t count, cap;
    struct key_numbers keys; /* parent << 32 | page → node − 1 */
    struct numbering *pages; /* borrowed */
    uint32_t entry;          /* only visits that entered there; 0: all */
    uint32_t levels;         /* how many are counted */
    uint32_t most;           /* nodes */
    bool full;               /* there were more: reading ended there */
    bool pruned;             /* nodes are open or not; else all are */
    uint32_t *shown;         /* nodes, siblings side by side, most visits first */
    uint32_t shown_count;

    /* The visit at hand. */
    uint32_t person, node, page;
    bool any, strayed; /* strayed: nothing more of it counts */
};

int journey_tree_init(struct journey_tree *t, struct numbering *pages, uint32_t most,
                      uint32_t levels, struct err *err) WARN_UNUSED;
void journey_tree_release(struct journey_tree *t);

/* For walk_read(): page views. ERR_FULL: there are more than `most` nodes. */
int journey_tree_take(void *tree, const struct walk_event *e, struct err *err) WARN_UNUSED;
/* Ends the last visit. */
void journey_tree_end(struct journey_tree *t);

/* Opens what is likely to be shown, from what was counted so far. */
int journey_open_likely(struct journey_tree *t, uint32_t limit, struct err *err) WARN_UNUSED;
/* Opens the root alone. */
void journey_open_root(struct journey_tree *t);
/* Makes the tree pruned and begins to count anew: only open nodes stay. */
int journey_tree_again(struct journey_tree *t, struct err *err) WARN_UNUSED;

/* Chooses what is shown: at most `limit` children each, of `threshold` people at least; and what is left
 * over, `other`, is nothing or has as many people. *ret_again: some were not open, and are now. */
int journey_choose(struct journey_tree *t, uint32_t limit, uint32_t threshold, bool *ret_again,
                   struct err *err) WARN_UNUSED;

#endif
