/* roll_portions.h — the rows of several roll files in portions by (dim, day), in the files' order, so that a
 * small engine can add each up: a month of a large site has a million rows, and the engine takes
 * 300 bytes for each that it sums. */
#ifndef TAMIS_STORE_ROLL_PORTIONS_H
#define TAMIS_STORE_ROLL_PORTIONS_H

#include "seal_private.h"

/* Keys from the first to the last, both included. */
struct roll_portion {
    char *first_dim, *last_dim;
    int32_t first_day, last_day;
    uint64_t rows; /* of all files */
};

/* All zero has none. */
struct roll_portions {
    struct roll_portion *at;
    size_t count, cap;
};

/* `files` is what a SELECT reads them FROM. A portion has about 65,000 rows at most, or those of one
 * dimension's day. Released by the caller, also after an error. ERR_NOMEM, or what the engine says. */
int roll_portions_find(struct roll_portions *p, duckdb_connection c, struct buf *files,
                       struct err *err) WARN_UNUSED;
void roll_portions_release(struct roll_portions *p);

/* " WHERE …": its rows and no others. */
void roll_portion_add_where(const struct roll_portion *p, struct buf *sql);

#endif
