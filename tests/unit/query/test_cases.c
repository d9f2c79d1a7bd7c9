/* What each figure means, as a table: a few days of one site, and questions whose answers were worked
 * out by hand. Each is asked of hot rows, of sealed rows, and of whatever answers fastest. */
#include "asking.h"

#include <stdio.h>
#include <stdlib.h>

#include "crypt.h"

enum what { VIEW, SIGNUP, BUY, SEEN /* not interactive */, READ /* engagement */ };

static const struct {
    const char *when; /* in Paris; b: the second time that hour comes */
    uint64_t person;
    enum what what;
    const char *page;
    const char *campaign; /* utm_campaign of that event */
    int scroll, seconds;  /* of READ; scroll −1: not measured */
    int cents;            /* of BUY, in EUR; negative: in USD */
} events[] = {
    /* 26 October 2025: 02:30 comes twice, an hour apart: two visits. */
    {"2025-10-26 02:30", 1, VIEW, "/", "", 0, 0, 0},
    {"2025-10-26 02:30b", 1, VIEW, "/", "", 0, 0, 0},

    /* 29 March: 01:59 is followed by 03:00. 20 minutes pass, one visit of 1,200 seconds. */
    {"2026-03-29 01:50", 1, VIEW, "/", "", 0, 0, 0},
    {"2026-03-29 03:10", 1, VIEW, "/a", "", 0, 0, 0},

    /* Tuesday 5 May. The edge of a visit: p1 is silent for 30 minutes exactly, p2 a minute longer. */
    {"2026-05-05 09:00", 1, VIEW, "/", "", 0, 0, 0},
    {"2026-05-05 09:30", 1, VIEW, "/a", "", 0, 0, 0},
    {"2026-05-05 10:00", 2, VIEW, "/", "", 0, 0, 0},
    {"2026-05-05 10:31", 2, VIEW, "/a", "", 0, 0, 0},

    /* 6 May. p1 reads one page, then leaves: a bounce. p2 comes with an event first, then a view.
     * p3 sees a banner, which is no interaction: a bounce. p4 only reads: nothing. */
    {"2026-05-06 09:00", 1, VIEW, "/a", "", 0, 0, 0},
    {"2026-05-06 09:02", 1, READ, "/a", "", 40, 90, 0},
    {"2026-05-06 10:00", 2, SIGNUP, "/join", "", 0, 0, 0},
    {"2026-05-06 10:03", 2, VIEW, "/a", "", 0, 0, 0},
    {"2026-05-06 11:00", 3, VIEW, "/b", "", 0, 0, 0},
    {"2026-05-06 11:01", 3, SEEN, "/b", "", 0, 0, 0},
    {"2026-05-06 12:00", 4, READ, "/b", "", 99, 500, 0},

    /* 7 May. p1 comes from a campaign, and from another in the middle of the visit. */
    {"2026-05-07 09:00", 1, VIEW, "/", "spring", 0, 0, 0},
    {"2026-05-07 09:10", 1, VIEW, "/a", "summer", 0, 0, 0},
    /* Midnight parts p2's visit in two, of two people. */
    {"2026-05-07 23:55", 2, VIEW, "/", "", 0, 0, 0},
    {"2026-05-08 00:05", 2, VIEW, "/b", "", 0, 0, 0},

    /* 9 May. Reading: p1 twice at /a in one visit, p2 in two visits, p3 not measured; p1 also /b. */
    {"2026-05-09 09:00", 1, VIEW, "/a", "", 0, 0, 0},
    {"2026-05-09 09:01", 1, READ, "/a", "", 30, 20, 0},
    {"2026-05-09 09:02", 1, READ, "/a", "", 80, 40, 0},
    {"2026-05-09 09:03", 1, VIEW, "/b", "", 0, 0, 0},
    {"2026-05-09 09:04", 1, READ, "/b", "", 10, 5, 0},
    {"2026-05-09 10:00", 2, VIEW, "/a", "", 0, 0, 0},
    {"2026-05-09 10:01", 2, READ, "/a", "", 50, 30, 0},
    {"2026-05-09 12:00", 2, VIEW, "/a", "", 0, 0, 0},
    {"2026-05-09 12:01", 2, READ, "/a", "", 20, 60, 0},
    {"2026-05-09 13:00", 3, VIEW, "/a", "", 0, 0, 0},
    {"2026-05-09 13:01", 3, READ, "/a", "", -1, 10, 0},

    /* 10 May. Buying: at /shop in euros, at /shop/us in dollars. */
    {"2026-05-10 09:00", 1, VIEW, "/shop", "spring", 0, 0, 0},
    {"2026-05-10 09:01", 1, BUY, "/shop", "", 0, 0, 2990},
    {"2026-05-10 09:02", 1, BUY, "/shop", "", 0, 0, 1010},
    {"2026-05-10 10:00", 2, VIEW, "/shop/us", "", 0, 0, 0},
    {"2026-05-10 10:01", 2, BUY, "/shop/us", "", 0, 0, -500000},
};

