/* Consolidated views: the figures of several sites added up.
 *
 * The differential half asks a view of three sites in two zones random questions, and compares with the
 * model over the same events as if they were of one site whose persons are those of all three. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "asking.h"
#include "crypt.h"
#include "many_beds.h"
#include "query_view.h"
#include "rounds.h"

enum { EVENTS = 1000, QUERIES = ROUNDS(25, 8) };

static const uint32_t three[] = {SITE, OTHER_SITE, HONG_KONG_SITE};

static int view_json(struct bed *b, const uint32_t *sites, size_t count, const json_t *request,
                     json_t **ret, struct err *err) {
    const struct policy *list[8];
    assert_true(count <= ARRAY_LEN(list));
    for (size_t i = 0; i < count; i++)
        list[i] = bed_policy(b, sites[i]);
    struct query_env env = {.store = b->store,
                            .clock = &b->clock.clock,
                            .timeout_ms = 20000,
                            .no_rollup = b->no_rollup,
                            .no_cells = b->no_cells};
    struct query_view v = {SPAN_LIT("group"), list, count};
    return query_run_view(&env, &v, request, ret, err);
}

/* --- against the model --------------------------------------------------------------------------
 */

/* Persons of two sites are never one. */
static void as_one_site(struct model *m, const struct many_beds *beds, struct event *events) {
    memcpy(events, beds->events, beds->count * sizeof *events);
    for (size_t i = 0; i < beds->count; i++) {
        events[i].visitor = events[i].visitor * 8 + events[i].site;
        events[i].site = SITE;
    }
    model_build(m, events, beds->count);
}

static bool by_time(const json_t *request) {
    size_t i;
    json_t *word;
    json_array_foreach (json_member(request, "dimensions"), i, word)
        if (strncmp(json_string_value(word), "time", 4) == 0)
            return true;
    return false;
}

static void one_question(struct many_beds *beds, const struct model *m) {
    struct random_query q;
    random_query_make(beds->beds[BED_HOT], &q);
    many_beds_set_clock(beds, beds->beds[BED_HOT]->clock.now_ms);
    q.site = SITE;
    /* Moments are other times by each clock, and so is what is put beside them. */
    bool by_place = q.compares && q.range.by_ts && by_time(q.request);
    for (size_t i = 0; !by_place && i < BEDS; i++) {
        struct bed *b = beds->beds[i];
        b->no_rollup = dice(3) == 0;
        b->no_cells = dice(3) == 0;
        JSON_AUTO reply = NULL;
        struct err err = {0};
        if (view_json(b, three, 3, q.request, &reply, &err) < 0)
            fail_msg("%s: %s\n%s", many_beds_names[i], err.text,
                     json_dumps(q.request, JSON_COMPACT));
        random_query_compare(&q, m, reply, many_beds_names[i]);
    }
    random_query_release(&q);
}

static void a_view_is_the_sum_of_its_sites(void **state) {
    (void)state;
    random_seed();
    struct many_beds beds;
    many_beds_open(&beds, EVENTS);
    bed_build_cells(beds.beds[BED_SEALED], (int)beds.beds[BED_SEALED]->part_count - 2);
    bed_build_cells(beds.beds[BED_MIXED], INT_MAX);
    bed_build_cells(beds.beds[BED_COMPACTED], INT_MAX);
    struct event *events = calloc(EVENTS, sizeof *events);
    assert_non_null(events);
    struct model m;
    as_one_site(&m, &beds, events);
    const char *given = getenv("QUERY_COUNT");
    for (int i = given ? atoi(given) : QUERIES; i > 0; i--)
        one_question(&beds, &m);
    model_release(&m);
    free(events);
    many_beds_close(&beds);
}

/* --- by hand ------------------------------------------------------------------------------------
 */

static struct bed *bed;

