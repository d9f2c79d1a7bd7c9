/* span.h — a borrowed slice of bytes.
 *
 * A span never owns. It is valid as long as the arena, buffer or literal behind it; who hands one
 * out says which that is. The bytes are not NUL-terminated. */
#ifndef TAMIS_SPAN_H
#define TAMIS_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
    const char *ptr;
    size_t len;
};

#define SPAN_LIT(s) ((struct span){.ptr = (s), .len = sizeof(s) - 1})
#define SPAN_EMPTY ((struct span){.ptr = "", .len = 0})
/* For printf("%.*s", SPAN_ARG(s)). */
#define SPAN_ARG(s) (int)(s).len, (s).ptr

static inline struct span span_of(const char *ptr, size_t len) {
    return (struct span){.ptr = ptr, .len = len};
}

static inline struct span span_str(const char *s) {
    return s ? (struct span){.ptr = s, .len = strlen(s)} : SPAN_EMPTY;
}

static inline bool span_eq(struct span a, struct span b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline struct span span_from(struct span s, size_t from) {
    return from >= s.len ? span_of(s.ptr + s.len, 0) : span_of(s.ptr + from, s.len - from);
}

static inline struct span span_head(struct span s, size_t len) {
    return span_of(s.ptr, len < s.len ? len : s.len);
}

/* ASCII case folding only. */
static inline char ascii_lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static inline bool ascii_is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Below 0, 0 or above, in the order of bytes. */
static inline int span_compare(struct span a, struct span b) {
    int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

bool span_eq_nocase(struct span a, struct span b);
bool span_starts(struct span s, struct span prefix);
bool span_starts_nocase(struct span s, struct span prefix);
bool span_ends(struct span s, struct span suffix);

/* Position of the first `c` at or after `from`, or s.len. */
size_t span_find(struct span s, char c, size_t from);

/* Position of the first `needle` in s, or SIZE_MAX. */
size_t span_find_span(struct span s, struct span needle);

/* Without ASCII white space at both ends. */
struct span span_trim(struct span s);

/* Cuts the next `sep`-separated piece off *rest; false when nothing is left. "a,,b" gives "a", "",
 * "b". */
bool span_next(struct span *rest, char sep, struct span *ret_piece);

/* Decimal unsigned integer that fills the whole span; false on anything else, overflow included. */
bool span_u64(struct span s, uint64_t *ret);

/* The same with an optional minus sign. */
bool span_i64(struct span s, int64_t *ret);

/* A well-spread 64-bit hash for in-memory tables. Not keyed: never store it, never use it on
 * secrets. */
uint64_t span_hash(struct span s);

/* Bytes that are whole UTF-8 within the first `max` bytes of s: cuts a slice without splitting a
 * character. */
struct span span_utf8_head(struct span s, size_t max);

/* Whether the bytes are valid UTF-8 (no surrogates, no overlong forms). */
bool span_is_utf8(struct span s);

#endif
