/* include.compare: another range beside the one that is asked for.
 *
 * Both have their levels, so they are two results within one statement. Time is matched by place:
 * the first hour, day, week or month of one with the first of the other. */
#include <math.h>

#include "civil.h"
#include "query_write.h"

enum { WEEK_DAYS = 7, YEAR_OF_WEEKS_DAYS = 364, YEAR_MONTHS = 12 };

static const int64_t day_ms = 86400000;

int compare_parse(const json_t *value, const struct zone *zone, struct compare *ret,
                  struct err *err) {
    struct span word = json_span(value);
    if (!value || json_is_null(value))
        return 0;
    if (json_is_array(value)) {
        int r = range_parse_pair(value, "include: compare", zone, &ret->range, err);
        if (r == 0)
            ret->kind = COMPARE_CUSTOM;
        return r;
    }
    if (word.ptr && span_eq(word, SPAN_LIT("previous_period")))
        ret->kind = COMPARE_PREVIOUS;
    else if (word.ptr && span_eq(word, SPAN_LIT("year_over_year")))
        ret->kind = COMPARE_YEAR;
    else
        return err_set(err, ERR_INVALID,
                       "include: compare must be previous_period, year_over_year or two dates");
    return 0;
}

/* --- the other range ----------------------------------------------------------------------------
 */

static int32_t whole_weeks(int64_t days) {
    return (int32_t)((days + WEEK_DAYS - 1) / WEEK_DAYS * WEEK_DAYS);
}

/* `length_days` is that of the range, rounded up. */
static int32_t moved_day(const struct compare *c, int32_t day, int64_t length_days) {
    if (c->kind == COMPARE_YEAR)
        return c->match_weekdays ? day - YEAR_OF_WEEKS_DAYS : civil_add_months(day, -YEAR_MONTHS);
    return day - (c->match_weekdays ? whole_weeks(length_days) : (int32_t)length_days);
}

/* The same time by the clock on the wall. */
static int64_t moved_moment(const struct compare *c, const struct zone *zone, int64_t ts_ms,
                            int64_t length_days) {
    struct zone_local l = zone_to_local(zone, ts_ms);
    return zone_from_local_ms(zone, moved_day(c, l.day, length_days), l.second);
}

static struct range moved_moments(const struct query *q, const struct zone *zone) {
    const struct compare *c = &q->compare;
    int64_t from = q->range.from_ms, to = q->range.to_ms, length = to - from;
    struct range r = {0};
    if (c->kind == COMPARE_PREVIOUS && !c->match_weekdays) {
        range_bound_by_ts(&r, zone, from - length, from);
        return r;
    }
    int64_t days = (length + day_ms - 1) / day_ms;
    range_bound_by_ts(&r, zone, moved_moment(c, zone, from, days), moved_moment(c, zone, to, days));
    return r;
}

/* What of the range is still to come is not compared. */
static struct range moved_days(const struct query *q) {
    struct range r = q->range;
    if (r.from_day <= q->today && r.to_day > q->today)
        r.to_day = q->today;
    int64_t days = (int64_t)r.to_day - r.from_day + 1;
    r.from_day = moved_day(&q->compare, r.from_day, days);
    r.to_day = moved_day(&q->compare, r.to_day, days);
    return r;
}

static int month_number(int64_t day) {
    struct civil c = civil_from_day((int32_t)day);
    return c.year * YEAR_MONTHS + c.month;
}

void compare_resolve(struct query *q, const struct zone *zone) {
    struct compare *c = &q->compare;
    if (c->kind != COMPARE_CUSTOM)
        c->range = q->range.by_ts ? moved_moments(q, zone) : moved_days(q);
    enum dim d = query_time_dim(q);
    if (d == DIMS)
        return;
    int64_t here = range_first_label(&q->range, d, zone);
    int64_t there = range_first_label(&c->range, d, zone);
    c->shift = d == DIM_TIME_MONTH ? month_number(there) - month_number(here) : there - here;
}

struct query compare_query(const struct query *q) {
    struct query other = *q;
    other.range = q->compare.range;
    other.compare = (struct compare){0};
    return other;
}

int64_t compare_number(const struct query *q, enum dim d, int64_t number) {
    int64_t shift = q->compare.shift;
    return d == DIM_TIME_MONTH ? civil_add_months((int32_t)number, (int)shift) : number + shift;
}

/* --- SQL ----------------------------------------------------------------------------------------
 */

static void put_match(const struct writer *w, size_t i) {
    enum dim d = w->asked->dims[i];
    long long shift = (long long)w->asked->compare.shift;
    if (d == DIM_TIME_MONTH)
        buf_addf(w->out,
                 " AND o.d%zu = (DATE '1970-01-01' + p.d%zu::INTEGER + to_months(%lld))::DATE"
                 " - DATE '1970-01-01'",
                 i, i, shift);
    else if (dim_infos[d].scope == SCOPE_TIME)
        buf_addf(w->out, " AND o.d%zu = p.d%zu + %lld", i, i, shift);
    else
        buf_addf(w->out, " AND o.d%zu = p.d%zu", i, i);
}

void put_comparison(const struct writer *w, const struct writer *other) {
    buf_adds(w->out, " LEFT JOIN (SELECT *, 1 AS found FROM (");
    put_rows(other);
    buf_adds(w->out, ")) o ON true");
    for (size_t i = 0; i < w->asked->dim_count; i++)
        put_match(w, i);
}

/* --- change -------------------------------------------------------------------------------------
 */

static double number_of(struct sql_value v) {
    return v.type == SQL_INT ? (double)v.i : v.d;
}

json_t *compare_change(enum metric m, struct sql_value before, struct sql_value now) {
    if (before.type == SQL_NULL_VALUE || now.type == SQL_NULL_VALUE)
        return json_null();
    double old = number_of(before), new = number_of(now);
    if (m == METRIC_BOUNCE_RATE) /* of none there is no rate to begin from */
        return old > 0 ? json_integer((json_int_t)(new - old)) : json_null();
    if (m == METRIC_CONVERSION_RATE || m == METRIC_GROUP_CONVERSION_RATE)
        return json_real(round((new - old) * 10) / 10);
    if (old == 0)
        return json_integer(new > 0 ? 100 : 0);
    return json_integer((json_int_t)round((new - old) * 100 / old));
}