enum { SEALED = 1, ROLLED = 2 }; /* which level the fastest answer is of; 0: cells */

#define DAY(d) "'date_range':['2026-05-" d "','2026-05-" d "']"
#define WHOLE \
    "'visitors','visits','pageviews','events','bounce_rate','visit_duration','views_per_visit'"

static const struct {
    const char *query, *expected;
    int level;
} cases[] = {
    /* p1: one visit of 1,800 s; p2: two bounces. Three visits, four views. */
    {"'metrics':[" WHOLE "]," DAY("05"), "[[2,3,4,4,67,600,1.33]]", ROLLED},
    {"'metrics':['visitors','visits','bounce_rate'],'dimensions':['visit:entry_page']," DAY("05"),
     "[['/',2,2,50],['/a',1,1,100]]", ROLLED},
    {"'metrics':['visits'],'dimensions':['visit:exit_page']," DAY("05"), "[['/a',2],['/',1]]",
     ROLLED},
    /* At /a were three: of the visits that entered there, the bounce rate. */
    {"'metrics':['visitors','visits','bounce_rate'],'dimensions':['event:page']," DAY("05"),
     "[['/',2,2,50],['/a',2,2,100]]", ROLLED},

    /* p1 and p3 bounce; p2 does not: 180 s in three visits. */
    {"'metrics':[" WHOLE "]," DAY("06"), "[[3,3,3,5,67,60,1.0]]", ROLLED},
    /* The first page that was viewed, not that of the event. */
    {"'metrics':['visits'],'dimensions':['visit:entry_page']," DAY("06"), "[['/a',2],['/b',1]]",
     ROLLED},
    {"'metrics':['visitors','bounce_rate','visit_duration'],'dimensions':['event:name']," DAY("06"),
     "[['pageview',3,67,60],['Seen',1,100,0],['Signup',1,0,180]]", ROLLED},
    {"'metrics':['visits'],'filters':[['has_done',['is','event:name',['Signup']]]]," DAY("06"),
     "[[1]]", SEALED},
    {"'metrics':['pageviews'],'filters':[['is','event:name',['Signup']]]," DAY("06"), "[[0]]",
     ROLLED},
    {"'metrics':['events'],'filters':[['is','event:name',['Signup','Seen']]]," DAY("06"), "[[2]]",
     SEALED},
    /* p1's 90 seconds; who reads without a visit is not counted. */
    {"'metrics':['time_on_page','scroll_depth'],'dimensions':['event:page']," DAY("06"),
     "[['/a',90,40],['/b',null,null],['/join',null,null]]", ROLLED},

    /* One visit, of the first campaign. */
    {"'metrics':['visits','pageviews'],'dimensions':['visit:utm_campaign']," DAY("07"),
     "[['(not set)',1,1],['spring',1,2]]", ROLLED},
    {"'metrics':['visits','pageviews'],'filters':[['is','visit:utm_campaign',['spring','x']]]," DAY(
         "07"),
     "[[1,2]]", 0},
    {"'metrics':['visits'],'filters':[['is','visit:utm_campaign',['summer']]]," DAY("07"), "[[0]]",
     ROLLED},
    {"'metrics':[" WHOLE "],'dimensions':['time:day'],'date_range':['2026-05-07','2026-05-08']",
     "[['2026-05-07',2,2,3,3,50,300,1.5],['2026-05-08',1,1,1,1,100,0,1.0]]", ROLLED},
    {"'metrics':['visitors','visits','bounce_rate'],'date_range':['2026-05-07','2026-05-08']",
     "[[3,3,67]]", ROLLED},

    /* /a: 20+40+30+60+10 s in four visits; the deepest are 80, 50, 20 and unknown. */
    {"'metrics':['time_on_page','scroll_depth'],'dimensions':['event:page']," DAY("09"),
     "[['/a',40,50],['/b',5,10]]", ROLLED},
    {"'metrics':['visitors','time_on_page','scroll_depth'],'filters':[['is','event:page',['/a']]]"
     "," DAY("09"),
     "[[3,40,50]]", ROLLED},
    {"'metrics':['scroll_depth'],'dimensions':['time:week'],'filters':[['is','event:page',['/a']]],"
     "'date_range':['2026-05-04','2026-05-10']",
     "[['2026-05-04',48]]", ROLLED}, /* and 40 on the 6th */
    /* Over both pages p1 read 65 s in one visit, 80 deep. */
    {"'metrics':['time_on_page','scroll_depth'],'filters':[['is','event:page',['/a','/b']]]," DAY(
         "09"),
     "[[41,50]]", SEALED},
    {"'metrics':['time_on_page'],'dimensions':['event:page'],'filters':[['has_done',['is',"
     "'event:page',['/b']]]]," DAY("09"),
     "[['/a',60],['/b',5]]", SEALED},
    {"'metrics':['time_on_page'],'dimensions':['time:hour'],'filters':[['is','event:page',['/a']]]"
     "," DAY("09"),
     "[['2026-05-09 09:00:00',60],['2026-05-09 10:00:00',30],['2026-05-09 12:00:00',60],"
     "['2026-05-09 13:00:00',10]]",
     SEALED},

    /* /a had two views, by two visits that left there; of two views of / one was the last. */
    {"'metrics':['visits','exit_rate'],'dimensions':['visit:exit_page']," DAY("05"),
     "[['/a',2,100.0],['/',1,50.0]]", SEALED},
    {"'metrics':['exit_rate'],'dimensions':['visit:exit_page'],'filters':[['is','visit:exit_page',["
     "'/']]]," DAY("05"),
     "[['/',50.0]]", SEALED},
    /* Views of those visits alone. */
    {"'metrics':['visits','exit_rate'],'dimensions':['visit:exit_page'],'filters':[['is',"
     "'visit:entry_page',['/']],['is_not','visit:exit_page',['/b']]]," DAY("05"),
     "[['/',1,50.0],['/a',1,100.0]]", SEALED},
    {"'metrics':['exit_rate','visitors'],'dimensions':['visit:exit_page','time:day'],'date_range':["
     "'2026-05-07','2026-05-08']",
     "[['/a','2026-05-07',100.0,1],['/','2026-05-07',50.0,1],['/b','2026-05-08',100.0,1]]", SEALED},

    {"'metrics':['total_revenue','average_revenue'],'filters':[['is','event:page',['/shop']]]," DAY(
         "10"),
     "[[{'value':40.0,'currency':'EUR','short':'€40.00','long':'€40.00'},"
     "{'value':20.0,'currency':'EUR','short':'€20.00','long':'€20.00'}]]",
     SEALED},
    {"'metrics':['visitors','total_revenue'],'dimensions':['event:name'],'filters':[['is',"
     "'event:page',['/shop/us']]]," DAY("10"),
     "[['Buy',1,{'value':5000.0,'currency':'USD','short':'$5.0K','long':'$5,000.00'}],"
     "['pageview',1,null]]",
     SEALED},
    {"'metrics':['events','total_revenue','average_revenue']," DAY("10"), "[[5,null,null]]",
     SEALED},
    {"'metrics':['total_revenue'],'filters':[['is','visit:utm_campaign',['spring']]]," DAY("10"),
     "[[{'value':40.0,'currency':'EUR','short':'€40.00','long':'€40.00'}]]", SEALED},
    {"'metrics':['total_revenue']," DAY("09"), "[[null]]", SEALED},

    {"'metrics':['visits','visit_duration'],'date_range':['2026-03-29','2026-03-29']", "[[1,1200]]",
     ROLLED},
    {"'metrics':['pageviews'],'dimensions':['time:hour'],'date_range':['2026-03-29','2026-03-29']",
     "[['2026-03-29 01:00:00',1],['2026-03-29 03:00:00',1]]", ROLLED},
    {"'metrics':['visitors','visits','bounce_rate'],'date_range':['2025-10-26','2025-10-26']",
     "[[1,2,100]]", ROLLED},
    {"'metrics':['visitors','visits'],'dimensions':['time:hour'],'date_range':['2025-10-26',"
     "'2025-10-26']",
     "[['2025-10-26 02:00:00',1,2]]", ROLLED},
};

