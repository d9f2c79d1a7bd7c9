/* Goals and conversion rates as a table: a day of one site, and questions whose answers were worked out
 * by hand. Each is asked of hot rows, of sealed rows, and of whatever answers fastest. */
#include "asking.h"

#include <stdio.h>
#include <stdlib.h>

#include "crypt.h"

enum what { VIEW, SIGNUP, BUY, READ /* engagement */ };

static const struct {
    int day, hour, minute; /* of May 2026 */
    uint64_t person;
    enum what what;
    const char *page, *source;
    int scroll, seconds; /* of READ */
    int cents;           /* of BUY, in EUR; negative: in USD */
} events[] = {
    /* p1 reads an article and signs up, twice. p2 reads one that is deeper. Both from Google. */
    {5, 9, 0, 1, VIEW, "/", "Google", 0, 0, 0},
    {5, 9, 5, 1, VIEW, "/blog/a", "", 0, 0, 0},
    {5, 9, 6, 1, SIGNUP, "/join", "", 0, 0, 0},
    {5, 9, 7, 1, SIGNUP, "/join", "", 0, 0, 0},
    {5, 10, 0, 2, VIEW, "/", "Google", 0, 0, 0},
    {5, 10, 1, 2, VIEW, "/blog/a/b", "", 0, 0, 0},
    /* p3 buys in two currencies. */
    {5, 11, 0, 3, VIEW, "/", "", 0, 0, 0},
    {5, 11, 1, 3, BUY, "/shop", "", 0, 0, 2000},
    {5, 11, 2, 3, BUY, "/shop", "", 0, 0, -500},
    /* p4 comes twice: reads to 80 %, then to 30 %; 20 s and 15 s. p5, from Google, is there for 40 s. */
    {5, 12, 0, 4, VIEW, "/blog/a", "", 0, 0, 0},
    {5, 12, 1, 4, READ, "/blog/a", "", 80, 20, 0},
    {5, 15, 0, 4, VIEW, "/blog/a", "", 0, 0, 0},
    {5, 15, 1, 4, READ, "/blog/a", "", 30, 15, 0},
    {5, 16, 0, 5, VIEW, "/blog/c", "Google", 0, 0, 0},
    {5, 16, 1, 5, READ, "/blog/c", "", 40, 15, 0},
    {5, 16, 2, 5, READ, "/blog/c", "", 60, 25, 0},
    /* The next day there is one, who signs up. */
    {6, 9, 0, 1, VIEW, "/", "Google", 0, 0, 0},
    {6, 9, 1, 1, SIGNUP, "/join", "", 0, 0, 0},
};

#define TEXT(s) \
    { .ptr = (s), .len = sizeof(s) - 1 }

static const struct policy_goal goals[] = {
    {.name = TEXT("Big"),
     .kind = GOAL_EVENT,
     .event = TEXT("Signup"),
     .props = (const struct policy_goal_prop[]){{TEXT("plan"), TEXT("pro")}},
     .prop_count = 1},
    {.name = TEXT("Buy"), .kind = GOAL_EVENT, .event = TEXT("Buy"), .currency = TEXT("EUR")},
    {.name = TEXT("Engaged"), .kind = GOAL_ENGAGEMENT, .least = 40},
    {.name = TEXT("Join"), .kind = GOAL_PAGE, .page = TEXT("/join")},
    {.name = TEXT("Post"), .kind = GOAL_PAGE, .page = TEXT("/blog/*")},
    {.name = TEXT("Posts"), .kind = GOAL_PAGE, .page = TEXT("/blog/**")},
    {.name = TEXT("Read"), .kind = GOAL_SCROLL, .page = TEXT("/blog/*"), .least = 50},
    {.name = TEXT("Signup"), .kind = GOAL_EVENT, .event = TEXT("Signup")},
    {.name = TEXT("Start"), .kind = GOAL_PAGE, .page = TEXT("/")},
};

enum { SEALED, CELLS, ROLLED, MIXED, ROLLED_AND_CELLS }; /* where the fastest answer is from */

#define DAY "'date_range':['2026-05-05','2026-05-05']"
#define GOAL(...) "'filters':[['is','event:goal',[" __VA_ARGS__ "]]]"
#define RATES "'conversion_rate','group_conversion_rate'"

