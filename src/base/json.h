/* json.h — JSON in and out, on jansson.
 *
 * Values are jansson's json_t; this header adds what Tamis needs around them: parsing with limits
 * that never echoes input in its error, cleanup, and span access. */
#ifndef TAMIS_JSON_H
#define TAMIS_JSON_H

#include <jansson.h>

#include "attr.h"
#include "buf.h"
#include "err.h"
#include "span.h"

static inline void json_unrefp(json_t **j) {
    json_decref(*j);
}
#define JSON_AUTO CLEANUP(json_unrefp) json_t *

/* Parses a whole text (any value at the top). ERR_INVALID with line and column but none of the
 * input. *ret is owned by the caller. Depth is limited to JSON_MOST_DEPTH by jansson. */
int json_parse(struct span text, json_t **ret, struct err *err) WARN_UNUSED;

/* The bytes of a JSON string, borrowed from `j`; NULL ptr when `j` is no string (or NULL). */
struct span json_span(const json_t *j);

/* Member `key` of an object, borrowed; NULL when absent or `j` is no object. */
json_t *json_member(const json_t *j, const char *key);

/* Appends `j` as compact JSON. ERR_NOMEM only. */
int json_write(const json_t *j, struct buf *out, struct err *err) WARN_UNUSED;

/* Appends a span as a JSON string literal with quotes; bytes that are no UTF-8 become U+FFFD. */
void json_write_string(struct buf *out, struct span s);

#endif
