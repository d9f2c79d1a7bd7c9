#include "zone.h"

#include <stdio.h>
#include <stdlib.h>

#include "buf.h"
#include "civil.h"
#include "os.h"

#define ZONE_FOLDER "/usr/share/zoneinfo"

enum { LARGEST_FILE = 64 * 1024, DAY_SEC = 86400, HEADER_BYTES = 44 };

struct transition {
    int64_t at_sec;
    int32_t offset_sec; /* from at_sec on */
};

/* When daylight time begins or ends in the years after the table: POSIX TZ "Mm.w.d/time", "Jn" or
 * "n". */
struct rule_date {
    enum { RULE_MONTH, RULE_JULIAN, RULE_ZERO_BASED } kind;
    int month, week, weekday; /* RULE_MONTH; weekday 0 = Sunday */
    int day;                  /* the others */
    int32_t time_sec;         /* local, may be negative or over a day */
};

struct zone {
    char name[64];
    int32_t first_offset_sec; /* before the first transition */
    size_t count;
    struct transition *transitions;
    bool has_rule; /* the footer says what comes after the table */
    bool has_dst;
    int32_t std_offset_sec, dst_offset_sec;
    struct rule_date dst_from, dst_to;
};

/* --- the footer: a POSIX TZ string -------------------------------------------------------------
 */

static bool skip_abbreviation(struct span *s) {
    size_t n = 0;
    if (s->len && s->ptr[0] == '<') {
        n = span_find(*s, '>', 0) + 1;
    } else {
        while (n < s->len && ascii_lower(s->ptr[n]) >= 'a' && ascii_lower(s->ptr[n]) <= 'z')
            n++;
    }
    if (n < 3 || n > s->len)
        return false;
    *s = span_from(*s, n);
    return true;
}

static bool take_number(struct span *s, int *ret) {
    size_t n = 0;
    int v = 0;
    while (n < s->len && n < 4 && ascii_is_digit(s->ptr[n]))
        v = v * 10 + (s->ptr[n++] - '0');
    if (n == 0)
        return false;
    *ret = v;
    *s = span_from(*s, n);
    return true;
}

static bool take_char(struct span *s, char c) {
    if (!s->len || s->ptr[0] != c)
        return false;
    *s = span_from(*s, 1);
    return true;
}

/* [+-]hh[:mm[:ss]] in seconds. */
static bool take_time(struct span *s, int32_t *ret) {
    int sign = take_char(s, '-') ? -1 : 1;
    (void)take_char(s, '+');
    int h, m = 0, sec = 0;
    if (!take_number(s, &h))
        return false;
    if (take_char(s, ':') && (!take_number(s, &m) || (take_char(s, ':') && !take_number(s, &sec))))
        return false;
    *ret = sign * (h * 3600 + m * 60 + sec);
    return true;
}

static bool take_rule_date(struct span *s, struct rule_date *ret) {
    struct rule_date d = {.time_sec = 7200};
    if (!take_char(s, ','))
        return false;
    if (take_char(s, 'M')) {
        d.kind = RULE_MONTH;
        if (!take_number(s, &d.month) || !take_char(s, '.') || !take_number(s, &d.week) ||
            !take_char(s, '.') || !take_number(s, &d.weekday))
            return false;
        if (d.month < 1 || d.month > 12 || d.week < 1 || d.week > 5 || d.weekday > 6)
            return false;
    } else {
        d.kind = take_char(s, 'J') ? RULE_JULIAN : RULE_ZERO_BASED;
        if (!take_number(s, &d.day) || d.day > 366)
            return false;
    }
    if (take_char(s, '/') && !take_time(s, &d.time_sec))
        return false;
    *ret = d;
    return true;
}

static bool parse_footer(struct zone *z, struct span s) {
    int32_t west;
    if (!skip_abbreviation(&s) || !take_time(&s, &west))
        return false;
    z->std_offset_sec = -west;
    if (s.len == 0)
        return true;
    if (!skip_abbreviation(&s))
        return false;
    z->dst_offset_sec = z->std_offset_sec + 3600;
    if (s.len && s.ptr[0] != ',') {
        if (!take_time(&s, &west))
            return false;
        z->dst_offset_sec = -west;
    }
    z->has_dst = true;
    return take_rule_date(&s, &z->dst_from) && take_rule_date(&s, &z->dst_to) && s.len == 0;
}