static const struct {
    const char *query, *expected;
    int level;
} cases[] = {
    /* Five visitors, six visits. Nobody *viewed* /join. */
    {"'metrics':['visitors','visits','events','conversion_rate'],'dimensions':['event:goal']," DAY,
     "[['Posts',4,5,5,80.0],['Post',3,4,4,60.0],['Start',3,3,3,60.0],['Read',2,2,2,40.0],"
     "['Big',1,1,1,20.0],['Buy',1,1,2,20.0],['Engaged',1,1,1,20.0],['Signup',1,1,2,20.0]]",
     MIXED},
    {"'metrics':['visitors','visits','events'],'dimensions':['event:goal']," GOAL(
         "'Signup','Buy'") "," DAY,
     "[['Buy',1,1,2],['Signup',1,1,2]]", ROLLED},
    {"'metrics':['visitors','conversion_rate']," GOAL("'Signup'") "," DAY, "[[1,20.0]]", ROLLED},
    {"'metrics':['visitors','events','conversion_rate']," GOAL("'Start'") "," DAY, "[[3,3,60.0]]",
     ROLLED_AND_CELLS},
    {"'metrics':['visitors','conversion_rate']," GOAL("'Post','Signup'") "," DAY, "[[3,60.0]]",
     MIXED},
    {"'metrics':['visitors','conversion_rate'],'filters':[['contains','event:goal',['post'],"
     "{'case_sensitive':false}]]," DAY,
     "[[4,80.0]]", MIXED},
    {"'metrics':['visitors','events'],'filters':[['is_not','event:goal',['Signup']]]," DAY,
     "[[5,10]]", SEALED},
    {"'metrics':['visits','pageviews'],'filters':[['has_done',['is','event:goal',['Signup']]]]"
     "," DAY,
     "[[1,2]]", SEALED},

    /* A property. */
    {"'metrics':['visitors','events','conversion_rate'],'dimensions':['event:goal']," GOAL(
         "'Big','Signup'") "," DAY,
     "[['Big',1,1,20.0],['Signup',1,2,20.0]]", MIXED},
    {"'metrics':['visitors','conversion_rate','group_conversion_rate'],'dimensions':['event:props:"
     "plan','event:goal']," GOAL("'Signup'") "," DAY,
     "[['(none)','Signup',1,20.0,20.0],['pro','Signup',1,20.0,100.0]]", MIXED},
    {"'metrics':['visitors','conversion_rate'],'filters':[['is','event:props:plan',['pro']],['is','"
     "event:goal',['Signup']]]," DAY,
     "[[1,20.0]]", MIXED},
    /* From Google are p1, p2, p5. */
    {"'metrics':['visitors'," RATES "],'dimensions':['visit:source']," GOAL("'Signup'") "," DAY,
     "[['Google',1,20.0,33.3]]", ROLLED_AND_CELLS},
    {"'metrics':['visitors'," RATES
     "],'dimensions':['event:goal','visit:source']," GOAL("'Read','Signup'") "," DAY,
     "[['Read','Direct / None',1,20.0,50.0],['Read','Google',1,20.0,33.3],"
     "['Signup','Google',1,20.0,33.3]]",
     MIXED},
    {"'metrics':['visitors','conversion_rate'],'filters':[['is','visit:source',['Google']],"
     "['is','event:goal',['Signup']]]," DAY,
     "[[1,33.3]]", ROLLED_AND_CELLS},
    /* p1 and p4 were at /blog/a, of whom p4 read to 80 %. */
    {"'metrics':['visitors'," RATES "],'dimensions':['event:page']," GOAL("'Read'") "," DAY,
     "[['/blog/a',1,20.0,50.0],['/blog/c',1,20.0,100.0]]", MIXED},
    /* Six visitors of two days. */
    {"'metrics':['visitors'," RATES
     "],'dimensions':['time:day']," GOAL("'Signup'") ",'date_range':['2026-05-05','2026-05-06']",
     "[['2026-05-05',1,16.7,20.0],['2026-05-06',1,16.7,100.0]]", ROLLED},
    {"'metrics':['visitors','group_conversion_rate'],'dimensions':['event:goal','time:week']," GOAL(
         "'Signup'") ",'date_range':['2026-05-04','2026-05-10']",
     "[['Signup','2026-05-04',2,33.3]]", ROLLED},
    {"'metrics':['visitors','group_conversion_rate'],'dimensions':['time:hour']," GOAL(
         "'Read'") "," DAY,
     "[['2026-05-05 12:00:00',1,100.0],['2026-05-05 16:00:00',1,100.0]]", MIXED},

    /* p5's 40 seconds, in a visit of one page; p4's 35 are of two visits. */
    {"'metrics':['visitors','visits','bounce_rate','conversion_rate']," GOAL("'Engaged'") "," DAY,
     "[[1,1,100,20.0]]", MIXED},
    {"'metrics':['visitors','visits'],'dimensions':['visit:source']," GOAL("'Engaged'") "," DAY,
     "[['Google',1,1]]", SEALED},
    {"'metrics':['visits','bounce_rate']," GOAL("'Read'") "," DAY, "[[2,100]]", SEALED},

    /* Of all visitors that filters leave; goals as rows are no filter. */
    {"'metrics':['visitors','percentage'],'dimensions':['event:goal']," GOAL("'Signup'") "," DAY,
     "[['Signup',1,20.0]]", ROLLED},

    /* In the goal's currency. A goal without has none; of several there is no sum. */
    {"'metrics':['events','total_revenue'],'dimensions':['event:goal']," GOAL(
         "'Buy','Signup'") "," DAY,
     "[['Buy',2,{'value':20.0,'currency':'EUR','short':'€20.00','long':'€20.00'}],"
     "['Signup',2,null]]",
     SEALED},
    {"'metrics':['events','average_revenue']," GOAL("'Buy'") "," DAY,
     "[[2,{'value':20.0,'currency':'EUR','short':'€20.00','long':'€20.00'}]]", SEALED},
    {"'metrics':['events','total_revenue']," GOAL("'Buy','Signup'") "," DAY, "[[4,null]]", SEALED},

    {"'metrics':['visitors','conversion_rate'],'dimensions':['event:goal'],'order_by':["
     "['conversion_rate','asc'],['event:goal','desc']],'pagination':{'limit':3,'offset':1}," DAY,
     "[['Engaged',1,20.0],['Buy',1,20.0],['Big',1,20.0]]", MIXED},
};

