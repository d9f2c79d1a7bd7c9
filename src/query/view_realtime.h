/* view_realtime.h — the last thirty minutes of a view's sites, added up. */
#ifndef TAMIS_VIEW_REALTIME_H
#define TAMIS_VIEW_REALTIME_H

#include "query_view.h"

/* *ret: as realtime_run() has it of one site. Each site's figures are those its own profile shows, so that
 * the sum tells no more than they do. */
int view_realtime_run(const struct query_env *env, const struct query_view *v, json_t **ret,
                      struct err *err) WARN_UNUSED;

#endif
