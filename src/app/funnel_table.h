/* funnel_table.h — replies about funnels and journeys as replies of queries, which reply_table.h
 * prints. */
#ifndef TAMIS_APP_FUNNEL_TABLE_H
#define TAMIS_APP_FUNNEL_TABLE_H

#include <stdbool.h>

#include "json.h"

/* With `bars` for people: a column of bars, paths indented; without for machines: paths in one text,
 * " > " between pages. A new reply, or NULL on out of memory. */
json_t *funnel_table(const json_t *reply, bool bars);
json_t *journey_table(const json_t *reply, bool bars);

#endif
