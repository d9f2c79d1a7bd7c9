/* The last half hour, worked out by hand. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "asking.h"
#include "crypt.h"
#include "realtime.h"

/* Wednesday 2026-05-13 at 12:10:30 in Paris: the window begins at 11:41:00, and who was seen since
 * 12:05:30 is there now. */
static int32_t today(void) {
    return day_of(2026, 5, 13);
}

static int64_t moment(struct bed *b, int32_t day, int hour, int minute, int second) {
    return zone_from_local_ms(bed_policy(b, SITE)->zone, day, hour * 3600 + minute * 60 + second);
}

static struct event seen(struct bed *b, uint32_t site, int64_t ts_ms, uint64_t person, int kind,
                         const char *page, const char *source, const char *country) {
    struct event e = bed_event(b, site, ts_ms, person, kind, page);
    e.source = span_str(source);
    e.country = span_str(country);
    return e;
}

/* The visit of p1 began before the window. p2 was current a second ago, and engagement makes nobody
 * so. p3 is seen by an event, and views nothing. */
static void set_the_scene(struct bed *b, uint32_t site) {
    int32_t d = today();
    struct event e[] = {
        seen(b, site, moment(b, d, 11, 40, 59), 1, EVENT_PAGEVIEW, "/old", "Google", "FR"),
        seen(b, site, moment(b, d, 11, 41, 0), 1, EVENT_PAGEVIEW, "/a", "Bing", "BE"),
        seen(b, site, moment(b, d, 12, 5, 29), 2, EVENT_PAGEVIEW, "/a", "", ""),
        seen(b, site, moment(b, d, 12, 6, 0), 1, EVENT_PAGEVIEW, "/b", "", ""),
        seen(b, site, moment(b, d, 12, 10, 0), 2, EVENT_ENGAGEMENT, "/a", "", ""),
        seen(b, site, moment(b, d, 12, 10, 29), 3, EVENT_CUSTOM, "/a", "Bing", "DE"),
    };
    bed_apply(b, e, ARRAY_LEN(e));
    b->clock.now_ms = moment(b, d, 12, 10, 30);
}

static json_t *realtime(struct bed *b, uint32_t site) {
    struct query_env env = {.store = b->store, .clock = &b->clock.clock, .timeout_ms = 20000};
    json_t *reply = NULL;
    struct err err = {0};
    if (realtime_run(&env, bed_policy(b, site), &reply, &err) < 0)
        fail_msg("%s", err.text);
    return reply;
}

static void expect_part(const json_t *reply, const char *key, const char *expected) {
    CLEANUP(free_charp) char *quoted = requoted(expected);
    CLEANUP(free_charp)
    char *text = json_dumps(json_member(reply, key), JSON_COMPACT | JSON_ENCODE_ANY);
    if (!text || strcmp(text, quoted) != 0)
        fail_msg("%s\n  expected %s\n  got      %s", key, quoted, text);
}

/* Minutes that are not named are 0. */
struct minute {
    size_t at;
    json_int_t visitors, pageviews;
};

static void expect_minutes(const json_t *reply, const struct minute *some, size_t count) {
    static const char *const keys[] = {"visitors", "pageviews"};
    for (size_t k = 0; k < 2; k++) {
        const json_t *got = json_member(json_member(reply, "minutes"), keys[k]);
        assert_int_equal(json_array_size(got), REALTIME_MINUTES);
        for (size_t i = 0; i < REALTIME_MINUTES; i++) {
            json_int_t want = 0;
            for (size_t n = 0; n < count; n++)
                if (some[n].at == i)
                    want = k == 0 ? some[n].visitors : some[n].pageviews;
            if (json_integer_value(json_array_get(got, i)) != want)
                fail_msg("%s of minute %zu: %lld, not %lld", keys[k], i,
                         (long long)json_integer_value(json_array_get(got, i)), (long long)want);
        }
    }
}

