/* seal_rewrite.h — a sealed part without the events of some pages, for erasure by path.
 *
 * Events of a page that matches are left out, as are visits without a counted event left. Where a
 * visit entered or left by such a page, the page becomes empty. Page views and events of a visit
 * are counted anew; bounce and duration stay, they tell of no page. Flags, `varies` and roll-ups
 * are made again. Ordinals stay, so some are missing. The old files are left to the caller. */
#ifndef TAMIS_STORE_SEAL_REWRITE_H
#define TAMIS_STORE_SEAL_REWRITE_H

#include "seal.h"

struct rewrite_job {
    const struct os *os;
    const char *root;
    uint32_t site;
    int32_t day; /* of the part, or any of its month */
    bool month;
    uint32_t part; /* the new one's id */
    struct seal_input input;
    struct span page; /* exactly this, or with '*' at the end: all that begin so */
};

/* events_dropped 0: no page matched, and nothing was written. part.visits 0 then means nothing;
 * otherwise that nothing is left, and no file was written either. */
struct rewrite_result {
    struct seal_result part; /* persons: 0 */
    uint64_t events_dropped, visits_dropped;
};

int seal_rewrite(duckdb_connection c, const struct rewrite_job *job, struct rewrite_result *ret,
                 struct err *err) WARN_UNUSED;

#endif
