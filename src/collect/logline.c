/* logline.c — access-log lines in the common and combined formats (Apache's mod_log_config, nginx).
 *
 *   host ident user [17/May/2015:10:05:03 +0000] "GET /path HTTP/1.1" 200 1234 "referrer" "user
 * agent"
 *
 * Inside quotes a backslash escapes the next character (Apache writes \" and \xhh); what is between
 * is taken as it stands and unescaped only when there is a backslash. What follows the last known
 * field is ignored. */
#include "collect.h"

#include "civil.h"

struct cursor_in {
    const char *at, *end;
};

/* --- fields -------------------------------------------------------------------------------------
 */

static bool take_char(struct cursor_in *c, char want) {
    if (c->at == c->end || *c->at != want)
        return false;
    c->at++;
    return true;
}

/* Up to the next space, which is consumed. */
static bool take_bare(struct cursor_in *c, struct span *ret) {
    const char *stop = memchr(c->at, ' ', (size_t)(c->end - c->at));
    if (!stop || stop == c->at)
        return false;
    *ret = span_of(c->at, (size_t)(stop - c->at));
    c->at = stop + 1;
    return true;
}

static int hex_digit(char c) {
    if (ascii_is_digit(c))
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Apache's ap_escape_logitem: \" \\ \b \n \r \t \v and \xhh. nginx writes all of them as \xHH. */
static bool unescape(struct arena *arena, struct span raw, struct span *ret) {
    char *out = arena_alloc(arena, raw.len);
    if (!out)
        return false;
    size_t n = 0;
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.ptr[i];
        if (c == '\\' && i + 1 < raw.len) {
            c = raw.ptr[++i];
            int high, low;
            if (c == 'x' && i + 2 < raw.len && (high = hex_digit(raw.ptr[i + 1])) >= 0 &&
                (low = hex_digit(raw.ptr[i + 2])) >= 0) {
                c = (char)(high << 4 | low);
                i += 2;
            } else if (c == 'n' || c == 'r' || c == 't' || c == 'b' || c == 'v') {
                c = ' ';
            }
        }
        out[n++] = c;
    }
    *ret = span_of(out, n);
    return true;
}

/* A quoted string; *ret_escaped says that it holds backslashes. */
static bool take_quoted(struct cursor_in *c, struct span *ret, bool *ret_escaped) {
    if (!take_char(c, '"'))
        return false;
    const char *start = c->at, *from = start;
    *ret_escaped = false;
    for (;;) {
        const char *quote = memchr(from, '"', (size_t)(c->end - from));
        if (!quote)
            return false;
        const char *slash = quote;
        while (slash > start && slash[-1] == '\\')
            slash--;
        if ((quote - slash) % 2 == 0) {
            *ret = span_of(start, (size_t)(quote - start));
            *ret_escaped = memchr(start, '\\', ret->len) != NULL;
            c->at = quote + 1;
            return true;
        }
        from = quote + 1;
    }
}

static int two_digits(const char *p) {
    return ascii_is_digit(p[0]) && ascii_is_digit(p[1]) ? (p[0] - '0') * 10 + (p[1] - '0') : -1;
}

static int month_of(const char *p) {
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int m = 0; m < 12; m++) {
        if (memcmp(names + m * 3, p, 3) == 0)
            return m + 1;
    }
    return 0;
}

/* "[17/May/2015:10:05:03 +0000]" */
static bool take_time(struct cursor_in *c, int64_t *ret_ms) {
    enum { LENGTH = 28 };
    const char *p = c->at;
    if (c->end - p < LENGTH || p[0] != '[' || p[3] != '/' || p[7] != '/' || p[12] != ':' ||
        p[15] != ':' || p[18] != ':' || p[21] != ' ' || p[27] != ']')
        return false;
    int day = two_digits(p + 1), month = month_of(p + 4);
    int century = two_digits(p + 8), year = two_digits(p + 10);
    int hour = two_digits(p + 13), minute = two_digits(p + 16), second = two_digits(p + 19);
    int zone_hour = two_digits(p + 23), zone_minute = two_digits(p + 25);
    if ((p[22] != '+' && p[22] != '-') || month == 0 || century < 0 || year < 0 || hour < 0 ||
        hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60 || zone_hour < 0 ||
        zone_hour > 15 || zone_minute < 0 || zone_minute > 59)
        return false;
    year += century * 100;
    if (day < 1 || day > civil_days_in_month(year, month))
        return false;
    int64_t at = (int64_t)civil_to_day((struct civil){year, month, day}) * 86400 + hour * 3600 +
                 minute * 60 + second;
    int zone = zone_hour * 3600 + zone_minute * 60;
    *ret_ms = (p[22] == '+' ? at - zone : at + zone) * 1000;
    c->at += LENGTH;
    return true;
}

