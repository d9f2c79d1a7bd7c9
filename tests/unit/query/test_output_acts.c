/* The attacks of docs/output-rules.md on what persons do: goals and rates of them, properties, web vitals,
 * pages left, funnels and journeys. One person is the only one of their country with their browser. */
#include <stdio.h>
#include <stdlib.h>

#include "asking.h"
#include "crypt.h"
#include "funnel.h"
#include "journey.h"
#include "rounds.h"

enum { CROWD = 300, MOST_EVENTS = 2000 };

#define DAY "'date_range':['2026-05-05','2026-05-05']"
#define ES "['is','visit:country',['ES']]"
#define SAFARI "['is','visit:browser',['Safari']]"

static const uint32_t sites[] = {CNIL_SITE, FRUGAL_SITE};

#define TEXT(s) \
    { .ptr = (s), .len = sizeof(s) - 1 }

static const struct policy_goal_prop props[] = {{TEXT("plan"), TEXT("a")},
                                                {TEXT("paid"), TEXT("no")}};

static const struct policy_goal goals[] = {
    {.name = TEXT("Any"), .kind = GOAL_PAGE, .page = TEXT("/**")},
    {.name = TEXT("Shop"), .kind = GOAL_PAGE, .page = TEXT("/shop")},
    {.name = TEXT("Signup"), .kind = GOAL_EVENT, .event = TEXT("Signup")},
    /* not with the profile cnil */
    {.name = TEXT("Signup a"),
     .kind = GOAL_EVENT,
     .event = TEXT("Signup"),
     .props = props,
     .prop_count = 1},
    {.name = TEXT("Signup b"),
     .kind = GOAL_EVENT,
     .event = TEXT("Signup"),
     .props = props,
     .prop_count = 2},
};

/* --- the site -----------------------------------------------------------------------------------
 */

struct world {
    struct bed *b;
    uint32_t site;
    struct event events[MOST_EVENTS];
    size_t count;
};

struct person {
    uint64_t id;
    const char *country, *browser, *props; /* props NULL: does not sign up */
    bool shops;
    uint32_t lcp_ms;
};

static void act(struct world *w, const struct person *p, int minute, int kind, const char *name,
                const char *page) {
    struct event *e = &w->events[w->count++];
    *e = local_event(w->b, day_of(2026, 5, 5), 10, minute, p->id, kind, page);
    e->site = w->site;
    e->country = span_str(p->country);
    e->browser = span_str(p->browser);
    if (name)
        e->name = span_str(name);
    if (kind == EVENT_CUSTOM && w->site != CNIL_SITE)
        e->props = span_str(p->props);
    if (kind == EVENT_VITALS) {
        e->lcp_ms = p->lcp_ms;
        e->interactive = 0;
    }
}

static void visit(struct world *w, struct person p) {
    act(w, &p, 0, EVENT_PAGEVIEW, NULL, "/");
    act(w, &p, 1, EVENT_VITALS, "vitals", "/");
    if (p.shops)
        act(w, &p, 2, EVENT_PAGEVIEW, NULL, "/shop");
    if (p.props)
        act(w, &p, 3, EVENT_CUSTOM, "Signup", "/shop");
}

/* The numbers of each country, browser and goal are whole tens or end in 2, so that one more passes
 * no step of the rounding. */
static void settle(struct world *w, bool with_the_one) {
    static const char *const countries[] = {"FR", "FR", "FR", "DE", "ES"};
    static const char *const browsers[] = {"Firefox", "Chrome", "Safari"};
    for (size_t i = 0; i < CROWD; i++) {
        const char *browser = browsers[i / 5 % 3], *country = countries[i % 5];
        bool spain = i % 5 == 4;
        visit(w, (struct person){.id = i + 1,
                                 .country = country,
                                 .browser = spain && i / 5 % 3 == 2 ? "Chrome" : browser,
                                 .props = i / 15 % 2 ? NULL : "{\"plan\":\"a\",\"paid\":\"no\"}",
                                 .shops = i / 15 % 4 != 3,
                                 .lcp_ms = 1000 + (uint32_t)i});
    }
    if (with_the_one)
        visit(w, (struct person){9001, "ES", "Safari", "{\"plan\":\"a\",\"paid\":\"no\"}", true,
                                 9999});
    bed_apply(w->b, w->events, w->count);
}