static void rows_of(const json_t *reply, char *out, size_t size) {
    JSON_AUTO rows = json_array();
    size_t i;
    json_t *row;
    json_array_foreach (json_member(reply, "results"), i, row) {
        json_t *flat = json_array();
        json_array_extend(flat, json_member(row, "dimensions"));
        json_array_extend(flat, json_member(row, "metrics"));
        json_t *comparison = json_member(row, "comparison");
        if (comparison)
            json_array_extend(flat, json_member(comparison, "metrics"));
        json_array_append_new(rows, flat);
    }
    CLEANUP(free_charp) char *text = json_dumps(rows, JSON_COMPACT | JSON_REAL_PRECISION(6));
    for (char *p = text; *p; p++)
        *p = *p == '"' ? '\'' : *p;
    (void)snprintf(out, size, "%s", text);
}

static json_t *ask_view(const uint32_t *sites, size_t count, const char *query) {
    CLEANUP(free_charp) char *quoted = requoted(query);
    JSON_AUTO request = json_loads(quoted, 0, NULL);
    json_t *reply = NULL;
    struct err err = {0};
    assert_non_null(request);
    if (view_json(bed, sites, count, request, &reply, &err) < 0)
        fail_msg("%s: %s", query, err.text);
    return reply;
}

static void expect_view(const uint32_t *sites, size_t count, const char *query,
                        const char *expected) {
    JSON_AUTO reply = ask_view(sites, count, query);
    char rows[2000];
    rows_of(reply, rows, sizeof rows);
    if (strcmp(rows, expected) != 0)
        fail_msg("%s\n  expected %s\n  got      %s", query, expected, rows);
}

static void refuse_view(const char *query, const char *text) {
    CLEANUP(free_charp) char *quoted = requoted(query);
    JSON_AUTO request = json_loads(quoted, 0, NULL);
    json_t *reply = NULL;
    struct err err = {0};
    assert_non_null(request);
    assert_int_equal(view_json(bed, three, 3, request, &reply, &err), ERR_INVALID);
    assert_string_equal(err.text, text);
}

static void view_at(uint32_t site, int32_t day, int hour, uint64_t person, const char *page) {
    int64_t ts = zone_from_local_ms(bed_policy(bed, site)->zone, day, hour * 3600);
    struct event e = bed_event(bed, site, ts, person, EVENT_PAGEVIEW, page);
    bed_apply(bed, &e, 1);
}

/* Persons 1 and 2 at SITE, 1 at OTHER_SITE (another person there), 1 in Hong Kong, all on 10 May by their
 * site's clock; two of them on the day before. Now it is 10 May in Paris, 11 May in Hong Kong. */
static int up(void **state) {
    (void)state;
    bed = bed_open();
    int32_t day = day_of(2026, 5, 10);
    view_at(SITE, day - 1, 9, 1, "/");
    view_at(OTHER_SITE, day - 1, 9, 1, "/");
    view_at(SITE, day, 9, 1, "/");
    view_at(SITE, day, 9, 1, "/a");
    view_at(SITE, day, 10, 2, "/");
    view_at(OTHER_SITE, day, 9, 1, "/a");
    view_at(HONG_KONG_SITE, day, 8, 1, "/");
    bed->clock.now_ms = zone_from_local_ms(bed_policy(bed, SITE)->zone, day, 20 * 3600);
    return 0;
}

static int down(void **state) {
    (void)state;
    bed_close(bed);
    return 0;
}

static void nobody_is_joined_across(void **state) {
    (void)state;
    expect_view(three, 3,
                "{'metrics':['visitors','visits','pageviews','views_per_visit','bounce_rate'],"
                "'date_range':['2026-05-10','2026-05-10']}",
                "[[4,4,5,1.25,75]]");
    JSON_AUTO reply =
        ask_view(three, 3, "{'metrics':['visitors'],'date_range':['2026-05-10','2026-05-10']}");
    assert_string_equal(json_string_value(json_member(
                            json_member(json_member(reply, "meta"), "metric_notes"), "visitors")),
                        "visitors of each site, added up");
    assert_string_equal(json_string_value(json_member(json_member(reply, "query"), "site_id")),
                        "view:group");
}

static void values_are_added_up_and_paged_after(void **state) {
    (void)state;
    expect_view(three, 3,
                "{'metrics':['visitors','percentage'],'date_range':['2026-05-10','2026-05-10'],"
                "'dimensions':['event:page']}",
                "[['/',3,75.0],['/a',2,50.0]]");
    JSON_AUTO reply = ask_view(three, 3,
                               "{'metrics':['visitors'],'date_range':['2026-05-10','2026-05-10'],"
                               "'dimensions':['event:page'],'include':{'total_rows':true},"
                               "'pagination':{'limit':1,'offset':1}}");
    char rows[200];
    rows_of(reply, rows, sizeof rows);
    assert_string_equal(rows, "[['/a',2]]");
    assert_int_equal(json_integer_value(json_member(json_member(reply, "meta"), "total_rows")), 2);
}