static void figures_of_half_an_hour(void **state) {
    struct bed *b = *state;
    set_the_scene(b, SITE);
    set_the_scene(b, OTHER_SITE); /* whose rows are none of ours */
    JSON_AUTO reply = realtime(b, SITE);
    expect_part(reply, "current_visitors", "2");
    expect_part(reply, "visitors", "3");
    expect_part(reply, "pageviews", "3");
    static const struct minute minutes[] = {{0, 1, 1}, {24, 1, 1}, {25, 1, 1}, {29, 1, 0}};
    expect_minutes(reply, minutes, ARRAY_LEN(minutes));
    expect_part(reply, "pages",
                "[{'name':'/a','visitors':2,'pageviews':2},"
                "{'name':'/b','visitors':1,'pageviews':1}]");
    expect_part(reply, "sources",
                "[{'name':'Google','visitors':1},{'name':'Direct / None','visitors':1},"
                "{'name':'Bing','visitors':1}]");
    expect_part(reply, "countries",
                "[{'name':'FR','visitors':1},{'name':'(unknown)','visitors':1},"
                "{'name':'DE','visitors':1}]");
    expect_part(reply, "meta", "{}");
}

static void nobody_at_all(void **state) {
    struct bed *b = *state;
    b->clock.now_ms = moment(b, today(), 12, 10, 30);
    JSON_AUTO reply = realtime(b, SITE);
    expect_part(reply, "current_visitors", "0");
    expect_part(reply, "visitors", "0");
    expect_minutes(reply, NULL, 0);
    expect_part(reply, "pages", "[]");
    expect_part(reply, "countries", "[]");
}

static void it_is_the_same_until_something_happens(void **state) {
    struct bed *b = *state;
    set_the_scene(b, SITE);
    JSON_AUTO first = realtime(b, SITE);
    b->clock.now_ms += 29000;
    JSON_AUTO later = realtime(b, SITE);
    assert_true(json_equal(first, later));
    b->clock.now_ms += 2000; /* 12:11: every minute moves on, and the first one leaves */
    JSON_AUTO next = realtime(b, SITE);
    static const struct minute minutes[] = {{23, 1, 1}, {24, 1, 1}, {28, 1, 0}};
    expect_minutes(next, minutes, ARRAY_LEN(minutes));
    expect_part(next, "visitors", "3");
    expect_part(next, "pageviews", "2");
    expect_part(next, "current_visitors", "1"); /* p1 was seen more than five minutes ago */
}

/* --- profiles -----------------------------------------------------------------------------------
 */

/* `count` persons from number `first` on, each with one view of the page. */
static void views(struct bed *b, uint32_t site, uint64_t first, size_t count, const char *page) {
    for (size_t i = 0; i < count; i++) {
        struct event e = seen(b, site, moment(b, today(), 12, 0, (int)i), first + i, EVENT_PAGEVIEW,
                              page, page + 1, "FR");
        bed_apply(b, &e, 1);
    }
    b->clock.now_ms = moment(b, today(), 12, 10, 30);
}

static void cnil_rounds_to_ten(void **state) {
    struct bed *b = *state;
    views(b, CNIL_SITE, 1, 14, "/few");
    views(b, CNIL_SITE, 100, 15, "/more");
    views(b, CNIL_SITE, 200, 1, "/one");
    JSON_AUTO reply = realtime(b, CNIL_SITE);
    expect_part(reply, "visitors", "30");
    expect_part(reply, "current_visitors", "0");
    expect_part(reply, "pages",
                "[{'name':'/more','visitors':20,'pageviews':20},"
                "{'name':'/few','visitors':10,'pageviews':10}]");
    static const struct minute minutes[] = {{19, 30, 30}};
    expect_minutes(reply, minutes, ARRAY_LEN(minutes));
    expect_part(reply, "meta", "{'rounded_to':10,'hidden_below':10}");
}

static void cnil_shows_no_handful(void **state) {
    struct bed *b = *state;
    views(b, CNIL_SITE, 1, 9, "/few");
    JSON_AUTO reply = realtime(b, CNIL_SITE);
    expect_part(reply, "visitors", "0");
    expect_part(reply, "pageviews", "0");
    expect_part(reply, "pages", "[]");
    expect_minutes(reply, NULL, 0);
}

