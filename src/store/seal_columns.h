/* seal_columns.h — the columns of a part's files, in order (seal.h says what they hold). */
#ifndef TAMIS_STORE_SEAL_COLUMNS_H
#define TAMIS_STORE_SEAL_COLUMNS_H

#include "parquet.h"
#include "seal_private.h"

struct seal_columns {
    struct parquet_column at[PARQUET_COLUMNS];
    size_t count;
};

/* Event files have columns of web vitals where some event has any: `vitals`. */
struct seal_columns seal_columns_of(enum seal_kind kind, bool vitals);

#endif
