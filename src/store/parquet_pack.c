#include "parquet_pack.h"

enum {
    GROUP = 8,      /* bit-packed codes come in eights */
    LEAST_RUN = 16, /* of equal codes, which are worth leaving the eights */
    BLOCK = 128,
    MINIBLOCK = 32,
    MOST_WIDTH = 64,
};

/* Values of `width` bits, the least significant first; `count` is a multiple of eight. */
static void pack(struct buf *out, const uint64_t *values, size_t count, unsigned width) {
    if (!buf_reserve(out, count * width / 8 + sizeof(uint64_t)))
        return;
    unsigned char *to = (unsigned char *)out->data + out->len;
    unsigned __int128 waiting = 0;
    unsigned bits = 0;
    for (size_t i = 0; i < count; i++) {
        waiting |= (unsigned __int128)values[i] << bits;
        bits += width;
        while (bits >= 32) {
            uint32_t word = (uint32_t)waiting;
            memcpy(to, &word, sizeof(word));
            to += sizeof(word);
            waiting >>= 32;
            bits -= 32;
        }
    }
    for (; bits; bits -= 8, waiting >>= 8)
        *to++ = (unsigned char)waiting;
    out->len += count * width / 8;
}

/* --- codes --------------------------------------------------------------------------------------
 */

static size_t run_at(const uint32_t *codes, size_t count, size_t most) {
    size_t n = 1;
    while (n < count && n < most && codes[n] == codes[0])
        n++;
    return n;
}

static void add_run(struct buf *out, uint32_t code, size_t count, unsigned width) {
    buf_add_varint(out, (uint64_t)count << 1);
    for (unsigned bits = 0; bits < width; bits += 8)
        buf_addc(out, (char)(code >> bits));
}

static void add_packed(struct buf *out, const uint32_t *codes, size_t count, unsigned width) {
    size_t groups = (count + GROUP - 1) / GROUP;
    buf_add_varint(out, (uint64_t)groups << 1 | 1);
    for (size_t i = 0; i < groups * GROUP; i += BLOCK) {
        uint64_t values[BLOCK] = {0};
        size_t here = groups * GROUP - i < BLOCK ? groups * GROUP - i : BLOCK;
        for (size_t k = 0; k < here && i + k < count; k++)
            values[k] = codes[i + k];
        pack(out, values, here, width);
    }
}

void parquet_pack_codes(struct buf *out, const uint32_t *codes, size_t count, unsigned width) {
    size_t at = 0;
    while (at < count) {
        size_t run = run_at(codes + at, count - at, SIZE_MAX);
        if (run >= LEAST_RUN || at + run == count) {
            add_run(out, codes[at], run, width);
            at += run;
            continue;
        }
        /* Whole eights, since only the last ones of a page may be short. */
        size_t end = at;
        do
            end += GROUP;
        while (end < count && run_at(codes + end, count - end, LEAST_RUN) < LEAST_RUN);
        end = end < count ? end : count;
        add_packed(out, codes + at, end - at, width);
        at = end;
    }
}

/* --- steps --------------------------------------------------------------------------------------
 */

static void add_zigzag(struct buf *out, int64_t v) {
    buf_add_varint(out, (uint64_t)v << 1 ^ (uint64_t)(v >> 63));
}

static unsigned width_of(const uint64_t *values, size_t count) {
    uint64_t all = 0;
    for (size_t i = 0; i < count; i++)
        all |= values[i];
    return all ? MOST_WIDTH - (unsigned)__builtin_clzll(all) : 0;
}

/* A block: what its steps are above the least of them. They wrap around at the column's width, as the
 * format has it. */
static void add_block(struct buf *out, const int64_t *values, size_t count, bool narrow) {
    uint64_t steps[BLOCK] = {0};
    int64_t least = INT64_MAX;
    for (size_t i = 0; i < count; i++) {
        uint64_t step = (uint64_t)values[i + 1] - (uint64_t)values[i];
        steps[i] = narrow ? (uint64_t)(int32_t)step : step;
        least = (int64_t)steps[i] < least ? (int64_t)steps[i] : least;
    }
    for (size_t i = 0; i < count; i++) {
        steps[i] -= (uint64_t)least;
        steps[i] = narrow ? (uint32_t)steps[i] : steps[i];
    }
    add_zigzag(out, least);
    for (size_t i = 0; i < BLOCK; i += MINIBLOCK)
        buf_addc(out, (char)width_of(steps + i, MINIBLOCK));
    for (size_t i = 0; i < count; i += MINIBLOCK)
        pack(out, steps + i, MINIBLOCK, width_of(steps + i, MINIBLOCK));
}

void parquet_pack_steps(struct buf *out, const int64_t *values, size_t count, bool narrow) {
    int64_t first = count ? values[0] : 0;
    buf_add_varint(out, BLOCK);
    buf_add_varint(out, BLOCK / MINIBLOCK);
    buf_add_varint(out, count);
    add_zigzag(out, narrow ? (int32_t)first : first);
    for (size_t at = 0; at + 1 < count; at += BLOCK)
        add_block(out, values + at, count - 1 - at < BLOCK ? count - 1 - at : BLOCK, narrow);
}
