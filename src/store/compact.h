/* compact.h — the parts of a site's month put together into one.
 *
 * The rows stay what they are; only the roll-ups of two parts of one day are summed. Parts are
 * sorted already, and so are copied a run of days after the other (compact_runs.h), and roll-ups are
 * added up in portions (roll_portions.h): a month of 4 M events takes less than 64 MB of
 * the engine's memory. */
#ifndef TAMIS_STORE_COMPACT_H
#define TAMIS_STORE_COMPACT_H

#include "seal.h"

/* Writes the part and counts it again before it is published: as many rows as were read, with the
 * same sums. ERR_CORRUPT when they differ. The inputs are left to the caller. ret->visits is the
 * number of visits, ret->persons 0. */
int compact_month(duckdb_connection c, const struct compact_job *job, struct seal_result *ret,
                  struct err *err) WARN_UNUSED;

#endif