static void frugal_leaves_out_small_rows(void **state) {
    struct bed *b = *state;
    views(b, FRUGAL_SITE, 1, 4, "/few");
    views(b, FRUGAL_SITE, 100, 7, "/more");
    views(b, FRUGAL_SITE, 200, 1, "/one");
    JSON_AUTO reply = realtime(b, FRUGAL_SITE);
    expect_part(reply, "visitors", "12");
    expect_part(reply, "pages", "[{'name':'/more','visitors':5,'pageviews':5}]");
    expect_part(reply, "sources", "[{'name':'more','visitors':5}]");
    expect_part(reply, "countries", "[{'name':'FR','visitors':10}]");
    expect_part(reply, "meta", "{'rounded_to':5,'hidden_below':5}");
}

static void a_list_has_ten_rows(void **state) {
    struct bed *b = *state;
    for (char page[] = "/a"; page[1] <= 'l'; page[1]++)
        views(b, SITE, (uint64_t)page[1], 1, page);
    JSON_AUTO reply = realtime(b, SITE);
    assert_int_equal(json_array_size(json_member(reply, "pages")), REALTIME_MOST_ROWS);
}

/* --- midnight -----------------------------------------------------------------------------------
 */

static void expect_both_sides_of_midnight(struct bed *b) {
    b->clock.now_ms = moment(b, today() + 1, 0, 10, 30);
    JSON_AUTO reply = realtime(b, SITE);
    static const struct minute minutes[] = {{9, 1, 1}, {10, 1, 1}, {24, 1, 1}};
    expect_minutes(reply, minutes, ARRAY_LEN(minutes));
    /* The one who stays is another one after midnight. */
    expect_part(reply, "visitors", "3");
    expect_part(reply, "current_visitors", "0");
    expect_part(reply, "pages",
                "[{'name':'/a','visitors':2,'pageviews':2},"
                "{'name':'/b','visitors':1,'pageviews':1}]");
    expect_part(reply, "sources", "[{'name':'Google','visitors':2},{'name':'Bing','visitors':1}]");
}

static void midnight_is_no_end(void **state) {
    struct bed *b = *state;
    int32_t d = today();
    struct event e[] = {
        seen(b, SITE, moment(b, d, 23, 40, 59), 1, EVENT_PAGEVIEW, "/old", "Google", "FR"),
        seen(b, SITE, moment(b, d, 23, 50, 0), 1, EVENT_PAGEVIEW, "/a", "", ""),
        seen(b, SITE, moment(b, d, 23, 51, 0), 2, EVENT_PAGEVIEW, "/b", "Bing", "DE"),
        seen(b, SITE, moment(b, d, 23, 52, 0), 2, EVENT_ENGAGEMENT, "/b", "Bing", "DE"),
        seen(b, SITE, moment(b, d + 1, 0, 5, 0), 1, EVENT_PAGEVIEW, "/a", "Google", "FR"),
    };
    bed_apply(b, e, ARRAY_LEN(e));
    expect_both_sides_of_midnight(b);
    bed_seal(b, SITE, d);
    bed_publish(b);
    expect_both_sides_of_midnight(b);
    b->clock.now_ms = moment(b, d + 1, 0, 30, 0); /* the day before is out of sight */
    JSON_AUTO reply = realtime(b, SITE);
    expect_part(reply, "visitors", "1");
}

static int up(void **state) {
    *state = bed_open();
    return 0;
}

static int down(void **state) {
    bed_close(*state);
    return 0;
}

int main(void) {
    assert_int_equal(crypt_init(), 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(figures_of_half_an_hour, up, down),
        cmocka_unit_test_setup_teardown(nobody_at_all, up, down),
        cmocka_unit_test_setup_teardown(it_is_the_same_until_something_happens, up, down),
        cmocka_unit_test_setup_teardown(cnil_rounds_to_ten, up, down),
        cmocka_unit_test_setup_teardown(cnil_shows_no_handful, up, down),
        cmocka_unit_test_setup_teardown(frugal_leaves_out_small_rows, up, down),
        cmocka_unit_test_setup_teardown(a_list_has_ten_rows, up, down),
        cmocka_unit_test_setup_teardown(midnight_is_no_end, up, down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
