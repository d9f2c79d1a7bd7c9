/* annotations.h — what a site's owner notes on days of the chart. Thread-safe, as control.h. */
#ifndef TAMIS_ANNOTATIONS_H
#define TAMIS_ANNOTATIONS_H

#include "control.h"

/* `text`: 1 to 300 bytes in one line. Days are local dates of the site, both included. */
int control_annotation_add(struct control *c, struct span domain, int32_t from_day, int32_t to_day,
                           struct span text, uint64_t *ret_id, struct err *err) WARN_UNUSED;
/* Those that touch the days: objects with id, date, to ("2026-01-31") and text, by date. */
int control_annotation_list(struct control *c, struct span domain, int32_t from_day, int32_t to_day,
                            json_t **ret, struct err *err) WARN_UNUSED;
int control_annotation_remove(struct control *c, uint64_t id, struct err *err) WARN_UNUSED;

#endif
