#include "text.h"

#include "click_id.h"

static int hex_value(char c) {
    if (ascii_is_digit(c))
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

size_t text_percent_decode(struct span in, char *out, bool plus) {
    size_t n = 0;
    for (size_t i = 0; i < in.len; i++) {
        char c = in.ptr[i];
        if (c == '%' && i + 2 < in.len && hex_value(in.ptr[i + 1]) >= 0 &&
            hex_value(in.ptr[i + 2]) >= 0) {
            c = (char)(hex_value(in.ptr[i + 1]) * 16 + hex_value(in.ptr[i + 2]));
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        out[n++] = c;
    }
    return n;
}

bool text_holds_escape(struct span text) {
    for (size_t i = 0; i + 2 < text.len; i++)
        if (text.ptr[i] == '%' && hex_value(text.ptr[i + 1]) >= 0 &&
            hex_value(text.ptr[i + 2]) >= 0)
            return true;
    return false;
}

/* Length of the character at p: one that is no UTF-8 has length 0. */
static size_t character(const char *p, size_t left) {
    unsigned char c = (unsigned char)*p;
    size_t n = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    return n <= left && span_is_utf8(span_of(p, n)) ? n : 0;
}

/* Drops control characters in place. */
static size_t drop_controls(char *p, size_t len) {
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)p[i];
        bool c1 = c == 0xc2 && i + 1 < len && (unsigned char)p[i + 1] >= 0x80 &&
                  (unsigned char)p[i + 1] < 0xa0;
        if (c1)
            i++;
        else if (c >= 0x20 && c != 0x7f)
            p[n++] = (char)c;
    }
    return n;
}

static int repair_utf8(struct span in, struct arena *arena, struct span *ret, struct err *err) {
    static const char replacement[] = "\xef\xbf\xbd";
    enum { REPLACEMENT = sizeof(replacement) - 1 };
    char *out = arena_alloc(arena, in.len * REPLACEMENT);
    if (!out)
        return err_set(err, ERR_NOMEM, "out of memory");
    size_t n = 0;
    for (size_t i = 0; i < in.len;) {
        size_t len = character(in.ptr + i, in.len - i);
        memcpy(out + n, len ? in.ptr + i : replacement, len ? len : (size_t)REPLACEMENT);
        n += len ? len : (size_t)REPLACEMENT;
        i += len ? len : 1;
    }
    *ret = span_of(out, n);
    return 0;
}

int text_clean(struct span in, unsigned flags, struct arena *arena, struct span *ret,
               struct err *err) {
    char *out = arena_alloc(arena, in.len);
    if (!out)
        return err_set(err, ERR_NOMEM, "out of memory");
    unsigned char most = 0;
    bool odd = false;
    for (size_t i = 0; i < in.len; i++) {
        unsigned char c = (unsigned char)in.ptr[i];
        most |= c;
        odd |= c < 0x20 || c == 0x7f || c == '%' || c == '+';
        out[i] = (char)c;
    }
    struct span text = span_of(out, in.len);
    if (UNLIKELY(odd || most >= 0x80)) {
        if (flags & TEXT_PERCENT)
            text.len = text_percent_decode(text, out, flags & TEXT_PLUS);
        text.len = drop_controls(out, text.len);
        if (!span_is_utf8(text)) {
            int rc = repair_utf8(text, arena, &text, err);
            if (rc < 0)
                return rc;
        }
    }
    *ret = span_trim(text);
    return 0;
}

static bool is_name(char c) {
    return ascii_is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || c == '_' ||
           c == '-' || c == '.' || c == '[' || c == ']' || c == '%';
}

struct span text_without_query(struct span text) {
    for (size_t at = span_find(text, '?', 0); at < text.len; at = span_find(text, '?', at + 1)) {
        size_t end = at + 1;
        while (end < text.len && is_name(text.ptr[end]))
            end++;
        if (end > at + 1 && end < text.len && text.ptr[end] == '=') {
            text = span_head(text, at);
            break;
        }
    }
    bool could = memchr(text.ptr, '=', text.len) || memchr(text.ptr, '%', text.len);
    return could ? click_id_cut(text) : text;
}

bool text_holds(struct span text, struct span needle) {
    enum { SHORTEST = 8 };
    return needle.len >= SHORTEST && text.len >= needle.len &&
           span_find_span(text, needle) != SIZE_MAX;
}
