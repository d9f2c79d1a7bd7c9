/* cell.h — writing the cell cache, whose tables cell_tables.h explains.
 *
 * The caller decides when a change reaches the file (`CHECKPOINT cell`). One thread writes; no
 * transaction may be open on the connection. */
#ifndef TAMIS_STORE_CELL_H
#define TAMIS_STORE_CELL_H

#include <duckdb.h>

#include "cell_tables.h"
#include "err.h"
#include "os.h"

/* Attaches <dir>/cell.duckdb before the engine's configuration is locked. */
int cell_attach(duckdb_connection c, const struct os *os, const char *dir,
                struct err *err) WARN_UNUSED;

struct cell_source {
    uint32_t site, part;
    int32_t from_day, to_day;
    const char *event_path, *visit_path; /* in full */
};

/* Builds the next day of the part that is not in, or, when none is left, notes that all are:
 * *ret_complete. All or nothing. */
int cell_build(duckdb_connection c, const struct cell_source *part, bool *ret_complete,
               struct err *err) WARN_UNUSED;

/* The cells of those of `gone` that lie in the days of `month` become its own, when they were several and
 * make up its visits: it was compacted from them. Nobody may read them any more. *ret_taken. */
int cell_take_over(duckdb_connection c, const struct cell_source *month, uint64_t visits,
                   const uint32_t *gone, size_t count, bool *ret_taken,
                   struct err *err) WARN_UNUSED;

/* Drops the rows of some parts. *ret_any: there were some. */
int cell_forget(duckdb_connection c, const uint32_t *parts, size_t count, bool *ret_any,
                struct err *err) WARN_UNUSED;

#endif