static struct event event_of(struct bed *b, size_t i) {
    int kind = events[i].what == VIEW   ? EVENT_PAGEVIEW
               : events[i].what == READ ? EVENT_ENGAGEMENT
                                        : EVENT_CUSTOM;
    struct event e = local_event(b, day_of(2026, 5, events[i].day), events[i].hour,
                                 events[i].minute, events[i].person, kind, events[i].page);
    e.interactive = kind != EVENT_ENGAGEMENT;
    if (kind == EVENT_CUSTOM)
        e.name = span_str(events[i].what == SIGNUP ? "Signup" : "Buy");
    if (kind == EVENT_ENGAGEMENT) {
        e.engaged_ms = (uint32_t)events[i].seconds * 1000;
        e.scroll = (uint8_t)events[i].scroll;
    }
    e.source = span_str(events[i].source);
    if (events[i].what == SIGNUP && events[i].minute == 6)
        e.props = SPAN_LIT("{\"plan\":\"pro\"}");
    if (events[i].what == BUY) {
        e.currency = span_str(events[i].cents < 0 ? "USD" : "EUR");
        e.revenue_milli = (int64_t)abs(events[i].cents) * 10;
    }
    return e;
}

/* Policies are not to change, but those of a bed are its own. */
static void set_goals(struct bed *b, uint32_t site, const struct policy_goal *list, size_t count) {
    struct policy *p = (struct policy *)(uintptr_t)bed_policy(b, site);
    p->goals = list;
    p->goal_count = count;
}

static struct bed *fill(bool sealed) {
    struct bed *b = bed_open();
    struct event *list = calloc(ARRAY_LEN(events), sizeof *list);
    assert_non_null(list);
    for (size_t i = 0; i < ARRAY_LEN(events); i++)
        list[i] = event_of(b, i);
    bed_apply(b, list, ARRAY_LEN(events));
    free(list);
    b->clock.now_ms = zone_day_start_ms(bed_policy(b, SITE)->zone, day_of(2026, 5, 12));
    if (sealed) {
        bed_seal(b, SITE, day_of(2026, 5, 5));
        bed_seal(b, SITE, day_of(2026, 5, 6));
        bed_publish(b);
        bed_build_cells(b, 1000);
    }
    set_goals(b, SITE, goals, ARRAY_LEN(goals));
    return b;
}

static void ask_all(struct bed *b, const char *const levels[5]) {
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(free_charp) char *query = NULL;
        assert_true(asprintf(&query, "{%s}", cases[i].query) > 0);
        expect(b, query, cases[i].expected);
        if (levels)
            expect_member(b, SITE, query, "meta", "levels", levels[cases[i].level]);
    }
}

static void of_hot_rows(void **state) {
    (void)state;
    struct bed *b = fill(false);
    ask_all(b, (const char *[]){"['hot']", "['hot']", "['hot']", "['hot']", "['hot']"});
    bed_close(b);
}

