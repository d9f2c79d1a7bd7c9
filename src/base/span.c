#include "span.h"

bool span_eq_nocase(struct span a, struct span b) {
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (ascii_lower(a.ptr[i]) != ascii_lower(b.ptr[i]))
            return false;
    return true;
}

bool span_starts(struct span s, struct span prefix) {
    return s.len >= prefix.len && span_eq(span_head(s, prefix.len), prefix);
}

bool span_starts_nocase(struct span s, struct span prefix) {
    return s.len >= prefix.len && span_eq_nocase(span_head(s, prefix.len), prefix);
}

bool span_ends(struct span s, struct span suffix) {
    return s.len >= suffix.len && span_eq(span_from(s, s.len - suffix.len), suffix);
}

size_t span_find(struct span s, char c, size_t from) {
    if (from >= s.len)
        return s.len;
    const char *at = memchr(s.ptr + from, c, s.len - from);
    return at ? (size_t)(at - s.ptr) : s.len;
}

size_t span_find_span(struct span s, struct span needle) {
    if (needle.len == 0)
        return 0;
    if (s.len < needle.len)
        return SIZE_MAX;
    const char *at = memmem(s.ptr, s.len, needle.ptr, needle.len);
    return at ? (size_t)(at - s.ptr) : SIZE_MAX;
}

static bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct span span_trim(struct span s) {
    while (s.len && is_space(s.ptr[0]))
        s = span_from(s, 1);
    while (s.len && is_space(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

bool span_next(struct span *rest, char sep, struct span *ret_piece) {
    if (!rest->ptr)
        return false;
    size_t at = span_find(*rest, sep, 0);
    *ret_piece = span_head(*rest, at);
    if (at == rest->len)
        *rest = (struct span){0};
    else
        *rest = span_from(*rest, at + 1);
    return true;
}

bool span_u64(struct span s, uint64_t *ret) {
    if (s.len == 0 || s.len > 20)
        return false;
    uint64_t v = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (!ascii_is_digit(s.ptr[i]))
            return false;
        if (__builtin_mul_overflow(v, 10U, &v) ||
            __builtin_add_overflow(v, (uint64_t)(s.ptr[i] - '0'), &v))
            return false;
    }
    *ret = v;
    return true;
}

bool span_i64(struct span s, int64_t *ret) {
    bool minus = s.len > 0 && s.ptr[0] == '-';
    uint64_t v;
    if (!span_u64(minus ? span_from(s, 1) : s, &v) || v > INT64_MAX)
        return false;
    *ret = minus ? -(int64_t)v : (int64_t)v;
    return true;
}

/* Multiply-fold over 8-byte words, as in wyhash; quality is enough for tables, not for secrets. */
static uint64_t fold(uint64_t a, uint64_t b) {
    __uint128_t m = (__uint128_t)a * b;
    return (uint64_t)m ^ (uint64_t)(m >> 64);
}

uint64_t span_hash(struct span s) {
    const uint64_t k0 = 0xa0761d6478bd642fULL, k1 = 0xe7037ed1a0b428dbULL;
    uint64_t h = k0 ^ s.len;
    size_t i = 0;
    for (; i + 8 <= s.len; i += 8) {
        uint64_t w;
        memcpy(&w, s.ptr + i, 8);
        h = fold(h ^ w, k1);
    }
    uint64_t tail = 0;
    if (i < s.len)
        memcpy(&tail, s.ptr + i, s.len - i);
    return fold(h ^ tail, k1 ^ k0);
}

/* Length of the valid UTF-8 character at p (n bytes left), or 0. */
static size_t utf8_char(const unsigned char *p, size_t n) {
    if (p[0] < 0x80)
        return 1;
    if (p[0] >= 0xc2 && p[0] <= 0xdf)
        return n >= 2 && (p[1] & 0xc0) == 0x80 ? 2 : 0;
    if (p[0] >= 0xe0 && p[0] <= 0xef) {
        if (n < 3 || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80)
            return 0;
        if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f))
            return 0;
        return 3;
    }
    if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        if (n < 4 || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80 || (p[3] & 0xc0) != 0x80)
            return 0;
        if ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
            return 0;
        return 4;
    }
    return 0;
}

/* Nearly all texts are ASCII: eight bytes at a time. */
static bool is_ascii(struct span s) {
    uint64_t all = 0;
    size_t i = 0;
    for (; i + 8 <= s.len; i += 8) {
        uint64_t word;
        memcpy(&word, s.ptr + i, 8);
        all |= word;
    }
    for (; i < s.len; i++)
        all |= (unsigned char)s.ptr[i];
    return (all & 0x8080808080808080ULL) == 0;
}

bool span_is_utf8(struct span s) {
    if (is_ascii(s))
        return true;
    const unsigned char *p = (const unsigned char *)s.ptr;
    for (size_t i = 0; i < s.len;) {
        size_t n = utf8_char(p + i, s.len - i);
        if (n == 0)
            return false;
        i += n;
    }
    return true;
}

struct span span_utf8_head(struct span s, size_t max) {
    if (s.len <= max)
        return s;
    size_t n = max;
    while (n > 0 && ((unsigned char)s.ptr[n] & 0xc0) == 0x80)
        n--;
    return span_head(s, n);
}
