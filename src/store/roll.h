/* roll.h — the roll-up cache: the rows of all roll files in one DuckDB file, ready to be summed.
 *
 * Attached as database `roll`. A table a dimension of the roll files (`roll.person`, `roll.page`,
 * `roll.source` …): site UINTEGER, day INTEGER, part UINTEGER, value VARCHAR, and ROLL_NUMBERS.
 * `roll.loaded (part UINTEGER, rows_of UINTEGER)`: which parts are in, and under which ids their
 * rows are: its own, or, of a compacted month, those of the parts it was made from.
 *
 * The file is a cache of the roll files. One that does not open, or is of another version, is
 * removed and made new, and the caller loads what roll_missing() says. Like the hot file it has no
 * write-ahead log: what was done since the last checkpoint is undone by a crash, so that at start
 * roll_keep() comes first.
 *
 * A part's rows come in sorted by value, parts about by day, so row groups can be skipped. Deleted
 * rows leave their bytes in the file until roll_rebuild().
 *
 * No transaction may be open on the connection; one thread writes. Those that change something do
 * it in one transaction; when it reaches the file is the caller's business (`CHECKPOINT roll`). */
#ifndef TAMIS_STORE_ROLL_H
#define TAMIS_STORE_ROLL_H

#include <duckdb.h>

#include "err.h"
#include "os.h"

/* Attaches <dir>/roll.duckdb before the engine's configuration is locked. `c` is any connection of
 * the engine. *ret_made: the file is new, also when an old one was removed. */
int roll_attach(duckdb_connection c, const struct os *os, const char *dir, bool *ret_made,
                struct err *err) WARN_UNUSED;

/* Removes the file and makes a new one without rows: after an erasure, or when it is damaged.
 * Allowed also when the configuration is locked. Nothing may select meanwhile: ERR_BUSY. */
int roll_rebuild(duckdb_connection c, const struct os *os, const char *dir,
                 struct err *err) WARN_UNUSED;

/* Which of `parts` are not in: their ids, in their order, to `ret` (room for `count`). */
int roll_missing(duckdb_connection c, const uint32_t *parts, size_t count, uint32_t *ret,
                 size_t *ret_count, struct err *err) WARN_UNUSED;

struct roll_source {
    uint32_t site, part;
    const char *path; /* the part's roll file, in full */
};
/* Loads parts, all of them or none: one statement a dimension, however many parts. Those that are in
 * stay as they are. */
int roll_load(duckdb_connection c, const struct roll_source *sources, size_t count,
              struct err *err) WARN_UNUSED;

/* `into` was made from the parts `from`: it is in now, under their ids, and they are not. When one
 * of them was not in, neither is `into`, and none of their rows. */
int roll_merge(duckdb_connection c, const uint32_t *from, size_t count, uint32_t into,
               struct err *err) WARN_UNUSED;

/* Drops the rows of some parts, or of all others. */
int roll_forget(duckdb_connection c, const uint32_t *parts, size_t count,
                struct err *err) WARN_UNUSED;
int roll_keep(duckdb_connection c, const uint32_t *parts, size_t count,
              struct err *err) WARN_UNUSED;

/* Drops the rows of a site's days (both included); its parts stay in. */
int roll_forget_days(duckdb_connection c, uint32_t site, int32_t from_day, int32_t to_day,
                     struct err *err) WARN_UNUSED;

#endif
