/* Properties of events as dimension and filter, and the list of their names: a day whose answers were
 * worked out by hand, asked of hot rows and of sealed ones. */
#include "asking.h"

#include <stdio.h>
#include <stdlib.h>

#include "crypt.h"
#include "prop_names.h"

#define ODD "a/b~c\\\"d" /* within JSON */

static const struct {
    int hour, minute;
    uint64_t person;
    const char *name; /* NULL: a page view */
    const char *props;
} events[] = {
    /* p1 follows a link twice, comes again and follows another: two visits, four events. */
    {9, 0, 1, NULL, ""},
    {9, 1, 1, "Outbound Link: Click", "{\"url\":\"https://a.example/x\"}"},
    {9, 2, 1, "Outbound Link: Click", "{\"url\":\"https://a.example/x\"}"},
    {12, 0, 1, "Outbound Link: Click", "{\"url\":\"https://b.example/\"}"},
    /* p2 views a page that says its plan, and follows a link that does not. */
    {9, 0, 2, NULL, "{\"plan\":\"pro\"}"},
    {9, 5, 2, "Outbound Link: Click", "{\"url\":\"https://a.example/x\"}"},
    {10, 0, 3, "File Download", "{\"url\":\"https://example.com/doc.pdf\"}"},
    {10, 5, 3, "Signup", ""},
    {11, 0, 4, "Signup", "{\"" ODD "\":\"odd\",\"plan\":\"Pro\"}"},
    {13, 0, 5, NULL, ""},
};

#define DAY "'date_range':['2026-05-04','2026-05-04']"
#define OUTBOUND "'filters':[['is','event:name',['Outbound Link: Click']]]"
#define COUNT "'metrics':['visitors','events']," DAY ",'filters':"

static const struct {
    const char *query, *expected;
} cases[] = {
    {"'metrics':['visitors','visits','events'],'dimensions':['event:props:url']," DAY "," OUTBOUND,
     "[['https://a.example/x',2,2,3],['https://b.example/',1,1,1]]"},
    {"'metrics':['visitors','percentage'],'dimensions':['event:props:url']," DAY "," OUTBOUND,
     "[['https://a.example/x',2,100.0],['https://b.example/',1,50.0]]"},
    {"'metrics':['visitors','events'],'dimensions':['event:props:url']," DAY,
     "[['(none)',5,5],['https://a.example/x',2,3],['https://b.example/',1,1],"
     "['https://example.com/doc.pdf',1,1]]"},
    /* Of the visits with such an event: five without a plan (two bounces, 720 s), p2's, p4's. */
    {"'metrics':['visitors','bounce_rate','visit_duration'],'dimensions':['event:props:plan']," DAY,
     "[['(none)',4,40,144],['Pro',1,100,0],['pro',1,0,300]]"},
    {"'metrics':['visitors'],'dimensions':['event:props:plan','event:props:url']," DAY ","
     "'filters':[['is_not','event:name',['pageview']]],'order_by':[['event:props:url','desc']]",
     "[['(none)','https://example.com/doc.pdf',1],['(none)','https://b.example/',1],"
     "['(none)','https://a.example/x',2],['(none)','(none)',1],['Pro','(none)',1]]"},
    {"'metrics':['visitors'],'dimensions':['time:day','event:props:plan']," DAY ","
     "'filters':[['is_not','event:props:plan',['(none)']]]",
     "[['2026-05-04','Pro',1],['2026-05-04','pro',1]]"},

    /* Ten events of five people; two have a plan. Only `is` is about those without as well. */
    {COUNT "[['is','event:props:plan',['pro']]]", "[[1,1]]"},
    {COUNT "[['is','event:props:plan',['PRO'],{'case_sensitive':false}]]", "[[2,2]]"},
    {COUNT "[['is','event:props:plan',['(none)']]]", "[[4,8]]"},
    {COUNT "[['is','event:props:plan',['(none)','Pro']]]", "[[5,9]]"},
    {COUNT "[['is_not','event:props:plan',['pro']]]", "[[5,9]]"},
    {COUNT "[['is_not','event:props:plan',['(none)']]]", "[[2,2]]"},
    {COUNT "[['contains','event:props:plan',['ro','zz']]]", "[[2,2]]"},
    {COUNT "[['contains','event:props:plan',['P','r']]]", "[[2,2]]"},
    {COUNT "[['contains','event:props:plan',['']]]", "[[2,2]]"},
    {COUNT "[['contains_not','event:props:plan',['pro']]]", "[[1,1]]"},
    {COUNT "[['contains_not','event:props:plan',['PRO'],{'case_sensitive':false}]]", "[[0,0]]"},
    {COUNT "[['contains_not','event:props:plan',['x','y']]]", "[[2,2]]"},
    {COUNT "[['not',['contains','event:props:plan',['pro']]]]", "[[5,9]]"},
    {COUNT "[['not',['contains_not','event:props:plan',['pro']]]]", "[[4,9]]"},
    {COUNT "[['matches','event:props:plan',['(?i)^PRO$']]]", "[[2,2]]"},
    {COUNT "[['matches','event:props:plan',['^$']]]", "[[0,0]]"},
    {COUNT "[['matches_not','event:props:plan',['^P']]]", "[[1,1]]"},
    {COUNT "[['is','event:name',['Signup']],['is','event:props:plan',['(none)']]]", "[[1,1]]"},
    /* p2 and p3 in their visits, p1 in one of two. */
    {"'metrics':['visits']," DAY ",'filters':[['has_done',['is','event:props:plan',['pro']]]]",
     "[[1]]"},
    {"'metrics':['visits','pageviews']," DAY ","
     "'filters':[['has_not_done',['contains','event:props:url',['b.example','.pdf']]]]",
     "[[4,3]]"},

    /* Names of any characters; none is a path into the text. */
    {"'metrics':['events'],'dimensions':['event:props:" ODD "']," DAY, "[['(none)',9],['odd',1]]"},
    {COUNT "[['is','event:props:" ODD "',['odd']]]", "[[1,1]]"},
    {COUNT "[['is_not','event:props:$.plan',['(none)']]]", "[[0,0]]"},
    {COUNT "[['is_not','event:props:/plan',['(none)']]]", "[[0,0]]"},
    {COUNT "[['is_not','event:props:*',['(none)']]]", "[[0,0]]"},
    {COUNT "[['is_not','event:props:$',['(none)']]]", "[[0,0]]"},
    {COUNT "[['is_not','event:props:Plan',['(none)']]]", "[[0,0]]"},
    {COUNT "[['is_not','event:props:~1',['(none)']]]", "[[0,0]]"},
    {COUNT "[['is_not','event:props:\\' OR 1=1 --',['(none)']]]", "[[0,0]]"},
};