/* Local seconds since the epoch at which a rule strikes in `year`, by the clock in force before it.
 */
static int64_t rule_local_sec(const struct rule_date *r, int year) {
    int32_t day = civil_to_day((struct civil){.year = year, .month = 1, .day = 1});
    if (r->kind == RULE_MONTH) {
        int32_t first = civil_to_day((struct civil){.year = year, .month = r->month, .day = 1});
        int sunday_based = (civil_weekday(first) + 1) % 7;
        int dom = 1 + (r->weekday - sunday_based + 7) % 7 + (r->week - 1) * 7;
        while (dom > civil_days_in_month(year, r->month))
            dom -= 7;
        day = first + dom - 1;
    } else if (r->kind == RULE_JULIAN) {
        /* Jn: 1–365, February 29 is never counted */
        bool leap = civil_days_in_month(year, 2) == 29;
        day += r->day - 1 + (leap && r->day >= 60 ? 1 : 0);
    } else {
        day += r->day;
    }
    return (int64_t)day * DAY_SEC + r->time_sec;
}

static int32_t rule_offset(const struct zone *z, int64_t at_sec) {
    if (!z->has_dst)
        return z->std_offset_sec;
    int64_t local_day = (at_sec + z->std_offset_sec) / DAY_SEC;
    int year = civil_from_day((int32_t)local_day).year;
    int64_t from = rule_local_sec(&z->dst_from, year) - z->std_offset_sec;
    int64_t to = rule_local_sec(&z->dst_to, year) - z->dst_offset_sec;
    bool dst = from < to ? at_sec >= from && at_sec < to : at_sec >= from || at_sec < to;
    return dst ? z->dst_offset_sec : z->std_offset_sec;
}

/* --- the file ----------------------------------------------------------------------------------
 */

struct tzif_header {
    uint32_t isutc, isstd, leap, times, types, chars;
};

static bool take_u32be(struct span *s, uint32_t *ret) {
    uint32_t v;
    if (!take_u32le(s, &v))
        return false;
    *ret = __builtin_bswap32(v);
    return true;
}

static bool take_header(struct span *s, struct tzif_header *ret, char *ret_version) {
    struct span magic, skip;
    if (!take_bytes(s, 4, &magic) || !span_eq(magic, SPAN_LIT("TZif")) || !take_bytes(s, 16, &skip))
        return false;
    *ret_version = skip.ptr[0];
    return take_u32be(s, &ret->isutc) && take_u32be(s, &ret->isstd) && take_u32be(s, &ret->leap) &&
           take_u32be(s, &ret->times) && take_u32be(s, &ret->types) && take_u32be(s, &ret->chars);
}

static bool parse_body(struct zone *z, struct span s, const struct tzif_header *h) {
    struct span times, kinds, types, rest;
    size_t tail = (size_t)h->chars + (size_t)h->leap * 12 + h->isstd + h->isutc;
    if (h->types == 0 || !take_bytes(&s, (size_t)h->times * 8, &times) ||
        !take_bytes(&s, h->times, &kinds) || !take_bytes(&s, (size_t)h->types * 6, &types) ||
        !take_bytes(&s, tail, &rest))
        return false;
    z->transitions = calloc(h->times + 1U, sizeof(*z->transitions));
    if (!z->transitions)
        return false;
    for (uint32_t i = 0; i < h->types; i++) {
        struct span t = span_from(types, (size_t)i * 6);
        uint32_t offset;
        if (!take_u32be(&t, &offset))
            return false;
        if (i == 0)
            z->first_offset_sec = (int32_t)offset;
        for (uint32_t k = 0; k < h->times; k++)
            if ((uint8_t)kinds.ptr[k] == i)
                z->transitions[k].offset_sec = (int32_t)offset;
    }
    for (uint32_t k = 0; k < h->times; k++) {
        uint64_t raw;
        if ((uint8_t)kinds.ptr[k] >= h->types || !take_u64le(&times, &raw))
            return false;
        z->transitions[k].at_sec = (int64_t)__builtin_bswap64(raw);
    }
    z->count = h->times;
    if (s.len >= 2 && s.ptr[0] == '\n') {
        struct span footer = span_head(span_from(s, 1), span_find(s, '\n', 1) - 1);
        z->has_rule = footer.len > 0 && parse_footer(z, footer);
    }
    return true;
}

