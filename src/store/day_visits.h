/* day_visits.h — a day's visits on their way from the hot tables to files: the last state of each,
 * in the order of the files, with persons numbered and flags set (seal.h says by what rules).
 *
 * In memory: 56 bytes a visit, 1 to 4 for each text, and the different texts; half as much again
 * while they are read, and 32 bytes each while they are put in order. */
#ifndef TAMIS_STORE_DAY_VISITS_H
#define TAMIS_STORE_DAY_VISITS_H

#include "code_texts.h"
#include "key_numbers.h"
#include "packed.h"
#include "seal_private.h"
#include "text_column.h"

enum {
    DAY_HOSTNAME = SEAL_DIMS, /* after the dimensions, in their order */
    DAY_TEXTS,
};

struct day_visit {
    uint64_t id, visitor; /* in the hot tables */
    int64_t start_sec;
    uint32_t pageviews, events, duration_ms;
    uint32_t person; /* from 0 */
    uint32_t first, varies;
    uint8_t hour, bounce;
};

struct day_column {
    struct text_column text;
    struct packed rows; /* of each visit: its text's number */
    uint32_t *ranks;    /* of a number: its place among the texts in order, the empty one being 0 */
};

/* All zero is a day without visits. */
struct day_visits {
    struct day_column columns[DAY_TEXTS];
    struct day_visit *visits; /* in the order of the files */
    size_t count, cap;
    size_t persons;
};

/* Reads a site's day and puts it in order. `words`: of the hot tables. */
int day_visits_read(duckdb_connection c, uint32_t site, int32_t day, const struct code_texts *words,
                    struct day_visits *ret, struct err *err) WARN_UNUSED;
/* The numbers of a visit's dimensions. */
static inline void day_visit_dims(const struct day_visits *d, size_t visit,
                                  uint32_t ret[SEAL_DIMS]) {
    for (size_t k = 0; k < SEAL_DIMS; k++)
        ret[k] = packed_at(&d->columns[k].rows, visit);
}
void day_visits_release(struct day_visits *d);

#endif
