/* vitals.h — what a browser measured of a page, within bounds. */
#ifndef TAMIS_VITALS_H
#define TAMIS_VITALS_H

#include "event.h"
#include "hit.h"

/* Fills lcp_ms, inp_ms and cls_milli. Values below 0, or above what event_fields.def allows (ten
 * minutes, and a shift of 100), are left out and counted in *ret_dropped. False: none is left. */
bool vitals_fill(const struct hit *hit, struct event *e, unsigned *ret_dropped);

#endif
