/* Unit tests of src/query: scenarios worked out by hand. Random queries: test_levels.c. */
#include "asking.h"

#include <stdio.h>
#include <stdlib.h>

#include "crypt.h"

/* --- scenarios ----------------------------------------------------------------------------------
 */

/* 2026-05-04 (Monday) and the day after, in Paris (UTC+2).
 *   p1  10:00 /  · 10:10 /a · 10:20 engagement      one visit, 2 views, 1200 s, source Google,
 * desktop p2  10:05 /  · 10:06 engagement                 a bounce in spite of the engagement p2
 * 10:37 /b                                    31 minutes of silence: a second visit, a bounce p3
 * 23:50 /a · 00:10 /b                         midnight parts it into two visitors, two bounces p4
 * 11:00 Signup on /a · 11:05 /a               the event comes first: entry page /a, 300 s p5  12:00
 * engagement alone                      nothing is counted p6  09:00 / · 09:30 /a 30 minutes
 * exactly: one visit; source changes inside */
static void set_the_scene(struct bed *b) {
    int32_t d = day_of(2026, 5, 4);
    struct event e[] = {
        local_event(b, d, 9, 0, 6, EVENT_PAGEVIEW, "/"),
        local_event(b, d, 9, 30, 6, EVENT_PAGEVIEW, "/a"),
        local_event(b, d, 10, 0, 1, EVENT_PAGEVIEW, "/"),
        local_event(b, d, 10, 5, 2, EVENT_PAGEVIEW, "/"),
        local_event(b, d, 10, 6, 2, EVENT_ENGAGEMENT, "/"),
        local_event(b, d, 10, 10, 1, EVENT_PAGEVIEW, "/a"),
        local_event(b, d, 10, 20, 1, EVENT_ENGAGEMENT, "/a"),
        local_event(b, d, 10, 37, 2, EVENT_PAGEVIEW, "/b"),
        local_event(b, d, 11, 0, 4, EVENT_CUSTOM, "/a"),
        local_event(b, d, 11, 5, 4, EVENT_PAGEVIEW, "/a"),
        local_event(b, d, 12, 0, 5, EVENT_ENGAGEMENT, "/"),
        local_event(b, d, 23, 50, 3, EVENT_PAGEVIEW, "/a"),
        local_event(b, d + 1, 0, 10, 3, EVENT_PAGEVIEW, "/b"),
    };
    e[0].source = SPAN_LIT("Bing");
    e[1].source = SPAN_LIT("Newsletter");
    e[2].source = SPAN_LIT("Google");
    e[2].country = SPAN_LIT("FR");
    e[8].utm_source = SPAN_LIT("mail");
    /* Two batches that part visits, so that states are cancelled and replaced. */
    bed_apply(b, e, 5);
    bed_apply(b, e + 5, ARRAY_LEN(e) - 5);
    b->clock.now_ms = zone_from_local_ms(bed_policy(b, SITE)->zone, d + 1, 15 * 3600);
}

#define DAY4 "'date_range':['2026-05-04','2026-05-04']"
#define BOTH "'date_range':['2026-05-04','2026-05-05']"

static void figures_worked_out_by_hand(void **state) {
    struct bed *b = *state;
    expect(b,
           "{'metrics':['visitors','visits','pageviews','events','bounce_rate','visit_duration',"
           "'views_per_visit']," DAY4 "}",
           /* visits: p1 p2 p2 p3 p4 p6; views 2+1+1+1+1+2; durations 1200+300+1800 */
           "[[5,6,8,9,50,550,1.33]]");
    expect(b, "{'metrics':['visitors','visits','bounce_rate']," BOTH "}", "[[6,7,57]]");
    expect(b, "{'metrics':['visitors','visits'],'date_range':'day'}", "[[1,1]]");
    expect(b,
           "{'metrics':['visitors','bounce_rate','views_per_visit','percentage'],'date_range':['"
           "2020-01-01','2020-01-02']}",
           "[[0,0,0.0,0.0]]");
    expect(b,
           "{'metrics':['visitors'],'dimensions':['visit:source'],'date_range':['2020-01-01','2020-"
           "01-02']}",
           "[]");
    expect(b, "{'metrics':['visitors','visits'],'dimensions':['visit:source']," DAY4 "}",
           "[['Direct / None',3,4],['Bing',1,1],['Google',1,1]]");
    expect(b, "{'metrics':['visitors','percentage'],'dimensions':['visit:source']," DAY4 "}",
           "[['Direct / None',3,60.0],['Bing',1,20.0],['Google',1,20.0]]");
    expect(b, "{'metrics':['visitors'],'dimensions':['visit:country']," DAY4 "}",
           "[['(unknown)',4],['FR',1]]");
    expect(b, "{'metrics':['visitors'],'dimensions':['visit:utm_source']," DAY4 "}",
           "[['(not set)',4],['mail',1]]");
    expect(b, "{'metrics':['visits'],'dimensions':['visit:entry_page']," DAY4 "}",
           "[['/',3],['/a',2],['/b',1]]");
    expect(b, "{'metrics':['visitors','visits'],'dimensions':['visit:exit_page']," DAY4 "}",
           "[['/a',4,4],['/',1,1],['/b',1,1]]");
    expect(b,
           "{'metrics':['visitors','pageviews','visits','bounce_rate','visit_duration'],"
           "'dimensions':['event:page']," DAY4 "}",
           "[['/a',4,4,4,50,150],['/',3,3,3,33,1000],['/b',1,1,1,100,0]]");
    expect(b, "{'metrics':['visitors','events'],'dimensions':['event:name']," DAY4 "}",
           "[['pageview',5,8],['Signup',1,1]]");
    expect(b,
           "{'metrics':['visits','bounce_rate','visit_duration'],'dimensions':['event:name']," DAY4
           "}",
           "[['pageview',6,50,550],['Signup',1,0,300]]");
}

