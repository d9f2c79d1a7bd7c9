/* view_annotations.h — what the owners of a view's sites noted on the days of a range. */
#ifndef TAMIS_VIEW_ANNOTATIONS_H
#define TAMIS_VIEW_ANNOTATIONS_H

#include "query_view.h"

/* As annotations_run() has it of one site, by date; each says in "site" whose it is. */
int view_annotations_run(const struct query_env *env, const struct query_view *v,
                         struct span date_range, json_t **ret, struct err *err) WARN_UNUSED;

#endif
