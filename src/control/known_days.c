#include "known_days.h"

static bool has(const struct known_days *d, int bit) {
    return d->bits[bit / 8] >> bit % 8 & 1;
}

static void set(struct known_days *d, int bit) {
    size_t len = (size_t)bit / 8 + 1;
    d->bits[bit / 8] |= (uint8_t)(1U << bit % 8);
    if (d->len < len)
        d->len = len;
}

static void begin_at(struct known_days *d, int32_t day) {
    *d = (struct known_days){.first = day};
    set(d, 0);
}

/* Makes `first` the first day; bits move up or down. */
static void move_first(struct known_days *d, int32_t first) {
    struct known_days moved = {.first = first};
    for (int bit = 0; bit < (int)d->len * 8; bit++) {
        int64_t to = (int64_t)d->first + bit - first;
        if (has(d, bit) && to >= 0 && to < KNOWN_DAYS_BITS)
            set(&moved, (int)to);
    }
    *d = moved;
}

bool known_days_add(struct known_days *d, int32_t day) {
    int64_t bit = (int64_t)day - d->first;
    if (d->len == 0 || bit >= KNOWN_DAYS_BITS) {
        begin_at(d, day);
        return true;
    }
    if (bit <= -KNOWN_DAYS_BITS || (bit >= 0 && has(d, (int)bit)))
        return false;
    if (bit < 0) {
        move_first(d, day);
        bit = 0;
    }
    set(d, (int)bit);
    return true;
}

void known_days_cut(struct known_days *d, int32_t before) {
    for (int bit = 0; bit < (int)d->len * 8; bit++)
        if (has(d, bit) && d->first + bit >= before) {
            move_first(d, d->first + bit);
            return;
        }
    d->len = 0;
}

bool known_days_any(int32_t first, struct span bits, int32_t from, int32_t to) {
    int64_t bit = from > first ? (int64_t)from - first : 0, end = (int64_t)to - first;
    if (end >= (int64_t)bits.len * 8)
        end = (int64_t)bits.len * 8 - 1;
    while (bit <= end) {
        uint8_t byte = (uint8_t)bits.ptr[bit / 8];
        if (byte == 0) /* most are */
            bit += 8 - bit % 8;
        else if (byte >> bit % 8 & 1)
            return true;
        else
            bit++;
    }
    return false;
}
