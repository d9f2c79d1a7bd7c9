/* day_visits.h — a day's visits on their way from the hot tables to files: the last state of each,
 * in the order of the files, with persons numbered and flags set (seal.h says by what rules).
 *
 * In memory, at most 250 bytes a visit and the different texts; not longer than it takes to write
 * them to the engine's table seal_visit. */
#ifndef TAMIS_STORE_DAY_VISITS_H
#define TAMIS_STORE_DAY_VISITS_H

#include "seal_private.h"
#include "text_column.h"

enum {
    DAY_HOSTNAME = SEAL_DIMS, /* after the dimensions, in their order */
    DAY_TEXTS,
    /* A large day is sorted and written through ENUMs of its values, which is most of this code's
     * speed, but for columns with too many; a small one from its texts. */
    MOST_WORDS = 100000,
    LARGE_FROM = 2000,
};

struct day_visit {
    uint64_t id, visitor; /* in the hot tables */
    int64_t start_sec;
    uint32_t pageviews, events, duration_ms;
    uint32_t person; /* from 0 */
    uint32_t first, varies;
    uint8_t hour, bounce;
    uint32_t texts[DAY_TEXTS]; /* numbers of `columns` */
};

struct day_column {
    struct text_column text;
    uint32_t *ranks; /* of a number: its place among the texts in order, the empty one being 0 */
};

/* All zero is a day without visits. */
struct day_visits {
    struct day_column columns[DAY_TEXTS];
    struct day_visit *visits; /* in the order of the files */
    size_t count, cap;
    size_t persons;
};

static inline bool day_is_large(const struct seal_job *job, uint64_t visits) {
    return visits >= (job->large_from ? job->large_from : LARGE_FROM);
}

/* Reads a site's day and puts it in order. */
int day_visits_read(duckdb_connection c, uint32_t site, int32_t day, struct day_visits *ret,
                    struct err *err) WARN_UNUSED;
/* Makes the temporary table seal_visit: id, and the columns of the visit file. Its rows are in
 * their order. */
int day_visits_write(duckdb_connection c, const struct day_visits *d, const struct seal_job *job,
                     struct err *err) WARN_UNUSED;
void day_visits_release(struct day_visits *d);

#endif
