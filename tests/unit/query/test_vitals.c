/* Web vitals: the nearest rank of three in four, by hand and against a sorted list, over hot rows, sealed
 * ones, a month of both and everything mixed. */
#include <stdio.h>
#include <stdlib.h>

#include "asking.h"

static struct event vital(struct bed *b, int32_t day, int minute, uint64_t person, const char *page,
                          uint32_t lcp_ms, uint32_t inp_ms, uint32_t cls_milli) {
    struct event e = local_event(b, day, 10, minute, person, EVENT_VITALS, page);
    e.name = SPAN_LIT("vitals");
    e.interactive = 0;
    e.lcp_ms = lcp_ms;
    e.inp_ms = inp_ms;
    e.cls_milli = cls_milli; /* and 1 */
    return e;
}

/* A page view of `person` on a device, and what was measured. */
static void visit(struct bed *b, uint32_t site, int32_t day, uint64_t person, const char *device,
                  const char *page, uint32_t lcp_ms, uint32_t inp_ms, uint32_t cls_milli) {
    struct event e[] = {local_event(b, day, 10, 0, person, EVENT_PAGEVIEW, page),
                        vital(b, day, 5, person, page, lcp_ms, inp_ms, cls_milli)};
    for (size_t i = 0; i < ARRAY_LEN(e); i++) {
        e[i].site = site;
        e[i].device = span_str(device);
    }
    bed_apply(b, e, ARRAY_LEN(e));
}

#define MARCH_2 "'date_range':['2026-03-02','2026-03-02']"
#define MARCH "'date_range':['2026-03-01','2026-03-31']"

static void fill_day(struct bed *b, uint32_t site, int32_t day) {
    /* LCP in order 100 … 800: of eight the sixth, ceil(8 × 3 / 4), of five the fourth */
    static const uint32_t lcp[] = {800, 100, 700, 200, 600, 300, 500, 400};
    for (uint64_t i = 0; i < ARRAY_LEN(lcp); i++)
        visit(b, site, day, i + 1, i < 5 ? "Mobile" : "Desktop", i < 2 ? "/a" : "/b", lcp[i],
              i == 7 ? 0 : (uint32_t)(i + 1) * 10, (uint32_t)i + 1);
}

static void figures(struct bed *b) {
    expect(b, "{'site_id':1,'metrics':['vitals','lcp','inp','cls']," MARCH_2 "}",
           "[[8,600,60,0.005]]");
    /* seven have an INP: of 10 … 70 the sixth */
    expect(b, "{'site_id':1,'metrics':['lcp'],'dimensions':['visit:device']," MARCH_2 "}",
           "[['Mobile',700],['Desktop',500]]");
    expect(b,
           "{'site_id':1,'metrics':['vitals','lcp','cls'],'dimensions':['event:page']," MARCH_2
           ",'order_by':[['vitals','desc']]}",
           "[['/b',6,600,0.006],['/a',2,800,0.001]]");
    expect(b,
           "{'site_id':1,'metrics':['lcp']," MARCH_2 ",'filters':[['is','event:page',['/b']],"
           "['is','visit:device',['Mobile']]]}",
           "[[700]]");
    expect(b, "{'site_id':1,'metrics':['inp'],'dimensions':['time:hour']," MARCH_2 "}",
           "[['2026-03-02 10:00:00',60]]");
    expect(b, "{'site_id':1,'metrics':['vitals','lcp'],'dimensions':['time:week']," MARCH "}",
           "[['2026-03-02',8,600]]");
    expect(b,
           "{'site_id':1,'metrics':['lcp']," MARCH_2
           ",'filters':[['has_done',['is','event:page',['/a']]]]}",
           "[[800]]");
    /* beside other figures all rows stay, with null where nothing was measured */
    expect(b,
           "{'site_id':1,'metrics':['visitors','pageviews','lcp','bounce_rate'],'dimensions':"
           "['event:page']," MARCH_2 "}",
           "[['/b',6,6,600,100],['/a',2,2,800,100],['/c',1,1,null,100]]");
    expect(b,
           "{'site_id':1,'metrics':['lcp','vitals'],'dimensions':['visit:entry_page']," MARCH_2
           ",'filters':[['is','visit:entry_page',['/a']]]}",
           "[['/a',800,2]]");
    expect(b, "{'site_id':1,'metrics':['vitals','lcp'],'date_range':['2026-04-01','2026-04-02']}",
           "[[0,null]]");
}

/* Nothing else sees them. */
static void counted_nowhere(struct bed *b) {
    expect(b,
           "{'site_id':1,'metrics':['visitors','visits','pageviews','events','bounce_rate',"
           "'visit_duration']," MARCH_2 "}",
           "[[9,9,9,9,100,0]]");
    expect(b, "{'site_id':1,'metrics':['events'],'dimensions':['event:name']," MARCH_2 "}",
           "[['pageview',9]]");
    b->no_rollup = b->no_cells = true;
    expect(b,
           "{'site_id':1,'metrics':['pageviews','events'],'dimensions':['event:page']," MARCH "}",
           "[['/b',6,6],['/a',3,3],['/c',1,1]]");
    b->no_rollup = b->no_cells = false;
}

