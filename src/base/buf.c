#include "buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void buf_release(struct buf *b) {
    free(b->data);
    *b = (struct buf){0};
}

void buf_clear(struct buf *b) {
    b->len = 0;
    b->failed = false;
}

bool buf_reserve(struct buf *b, size_t n) {
    if (b->cap - b->len >= n)
        return true;
    size_t need;
    if (__builtin_add_overflow(b->len, n, &need) || need > SIZE_MAX / 2) {
        b->failed = true;
        return false;
    }
    size_t cap = b->cap ? b->cap : 256;
    while (cap < need)
        cap *= 2;
    char *p = realloc(b->data, cap);
    if (!p) {
        b->failed = true;
        return false;
    }
    b->data = p;
    b->cap = cap;
    return true;
}

void buf_add(struct buf *b, struct span s) {
    if (s.len == 0 || !buf_reserve(b, s.len))
        return;
    memcpy(b->data + b->len, s.ptr, s.len);
    b->len += s.len;
}

void buf_addc(struct buf *b, char c) {
    if (!buf_reserve(b, 1))
        return;
    b->data[b->len++] = c;
}

void buf_adds(struct buf *b, const char *s) {
    buf_add(b, span_str(s));
}

void buf_addf(struct buf *b, const char *fmt, ...) {
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        b->failed = true;
    else if (buf_reserve(b, (size_t)n + 1)) {
        (void)vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
}

void buf_add_u32le(struct buf *b, uint32_t v) {
    if (!buf_reserve(b, 4))
        return;
    for (unsigned i = 0; i < 4; i++)
        b->data[b->len++] = (char)(v >> (8 * i));
}

void buf_add_u64le(struct buf *b, uint64_t v) {
    if (!buf_reserve(b, 8))
        return;
    for (unsigned i = 0; i < 8; i++)
        b->data[b->len++] = (char)(v >> (8 * i));
}

void buf_add_varint(struct buf *b, uint64_t v) {
    if (!buf_reserve(b, 10))
        return;
    while (v >= 0x80) {
        b->data[b->len++] = (char)(v | 0x80);
        v >>= 7;
    }
    b->data[b->len++] = (char)v;
}

const char *buf_cstr(struct buf *b) {
    if (b->failed || !buf_reserve(b, 1))
        return NULL;
    b->data[b->len] = '\0';
    return b->data;
}

bool take_u32le(struct span *s, uint32_t *ret) {
    if (s->len < 4)
        return false;
    uint32_t v = 0;
    for (unsigned i = 0; i < 4; i++)
        v |= (uint32_t)(uint8_t)s->ptr[i] << (8 * i);
    *ret = v;
    *s = span_from(*s, 4);
    return true;
}

bool take_u64le(struct span *s, uint64_t *ret) {
    if (s->len < 8)
        return false;
    uint64_t v = 0;
    for (unsigned i = 0; i < 8; i++)
        v |= (uint64_t)(uint8_t)s->ptr[i] << (8 * i);
    *ret = v;
    *s = span_from(*s, 8);
    return true;
}

bool take_long_varint(struct span *s, uint64_t *ret) {
    uint64_t v = 0;
    for (size_t i = 0; i < s->len && i < 10; i++) {
        uint8_t byte = (uint8_t)s->ptr[i];
        if (i == 9 && byte > 1)
            return false; /* more than 64 bits */
        v |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (!(byte & 0x80)) {
            *ret = v;
            *s = span_from(*s, i + 1);
            return true;
        }
    }
    return false;
}
