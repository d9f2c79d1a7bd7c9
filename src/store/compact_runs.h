/* compact_runs.h — in which order the rows of a month's parts follow one another in the month.
 *
 * A part's rows are in order of (day, visit), and the ordinals of a day's second part come after those of
 * its first. So the month is made of runs of days, each of one part: nothing has to be sorted. */
#ifndef TAMIS_STORE_COMPACT_RUNS_H
#define TAMIS_STORE_COMPACT_RUNS_H

#include "seal_private.h"

struct compact_run {
    size_t input; /* of the job's */
    int32_t first_day, last_day;
};

/* All zero has none. */
struct compact_runs {
    struct compact_run *at;
    size_t count, cap;
};

/* Of one kind of file. Released by the caller, also after an error. ERR_CORRUPT: two parts share
 * visits of a day; ERR_NOMEM, or what the engine says. */
int compact_runs_find(struct compact_runs *r, duckdb_connection c, const struct compact_job *job,
                      enum seal_kind kind, struct err *err) WARN_UNUSED;
void compact_runs_release(struct compact_runs *r);

#endif
