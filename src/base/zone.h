/* zone.h — IANA time zones, read from the system's TZif files (RFC 8536).
 *
 * glibc's localtime() knows one zone a process; a server with sites in many zones needs its own
 * reader. A struct zone is immutable once open and may be shared by threads. */
#ifndef TAMIS_ZONE_H
#define TAMIS_ZONE_H

#include "attr.h"
#include "err.h"
#include "span.h"

struct zone;

struct zone_local {
    int32_t day;    /* local date, days since 1970-01-01 */
    int32_t second; /* second of that local day as the clock on the wall shows it, 0–86399 */
};

/* Opens "Europe/Paris" and the like. ERR_NOT_FOUND for an unknown or ill-formed name. */
int zone_open(struct span name, struct zone **ret, struct err *err) WARN_UNUSED;
void zone_free(struct zone *z);
DEFINE_FREEP(struct zone, zone_free)

const char *zone_name(const struct zone *z);

/* Seconds east of UTC at that moment. */
int32_t zone_offset_sec(const struct zone *z, int64_t ts_ms);

struct zone_local zone_to_local(const struct zone *z, int64_t ts_ms);

/* The first moment (ms) of a local day: the earliest instant whose local date is `day` or later. */
int64_t zone_day_start_ms(const struct zone *z, int32_t day);

/* The moment of a wall-clock time; in a gap the instant after it, in an overlap the earlier one. */
int64_t zone_from_local_ms(const struct zone *z, int32_t day, int32_t second);

#endif