static struct event event_of(struct bed *b, size_t i) {
    int year, month, day, hour, minute;
    char again = 0;
    assert_true(sscanf(events[i].when, "%d-%d-%d %d:%d%c", &year, &month, &day, &hour, &minute,
                       &again) >= 5);
    int kind = events[i].what == VIEW   ? EVENT_PAGEVIEW
               : events[i].what == READ ? EVENT_ENGAGEMENT
                                        : EVENT_CUSTOM;
    struct event e = local_event(b, day_of(year, month, day), hour, minute, events[i].person, kind,
                                 events[i].page);
    if (again)
        e = bed_event(b, SITE, e.ts_ms + 3600000, events[i].person, kind, events[i].page);
    e.interactive = kind != EVENT_ENGAGEMENT && events[i].what != SEEN;
    if (kind == EVENT_CUSTOM)
        e.name = span_str(events[i].what == SIGNUP ? "Signup"
                          : events[i].what == BUY  ? "Buy"
                                                   : "Seen");
    if (kind == EVENT_ENGAGEMENT) {
        e.engaged_ms = (uint32_t)events[i].seconds * 1000;
        e.scroll = events[i].scroll < 0 ? 255 : (uint8_t)events[i].scroll;
    }
    e.utm_campaign = span_str(events[i].campaign);
    if (events[i].what == BUY) {
        e.currency = span_str(events[i].cents < 0 ? "USD" : "EUR");
        e.revenue_milli = (int64_t)abs(events[i].cents) * 10;
    }
    return e;
}

