/* Funnels: cases worked out by hand, a naive count of random walks, profiles and bad requests. */
#include "funnel.h"

#include <stdio.h>
#include <stdlib.h>

#include "asking_walks.h"
#include "crypt.h"
#include "many_beds.h"
#include "rounds.h"

static json_t *ask_funnel(struct bed *b, uint32_t site, const char *text) {
    return ask_walk(funnel_run, b, site, text);
}

/* Expects [[visitors, visits, of the first, of the one before, lost], …]. */
static void expect_funnel(struct bed *b, uint32_t site, const char *text, const char *expected) {
    static const char *const keys[] = {"visitors", "visits", "conversion_rate",
                                       "conversion_rate_step", "dropoff"};
    expect_walk(funnel_run, b, site, text, keys, ARRAY_LEN(keys), expected);
}

/* --- by hand ------------------------------------------------------------------------------------
 */

enum what { VIEW, SIGNUP, READ /* engagement */ };

static const struct {
    int day, hour, minute; /* May 2026, in Paris */
    uint64_t person;
    enum what what;
    const char *page, *source;
} walks[] = {
    /* All three steps in a visit. */
    {5, 9, 0, 1, VIEW, "/a", "Google"},
    {5, 9, 5, 1, VIEW, "/b", ""},
    {5, 9, 6, 1, SIGNUP, "/b", ""},
    /* The second step in another visit of the day. */
    {5, 9, 0, 2, VIEW, "/a", ""},
    {5, 10, 0, 2, VIEW, "/b", ""},
    /* The other way round. */
    {5, 9, 0, 3, VIEW, "/b", ""},
    {5, 9, 5, 3, VIEW, "/a", ""},
    /* Reading /b is no step. */
    {5, 9, 0, 4, VIEW, "/a", ""},
    {5, 9, 1, 4, READ, "/b", ""},
    /* Midnight parts the visit, and the person. */
    {5, 23, 55, 5, VIEW, "/a", ""},
    {6, 0, 5, 5, VIEW, "/b", ""},
    /* Signing up at /a is no second view of it. */
    {5, 9, 0, 6, VIEW, "/a", ""},
    {5, 9, 1, 6, SIGNUP, "/a", ""},
    /* The same page twice. */
    {5, 9, 0, 7, VIEW, "/a", ""},
    {5, 9, 1, 7, VIEW, "/a", ""},
    /* Two visits with two steps, one person; something else in between. */
    {5, 9, 0, 8, VIEW, "/a", "Google"},
    {5, 9, 1, 8, VIEW, "/c", ""},
    {5, 9, 2, 8, VIEW, "/b", ""},
    {5, 12, 0, 8, VIEW, "/a", ""},
    {5, 12, 1, 8, VIEW, "/b", ""},
};

#define DAYS(from, to) "'date_range':['2026-05-" from "','2026-05-" to "']"
#define PAGE(p) "{'filters':[['is','event:page',['" p "']]]}"
#define SIGNED "{'filters':[['is','event:name',['Signup']]]}"
#define OF_DAY "'within':'day',"

