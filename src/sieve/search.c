#include "search.h"

#include "text.h"
#include "url.h"

static bool is_search(const struct policy *p, struct span name) {
    for (size_t i = 0; i < p->search_param_count; i++)
        if (span_eq_nocase(name, p->search_params[i]))
            return true;
    return false;
}

/* The first search parameter with a value; empty when there is none. */
static struct span find_value(const struct policy *p, struct span query) {
    struct span name, value;
    while (url_next_param(&query, &name, &value))
        if (value.len && is_search(p, name))
            return value;
    return SPAN_EMPTY;
}

/* The lower case of a two-byte character of Latin-1, Greek or Cyrillic; others stay. */
static unsigned lower_letter(unsigned c) {
    static const struct {
        unsigned from, to, step;
    } ranges[] = {
        {0xc0, 0xd6, 0x20},   {0xd8, 0xde, 0x20},   {0x391, 0x3a1, 0x20},
        {0x3a3, 0x3ab, 0x20}, {0x400, 0x40f, 0x50}, {0x410, 0x42f, 0x20},
    };
    for (size_t i = 0; i < ARRAY_LEN(ranges); i++)
        if (c >= ranges[i].from && c <= ranges[i].to)
            return c + ranges[i].step;
    return c;
}

/* Valid UTF-8 in, as long out. */
static void put_lower(struct span text, char *out) {
    for (size_t i = 0; i < text.len; i++) {
        unsigned char a = (unsigned char)text.ptr[i];
        if (a < 0xc2 || a > 0xdf || i + 1 == text.len) {
            out[i] = ascii_lower((char)a);
            continue;
        }
        unsigned c = lower_letter((a & 0x1fU) << 6 | ((unsigned char)text.ptr[i + 1] & 0x3fU));
        out[i] = (char)(0xc0 | c >> 6);
        out[++i] = (char)(0x80 | (c & 0x3f));
    }
}

/* In place: one blank for many; at most so many characters. The length left. */
static size_t fold(char *text, size_t len, size_t most_chars) {
    size_t n = 0, chars = 0;
    for (size_t i = 0; i < len; i++) {
        bool begins = ((unsigned char)text[i] & 0xc0) != 0x80;
        if (text[i] == ' ' && n > 0 && text[n - 1] == ' ')
            continue;
        if (begins && chars++ == most_chars)
            break;
        text[n++] = text[i];
    }
    return span_trim(span_of(text, n)).len; /* nothing to trim in front */
}

static int shorten(struct span *text, struct arena *arena, struct err *err) {
    char *out = arena_alloc(arena, text->len);
    if (!out)
        return err_set(err, ERR_NOMEM, "out of memory");
    put_lower(*text, out);
    *text = span_of(out, fold(out, text->len, SEARCH_MOST_CHARS));
    return 0;
}

int search_event(struct scrub_lane *scrub, const struct policy *policy, const struct hit *hit,
                 const struct event *view, const struct prop *beside, struct arena *arena,
                 struct event *ret, unsigned *ret_dropped, struct err *err) {
    struct url url;
    *ret_dropped = 0;
    if (view->kind != EVENT_PAGEVIEW || policy->profile == PROFILE_CNIL ||
        policy->search_param_count == 0 || !memchr(hit->url.ptr, '?', hit->url.len) ||
        !url_parse(hit->url, false, &url))
        return 0;
    struct span text = find_value(policy, url.query);
    if (text.len == 0)
        return 0;
    struct props props;
    props.count = props.dropped = 0;
    int rc = text_clean(text, TEXT_PERCENT | TEXT_PLUS, arena, &text, err);
    /* Looked at as it was typed and whole, so that neither case nor cut hides an item. */
    if (rc == 0)
        rc = props_add(&props, scrub, SPAN_LIT("query"), text, hit->user_agent, arena, err);
    *ret_dropped = (unsigned)props.dropped;
    if (rc < 0 || props.count == 0)
        return rc;
    struct event e = *view;
    e.kind = EVENT_CUSTOM;
    e.name = SPAN_LIT("Site Search");
    e.interactive = false;
    e.scroll = SCROLL_NONE;
    e.engaged_ms = 0;
    e.revenue_milli = 0;
    e.currency = SPAN_EMPTY;
    rc = shorten(&props.list[0].value, arena, err);
    if (beside)
        props_set(&props, beside->key, beside->value);
    if (rc == 0)
        rc = props_write(&props, event_fields[EVENT_FIELD_props].most, arena, &e.props, err);
    if (rc < 0)
        return rc;
    *ret = e;
    return 1;
}
