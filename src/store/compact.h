/* compact.h — the parts of a site's month put together into one.
 *
 * The rows stay what they are; only the roll-ups of two parts of one day are summed. Parts are
 * sorted already, and their days or ordinals follow one another, so that their rows are copied one
 * part after the other with little memory; only when parts overlap are they sorted again. */
#ifndef TAMIS_STORE_COMPACT_H
#define TAMIS_STORE_COMPACT_H

#include "seal.h"

/* Writes the part and counts it again before it is published: as many rows as were read, with the
 * same sums. ERR_CORRUPT when they differ. The inputs are left to the caller. ret->visits is the
 * number of visits, ret->persons 0. */
int compact_month(duckdb_connection c, const struct compact_job *job, struct seal_result *ret,
                  struct err *err) WARN_UNUSED;

#endif