/* --- the client's address -----------------------------------------------------------------------
 */

static bool parse_v4(struct span s, uint8_t out[4]) {
    size_t part = 0, digits = 0;
    unsigned value = 0;
    for (size_t i = 0; i <= s.len; i++) {
        if (i == s.len || s.ptr[i] == '.') {
            if (digits == 0 || part == 4)
                return false;
            out[part++] = (uint8_t)value;
            value = 0;
            digits = 0;
        } else {
            if (!ascii_is_digit(s.ptr[i]) || digits == 3)
                return false;
            value = value * 10 + (unsigned)(s.ptr[i] - '0');
            digits++;
            if (value > 255)
                return false;
        }
    }
    return part == 4;
}

/* RFC 4291 text form. Groups before and after "::" are counted from both ends. */
static bool parse_v6(struct span s, uint8_t out[16]) {
    uint8_t bytes[16] = {0};
    size_t at = 0, gap = SIZE_MAX, i = 0;
    if (s.len >= 2 && s.ptr[0] == ':' && s.ptr[1] == ':') {
        gap = 0;
        i = 2;
    }
    while (i < s.len) {
        if (at == 16)
            return false;
        size_t end = span_find(s, ':', i);
        struct span group = span_of(s.ptr + i, end - i);
        if (span_find(group, '.', 0) < group.len) {
            if (end != s.len || at > 12 || !parse_v4(group, bytes + at))
                return false;
            at += 4;
            break;
        }
        if (group.len == 0 || group.len > 4)
            return false;
        unsigned value = 0;
        for (size_t k = 0; k < group.len; k++) {
            int d = hex_digit(group.ptr[k]);
            if (d < 0)
                return false;
            value = value << 4 | (unsigned)d;
        }
        bytes[at++] = (uint8_t)(value >> 8);
        bytes[at++] = (uint8_t)value;
        if (end == s.len)
            break;
        i = end + 1;
        if (i == s.len)
            return false;
        if (s.ptr[i] == ':') {
            if (gap != SIZE_MAX)
                return false;
            gap = at;
            i++;
        }
    }
    if ((gap == SIZE_MAX) != (at == 16))
        return false;
    memset(out, 0, 16);
    if (gap == SIZE_MAX)
        gap = at;
    memcpy(out, bytes, gap);
    memcpy(out + 16 - (at - gap), bytes + gap, at - gap);
    return true;
}

/* A host name in place of an address gives family 0. */
static struct net_address parse_address(struct span s) {
    struct net_address a = {0};
    if (span_find(s, ':', 0) < s.len) {
        static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
        if (parse_v6(s, a.bytes)) {
            a.family = 6;
            if (memcmp(a.bytes, mapped, sizeof(mapped)) == 0) {
                memmove(a.bytes, a.bytes + 12, 4);
                memset(a.bytes + 4, 0, 12);
                a.family = 4;
            }
        }
    } else if (parse_v4(s, a.bytes)) {
        a.family = 4;
    }
    if (a.family == 0)
        memset(&a, 0, sizeof(a));
    return a;
}

/* --- pages --------------------------------------------------------------------------------------
 */

static bool is_page(struct span target) {
    static const struct span page_ends[] = {
        SPAN_LIT("html"), SPAN_LIT("htm"), SPAN_LIT("php"), SPAN_LIT("asp"),   SPAN_LIT("aspx"),
        SPAN_LIT("jsp"),  SPAN_LIT("cgi"), SPAN_LIT("pl"),  SPAN_LIT("xhtml"), SPAN_LIT("shtml"),
    };
    size_t end = 0, dot = SIZE_MAX;
    for (; end < target.len && target.ptr[end] != '?' && target.ptr[end] != '#'; end++) {
        if (target.ptr[end] == '/')
            dot = SIZE_MAX;
        else if (target.ptr[end] == '.')
            dot = end;
    }
    if (dot == SIZE_MAX)
        return true;
    struct span extension = span_of(target.ptr + dot + 1, end - dot - 1);
    if (extension.len == 0)
        return true;
    for (size_t i = 0; i < ARRAY_LEN(page_ends); i++) {
        if (span_eq_nocase(extension, page_ends[i]))
            return true;
    }
    return false;
}

