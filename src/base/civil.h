/* civil.h — calendar arithmetic on day numbers (days since 1970-01-01, proleptic Gregorian).
 *
 * Algorithms: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms". */
#ifndef TAMIS_CIVIL_H
#define TAMIS_CIVIL_H

#include "span.h"

struct civil {
    int year;
    int month; /* 1–12 */
    int day;   /* 1–31 */
};

int32_t civil_to_day(struct civil c);
struct civil civil_from_day(int32_t day);
int civil_days_in_month(int year, int month);

/* 0 = Monday … 6 = Sunday. */
int civil_weekday(int32_t day);

/* The Monday on or before, the first of the month of, the first of January of `day`. */
int32_t civil_week_start(int32_t day);
int32_t civil_month_start(int32_t day);
int32_t civil_year_start(int32_t day);

/* `day` moved by whole months; the day of the month is cut to the month's length. */
int32_t civil_add_months(int32_t day, int months);

/* Strict "YYYY-MM-DD". */
bool civil_parse(struct span s, int32_t *ret_day);

enum { CIVIL_TEXT = 12 };
/* Writes "YYYY-MM-DD" and a NUL. */
void civil_format(int32_t day, char out[CIVIL_TEXT]);

#endif
