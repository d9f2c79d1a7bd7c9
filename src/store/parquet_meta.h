/* parquet_meta.h — the records of parquet.thrift that a file has, in Thrift's compact protocol.
 *
 * All append to `out`, whose `failed` says that memory ran out. */
#ifndef TAMIS_STORE_PARQUET_META_H
#define TAMIS_STORE_PARQUET_META_H

#include "buf.h"
#include "parquet.h"

enum parquet_encoding { ENCODE_PLAIN = 0, ENCODE_STEPS = 5, ENCODE_CODES = 8 };
enum parquet_page { PAGE_DATA = 0, PAGE_DICTIONARY = 2 };

/* What is said of a row group's column. */
struct parquet_chunk {
    const struct parquet_column *column;
    enum parquet_encoding encoding;
    size_t rows;
    int64_t dictionary_at, data_at; /* in the file; 0: there is no dictionary */
    int64_t raw_bytes, bytes;       /* with page headers; `bytes` compressed */
    bool has_bounds;
    struct span least, most; /* plain values */
};

void parquet_add_page_header(struct buf *out, enum parquet_page type,
                             enum parquet_encoding encoding, size_t values, size_t raw_bytes,
                             size_t bytes);
void parquet_add_chunk(struct buf *out, const struct parquet_chunk *c);

/* `chunks` are the group's, one after the other. */
void parquet_add_group(struct buf *out, struct span chunks, size_t columns, size_t rows,
                       int64_t raw_bytes);
/* The footer's record; `groups` are one after the other. */
void parquet_add_file(struct buf *out, const struct parquet_column *columns, size_t count,
                      uint64_t rows, struct span groups, size_t group_count);

#endif
