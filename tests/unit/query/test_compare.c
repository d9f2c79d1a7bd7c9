/* Comparisons, what a visit has done, and regular expressions, worked out by hand. */
#include "asking.h"

#include <stdio.h>
#include <stdlib.h>

#include "crypt.h"

/* Wednesday 2026-05-13 in Paris; p1 … are persons.
 *   2026-05-04 Mon   p1 /a /b Signup    p2 /a
 *   2026-05-05 Tue   p1 /b
 *   2026-05-11 Mon   p1 /a, and an hour later /c     p2 /a   p3 /a
 *   2026-05-12 Tue   p1 /a   p2 /a   (12:00)
 *   2026-05-13 Wed   p1 /c
 *   2025-05-12 Mon   p9 /a      2025-05-13 Tue   p8 /a   p9 /a */
static void set_the_scene(struct bed *b) {
    int32_t y = day_of(2025, 5, 12), d = day_of(2026, 5, 4);
    struct event e[] = {
        local_event(b, y, 9, 0, 9, EVENT_PAGEVIEW, "/a"),
        local_event(b, y + 1, 9, 0, 8, EVENT_PAGEVIEW, "/a"),
        local_event(b, y + 1, 9, 5, 9, EVENT_PAGEVIEW, "/a"),
        local_event(b, d, 9, 0, 1, EVENT_PAGEVIEW, "/a"),
        local_event(b, d, 9, 1, 1, EVENT_PAGEVIEW, "/b"),
        local_event(b, d, 9, 2, 1, EVENT_CUSTOM, "/b"),
        local_event(b, d, 9, 3, 2, EVENT_PAGEVIEW, "/a"),
        local_event(b, d + 1, 9, 0, 1, EVENT_PAGEVIEW, "/b"),
        local_event(b, d + 7, 9, 0, 1, EVENT_PAGEVIEW, "/a"),
        local_event(b, d + 7, 9, 1, 2, EVENT_PAGEVIEW, "/a"),
        local_event(b, d + 7, 9, 2, 3, EVENT_PAGEVIEW, "/a"),
        local_event(b, d + 7, 10, 0, 1, EVENT_PAGEVIEW, "/c"),
        local_event(b, d + 8, 12, 0, 1, EVENT_PAGEVIEW, "/a"),
        local_event(b, d + 8, 12, 1, 2, EVENT_PAGEVIEW, "/a"),
        local_event(b, d + 9, 9, 0, 1, EVENT_PAGEVIEW, "/c"),
    };
    bed_apply(b, e, ARRAY_LEN(e));
    b->clock.now_ms = zone_from_local_ms(bed_policy(b, SITE)->zone, d + 9, 15 * 3600);
}

#define WEEK "'date_range':['2026-05-11','2026-05-17']"
#define MON_TUE "'date_range':['2026-05-11','2026-05-12']"

/* --- comparisons --------------------------------------------------------------------------------
 */

