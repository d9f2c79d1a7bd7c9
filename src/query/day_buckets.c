#include "day_buckets.h"

#include "civil.h"

/* The diary is looked through for what is too old from time to time only, and clocks may be ahead. */
enum { SLACK_DAYS = 366 };

int32_t bucket_start(enum bucket_size size, int32_t day) {
    return size == BUCKET_WEEK    ? civil_week_start(day)
           : size == BUCKET_MONTH ? civil_month_start(day)
                                  : day;
}

static bool begins(const struct day_buckets *b, enum bucket_size size, int32_t day) {
    return day == b->from || (size != BUCKET_ALL && bucket_start(size, day) == day);
}

int day_buckets_make(int32_t from, int32_t to, int32_t today, enum bucket_size size,
                     struct arena *arena, struct day_buckets *ret, struct err *err) {
    int32_t oldest = today - KNOWN_MOST_DAYS - SLACK_DAYS, latest = today + SLACK_DAYS;
    struct day_buckets b = {.from = from > oldest ? from : oldest, .to = to < latest ? to : latest};
    size_t days = b.from > b.to ? 0 : (size_t)(b.to - b.from) + 1;
    b.starts = ARENA_NEW(arena, int32_t, days + 1);
    b.of = ARENA_NEW(arena, uint16_t, days + 1);
    if (!b.starts || !b.of)
        return err_set(err, ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < days; i++) {
        int32_t day = b.from + (int32_t)i;
        if (begins(&b, size, day))
            b.starts[b.count++] = bucket_start(size, day);
        b.of[i] = (uint16_t)(b.count - 1);
    }
    *ret = b;
    return 0;
}

unsigned day_buckets_of(const struct day_buckets *b, int32_t day) {
    return day < b->from || day > b->to ? (unsigned)BUCKETS_NONE : b->of[day - b->from];
}

size_t day_buckets_hit(const struct day_buckets *b, int32_t first_day, struct span days,
                       uint16_t *out) {
    size_t n = 0;
    for (size_t i = 0; i < days.len; i++)
        for (unsigned byte = (uint8_t)days.ptr[i]; byte; byte &= byte - 1) {
            unsigned at = day_buckets_of(b, first_day + (int32_t)i * 8 + __builtin_ctz(byte));
            if (at != BUCKETS_NONE && (n == 0 || out[n - 1] != at))
                out[n++] = (uint16_t)at;
        }
    return n;
}