static struct bed *fill(bool sealed) {
    struct bed *b = bed_open();
    struct event *list = calloc(ARRAY_LEN(events), sizeof *list);
    assert_non_null(list);
    for (size_t i = 0; i < ARRAY_LEN(events); i++)
        list[i] = event_of(b, i);
    bed_apply(b, list, ARRAY_LEN(events));
    b->clock.now_ms = zone_day_start_ms(bed_policy(b, SITE)->zone, day_of(2026, 5, 12));
    for (size_t i = 0; sealed && i < ARRAY_LEN(events); i++)
        if (i == 0 || list[i].day != list[i - 1].day)
            bed_seal(b, SITE, list[i].day);
    if (sealed) {
        bed_publish(b);
        bed_build_cells(b, 1000);
    }
    free(list);
    return b;
}

static void ask_all(struct bed *b, const char *const levels[3]) {
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(free_charp) char *query = NULL;
        assert_true(asprintf(&query, "{%s}", cases[i].query) > 0);
        expect(b, query, cases[i].expected);
        expect_member(b, SITE, query, "meta", "levels", levels[cases[i].level]);
    }
}

static void of_hot_rows(void **state) {
    (void)state;
    struct bed *b = fill(false);
    ask_all(b, (const char *[]){"['hot']", "['hot']", "['hot']"});
    bed_close(b);
}

static void of_sealed_rows(void **state) {
    (void)state;
    struct bed *b = fill(true);
    b->no_rollup = b->no_cells = true;
    ask_all(b, (const char *[]){"['sealed','hot']", "['sealed','hot']", "['sealed','hot']"});
    bed_close(b);
}

static void of_what_is_fastest(void **state) {
    (void)state;
    struct bed *b = fill(true);
    ask_all(b, (const char *[]){"['cells','hot']", "['sealed','hot']", "['rollup','hot']"});
    bed_close(b);
}

