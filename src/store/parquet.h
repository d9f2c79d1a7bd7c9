/* parquet.h — writes one Parquet file: flat, without NULLs, zstd.
 *
 * DuckDB writes such files too, but takes rows through its own tables to do so. Here columns come as
 * numbers, texts as the numbers they have in a table, and nothing is held but one row group's column
 * at a time: about 10 MB for half a million rows, and the page at hand.
 *
 * Format: https://github.com/apache/parquet-format, README.md, Encodings.md, parquet.thrift. Each
 * column of a row group is a dictionary page and one data page of the codes (RLE_DICTIONARY), or
 * differences (DELTA_BINARY_PACKED), or, where a dictionary of texts would not pay, plain pages of a
 * megabyte. Pages are DATA_PAGE (version 1), columns REQUIRED, so that there are no levels.
 *
 * One thread at a time. */
#ifndef TAMIS_STORE_PARQUET_H
#define TAMIS_STORE_PARQUET_H

#include "err.h"
#include "os.h"
#include "span.h"

enum parquet_type { PARQUET_U8, PARQUET_U32, PARQUET_I32, PARQUET_U64, PARQUET_I64, PARQUET_TEXT };

enum {
    /* At most. Row groups are what a query skips and what threads share, but each repeats the
     * dictionaries of its texts: half a million rows cost a tenth less than a quarter of one. */
    PARQUET_GROUP_ROWS = 491520,
    PARQUET_COLUMNS = 48,
};

struct parquet_column {
    const char *name;
    enum parquet_type type;
    bool near; /* its numbers are mostly different, and each near the one before */
};

struct parquet;

/* Makes the file, or empties it. `columns` stays with the caller until the end; `level` is zstd's. */
int parquet_open(const struct os *os, const char *path, const struct parquet_column *columns,
                 size_t count, int level, struct parquet **ret, struct err *err) WARN_UNUSED;

/* A row group of 1 to PARQUET_GROUP_ROWS rows: then come its columns, in order, all of them. */
void parquet_begin_group(struct parquet *p, size_t rows);
/* Numbers within the column's type; none below 0 where it has no sign. */
int parquet_put_numbers(struct parquet *p, const int64_t *values, struct err *err) WARN_UNUSED;
/* Texts by their numbers: 0 is the empty one, that of i is texts[i - 1]. */
int parquet_put_texts(struct parquet *p, const uint32_t *numbers, const struct span *texts,
                      uint32_t text_count, struct err *err) WARN_UNUSED;

/* Writes what makes it a file, closes it, and says how many rows it has. Not synced. */
int parquet_end(struct parquet *p, uint64_t *ret_rows, struct err *err) WARN_UNUSED;
/* Closes the file if it is still open. */
void parquet_free(struct parquet *p);
DEFINE_FREEP(struct parquet, parquet_free)

#endif