static struct world *world_open(uint32_t site, bool with_the_one, bool sealed) {
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->b = bed_open();
    w->site = site;
    settle(w, with_the_one);
    struct policy *p = (struct policy *)(uintptr_t)bed_policy(w->b, site);
    p->goals = goals;
    p->goal_count = site == CNIL_SITE ? 3 : ARRAY_LEN(goals);
    w->b->clock.now_ms = zone_day_start_ms(p->zone, day_of(2026, 5, 6)) + 15 * 3600000LL;
    if (sealed) {
        bed_seal(w->b, site, day_of(2026, 5, 5));
        bed_publish(w->b);
        bed_build_cells(w->b, 100);
    }
    return w;
}

static void world_close(struct world *w) {
    bed_close(w->b);
    free(w);
}

/* NULL: refused. */
static json_t *try(struct world *w, const char *text) {
    CLEANUP(free_charp) char *quoted = requoted(text);
    json_t *reply = NULL;
    struct err err = {0};
    int r = run_text(w->b, w->site, quoted, &reply, &err);
    if (r < 0 && r != ERR_INVALID)
        fail_msg("%s: %s", text, err.text);
    return reply;
}

/* --- questions ----------------------------------------------------------------------------------
 */

static const char *const filters[] = {
    ES,
    SAFARI,
    ES "," SAFARI,
    "['is_not','visit:country',['ES']]," SAFARI,
    "['or',[" ES "," SAFARI "]]",
    "['not',['and',[" ES "," SAFARI "]]]",
    "['is','event:goal',['Signup']]",
    "['is','event:goal',['Signup']]," ES,
    "['is','event:goal',['Signup']]," ES "," SAFARI,
    "['is','event:goal',['Any']]," SAFARI,
    "['is_not','event:goal',['Shop']]," ES,
    "['has_done',['is','event:goal',['Signup']]]," ES "," SAFARI,
    "['is','event:page',['/']]," ES "," SAFARI,
};

static const char *const asked[] = {
    "'metrics':['visitors','events'],'dimensions':['event:goal']",
    "'metrics':['visitors','visits'],'dimensions':['event:goal','visit:country']",
    "'metrics':['visitors','events','conversion_rate'],'dimensions':['event:goal']",
    "'metrics':['visitors','conversion_rate','group_conversion_rate'],"
    "'dimensions':['event:goal','visit:country']",
    "'metrics':['visitors','group_conversion_rate'],'dimensions':['visit:browser']",
    "'metrics':['vitals','lcp']",
    "'metrics':['lcp'],'dimensions':['event:page']",
    "'metrics':['visits','exit_rate'],'dimensions':['visit:exit_page']",
    "'metrics':['visitors','events'],'dimensions':['event:props:plan']",
    "'metrics':['visitors'],'dimensions':['event:props:plan','event:props:paid']",
};

static char *question(const char *what, const char *filter) {
    char *text = NULL;
    assert_true(asprintf(&text, "{%s,'filters':[%s]," DAY "}", what, filter) > 0);
    return text;
}

static json_int_t meta_number(const json_t *reply, const char *key) {
    return json_integer_value(json_member(json_member(reply, "meta"), key));
}

/* A quartile of ten or more is what it is: only where the person is a cell of its own nothing of it may
 * change. A rate of frugal may be of all visitors, who are one attribute. */
static bool is_exact(const struct world *w, const char *text) {
    if (w->site == FRUGAL_SITE)
        return strstr(text, "lcp") || strstr(text, "_rate");
    return strstr(text, "lcp") && (!strstr(text, "'ES'") || !strstr(text, "Safari"));
}

static void compare(struct world *with, struct world *without, const char *text, size_t *compared) {
    JSON_AUTO a = try(with, text);
    JSON_AUTO b = try(without, text);
    assert_true(!a == !b);
    if (!a || !meta_number(a, "rounded_to") || is_exact(with, text))
        return;
    CLEANUP(free_charp) char *x = json_dumps(json_member(a, "results"), JSON_COMPACT);
    CLEANUP(free_charp) char *y = json_dumps(json_member(b, "results"), JSON_COMPACT);
    if (strcmp(x, y) != 0)
        fail_msg("%s\n  with     %s\n  without  %s", text, x, y);
    *compared += 1;
}

static void no_answer_changes_with_the_person(void **state) {
    (void)state;
    for (size_t s = 0; s < ARRAY_LEN(sites); s++)
        for (int sealed = 0; sealed < 2; sealed++) {
            struct world *with = world_open(sites[s], true, sealed);
            struct world *without = world_open(sites[s], false, sealed);
            size_t compared = 0;
            for (size_t f = 0; f < ARRAY_LEN(filters); f += ROUNDS(1, 3))
                for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
                    CLEANUP(free_charp) char *text = question(asked[i], filters[f]);
                    compare(with, without, text, &compared);
                }
            assert_true(compared >= ROUNDS(40, 13));
            world_close(with);
            world_close(without);
        }
}

