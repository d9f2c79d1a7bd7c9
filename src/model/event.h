/* event.h — what may be kept of one hit, and its encoding.
 *
 * The struct is generated from event_fields.def. It has no field that could hold an address, a
 * user-agent string, a query string or free personal text; only the sieve makes one. */
#ifndef TAMIS_EVENT_H
#define TAMIS_EVENT_H

#include "arena.h"
#include "buf.h"
#include "err.h"
#include "span.h"

enum { EVENT_VERSION = 2 };

/* Those from EVENT_ENGAGEMENT on only say something of a visit that is there: they make none and are
 * not counted as events. */
enum event_kind { EVENT_PAGEVIEW = 0, EVENT_CUSTOM = 1, EVENT_ENGAGEMENT = 2, EVENT_VITALS = 3 };
enum { SCROLL_NONE = 255 };

typedef uint8_t event_u8;
typedef uint32_t event_u32;
typedef uint64_t event_u64;
typedef int32_t event_i32;
typedef int64_t event_i64;
typedef struct span event_text;

#define EVENT_TYPE_U8 event_u8
#define EVENT_TYPE_U32 event_u32
#define EVENT_TYPE_U64 event_u64
#define EVENT_TYPE_I32 event_i32
#define EVENT_TYPE_I64 event_i64
#define EVENT_TYPE_TEXT event_text

/* Text fields borrow: from the request arena on the way in, from the journal's bytes on the way
 * out. */
struct event {
#define FIELD(name, TYPE, unit, most, profiles, purpose, keep, place) EVENT_TYPE_##TYPE name;
#include "event_fields.def"
#undef FIELD
};

enum event_field {
#define FIELD(name, TYPE, unit, most, profiles, purpose, keep, place) EVENT_FIELD_##name,
#include "event_fields.def"
#undef FIELD
    EVENT_FIELDS
};

enum event_type { EVENT_U8, EVENT_U32, EVENT_U64, EVENT_I32, EVENT_I64, EVENT_TEXT };

/* One row of the table, for code that works on any field. */
struct event_field_info {
    const char *name;
    enum event_type type;
    const char *unit;
    uint64_t most;
    unsigned profiles; /* bit set of PROFILE_BIT(enum profile) */
    const char *purpose;
    bool until_seal; /* replaced when the day is sealed */
    bool on_event;   /* has a column in table event */
    size_t offset;   /* in struct event */
    const char *sql_type;
};

extern const struct event_field_info event_fields[EVENT_FIELDS];

/* An event with every text empty (never NULL) and scroll not measured. */
void event_init(struct event *e);

/* Cuts texts to their longest value (at a character) and empties fields that `profile` does not
 * allow. */
void event_restrict(struct event *e, unsigned profile);

/* Appends the encoding: version, then each of its fields in order, integers as LEB128 (signed ones
 * zigzag), text as length and bytes. Nearly all events have no web vitals, and are written as version
 * 1, which ends before them. */
void event_encode(const struct event *e, struct buf *out);

/* Reads one encoding that fills the whole span. Text borrows from `bytes`. ERR_CORRUPT when it does
 * not parse, holds a value over its limit, or has a version that is not known. */
int event_decode(struct span bytes, struct event *ret, struct err *err) WARN_UNUSED;

#endif
