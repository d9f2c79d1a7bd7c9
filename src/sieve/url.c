#include "url.h"

/* What browsers take for the end of the authority, a backslash included. */
static size_t end_of_authority(struct span s) {
    size_t i = 0;
    while (i < s.len && s.ptr[i] != '/' && s.ptr[i] != '?' && s.ptr[i] != '#' && s.ptr[i] != '\\')
        i++;
    return i;
}

static bool take_scheme(struct span *s, bool apps, bool *ret_app) {
    static const struct {
        struct span text;
        bool app;
    } schemes[] = {
        {{"https://", 8}, false},
        {{"http://", 7}, false},
        {{"android-app://", 14}, true},
    };
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
        if (span_starts_nocase(*s, schemes[i].text) && (apps || !schemes[i].app)) {
            *s = span_from(*s, schemes[i].text.len);
            *ret_app = schemes[i].app;
            return true;
        }
    return false;
}

static bool is_host_char(unsigned char c) {
    return ascii_is_digit((char)c) || (c >= 'a' && c <= 'z') || c == '.' || c == '-' || c == '_' ||
           c >= 0x80;
}

/* WHATWG: a host whose last label is a number is an IPv4 address, whatever it looks like. */
static bool ends_in_number(struct span host) {
    size_t from = host.len;
    while (from > 0 && host.ptr[from - 1] != '.')
        from--;
    struct span last = span_from(host, from);
    if (span_starts(last, SPAN_LIT("0x")))
        return true;
    for (size_t i = 0; i < last.len; i++)
        if (!ascii_is_digit(last.ptr[i]))
            return false;
    return true;
}

static bool set_host(struct span authority, struct url *u) {
    for (size_t at; (at = span_find(authority, '@', 0)) < authority.len;)
        authority = span_from(authority, at + 1);
    bool bracket = authority.len && authority.ptr[0] == '[';
    size_t end = span_find(authority, bracket ? ']' : ':', 0) + bracket;
    if (end > authority.len)
        return false;
    struct span host = span_head(authority, end);
    if (host.len && host.ptr[host.len - 1] == '.')
        host.len--;
    if (host.len == 0 || host.len > URL_MOST_HOST)
        return false;
    for (size_t i = 0; i < host.len; i++) {
        u->host_text[i] = ascii_lower(host.ptr[i]);
        if (!bracket && !is_host_char((unsigned char)u->host_text[i]))
            return false;
    }
    u->host_len = host.len;
    u->host_is_address = bracket || ends_in_number(url_host(u));
    if (host.len > 4 && memcmp(u->host_text, "www.", 4) == 0) {
        u->host_len -= 4;
        memmove(u->host_text, u->host_text + 4, u->host_len);
    }
    return u->host_text[0] != '.' && span_is_utf8(url_host(u));
}

bool url_parse(struct span text, bool apps, struct url *ret) {
    text = span_trim(text);
    if (!take_scheme(&text, apps, &ret->app))
        return false;
    size_t end = end_of_authority(text);
    if (!set_host(span_head(text, end), ret))
        return false;
    text = span_from(text, end);
    text = span_head(text, span_find(text, '#', 0));
    size_t mark = span_find(text, '?', 0);
    ret->path = span_head(text, mark);
    ret->query = span_from(text, mark + 1);
    return true;
}

bool url_next_param(struct span *query, struct span *ret_name, struct span *ret_value) {
    struct span piece;
    do {
        if (query->len == 0 || !span_next(query, '&', &piece))
            return false;
    } while (piece.len == 0);
    size_t mark = span_find(piece, '=', 0);
    *ret_name = span_head(piece, mark);
    *ret_value = span_from(piece, mark + 1);
    return true;
}