static int32_t monday(void) {
    return day_of(2026, 5, 4);
}

static void set_the_scene(struct bed *b) {
    struct event list[ARRAY_LEN(events)];
    for (size_t i = 0; i < ARRAY_LEN(events); i++) {
        int kind = events[i].name ? EVENT_CUSTOM : EVENT_PAGEVIEW;
        list[i] =
            local_event(b, monday(), events[i].hour, events[i].minute, events[i].person, kind, "/");
        if (events[i].name)
            list[i].name = span_str(events[i].name);
        list[i].props = span_str(events[i].props);
    }
    bed_apply(b, list, ARRAY_LEN(list));
}

static void all_answers(struct bed *b) {
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(free_charp) char *query = NULL;
        assert_true(asprintf(&query, "{%s}", cases[i].query) > 0);
        expect(b, query, cases[i].expected);
    }
}

/* [[name, visitors, events], …] */
static void expect_names(struct bed *b, uint32_t site, const char *event, const char *expected) {
    struct query_env env = {.store = b->store, .clock = &b->clock.clock, .timeout_ms = 20000};
    JSON_AUTO range = json_pack("[ss]", "2026-05-04", "2026-05-05");
    struct prop_names_asked asked = {.range = range, .event = span_str(event)};
    JSON_AUTO reply = NULL;
    struct err err = {0};
    if (prop_names_run(&env, bed_policy(b, site), &asked, &reply, &err) < 0)
        fail_msg("%s", err.text);
    JSON_AUTO rows = json_array();
    size_t i;
    json_t *row;
    json_array_foreach (json_member(reply, "results"), i, row)
        json_array_append_new(rows,
                              json_pack("[OOO]", json_member(row, "name"),
                                        json_member(row, "visitors"), json_member(row, "events")));
    CLEANUP(free_charp) char *text = json_dumps(rows, JSON_COMPACT);
    CLEANUP(free_charp) char *quoted = requoted(expected);
    assert_string_equal(text, quoted);
}

