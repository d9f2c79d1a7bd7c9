#include "json_in.h"

enum { DEEPEST = 64 };

static bool fail(struct json_in *in) {
    in->failed = true;
    return false;
}

static void skip_space(struct json_in *in) {
    while (in->at < in->end &&
           (*in->at == ' ' || *in->at == '\n' || *in->at == '\r' || *in->at == '\t'))
        in->at++;
}

/* --- strings ------------------------------------------------------------------------------------
 */

#define EACH(byte) (0x0101010101010101U * (uint64_t)(byte))

/* High bits set at bytes of w that are zero; exact up to the first one, which is all that is asked
 * of it. */
static uint64_t zero_bytes(uint64_t w) {
    return (w - EACH(1)) & ~w & EACH(0x80);
}

/* The first byte of a string that is a quote, a backslash or a control character; *ret_high gathers
 * high bits. */
static const char *string_stop(const char *p, const char *end, bool *ret_high) {
    uint64_t high = 0;
    for (; end - p >= 8; p += 8) {
        uint64_t w;
        memcpy(&w, p, sizeof(w));
        uint64_t control = (w - EACH(0x20)) & ~w & EACH(0x80);
        if (zero_bytes(w ^ EACH('"')) | zero_bytes(w ^ EACH('\\')) | control)
            break;
        high |= w;
    }
    for (; p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20; p++)
        high |= (uint64_t)(unsigned char)*p;
    *ret_high |= (high & EACH(0x80)) != 0;
    return p;
}

