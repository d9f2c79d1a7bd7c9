/* query_annotations.h — what a site's owner noted on the days of a range. */
#ifndef TAMIS_QUERY_ANNOTATIONS_H
#define TAMIS_QUERY_ANNOTATIONS_H

#include "query.h"

/* `date_range`: a name as in queries, or two dates with a comma between; empty: all there are.
 * *ret: {"results":[{id, date, to, text}, …],"meta":{}}, by date. Errors as query_run(). */
int annotations_run(const struct query_env *env, const struct policy *policy,
                    struct span date_range, json_t **ret, struct err *err) WARN_UNUSED;

#endif
