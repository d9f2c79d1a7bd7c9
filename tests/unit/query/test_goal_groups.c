/* Goals that one query has together, against the same goals asked for one by one: over hot rows, sealed ones,
 * cells and roll-ups. */
#include <stdio.h>
#include <stdlib.h>

#include "asking.h"
#include "crypt.h"
#include "rounds.h"

#define TEXT(s) \
    { .ptr = (s), .len = sizeof(s) - 1 }
#define DAYS "'date_range':['2026-05-05','2026-05-06']"

static const struct policy_goal_prop paid[] = {{TEXT("paid"), TEXT("yes")}};

/* Two are reached by the same event. */
static const struct policy_goal goals[] = {
    {.name = TEXT("A"), .kind = GOAL_EVENT, .event = TEXT("a")},
    {.name = TEXT("A, again"), .kind = GOAL_EVENT, .event = TEXT("a")},
    {.name = TEXT("A, in euro"), .kind = GOAL_EVENT, .event = TEXT("a"), .currency = TEXT("EUR")},
    {.name = TEXT("B"), .kind = GOAL_EVENT, .event = TEXT("b")},
    {.name = TEXT("B, paid"),
     .kind = GOAL_EVENT,
     .event = TEXT("b"),
     .props = paid,
     .prop_count = 1},
    {.name = TEXT("Never"), .kind = GOAL_EVENT, .event = TEXT("never")},
    {.name = TEXT("News"), .kind = GOAL_PAGE, .page = TEXT("/news")},
    {.name = TEXT("Root"), .kind = GOAL_PAGE, .page = TEXT("/")},
    {.name = TEXT("Some"), .kind = GOAL_PAGE, .page = TEXT("/**")},
};

static void fill(struct bed *b) {
    static const char *const pages[] = {"/", "/news", "/shop"};
    static const char *const names[] = {"a", "b", "c"};
    struct event list[240];
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        bool acts = i % 7 > 3;
        int32_t day = day_of(2026, 5, i < 120 ? 5 : 6);
        struct event *e = &list[i];
        *e = local_event(b, day, 9 + (int)(i % 120 / 15), (int)(i % 15), 1 + i / 5 % 23,
                         acts ? EVENT_CUSTOM : EVENT_PAGEVIEW, pages[i * 5 % 13 % 3]);
        e->source = i % 4 ? SPAN_LIT("Google") : SPAN_LIT("");
        if (!acts)
            continue;
        e->name = span_str(names[i * 3 % 11 % 3]);
        e->props = i % 2 ? SPAN_LIT("{\"paid\":\"yes\"}") : SPAN_LIT("");
        e->currency = i % 2 ? SPAN_LIT("EUR") : SPAN_LIT("USD");
        e->revenue_milli = 1000 + (int64_t)i;
    }
    bed_apply(b, list, ARRAY_LEN(list));
    struct policy *p = (struct policy *)(uintptr_t)bed_policy(b, SITE);
    p->goals = goals;
    p->goal_count = ARRAY_LEN(goals);
    b->clock.now_ms = zone_day_start_ms(p->zone, day_of(2026, 5, 12));
}

static const char *const metrics[] = {
    "'visitors'",
    "'visitors','visits','events','conversion_rate'",
    "'bounce_rate','visit_duration','views_per_visit','pageviews'",
    "'total_revenue','events'",
};

static const char *const dims[] = {"", ",'visit:source'", ",'time:day'", ",'event:page'",
                                   ",'event:name'"};

static const char *const filters[] = {
    "",
    "['is','visit:source',['Google']]",
    "['is','event:page',['/news']]",
    "['has_done',['is','event:name',['c']]]",
};

static bool is_row_of(const json_t *row, const struct policy_goal *g) {
    return span_eq(json_span(json_array_get(json_member(row, "dimensions"), 0)), g->name);
}

/* The goal's rows without its name. */
static json_t *rows_of(const json_t *reply, const struct policy_goal *g) {
    json_t *list = json_array(), *row;
    size_t i;
    json_array_foreach (json_member(reply, "results"), i, row) {
        if (g && !is_row_of(row, g))
            continue;
        json_t *copy = json_deep_copy(row);
        if (g)
            json_array_remove(json_member(copy, "dimensions"), 0);
        json_array_append_new(list, copy);
    }
    return list;
}

static bool are_none(const json_t *rows) {
    return json_array_size(rows) == 0;
}

static void compare(struct bed *b, const json_t *all, size_t goal, const char *metric,
                    const char *dim, const char *filter) {
    CLEANUP(free_charp) char *text = NULL;
    const struct policy_goal *g = &goals[goal];
    assert_true(asprintf(&text,
                         "{'metrics':[%s],'dimensions':[%s],'filters':[%s%s['is','event:goal',"
                         "['%.*s']]],'pagination':{'limit':1000}," DAYS "}",
                         metric, *dim ? dim + 1 : "", filter, *filter ? "," : "",
                         SPAN_ARG(g->name)) > 0);
    JSON_AUTO one = ask(b, SITE, text);
    JSON_AUTO expected = rows_of(one, NULL);
    JSON_AUTO got = rows_of(all, g);
    /* Nobody has no row by goals, and one of zeros without dimensions. */
    if (are_none(got) && !*dim &&
        json_integer_value(
            json_array_get(json_member(json_array_get(expected, 0), "metrics"), 0)) == 0)
        return;
    if (!json_equal(expected, got)) {
        CLEANUP(free_charp) char *x = json_dumps(expected, JSON_COMPACT);
        CLEANUP(free_charp) char *y = json_dumps(got, JSON_COMPACT);
        fail_msg("%s\n  one by one %s\n  together   %s", text, x, y);
    }
}

static void compare_all(struct bed *b) {
    for (size_t m = 0; m < ARRAY_LEN(metrics); m++)
        for (size_t d = 0; d < ARRAY_LEN(dims); d++)
            for (size_t f = (m + d) % 2; f < ARRAY_LEN(filters); f += ROUNDS(2, 6)) {
                CLEANUP(free_charp) char *text = NULL;
                assert_true(asprintf(&text,
                                     "{'metrics':[%s],'dimensions':['event:goal'%s],'filters':[%s],"
                                     "'pagination':{'limit':1000}," DAYS "}",
                                     metrics[m], dims[d], filters[f]) > 0);
                JSON_AUTO all = ask(b, SITE, text);
                if (json_array_size(json_member(all, "results")) < 2)
                    fail_msg("%s: too few rows", text);
                for (size_t g = 0; g < ARRAY_LEN(goals); g++)
                    compare(b, all, g, metrics[m], dims[d], filters[f]);
            }
}

static void together_as_one_by_one(void **state) {
    (void)state;
    struct bed *b = bed_open();
    fill(b);
    compare_all(b);
    bed_seal(b, SITE, day_of(2026, 5, 5));
    bed_publish(b);
    b->no_rollup = b->no_cells = true;
    compare_all(b); /* sealed rows and hot ones */
    b->no_rollup = b->no_cells = false;
    bed_build_cells(b, 1000);
    compare_all(b);
    bed_close(b);
}

int main(void) {
    if (crypt_init() < 0)
        return 1;
    const struct CMUnitTest tests[] = {cmocka_unit_test(together_as_one_by_one)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
