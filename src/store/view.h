/* view.h — what one query sees: which hot file, and which sealed parts.
 *
 * A view never changes. Publishing makes the next one; whoever holds the old one goes on with it,
 * and what only old views knew (a hot file that was replaced, the files of a part that was taken
 * away) is removed with the last of them. Any thread; see store.h for the functions of others. */
#ifndef TAMIS_STORE_VIEW_H
#define TAMIS_STORE_VIEW_H

#include <stdatomic.h>

#include "err.h"
#include "store.h"

enum { GENERATION_NAME = 16 };

/* One hot file as a database of the engine. */
struct generation {
    atomic_uint refs;
    struct store *store;
    unsigned opening; /* which opening of the engine it belongs to */
    unsigned number;
    char name[GENERATION_NAME];
};

struct generation *generation_new(struct store *s, unsigned opening, unsigned number) WARN_UNUSED;
struct generation *generation_ref(struct generation *g);
/* The last one closes the file. */
void generation_unref(struct generation *g);
DEFINE_FREEP(struct generation, generation_unref)

struct store_view {
    atomic_uint refs;
    struct generation *generation;
    uint32_t watermark;
    struct cursor until; /* behind the events of all parts */
    struct part **parts; /* sorted like `facts` */
    struct sealed_part *facts;
    size_t count;
};

/* The view after `before` (may be NULL) with this hot file and these changes. Paths are copied.
 * Takes over the reference to `g`, also on an error. */
int view_make(const struct store_view *before, struct generation *g,
              const struct store_change *change, struct store_view **ret,
              struct err *err) WARN_UNUSED;
/* The files of the removed parts go with the last view that has them. */
void view_bury(const struct store_view *v, const struct store_change *change);

/* Whether the cell cache has a part's rows. What was set before the engine was opened again is
 * forgotten. */
enum cells_state { CELLS_UNKNOWN, CELLS_READY, CELLS_NONE /* they cannot be built */ };
enum cells_state view_cells(const struct store_view *v, size_t i);
void view_set_cells(const struct store_view *v, size_t i, enum cells_state state);

struct store_view *view_ref(struct store_view *v);
void view_unref(struct store_view *v);
DEFINE_FREEP(struct store_view, view_unref)

#endif
