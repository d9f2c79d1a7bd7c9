#include "civil.h"
#include "query_parts.h"

enum { DAY_SEC = 86400 };
static const int64_t day_ms = (int64_t)DAY_SEC * 1000;

struct named_range {
    const char *word;
    enum { LAST_DAYS, MONTHS_BACK, THIS_DAY, THIS_YEAR, EVERYTHING, LAST_24H } kind;
    int count;
};

/* LAST_DAYS end yesterday, so that a half day does not look like a fall. */
static const struct named_range named_ranges[] = {
#define RANGE(word, KIND, count) {word, KIND, count},
#include "query_words.def"
#undef RANGE
};

static int32_t month_end(int32_t day) {
    return civil_add_months(civil_month_start(day), 1) - 1;
}

void range_bound_by_ts(struct range *r, const struct zone *zone, int64_t from_ms, int64_t to_ms) {
    r->by_ts = true;
    r->from_ms = from_ms;
    r->to_ms = to_ms;
    r->from_day = zone_to_local(zone, from_ms).day;
    r->to_day = zone_to_local(zone, to_ms - 1).day;
}

static int64_t whole_second(int64_t ms) {
    int64_t rest = ms % 1000;
    return ms - (rest < 0 ? rest + 1000 : rest);
}

static void resolve_named(const struct named_range *n, const struct zone *zone, int64_t now_ms,
                          int32_t today, struct range *r) {
    switch (n->kind) {
    case THIS_DAY:
        r->from_day = r->to_day = today;
        break;
    case LAST_24H:
        now_ms = whole_second(now_ms); /* what was sealed knows no less */
        range_bound_by_ts(r, zone, now_ms - day_ms, now_ms + 1000);
        break;
    case LAST_DAYS:
        r->from_day = today - n->count;
        r->to_day = today - 1;
        break;
    case MONTHS_BACK:
        r->from_day = civil_add_months(civil_month_start(today), -n->count);
        r->to_day = month_end(today);
        break;
    case THIS_YEAR:
        r->from_day = civil_year_start(today);
        r->to_day = civil_add_months(r->from_day, 12) - 1;
        break;
    case EVERYTHING:
        r->from_first = true;
        r->from_day = r->to_day = today;
        break;
    }
}

static bool take_two_digits(struct span *s, int most, int *ret) {
    if (s->len < 2 || !ascii_is_digit(s->ptr[0]) || !ascii_is_digit(s->ptr[1]))
        return false;
    *ret = (s->ptr[0] - '0') * 10 + (s->ptr[1] - '0');
    *s = span_from(*s, 2);
    return *ret <= most;
}

static bool take_char(struct span *s, char c) {
    if (s->len == 0 || s->ptr[0] != c)
        return false;
    *s = span_from(*s, 1);
    return true;
}

/* A fraction of a second is read and dropped: ranges count whole seconds. */
static bool skip_fraction(struct span *s) {
    if (!take_char(s, '.'))
        return true;
    size_t n = 0;
    while (n < s->len && ascii_is_digit(s->ptr[n]))
        n++;
    *s = span_from(*s, n);
    return n >= 1 && n <= 9;
}

static bool take_offset(struct span *s, int *ret_sec) {
    if (take_char(s, 'Z')) {
        *ret_sec = 0;
        return true;
    }
    int sign = s->len > 0 && s->ptr[0] == '-' ? -1 : 1;
    int hours, minutes;
    if (!take_char(s, '-') && !take_char(s, '+'))
        return false;
    if (!take_two_digits(s, 14, &hours) || !take_char(s, ':') || !take_two_digits(s, 59, &minutes))
        return false;
    *ret_sec = sign * (hours * 3600 + minutes * 60);
    return true;
}

/* ISO 8601: date, T, time with seconds, offset or Z. */
static bool parse_moment(struct span s, int64_t *ret_ms) {
    int32_t day;
    int hour, minute, second, offset;
    if (!civil_parse(span_head(s, 10), &day))
        return false;
    s = span_from(s, 10);
    if (!take_char(&s, 'T') || !take_two_digits(&s, 23, &hour) || !take_char(&s, ':') ||
        !take_two_digits(&s, 59, &minute) || !take_char(&s, ':') ||
        !take_two_digits(&s, 59, &second) || !skip_fraction(&s) || !take_offset(&s, &offset) ||
        s.len != 0)
        return false;
    *ret_ms = ((int64_t)day * DAY_SEC + hour * 3600 + minute * 60 + second - offset) * 1000;
    return true;
}

int range_parse_pair(const json_t *pair, const char *key, const struct zone *zone,
                     struct range *ret, struct err *err) {
    struct span from = json_span(json_array_get(pair, 0)), to = json_span(json_array_get(pair, 1));
    if (json_array_size(pair) != 2 || !from.ptr || !to.ptr)
        return err_set(err, ERR_INVALID, "%s: must be a name or two dates", key);
    struct range r = {0};
    int64_t from_ms, to_ms;
    bool days = civil_parse(from, &r.from_day) && civil_parse(to, &r.to_day);
    if (!days && (!parse_moment(from, &from_ms) || !parse_moment(to, &to_ms)))
        return err_set(err, ERR_INVALID, "%s: both must be dates, or times with an offset", key);
    if (days ? r.from_day > r.to_day : from_ms > to_ms)
        return err_set(err, ERR_INVALID, "%s: ends before it begins", key);
    if (!days)
        range_bound_by_ts(&r, zone, from_ms, to_ms + 1000);
    *ret = r;
    return 0;
}

