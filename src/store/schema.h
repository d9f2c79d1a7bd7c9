/* schema.h — the hot tables, made from event_fields.def and visit_fields.def.
 *
 *   event_row      the fields of event_fields.def that are not its visit's, those of EVENT_WORDS as
 *                  codes of words, props NULL when there are none, web vitals in place of the
 *                  revenue (vitals_pack.h); then visit UBIGINT (which visit it
 *                  belongs to) and first UINTEGER (flags, see first.h)
 *   visit_row      the values of visit_fields.def, its figures (pageviews, events, bounce,
 *                  duration_ms) times sign, so that they are summed as they are; entry_page and
 *                  exit_page as codes of words, and those attributes that are looked at most;
 *                  attributes: the code of the set of all; first; and two columns of our own that
 *                  let open visits be picked up after a restart: interactive (0, 1, 2: two or more)
 *                  and seen_ms (see visits.h)
 *   word           code UINTEGER, value VARCHAR: 0 is the empty text, 1 is pageview
 *   attribute_set  code UINTEGER, the attributes of visit_fields.def
 *   meta           one row: version of the schema, cursor, next visit id, and the last part whose
 *                  days were taken out of here
 *   import_mark    one row an import: how far it has come
 *
 * Views `event` and `visit` give the rows with their texts and plain figures, and the number of the
 * row as `rowid`. */
#ifndef TAMIS_STORE_SCHEMA_H
#define TAMIS_STORE_SCHEMA_H

#include "engine.h"
#include "words.h"

enum { SCHEMA_VERSION = 3 };

#define COLUMN_EVENT(name) EVENT_COLUMN_##name,
#define COLUMN_BOTH(name) EVENT_COLUMN_##name,
#define COLUMN_VISIT(name)
#define COLUMN_PACKED(name)
enum event_column {
#define FIELD(name, TYPE, unit, most, profiles, purpose, keep, place) COLUMN_##place(name)
#include "event_fields.def"
#undef FIELD
    EVENT_COLUMN_visit,
    EVENT_COLUMN_first,
    EVENT_COLUMNS
};

enum visit_column {
#define VISIT(name, type, text) VISIT_COLUMN_##name,
#define VISIT_WORD(name, text) VISIT_COLUMN_##name,
#define VISIT_CODED(name, text) VISIT_COLUMN_##name,
#include "visit_fields.def"
    VISIT_COLUMN_attributes,
    VISIT_COLUMN_first,
    VISIT_COLUMN_interactive,
    VISIT_COLUMN_seen_ms,
    VISIT_COLUMNS
};

enum { WORD_COLUMN_code, WORD_COLUMN_value, WORD_COLUMNS };
enum { SET_COLUMN_code, SET_COLUMN_texts, SET_COLUMNS = SET_COLUMN_texts + ATTRIBUTES };

enum {
    MOST_COLUMNS = (int)VISIT_COLUMNS > (int)EVENT_COLUMNS ? (int)VISIT_COLUMNS : (int)EVENT_COLUMNS
};

struct schema_meta {
    struct cursor cursor;
    uint64_t next_visit;
    uint32_t seen_part; /* no rows are left here of the days of parts up to this one */
};

/* Makes the tables in the connection's database when it is empty; when it has them, reads meta.
 * ERR_CORRUPT: tables of another version or none that we made. */
int schema_open(duckdb_connection c, struct schema_meta *ret, struct err *err) WARN_UNUSED;

/* Makes the tables with this meta in the database `name`. */
int schema_make(duckdb_connection c, const char *name, const struct schema_meta *meta,
                struct err *err) WARN_UNUSED;

/* "p.a, p.b, p.c" — the columns of visit_row, and the attributes of a set, in order. */
void schema_visit_columns(struct buf *out, const char *prefix);
void schema_attributes(struct buf *out, const char *prefix);

#endif