static void all_names(struct bed *b) {
    expect_names(b, SITE, "", "[['url',3,5],['plan',2,2],['" ODD "',1,1]]");
    expect_names(b, SITE, "Signup", "[['" ODD "',1,1],['plan',1,1]]");
    expect_names(b, SITE, "Nothing", "[]");
}

static void of_hot_rows(void **state) {
    (void)state;
    struct bed *b = bed_open();
    set_the_scene(b);
    all_answers(b);
    all_names(b);
    expect_member(b, SITE, "{'metrics':['visits'],'dimensions':['event:props:plan']," DAY "}",
                  "query", "dimensions", "['event:props:plan']");
    expect_member(b, SITE,
                  "{'metrics':['visits'],'dimensions':['event:props:plan'],"
                  "'order_by':[['event:props:plan','desc']]," DAY "}",
                  "query", "order_by", "[['event:props:plan','desc']]");
    bed_close(b);
}

/* With the cells built and the roll-ups there: neither knows properties. */
static void of_sealed_rows(void **state) {
    (void)state;
    struct bed *b = bed_open();
    set_the_scene(b);
    bed_seal(b, SITE, monday());
    bed_publish(b);
    bed_build_cells(b, INT32_MAX);
    all_answers(b);
    all_names(b);
    expect_member(b, SITE, "{'metrics':['visits'],'dimensions':['event:props:plan']," DAY "}",
                  "meta", "levels", "['sealed','hot']");
    bed_close(b);
}

/* A day that is over and one that goes on; beside them the week before. */
static void of_both_and_compared(void **state) {
    (void)state;
    struct bed *b = bed_open();
    set_the_scene(b);
    bed_seal(b, SITE, monday());
    bed_publish(b);
    struct event next = local_event(b, monday() + 1, 9, 0, 1, EVENT_PAGEVIEW, "/");
    next.props = SPAN_LIT("{\"plan\":\"pro\"}");
    bed_apply(b, &next, 1);
    expect(b,
           "{'metrics':['visitors','events'],'dimensions':['event:props:plan'],"
           "'filters':[['contains','event:props:plan',['p','P']]],"
           "'date_range':['2026-05-04','2026-05-05']}",
           "[['pro',2,2],['Pro',1,1]]");
    expect_member(b, SITE,
                  "{'metrics':['visitors'],'dimensions':['event:props:plan'],"
                  "'filters':[['is','event:props:plan',['pro','Pro']]],"
                  "'date_range':['2026-05-05','2026-05-05'],"
                  "'include':{'compare':'previous_period'}}",
                  "results", NULL,
                  "[{'metrics':[1],'dimensions':['pro'],'comparison':{'metrics':[1],'change':[0],"
                  "'dimensions':['pro']}}]");
    expect_names(b, SITE, "", "[['url',3,5],['plan',3,3],['" ODD "',1,1]]");
    bed_close(b);
}

static void expect_error(struct bed *b, uint32_t site, const char *query, const char *error) {
    CLEANUP(free_charp) char *whole = NULL;
    assert_true(asprintf(&whole, "{%s," DAY "}", query) > 0);
    CLEANUP(free_charp) char *text = requoted(whole);
    json_t *reply = NULL;
    struct err err = {0};
    int r = run_text(b, site, text, &reply, &err);
    if (r != ERR_INVALID || strcmp(err.text, error) != 0)
        fail_msg("%s\n  expected %s\n  got %d    %s", query, error, r, err.text);
}