static const struct {
    const char *request, *expected;
} cases[] = {
    {"'steps':[" PAGE("/a") "," PAGE("/b") "," SIGNED "]," DAYS("05", "05"),
     "[[8,9,100.0,100.0,0],[2,3,25.0,25.0,6],[1,1,12.5,50.0,1]]"},
    {OF_DAY "'steps':[" PAGE("/a") "," PAGE("/b") "," SIGNED "]," DAYS("05", "05"),
     "[[8,8,100.0,100.0,0],[3,3,37.5,37.5,5],[1,1,12.5,33.33,2]]"},
    /* Nobody's walk goes over midnight. */
    {OF_DAY "'steps':[" PAGE("/a") "," PAGE("/b") "]," DAYS("05", "06"),
     "[[8,8,100.0,100.0,0],[3,3,37.5,37.5,5]]"},
    {"'steps':[" PAGE("/b") "," PAGE("/a") "]," DAYS("05", "06"),
     "[[5,6,100.0,100.0,0],[1,1,20.0,20.0,4]]"},
    /* One view is one step. */
    {"'steps':[" PAGE("/a") "," PAGE("/a") "]," DAYS("05", "05"),
     "[[8,9,100.0,100.0,0],[1,1,12.5,12.5,7]]"},
    {OF_DAY "'steps':[" PAGE("/a") "," PAGE("/a") "]," DAYS("05", "05"),
     "[[8,8,100.0,100.0,0],[2,2,25.0,25.0,6]]"},
    {"'steps':[" PAGE("/a") ",{'filters':[['is','event:name',['Signup']],['is','event:page',['/a']]"
                            "]}]," DAYS("05", "05"),
     "[[8,9,100.0,100.0,0],[1,1,12.5,12.5,7]]"},
    /* A view of any page: also the one after. */
    {"'steps':[" PAGE("/a") ",{'filters':[['contains','event:page',['/']]]}]," DAYS("05", "05"),
     "[[8,9,100.0,100.0,0],[3,4,37.5,37.5,5]]"},
    {"'steps':[" PAGE("/a") ",{'filters':[['matches','event:page',['^/[bc]$']]]}," PAGE(
         "/b") "]," DAYS("05", "05"),
     "[[8,9,100.0,100.0,0],[2,3,25.0,25.0,6],[1,1,12.5,50.0,1]]"},
    {"'steps':[" PAGE("/a") "," PAGE("/b") "],'filters':[['is','visit:source',['Google']]]," DAYS(
         "05", "05"),
     "[[2,2,100.0,100.0,0],[2,2,100.0,100.0,0]]"},
    {"'steps':[" PAGE("/a") "," PAGE("/b") "],'filters':[['is','visit:exit_page',['/b']]]," DAYS(
         "05", "05"),
     "[[2,3,100.0,100.0,0],[2,3,100.0,100.0,0]]"},
    {"'steps':[" PAGE("/a") "," PAGE("/b") "],'filters':[['has_done',['is','event:page',['/c']]],"
                                           "['is_not','visit:source',['Bing']]]," DAYS("05", "05"),
     "[[1,1,100.0,100.0,0],[1,1,100.0,100.0,0]]"},
    /* Moments. */
    {"'steps':[" PAGE("/a") "," PAGE("/b") "],'date_range':['2026-05-05T09:00:00+02:00',"
                                           "'2026-05-05T09:04:59+02:00']",
     "[[6,6,100.0,100.0,0],[1,1,16.67,16.67,5]]"},
    {"'steps':[" PAGE("/x") "," PAGE("/b") "]," DAYS("05", "05"),
     "[[0,0,0.0,0.0,0],[0,0,0.0,0.0,0]]"},
};

static struct bed *fill(bool sealed) {
    struct bed *b = bed_open();
    struct event list[ARRAY_LEN(walks)];
    for (size_t i = 0; i < ARRAY_LEN(walks); i++) {
        static const int kinds[] = {EVENT_PAGEVIEW, EVENT_CUSTOM, EVENT_ENGAGEMENT};
        list[i] = local_event(b, day_of(2026, 5, walks[i].day), walks[i].hour, walks[i].minute,
                              walks[i].person, kinds[walks[i].what], walks[i].page);
        list[i].source = span_str(walks[i].source);
    }
    bed_apply(b, list, ARRAY_LEN(list));
    walk_set_clock(b);
    for (int day = 5; sealed && day <= 6; day++)
        bed_seal(b, SITE, day_of(2026, 5, day));
    if (sealed)
        bed_publish(b);
    return b;
}

static void cases_by_hand(void **state) {
    (void)state;
    for (int sealed = 0; sealed < 2; sealed++) {
        struct bed *b = fill(sealed);
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
            CLEANUP(free_charp) char *request = NULL;
            assert_true(asprintf(&request, "{%s}", cases[i].request) > 0);
            expect_funnel(b, SITE, request, cases[i].expected);
        }
        bed_close(b);
    }
}

static void replies_say_what_was_asked(void **state) {
    (void)state;
    struct bed *b = fill(true);
    JSON_AUTO reply =
        ask_funnel(b, SITE,
                   "{'steps':[" PAGE("/a") ",{'name':'bought','filters':[['is','event:name',['x',"
                                           "'y']]]},"
                                           "{'filters':[['is_not','event:name',['x']]]}]," DAYS(
                                               "05", "06") "}");
    static const struct {
        const char *of, *key, *text;
    } members[] = {
        {"meta", "levels", "['sealed','hot']"},
        {"meta", "metric_notes", "{'visitors':'daily visitors, added up'}"},
        {"query", "within", "'visit'"},
        {"query", "site_id", "'example.com'"},
        {"query", "date_range", "['2026-05-05T00:00:00+02:00','2026-05-06T23:59:59+02:00']"},
        {"query", "filters", "[]"},
    };
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        CLEANUP(free_charp) char *want = requoted(members[i].text);
        CLEANUP(free_charp)
        char *got = json_dumps(json_member(json_member(reply, members[i].of), members[i].key),
                               JSON_COMPACT | JSON_ENCODE_ANY);
        assert_string_equal(got, want);
    }
    static const char *const names[] = {"/a", "bought", "step 3"};
    for (size_t i = 0; i < 3; i++) {
        const json_t *row = json_array_get(json_member(reply, "results"), i);
        assert_string_equal(json_string_value(json_member(row, "name")), names[i]);
    }
    bed_close(b);
}

