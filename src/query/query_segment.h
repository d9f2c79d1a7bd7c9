/* query_segment.h — filters that name saved ones: ["is", "segment", [name or number, …]]. */
#ifndef TAMIS_QUERY_SEGMENT_H
#define TAMIS_QUERY_SEGMENT_H

#include "query.h"

enum { QUERY_MOST_SEGMENTS = 20 }; /* named in one query */

/* *ret: a copy of the request whose filters have those of its segments in the segments' place, so
 * that they count towards every limit; NULL when it names none. Segments of other sites are unknown
 * ones. ERR_INVALID: err->text is for the sender. */
int segments_expand(const struct query_env *env, const struct policy *policy, const json_t *request,
                    json_t **ret, struct err *err) WARN_UNUSED;

/* Whether queries of the site take `filters`, which may not name a segment. */
int segment_check(const struct query_env *env, const struct policy *policy, const json_t *filters,
                  struct err *err) WARN_UNUSED;

#endif