static void names_are_checked(void **state) {
    (void)state;
    struct bed *b = bed_open();
    static const struct {
        const char *query, *error;
    } wrong[] = {
        {"'metrics':['visits'],'dimensions':['event:props:']",
         "dimensions: event:props: needs the name of a property"},
        {"'metrics':['visits'],'filters':[['is','event:props:',['x']]]",
         "filters: event:props: needs the name of a property"},
        {"'metrics':['visits'],'dimensions':['event:props']", "dimensions: unknown dimension"},
        {"'metrics':['visits'],'dimensions':['visit:props:plan']", "dimensions: unknown dimension"},
        {"'metrics':['visits'],'dimensions':['event:props:a','event:props:b','event:props:a']",
         "dimensions: event:props: is listed twice"},
        {"'metrics':['visits'],'dimensions':['event:props:a'],'order_by':[['event:props:b','asc']]",
         "order_by: event:props: is not among the dimensions"},
        {"'metrics':['time_on_page'],'dimensions':['event:page','event:props:a']",
         "metrics: time_on_page does not go with event:props:; has_done does"},
        {"'metrics':['visits'],'filters':[['matches','event:props:plan',['(']]]",
         "filters: matches on event:props:: not a regular expression of RE2"},
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        expect_error(b, SITE, wrong[i].query, wrong[i].error);
    char name[302], query[400];
    memset(name, 'x', sizeof name);
    name[301] = 0;
    (void)snprintf(query, sizeof query, "'metrics':['visits'],'dimensions':['event:props:%s']",
                   name);
    expect_error(b, SITE, query, "dimensions: the name of a property is longer than 300 bytes");
    name[300] = 0;
    (void)snprintf(query, sizeof query,
                   "{'metrics':['visits'],'dimensions':['event:props:%s']," DAY "}", name);
    expect(b, query, "[]");
    bed_close(b);
}

/* Six people say a, two say b. */
static void add_plans(struct bed *b, uint32_t site) {
    struct event list[8];
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        list[i] = local_event(b, monday(), 9, (int)i, i + 1, EVENT_PAGEVIEW, "/");
        list[i].site = site;
        list[i].props = i < 6 ? SPAN_LIT("{\"plan\":\"a\"}") : SPAN_LIT("{\"once\":\"b\"}");
    }
    bed_apply(b, list, ARRAY_LEN(list));
}

static void profiles_hide_them(void **state) {
    (void)state;
    struct bed *b = bed_open();
    add_plans(b, FRUGAL_SITE);
    /* Few are folded without any filter as well: a property may be free text. */
    const char *query = "{'metrics':['events'],'dimensions':['event:props:plan']," DAY "}";
    expect_for(b, FRUGAL_SITE, query, "[['a',6]]");
    expect_member(b, FRUGAL_SITE, query, "meta", "hidden_below", "5");
    /* The name of the event that has it tells no more; a second property does. */
    const char *named = "{'metrics':['events'],'dimensions':['event:props:plan'],"
                        "'filters':[['is','event:name',['pageview']]]," DAY "}";
    expect_for(b, FRUGAL_SITE, named, "[['a',6]]");
    expect_for(b, FRUGAL_SITE,
               "{'metrics':['events'],'dimensions':['event:props:plan','event:props:once']," DAY
               "}",
               "[['a','(none)',5]]");
    expect_names(b, FRUGAL_SITE, "", "[['plan',6,6]]");
    expect_error(b, CNIL_SITE, "'metrics':['visits'],'dimensions':['event:props:plan']",
                 "dimensions: the site's profile, cnil, keeps no properties");
    expect_error(b, CNIL_SITE,
                 "'metrics':['visits'],'filters':[['not',['has_done',['is','event:props:plan',"
                 "['a']]]]]",
                 "filters: the site's profile, cnil, keeps no properties");
    bed_close(b);
}

static void lists_of_names_are_checked(void **state) {
    (void)state;
    struct bed *b = bed_open();
    struct query_env env = {.store = b->store, .clock = &b->clock.clock, .timeout_ms = 20000};
    JSON_AUTO day = json_string("day");
    JSON_AUTO no_day = json_string("tomorrow");
    const struct {
        uint32_t site;
        struct prop_names_asked asked;
        const char *error;
    } wrong[] = {
        {CNIL_SITE, {.range = day}, "site_id: the site's profile, cnil, keeps no properties"},
        {SITE, {.range = NULL}, "date_range: is required"},
        {SITE,
         {.range = day, .event = SPAN_LIT("\xff")},
         "event: must be UTF-8, of at most 2000 bytes"},
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        json_t *reply = NULL;
        struct err err = {0};
        assert_int_equal(
            prop_names_run(&env, bed_policy(b, wrong[i].site), &wrong[i].asked, &reply, &err),
            ERR_INVALID);
        assert_string_equal(err.text, wrong[i].error);
    }
    struct prop_names_asked asked = {.range = day, .date = no_day};
    json_t *reply = NULL;
    struct err err = {0};
    assert_int_equal(prop_names_run(&env, bed_policy(b, SITE), &asked, &reply, &err), ERR_INVALID);
    assert_memory_equal(err.text, "date:", 5);
    bed_close(b);
}

int main(void) {
    if (crypt_init() < 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_hot_rows),          cmocka_unit_test(of_sealed_rows),
        cmocka_unit_test(of_both_and_compared), cmocka_unit_test(names_are_checked),
        cmocka_unit_test(profiles_hide_them),   cmocka_unit_test(lists_of_names_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
