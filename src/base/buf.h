/* buf.h — a growable byte buffer that owns its bytes.
 *
 * Appending never fails half-way: on out-of-memory the buffer keeps what it had and `failed` is
 * set, so a caller may append many times and check once. */
#ifndef TAMIS_BUF_H
#define TAMIS_BUF_H

#include "attr.h"
#include "span.h"

struct buf {
    char *data;
    size_t len;
    size_t cap;
    bool failed; /* an append ran out of memory; the content is incomplete */
};

void buf_release(struct buf *b);
static inline void buf_releasep(struct buf *b) {
    buf_release(b);
}
#define BUF_AUTO CLEANUP(buf_releasep) struct buf
void buf_clear(struct buf *b); /* keeps the memory */

void buf_add(struct buf *b, struct span s);
void buf_addc(struct buf *b, char c);
void buf_adds(struct buf *b, const char *s);
void buf_addf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Little-endian integers and LEB128 variable-length integers (1–10 bytes). */
void buf_add_u32le(struct buf *b, uint32_t v);
void buf_add_u64le(struct buf *b, uint64_t v);
void buf_add_varint(struct buf *b, uint64_t v);

/* Room for `n` more bytes at data + len; false on out of memory. */
bool buf_reserve(struct buf *b, size_t n) WARN_UNUSED;

static inline struct span buf_span(const struct buf *b) {
    return span_of(b->data ? b->data : "", b->len);
}

/* The content as a NUL-terminated string (the NUL is not counted), borrowed; NULL when incomplete.
 */
const char *buf_cstr(struct buf *b);

/* Reading counterpart: cuts values off the front of *s; false when the bytes run out or do not
 * parse. */
bool take_u32le(struct span *s, uint32_t *ret);
bool take_u64le(struct span *s, uint64_t *ret);
bool take_long_varint(struct span *s, uint64_t *ret); /* of any length; see take_varint() */

static inline bool take_u8(struct span *s, uint8_t *ret) {
    if (s->len < 1)
        return false;
    *ret = (uint8_t)*s->ptr++;
    s->len--;
    return true;
}

/* Nearly all are one byte. */
static inline bool take_varint(struct span *s, uint64_t *ret) {
    if (s->len < 1 || *s->ptr & 0x80)
        return take_long_varint(s, ret);
    *ret = (uint8_t)*s->ptr++;
    s->len--;
    return true;
}

static inline bool take_bytes(struct span *s, size_t len, struct span *ret) {
    if (s->len < len)
        return false;
    *ret = span_of(s->ptr, len);
    s->ptr += len;
    s->len -= len;
    return true;
}

#endif
