/* read_chunks.h — a result handed on chunk by chunk, as it lies in the engine's memory. */
#ifndef TAMIS_STORE_READ_CHUNKS_H
#define TAMIS_STORE_READ_CHUNKS_H

#include <duckdb.h>

#include "store.h"

/* `reader` is a struct sql_reader; the result stays the caller's. */
int read_chunks(duckdb_result *r, void *reader, struct err *err) WARN_UNUSED;

#endif
