#include "click_id.h"

#include "attr.h"

static const struct click_id click_ids[] = {
#define CLICK(param, source, medium) \
    {{(param), sizeof(param) - 1}, {(source), sizeof(source) - 1}, {(medium), sizeof(medium) - 1}},
#include "click_ids.def"
#undef CLICK
};

enum { SHORTEST = 3, LONGEST = 16 };

const struct click_id *click_id_of(struct span param) {
    if (param.len < SHORTEST || param.len > LONGEST)
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(click_ids); i++)
        if (param.len == click_ids[i].param.len && span_eq_nocase(param, click_ids[i].param))
            return &click_ids[i];
    return NULL;
}

static bool is_name(char c) {
    return ascii_is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || c == '_';
}

/* "%3D", "%253D" and so on at `at`. */
static bool is_encoded_equals(struct span text, size_t at) {
    at++;
    while (span_starts(span_from(text, at), SPAN_LIT("25")))
        at += 2;
    return span_starts_nocase(span_from(text, at), SPAN_LIT("3d"));
}

/* The name that ends at `end`, and where it begins. */
static struct span name_before(struct span text, size_t end, size_t *ret_begin) {
    size_t begin = end;
    while (begin > 0 && is_name(text.ptr[begin - 1]))
        begin--;
    *ret_begin = begin;
    return span_of(text.ptr + begin, end - begin);
}

/* "%26gclid": the two digits of an escape are no part of the name. */
static bool ends_in_click_id(struct span text, size_t end, size_t *ret_begin) {
    struct span name = name_before(text, end, ret_begin);
    if (click_id_of(name))
        return true;
    size_t escape = *ret_begin > 0 && text.ptr[*ret_begin - 1] == '%' ? 2 : 0;
    while (escape && span_starts(span_from(name, escape - 2), SPAN_LIT("25")))
        escape += 2;
    if (!escape || !click_id_of(span_from(name, escape)))
        return false;
    *ret_begin -= 1;
    return true;
}

/* What joined the parameter to the text before it, "&amp;" included. */
static struct span without_joint(struct span text) {
    static const struct span amp = SPAN_LIT("&amp");
    while (text.len && strchr("&?;#", text.ptr[text.len - 1])) {
        text.len--;
        if (span_ends(text, amp))
            text.len -= amp.len;
    }
    return text;
}

struct span click_id_cut(struct span text) {
    for (size_t i = 0; i < text.len; i++) {
        bool equals = text.ptr[i] == '=' || (text.ptr[i] == '%' && is_encoded_equals(text, i));
        size_t begin;
        if (equals && ends_in_click_id(text, i, &begin))
            return without_joint(span_head(text, begin));
    }
    return text;
}
