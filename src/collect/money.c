#include "money.h"

enum { MOST_EXPONENT = 40 };

/* Cuts "e±dd" off *text; false when there is an `e` without a sensible number after it. */
static bool take_exponent(struct span *text, int64_t *ret) {
    *ret = 0;
    for (size_t i = 0; i < text->len; i++) {
        if (text->ptr[i] != 'e' && text->ptr[i] != 'E')
            continue;
        struct span digits = span_from(*text, i + 1);
        if (digits.len > 0 && digits.ptr[0] == '+') {
            digits = span_from(digits, 1);
            if (digits.len > 0 && digits.ptr[0] == '-')
                return false;
        }
        *text = span_head(*text, i);
        return span_i64(digits, ret) && *ret >= -MOST_EXPONENT && *ret <= MOST_EXPONENT;
    }
    return true;
}

bool money_milli(struct span text, int64_t *ret) {
    text = span_trim(text);
    bool negative = text.len > 0 && text.ptr[0] == '-';
    if (negative)
        text = span_from(text, 1);
    int64_t exponent;
    if (!take_exponent(&text, &exponent))
        return false;

    /* Read digits until those that weigh less than a thousandth; the first of them rounds. */
    size_t point = span_find(text, '.', 0);
    size_t digits = text.len - (point < text.len);
    if (digits == 0 || text.len > 64)
        return false;
    int64_t keep = (int64_t)point + exponent + 3; /* digits before and including the thousandths */
    uint64_t milli = 0;
    int64_t seen = 0;
    bool round_up = false;
    for (size_t i = 0; i < text.len; i++) {
        if (i == point)
            continue;
        if (!ascii_is_digit(text.ptr[i]))
            return false;
        unsigned digit = (unsigned)(text.ptr[i] - '0');
        if (seen < keep && (__builtin_mul_overflow(milli, 10U, &milli) ||
                            __builtin_add_overflow(milli, digit, &milli)))
            return false;
        if (seen == keep)
            round_up = digit >= 5;
        seen++;
    }
    for (; milli > 0 && seen < keep; seen++) {
        if (__builtin_mul_overflow(milli, 10U, &milli))
            return false;
    }
    milli += round_up;
    if (milli > INT64_MAX)
        return false;
    *ret = negative ? -(int64_t)milli : (int64_t)milli;
    return true;
}
