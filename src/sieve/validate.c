#include "validate.h"

#include "attr.h"

bool valid_always(struct span text, size_t *from, size_t *to) {
    return true;
}

static unsigned digit_at(struct span text, size_t at) {
    return (unsigned)(text.ptr[at] - '0');
}

static bool is_hex(char c) {
    char l = ascii_lower(c);
    return ascii_is_digit(c) || (l >= 'a' && l <= 'f');
}

bool valid_ipv4(struct span text, size_t *from, size_t *to) {
    unsigned octet = 0;
    for (size_t i = *from; i < *to; i++) {
        octet = text.ptr[i] == '.' ? 0 : octet * 10 + digit_at(text, i);
        if (octet > 255) {
            /* Too large in front may be a digit that was glued on: 999.0.2.1 holds 99.0.2.1. */
            if (i - *from > 2)
                return false;
            ++*from;
            octet -= octet / 100 * 100;
        }
    }
    return true;
}

bool valid_ipv6(struct span text, size_t *from, size_t *to) {
    size_t a = *from, b = *to;
    while (a > 0 && (is_hex(text.ptr[a - 1]) || text.ptr[a - 1] == ':'))
        a--;
    while (b < text.len && (is_hex(text.ptr[b]) || text.ptr[b] == ':'))
        b++;
    size_t colons = 0, hex = 0;
    bool gap = false;
    for (size_t i = a; i < b; i++) {
        bool colon = text.ptr[i] == ':';
        colons += colon;
        hex += !colon;
        gap |= colon && i > a && text.ptr[i - 1] == ':';
    }
    *from = a;
    *to = b;
    return hex >= 3 && (gap || colons >= 4);
}

bool valid_phone(struct span text, size_t *from, size_t *to) {
    size_t group = 0, groups = 1;
    for (size_t i = *from; i < *to; i++) {
        if (ascii_is_digit(text.ptr[i])) {
            group++;
            continue;
        }
        if (group < 2)
            return false;
        group = 0;
        groups++;
    }
    return group >= 2 && groups <= 5;
}

/* First digits and lengths that issuers use; ISBN (978…) and times in milliseconds are none of
 * them. */
static const struct issuer {
    unsigned digits, least, most; /* range of the first `digits` digits */
    uint32_t lengths;             /* bit set */
} issuers[] = {
    {1, 4, 4, 1U << 13 | 1U << 16 | 1U << 19},
    {2, 51, 55, 1U << 16},
    {4, 2221, 2720, 1U << 16},
    {2, 34, 34, 1U << 15},
    {2, 37, 37, 1U << 15},
    {3, 300, 305, 1U << 14 | 1U << 16},
    {2, 36, 36, 1U << 14 | 1U << 16},
    {2, 38, 39, 1U << 14 | 1U << 16},
    {2, 35, 35, 1U << 16 | 1U << 17 | 1U << 18 | 1U << 19},
    {4, 6011, 6011, 1U << 16 | 1U << 19},
    {2, 62, 65, 1U << 16 | 1U << 17 | 1U << 18 | 1U << 19},
    {2, 50, 50, 1U << 16 | 1U << 18 | 1U << 19},
    {2, 56, 59, 1U << 16 | 1U << 18 | 1U << 19},
    {2, 60, 69, 1U << 16 | 1U << 18 | 1U << 19},
};

static bool issuer_knows(const uint8_t *digits, size_t n) {
    for (size_t i = 0; i < ARRAY_LEN(issuers); i++) {
        unsigned head = 0;
        for (size_t k = 0; k < issuers[i].digits; k++)
            head = head * 10 + digits[k];
        if (head >= issuers[i].least && head <= issuers[i].most && (issuers[i].lengths >> n & 1))
            return true;
    }
    return false;
}

static bool luhn(const uint8_t *digits, size_t n) {
    unsigned sum = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned d = digits[n - 1 - i];
        if (i % 2)
            d = d * 2 > 9 ? d * 2 - 9 : d * 2;
        sum += d;
    }
    return sum % 10 == 0;
}

bool valid_card(struct span text, size_t *from, size_t *to) {
    enum { LEAST = 13, MOST = 19 };
    uint8_t digits[MOST];
    size_t n = 0;
    /* Backwards from the end: digits in front ("2024-4111…") may belong to something else. */
    for (size_t i = *to; i-- > 0 && n < MOST;) {
        char c = text.ptr[i];
        if (!ascii_is_digit(c)) {
            if (c != ' ' && c != '-')
                return false;
            continue;
        }
        digits[MOST - ++n] = (uint8_t)(c - '0');
        bool starts = i == 0 || !ascii_is_digit(text.ptr[i - 1]);
        if (n >= LEAST && starts && issuer_knows(digits + MOST - n, n) &&
            luhn(digits + MOST - n, n)) {
            *from = i;
            return true;
        }
    }
    return false;
}

bool valid_iban(struct span text, size_t *from, size_t *to) {
    unsigned rest = 0;
    size_t n = 0;
    /* ISO 7064: the first four characters go to the end, letters count 10 to 35. */
    for (int pass = 0; pass < 2; pass++) {
        size_t seen = 0;
        for (size_t i = *from; i < *to; i++) {
            char c = ascii_lower(text.ptr[i]);
            if (c == ' ')
                continue;
            if ((seen++ < 4) != (pass == 1))
                continue;
            rest = ascii_is_digit(c) ? (rest * 10 + (unsigned)(c - '0')) % 97
                                     : (rest * 100 + (unsigned)(c - 'a' + 10)) % 97;
            n++;
        }
    }
    return n >= 15 && n <= 34 && rest == 1;
}

bool valid_nir(struct span text, size_t *from, size_t *to) {
    uint64_t n = 0, key = 0;
    size_t seen = 0;
    for (size_t i = *from; i < *to; i++) {
        char c = ascii_lower(text.ptr[i]);
        if (c == ' ')
            continue;
        /* Corsica: 2A counts 19, 2B counts 18. */
        if (c == 'a' || c == 'b')
            n = n - 1, c = c == 'a' ? '9' : '8';
        if (++seen <= 13)
            n = n * 10 + (uint64_t)(c - '0');
        else
            key = key * 10 + (uint64_t)(c - '0');
    }
    return seen == 15 && key == 97 - n % 97;
}

bool valid_ssn(struct span text, size_t *from, size_t *to) {
    struct span s = span_of(text.ptr + *from, *to - *from);
    uint64_t area, group, serial;
    if (s.len != 11 || !span_u64(span_head(s, 3), &area) ||
        !span_u64(span_head(span_from(s, 4), 2), &group) || !span_u64(span_from(s, 7), &serial))
        return false;
    return area != 0 && area != 666 && area < 900 && group != 0 && serial != 0;
}
