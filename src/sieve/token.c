#include "token.h"

enum { UUID_CHARS = 36, SHORTEST_HEX = 16, SHORTEST_RANDOM = 20, SHORTEST_LETTERS = 24 };

enum char_class { NEITHER, DIGIT, LOWER, UPPER };

static enum char_class class_of(char c) {
    if (ascii_is_digit(c))
        return DIGIT;
    if (c >= 'a' && c <= 'z')
        return LOWER;
    return c >= 'A' && c <= 'Z' ? UPPER : NEITHER;
}

static bool is_hex(char c) {
    c = ascii_lower(c);
    return ascii_is_digit(c) || (c >= 'a' && c <= 'f');
}

/* RFC 9562, any version. */
static bool is_uuid(struct span s) {
    if (s.len < UUID_CHARS)
        return false;
    for (size_t i = 0; i < UUID_CHARS; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? s.ptr[i] != '-' : !is_hex(s.ptr[i]))
            return false;
    }
    return true;
}

/* What people write changes its kind of character between words, random text changes it all the
 * time. */
static bool is_random(struct span s) {
    size_t digits = 0, upper = 0, lower = 0, number_steps = 0, steps = 0;
    enum char_class last = NEITHER;
    for (size_t i = 0; i < s.len; i++) {
        enum char_class now = class_of(s.ptr[i]);
        digits += now == DIGIT;
        upper += now == UPPER;
        lower += now == LOWER;
        if (now != NEITHER && last != NEITHER && now != last) {
            steps++;
            number_steps += now == DIGIT || last == DIGIT;
        }
        last = now;
    }
    if (upper && lower) {
        if (number_steps >= 2 && digits)
            return s.len >= SHORTEST_RANDOM && steps * 4 >= s.len;
        return s.len >= SHORTEST_LETTERS && steps * 20 >= s.len * 11;
    }
    return s.len >= SHORTEST_RANDOM && digits && number_steps * 4 >= s.len;
}

static const char *word_of(struct span s) {
    size_t hex = 0, digits = 0;
    for (size_t i = 0; i < s.len; i++) {
        hex += is_hex(s.ptr[i]);
        digits += ascii_is_digit(s.ptr[i]);
    }
    if (s.len >= SHORTEST_HEX && digits == s.len)
        return ":id";
    if (s.len >= SHORTEST_HEX && hex == s.len && digits > 0)
        return ":token";
    return is_random(s) ? ":token" : NULL;
}

/* base64url, and what is joined the same way. */
static size_t word_length(struct span s) {
    size_t n = 0;
    while (n < s.len && (class_of(s.ptr[n]) != NEITHER || memchr("-_.~", s.ptr[n], 4)))
        n++;
    return n;
}

/* Cuts the next piece off: a UUID, a run of letters and digits, or one other byte. */
static struct span next_piece(struct span s, const char **ret_word) {
    if (is_uuid(s)) {
        *ret_word = ":id";
        return span_head(s, UUID_CHARS);
    }
    size_t n = 0;
    while (n < s.len && class_of(s.ptr[n]) != NEITHER)
        n++;
    *ret_word = n ? word_of(span_head(s, n)) : NULL;
    return span_head(s, n ? n : 1);
}

/* Appends (if `out`) one word with its pieces replaced; whether there were any. */
static bool replace_pieces(struct span word, struct buf *out) {
    bool any = false;
    while (word.len) {
        const char *by;
        struct span piece = next_piece(word, &by);
        any |= by != NULL;
        if (out)
            buf_add(out, by ? span_str(by) : piece);
        word = span_from(word, piece.len);
    }
    return any;
}

static bool replace(struct span segment, struct buf *out) {
    bool any = false;
    while (segment.len) {
        size_t n = word_length(segment);
        struct span word = span_head(segment, n ? n : 1);
        segment = span_from(segment, word.len);
        if (replace_pieces(word, NULL)) {
            any = true;
            if (out)
                (void)replace_pieces(word, out);
        } else if (is_random(word)) {
            any = true;
            if (out)
                buf_adds(out, ":token");
        } else if (out) {
            buf_add(out, word);
        }
    }
    return any;
}

bool token_in(struct span segment) {
    return segment.len >= SHORTEST_HEX && replace(segment, NULL);
}

void token_replace(struct span segment, struct buf *out) {
    (void)replace(segment, out);
}
