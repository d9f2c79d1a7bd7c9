/* Differential test of src/query: random events and queries. Whether the rows are hot, sealed or
 * rolled up, and however days are parted among these, the replies are the same to the last digit,
 * and what the naive model says. QUERY_SEED repeats a run, QUERY_COUNT makes it longer. */
#include "many_beds.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypt.h"
#include "rounds.h"

enum { EVENTS = 1400, QUERIES = ROUNDS(150, 40), MOST_QUERIES = 600 };

/* All cells, but for those of SITE's first parts where all days are sealed. */
static void build_cells(const struct many_beds *m) {
    bed_build_cells(m->beds[BED_SEALED], (int)m->beds[BED_SEALED]->part_count - 2);
    bed_build_cells(m->beds[BED_MIXED], INT_MAX);
    bed_build_cells(m->beds[BED_COMPACTED], INT_MAX);
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

/* Sets of roll-ups (1), cells (2), sealed (4) and hot rows (8) that answer something; cells and sealed
 * rows together too. */
enum {
    CELLS_AND_HOT = 1U << (2 | 8),
    ALL_SETS = 1U << 9 | CELLS_AND_HOT | 1U << 12 | 1U << 14 | 1U << 8
};

static unsigned one_query(struct many_beds *m, unsigned *pairs) {
    struct random_query q;
    random_query_make(m->beds[BED_HOT], &q);
    many_beds_set_clock(m, m->beds[BED_HOT]->clock.now_ms);
    struct answers a = {.q = &q};
    answer(&a, m->beds[BED_HOT], ALL, many_beds_names[BED_HOT]);
    random_query_compare(&q, &m->model, a.first, many_beds_names[BED_HOT]);
    for (size_t i = BED_HOT + 1; i < BEDS; i++) {
        answer(&a, m->beds[i], NO_ROLLUP | NO_CELLS, many_beds_names[i]);
        answer(&a, m->beds[i], NO_ROLLUP, "the same with cells");
        answer(&a, m->beds[i], ALL, "the same with roll-ups and cells");
    }
    *pairs += q.paired && a.seen & CELLS_AND_HOT;
    json_decref(a.first);
    random_query_release(&q);
    return a.seen;
}

/* Few queries may miss one of the sets: then it asks on. */
static void levels_add_up(void **state) {
    (void)state;
    random_seed();
    struct many_beds m;
    many_beds_open(&m, EVENTS);
    build_cells(&m);
    const char *given = getenv("QUERY_COUNT");
    int least = given ? atoi(given) : QUERIES;
    unsigned seen = 0, pairs = 0;
    for (int i = 0; i < least || ((seen != ALL_SETS || !pairs) && i < MOST_QUERIES); i++)
        seen |= one_query(&m, &pairs);
    assert_int_equal(seen, ALL_SETS);
    assert_true(pairs > 0);
    many_beds_close(&m);
}

int main(void) {
    if (crypt_init() < 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