/* Named outright it is nobody: no row, or null where there is always one. */
static void nobody_can_be_named(void **state) {
    (void)state;
    static const char *const rows[] = {
        "'metrics':['visitors','conversion_rate'],'dimensions':['event:goal']",
        "'metrics':['group_conversion_rate'],'dimensions':['event:goal','event:page']",
        "'metrics':['lcp'],'dimensions':['event:page']",
        "'metrics':['exit_rate'],'dimensions':['visit:exit_page']",
        "'metrics':['events'],'dimensions':['event:props:plan']",
    };
    for (size_t s = 0; s < ARRAY_LEN(sites); s++) {
        struct world *w = world_open(sites[s], true, true);
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
            CLEANUP(free_charp) char *text = question(rows[i], ES "," SAFARI);
            JSON_AUTO reply = try(w, text);
            if (reply && json_array_size(json_member(reply, "results")) > 0)
                fail_msg("%s: there are rows", text);
            assert_true(reply || w->site == CNIL_SITE); /* four attributes, or properties */
        }
        CLEANUP(free_charp)
        char *one = question("'metrics':['visitors','conversion_rate']",
                             "['is','event:goal',['Signup']]," ES "," SAFARI);
        expect_for(w->b, w->site, one, "[[null,null]]");
        CLEANUP(free_charp) char *vitals = question("'metrics':['vitals','lcp']", ES "," SAFARI);
        expect_for(w->b, w->site, vitals, "[[null,null]]");
        world_close(w);
    }
}

/* By goals without a filter: what one attribute has is shown, what several have is under their rule. */
static void goals_count_as_what_they_ask(void **state) {
    (void)state;
    struct world *w = world_open(FRUGAL_SITE, true, false);
    expect_for(w->b, w->site, "{'metrics':['visitors'],'dimensions':['event:goal']," DAY "}",
               "[['Any',301],['Shop',226],['Signup',151],['Signup a',151],['Signup b',150]]");
    expect_member(w->b, w->site, "{'metrics':['visitors'],'dimensions':['event:goal']," DAY "}",
                  "meta", "rounded_to", "5");
    expect_for(w->b, w->site,
               "{'metrics':['visitors'],'dimensions':['event:goal'],'filters':[" ES "]," DAY "}",
               "[['Any',60],['Shop',45],['Signup',30],['Signup a',30],['Signup b',30]]");
    world_close(w);
    w = world_open(CNIL_SITE, true, false);
    expect_for(w->b, w->site,
               "{'metrics':['visitors','conversion_rate'],'dimensions':['event:goal']," DAY "}",
               "[['Any',300,100.0],['Shop',230,76.7],['Signup',150,50.0]]");
    world_close(w);
}

/* A mean of rounded cells is no quartile: it is one of what was measured in all cells that are shown. */
static void quartiles_of_cells(void **state) {
    (void)state;
    struct world *w = world_open(CNIL_SITE, true, true);
    /* FR, 180, of 1000 … 1298; the 135th is that of 1222 or thereabouts */
    CLEANUP(free_charp)
    char *one = question("'metrics':['lcp']", "['is','visit:country',['FR']]");
    CLEANUP(free_charp)
    char *three = question("'metrics':['lcp']", "['is','visit:country',['FR']]," SAFARI);
    CLEANUP(free_charp)
    char *four = question("'metrics':['lcp']", "['is_not','visit:country',['ES','DE']]," SAFARI);
    expect_for(w->b, w->site, one, "[[1222]]");
    JSON_AUTO a = ask(w->b, w->site, three);
    JSON_AUTO b = ask(w->b, w->site, four);
    assert_true(json_equal(json_member(a, "results"), json_member(b, "results")));
    world_close(w);
}

/* --- walks --------------------------------------------------------------------------------------
 */

typedef int (*walk_run)(const struct query_env *env, const struct policy *policy,
                        const json_t *request, json_t **ret, struct err *err);

static json_t *walk(struct world *w, walk_run run, const char *text, struct err *err) {
    struct query_env env = {.store = w->b->store, .clock = &w->b->clock.clock, .timeout_ms = 20000};
    CLEANUP(free_charp) char *quoted = requoted(text);
    JSON_AUTO request = json_loads(quoted, 0, NULL);
    json_t *reply = NULL;
    int r = run(&env, bed_policy(w->b, w->site), request, &reply, err);
    if (r < 0 && r != ERR_INVALID)
        fail_msg("%s: %s", text, err->text);
    return reply;
}

#define STEPS                                                                             \
    "'steps':[{'filters':[['is','event:page',['/']]]},{'filters':[['is','event:page',['/" \
    "shop']]]},"                                                                          \
    "{'filters':[['is','event:name',['Signup']]]}]," DAY

