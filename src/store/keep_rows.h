/* keep_rows.h — a result as values in memory: struct sql_result of store.h. */
#ifndef TAMIS_STORE_KEEP_ROWS_H
#define TAMIS_STORE_KEEP_ROWS_H

#include <duckdb.h>

#include "store.h"

/* `to` is a struct sql_result **; the engine's result stays the caller's. ERR_UNSUPPORTED: a column of a
 * type that must be cast first; ERR_NOMEM: more than 256 MB. */
int keep_rows(duckdb_result *r, void *to, struct err *err) WARN_UNUSED;

#endif
