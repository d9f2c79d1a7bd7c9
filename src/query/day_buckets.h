/* day_buckets.h — days put together to buckets: which of them a visitor of the diary came in. */
#ifndef TAMIS_DAY_BUCKETS_H
#define TAMIS_DAY_BUCKETS_H

#include "arena.h"
#include "err.h"
#include "known.h"
#include "span.h"

enum bucket_size { BUCKET_ALL, BUCKET_DAY, BUCKET_WEEK, BUCKET_MONTH };

enum { BUCKETS_NONE = UINT16_MAX };

struct day_buckets {
    int32_t from, to; /* days that are in a bucket; from > to: none is */
    size_t count;
    int32_t *starts; /* of each bucket: its Monday, its first of the month; may lie before `from` */
    uint16_t *of;    /* of each day from `from` on, its bucket */
};

/* All days from `from` to `to` that a diary can hold at `today`. Memory of the arena. */
int day_buckets_make(int32_t from, int32_t to, int32_t today, enum bucket_size size,
                     struct arena *arena, struct day_buckets *ret, struct err *err) WARN_UNUSED;

/* The bucket of a day; BUCKETS_NONE. */
unsigned day_buckets_of(const struct day_buckets *b, int32_t day);

/* Writes the buckets the visitor came in, each once and in order, and returns how many; `out` has
 * room for all buckets. */
size_t day_buckets_hit(const struct day_buckets *b, int32_t first_day, struct span days,
                       uint16_t *out);

/* The first day of the bucket that a day is in. */
int32_t bucket_start(enum bucket_size size, int32_t day);

#endif
