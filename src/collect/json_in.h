/* json_in.h — reads JSON (RFC 8259) in place, for the one format that arrives by the ten thousand a
 * second.
 *
 * Why not jansson here: an event is read once, forward, and thrown away; building a tree of it
 * costs four times as much as reading it. Strings without escapes borrow from the text, the others
 * are decoded into the arena. Objects and arrays come back as the checked slice of text they fill,
 * to be read by another json_in. Stricter than the RFC where jansson is: no NUL characters, no lone
 * surrogates, UTF-8 only. Depth ≤ 64.
 *
 *     struct json_in in = json_in_of(text, arena);
 *     bool first = true;
 *     if (json_in_open(&in, '{'))
 *         while (json_in_member(&in, &first, &key) && json_in_value(&in, &value)) …
 *     if (!json_in_end(&in)) … it was not valid JSON
 */
#ifndef TAMIS_JSON_IN_H
#define TAMIS_JSON_IN_H

#include "arena.h"
#include "span.h"

enum json_in_kind {
    JSON_IN_NULL,
    JSON_IN_FALSE,
    JSON_IN_TRUE,
    JSON_IN_NUMBER,
    JSON_IN_STRING,
    JSON_IN_OBJECT,
    JSON_IN_ARRAY,
};

struct json_in {
    const char *at, *end;
    struct arena *arena;
    bool failed; /* not JSON; stays so */
    bool nomem;  /* failed for lack of memory */
};

struct json_in_value {
    enum json_in_kind kind;
    struct span text; /* a string's characters, a number's digits, a container's text */
};

static inline struct json_in json_in_of(struct span text, struct arena *arena) {
    return (struct json_in){.at = text.ptr, .end = text.ptr + text.len, .arena = arena};
}

/* Enters the container that begins with `bracket`; false (and nothing consumed) when the next value
 * is none. */
bool json_in_open(struct json_in *in, char bracket);

/* The next member's key, or whether there is a next element. False at the end of the container,
 * which is consumed, or when the text is not JSON. *first starts as true. */
bool json_in_member(struct json_in *in, bool *first, struct span *ret_key);
bool json_in_element(struct json_in *in, bool *first);

/* The next value, whole. False when the text is not JSON. */
bool json_in_value(struct json_in *in, struct json_in_value *ret);

/* Whether the text was valid and is used up. */
bool json_in_end(struct json_in *in);

#endif