/* --- at random ----------------------------------------------------------------------------------
 */

struct step {
    const char *page, *name, *host; /* NULL: any; without a name a page view */
};

static bool is_step(const struct event *e, const struct step *s) {
    if (e->kind == EVENT_ENGAGEMENT || (!s->name && e->kind != EVENT_PAGEVIEW))
        return false;
    return (!s->page || span_eq(e->page, span_str(s->page))) &&
           (!s->name || span_eq(e->name, span_str(s->name))) &&
           (!s->host || span_eq(e->hostname, span_str(s->host)));
}

/* The most steps that can be taken, whatever is left out: all ways are tried. */
static unsigned most_steps(const struct event *const *list, size_t count, const struct step *steps,
                           unsigned left) {
    unsigned most = 0;
    for (size_t i = 0; left && i < count; i++)
        if (is_step(list[i], steps)) {
            unsigned n = 1 + most_steps(list + i + 1, count - i - 1, steps + 1, left - 1);
            most = n > most ? n : most;
        }
    return most;
}

struct naive {
    unsigned visitors[5], visits[5];
};

struct asked {
    struct step steps[4];
    unsigned count;
    uint32_t site;
    bool by_day;
    int32_t from, to;
    const char *source, *entry; /* of the visit; NULL: any */
};

/* Of the events of visit `v`, or of the visitor; in order of time. */
static unsigned steps_of(const struct model *m, const struct asked *a, int v, uint64_t visitor) {
    const struct event *list[200];
    size_t n = 0;
    for (size_t i = 0; i < m->event_count; i++) {
        const struct event *e = &m->events[i];
        int of = m->visit_of[i];
        if (of < 0 || (v >= 0 ? of != v : e->visitor != visitor || e->site != a->site))
            continue;
        const struct model_visit *visit = &m->visits[of];
        if (a->source && !span_eq(visit->first->source, span_str(a->source)))
            continue;
        if (a->entry && !span_eq(visit->entry_page, span_str(a->entry)))
            continue;
        assert_true(n < ARRAY_LEN(list));
        list[n++] = e;
    }
    return most_steps(list, n, a->steps, a->count);
}

static void count_naively(const struct model *m, const struct asked *a, struct naive *ret) {
    struct {
        uint64_t visitor;
        unsigned best;
    } people[600];
    size_t known = 0;
    for (size_t v = 0; v < m->visit_count; v++) {
        const struct event *first = m->visits[v].first;
        if (first->site != a->site || first->day < a->from || first->day > a->to)
            continue;
        size_t p = 0;
        while (p < known && people[p].visitor != first->visitor)
            p++;
        assert_true(p < ARRAY_LEN(people));
        bool is_new = p == known;
        if (is_new) {
            people[p].visitor = first->visitor;
            people[p].best = a->by_day ? steps_of(m, a, -1, first->visitor) : 0;
            known++;
        }
        unsigned n = a->by_day ? (is_new ? people[p].best : 0) : steps_of(m, a, (int)v, 0);
        people[p].best = n > people[p].best ? n : people[p].best;
        for (unsigned k = 0; k < n; k++)
            ret->visits[k]++;
    }
    for (size_t p = 0; p < known; p++)
        for (unsigned k = 0; k < people[p].best; k++)
            ret->visitors[k]++;
}

static const char *pick(const char *const *list, uint32_t count) {
    return list[dice(count)];
}

static void make_random(struct asked *a) {
    static const char *const pages[] = {"/", "/a", "/A", "/blog/A", "/blog/a"};
    static const char *const names[] = {"Signup", "Buy", "signup", "pageview"};
    static const char *const hosts[] = {"example.com", "shop.example.com"};
    static const uint32_t sites[] = {SITE, SITE, OTHER_SITE, HONG_KONG_SITE};
    *a = (struct asked){.count = 2 + dice(3), .site = sites[dice(4)], .by_day = dice(2)};
    for (unsigned i = 0; i < a->count; i++) {
        uint32_t roll = dice(6);
        a->steps[i].page = roll < 4 ? pick(pages, 5) : NULL;
        a->steps[i].name = roll > 2 ? pick(names, 4) : NULL;
        a->steps[i].host = dice(8) == 0 ? pick(hosts, 2) : NULL;
    }
    a->from = random_first_day() + (int32_t)dice(RANDOM_DAYS);
    a->to = a->from + (int32_t)dice(3);
    uint32_t roll = dice(4);
    a->source = roll == 0 ? "Google" : NULL;
    a->entry = roll == 1 ? pick(pages, 5) : NULL;
}