static void of_sealed_rows(void **state) {
    (void)state;
    struct bed *b = fill(true);
    b->no_rollup = b->no_cells = true;
    const char *sealed = "['sealed','hot']";
    ask_all(b, (const char *[]){sealed, sealed, sealed, sealed, sealed});
    bed_close(b);
}

/* Only what needs raw rows reads them. */
static void of_what_is_fastest(void **state) {
    (void)state;
    struct bed *b = fill(true);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(free_charp) char *query = NULL;
        assert_true(asprintf(&query, "{%s}", cases[i].query) > 0);
        expect(b, query, cases[i].expected);
        JSON_AUTO reply = ask(b, SITE, query);
        CLEANUP(free_charp)
        char *levels = json_dumps(json_member(json_member(reply, "meta"), "levels"), JSON_COMPACT);
        bool sealed = strstr(levels, "sealed"), cells = strstr(levels, "cells");
        bool rolled = strstr(levels, "rollup");
        bool fine = cases[i].level == SEALED   ? sealed && !cells && !rolled
                    : cases[i].level == ROLLED ? rolled && !cells && !sealed
                    : cases[i].level == MIXED  ? sealed
                                               : (rolled || cells) && !sealed;
        if (!fine)
            fail_msg("%s\n  is answered by %s", query, levels);
    }
    bed_close(b);
}

/* A comparison has the rates of the other range; they change by points. */
static void rates_are_compared(void **state) {
    (void)state;
    struct bed *b = fill(false);
    expect_member(b, SITE,
                  "{'metrics':['visitors','conversion_rate']," GOAL(
                      "'Signup'") ",'date_range':['2026-05-06','2026-05-06'],'include':{'compare':"
                                  "'previous_period'}}",
                  "results", NULL,
                  "[{'metrics':[1,100.0],'dimensions':[],'comparison':{'metrics':[1,20.0],"
                  "'change':[0,80.0],'dimensions':[]}}]");
    expect_member(b, SITE,
                  "{'metrics':['conversion_rate'],'dimensions':['event:goal']," GOAL(
                      "'Start'") ",'date_range':['2026-05-06','2026-05-06'],'include':{'compare':"
                                 "'previous_period','total_rows':true}}",
                  "results", NULL,
                  "[{'metrics':[100.0],'dimensions':['Start'],'comparison':{'metrics':[60.0],"
                  "'change':[40.0],'dimensions':['Start']}}]");
    expect_member(b, SITE,
                  "{'metrics':['visitors'],'dimensions':['event:goal']," DAY
                  ",'include':{'total_rows':true},'pagination':{'limit':2}}",
                  "meta", "total_rows", "8");
    bed_close(b);
}

static void a_site_without_goals_has_no_rows(void **state) {
    (void)state;
    struct bed *b = fill(false);
    set_goals(b, SITE, NULL, 0);
    expect(b, "{'metrics':['visitors'," RATES "],'dimensions':['event:goal']," DAY "}", "[]");
    expect(b,
           "{'metrics':['visitors','percentage'],'dimensions':['event:goal','visit:source']," DAY
           "}",
           "[]");
    bed_close(b);
}

/* Figures are rounded and rows left out as without goals. */
static void profiles_hold_for_rates(void **state) {
    (void)state;
    struct bed *b = bed_open();
    struct event e[64];
    size_t n = 0;
    for (uint32_t site = CNIL_SITE; site <= FRUGAL_SITE; site += FRUGAL_SITE - CNIL_SITE) {
        set_goals(b, site, goals, ARRAY_LEN(goals));
        int64_t t = zone_from_local_ms(bed_policy(b, site)->zone, day_of(2026, 5, 5), 36000);
        for (uint64_t person = 0; person < 24; person++) {
            e[n++] = bed_event(b, site, t, person, EVENT_PAGEVIEW, person < 3 ? "/join" : "/x");
            if (person < 6) {
                e[n] = bed_event(b, site, t + 1000, person, EVENT_CUSTOM, "/x");
                e[n++].name = SPAN_LIT("Signup");
            }
        }
    }
    bed_apply(b, e, n);
    /* 24 are 20, 6 are 10, 3 are 10; chosen by a filter both are too few. */
    expect_for(b, CNIL_SITE,
               "{'metrics':['visitors','conversion_rate'],'dimensions':['event:goal']," DAY "}",
               "[['Join',10,50.0],['Signup',10,50.0]]");
    expect_for(b, CNIL_SITE,
               "{'metrics':['visitors','conversion_rate']," GOAL("'Signup'") "," DAY "}",
               "[[null,null]]");
    expect_for(b, CNIL_SITE,
               "{'metrics':['visitors'," RATES
               "],'dimensions':['event:page']," GOAL("'Join'") "," DAY "}",
               "[]");
    expect_for(b, FRUGAL_SITE,
               "{'metrics':['visitors'," RATES
               "],'dimensions':['event:page']," GOAL("'Join','Signup'") "," DAY "}",
               "[['/x',5,20.8,20.8]]"); /* pages and names are crossed: 6 are 5 */
    expect_for(b, FRUGAL_SITE, "{'metrics':['visitors'],'dimensions':['event:goal']," DAY "}",
               "[['Signup',6],['Join',3]]");
    expect_for(b, FRUGAL_SITE,
               "{'metrics':['events'],'dimensions':['event:goal'],'filters':[['is_not',"
               "'event:page',['/y']]]," DAY "}",
               "[['Signup',5]]");
    expect_for(b, FRUGAL_SITE,
               "{'metrics':['events'],'dimensions':['event:goal','visit:source']," DAY "}",
               "[['Signup','Direct / None',5]]");
    bed_close(b);
}

