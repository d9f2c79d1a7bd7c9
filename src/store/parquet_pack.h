/* parquet_pack.h — the two ways in which numbers are packed on a Parquet page (Encodings.md).
 *
 * Both append to `out`, whose `failed` says that memory ran out. */
#ifndef TAMIS_STORE_PARQUET_PACK_H
#define TAMIS_STORE_PARQUET_PACK_H

#include "buf.h"

/* RLE / bit-packing hybrid of codes below 1 << width; width 1 to 32. */
void parquet_pack_codes(struct buf *out, const uint32_t *codes, size_t count, unsigned width);

/* DELTA_BINARY_PACKED, blocks of 128 in four miniblocks. `narrow`: for a column of 32 bits, signed
 * or not. */
void parquet_pack_steps(struct buf *out, const int64_t *values, size_t count, bool narrow);

#endif