static bool make_url(struct arena *arena, struct span host, struct span target, struct span *ret) {
    if (target.len == 0 || target.ptr[0] != '/') { /* "GET http://host/path" from a proxy */
        *ret = target;
        return target.len > 0;
    }
    char *url = arena_alloc(arena, 8 + host.len + target.len);
    if (!url)
        return false;
    char *to = mempcpy(url, "https://", 8);
    to = mempcpy(to, host.ptr, host.len);
    to = mempcpy(to, target.ptr, target.len);
    *ret = span_of(url, (size_t)(to - url));
    return true;
}

static struct span dash_is_empty(struct span s) {
    return s.len == 1 && s.ptr[0] == '-' ? SPAN_EMPTY : s;
}

/* The quoted field, unescaped, "-" as empty. */
static bool take_text(struct cursor_in *c, struct arena *arena, struct span *ret) {
    bool escaped;
    if (!take_quoted(c, ret, &escaped) || (escaped && !unescape(arena, *ret, ret)))
        return false;
    *ret = dash_is_empty(*ret);
    return true;
}

static int take_status(struct cursor_in *c) {
    if (c->end - c->at < 3 || !ascii_is_digit(c->at[0]))
        return -1;
    int low = two_digits(c->at + 1);
    int status = low < 0 ? -1 : (c->at[0] - '0') * 100 + low;
    c->at += 3;
    return c->at == c->end || *c->at == ' ' ? status : -1;
}

enum log_line_kind collect_log_line(enum log_format format, struct span line, struct span host,
                                    struct arena *arena, struct hit *ret) {
    struct cursor_in c = {line.ptr, line.ptr + line.len};
    struct span address, skipped, request, referrer = SPAN_EMPTY, agent = SPAN_EMPTY;
    int64_t ts_ms;
    bool escaped;
    if (!take_bare(&c, &address) || !take_bare(&c, &skipped))
        return LOG_LINE_BROKEN;
    /* A user name may hold spaces; the time's bracket ends it. */
    while (c.at < c.end && *c.at != '[') {
        if (!take_bare(&c, &skipped))
            return LOG_LINE_BROKEN;
    }
    if (!take_time(&c, &ts_ms) || !take_char(&c, ' ') || !take_quoted(&c, &request, &escaped) ||
        !take_char(&c, ' '))
        return LOG_LINE_BROKEN;
    int status = take_status(&c);
    if (status < 100 || status > 599)
        return LOG_LINE_BROKEN;
    if (format == LOG_FORMAT_COMBINED) {
        if (!take_char(&c, ' ') || !take_bare(&c, &skipped) || !take_text(&c, arena, &referrer) ||
            !take_char(&c, ' ') || !take_text(&c, arena, &agent))
            return LOG_LINE_BROKEN;
    }

    struct span method = span_head(request, span_find(request, ' ', 0));
    if (method.len == 0 || method.len == request.len)
        return status >= 400 ? LOG_LINE_ERROR : LOG_LINE_BROKEN;
    if (status >= 400)
        return LOG_LINE_ERROR;
    if (!span_eq(method, SPAN_LIT("GET")))
        return LOG_LINE_METHOD;
    if (status < 200 || (status >= 300 && status != 304))
        return LOG_LINE_REDIRECT;
    struct span target = span_from(request, method.len + 1);
    for (size_t i = target.len; i-- > 0;) {
        if (target.ptr[i] == ' ') {
            target.len = i;
            break;
        }
    }
    if (!is_page(target))
        return LOG_LINE_ASSET;
    if ((escaped && !unescape(arena, target, &target)))
        return LOG_LINE_BROKEN;

    struct span url;
    if (!make_url(arena, host, target, &url))
        return LOG_LINE_BROKEN;
    hit_init(ret);
    ret->address = parse_address(address);
    ret->user_agent = agent;
    ret->domain = host;
    ret->name = SPAN_LIT("pageview");
    ret->url = url;
    ret->referrer = referrer;
    ret->ts_ms = ts_ms;
    return LOG_LINE_PAGE;
}