static void filters_worked_out_by_hand(void **state) {
    struct bed *b = *state;
    expect(b,
           "{'metrics':['visitors','visits','pageviews','visit_duration'],'filters':[['is','event:"
           "name',['Signup']]]," DAY4 "}",
           "[[1,1,0,300]]");
    expect(b,
           "{'metrics':['visitors','visits','bounce_rate'],'filters':[['is','event:page',['/"
           "a']]]," DAY4 "}",
           "[[4,4,50]]");
    expect(b,
           "{'metrics':['visitors'],'filters':[['is','visit:source',['Direct / None']]]," DAY4 "}",
           "[[3]]");
    expect(b,
           "{'metrics':['visitors'],'filters':[['is_not','visit:source',['Direct / None']]]," DAY4
           "}",
           "[[2]]");
    expect(b, "{'metrics':['visitors'],'filters':[['is','visit:source',['google']]]," DAY4 "}",
           "[[0]]");
    expect(b,
           "{'metrics':['visitors'],'filters':[['is','visit:source',['google'],{'case_sensitive':"
           "false}]]," DAY4 "}",
           "[[1]]");
    expect(b,
           "{'metrics':['visitors'],'filters':[['contains','visit:source',['INg','oog'],{'case_"
           "sensitive':false}]]," DAY4 "}",
           "[[2]]");
    expect(b,
           "{'metrics':['visitors'],'filters':[['contains_not','visit:source',['oog']]]," DAY4 "}",
           "[[4]]");
    expect(b,
           "{'metrics':['pageviews'],'dimensions':['event:page'],'filters':[['is','visit:source',['"
           "Bing']]]," DAY4 "}",
           "[['/',1],['/a',1]]");
    expect(b,
           "{'metrics':['visitors'],'filters':[['or',[['is','visit:source',['Bing']],['is','event:"
           "page',['/b']]]]]," DAY4 "}",
           "[[2]]");
    expect(b,
           "{'metrics':['visitors'],'filters':[['not',['and',[['is','visit:source',['Bing']],['is',"
           "'event:page',['/']]]]]]," DAY4 "}",
           "[[5]]");
    /* What only this exit page's cancelled states had must not be seen: p1 was at / before /a. */
    expect(b,
           "{'metrics':['visitors','visits'],'filters':[['is','visit:exit_page',['/']]]," DAY4 "}",
           "[[1,1]]");
}