static int hex_digit(char c) {
    if (ascii_is_digit(c))
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool take_hex4(const char **p, const char *end, uint32_t *ret) {
    if (end - *p < 4)
        return false;
    uint32_t v = 0;
    for (int i = 0; i < 4; i++) {
        int d = hex_digit((*p)[i]);
        if (d < 0)
            return false;
        v = v << 4 | (uint32_t)d;
    }
    *p += 4;
    *ret = v;
    return true;
}

static char *put_utf8(char *out, uint32_t c) {
    if (c < 0x80) {
        *out++ = (char)c;
    } else if (c < 0x800) {
        *out++ = (char)(0xc0 | c >> 6);
        *out++ = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        *out++ = (char)(0xe0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
        *out++ = (char)(0x80 | (c & 0x3f));
    } else {
        *out++ = (char)(0xf0 | c >> 18);
        *out++ = (char)(0x80 | (c >> 12 & 0x3f));
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
        *out++ = (char)(0x80 | (c & 0x3f));
    }
    return out;
}

/* What stands after a backslash at *p. */
static bool take_escape(const char **p, const char *end, uint32_t *ret) {
    if (*p == end)
        return false;
    char c = *(*p)++;
    switch (c) {
    case '"':
    case '\\':
    case '/':
        *ret = (unsigned char)c;
        return true;
    case 'b':
        *ret = '\b';
        return true;
    case 'f':
        *ret = '\f';
        return true;
    case 'n':
        *ret = '\n';
        return true;
    case 'r':
        *ret = '\r';
        return true;
    case 't':
        *ret = '\t';
        return true;
    case 'u':
        break;
    default:
        return false;
    }
    uint32_t unit, low;
    if (!take_hex4(p, end, &unit) || unit == 0 || (unit >= 0xdc00 && unit <= 0xdfff))
        return false;
    if (unit >= 0xd800 && unit <= 0xdbff) {
        if (end - *p < 6 || (*p)[0] != '\\' || (*p)[1] != 'u')
            return false;
        *p += 2;
        if (!take_hex4(p, end, &low) || low < 0xdc00 || low > 0xdfff)
            return false;
        unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
    }
    *ret = unit;
    return true;
}

/* The string whose opening quote has been read. `keep`: decode it, else only check it. */
static bool take_string(struct json_in *in, bool keep, struct span *ret) {
    const char *start = in->at;
    bool high = false, escaped = false;
    const char *p = string_stop(start, in->end, &high);
    while (p < in->end && *p == '\\') {
        escaped = true;
        uint32_t unit;
        p++;
        if (!take_escape(&p, in->end, &unit))
            return fail(in);
        p = string_stop(p, in->end, &high);
    }
    if (p == in->end || *p != '"')
        return fail(in);
    struct span raw = span_of(start, (size_t)(p - start));
    in->at = p + 1;
    if (high && !span_is_utf8(raw))
        return fail(in);
    if (!escaped || !keep) {
        *ret = raw;
        return true;
    }
    char *out = arena_alloc(in->arena, raw.len); /* no escape decodes to more bytes than it has */
    if (!out) {
        in->nomem = true;
        return fail(in);
    }
    char *to = out;
    for (const char *from = start; from < p;) {
        uint32_t unit;
        if (*from != '\\') {
            *to++ = *from++;
        } else {
            from++;
            if (!take_escape(&from, p, &unit))
                return fail(in);
            to = put_utf8(to, unit);
        }
    }
    *ret = span_of(out, (size_t)(to - out));
    return true;
}

/* --- the other values ---------------------------------------------------------------------------
 */

static size_t digits(const char **p, const char *end) {
    const char *start = *p;
    while (*p < end && ascii_is_digit(**p))
        (*p)++;
    return (size_t)(*p - start);
}

static bool take_number(struct json_in *in) {
    const char *p = in->at;
    if (p < in->end && *p == '-')
        p++;
    if (p < in->end && *p == '0')
        p++;
    else if (digits(&p, in->end) == 0)
        return fail(in);
    if (p < in->end && *p == '.') {
        p++;
        if (digits(&p, in->end) == 0)
            return fail(in);
    }
    if (p < in->end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < in->end && (*p == '+' || *p == '-'))
            p++;
        if (digits(&p, in->end) == 0)
            return fail(in);
    }
    in->at = p;
    return true;
}

static bool take_word(struct json_in *in, struct span word) {
    if (!span_starts(span_of(in->at, (size_t)(in->end - in->at)), word))
        return fail(in);
    in->at += word.len;
    return true;
}

/* A value that is no container. */
static bool take_scalar(struct json_in *in, bool keep, struct json_in_value *ret) {
    const char *start = in->at;
    switch (*start) {
    case '"':
        in->at++;
        ret->kind = JSON_IN_STRING;
        return take_string(in, keep, &ret->text);
    case 'n':
        ret->kind = JSON_IN_NULL;
        if (!take_word(in, SPAN_LIT("null")))
            return false;
        break;
    case 't':
        ret->kind = JSON_IN_TRUE;
        if (!take_word(in, SPAN_LIT("true")))
            return false;
        break;
    case 'f':
        ret->kind = JSON_IN_FALSE;
        if (!take_word(in, SPAN_LIT("false")))
            return false;
        break;
    default:
        ret->kind = JSON_IN_NUMBER;
        if (!take_number(in))
            return false;
    }
    ret->text = span_of(start, (size_t)(in->at - start));
    return true;
}

/* Checks the container at in->at and goes past it, without recursion: bit n of `objects` says that
 * the container at depth n is an object. */
static bool skip_container(struct json_in *in) {
    uint64_t objects = 0;
    unsigned depth = 0;
    bool first = true;
    do {
        if (first) {
            if (depth == DEEPEST)
                return fail(in);
            uint64_t bit = (uint64_t)1 << depth++;
            objects = *in->at == '{' ? objects | bit : objects & ~bit;
            in->at++;
        }
        struct span key;
        bool object = (objects >> (depth - 1) & 1) != 0;
        bool more = object ? json_in_member(in, &first, &key) : json_in_element(in, &first);
        if (in->failed)
            return false;
        if (!more) {
            depth--;
            first = false;
            continue;
        }
        skip_space(in);
        if (in->at == in->end)
            return fail(in);
        first = *in->at == '{' || *in->at == '[';
        struct json_in_value v;
        if (!first && !take_scalar(in, false, &v))
            return false;
    } while (depth > 0);
    return true;
}

bool json_in_value(struct json_in *in, struct json_in_value *ret) {
    skip_space(in);
    if (in->failed || in->at == in->end)
        return fail(in);
    const char *start = in->at;
    if (*start != '{' && *start != '[')
        return take_scalar(in, true, ret);
    if (!skip_container(in))
        return false;
    ret->kind = *start == '{' ? JSON_IN_OBJECT : JSON_IN_ARRAY;
    ret->text = span_of(start, (size_t)(in->at - start));
    return true;
}

/* --- containers ---------------------------------------------------------------------------------
 */

bool json_in_open(struct json_in *in, char bracket) {
    skip_space(in);
    if (in->failed || in->at == in->end || *in->at != bracket)
        return false;
    in->at++;
    return true;
}

/* Goes past the comma or the closing bracket; true when another item follows. */
static bool next_item(struct json_in *in, bool *first, char close) {
    skip_space(in);
    if (in->failed || in->at == in->end)
        return fail(in);
    if (*in->at == close) {
        in->at++;
        return false;
    }
    if (!*first) {
        if (*in->at != ',')
            return fail(in);
        in->at++;
        skip_space(in);
        if (in->at == in->end)
            return fail(in);
    }
    *first = false;
    return true;
}

bool json_in_member(struct json_in *in, bool *first, struct span *ret_key) {
    if (!next_item(in, first, '}'))
        return false;
    if (*in->at != '"')
        return fail(in);
    in->at++;
    if (!take_string(in, true, ret_key))
        return false;
    skip_space(in);
    if (in->at == in->end || *in->at != ':')
        return fail(in);
    in->at++;
    return true;
}

bool json_in_element(struct json_in *in, bool *first) {
    return next_item(in, first, ']');
}

bool json_in_end(struct json_in *in) {
    skip_space(in);
    return !in->failed && in->at == in->end;
}