static void by_hand(void **state) {
    (void)state;
    struct bed *b = bed_open();
    int32_t day = day_of(2026, 3, 2);
    /* a day without any, sealed as before there were web vitals */
    struct event before = local_event(b, day - 1, 10, 0, 1, EVENT_PAGEVIEW, "/a");
    bed_apply(b, &before, 1);
    fill_day(b, SITE, day);
    struct event unmeasured = local_event(b, day, 11, 0, 20, EVENT_PAGEVIEW, "/c");
    bed_apply(b, &unmeasured, 1);
    figures(b);
    counted_nowhere(b);
    bed_seal(b, SITE, day - 1);
    bed_publish(b);
    figures(b); /* hot beside a sealed day without such columns */
    bed_seal(b, SITE, day);
    bed_publish(b);
    figures(b);
    counted_nowhere(b);
    bed_compact(b, SITE, day);
    bed_build_cells(b, 10);
    figures(b);
    counted_nowhere(b);
    bed_close(b);
}

static void without_a_visit_they_are_dropped(void **state) {
    (void)state;
    struct bed *b = bed_open();
    int32_t day = day_of(2026, 3, 2);
    struct event e[] = {
        vital(b, day, 0, 1, "/a", 100, 10, 1), local_event(b, day, 10, 1, 1, EVENT_PAGEVIEW, "/a"),
        vital(b, day, 30, 1, "/a", 200, 10, 1),
        vital(b, day, 32, 1, "/a", 300, 10, 1)}; /* 31 minutes after the last event */
    bed_apply(b, e, ARRAY_LEN(e));
    expect(b, "{'site_id':1,'metrics':['vitals','lcp','visits','visit_duration']," MARCH_2 "}",
           "[[1,200,1,0]]");
    bed_close(b);
}

static void few_are_not_told_by_the_exempt_profiles(void **state) {
    (void)state;
    struct bed *b = bed_open();
    int32_t day = day_of(2026, 3, 2);
    static const uint32_t sites[] = {CNIL_SITE, FRUGAL_SITE, OTHER_SITE};
    for (size_t s = 0; s < ARRAY_LEN(sites); s++) {
        uint64_t enough = sites[s] == CNIL_SITE ? 10 : 5;
        for (uint64_t i = 0; i < enough; i++)
            visit(b, sites[s], day, i + 1, "Mobile", "/a", 100, i + 1 < enough ? 10 : 0, 1);
        char query[200];
        (void)snprintf(query, sizeof query,
                       "{'site_id':%u,'metrics':['lcp','inp','cls']," MARCH_2 "}", sites[s]);
        expect_for(b, sites[s], query,
                   sites[s] == OTHER_SITE ? "[[100,10,0.0]]" : "[[100,null,0.0]]");
    }
    bed_close(b);
}

static void names_do_not_go_with_them(void **state) {
    (void)state;
    struct bed *b = bed_open();
    static const char *const metrics[] = {"vitals", "lcp", "inp", "cls"};
    for (size_t i = 0; i < ARRAY_LEN(metrics); i++) {
        char query[200], want[200];
        (void)snprintf(query, sizeof query,
                       "{\"site_id\":1,\"metrics\":[\"%s\"],\"date_range\":\"day\","
                       "\"dimensions\":[\"event:name\"]}",
                       metrics[i]);
        (void)snprintf(want, sizeof want, "metrics: %s does not go with event:name; has_done does",
                       metrics[i]);
        json_t *reply = NULL;
        struct err err = {0};
        assert_int_equal(run_text(b, SITE, query, &reply, &err), ERR_INVALID);
        assert_string_equal(err.text, want);
    }
    bed_close(b);
}

static int by_size(const void *a, const void *b) {
    const uint32_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Any number of measurements, against the list in order. */
static void ranks(void **state) {
    (void)state;
    struct bed *b = bed_open();
    uint32_t lcp[41];
    unsigned seed = 20261124;
    int32_t day = day_of(2026, 3, 2);
    for (size_t n = 1; n <= ARRAY_LEN(lcp); n++) {
        lcp[n - 1] = 1 + (uint32_t)rand_r(&seed) % 5000;
        visit(b, SITE, day, n, "Mobile", "/a", lcp[n - 1], 0, 0);
        uint32_t sorted[ARRAY_LEN(lcp)];
        memcpy(sorted, lcp, sizeof lcp);
        qsort(sorted, n, sizeof *sorted, by_size);
        char want[60];
        (void)snprintf(want, sizeof want, "[[%zu,%u,null,null]]", n, sorted[(n * 3 + 3) / 4 - 1]);
        expect(b, "{'site_id':1,'metrics':['vitals','lcp','inp','cls']," MARCH_2 "}", want);
    }
    bed_close(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_hand),
        cmocka_unit_test(without_a_visit_they_are_dropped),
        cmocka_unit_test(few_are_not_told_by_the_exempt_profiles),
        cmocka_unit_test(names_do_not_go_with_them),
        cmocka_unit_test(ranks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