/* One person at /a, /A and /b, in two visits from two sources: flags alone would count it at each. */
static void a_person_counts_once_by_hand(void **state) {
    struct bed *b = *state;
    int32_t d = day_of(2026, 5, 7);
    struct event e[] = {
        local_event(b, d, 9, 0, 1, EVENT_PAGEVIEW, "/a"),
        local_event(b, d, 9, 1, 1, EVENT_PAGEVIEW, "/A"),
        local_event(b, d, 15, 0, 1, EVENT_PAGEVIEW, "/b"),
        local_event(b, d, 15, 1, 1, EVENT_CUSTOM, "/b"),
    };
    e[0].source = e[1].source = SPAN_LIT("Bing");
    e[2].source = e[3].source = SPAN_LIT("bing");
    bed_apply(b, e, ARRAY_LEN(e));
    static const struct {
        const char *filter, *expected;
    } cases[] = {
        {"['is','event:page',['/a']]", "[[1,1]]"},
        {"['is','event:page',['/a','/A']]", "[[1,1]]"},
        {"['is','event:page',['/a'],{'case_sensitive':false}]", "[[1,1]]"},
        {"['contains','event:page',['/']]", "[[1,2]]"},
        {"['is_not','event:page',['/a']]", "[[1,2]]"},
        {"['or',[['is','event:page',['/a']],['is','event:page',['/b']]]]", "[[1,2]]"},
        {"['and',[['is','event:page',['/b']],['is','event:name',['Signup']]]]", "[[1,1]]"},
        {"['is','visit:source',['Bing']]", "[[1,1]]"},
        {"['is','visit:source',['Bing','bing']]", "[[1,2]]"},
        {"['is','visit:source',['bing'],{'case_sensitive':false}]", "[[1,2]]"},
        {"['is_not','visit:source',['Direct / None']]", "[[1,2]]"},
        {"['is','visit:entry_page',['/a','/b']]", "[[1,2]]"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char query[256];
        (void)snprintf(query, sizeof query,
                       "{'metrics':['visitors','visits'],'filters':[%s],'date_range':['2026-05-07',"
                       "'2026-05-07']}",
                       cases[i].filter);
        expect(b, query, cases[i].expected);
    }
}

static void time_worked_out_by_hand(void **state) {
    struct bed *b = *state;
    expect(b, "{'metrics':['visitors','visits'],'dimensions':['time']," DAY4 "}",
           "[['2026-05-04 09:00:00',1,1],['2026-05-04 10:00:00',2,3],['2026-05-04 11:00:00',1,1],"
           "['2026-05-04 23:00:00',1,1]]");
    expect(b, "{'metrics':['visitors'],'dimensions':['time:day']," BOTH "}",
           "[['2026-05-04',5],['2026-05-05',1]]");
    expect(b,
           "{'metrics':['visitors'],'dimensions':['time:week'],'date_range':['2026-05-01','2026-05-"
           "05']}",
           "[['2026-05-04',6]]");
    expect(b, "{'metrics':['visitors'],'dimensions':['time:month'],'date_range':'year'}",
           "[['2026-05-01',6]]");
    expect(
        b, "{'metrics':['visitors'],'dimensions':['time:day','event:page']," BOTH "}",
        "[['2026-05-04','/a',4],['2026-05-04','/',3],['2026-05-04','/b',1],['2026-05-05','/b',1]]");
    expect(b,
           "{'metrics':['visitors','pageviews'],'date_range':['2026-05-04T10:05:00+02:00','2026-05-"
           "04T08:10:00Z']}",
           "[[2,2]]");
    expect(b, "{'metrics':['visitors','visits'],'date_range':'24h'}", "[[2,2]]");
    expect(b, "{'metrics':['visitors'],'date_range':'all'}", "[[6]]");
    expect_member(b, SITE, "{'metrics':['visitors'],'date_range':'all'}", "query", "date_range",
                  "['2026-05-04T00:00:00+02:00','2026-05-05T23:59:59+02:00']");
    expect_member(b, SITE,
                  "{'metrics':['visitors'],'dimensions':['time:week'],'include':{'time_labels':"
                  "true},'date_range':['2026-05-01','2026-05-12']}",
                  "meta", "time_labels", "['2026-04-27','2026-05-04','2026-05-11']");
    expect_member(
        b, SITE,
        "{'metrics':['visitors'],'dimensions':['time'],'include':{'time_labels':true},'date_range':"
        "'6mo'}",
        "meta", "time_labels",
        "['2025-12-01','2026-01-01','2026-02-01','2026-03-01','2026-04-01','2026-05-01']");
}

static void labels_follow_the_clock_change(void **state) {
    struct bed *b = *state;
    JSON_AUTO spring = ask(b, SITE,
                           "{'metrics':['visitors'],'dimensions':['time'],'include':{'time_labels':"
                           "true},'date_range':['2026-03-29','2026-03-29']}");
    json_t *labels = json_member(json_member(spring, "meta"), "time_labels");
    assert_int_equal(json_array_size(labels), 23);
    assert_string_equal(json_string_value(json_array_get(labels, 2)), "2026-03-29 03:00:00");
    JSON_AUTO autumn = ask(b, SITE,
                           "{'metrics':['visitors'],'dimensions':['time'],'include':{'time_labels':"
                           "true},'date_range':['2026-10-25','2026-10-25']}");
    assert_int_equal(json_array_size(json_member(json_member(autumn, "meta"), "time_labels")), 24);
    expect_member(b, SITE, "{'metrics':['visitors'],'date_range':['2026-03-29','2026-03-29']}",
                  "query", "date_range",
                  "['2026-03-29T00:00:00+01:00','2026-03-29T23:59:59+02:00']");
}

static void ranges_worked_out_by_hand(void **state) {
    struct bed *b = *state;
    static const struct {
        const char *range, *from, *to;
    } cases[] = {
        {"'day'", "2026-05-05T00:00:00+02:00", "2026-05-05T23:59:59+02:00"},
        {"'7d'", "2026-04-28T00:00:00+02:00", "2026-05-04T23:59:59+02:00"},
        {"'28d'", "2026-04-07T00:00:00+02:00", "2026-05-04T23:59:59+02:00"},
        {"'30d'", "2026-04-05T00:00:00+02:00", "2026-05-04T23:59:59+02:00"},
        {"'90d'", "2026-02-04T00:00:00+01:00", "2026-05-04T23:59:59+02:00"},
        {"'91d'", "2026-02-03T00:00:00+01:00", "2026-05-04T23:59:59+02:00"},
        {"'month'", "2026-05-01T00:00:00+02:00", "2026-05-31T23:59:59+02:00"},
        {"'6mo'", "2025-12-01T00:00:00+01:00", "2026-05-31T23:59:59+02:00"},
        {"'12mo'", "2025-06-01T00:00:00+02:00", "2026-05-31T23:59:59+02:00"},
        {"'year'", "2026-01-01T00:00:00+01:00", "2026-12-31T23:59:59+01:00"},
        {"'24h'", "2026-05-04T15:00:00+02:00", "2026-05-05T15:00:00+02:00"},
        {"'month','date':'2024-02-10'", "2024-02-01T00:00:00+01:00", "2024-02-29T23:59:59+01:00"},
        {"'day','date':'2024-02-10'", "2024-02-10T00:00:00+01:00", "2024-02-10T23:59:59+01:00"},
        {"['2026-05-01','2026-05-02']", "2026-05-01T00:00:00+02:00", "2026-05-02T23:59:59+02:00"},
        {"['2026-05-01T10:00:00Z','2026-05-01T11:00:00.5-01:30']", "2026-05-01T12:00:00+02:00",
         "2026-05-01T14:30:00+02:00"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char query[256], expected[128];
        (void)snprintf(query, sizeof query, "{'metrics':['visitors'],'date_range':%s}",
                       cases[i].range);
        (void)snprintf(expected, sizeof expected, "['%s','%s']", cases[i].from, cases[i].to);
        expect_member(b, SITE, query, "query", "date_range", expected);
    }
}

static void rows_are_ordered_and_cut(void **state) {
    struct bed *b = *state;
    expect(b,
           "{'metrics':['visitors'],'dimensions':['event:page'],'order_by':[['event:page','desc']]"
           "," DAY4 "}",
           "[['/b',1],['/a',4],['/',3]]");
    expect(b,
           "{'metrics':['visitors','visits'],'dimensions':['event:page'],'order_by':[['visits','"
           "asc'],['event:page','asc']]," DAY4 "}",
           "[['/b',1,1],['/',3,3],['/a',4,4]]");
    expect(b,
           "{'metrics':['visitors'],'dimensions':['event:page'],'pagination':{'limit':1,'offset':1}"
           "," DAY4 "}",
           "[['/',3]]");
    expect(b,
           "{'metrics':['visitors'],'dimensions':['event:page'],'include':{'total_rows':true},'"
           "pagination':{'limit':2}," DAY4 "}",
           "[['/a',4],['/',3]]");
    expect_member(b, SITE,
                  "{'metrics':['visitors'],'dimensions':['event:page'],'include':{'total_rows':"
                  "true},'pagination':{'limit':1,'offset':9}," DAY4 "}",
                  "meta", "total_rows", "3");
    expect(b,
           "{'metrics':['visitors'],'dimensions':['event:page'],'include':{'total_rows':true},'"
           "pagination':{'limit':1,'offset':9}," DAY4 "}",
           "[]");
}

static void the_reply_tells_what_was_asked(void **state) {
    struct bed *b = *state;
    expect_member(b, SITE,
                  "{'site_id':'x','metrics':['visits'],'dimensions':['time','visit:os'],'filters':["
                  "['is','visit:os',['x']]]," DAY4 "}",
                  "query", NULL,
                  "{'site_id':'example.com','metrics':['visits'],'date_range':['2026-05-04T00:00:"
                  "00+02:00','2026-05-04T23:59:59+02:00'],"
                  "'filters':[['is','visit:os',['x']]],'dimensions':['time:hour','visit:os'],'"
                  "order_by':[['time:hour','asc'],['visits','desc']],"
                  "'include':{'imports':false,'time_labels':false,'total_rows':false},'pagination':"
                  "{'limit':10000,'offset':0}}");
    expect_member(b, SITE, "{'metrics':['visitors']," BOTH "}", "meta", NULL,
                  "{'metric_notes':{'visitors':'daily visitors, added up'},'levels':['hot']}");
    expect_member(b, SITE, "{'metrics':['visitors']," DAY4 "}", "meta", NULL, "{'levels':['hot']}");
    expect_member(
        b, SITE, "{'metrics':['visits'],'include':{'imports':true}," BOTH "}", "meta", NULL,
        "{'imports_included':false,'imports_skip_reason':'no_imported_data','levels':['hot']}");
}

static void the_reply_tells_which_levels_answered(void **state) {
    (void)state;
    struct bed *b = bed_open();
    set_the_scene(b);
    int32_t d = day_of(2026, 5, 4);
    bed_seal_rollups(b, SITE, d);
    bed_publish(b);
    static const struct {
        const char *ask, *meta;
    } cases[] = {
        {"'metrics':['visits']", "['rollup','hot']"},
        {"'metrics':['visits','bounce_rate'],'dimensions':['event:page']", "['rollup','hot']"},
        {"'metrics':['visits'],'dimensions':['time:day','visit:os']", "['rollup','hot']"},
        {"'metrics':['visits'],'dimensions':['time:hour']", "['rollup','hot']"},
        {"'metrics':['visits'],'filters':[['is','event:page',['/a']]]", "['rollup','hot']"},
        {"'metrics':['percentage'],'dimensions':['event:page'],'filters':[['is','event:page',['/"
         "a']]]",
         "['rollup','hot']"},
        {"'metrics':['visits'],'dimensions':['visit:os'],'filters':[['is','event:page',['/a']]]",
         "['hot']"},
        {"'metrics':['visits'],'filters':[['is','event:page',['/a','/b']]]", "['hot']"},
        {"'metrics':['visits'],'filters':[['is','event:page',['/A'],{'case_sensitive':false}]]",
         "['hot']"},
        {"'metrics':['visits'],'filters':[['is_not','event:page',['/a']]]", "['hot']"},
        {"'metrics':['visits'],'dimensions':['time:hour','event:page']", "['hot']"},
        {"'metrics':['visits'],'dimensions':['event:name','event:page']", "['hot']"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char query[400];
        (void)snprintf(query, sizeof query, "{%s," BOTH "}", cases[i].ask);
        expect_member(b, SITE, query, "meta", "levels", cases[i].meta);
        expect_member(b, SITE, query, "meta", "raw_rows_from",
                      strstr(cases[i].meta, "rollup") ? "absent" : "'2026-05-05'");
    }
    expect(b, "{'metrics':['visitors','visits']," BOTH "}", "[[6,7]]");
    expect(b,
           "{'metrics':['visitors'],'date_range':['2026-05-04T00:00:00+02:00',"
           "'2026-05-05T23:59:59+02:00']}",
           "[[1]]");
    bed_seal(b, SITE, d + 1);
    bed_publish(b);
    expect_member(b, SITE,
                  "{'metrics':['visits'],'dimensions':['event:name','event:page']," BOTH "}",
                  "meta", "levels", "['sealed','hot']");
    expect_member(b, SITE, "{'metrics':['visits'],'date_range':'all'}", "query", "date_range",
                  "['2026-05-04T00:00:00+02:00','2026-05-05T23:59:59+02:00']");
    bed_close(b);
}

/* /a has 17 visitors, /b 3; one of those at /b came from Bing. */
static void crowd(struct bed *b, uint32_t site) {
    struct event e[20];
    int64_t t = zone_from_local_ms(bed_policy(b, site)->zone, day_of(2026, 5, 4), 36000);
    for (size_t i = 0; i < 20; i++) {
        e[i] = bed_event(b, site, t + (int64_t)i, 100 + i, EVENT_PAGEVIEW, i < 17 ? "/a" : "/b");
        if (i == 19)
            e[i].source = SPAN_LIT("Bing");
    }
    bed_apply(b, e, 20);
}

static void profiles_hide_the_few(void **state) {
    struct bed *b = *state;
    crowd(b, CNIL_SITE);
    crowd(b, FRUGAL_SITE);
    expect_for(b, CNIL_SITE,
               "{'metrics':['visitors','pageviews','bounce_rate'],'dimensions':['event:page']," DAY4
               "}",
               "[['/a',20,20,100],['/b',10,10,null]]");
    expect_for(b, CNIL_SITE,
               "{'metrics':['visitors','percentage'],'dimensions':['visit:source']," DAY4 "}",
               "[['Direct / None',20,100.0],['Bing',10,50.0]]");
    expect_for(b, CNIL_SITE, "{'metrics':['visitors'],'date_range':['2020-01-01','2020-01-01']}",
               "[[0]]");
    expect_for(b, FRUGAL_SITE, "{'metrics':['visitors'],'dimensions':['event:page']," DAY4 "}",
               "[['/a',17],['/b',3]]");
    expect_for(b, FRUGAL_SITE,
               "{'metrics':['visits'],'dimensions':['event:page'],'filters':[['contains','event:"
               "page',['/']]]," DAY4 "}",
               "[['/a',17]]");
    expect_member(b, FRUGAL_SITE,
                  "{'metrics':['visits'],'dimensions':['visit:entry_page'],'include':{'total_rows':"
                  "true},'filters':[['contains','event:page',['/']]]," DAY4 "}",
                  "meta", NULL,
                  "{'rounded_to':5,'hidden_below':5,'total_rows':1,'levels':['hot']}");
    expect_member(b, FRUGAL_SITE,
                  "{'metrics':['visits'],'dimensions':['visit:source'],'filters':[['is','visit:"
                  "source',['Bing']]]," DAY4 "}",
                  "meta", "hidden_below", "5");
}

static void values_are_never_code(void **state) {
    struct bed *b = *state;
    static const char *const values[] = {
        "' OR 1=1 --",
        "'; DROP TABLE event; --",
        "$1",
        "?",
        "\\",
        "%",
        "_",
        "') UNION SELECT 1 --",
        "\"; DELETE FROM visit; --",
        "/*",
        "';ATTACH 'x';--",
        "{}",
        "\x7f",
        "\xe2\x80\xae",
    };
    static const char *const words[] = {"event:page", "event:name", "visit:source",
                                        "visit:exit_page"};
    static const char *const ops[] = {"is", "contains", "is_not", "contains_not"};
    for (size_t i = 0; i < ARRAY_LEN(values); i++)
        for (size_t k = 0; k < 4; k++) {
            JSON_AUTO request = json_pack("{s[ss]s[ss]s[[ss[s]]]}", "metrics", "visitors",
                                          "bounce_rate", "date_range", "2026-05-04", "2026-05-04",
                                          "filters", ops[(i + k) % 4], words[k], values[i]);
            JSON_AUTO reply = NULL;
            struct err err = {0};
            assert_int_equal(run_json(b, SITE, request, &reply, &err), 0);
            int64_t n = json_integer_value(json_array_get(
                json_member(json_array_get(json_member(reply, "results"), 0), "metrics"), 0));
            assert_int_equal(n, (i + k) % 4 < 2 ? 0 : 5);
        }
    expect(b, "{'metrics':['visitors']," DAY4 "}", "[[5]]");
}

#define M "'metrics':['visitors']"
#define R "'date_range':'day'"

static void malformed_queries_are_refused(void **state) {
    struct bed *b = *state;
    static const struct {
        const char *key, *text;
    } cases[] = {
        {"query", "[]"},
        {"query", "1"},
        {"query", "null"},
        {"query", "'x'"},
        {"query", "true"},
        {"query", "{" M "," R ",'x':1}"},
        {"query", "{" M "," R ",'Metrics':1}"},
        {"query", "{" M "," R ",'site':1}"},
        {"query", "{" M "," R ",'anna@example.org':1}"},
        {"query", "{" M "," R ",'':1}"},
        {"metrics", "{}"},
        {"metrics", "{" R "}"},
        {"metrics", "{" R ",'metrics':[]}"},
        {"metrics", "{" R ",'metrics':{}}"},
        {"metrics", "{" R ",'metrics':'visitors'}"},
        {"metrics", "{" R ",'metrics':null}"},
        {"metrics", "{" R ",'metrics':[1]}"},
        {"metrics", "{" R ",'metrics':[null]}"},
        {"metrics", "{" R ",'metrics':['']}"},
        {"metrics", "{" R ",'metrics':['Visitors']}"},
        {"metrics", "{" R ",'metrics':['visitors ']}"},
        {"metrics", "{" R ",'metrics':['visitors','x']}"},
        {"metrics", "{" R ",'metrics':['visitors','visitors']}"},
        {"metrics", "{" R ",'metrics':[['visitors']]}"},
        {"metrics", "{" R ",'metrics':['count(*)']}"},
        {"metrics", "{" R ",'metrics':['event:page']}"},
        {"date_range", "{" M "}"},
        {"date_range", "{" M ",'date_range':null}"},
        {"date_range", "{" M ",'date_range':1}"},
        {"date_range", "{" M ",'date_range':''}"},
        {"date_range", "{" M ",'date_range':'7'}"},
        {"date_range", "{" M ",'date_range':'8d'}"},
        {"date_range", "{" M ",'date_range':'Day'}"},
        {"date_range", "{" M ",'date_range':{}}"},
        {"date_range", "{" M ",'date_range':[]}"},
        {"date_range", "{" M ",'date_range':['2026-01-01']}"},
        {"date_range", "{" M ",'date_range':['2026-01-01','2026-01-02','2026-01-03']}"},
        {"date_range", "{" M ",'date_range':['2026-01-02','2026-01-01']}"},
        {"date_range", "{" M ",'date_range':['2026-02-30','2026-03-01']}"},
        {"date_range", "{" M ",'date_range':['2026-1-1','2026-03-01']}"},
        {"date_range", "{" M ",'date_range':['x','y']}"},
        {"date_range", "{" M ",'date_range':[1,2]}"},
        {"date_range", "{" M ",'date_range':['2026-01-01',null]}"},
        {"date_range", "{" M ",'date_range':['2026-01-01','2026-01-01T00:00:00Z']}"},
        {"date_range", "{" M ",'date_range':['2026-01-01T00:00:00','2026-01-01T01:00:00']}"},
        {"date_range", "{" M ",'date_range':['2026-01-01T24:00:00Z','2026-01-02T01:00:00Z']}"},
        {"date_range", "{" M ",'date_range':['2026-01-01T00:60:00Z','2026-01-02T01:00:00Z']}"},
        {"date_range", "{" M ",'date_range':['2026-01-01T00:00:61Z','2026-01-02T01:00:00Z']}"},
        {"date_range", "{" M ",'date_range':['2026-01-01T00:00Z','2026-01-02T01:00:00Z']}"},
        {"date_range", "{" M ",'date_range':['2026-01-01T00:00:00+0100','2026-01-02T01:00:00Z']}"},
        {"date_range", "{" M ",'date_range':['2026-01-01T00:00:00+25:00','2026-01-02T01:00:00Z']}"},
        {"date_range", "{" M ",'date_range':['2026-01-01T00:00:00.Z','2026-01-02T01:00:00Z']}"},
        {"date_range", "{" M ",'date_range':['2026-01-01T00:00:00Zx','2026-01-02T01:00:00Z']}"},
        {"date_range", "{" M ",'date_range':['2026-01-03T00:00:00Z','2026-01-02T01:00:00Z']}"},
        {"date", "{" M "," R ",'date':1}"},
        {"date", "{" M "," R ",'date':''}"},
        {"date", "{" M "," R ",'date':'today'}"},
        {"date", "{" M "," R ",'date':'2026-13-01'}"},
        {"date", "{" M ",'date_range':'24h','date':'2026-01-01'}"},
        {"date", "{" M ",'date_range':['2026-01-01','2026-01-01'],'date':'2026-01-01'}"},
        {"dimensions", "{" M "," R ",'dimensions':'time'}"},
        {"dimensions", "{" M "," R ",'dimensions':{}}"},
        {"dimensions", "{" M "," R ",'dimensions':[1]}"},
        {"dimensions", "{" M "," R ",'dimensions':['page']}"},
        {"dimensions", "{" M "," R ",'dimensions':['event:visitor']}"},
        {"dimensions", "{" M "," R ",'dimensions':['visit:visitor']}"},
        {"dimensions", "{" M "," R ",'dimensions':['time:minute']}"},
        {"dimensions", "{" M "," R ",'dimensions':['time','time:day']}"},
        {"dimensions", "{" M "," R ",'dimensions':['visit:os','visit:os']}"},
        {"dimensions", "{" M "," R ",'dimensions':['event:page; DROP TABLE event']}"},
        {"dimensions", "{" M "," R ",'dimensions':['event:props']}"},
        {"dimensions",
         "{" M "," R ",'dimensions':['visit:os','visit:device','visit:source','visit:country','"
         "visit:browser','visit:channel','visit:referrer','event:page','event:name']}"},
        {"filters", "{" M "," R ",'filters':{}}"},
        {"filters", "{" M "," R ",'filters':'x'}"},
        {"filters", "{" M "," R ",'filters':null}"},
        {"filters", "{" M "," R ",'filters':[1]}"},
        {"filters", "{" M "," R ",'filters':['is','visit:os',['x']]}"},
        {"filters", "{" M "," R ",'filters':[[]]}"},
        {"filters", "{" M "," R ",'filters':[[1]]}"},
        {"filters", "{" M "," R ",'filters':[['is']]}"},
        {"filters", "{" M "," R ",'filters':[['is','visit:os']]}"},
        {"filters", "{" M "," R ",'filters':[['is','visit:os',[]]]}"},
        {"filters", "{" M "," R ",'filters':[['is','visit:os','x']]}"},
        {"filters", "{" M "," R ",'filters':[['is','visit:os',[1]]]}"},
        {"filters", "{" M "," R ",'filters':[['is','visit:os',[null]]]}"},
        {"filters", "{" M "," R ",'filters':[['is','visit:os',[['x']]]]}"},
        {"filters", "{" M "," R ",'filters':[['IS','visit:os',['x']]]}"},
        {"filters", "{" M "," R ",'filters':[['like','visit:os',['x']]]}"},
        {"filters", "{" M "," R ",'filters':[['is','os',['x']]]}"},
        {"filters", "{" M "," R ",'filters':[['is','time:day',['x']]]}"},
        {"filters", "{" M "," R ",'filters':[['is',1,['x']]]}"},
        {"filters", "{" M "," R ",'filters':[['is','visitors',['x']]]}"},
        {"filters", "{" M "," R ",'filters':[['is','visit:os',['x'],{}, 1]]}"},
        {"filters", "{" M "," R ",'filters':[['is','visit:os',['x'],1]]}"},
        {"filters", "{" M "," R ",'filters':[['is','visit:os',['x'],{'a':1}]]}"},
        {"filters", "{" M "," R ",'filters':[['is','visit:os',['x'],{'case_sensitive':1}]]}"},
        {"filters",
         "{" M "," R ",'filters':[['is','visit:os',['x'],{'case_sensitive':true,'b':1}]]}"},
        {"filters", "{" M "," R ",'filters':[['and']]}"},
        {"filters", "{" M "," R ",'filters':[['and',[]]]}"},
        {"filters", "{" M "," R ",'filters':[['or',1]]}"},
        {"filters", "{" M "," R ",'filters':[['or',[1]]]}"},
        {"filters", "{" M "," R ",'filters':[['and',[['is','visit:os',['x']]],1]]}"},
        {"filters", "{" M "," R ",'filters':[['not']]}"},
        {"filters", "{" M "," R ",'filters':[['not',[]]]}"},
        {"filters", "{" M "," R ",'filters':[['not',['is','visit:os',['x']],1]]}"},
        {"filters", "{" M "," R ",'filters':[['not',['is','visit:x',['x']]]]}"},
        {"filters", "{" M "," R ",'filters':[['is_not','visit:os',[]]]}"},
        {"filters", "{" M "," R ",'filters':[['contains','x',['']]]}"},
        {"filters",
         "{" M "," R
         ",'filters':[['not',['not',['not',['not',['not',['not',['not',['not',['not',['not',['not',"
         "['not',['not',['not',['not',['not',['not',['is','visit:os',['x']]]]]]]]]]]]]]]]]]]]}"},
        {"order_by", "{" M "," R ",'order_by':{}}"},
        {"order_by", "{" M "," R ",'order_by':'visitors'}"},
        {"order_by", "{" M "," R ",'order_by':['visitors']}"},
        {"order_by", "{" M "," R ",'order_by':[['visitors']]}"},
        {"order_by", "{" M "," R ",'order_by':[['visitors','up']]}"},
        {"order_by", "{" M "," R ",'order_by':[['visitors','DESC']]}"},
        {"order_by", "{" M "," R ",'order_by':[['visits','asc']]}"},
        {"order_by", "{" M "," R ",'order_by':[['visit:os','asc']]}"},
        {"order_by", "{" M "," R ",'order_by':[['x','asc']]}"},
        {"order_by", "{" M "," R ",'order_by':[[1,'asc']]}"},
        {"order_by", "{" M "," R ",'order_by':[['visitors',1]]}"},
        {"order_by", "{" M "," R ",'order_by':[['visitors','asc','asc']]}"},
        {"include", "{" M "," R ",'include':[]}"},
        {"include", "{" M "," R ",'include':{'x':true}}"},
        {"include", "{" M "," R ",'include':{'imports':1}}"},
        {"include", "{" M "," R ",'include':{'total_rows':'yes'}}"},
        {"include", "{" M "," R ",'include':{'time_labels':null}}"},
        {"include", "{" M "," R ",'include':{'time_labels':true}}"},
        {"include", "{" M ",'date_range':['0001-01-01','9999-12-31'],'dimensions':['time:day'],'"
                    "include':{'time_labels':true}}"},
        {"pagination", "{" M "," R ",'pagination':[]}"},
        {"pagination", "{" M "," R ",'pagination':{'limit':0}}"},
        {"pagination", "{" M "," R ",'pagination':{'limit':10001}}"},
        {"pagination", "{" M "," R ",'pagination':{'limit':-1}}"},
        {"pagination", "{" M "," R ",'pagination':{'limit':1.5}}"},
        {"pagination", "{" M "," R ",'pagination':{'limit':'1'}}"},
        {"pagination", "{" M "," R ",'pagination':{'offset':-1}}"},
        {"pagination", "{" M "," R ",'pagination':{'offset':9223372036854775807}}"},
        {"pagination", "{" M "," R ",'pagination':{'page':1}}"},
        {"pagination", "{" M "," R ",'pagination':{'limit':null}}"},
    };
    assert_true(ARRAY_LEN(cases) >= 100);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(free_charp) char *text = requoted(cases[i].text);
        json_t *reply = NULL;
        struct err err = {0};
        int r = run_text(b, SITE, text, &reply, &err);
        size_t n = strlen(cases[i].key);
        if (r != ERR_INVALID || reply || strncmp(err.text, cases[i].key, n) != 0 ||
            err.text[n] != ':' || strstr(err.text, "anna@") || strstr(err.text, "DROP"))
            fail_msg("%s: %d %s", cases[i].text, r, err.text);
    }
}

static void expect_refused(struct bed *b, json_t *filter, const char *text) {
    JSON_AUTO request =
        json_pack("{s[s]sss[o]}", "metrics", "visitors", "date_range", "day", "filters", filter);
    json_t *reply = NULL;
    struct err err = {0};
    assert_int_equal(run_json(b, SITE, request, &reply, &err), ERR_INVALID);
    assert_string_equal(err.text, text);
}

static void sizes_are_limited(void **state) {
    struct bed *b = *state;
    json_t *many = json_array();
    for (int i = 0; i < 2001; i++)
        json_array_append_new(many, json_string("x"));
    expect_refused(b, json_pack("[sso]", "is", "visit:os", many), "filters: at most 2000 values");
    json_t *wide = json_array();
    for (int i = 0; i < 200; i++)
        json_array_append_new(wide, json_pack("[ss[s]]", "is", "visit:os", "x"));
    expect_refused(b, json_pack("[so]", "or", wide), "filters: too many or too deep");
    char value[2002];
    memset(value, 0x61, sizeof value);
    value[2001] = 0;
    expect_refused(b, json_pack("[ss[s]]", "is", "visit:os", value),
                   "filters: a value is longer than 2000 bytes");
}

static void a_long_query_is_stopped(void **state) {
    (void)state;
    enum { EVENTS = 300000 };
    struct bed *b = bed_open();
    struct event *events = calloc(EVENTS, sizeof *events);
    assert_non_null(events);
    int64_t t = zone_day_start_ms(bed_policy(b, SITE)->zone, day_of(2026, 5, 4));
    for (size_t i = 0; i < EVENTS; i++)
        events[i] =
            bed_event(b, SITE, t + (int64_t)i * 100, i, EVENT_PAGEVIEW, i % 3 ? "/a" : "/b");
    bed_apply(b, events, EVENTS);
    free(events);
    JSON_AUTO request =
        json_pack("{s[ss]s[ss]s[sss]s[[ss[s]]]}", "metrics", "visitors", "bounce_rate",
                  "date_range", "2026-05-04", "2026-05-04", "dimensions", "time:hour", "event:name",
                  "visit:source", "filters", "contains", "event:name", "VIEW");
    json_array_append_new(json_array_get(json_member(request, "filters"), 0),
                          json_pack("{sb}", "case_sensitive", 0));
    struct query_env env = {.store = b->store, .clock = &b->clock.clock, .timeout_ms = 1};
    json_t *reply = NULL;
    struct err err = {0};
    assert_int_equal(query_run(&env, bed_policy(b, SITE), request, &reply, &err), ERR_TIMEOUT);
    assert_null(reply);
    env.timeout_ms = 60000;
    assert_int_equal(query_run(&env, bed_policy(b, SITE), request, &reply, &err), 0);
    json_decref(reply);
    bed_close(b);
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
    const struct CMUnitTest scenes[] = {
        cmocka_unit_test(figures_worked_out_by_hand),
        cmocka_unit_test(filters_worked_out_by_hand),
        cmocka_unit_test(time_worked_out_by_hand),
        cmocka_unit_test(a_person_counts_once_by_hand),
        cmocka_unit_test(labels_follow_the_clock_change),
        cmocka_unit_test(ranges_worked_out_by_hand),
        cmocka_unit_test(rows_are_ordered_and_cut),
        cmocka_unit_test(the_reply_tells_what_was_asked),
        cmocka_unit_test(the_reply_tells_which_levels_answered),
        cmocka_unit_test(profiles_hide_the_few),
        cmocka_unit_test(values_are_never_code),
        cmocka_unit_test(malformed_queries_are_refused),
        cmocka_unit_test(sizes_are_limited),
        cmocka_unit_test(a_long_query_is_stopped),
    };
    return cmocka_run_group_tests(scenes, open_scene, close_scene);
}
