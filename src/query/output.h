/* output.h — the output rule of a site's profile: what of a query's sums may be shown; private to
 * src/query. docs/output-rules.md has the attacks it is against and what it leaves open.
 *
 * No state: a question has one answer, however often and beside whatever others it is asked. */
#ifndef TAMIS_QUERY_OUTPUT_H
#define TAMIS_QUERY_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "err.h"
#include "policy.h"

struct filter;
struct query;
struct range;

enum {
    OUTPUT_CNIL_LEAST = 10, /* persons, and what its counts are rounded to */
    OUTPUT_CNIL_MOST_ATTRIBUTES = 3,
    OUTPUT_FRUGAL_LEAST = 5,
};

struct output {
    int unit;   /* counts are shown to the nearest multiple; 1: as they are */
    int least;  /* rows of fewer visitors are not shown, nobody and a few alike; 0: all are */
    bool cells; /* a filter on attributes of visits adds up rows, each under the two above */
    int least_measured; /* a quartile is shown of so many measurements */
    bool by_site;       /* of a view: each site's rows are under the first two, then added up */
};

static inline bool output_shows_all(const struct output *o) {
    return o->unit == 1 && o->least == 0;
}

/* The query's dimensions are whole by now: "time" has become one of the others. */
struct output output_rule(const struct query *q, enum profile profile);

/* ERR_INVALID: the profile does not answer such questions. */
int output_check(const struct query *q, enum profile profile, int64_t now_ms,
                 struct err *err) WARN_UNUSED;

/* Of what people did one after another: at least two things of the same person. */
struct output output_rule_of_walks(enum profile profile);
/* output_check() for these. `f`: filters of visits, or of a step. */
int output_check_walk(const struct filter *f, enum profile profile, struct err *err) WARN_UNUSED;
int output_check_walk_range(const struct range *r, enum profile profile, int64_t now_ms,
                            struct err *err) WARN_UNUSED;
/* A count as it may be shown: nobody is 0, anybody at least the unit. */
int64_t output_rounded(const struct output *rule, int64_t count);

/* The stricter of both, in all there is. */
struct output output_stricter(struct output a, const struct output *b);

/* The query whose rows are added up to those of `q`: under a rule with cells it is also split by the
 * attributes of its filter, before its own dimensions, and before these by site, if the rule is by
 * site. place[i]: where dimension i of q is. */
struct query output_cells(const struct query *q, enum profile profile, size_t *place);

/* --- output_sql.c --- */

/* output_rounded() in SQL. */
void output_put_rounded(const struct output *rule, struct buf *out, const char *value);

#endif
