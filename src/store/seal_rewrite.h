/* seal_rewrite.h — a sealed part without the events of some pages or days, for erasure.
 *
 * Events that match are left out, as are visits without a counted event left. Where a
 * visit entered or left by such a page, the page becomes empty. Page views and events of a visit
 * are counted anew; bounce and duration stay, they tell of no page. Flags, `varies` and roll-ups
 * are made again. Ordinals stay, so some are missing. The old files are left to the caller. */
#ifndef TAMIS_STORE_SEAL_REWRITE_H
#define TAMIS_STORE_SEAL_REWRITE_H

#include "seal.h"

int seal_rewrite(duckdb_connection c, const struct rewrite_job *job, struct rewrite_result *ret,
                 struct err *err) WARN_UNUSED;

#endif