static void walks_tell_nothing_of_one(void **state) {
    (void)state;
    static const struct {
        walk_run run;
        const char *rest;
    } asked_of[] = {{funnel_run, STEPS}, {journey_run, "'depth':2," DAY}};
    for (size_t s = 0; s < ARRAY_LEN(sites); s++)
        for (size_t f = 0; f < 6; f += ROUNDS(1, 3))
            for (size_t i = 0; i < ARRAY_LEN(asked_of); i++) {
                struct world *with = world_open(sites[s], true, f % 2);
                struct world *without = world_open(sites[s], false, f % 2);
                CLEANUP(free_charp) char *text = NULL;
                assert_true(asprintf(&text, "{'filters':[%s],%s}", filters[f], asked_of[i].rest) >
                            0);
                struct err err = {0};
                JSON_AUTO a = walk(with, asked_of[i].run, text, &err);
                JSON_AUTO b = walk(without, asked_of[i].run, text, &err);
                if (a && !json_equal(json_member(a, "results"), json_member(b, "results")))
                    fail_msg("%s: the person is seen", text);
                assert_int_equal(!a, sites[s] == CNIL_SITE && f > 2); /* more than one value */
                world_close(with);
                world_close(without);
            }
}

static void walks_of_cnil_are_refused(void **state) {
    (void)state;
#define IS " funnels and journeys take \"is\" with one value with the profile cnil"
    static const struct {
        walk_run run;
        const char *request, *error;
    } refused[] = {
        {funnel_run, "{'filters':[['is','visit:country',['ES','DE']]]," STEPS "}", "filters:" IS},
        {funnel_run, "{'filters':[['has_done',['is','event:page',['/']]]]," STEPS "}",
         "filters:" IS},
        {journey_run, "{'filters':[['is_not','visit:country',['ES']]]," DAY "}", "filters:" IS},
        {journey_run,
         "{'filters':[['is','visit:os',['a']],['is','visit:country',['ES']],['is','visit:browser',"
         "['b']],['is','visit:device',['c']]]," DAY "}",
         "filters: at most 3 attributes with the profile cnil"},
        {funnel_run,
         "{'steps':[{'filters':[['contains','event:page',['/r']]]},{'filters':[['is','event:page',"
         "['/']]]}]," DAY "}",
         "steps: step 1: filters:" IS},
        {journey_run, "{'date_range':['2026-05-04','2026-05-05']}",
         "date_range: with filters or two attributes the profile cnil takes 1, 7, 28, 30, 90 or 91 "
         "days, or days from the first of a month, at most a year"},
    };
    struct world *w = world_open(CNIL_SITE, true, false);
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        struct err err = {0};
        JSON_AUTO reply = walk(w, refused[i].run, refused[i].request, &err);
        assert_null(reply);
        assert_string_equal(err.text, refused[i].error);
    }
    world_close(w);
}

/* A goal is one value; several, or one that was not reached, are none. */
static void goals_of_cnil_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *filter, *error;
    } refused[] = {
        {"['is','event:goal',['Any']]", NULL},
        {"['is','event:goal',['Signup','Shop']]",
         "filters: event:goal takes \"is\" with one goal with the profile cnil"},
        {"['is_not','event:goal',['Signup']]",
         "filters: event:goal takes \"is\" with one goal with the profile cnil"},
        {"['has_done',['is','event:goal',['Signup']]]",
         "filters: has_done does not go with the profile cnil"},
        {"['matches','event:page',['^/']]",
         "filters: event:page takes \"is\" with one value with the profile cnil"},
    };
    struct world *w = world_open(CNIL_SITE, true, false);
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        CLEANUP(free_charp) char *text = question("'metrics':['visitors']", refused[i].filter);
        CLEANUP(free_charp) char *quoted = requoted(text);
        JSON_AUTO reply = NULL;
        struct err err = {0};
        int r = run_text(w->b, w->site, quoted, &reply, &err);
        assert_int_equal(r, refused[i].error ? ERR_INVALID : 0);
        assert_string_equal(err.text, refused[i].error ? refused[i].error : "");
    }
    world_close(w);
}

int main(void) {
    if (crypt_init() < 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_answer_changes_with_the_person),
        cmocka_unit_test(nobody_can_be_named),
        cmocka_unit_test(goals_count_as_what_they_ask),
        cmocka_unit_test(quartiles_of_cells),
        cmocka_unit_test(walks_tell_nothing_of_one),
        cmocka_unit_test(walks_of_cnil_are_refused),
        cmocka_unit_test(goals_of_cnil_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