static void sites_are_told_apart(void **state) {
    (void)state;
    expect_view(three, 3,
                "{'metrics':['visitors'],'date_range':['2026-05-09','2026-05-10'],"
                "'dimensions':['visit:site']}",
                "[['example.com',3],['other.example',2],['hk.example',1]]");
    expect_view(three, 3,
                "{'metrics':['visitors','pageviews'],'date_range':['2026-05-10','2026-05-10'],"
                "'dimensions':['event:page','visit:site'],'order_by':[['visit:site','asc']]}",
                "[['/','example.com',2,2],['/a','example.com',1,1],['/','hk.example',1,1],"
                "['/a','other.example',1,1]]");
    expect_view(three, 3,
                "{'metrics':['visitors'],'date_range':['2026-05-09','2026-05-10'],"
                "'filters':[['is_not','visit:site',['example.com']],['is','event:page',['/']]]}",
                "[[2]]");
    expect_view(three, 3,
                "{'metrics':['visitors'],'date_range':['2026-05-09','2026-05-10'],"
                "'filters':[['is','visit:site',['example.com','hk.example']]]}",
                "[[4]]");
    expect_view(three, 3,
                "{'metrics':['visitors'],'date_range':'all',"
                "'filters':[['is','visit:site',['elsewhere.example']]]}",
                "[[0]]");
    expect_for(bed, SITE, "{'metrics':['visitors'],'date_range':'all','dimensions':['visit:site']}",
               "[['example.com',3]]");
}

static void each_site_has_its_own_today(void **state) {
    (void)state;
    int64_t noon = bed->clock.now_ms;
    view_at(HONG_KONG_SITE, day_of(2026, 5, 11), 1, 7, "/late"); /* 19:00 on 10 May in Paris */
    bed->clock.now_ms = noon;
    expect_view(three, 3, "{'metrics':['visitors'],'date_range':'day'}", "[[4]]");
    JSON_AUTO reply = ask_view(three, 3,
                               "{'metrics':['visitors'],'date_range':'day',"
                               "'dimensions':['time:day'],'include':{'time_labels':true}}");
    char rows[200];
    rows_of(reply, rows, sizeof rows);
    assert_string_equal(rows, "[['2026-05-10',3],['2026-05-11',1]]");
    assert_int_equal(json_array_size(json_member(json_member(reply, "meta"), "time_labels")), 2);
    /* The day before is 9 May in Paris, and 10 May in Hong Kong: by place it is one label. */
    expect_view(three, 3,
                "{'metrics':['visitors'],'date_range':'day',"
                "'include':{'compare':'previous_period'}}",
                "[[4,3]]");
    /* An event at 09:00 is at 09:00 wherever its site is. */
    expect_view(three, 3,
                "{'metrics':['visitors'],'date_range':['2026-05-10','2026-05-10'],"
                "'dimensions':['time:hour']}",
                "[['2026-05-10 08:00:00',1],['2026-05-10 09:00:00',2],"
                "['2026-05-10 10:00:00',1]]");
}

static void all_begins_with_the_first_of_any(void **state) {
    (void)state;
    view_at(HONG_KONG_SITE, day_of(2025, 12, 1), 9, 1, "/");
    expect_view(three, 3, "{'metrics':['visitors'],'date_range':'all','dimensions':['time']}",
                "[['2025-12-01',1],['2026-05-01',6]]");
}

static void of_nobody_there_is_nothing(void **state) {
    (void)state;
    expect_view(three, 0,
                "{'metrics':['visitors','visits','pageviews','bounce_rate','views_per_visit'],"
                "'date_range':'all'}",
                "[[0,0,0,0,0.0]]");
    expect_view(three, 0, "{'metrics':['visitors'],'date_range':'28d','dimensions':['event:page']}",
                "[]");
}

