/* cache_file.h — a cache of sealed files, in a DuckDB file of its own below hot/.
 *
 * The file <dir>/<name>.duckdb is attached as database <name>. One that does not open, or is of
 * another version or other tables, is removed and made new: what it held is in the sealed files.
 * Like the hot file it has no write-ahead log, so a crash takes it back to its last checkpoint.
 *
 * One thread writes; no transaction may be open on the connection. */
#ifndef TAMIS_STORE_CACHE_FILE_H
#define TAMIS_STORE_CACHE_FILE_H

#include <duckdb.h>

#include "buf.h"
#include "err.h"
#include "os.h"

struct cache_file {
    const char *name; /* of the database, and of its file */
    uint32_t version;
    struct buf *tables;      /* the statements that make them */
    uint32_t block_bytes;    /* a power of 2; 0: as the engine likes, row groups too */
    uint32_t row_group_rows; /* a multiple of the engine's vectors */
};

/* Before the engine's configuration is locked. *ret_made: the file is new. */
int cache_attach(duckdb_connection c, const struct os *os, const char *dir,
                 const struct cache_file *f, bool *ret_made, struct err *err) WARN_UNUSED;

/* Removes the file and makes a new one without rows. Nothing may select meanwhile: ERR_BUSY. */
int cache_rebuild(duckdb_connection c, const struct os *os, const char *dir,
                  const struct cache_file *f, struct err *err) WARN_UNUSED;

/* Runs statements as one. */
int cache_change(duckdb_connection c, struct buf *body, struct err *err) WARN_UNUSED;

/* "(SELECT unnest([3, 4]))" */
void cache_add_ids(struct buf *sql, const uint32_t *ids, size_t count);

#endif