static json_t *request_of(const struct asked *a) {
    json_t *steps = json_array(), *filters = json_array();
    for (unsigned i = 0; i < a->count; i++) {
        const struct step *s = &a->steps[i];
        json_t *list = json_array();
        if (s->page)
            json_array_append_new(list, json_pack("[ss[s]]", "is", "event:page", s->page));
        if (s->name)
            json_array_append_new(list, json_pack("[ss[s]]", "is", "event:name", s->name));
        if (s->host)
            json_array_append_new(list, json_pack("[ss[s]]", "is", "event:hostname", s->host));
        json_array_append_new(steps, json_pack("{so}", "filters", list));
    }
    if (a->source)
        json_array_append_new(filters, json_pack("[ss[s]]", "is", "visit:source", a->source));
    if (a->entry)
        json_array_append_new(filters, json_pack("[ss[s]]", "is", "visit:entry_page", a->entry));
    char from[CIVIL_TEXT], to[CIVIL_TEXT];
    civil_format(a->from, from);
    civil_format(a->to, to);
    return json_pack("{sososss[ss]}", "steps", steps, "filters", filters, "within",
                     a->by_day ? "day" : "visit", "date_range", from, to);
}

static void compare(struct bed *b, const struct asked *a, const json_t *request,
                    const struct naive *want, const char *what) {
    struct query_env env = {.store = b->store, .clock = &b->clock.clock, .timeout_ms = 20000};
    JSON_AUTO reply = NULL;
    struct err err = {0};
    if (funnel_run(&env, bed_policy(b, a->site), request, &reply, &err) < 0)
        fail_msg("%s: %s", what, err.text);
    for (unsigned k = 0; k < a->count; k++) {
        const json_t *row = json_array_get(json_member(reply, "results"), k);
        if (json_integer_value(json_member(row, "visitors")) != want->visitors[k] ||
            json_integer_value(json_member(row, "visits")) != want->visits[k])
            fail_msg("%s, step %u: want %u visitors, %u visits\n%s\n%s", what, k + 1,
                     want->visitors[k], want->visits[k], json_dumps(request, JSON_COMPACT),
                     json_dumps(reply, JSON_COMPACT));
    }
}

static void random_walks(void **state) {
    (void)state;
    random_seed();
    struct many_beds m;
    many_beds_open(&m, 1400);
    many_beds_set_clock(
        &m, zone_day_start_ms(bed_policy(m.beds[0], SITE)->zone, random_first_day() + 60));
    unsigned deep = 0;
    for (int i = 0; i < ROUNDS(60, 20) || (deep == 0 && i < 600); i++) {
        struct asked a;
        struct naive want = {0};
        make_random(&a);
        count_naively(&m.model, &a, &want);
        deep += want.visitors[2] > 0;
        JSON_AUTO request = request_of(&a);
        for (size_t k = 0; k < BEDS; k++)
            compare(m.beds[k], &a, request, &want, many_beds_names[k]);
    }
    assert_true(deep > 0);
    many_beds_close(&m);
}

/* --- profiles -----------------------------------------------------------------------------------
 */

static void add_walk(struct bed *b, uint32_t site, uint64_t person, const char *const *pages,
                     size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct event e =
            local_event(b, day_of(2026, 5, 5), 9, (int)i, person, EVENT_PAGEVIEW, pages[i]);
        e.site = site;
        bed_apply(b, &e, 1);
    }
}