static void what_a_view_refuses(void **state) {
    (void)state;
    static const char own[] =
        "filters: visit:site takes is and is_not, as a filter of its own of a view";
    refuse_view("{'metrics':['visitors'],'date_range':'day',"
                "'filters':[['contains','visit:site',['example']]]}",
                "filters: visit:site takes is and is_not, and a list of domains");
    refuse_view("{'metrics':['visitors'],'date_range':'day',"
                "'filters':[['is','visit:site',[]]]}",
                "filters: visit:site takes is and is_not, and a list of domains");
    refuse_view("{'metrics':['visitors'],'date_range':'day','filters':"
                "[['or',[['is','visit:site',['example.com']],['is','event:page',['/']]]]]}",
                own);
    refuse_view("{'metrics':['visitors'],'date_range':'day',"
                "'filters':[['is','segment',['Blog']]]}",
                "filters: no segment can be named here");
    refuse_view("[]", "query: must be an object");
    refuse_view("{'metrics':['visitors'],'date_range':'never'}", "date_range: unknown range");
}

/* --- goals --------------------------------------------------------------------------------------
 */

/* A view of copies of the policies, with these goals. */
static void expect_goals(const struct policy_goal *of_site, const struct policy_goal *of_other,
                         const char *query, const char *expected) {
    struct policy site = *bed_policy(bed, SITE), other = *bed_policy(bed, OTHER_SITE),
                  hk = *bed_policy(bed, HONG_KONG_SITE);
    site.goals = of_site;
    site.goal_count = of_site ? 1 : 0;
    other.goals = of_other;
    other.goal_count = of_other ? 1 : 0;
    const struct policy *list[] = {&site, &other, &hk};
    struct query_env env = {.store = bed->store, .clock = &bed->clock.clock, .timeout_ms = 20000};
    struct query_view v = {SPAN_LIT("group"), list, 3};
    CLEANUP(free_charp) char *quoted = requoted(query);
    JSON_AUTO request = json_loads(quoted, 0, NULL);
    JSON_AUTO reply = NULL;
    struct err err = {0};
    char rows[1000];
    if (query_run_view(&env, &v, request, &reply, &err) < 0)
        (void)snprintf(rows, sizeof rows, "%s", err.text);
    else
        rows_of(reply, rows, sizeof rows);
    if (strcmp(rows, expected) != 0)
        fail_msg("%s\n  expected %s\n  got      %s", query, expected, rows);
}

#define RANGE "'date_range':['2026-05-10','2026-05-10']"

static void goals_are_added_up_by_name(void **state) {
    (void)state;
    struct policy_goal home = {
        .name = SPAN_LIT("Reached"), .kind = GOAL_PAGE, .page = SPAN_LIT("/")};
    struct policy_goal a = {.name = SPAN_LIT("Reached"), .kind = GOAL_PAGE, .page = SPAN_LIT("/a")};
    struct policy_goal rest = {.name = SPAN_LIT("Else"), .kind = GOAL_PAGE, .page = SPAN_LIT("/a")};
    struct policy_goal long_ = {.name = SPAN_LIT("Reached"), .kind = GOAL_ENGAGEMENT, .least = 5};
    static const char by_goal[] =
        "{'metrics':['visitors','conversion_rate'],'dimensions':['event:goal']," RANGE "}";
    /* Hong Kong's visitor of "/" is none: that site has no such goal; of the rate it is one of four. */
    expect_goals(&home, &a, by_goal, "[['Reached',3,75.0]]");
    expect_goals(&home, &rest, by_goal, "[['Reached',2,50.0],['Else',1,25.0]]");
    expect_goals(NULL, NULL, by_goal, "[]");
    expect_goals(&home, &rest,
                 "{'metrics':['visitors','conversion_rate'],'filters':"
                 "[['is','event:goal',['Else']]]," RANGE "}",
                 "[[1,25.0]]");
    expect_goals(&home, &a,
                 "{'metrics':['visitors','group_conversion_rate'],'dimensions':['visit:site'],"
                 "'filters':[['is','event:goal',['Reached']]]," RANGE "}",
                 "[['example.com',2,100.0],['other.example',1,100.0]]");
    expect_goals(&home, &a,
                 "{'metrics':['visitors'],'filters':[['is','event:goal',['None']]]," RANGE "}",
                 "filters: event:goal: the site has no goal of that name");
    expect_goals(&home, &long_,
                 "{'metrics':['visitors'],'filters':[['is','event:goal',['Reached']]]," RANGE "}",
                 "filters: event:goal: the sites of the view reach that goal in ways that do not"
                 " add up");
}

