#include "scrub.h"

#include <hs/hs.h>
#include <stdlib.h>

#include "scrub_db.h"
#include "text.h"
#include "token.h"
#include "validate.h"

enum { MOST_HITS = 128, LONGEST_WORD = 6 };

static const struct {
    const char *word;
    validator valid;
} patterns[] = {
#define PATTERN(ID, expression, word, validator) {(word), (validator)},
#include "patterns.def"
#undef PATTERN
};

struct scrub {
    hs_database_t *db;
};

struct found {
    size_t from, to;
    unsigned pattern;
};

struct scrub_lane {
    const struct scrub *scrub;
    hs_scratch_t *scratch;
    struct span text; /* of the scan under way */
    bool first_only;
    bool overflow;
    size_t count;
    struct found found[MOST_HITS];
};

int scrub_open(struct scrub **ret, struct err *err) {
    struct scrub *s = calloc(1, sizeof(*s));
    if (!s)
        return err_set(err, ERR_NOMEM, "out of memory");
    if (hs_deserialize_database((const char *)scrub_db, scrub_db_size, &s->db) != HS_SUCCESS) {
        free(s);
        return err_set(err, ERR_UNSUPPORTED, "pattern database does not fit this libhs");
    }
    *ret = s;
    return 0;
}

void scrub_close(struct scrub *s) {
    (void)hs_free_database(s->db);
    free(s);
}

int scrub_lane_new(const struct scrub *s, struct scrub_lane **ret, struct err *err) {
    struct scrub_lane *lane = calloc(1, sizeof(*lane));
    if (!lane || hs_alloc_scratch(s->db, &lane->scratch) != HS_SUCCESS) {
        free(lane);
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    lane->scrub = s;
    *ret = lane;
    return 0;
}

void scrub_lane_free(struct scrub_lane *lane) {
    (void)hs_free_scratch(lane->scratch);
    free(lane);
}

/* Four counters of 16 bits in one word: a byte of text costs one addition. */
enum { COUNTER_BITS = 16, CHUNK = UINT16_MAX };
enum counter { DIGITS, DOTS, COLONS, OTHERS };
#define ONE(counter) (UINT64_C(1) << (counter)*COUNTER_BITS)

static const uint64_t weight[256] = {
    ['0'] = ONE(DIGITS), ['1'] = ONE(DIGITS), ['2'] = ONE(DIGITS), ['3'] = ONE(DIGITS),
    ['4'] = ONE(DIGITS), ['5'] = ONE(DIGITS), ['6'] = ONE(DIGITS), ['7'] = ONE(DIGITS),
    ['8'] = ONE(DIGITS), ['9'] = ONE(DIGITS), ['.'] = ONE(DOTS),   [':'] = ONE(COLONS),
    ['@'] = ONE(OTHERS), ['J'] = ONE(OTHERS),
};

static unsigned counted(uint64_t sum, enum counter which) {
    return (unsigned)(sum >> which * COUNTER_BITS) & UINT16_MAX;
}

bool scrub_could_match(struct span text) {
    if (UNLIKELY(text.len > CHUNK))
        return true;
    uint64_t sum = 0;
    for (size_t i = 0; i < text.len; i++)
        sum += weight[(unsigned char)text.ptr[i]];
    unsigned digits = counted(sum, DIGITS);
    if (digits >= 8 || (digits >= 4 && counted(sum, DOTS) >= 3) || counted(sum, COLONS) >= 2)
        return true;
    return counted(sum, OTHERS) &&
           (memchr(text.ptr, '@', text.len) || span_find_span(text, SPAN_LIT("eyJ")) != SIZE_MAX);
}

static int on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags,
                    void *ctx) {
    struct scrub_lane *lane = ctx;
    struct found f = {.from = (size_t)from, .to = (size_t)to, .pattern = id};
    if (!patterns[id].valid(lane->text, &f.from, &f.to))
        return 0;
    /* Each longer end of one item is a match of its own: keep the last. */
    struct found *last = lane->count ? &lane->found[lane->count - 1] : NULL;
    if (last && last->pattern == id && last->from == f.from) {
        if (f.to > last->to)
            last->to = f.to;
    } else if (lane->count == MOST_HITS) {
        lane->overflow = true;
        return 1;
    } else {
        lane->found[lane->count++] = f;
    }
    return lane->first_only;
}

/* False when the scan failed: then the text must count as personal. */
static bool scan(struct scrub_lane *lane, struct span text, bool first_only) {
    lane->text = text;
    lane->first_only = first_only;
    lane->overflow = false;
    lane->count = 0;
    if (text.len > UINT32_MAX)
        return false;
    hs_error_t e =
        hs_scan(lane->scrub->db, text.ptr, (unsigned)text.len, 0, lane->scratch, on_match, lane);
    return (e == HS_SUCCESS || e == HS_SCAN_TERMINATED) && !lane->overflow;
}

static int by_place(const void *a, const void *b) {
    const struct found *x = a, *y = b;
    if (x->from != y->from)
        return x->from < y->from ? -1 : 1;
    return x->to > y->to ? -1 : x->to < y->to;
}

int scrub_text(struct scrub_lane *lane, struct span text, struct arena *arena, struct span *ret,
               struct err *err) {
    if (LIKELY(!scrub_could_match(text))) {
        *ret = text;
        return 0;
    }
    if (!scan(lane, text, false)) {
        *ret = SPAN_LIT(":id");
        return 0;
    }
    if (lane->count == 0) {
        *ret = text;
        return 0;
    }
    qsort(lane->found, lane->count, sizeof(lane->found[0]), by_place);
    char *out = arena_alloc(arena, text.len + (size_t)LONGEST_WORD * lane->count);
    if (!out)
        return err_set(err, ERR_NOMEM, "out of memory");
    size_t n = 0, at = 0;
    for (size_t i = 0; i < lane->count; i++) {
        const struct found *f = &lane->found[i];
        if (f->to <= at)
            continue;
        if (f->from >= at) {
            memcpy(out + n, text.ptr + at, f->from - at);
            n += f->from - at;
            size_t len = strlen(patterns[f->pattern].word);
            memcpy(out + n, patterns[f->pattern].word, len);
            n += len;
        }
        at = f->to; /* one that overlaps the last only takes its rest along */
    }
    memcpy(out + n, text.ptr + at, text.len - at);
    *ret = span_of(out, n + text.len - at);
    return 0;
}

bool scrub_finds(struct scrub_lane *lane, struct span text) {
    return scrub_could_match(text) && (!scan(lane, text, true) || lane->count > 0);
}

bool scrub_looks_personal(struct scrub_lane *lane, struct span text) {
    enum { ROUNDS = 3 };
    if (scrub_finds(lane, text) || token_in(text))
        return true;
    if (LIKELY(!memchr(text.ptr, '%', text.len)))
        return false;
    CLEANUP(free_charp) char *bytes = malloc(text.len);
    if (!bytes)
        return true;
    for (int i = 0; i < ROUNDS; i++) {
        size_t n = text_percent_decode(text, bytes, true);
        if (n == text.len)
            return false;
        text = span_of(bytes, n);
        if (scrub_finds(lane, text) || token_in(text))
            return true;
    }
    return false;
}
