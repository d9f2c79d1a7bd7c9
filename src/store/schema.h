/* schema.h — the hot tables, made from event_fields.def and visit_fields.def.
 *
 *   event        event_fields.def, and visit UBIGINT (which visit it belongs to)
 *   visit        visit_fields.def, and two columns of our own that let open visits be picked up
 * after a restart: interactive (0, 1, 2: two or more) and seen_ms (see visits.h) meta         one
 * row: version of the schema, cursor, next visit id import_mark  one row an import: how far it has
 * come */
#ifndef TAMIS_STORE_SCHEMA_H
#define TAMIS_STORE_SCHEMA_H

#include "engine.h"

enum { SCHEMA_VERSION = 1 };

enum { EVENT_COLUMN_visit = EVENT_FIELDS, EVENT_COLUMNS };

enum visit_column {
#define VISIT(name, type, text) VISIT_COLUMN_##name,
#include "visit_fields.def"
#undef VISIT
    VISIT_COLUMN_interactive,
    VISIT_COLUMN_seen_ms,
    VISIT_COLUMNS
};

enum {
    MOST_COLUMNS = (int)VISIT_COLUMNS > (int)EVENT_COLUMNS ? (int)VISIT_COLUMNS : (int)EVENT_COLUMNS
};

struct schema_meta {
    struct cursor cursor;
    uint64_t next_visit;
};

/* Makes the tables in an empty database; in one that has them, reads meta. ERR_CORRUPT: tables of
 * another version or none that we made. */
int schema_open(duckdb_connection c, struct schema_meta *ret, struct err *err) WARN_UNUSED;

/* "a, b, c" — the columns of table visit in order. */
void schema_visit_columns(struct buf *out, const char *prefix);

#endif