/* --- output rules -------------------------------------------------------------------------------
 */

/* So many persons of one page at a site of each profile, from France but for the last three. */
static void crowd(uint32_t site, uint64_t persons, const char *page) {
    int64_t ts = zone_from_local_ms(bed_policy(bed, site)->zone, day_of(2026, 5, 10), 9 * 3600);
    for (uint64_t i = 0; i < persons; i++) {
        struct event e = bed_event(bed, site, ts, 1000 + i, EVENT_PAGEVIEW, page);
        e.country = i + 3 < persons ? SPAN_LIT("FR") : SPAN_LIT("ES");
        bed_apply(bed, &e, 1);
    }
}

static json_int_t first_figure(const json_t *reply) {
    return json_integer_value(json_array_get(
        json_member(json_array_get(json_member(reply, "results"), 0), "metrics"), 0));
}

/* What a site alone says under that profile; what it does not show counts as 0. */
static json_int_t alone(uint32_t site, enum profile profile, const json_t *request) {
    struct policy p = *bed_policy(bed, site);
    struct query_env env = {.store = bed->store, .clock = &bed->clock.clock, .timeout_ms = 20000};
    JSON_AUTO reply = NULL;
    struct err err = {0};
    p.profile = profile;
    if (query_run(&env, &p, request, &reply, &err) < 0)
        fail_msg("%s", err.text);
    return first_figure(reply);
}

static json_int_t together(const uint32_t *sites, size_t count, const json_t *request) {
    JSON_AUTO reply = NULL;
    struct err err = {0};
    if (view_json(bed, sites, count, request, &reply, &err) < 0)
        fail_msg("%s", err.text);
    return first_figure(reply);
}

static const char *const questions[] = {
    "{'metrics':['visitors'],'date_range':'day'}",
    "{'metrics':['visitors'],'date_range':'day','dimensions':['event:page'],'pagination':{'limit':"
    "1}}",
    "{'metrics':['visitors'],'date_range':'day','filters':[['is','visit:country',['ES']]]}",
    "{'metrics':['visitors'],'date_range':'day','filters':[['is_not','visit:country',['ES']]]}",
    "{'metrics':['visits'],'date_range':'day','filters':[['is','visit:country',['ES']],"
    "['is','event:page',['/c']]]}",
    "{'metrics':['visitors'],'date_range':'day','dimensions':['visit:country','event:page'],"
    "'filters':[['is','visit:country',['FR']]]}",
};

/* Somebody who may ask some of the sites for themselves learns nothing of the others from the view: it is
 * the sum of what each would say under the same rule. */
static void a_view_of_several_profiles_tells_no_more_than_its_sites(void **state) {
    (void)state;
    static const struct {
        uint32_t sites[3];
        size_t count;
        enum profile strictest;
    } views[] = {{{SITE, CNIL_SITE}, 2, PROFILE_CNIL},
                 {{SITE, FRUGAL_SITE}, 2, PROFILE_FRUGAL},
                 {{FRUGAL_SITE, CNIL_SITE, SITE}, 3, PROFILE_CNIL}};
    int told = 0;
    for (uint64_t persons = 2; persons < 40; persons += 6) {
        crowd(CNIL_SITE, persons, "/c");
        crowd(FRUGAL_SITE, persons / 2, "/c");
        crowd(SITE, 8, "/c");
        for (size_t v = 0; v < ARRAY_LEN(views); v++)
            for (size_t i = 0; i < ARRAY_LEN(questions); i++) {
                CLEANUP(free_charp) char *quoted = requoted(questions[i]);
                JSON_AUTO request = json_loads(quoted, 0, NULL);
                json_int_t sum = 0;
                for (size_t k = 0; k < views[v].count; k++)
                    sum += alone(views[v].sites[k], views[v].strictest, request);
                json_int_t got = together(views[v].sites, views[v].count, request);
                if (got != sum)
                    fail_msg("%s of view %zu: %lld, its sites %lld", questions[i], v,
                             (long long)got, (long long)sum);
                told += sum > 0;
            }
    }
    assert_true(told > 60);
}

