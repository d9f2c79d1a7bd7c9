/* Differential test of src/query: random events and queries. Whether the rows are hot, sealed or
 * rolled up, and however days are parted among these, the replies are the same to the last digit,
 * and what the naive model says. QUERY_SEED repeats a run, QUERY_COUNT makes it longer. */
#include "random.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypt.h"

enum { EVENTS = 1400, QUERIES = 150 };

static void apply_some(struct bed *b, const struct event *events, bool late) {
    struct event *batch = calloc(EVENTS, sizeof *batch);
    assert_non_null(batch);
    size_t n = 0;
    for (size_t i = 0; i < EVENTS; i++) {
        if (random_is_late(&events[i]) == late)
            batch[n++] = events[i];
        if (n > 0 && (i == EVENTS - 1 || dice(150) == 0)) {
            bed_apply(b, batch, n);
            n = 0;
        }
    }
    free(batch);
}

/* Seals each day that is hot with a chance of one in `of`. */
static void seal_some(struct bed *b, uint32_t of) {
    struct store_day *days = NULL;
    size_t count = 0;
    struct err err = {0};
    assert_int_equal(store_hot_days(b->store, &days, &count, &err), 0);
    for (size_t i = 0; i < count; i++)
        if (dice(of) == 0)
            bed_seal(b, days[i].site, days[i].day);
    free(days);
    bed_publish(b);
}

struct beds {
    struct bed *hot, *sealed, *mixed, *compacted;
};

/* In `mixed`, late persons come after some days were sealed: these get a second part, or rows that
 * stay hot beside the part. In `compacted` all days have two, and those of March are one. */
static void fill(struct beds *beds, const struct event *events) {
    apply_some(beds->hot, events, false);
    apply_some(beds->hot, events, true);
    apply_some(beds->sealed, events, false);
    apply_some(beds->sealed, events, true);
    seal_some(beds->sealed, 1);
    apply_some(beds->mixed, events, false);
    seal_some(beds->mixed, 2);
    apply_some(beds->mixed, events, true);
    seal_some(beds->mixed, 3);
    apply_some(beds->compacted, events, false);
    seal_some(beds->compacted, 1);
    apply_some(beds->compacted, events, true);
    seal_some(beds->compacted, 1);
    for (uint32_t site = SITE; site <= HONG_KONG_SITE; site++)
        bed_compact(beds->compacted, site, random_first_day());
    bed_build_cells(beds->sealed, (int)beds->sealed->part_count - 2); /* SITE's first are left */
    bed_build_cells(beds->mixed, INT_MAX);
    bed_build_cells(beds->compacted, INT_MAX);
}

static unsigned levels_of(const json_t *reply) {
    static const char *const words[] = {"rollup", "cells", "sealed", "hot"};
    unsigned bits = 0;
    size_t i;
    json_t *word;
    json_array_foreach (json_object_get(json_object_get(reply, "meta"), "levels"), i, word)
        for (unsigned k = 0; k < ARRAY_LEN(words); k++)
            bits |= strcmp(json_string_value(word), words[k]) == 0 ? 1U << k : 0;
    return bits;
}

struct answers {
    const struct random_query *q;
    json_t *first; /* of the hot rows, which the others must equal */
    unsigned seen; /* bits of sets of levels that answered */
};

enum without { ALL, NO_CELLS = 1, NO_ROLLUP = 2 };

static void answer(struct answers *a, struct bed *b, unsigned without, const char *what) {
    struct query_env env = {.store = b->store,
                            .clock = &b->clock.clock,
                            .timeout_ms = 20000,
                            .no_rollup = without & NO_ROLLUP,
                            .no_cells = without & NO_CELLS};
    json_t *reply = NULL;
    struct err err = {0};
    if (query_run(&env, bed_policy(b, a->q->site), a->q->request, &reply, &err) < 0)
        fail_msg("%s: %s\n%s", what, err.text, json_dumps(a->q->request, JSON_COMPACT));
    a->seen |= 1U << levels_of(reply);
    if (!a->first) {
        a->first = reply;
        return;
    }
    static const char *const parts[] = {"results", "query"};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        const json_t *want = json_object_get(a->first, parts[i]);
        const json_t *got = json_object_get(reply, parts[i]);
        if (!json_equal(want, got))
            fail_msg("%s\n%s\n  hot  %s\n  this %s", what, json_dumps(a->q->request, JSON_COMPACT),
                     json_dumps(want, JSON_COMPACT), json_dumps(got, JSON_COMPACT));
    }
    assert_true(json_equal(json_object_get(json_object_get(a->first, "meta"), "total_rows"),
                           json_object_get(json_object_get(reply, "meta"), "total_rows")) ||
                !json_object_get(json_object_get(reply, "meta"), "total_rows"));
    json_decref(reply);
}

enum { CELLS_AND_HOT = 1U << (2 | 8) }; /* as a set that was seen */

static unsigned one_query(struct beds *beds, const struct model *m, unsigned *pairs) {
    struct random_query q;
    random_query_make(beds->hot, &q);
    beds->sealed->clock.now_ms = beds->mixed->clock.now_ms = beds->compacted->clock.now_ms =
        beds->hot->clock.now_ms;
    struct answers a = {.q = &q};
    answer(&a, beds->hot, ALL, "hot");
    random_query_compare(&q, m, a.first, "hot");
    struct {
        struct bed *bed;
        const char *name;
    } others[] = {{beds->sealed, "sealed"}, {beds->mixed, "mixed"}, {beds->compacted, "compacted"}};
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        answer(&a, others[i].bed, NO_ROLLUP | NO_CELLS, others[i].name);
        answer(&a, others[i].bed, NO_ROLLUP, "the same with cells");
        answer(&a, others[i].bed, ALL, "the same with roll-ups and cells");
    }
    *pairs += q.paired && a.seen & CELLS_AND_HOT;
    json_decref(a.first);
    random_query_release(&q);
    return a.seen;
}

static void levels_add_up(void **state) {
    (void)state;
    random_seed();
    struct beds beds = {bed_open(), bed_open(), bed_open(), bed_open()};
    struct event *events = calloc(EVENTS, sizeof *events);
    assert_non_null(events);
    random_events(beds.hot, events, EVENTS);
    fill(&beds, events);
    struct model m;
    model_build(&m, events, EVENTS);
    const char *given = getenv("QUERY_COUNT");
    unsigned seen = 0, pairs = 0;
    for (int i = given ? atoi(given) : QUERIES; i > 0; i--)
        seen |= one_query(&beds, &m, &pairs);
    /* Sets of roll-ups (1), cells (2), sealed (4) and hot rows (8): each of these has answered
     * something, cells and sealed rows together too. */
    assert_int_equal(seen, 1U << 9 | CELLS_AND_HOT | 1U << 12 | 1U << 14 | 1U << 8);
    assert_true(pairs > 0);
    model_release(&m);
    free(events);
    bed_close(beds.hot);
    bed_close(beds.sealed);
    bed_close(beds.mixed);
    bed_close(beds.compacted);
}

int main(void) {
    if (crypt_init() < 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