static void the_other_range_is_worked_out(void **state) {
    struct bed *b = *state;
    static const struct {
        const char *range, *include, *from, *to;
    } cases[] = {
        {"['2026-05-01','2026-05-10']", "'previous_period'", "2026-04-21", "2026-04-30"},
        {"['2026-05-01','2026-05-10']", "'year_over_year'", "2025-05-01", "2025-05-10"},
        {"['2024-02-29','2024-02-29']", "'year_over_year'", "2023-02-28", "2023-02-28"},
        {"'7d'", "'previous_period'", "2026-04-29", "2026-05-05"},
        {"'day'", "'previous_period'", "2026-05-12", "2026-05-12"},
        /* What is to come is not compared: thirteen days of May with thirteen days. */
        {"'month'", "'previous_period'", "2026-04-18", "2026-04-30"},
        {"'month'", "'year_over_year'", "2025-05-01", "2025-05-13"},
        {"'month','date':'2026-04-10'", "'previous_period'", "2026-03-02", "2026-03-31"},
        /* Weekdays: moved by whole weeks, never onto itself. */
        {"'7d'", "'previous_period','compare_match_day_of_week':true", "2026-04-29", "2026-05-05"},
        {"'day'", "'previous_period','compare_match_day_of_week':true", "2026-05-06", "2026-05-06"},
        {"'30d'", "'previous_period','compare_match_day_of_week':true", "2026-03-09", "2026-04-07"},
        {"'day'", "'year_over_year','compare_match_day_of_week':true", "2025-05-14", "2025-05-14"},
        {"'day'", "['2026-01-01','2026-01-31']", "2026-01-01", "2026-01-31"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char query[256];
        (void)snprintf(query, sizeof query,
                       "{'metrics':['visits'],'date_range':%s,'include':{'compare':%s}}",
                       cases[i].range, cases[i].include);
        JSON_AUTO reply = ask(b, SITE, query);
        const json_t *range = json_member(json_member(reply, "query"), "comparison_date_range");
        const char *from = json_string_value(json_array_get(range, 0));
        const char *to = json_string_value(json_array_get(range, 1));
        if (!from || strncmp(from, cases[i].from, 10) != 0 || strncmp(to, cases[i].to, 10) != 0)
            fail_msg("%s\n  expected %s %s\n  got      %s %s", query, cases[i].from, cases[i].to,
                     from, to);
    }
    expect_member(b, SITE,
                  "{'metrics':['visits'],'date_range':['2026-05-12T10:00:00+02:00',"
                  "'2026-05-12T13:59:59+02:00'],'include':{'compare':'previous_period'}}",
                  "query", "comparison_date_range",
                  "['2026-05-12T06:00:00+02:00','2026-05-12T09:59:59+02:00']");
    /* The same hours by the clock on the wall, though it was summer time by then. */
    expect_member(b, SITE,
                  "{'metrics':['visits'],'date_range':['2026-03-30T10:00:00+02:00',"
                  "'2026-03-30T13:59:59+02:00'],'include':{'compare':'previous_period',"
                  "'compare_match_day_of_week':true}}",
                  "query", "comparison_date_range",
                  "['2026-03-23T10:00:00+01:00','2026-03-23T13:59:59+01:00']");
}

static void the_extremes_have_a_range_before(void **state) {
    struct bed *b = *state;
    static const char *const ranges[] = {
        "['0001-01-01','9999-12-31']", "['0001-01-01T00:00:00Z','9999-12-31T23:59:59Z']", "'all'"};
    static const char *const others[] = {"'previous_period'", "'year_over_year'",
                                         "['9999-12-31','9999-12-31']",
                                         "['0001-01-01','0001-01-01']"};
    static const char *const dims[] = {"time:hour", "time:day", "time:week", "time:month", "time"};
    for (size_t i = 0; i < 3 * 4 * 5 * 2; i++) {
        char query[400];
        (void)snprintf(query, sizeof query,
                       "{'metrics':['pageviews'],'date_range':%s,'dimensions':['%s'],"
                       "'include':{'compare':%s,'compare_match_day_of_week':%s}}",
                       ranges[i % 3], dims[i / 24 % 5], others[i / 3 % 4],
                       i / 12 % 2 ? "true" : "false");
        JSON_AUTO reply = ask(b, SITE, query);
        assert_true(json_array_size(json_member(reply, "results")) > 0);
    }
}

static void rows_stand_beside_each_other(void **state) {
    struct bed *b = *state;
    /* 5 visitors (3 + 2) after 3 (2 + 1); of 6 visits all bounce, of 3 two do: 33 points more. */
    expect_member(b, SITE,
                  "{'metrics':['visitors','visits','bounce_rate']," MON_TUE
                  ",'include':{'compare':['2026-05-04','2026-05-05']}}",
                  "results", NULL,
                  "[{'metrics':[5,6,100],'dimensions':[],'comparison':{'metrics':[3,3,67],"
                  "'change':[67,100,33],'dimensions':[]}}]");
    expect_member(b, SITE,
                  "{'metrics':['pageviews'],'dimensions':['event:page']," MON_TUE
                  ",'include':{'compare':['2026-05-04','2026-05-05']}}",
                  "results", NULL,
                  "[{'metrics':[5],'dimensions':['/a'],'comparison':{'metrics':[2],'change':[150],"
                  "'dimensions':['/a']}},"
                  "{'metrics':[1],'dimensions':['/c'],'comparison':{'metrics':[0],'change':[100],"
                  "'dimensions':['/c']}}]");
    expect_member(b, SITE,
                  "{'metrics':['visitors'],'dimensions':['time:day']," MON_TUE
                  ",'include':{'compare':'previous_period','compare_match_day_of_week':true}}",
                  "results", NULL,
                  "[{'metrics':[3],'dimensions':['2026-05-11'],'comparison':{'metrics':[2],"
                  "'change':[50],'dimensions':['2026-05-04']}},"
                  "{'metrics':[2],'dimensions':['2026-05-12'],'comparison':{'metrics':[1],"
                  "'change':[100],'dimensions':['2026-05-05']}}]");
    expect_member(b, SITE,
                  "{'metrics':['visitors'],'dimensions':['time:month'],'date_range':'month',"
                  "'include':{'compare':'year_over_year','total_rows':true}}",
                  "results", NULL,
                  "[{'metrics':[9],'dimensions':['2026-05-01'],'comparison':{'metrics':[3],"
                  "'change':[200],'dimensions':['2025-05-01']}}]");
    expect_member(b, SITE,
                  "{'metrics':['visitors'],'dimensions':['time:week','event:page'],'date_range':"
                  "['2026-05-11','2026-05-17'],'pagination':{'limit':1},"
                  "'include':{'compare':['2026-05-04','2026-05-10']}}",
                  "results", NULL,
                  "[{'metrics':[5],'dimensions':['2026-05-11','/a'],'comparison':{'metrics':[2],"
                  "'change':[150],'dimensions':['2026-05-04','/a']}}]");
    expect_member(
        b, SITE,
        "{'metrics':['pageviews'],'dimensions':['time:hour'],'date_range':['2026-05-11',"
        "'2026-05-11'],'include':{'compare':['2026-05-04','2026-05-04']}}",
        "results", NULL,
        "[{'metrics':[3],'dimensions':['2026-05-11 09:00:00'],'comparison':{'metrics':[3],"
        "'change':[0],'dimensions':['2026-05-04 09:00:00']}},"
        "{'metrics':[1],'dimensions':['2026-05-11 10:00:00'],'comparison':{'metrics':[0],"
        "'change':[100],'dimensions':['2026-05-04 10:00:00']}}]");
    expect_member(b, SITE,
                  "{'metrics':['visits','bounce_rate'],'date_range':['2020-01-01','2020-01-01'],"
                  "'include':{'compare':'previous_period'}}",
                  "results", NULL,
                  "[{'metrics':[0,0],'dimensions':[],'comparison':{'metrics':[0,0],"
                  "'change':[0,null],'dimensions':[]}}]");
}

/* Of the views of /a on the 4th half were the last, on the 12th all; of /b on the 5th all. */
static void exit_rates_change_by_points(void **state) {
    struct bed *b = *state;
    expect_member(b, SITE,
                  "{'metrics':['exit_rate'],'dimensions':['visit:exit_page'],'date_range':["
                  "'2026-05-12','2026-05-13'],'include':{'compare':['2026-05-04','2026-05-05']}}",
                  "results", NULL,
                  "[{'metrics':[100.0],'dimensions':['/a'],'comparison':{'metrics':[50.0],"
                  "'change':[50.0],'dimensions':['/a']}},"
                  "{'metrics':[100.0],'dimensions':['/c'],'comparison':{'metrics':[0],"
                  "'change':[null],'dimensions':['/c']}}]");
}

static void the_reply_tells_what_was_compared(void **state) {
    struct bed *b = *state;
    expect_member(b, SITE, "{'metrics':['visits']," WEEK ",'include':{'compare':null}}", "query",
                  "comparison_date_range", "absent");
    JSON_AUTO reply =
        ask(b, SITE, "{'metrics':['visits']," WEEK ",'include':{'compare':'previous_period'}}");
    const json_t *include = json_member(json_member(reply, "query"), "include");
    assert_string_equal(json_string_value(json_member(include, "compare")), "previous_period");
    assert_true(json_is_false(json_member(include, "compare_match_day_of_week")));
    expect_member(b, SITE,
                  "{'metrics':['visits']," WEEK ",'include':{'compare':'previous_period'}}", "meta",
                  "comparison", "{'levels':['hot']}");
}

/* Six at /a and four at /b, before them four at /a and six at /b. */
static void hidden_rows_stay_hidden_beside_others(void **state) {
    struct bed *b = *state;
    struct event e[20];
    int64_t t = zone_from_local_ms(bed_policy(b, FRUGAL_SITE)->zone, day_of(2026, 5, 5), 36000);
    for (size_t i = 0; i < 20; i++)
        e[i] = bed_event(b, FRUGAL_SITE, t - (i < 10 ? 86400000 : 0) + (int64_t)i, 100 + i,
                         EVENT_PAGEVIEW, i < 4 || (i >= 10 && i < 16) ? "/a" : "/b");
    bed_apply(b, e, 20);
    expect_member(b, FRUGAL_SITE,
                  "{'metrics':['visitors'],'dimensions':['event:page'],'date_range':['2026-05-05',"
                  "'2026-05-05'],'filters':[['contains','event:page',['/']]],"
                  "'include':{'compare':'previous_period'}}",
                  "results", NULL,
                  "[{'metrics':[6],'dimensions':['/a'],'comparison':{'metrics':[null],"
                  "'change':[null],'dimensions':['/a']}}]");
}

/* --- what a visit has done, and patterns --------------------------------------------------------
 */

static void visits_are_chosen_by_what_they_have_done(void **state) {
    struct bed *b = *state;
    static const struct {
        const char *filters, *expected;
    } cases[] = {
        /* p1's first visit of 11 May was at /a, its second at /c. */
        {"['has_done',['is','event:page',['/a']]]", "[[5,5]]"},
        {"['has_not_done',['is','event:page',['/a']]]", "[[2,2]]"},
        {"['has_done',['is','event:page',['/c']]],['is','event:page',['/a']]", "[[0,0]]"},
        {"['not',['has_done',['is','event:page',['/a']]]]", "[[2,2]]"},
        {"['has_done',['or',[['is','event:page',['/a']],['is','event:page',['/c']]]]]", "[[6,7]]"},
        {"['has_done',['is','visit:entry_page',['/c']]]", "[[2,2]]"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char query[256];
        (void)snprintf(query, sizeof query,
                       "{'metrics':['visitors','visits'],'filters':[%s]," WEEK "}",
                       cases[i].filters);
        expect(b, query, cases[i].expected);
    }
    /* The views of the visit that signed up; its events at /b alone would be one view. */
    expect(b,
           "{'metrics':['pageviews'],'dimensions':['event:page'],'filters':[['has_done',['is',"
           "'event:name',['Signup']]]],'date_range':['2026-05-04','2026-05-05']}",
           "[['/a',1],['/b',1]]");
}

static void patterns_choose(void **state) {
    struct bed *b = *state;
    static const struct {
        const char *filter, *expected;
    } cases[] = {
        {"['matches','event:page',['^/[ab]$']]", "[[5]]"},
        {"['matches','event:page',['/A']]", "[[0]]"},
        {"['matches','event:page',['(?i)/A']]", "[[5]]"},
        {"['matches','event:page',['^/z','c$']]", "[[2]]"},
        {"['matches_not','event:page',['^/a$']]", "[[2]]"},
        {"['matches','event:page',['^/{1}[a-b]{1,500}$']]", "[[5]]"},
        {"['matches','visit:source',['^$']]", "[[6]]"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char query[256];
        (void)snprintf(query, sizeof query, "{'metrics':['visitors'],'filters':[%s]," WEEK "}",
                       cases[i].filter);
        expect(b, query, cases[i].expected);
    }
}

static void bad_ones_are_refused(void **state) {
    struct bed *b = *state;
    char longest[1200];
    (void)snprintf(longest, sizeof longest, "'filters':[['matches','event:page',['%0501d']]]", 0);
    const struct {
        const char *query, *error;
    } cases[] = {
        {"'filters':[['matches','event:page',['(']]]",
         "filters: matches on event:page: not a regular expression of RE2"},
        {"'filters':[['has_not_done',['matches_not','visit:os',['a','anna@(']]]]",
         "filters: matches on visit:os: not a regular expression of RE2"},
        {"'filters':[['matches','event:page',['(a{1,100}){1,9}']]]",
         "filters: a pattern repeats too much"},
        {"'filters':[['matches','event:page',['aaaa{1000,}']]]",
         "filters: a pattern repeats too much"},
        {"'filters':[['matches','event:page',['(a{9}){9}b{30}']]]",
         "filters: a pattern repeats too much"},
        {"'filters':[['matches','event:page',['(a{']]]",
         "filters: matches on event:page: not a regular expression of RE2"},
        {longest, "filters: a pattern is longer than 500 bytes"},
        {"'filters':[['matches','event:page',['x'],{'case_sensitive':false}]]",
         "filters: matches takes no options; use (?i)"},
        {"'filters':[['has_done']]", "filters: not, has_done need one filter"},
        {"'filters':[['has_done',[['is','visit:os',['x']]]]]",
         "filters: each must be a list that begins with an operator"},
        {"'filters':[['has_done',['not',['has_done',['is','visit:os',['x']]]]]]",
         "filters: has_done does not go inside has_done"},
        {"'include':{'compare':'yesterday'}",
         "include: compare must be previous_period, year_over_year or two dates"},
        {"'include':{'compare':true}",
         "include: compare must be previous_period, year_over_year or two dates"},
        {"'include':{'compare':['2026-01-02','2026-01-01']}",
         "include: compare: ends before it begins"},
        {"'include':{'compare':['2026-01-02']}", "include: compare: must be a name or two dates"},
        {"'include':{'compare_match_day_of_week':1}",
         "include: compare_match_day_of_week must be true or false"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char query[1400];
        (void)snprintf(query, sizeof query, "{'metrics':['visits'],'date_range':'day',%s}",
                       cases[i].query);
        CLEANUP(free_charp) char *text = requoted(query);
        json_t *reply = NULL;
        struct err err = {0};
        int r = run_text(b, SITE, text, &reply, &err);
        if (r != ERR_INVALID || strcmp(err.text, cases[i].error) != 0)
            fail_msg("%s: %d %s", cases[i].query, r, err.text);
    }
}

static int open_scene(void **state) {
    struct bed *b = bed_open();
    set_the_scene(b);
    *state = b;
    return 0;
}

static int close_scene(void **state) {
    bed_close(*state);
    return 0;
}

int main(void) {
    if (crypt_init() < 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_other_range_is_worked_out),
        cmocka_unit_test(the_extremes_have_a_range_before),
        cmocka_unit_test(rows_stand_beside_each_other),
        cmocka_unit_test(exit_rates_change_by_points),
        cmocka_unit_test(the_reply_tells_what_was_compared),
        cmocka_unit_test(hidden_rows_stay_hidden_beside_others),
        cmocka_unit_test(visits_are_chosen_by_what_they_have_done),
        cmocka_unit_test(patterns_choose),
        cmocka_unit_test(bad_ones_are_refused),
    };
    return cmocka_run_group_tests(tests, open_scene, close_scene);
}