static bool parse_file(struct zone *z, struct span s) {
    struct tzif_header h;
    char version;
    if (!take_header(&s, &h, &version) || version < '2')
        return false;
    /* The 32-bit block is skipped; the 64-bit one follows with a header of its own. */
    size_t block = (size_t)h.times * 5 + (size_t)h.types * 6 + h.chars + (size_t)h.leap * 8 +
                   h.isstd + h.isutc;
    struct span skip;
    return take_bytes(&s, block, &skip) && take_header(&s, &h, &version) && parse_body(z, s, &h);
}

static bool name_is_safe(struct span name) {
    if (name.len == 0 || name.len >= sizeof(((struct zone *)0)->name) || name.ptr[0] == '/')
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = ascii_lower(name.ptr[i]);
        if (!((c >= 'a' && c <= 'z') || ascii_is_digit(c) || c == '_' || c == '-' || c == '+' ||
              c == '/'))
            return false;
    }
    return true;
}

int zone_open(struct span name, struct zone **ret, struct err *err) {
    if (!name_is_safe(name))
        return err_set(err, ERR_NOT_FOUND, "no such time zone");
    CLEANUP(zone_freep) struct zone *z = calloc(1, sizeof(*z));
    if (!z)
        return err_set(err, ERR_NOMEM, "out of memory");
    memcpy(z->name, name.ptr, name.len);
    char path[sizeof(ZONE_FOLDER) + sizeof(z->name) + 1];
    (void)snprintf(path, sizeof(path), "%s/%s", ZONE_FOLDER, z->name);
    BUF_AUTO file = {0};
    if (os_read_file(&os_system, path, LARGEST_FILE, &file, NULL) < 0)
        return err_set(err, ERR_NOT_FOUND, "no such time zone");
    if (!parse_file(z, buf_span(&file)))
        return err_set(err, ERR_CORRUPT, "time zone file does not parse");
    *ret = TAKE_PTR(z);
    return 0;
}

void zone_free(struct zone *z) {
    if (!z)
        return;
    free(z->transitions);
    free(z);
}

const char *zone_name(const struct zone *z) {
    return z->name;
}

static int64_t floor_div(int64_t a, int64_t b) {
    return a / b - (a % b < 0);
}

static int32_t offset_at(const struct zone *z, int64_t at_sec) {
    if (z->has_rule && (z->count == 0 || at_sec >= z->transitions[z->count - 1].at_sec))
        return rule_offset(z, at_sec);
    size_t lo = 0, hi = z->count; /* the first transition after at_sec */
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (z->transitions[mid].at_sec <= at_sec)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo ? z->transitions[lo - 1].offset_sec : z->first_offset_sec;
}

int32_t zone_offset_sec(const struct zone *z, int64_t ts_ms) {
    return offset_at(z, floor_div(ts_ms, 1000));
}

struct zone_local zone_to_local(const struct zone *z, int64_t ts_ms) {
    int64_t at = floor_div(ts_ms, 1000);
    int64_t local = at + offset_at(z, at);
    int64_t day = floor_div(local, DAY_SEC);
    return (struct zone_local){.day = (int32_t)day, .second = (int32_t)(local - day * DAY_SEC)};
}

int64_t zone_from_local_ms(const struct zone *z, int32_t day, int32_t second) {
    int64_t local = (int64_t)day * DAY_SEC + second;
    /* Offsets are within a day of UTC, so the ones in force a day before and after cover every
     * case. */
    int32_t before = offset_at(z, local - 2L * DAY_SEC), after = offset_at(z, local + 2L * DAY_SEC);
    int64_t earlier = local - (before > after ? before : after);
    int64_t later = local - (before > after ? after : before);
    if (earlier + offset_at(z, earlier) == local)
        return earlier * 1000;
    if (later + offset_at(z, later) == local)
        return later * 1000;
    /* In a gap: the transition itself lies between the two candidates. */
    int64_t lo = earlier, hi = later;
    while (lo + 1 < hi) {
        int64_t mid = lo + (hi - lo) / 2;
        if (mid + offset_at(z, mid) < local)
            lo = mid;
        else
            hi = mid;
    }
    return hi * 1000;
}

int64_t zone_day_start_ms(const struct zone *z, int32_t day) {
    return zone_from_local_ms(z, day, 0);
}
