/* segments.h — saved filters of a site, by name. Thread-safe, as control.h. */
#ifndef TAMIS_SEGMENTS_H
#define TAMIS_SEGMENTS_H

#include "control.h"

/* Keeps `filters`, a list as queries take it, under a name of at most 100 bytes that no other
 * segment of the site has. Whether a query takes them is for the caller to find out before.
 * ERR_EXISTS: the name is taken. */
int control_segment_add(struct control *c, struct span domain, struct span name,
                        const json_t *filters, uint64_t *ret_id, struct err *err) WARN_UNUSED;
/* Objects with id, created_ms, name and filters, by name. */
int control_segment_list(struct control *c, struct span domain, json_t **ret,
                         struct err *err) WARN_UNUSED;
int control_segment_remove(struct control *c, struct span domain, struct span name,
                           struct err *err) WARN_UNUSED;
/* The filters of the site's segment of that name or, if there is none, of that number.
 * ERR_NOT_FOUND. */
int control_segment_filters(struct control *c, uint32_t site, struct span name, json_t **ret,
                            struct err *err) WARN_UNUSED;

#endif