int range_parse(const json_t *value, const json_t *date, const struct zone *zone, int64_t now_ms,
                struct range *ret, struct err *err) {
    struct range r = {0};
    if (!value)
        return err_set(err, ERR_INVALID, "date_range: is required");
    int32_t today = zone_to_local(zone, now_ms).day;
    if (date && (!json_is_string(date) || !civil_parse(json_span(date), &today)))
        return err_set(err, ERR_INVALID, "date: must be YYYY-MM-DD");
    if (json_is_array(value)) {
        if (date)
            return err_set(err, ERR_INVALID, "date: only with a named date_range");
        return range_parse_pair(value, "date_range", zone, ret, err);
    }
    struct span word = json_span(value);
    for (size_t i = 0; word.ptr && i < ARRAY_LEN(named_ranges); i++) {
        const struct named_range *n = &named_ranges[i];
        if (!span_eq(word, span_str(n->word)))
            continue;
        if (date && n->kind == LAST_24H)
            return err_set(err, ERR_INVALID, "date: does not go with 24h");
        resolve_named(n, zone, now_ms, today, &r);
        *ret = r;
        return 0;
    }
    return err_set(err, ERR_INVALID, "date_range: unknown range");
}

enum dim range_auto_dim(const struct range *r) {
    int64_t days = (int64_t)r->to_day - r->from_day + 1;
    if (days <= 1 || (r->by_ts && r->to_ms - r->from_ms <= 2 * day_ms))
        return DIM_TIME_HOUR;
    return days <= 92 ? DIM_TIME_DAY : DIM_TIME_MONTH;
}

static int64_t hour_number(const struct zone *zone, int64_t ts_ms) {
    struct zone_local l = zone_to_local(zone, ts_ms);
    return (int64_t)l.day * 24 + l.second / 3600;
}

/* Walks in half hours of real time, so that a skipped hour has no label and a doubled one has one.
 */
static size_t hour_labels(const struct range *r, const struct zone *zone, int64_t *out,
                          size_t most) {
    int64_t from = r->by_ts ? r->from_ms : zone_day_start_ms(zone, r->from_day);
    int64_t to = r->by_ts ? r->to_ms : zone_day_start_ms(zone, r->to_day + 1);
    size_t n = 0;
    for (int64_t t = from; t < to && n < most; t += 1800000) {
        int64_t hour = hour_number(zone, t);
        if (n == 0 || hour > out[n - 1])
            out[n++] = hour;
    }
    if (n < most && n > 0 && hour_number(zone, to - 1) > out[n - 1])
        out[n++] = hour_number(zone, to - 1);
    return n;
}

static int32_t label_start(enum dim dim, int32_t day) {
    return dim == DIM_TIME_WEEK    ? civil_week_start(day)
           : dim == DIM_TIME_MONTH ? civil_month_start(day)
                                   : day;
}

static int32_t label_next(enum dim dim, int32_t day) {
    return dim == DIM_TIME_WEEK    ? day + 7
           : dim == DIM_TIME_MONTH ? civil_add_months(day, 1)
                                   : day + 1;
}

int64_t range_first_label(const struct range *r, enum dim dim, const struct zone *zone) {
    if (dim != DIM_TIME_HOUR)
        return label_start(dim, r->from_day);
    return r->by_ts ? hour_number(zone, r->from_ms) : (int64_t)r->from_day * 24;
}

int range_labels(const struct range *r, enum dim dim, const struct zone *zone, struct arena *arena,
                 int64_t **ret, size_t *ret_count, struct err *err) {
    int64_t days = (int64_t)r->to_day - r->from_day + 1;
    int64_t each = dim == DIM_TIME_HOUR   ? 1
                   : dim == DIM_TIME_DAY  ? 24
                   : dim == DIM_TIME_WEEK ? 168
                                          : 672;
    int64_t most = days * 24 / each + 26;
    if (most > QUERY_MOST_LABELS)
        return err_set(err, ERR_INVALID,
                       "include: time_labels would be too many for this date_range");
    int64_t *labels = ARENA_NEW(arena, int64_t, (size_t)most);
    if (!labels)
        return err_set(err, ERR_NOMEM, "out of memory");
    size_t n = 0;
    if (dim == DIM_TIME_HOUR)
        n = hour_labels(r, zone, labels, (size_t)most);
    else
        for (int32_t day = label_start(dim, r->from_day); day <= r->to_day && n < (size_t)most;
             day = label_next(dim, day))
            labels[n++] = day;
    *ret = labels;
    *ret_count = n;
    return 0;
}

void range_format(enum dim dim, int64_t number, char out[TIME_TEXT]) {
    char date[CIVIL_TEXT];
    if (dim != DIM_TIME_HOUR) {
        civil_format((int32_t)number, date);
        (void)snprintf(out, TIME_TEXT, "%s", date);
        return;
    }
    int64_t day = number >= 0 ? number / 24 : -((-number + 23) / 24);
    civil_format((int32_t)day, date);
    (void)snprintf(out, TIME_TEXT, "%s %02d:00:00", date, (int)(number - day * 24));
}

void range_format_moment(const struct zone *zone, int64_t ts_ms, char out[TIME_TEXT]) {
    struct zone_local l = zone_to_local(zone, ts_ms);
    int offset = zone_offset_sec(zone, ts_ms);
    int minutes = (offset < 0 ? -offset : offset) / 60;
    char date[CIVIL_TEXT];
    civil_format(l.day, date);
    (void)snprintf(out, TIME_TEXT, "%sT%02d:%02d:%02d%c%02d:%02d", date,
                   (int)(l.second / 3600) % 24, (int)(l.second / 60) % 60, (int)(l.second % 60),
                   offset < 0 ? '-' : '+', minutes / 60 % 24, minutes % 60);
}
