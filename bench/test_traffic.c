/* What the generator promises, over three days of one zone, one of them with 25 hours. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "civil.h"
#include "traffic.h"

enum { EVENTS = 200000, BATCH = 1000 };

struct seen {
    uint64_t events, pageviews, engagements, customs, home, french;
    uint64_t sum; /* over all that differs from one event to the next */
    int64_t first_ms, last_ms;
};

static struct seen look(uint64_t seed, int32_t day, int64_t until_ms) {
    struct zone *zone = NULL;
    struct traffic *t = NULL;
    assert_int_equal(zone_open(SPAN_LIT("Europe/Paris"), &zone, NULL), 0);
    struct traffic_options o = {.seed = seed, .site = 7, .zone = zone};
    assert_int_equal(traffic_new(&o, &t, NULL), 0);
    assert_int_equal(traffic_day(t, day, EVENTS, until_ms, NULL), 0);
    static struct event events[BATCH];
    struct seen s = {0};
    for (size_t n; (n = traffic_take(t, events, BATCH)) > 0; s.events += n)
        for (size_t i = 0; i < n; i++) {
            const struct event *e = &events[i];
            assert_true(e->ts_ms >= s.last_ms);
            struct zone_local local = zone_to_local(zone, e->ts_ms);
            assert_int_equal(local.day, day);
            assert_int_equal(local.second / 3600, e->hour);
            assert_int_equal(e->day, day);
            if (!s.first_ms)
                s.first_ms = e->ts_ms;
            s.last_ms = e->ts_ms;
            s.pageviews += e->kind == EVENT_PAGEVIEW;
            s.engagements += e->kind == EVENT_ENGAGEMENT;
            s.customs += e->kind == EVENT_CUSTOM;
            s.home += e->kind == EVENT_PAGEVIEW && span_eq(e->page, SPAN_LIT("/"));
            s.french += span_eq(e->country, SPAN_LIT("FR"));
            s.sum = (s.sum ^ e->visitor ^ (uint64_t)e->ts_ms ^ span_hash(e->page)) * 31;
        }
    traffic_free(t);
    zone_free(zone);
    return s;
}

static void test_a_day(void **state) {
    int32_t day = civil_to_day((struct civil){2025, 10, 25});
    for (int32_t i = 0; i < 3; i++) {
        struct seen s = look(1, day + i, 0);
        assert_int_equal(s.events, EVENTS);
        assert_in_range(s.pageviews, EVENTS * 6 / 10, EVENTS * 8 / 10);
        assert_in_range(s.engagements, EVENTS * 2 / 10, EVENTS * 4 / 10);
        assert_in_range(s.customs, EVENTS / 100, EVENTS / 20);
        assert_in_range(s.home, EVENTS / 50, EVENTS / 5);
        assert_in_range(s.french, EVENTS * 3 / 10, EVENTS / 2);
    }
}

static void test_same_again(void **state) {
    struct seen a = look(5, 20000, 0), b = look(5, 20000, 0), c = look(6, 20000, 0);
    assert_memory_equal(&a, &b, sizeof(a));
    assert_true(a.sum != c.sum);
}

static void test_a_day_that_goes_on(void **state) {
    struct seen whole = look(1, 20000, 0);
    int64_t until_ms = whole.first_ms + 3600000;
    struct seen s = look(1, 20000, until_ms);
    assert_int_equal(s.events, EVENTS);
    assert_true(s.last_ms < until_ms);
}

static void test_shares_add_up(void **state) {
    struct zone *zone = NULL;
    struct traffic *t = NULL;
    assert_int_equal(zone_open(SPAN_LIT("UTC"), &zone, NULL), 0);
    struct traffic_options o = {.seed = 1, .site = 1, .pages = 100, .zone = zone};
    assert_int_equal(traffic_new(&o, &t, NULL), 0);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < 365; i++)
        sum += traffic_share(t, 20000, 365, 1234567, i);
    assert_int_equal(sum, 1234567);
    traffic_free(t);
    zone_free(zone);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_day),
        cmocka_unit_test(test_same_again),
        cmocka_unit_test(test_a_day_that_goes_on),
        cmocka_unit_test(test_shares_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