/* Small sites under cnil are not ten each in the total that has no filter. */
static void rounding_is_done_once_where_all_round(void **state) {
    (void)state;
    struct policy other = *bed_policy(bed, OTHER_SITE);
    other.profile = PROFILE_CNIL;
    crowd(CNIL_SITE, 3, "/c");
    crowd(OTHER_SITE, 3, "/c");
    const struct policy *list[] = {bed_policy(bed, CNIL_SITE), &other};
    struct query_env env = {.store = bed->store, .clock = &bed->clock.clock, .timeout_ms = 20000};
    struct query_view v = {SPAN_LIT("group"), list, 2};
    static const struct {
        const char *query;
        json_int_t visitors;
    } cases[] = {
        {"{'metrics':['visitors'],'date_range':'day'}", 10},
        {"{'metrics':['visitors'],'date_range':'day','dimensions':['event:page']}", 10},
        /* Any subset can be chosen here, so each is rounded for itself. */
        {"{'metrics':['visitors'],'date_range':'day','filters':[['is_not','visit:site',['x']]]}",
         20},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(free_charp) char *quoted = requoted(cases[i].query);
        JSON_AUTO request = json_loads(quoted, 0, NULL);
        JSON_AUTO reply = NULL;
        struct err err = {0};
        if (query_run_view(&env, &v, request, &reply, &err) < 0)
            fail_msg("%s", err.text);
        assert_int_equal(first_figure(reply), cases[i].visitors);
    }
}

static void the_strictest_profile_refuses(void **state) {
    (void)state;
    static const uint32_t sites[] = {SITE, CNIL_SITE};
    static const char *const refused[] = {
        "{'metrics':['visitors'],'date_range':'day','dimensions':['event:props:plan']}",
        "{'metrics':['visitors'],'date_range':['2026-05-10T10:00:00Z','2026-05-10T11:00:00Z']}",
        /* Nor does a choice of sites of other profiles help. */
        "{'metrics':['visitors'],'date_range':'day','dimensions':['event:props:plan'],"
        "'filters':[['is','visit:site',['example.com']]]}",
    };
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        CLEANUP(free_charp) char *quoted = requoted(refused[i]);
        JSON_AUTO request = json_loads(quoted, 0, NULL);
        JSON_AUTO reply = NULL;
        struct err err = {0};
        assert_int_equal(view_json(bed, sites, 2, request, &reply, &err), ERR_INVALID);
    }
    JSON_AUTO request = json_pack("{s:[s],s:s}", "metrics", "visitors", "date_range", "day");
    JSON_AUTO reply = NULL;
    assert_int_equal(view_json(bed, sites, 2, request, &reply, NULL), 0);
    assert_int_equal(json_integer_value(json_member(json_member(reply, "meta"), "rounded_to")), 10);
}

int main(void) {
    if (crypt_init() < 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_view_is_the_sum_of_its_sites),
        cmocka_unit_test_setup_teardown(nobody_is_joined_across, up, down),
        cmocka_unit_test_setup_teardown(values_are_added_up_and_paged_after, up, down),
        cmocka_unit_test_setup_teardown(sites_are_told_apart, up, down),
        cmocka_unit_test_setup_teardown(each_site_has_its_own_today, up, down),
        cmocka_unit_test_setup_teardown(all_begins_with_the_first_of_any, up, down),
        cmocka_unit_test_setup_teardown(of_nobody_there_is_nothing, up, down),
        cmocka_unit_test_setup_teardown(what_a_view_refuses, up, down),
        cmocka_unit_test_setup_teardown(goals_are_added_up_by_name, up, down),
        cmocka_unit_test_setup_teardown(a_view_of_several_profiles_tells_no_more_than_its_sites, up,
                                        down),
        cmocka_unit_test_setup_teardown(rounding_is_done_once_where_all_round, up, down),
        cmocka_unit_test_setup_teardown(the_strictest_profile_refuses, up, down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