static void what_makes_no_sense_is_refused(void **state) {
    (void)state;
    struct bed *b = bed_open();
    set_goals(b, SITE, goals, ARRAY_LEN(goals));
    set_goals(b, CNIL_SITE, goals, ARRAY_LEN(goals));
    static const struct {
        uint32_t site;
        const char *query, *error;
    } refused[] = {
        {SITE, "'metrics':['visitors'],'filters':[['is','event:goal',['Signup','Zebra']]]",
         "filters: event:goal: the site has no goal of that name"},
        {SITE, "'metrics':['visitors'],'filters':[['contains','event:goal',['zebra']]]",
         "filters: event:goal: the site has no goal of that name"},
        {OTHER_SITE, "'metrics':['visitors'],'filters':[['is','event:goal',['Signup']]]",
         "filters: event:goal: the site has no goal of that name"},
        {SITE, "'metrics':['visitors'],'filters':[['matches','event:goal',['Sign']]]",
         "filters: event:goal takes is and contains"},
        {SITE, "'metrics':['conversion_rate']",
         "metrics: conversion_rate needs event:goal as a dimension or in filters"},
        {SITE, "'metrics':['conversion_rate'],'filters':[['is_not','event:goal',['Signup']]]",
         "metrics: conversion_rate needs event:goal as a dimension or in filters"},
        {SITE, "'metrics':['group_conversion_rate']," GOAL("'Signup'"),
         "metrics: group_conversion_rate needs a dimension"},
        {SITE,
         "'metrics':['conversion_rate'],'dimensions':['event:goal'],'filters':[['or',[['is',"
         "'event:goal',['Signup']],['is','event:page',['/']]]]]",
         "filters: with conversion_rate, event:goal must be a filter of its own"},
        {SITE, "'metrics':['time_on_page'],'dimensions':['event:page']," GOAL("'Signup'"),
         "metrics: time_on_page does not go with event:goal; has_done does"},
        {CNIL_SITE, "'metrics':['visitors'],'dimensions':['event:goal','visit:utm_medium']",
         "dimensions: visit:utm_medium does not go with event:goal under the profile cnil"},
        {CNIL_SITE,
         "'metrics':['visitors'],'dimensions':['visit:referrer'],'filters':[['has_done',['is',"
         "'event:goal',['Signup']]]]",
         "dimensions: visit:referrer does not go with event:goal under the profile cnil"},
        {CNIL_SITE,
         "'metrics':['visitors'],'dimensions':['event:goal'],'filters':[['not',['has_done',['is',"
         "'visit:channel',['Email']]]]]",
         "filters: visit:channel does not go with event:goal under the profile cnil"},
    };
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        CLEANUP(free_charp) char *query = NULL;
        assert_true(asprintf(&query, "{%s,'date_range':'day'}", refused[i].query) > 0);
        CLEANUP(free_charp) char *text = requoted(query);
        json_t *reply = NULL;
        struct err err = {0};
        assert_int_equal(run_text(b, refused[i].site, text, &reply, &err), ERR_INVALID);
        assert_string_equal(err.text, refused[i].error);
    }
    bed_close(b);
}

int main(void) {
    if (crypt_init() < 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_hot_rows),
        cmocka_unit_test(of_sealed_rows),
        cmocka_unit_test(of_what_is_fastest),
        cmocka_unit_test(rates_are_compared),
        cmocka_unit_test(a_site_without_goals_has_no_rows),
        cmocka_unit_test(profiles_hold_for_rates),
        cmocka_unit_test(what_makes_no_sense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
