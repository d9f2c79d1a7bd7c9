/* cell_private.h — the statements that build one day's cells; private to cell_build.c, cell_pages.c
 * and cell_names.c.
 *
 * Each step reads a part's files and the temporary tables of those before it. */
#ifndef TAMIS_STORE_CELL_PRIVATE_H
#define TAMIS_STORE_CELL_PRIVATE_H

#include "cell.h"
#include "seal_private.h"

struct unit {
    const struct cell_source *part;
    int32_t day;
};

/* Bits of CELL_DIMENSIONS in `first` and `varies`. */
enum {
    CELL_BITS = 0
#define X(name) | (int)FIRST_OF(name)
    CELL_DIMENSIONS(X)
#undef X
};

/* The day's rows of a file, as what may stand in FROM. */
void cell_put_events(struct buf *sql, const struct unit *u);
void cell_put_visits(struct buf *sql, const struct unit *u);
/* "INSERT INTO cell.<table> SELECT cell, site, day" */
void cell_put_into(struct buf *sql, const struct unit *u, const char *table);

/* Where sums v, a, m and o (of visits, again, more and other) are not all 0. */
extern const char cell_some[];

/* --- cell_pages.c: after cell_visit (visit, person, cell, entry, run, first, varies …) and
 *     cell_entry (cell, entry, run, visits, again …) --- */

void cell_add_pages(struct buf *sql, const struct unit *u);

/* --- cell_names.c: after cell_new and cell_visit --- */

/* cell_mixed, which again_page needs. */
void cell_add_mixed(struct buf *sql, const struct unit *u);
/* And cell_other, which `again` needs: persons of whom it does not say what names they have. */
void cell_add_names(struct buf *sql, const struct unit *u);
void cell_add_pairs(struct buf *sql, const struct unit *u);

#endif