/* Sums of different currencies are noted; profiles hide measures of a handful. */
static void measures_are_noted_and_hidden(void **state) {
    (void)state;
    struct bed *b = fill(false);
    expect_member(
        b, SITE, "{'metrics':['total_revenue','average_revenue']," DAY("10") "}", "meta",
        "metric_notes",
        "{'total_revenue':'null where currencies are mixed','average_revenue':'null where "
        "currencies are mixed'}");
    expect_member(b, SITE,
                  "{'metrics':['total_revenue'],'dimensions':['event:page']," DAY("10") "}", "meta",
                  "metric_notes", "absent");
    struct event e[20];
    int64_t t = zone_from_local_ms(bed_policy(b, CNIL_SITE)->zone, day_of(2026, 5, 4), 36000);
    for (size_t i = 0; i < 20; i++) {
        bool reads = i >= 10;
        uint32_t site = i % 10 < 5 ? CNIL_SITE : FRUGAL_SITE;
        bool rare = i % 5 == 4; /* one of five at /b, four at /a: too few at both */
        e[i] = bed_event(b, site, t + (int64_t)i * 1000, i % 10,
                         reads ? EVENT_ENGAGEMENT : EVENT_PAGEVIEW, rare ? "/b" : "/a");
        e[i].engaged_ms = reads ? 3000 : 0;
        e[i].scroll = reads ? 50 : 255;
    }
    bed_apply(b, e, 20);
    expect_for(b, CNIL_SITE,
               "{'metrics':['visitors','time_on_page','scroll_depth'],'dimensions':['event:page'],"
               "" DAY("04") "}",
               "[['/a',10,null,null],['/b',10,null,null]]");
    expect_for(b, CNIL_SITE,
               "{'metrics':['time_on_page','scroll_depth'],'filters':[['is','event:page',['/a']]],"
               "" DAY("04") "}",
               "[[null,null]]");
    expect_for(b, FRUGAL_SITE,
               "{'metrics':['time_on_page'],'dimensions':['event:page'],'filters':[['is_not',"
               "'event:page',['/x']]]," DAY("04") "}",
               "[]");
    bed_close(b);
}

static void they_need_pages(void **state) {
    (void)state;
    struct bed *b = bed_open();
    static const struct {
        const char *query, *error;
    } refused[] = {
        {"'metrics':['scroll_depth']",
         "metrics: scroll_depth needs event:page as a dimension or in filters"},
        {"'metrics':['time_on_page'],'filters':[['has_done',['is','event:page',['/']]]]",
         "metrics: time_on_page needs event:page as a dimension or in filters"},
        {"'metrics':['exit_rate']", "metrics: exit_rate needs visit:exit_page as a dimension"},
        {"'metrics':['exit_rate'],'dimensions':['visit:exit_page'],'filters':[['is','event:page',['"
         "/'"
         "]]]",
         "metrics: exit_rate does not go with events or hours; has_done does"},
        {"'metrics':['exit_rate'],'dimensions':['visit:exit_page'],'filters':[['or',[['is',"
         "'visit:exit_page',['/']],['is','visit:os',['x']]]]]",
         "metrics: exit_rate needs filters on visit:exit_page beside the others"},
        {"'metrics':['time_on_page'],'dimensions':['event:page','event:name']",
         "metrics: time_on_page does not go with event:name; has_done does"},
    };
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        CLEANUP(free_charp) char *query = NULL;
        assert_true(asprintf(&query, "{%s,'date_range':'day'}", refused[i].query) > 0);
        CLEANUP(free_charp) char *text = requoted(query);
        json_t *reply = NULL;
        struct err err = {0};
        assert_int_equal(run_text(b, SITE, text, &reply, &err), ERR_INVALID);
        assert_string_equal(err.text, refused[i].error);
    }
    bed_close(b);
}

int main(void) {
    if (crypt_init() < 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_hot_rows),        cmocka_unit_test(of_sealed_rows),
        cmocka_unit_test(of_what_is_fastest), cmocka_unit_test(measures_are_noted_and_hidden),
        cmocka_unit_test(they_need_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
