/* Differential test of src/query: random events and queries; the levels must agree with each other
 * to the last digit, and with the naive model. */
#include "random.h"

#include <stdio.h>
#include <stdlib.h>

#include "crypt.h"

enum { EVENTS = 2000, QUERIES = 400 };

static json_t *answer(struct bed *b, const struct random_query *q, bool no_rollup) {
    struct query_env env = {
        .store = b->store, .clock = &b->clock.clock, .timeout_ms = 20000, .no_rollup = no_rollup};
    json_t *reply = NULL;
    struct err err = {0};
    if (query_run(&env, bed_policy(b, q->site), q->request, &reply, &err) < 0)
        fail_msg("%s\n%s", err.text, json_dumps(q->request, JSON_COMPACT));
    return reply;
}

static void hot_rows_match_the_model(void **state) {
    (void)state;
    random_seed();
    struct bed *b = bed_open();
    struct event *events = calloc(EVENTS, sizeof *events);
    assert_non_null(events);
    random_events(b, events, EVENTS);
    for (size_t at = 0; at < EVENTS;) {
        size_t n = 1 + dice(200);
        n = n < EVENTS - at ? n : EVENTS - at;
        bed_apply(b, events + at, n);
        at += n;
    }
    struct model m;
    model_build(&m, events, EVENTS);
    for (int i = 0; i < QUERIES; i++) {
        struct random_query q;
        random_query_make(b, &q);
        JSON_AUTO reply = answer(b, &q, false);
        random_query_compare(&q, &m, reply, "hot");
        random_query_release(&q);
    }
    model_release(&m);
    free(events);
    bed_close(b);
}

int main(void) {
    if (crypt_init() < 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hot_rows_match_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
