/* reports.h — questions that are asked of every site, by name: `tamis query --report NAME`. Each is a
 * query over the properties of one event, which docs/api.md writes out. */
#ifndef TAMIS_REPORTS_H
#define TAMIS_REPORTS_H

#include "err.h"
#include "json.h"

/* Adds the report's dimensions and its filter to a request that has lists of both. ERR_INVALID: no
 * such report. */
int report_add(const char *name, json_t *request, struct err *err) WARN_UNUSED;

#endif
