/* output.h — the output rule of a site's profile: what of a query's sums may be shown; private to
 * src/query. docs/output-rules.md has the attacks it is against and what it leaves open.
 *
 * No state: a question has one answer, however often and beside whatever others it is asked. */
#ifndef TAMIS_QUERY_OUTPUT_H
#define TAMIS_QUERY_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"
#include "policy.h"

struct query;

enum {
    OUTPUT_CNIL_LEAST = 10, /* persons, and what its counts are rounded to */
    OUTPUT_CNIL_MOST_ATTRIBUTES = 3,
    OUTPUT_FRUGAL_LEAST = 5,
};

struct output {
    int unit;   /* counts are shown to the nearest multiple; 1: as they are */
    int least;  /* rows of fewer visitors are not shown, nobody and a few alike; 0: all are */
    bool cells; /* a filter on attributes of visits adds up rows, each under the two above */
};

static inline bool output_shows_all(const struct output *o) {
    return o->unit == 1 && o->least == 0;
}

/* The query's dimensions are whole by now: "time" has become one of the others. */
struct output output_rule(const struct query *q, enum profile profile);

/* ERR_INVALID: the profile does not answer such questions. */
int output_check(const struct query *q, enum profile profile, int64_t now_ms,
                 struct err *err) WARN_UNUSED;

/* The query whose rows are added up to those of `q`; under a rule with cells it is also split by
 * the attributes of its filter, before its own dimensions. place[i]: where dimension i of q is. */
struct query output_cells(const struct query *q, enum profile profile, size_t *place);

#endif