static void profiles_round_and_hide(void **state) {
    (void)state;
    struct bed *b = bed_open();
    static const char *const pages[] = {"/a", "/b", "/c", "/d"};
    for (uint64_t person = 1; person <= 26; person++) {
        size_t steps = person <= 4 ? 3 : person <= 17 ? 2 : 1;
        add_walk(b, CNIL_SITE, person, pages, steps);
        add_walk(b, FRUGAL_SITE, person, pages, steps);
    }
    walk_set_clock(b);
#define FOUR \
    "{'steps':[" PAGE("/a") "," PAGE("/b") "," PAGE("/c") "," PAGE("/d") "]," DAYS("05", "05") "}"
    /* 26, 17, 4, 0: a few and nobody look alike; ratios are of what is shown. */
#define NOT_SHOWN "[null,null,null,null,null]"
    expect_funnel(b, CNIL_SITE, FOUR,
                  "[[30,30,100.0,100.0,0],[20,20,66.67,66.67,10]," NOT_SHOWN "," NOT_SHOWN "]");
    expect_funnel(b, FRUGAL_SITE, FOUR,
                  "[[25,25,100.0,100.0,0],[15,15,60.0,60.0,10]," NOT_SHOWN "," NOT_SHOWN "]");
    JSON_AUTO reply = ask_funnel(b, FRUGAL_SITE, FOUR);
    const json_t *meta = json_member(reply, "meta");
    assert_int_equal(json_integer_value(json_member(meta, "rounded_to")), 5);
    assert_int_equal(json_integer_value(json_member(meta, "hidden_below")), 5);
    JSON_AUTO other = ask_funnel(b, CNIL_SITE, FOUR);
    assert_int_equal(json_integer_value(json_member(json_member(other, "meta"), "rounded_to")), 10);
    bed_close(b);
}

/* --- bad requests -------------------------------------------------------------------------------
 */

static void bad_requests_are_refused(void **state) {
    (void)state;
    static const struct refused_walk refused[] = {
        {"'date_range':'day'", "steps: is required"},
        {"'steps':[" PAGE("/a") "," PAGE("/b") "]", "date_range: is required"},
        {"'date_range':'day','steps':{}", "steps: must be a list of 2 to 8"},
        {"'date_range':'day','steps':[" PAGE("/zebra") "]", "steps: must be a list of 2 to 8"},
        {"'date_range':'day','steps':['zebra',7]", "steps: each must be an object"},
        {"'date_range':'day','steps':[{},{}]",
         "steps: step 1 needs filters, a list of at least one"},
        {"'date_range':'day','steps':[" PAGE("/a") ",{'filters':[]}]",
         "steps: step 2 needs filters, a list of at least one"},
        {"'date_range':'day','steps':[" PAGE("/a") ",{'filters':'zebra'}]",
         "steps: step 2 needs filters, a list of at least one"},
        {"'date_range':'day','steps':[{'zebra':1}," PAGE("/a") "]", "steps: unknown key"},
        {"'date_range':'day','steps':[{'name':'','filters':[]}," PAGE("/a") "]",
         "steps: name of step 1 must be text of 1 to 120 bytes"},
        {"'date_range':'day','steps':[" PAGE("/a") ",{'filters':[['is','zebra',['x']]]}]",
         "steps: step 2: filters: unknown dimension"},
        {"'date_range':'day','steps':[" PAGE("/a") ",{'filters':[['matches','event:page',['(']]]}]",
         "steps: step 2: filters: matches on event:page: not a regular expression of RE2"},
        {"'date_range':'day','steps':[" PAGE("/a") ",{'filters':[['is','visit:source',['x']]]}]",
         "steps: step 2: filters are about one event here; those about visits stand beside the "
         "steps"},
        {"'date_range':'day','steps':[" PAGE("/a") ",{'filters':[['has_done',['is','event:page',"
                                                   "['x']]]]}]",
         "steps: step 2: filters are about one event here; those about visits stand beside the "
         "steps"},
        {"'date_range':'day','within':'zebra','steps':[" PAGE("/a") "," PAGE("/b") "]",
         "within: must be visit or day"},
        {"'date_range':'day','within':null,'steps':[" PAGE("/a") "," PAGE("/b") "]",
         "within: must be visit or day"},
        {"'date_range':'day','filters':[['is','event:page',['/']]],'steps':[" PAGE("/a") "," PAGE(
             "/b") "]",
         "filters: are about visits here; events go inside has_done"},
        {"'date_range':'zebra','steps':[" PAGE("/a") "," PAGE("/b") "]",
         "date_range: unknown range"},
        {"'date_range':'day','metrics':['visitors'],'steps':[" PAGE("/a") "," PAGE("/b") "]",
         "query: unknown key"},
        {"[]", "query: must be an object"},
    };
    expect_refused(funnel_run, refused, ARRAY_LEN(refused));
}

int main(void) {
    if (crypt_init() < 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_by_hand),
        cmocka_unit_test(replies_say_what_was_asked),
        cmocka_unit_test(random_walks),
        cmocka_unit_test(profiles_round_and_hide),
        cmocka_unit_test(bad_requests_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
