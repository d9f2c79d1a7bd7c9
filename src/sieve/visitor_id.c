#include "visitor_id.h"

static const int64_t day_ms = 86400000;

static bool is_hex(struct span s) {
    for (size_t i = 0; i < s.len; i++)
        if (!ascii_is_digit(s.ptr[i]) && !(s.ptr[i] >= 'a' && s.ptr[i] <= 'f'))
            return false;
    return true;
}

bool visitor_id_parse(struct span text, struct visitor_id *ret) {
    enum { MOST_DIGITS = 11 };
    size_t dot = span_find(text, '.', 0);
    struct span random = span_from(text, dot + 1);
    uint64_t made_sec;
    if (dot == text.len || dot > MOST_DIGITS || !span_u64(span_head(text, dot), &made_sec) ||
        random.len != VISITOR_ID_HEX || !is_hex(random))
        return false;
    *ret = (struct visitor_id){.made_ms = (int64_t)made_sec * 1000, .random = random};
    return true;
}

bool visitor_id_is_valid(const struct visitor_id *id, int64_t now_ms) {
    return id->made_ms >= now_ms - VISITOR_ID_DAYS * day_ms &&
           id->made_ms <= now_ms + VISITOR_ID_EARLY_DAYS * day_ms;
}
