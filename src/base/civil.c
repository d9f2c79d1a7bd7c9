#include "civil.h"

#include <stdio.h>

int32_t civil_to_day(struct civil c) {
    int y = c.month <= 2 ? c.year - 1 : c.year;
    int era = (y >= 0 ? y : y - 399) / 400;
    int yoe = y - era * 400;
    int doy = (153 * (c.month > 2 ? c.month - 3 : c.month + 9) + 2) / 5 + c.day - 1;
    int doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

struct civil civil_from_day(int32_t day) {
    int z = day + 719468;
    int era = (z >= 0 ? z : z - 146096) / 146097;
    int doe = z - era * 146097;
    int yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int mp = (5 * doy + 2) / 153;
    struct civil c = {.month = mp < 10 ? mp + 3 : mp - 9, .day = doy - (153 * mp + 2) / 5 + 1};
    c.year = yoe + era * 400 + (c.month <= 2);
    return c;
}

int civil_days_in_month(int year, int month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

int civil_weekday(int32_t day) {
    int w = (day + 3) % 7; /* 1970-01-01 was a Thursday */
    return w < 0 ? w + 7 : w;
}

int32_t civil_week_start(int32_t day) {
    return day - civil_weekday(day);
}

int32_t civil_month_start(int32_t day) {
    return day - civil_from_day(day).day + 1;
}

int32_t civil_year_start(int32_t day) {
    return civil_to_day((struct civil){.year = civil_from_day(day).year, .month = 1, .day = 1});
}

int32_t civil_add_months(int32_t day, int months) {
    struct civil c = civil_from_day(day);
    int index = c.year * 12 + c.month - 1 + months;
    c.year = (index < 0 ? index - 11 : index) / 12;
    c.month = index - c.year * 12 + 1;
    int last = civil_days_in_month(c.year, c.month);
    if (c.day > last)
        c.day = last;
    return civil_to_day(c);
}

bool civil_parse(struct span s, int32_t *ret_day) {
    uint64_t y, m, d;
    if (s.len != 10 || s.ptr[4] != '-' || s.ptr[7] != '-' || !span_u64(span_head(s, 4), &y) ||
        !span_u64(span_of(s.ptr + 5, 2), &m) || !span_u64(span_of(s.ptr + 8, 2), &d))
        return false;
    if (m < 1 || m > 12 || d < 1 || d > (uint64_t)civil_days_in_month((int)y, (int)m))
        return false;
    *ret_day = civil_to_day((struct civil){.year = (int)y, .month = (int)m, .day = (int)d});
    return true;
}

void civil_format(int32_t day, char out[CIVIL_TEXT]) {
    struct civil c = civil_from_day(day);
    (void)snprintf(out, CIVIL_TEXT, "%04d-%02d-%02d", (int)((unsigned)c.year % 10000U),
                   (int)((unsigned)c.month % 100U), (int)((unsigned)c.day % 100U));
}
