/* Visitors who are known again: counts over ranges and cohorts against a naive model. */
#include "asking.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cohorts.h"
#include "crypt.h"

enum { VISITORS = 60, BACK_DAYS = 420, ROUNDS = 60, LONG_MS = 60000 };

struct fixture {
    struct bed *bed;
    struct known *known;
    struct policy_set *set;
    const struct policy *policy, *without;
    int32_t today;
    uint64_t random;
    bool came[VISITORS][BACK_DAYS]; /* [v][n]: on the day n days ago */
};

static uint64_t next_random(struct fixture *f) {
    f->random ^= f->random << 13;
    f->random ^= f->random >> 7;
    f->random ^= f->random << 17;
    return f->random;
}

static unsigned below(struct fixture *f, unsigned n) {
    return (unsigned)(next_random(f) >> 20) % n;
}

static int set_up(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));
    char path[128];
    struct err err = {0};
    f->bed = bed_open();
    (void)snprintf(path, sizeof(path), "%s/visitors.db", f->bed->dir);
    if (known_open(path, &f->bed->clock.clock, &f->known, &err) < 0)
        fail_msg("%s", err.text);
    f->set = policy_set_new();
    struct policy p = {.site = SITE, .domain = SPAN_LIT("a.example"), .profile = PROFILE_CONSENTED};
    p.visitor_cookie = true;
    assert_int_equal(policy_set_add(f->set, &p, SPAN_LIT("Europe/Paris"), NULL), 0);
    p = (struct policy){.site = OTHER_SITE, .domain = SPAN_LIT("b.example")};
    assert_int_equal(policy_set_add(f->set, &p, SPAN_LIT("Europe/Paris"), NULL), 0);
    f->policy = policy_by_id(f->set, SITE);
    f->without = policy_by_id(f->set, OTHER_SITE);
    f->today = day_of(2026, 5, 13); /* a Wednesday */
    f->bed->clock.now_ms = zone_from_local_ms(f->policy->zone, f->today, 15 * 3600);
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    known_close(f->known);
    policy_set_unref(f->set);
    bed_close(f->bed);
    free(f);
    return 0;
}

static void add(struct fixture *f, unsigned visitor, int days_ago) {
    struct known_entry e = {.visitor = {.site = SITE, .known = visitor + 1}};
    e.visitor.day = f->today - days_ago;
    f->came[visitor][days_ago] = true;
    assert_int_equal(known_apply(f->known, &e, 1, NULL), 0);
}

static struct query_env env_of(struct fixture *f) {
    return (struct query_env){.store = f->bed->store,
                              .clock = &f->bed->clock.clock,
                              .known = f->known,
                              .timeout_ms = LONG_MS};
}

static int run(struct fixture *f, const struct policy *policy, const char *query, json_t **ret,
               struct err *err) {
    CLEANUP(free_charp) char *quoted = requoted(query);
    JSON_AUTO request = NULL;
    if (json_parse(span_str(quoted), &request, err) < 0)
        fail_msg("not JSON: %s", query);
    struct query_env env = env_of(f);
    return query_run(&env, policy, request, ret, err);
}

static json_t *ask_known(struct fixture *f, const char *query) {
    json_t *reply = NULL;
    struct err err = {0};
    if (run(f, f->policy, query, &reply, &err) < 0)
        fail_msg("%s: %s", query, err.text);
    return reply;
}

static void expect_text(const json_t *got, const char *expected, const char *query) {
    CLEANUP(free_charp) char *quoted = requoted(expected);
    CLEANUP(free_charp)
    char *text = got ? json_dumps(got, JSON_COMPACT | JSON_ENCODE_ANY) : strdup("absent");
    if (strcmp(text, quoted) != 0)
        fail_msg("%s\n  expected %s\n  got      %s", query, quoted, text);
}

static void expect_results(struct fixture *f, const char *query, const char *expected) {
    JSON_AUTO reply = ask_known(f, query);
    expect_text(json_member(reply, "results"), expected, query);
}

#define ALL_THREE "'metrics':['unique_visitors','new_visitors','returning_visitors']"

/* --- by hand ------------------------------------------------------------------------------------ */

/* Days ago: 0 is Wednesday 2026-05-13, 2 its Monday, 12 Friday 2026-05-01, 13 is in April.
 *   v0 40, 9, 0    v1 9, 2, 1    v2 1    v3 0 */
static void set_the_scene(struct fixture *f) {
    static const struct {
        unsigned visitor;
        int days_ago;
    } days[] = {{0, 40}, {0, 9}, {0, 0}, {1, 9}, {1, 2}, {1, 1}, {2, 1}, {3, 0}};
    for (size_t i = 0; i < ARRAY_LEN(days); i++)
        add(f, days[i].visitor, days[i].days_ago);
}

static void a_person_counts_once_in_a_range(void **state) {
    struct fixture *f = *state;
    set_the_scene(f);
    expect_results(f, "{" ALL_THREE ",'date_range':'day'}",
                   "[{'metrics':[2,1,1],'dimensions':[]}]");
    expect_results(f, "{" ALL_THREE ",'date_range':'month'}",
                   "[{'metrics':[4,3,1],'dimensions':[]}]");
    expect_results(f, "{" ALL_THREE ",'date_range':['2026-05-11','2026-05-12']}",
                   "[{'metrics':[2,1,1],'dimensions':[]}]");
    expect_results(f, "{" ALL_THREE ",'date_range':['2020-01-01','2020-12-31']}",
                   "[{'metrics':[0,0,0],'dimensions':[]}]");
    /* A week that the range cuts is of those of its days that lie in it. */
    expect_results(
        f, "{" ALL_THREE ",'date_range':['2026-05-12','2026-05-13'],'dimensions':['time:week']}",
        "[{'metrics':[4,2,2],'dimensions':['2026-05-11']}]");
    expect_results(f, "{" ALL_THREE ",'date_range':'month','dimensions':['time:day']}",
                   "[{'metrics':[2,1,1],'dimensions':['2026-05-04']},"
                   "{'metrics':[1,0,1],'dimensions':['2026-05-11']},"
                   "{'metrics':[2,1,1],'dimensions':['2026-05-12']},"
                   "{'metrics':[2,1,1],'dimensions':['2026-05-13']}]");
    expect_results(f,
                   "{'metrics':['returning_visitors','unique_visitors'],'date_range':['2026-04-01',"
                   "'2026-05-31'],'dimensions':['time:month'],'order_by':[['unique_visitors',"
                   "'asc']],'pagination':{'limit':1,'offset':1},'include':{'total_rows':true}}",
                   "[{'metrics':[1,4],'dimensions':['2026-05-01']}]");
}

static void two_ranges_are_compared(void **state) {
    struct fixture *f = *state;
    set_the_scene(f);
    expect_results(f, "{" ALL_THREE ",'date_range':'day','include':{'compare':'previous_period'}}",
                   "[{'metrics':[2,1,1],'dimensions':[],'comparison':{'metrics':[2,1,1],"
                   "'change':[0,0,0],'dimensions':[]}}]");
    expect_results(f,
                   "{'metrics':['new_visitors'],'date_range':['2026-05-12','2026-05-13'],"
                   "'dimensions':['time:day'],'include':{'compare':['2026-05-04','2026-05-05']}}",
                   "[{'metrics':[1],'dimensions':['2026-05-12'],'comparison':{'metrics':[1],"
                   "'change':[0],'dimensions':['2026-05-04']}},"
                   "{'metrics':[1],'dimensions':['2026-05-13'],'comparison':{'metrics':[0],"
                   "'change':[100],'dimensions':['2026-05-05']}}]");
}

static void meta_tells_since_when(void **state) {
    struct fixture *f = *state;
    static const char query[] = "{" ALL_THREE ",'date_range':'year','include':{'total_rows':true}}";
    {
        JSON_AUTO reply = ask_known(f, query);
        expect_text(json_member(reply, "meta"), "{'total_rows':1,'levels':[],'diary_from':null}",
                    query);
    }
    set_the_scene(f);
    JSON_AUTO reply = ask_known(f, query);
    expect_text(json_member(json_member(reply, "meta"), "diary_from"), "'2026-04-03'", query);
}

static void what_does_not_go_with_them_is_refused(void **state) {
    struct fixture *f = *state;
    static const struct {
        const char *query, *field;
    } bad[] = {
        {"{'metrics':['visitors','new_visitors'],'date_range':'day'}", "metrics: new_visitors "},
        {"{" ALL_THREE ",'date_range':'day','dimensions':['event:page']}", "dimensions: "},
        {"{" ALL_THREE ",'date_range':'day','dimensions':['time:hour']}", "dimensions: "},
        {"{" ALL_THREE ",'date_range':'day','dimensions':['time']}", "dimensions: "},
        {"{" ALL_THREE ",'date_range':'24h'}", "date_range: "},
        {"{" ALL_THREE ",'date_range':'day','filters':[['is','event:page',['/a']]]}", "filters: "},
        {"{" ALL_THREE ",'date_range':'day','include':{'compare':['2026-05-12T10:00:00+02:00',"
         "'2026-05-12T14:59:59+02:00']}}",
         "include: "},
    };
    json_t *reply = NULL;
    struct err err = {0};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(run(f, f->policy, bad[i].query, &reply, &err), ERR_INVALID);
        if (strncmp(err.text, bad[i].field, strlen(bad[i].field)) != 0)
            fail_msg("%s: %s", bad[i].query, err.text);
    }
    assert_int_equal(run(f, f->without, "{" ALL_THREE ",'date_range':'day'}", &reply, &err),
                     ERR_INVALID);
    assert_int_equal(strncmp(err.text, "metrics: ", 9), 0);
    struct query_env env = env_of(f);
    static const struct {
        const char *period, *periods, *field;
    } cohorts[] = {{"day", "", "period: "},
                   {"week", "57", "periods: "},
                   {"month", "14", "periods: "},
                   {"", "0", "periods: "},
                   {"", "8x", "periods: "}};
    for (size_t i = 0; i < ARRAY_LEN(cohorts); i++) {
        struct cohorts_asked asked = {span_str(cohorts[i].period), span_str(cohorts[i].periods)};
        assert_int_equal(cohorts_run(&env, f->policy, &asked, &reply, &err), ERR_INVALID);
        assert_int_equal(strncmp(err.text, cohorts[i].field, strlen(cohorts[i].field)), 0);
    }
    struct cohorts_asked asked = {SPAN_EMPTY, SPAN_EMPTY};
    assert_int_equal(cohorts_run(&env, f->without, &asked, &reply, &err), ERR_INVALID);
    assert_int_equal(strncmp(err.text, "site_id: ", 9), 0);
}

/* --- against the model -------------------------------------------------------------------------- */

static int32_t first_day(const struct fixture *f, unsigned v) {
    for (int n = BACK_DAYS; n-- > 0;)
        if (f->came[v][n])
            return f->today - n;
    return INT32_MAX;
}

static bool came_within(const struct fixture *f, unsigned v, int32_t from, int32_t to) {
    for (int n = 0; n < BACK_DAYS; n++)
        if (f->came[v][n] && f->today - n >= from && f->today - n <= to)
            return true;
    return false;
}

static void count_naively(const struct fixture *f, int32_t from, int32_t to, json_int_t out[3]) {
    memset(out, 0, 3 * sizeof(*out));
    for (unsigned v = 0; v < VISITORS; v++) {
        if (!came_within(f, v, from, to))
            continue;
        bool new = first_day(f, v) >= from &&first_day(f, v) <= to;
        out[0]++;
        out[new ? 1 : 2]++;
    }
}

static int32_t start_of(const char *dim, int32_t day) {
    return strcmp(dim, "time:week") == 0    ? civil_week_start(day)
           : strcmp(dim, "time:month") == 0 ? civil_month_start(day)
                                            : day;
}

/* The rows one after another, as one text. */
static void naive_rows(const struct fixture *f, const char *dim, int32_t from, int32_t to,
                       struct buf *out) {
    json_int_t n[3];
    for (int32_t day = from, end; day <= to; day = end + 1) {
        for (end = day; *dim ? end < to && start_of(dim, end + 1) == start_of(dim, day) : end < to;)
            end++;
        count_naively(f, day, end, n);
        char text[CIVIL_TEXT];
        civil_format(start_of(dim, day), text);
        if (*dim && n[0])
            buf_addf(out, "%s %lld %lld %lld\n", text, n[0], n[1], n[2]);
        if (!*dim)
            buf_addf(out, "%lld %lld %lld\n", n[0], n[1], n[2]);
    }
}

static void told_rows(struct fixture *f, const char *dim, const char *from, const char *to,
                      struct buf *out) {
    char query[300];
    (void)snprintf(query, sizeof(query),
                   "{" ALL_THREE ",'date_range':['%s','%s'],'dimensions':[%s%s%s]}", from, to,
                   *dim ? "'" : "", dim, *dim ? "'" : "");
    JSON_AUTO reply = ask_known(f, query);
    size_t i;
    json_t *row;
    json_array_foreach (json_member(reply, "results"), i, row) {
        const json_t *m = json_member(row, "metrics");
        const char *label = json_string_value(json_array_get(json_member(row, "dimensions"), 0));
        buf_addf(out, "%s%s%lld %lld %lld\n", label ? label : "", label ? " " : "",
                 json_integer_value(json_array_get(m, 0)), json_integer_value(json_array_get(m, 1)),
                 json_integer_value(json_array_get(m, 2)));
    }
}

static void draw_visitors(struct fixture *f) {
    for (unsigned v = 0; v < VISITORS; v++) {
        int life = 1 + (int)below(f, 380), first = (int)below(f, 390);
        add(f, v, first);
        for (unsigned i = below(f, 12); i-- > 0;) {
            int n = first - (int)below(f, (unsigned)life);
            add(f, v, n < 0 ? 0 : n);
        }
    }
}

static void ranges_count_as_the_model_does(void **state) {
    struct fixture *f = *state;
    static const char *const dims[] = {"", "time:day", "time:week", "time:month"};
    draw_visitors(f);
    for (unsigned round = 0; round < ROUNDS; round++) {
        int32_t from = f->today - (int32_t)below(f, 460);
        int32_t to = from + (int32_t)below(f, 120) * (int32_t)(1 + below(f, 4));
        const char *dim = dims[below(f, ARRAY_LEN(dims))];
        char texts[2][CIVIL_TEXT];
        civil_format(from, texts[0]);
        civil_format(to, texts[1]);
        BUF_AUTO naive = {0};
        BUF_AUTO told = {0};
        naive_rows(f, dim, from, to, &naive);
        told_rows(f, dim, texts[0], texts[1], &told);
        if (!span_eq(buf_span(&naive), buf_span(&told)))
            fail_msg("%s %s to %s\n  expected\n%s  got\n%s", dim, texts[0], texts[1],
                     buf_cstr(&naive), buf_cstr(&told));
    }
}

static void naive_cohorts(const struct fixture *f, bool months, unsigned periods, struct buf *out) {
    int32_t starts[60];
    int32_t now = months ? civil_month_start(f->today) : civil_week_start(f->today);
    for (unsigned i = 0; i <= periods; i++)
        starts[i] = months ? civil_add_months(now, (int)i + 1 - (int)periods)
                           : now + 7 * ((int32_t)i + 1 - (int32_t)periods);
    for (unsigned c = 0; c < periods; c++)
        for (unsigned p = c; p < periods; p++) {
            unsigned n = 0;
            for (unsigned v = 0; v < VISITORS; v++)
                n += first_day(f, v) >= starts[c] && first_day(f, v) < starts[c + 1] &&
                     came_within(f, v, starts[p], starts[p + 1] - 1);
            buf_addf(out, "%u%c", n, p + 1 == periods ? '\n' : ' ');
        }
}

static void told_cohorts(struct fixture *f, bool months, unsigned periods, struct buf *out) {
    struct query_env env = env_of(f);
    char number[8];
    (void)snprintf(number, sizeof(number), "%u", periods);
    struct cohorts_asked asked = {months ? SPAN_LIT("month") : SPAN_LIT("week"), span_str(number)};
    JSON_AUTO reply = NULL;
    struct err err = {0};
    if (cohorts_run(&env, f->policy, &asked, &reply, &err) < 0)
        fail_msg("%s", err.text);
    size_t i, k;
    json_t *cohort, *n;
    json_array_foreach (json_member(reply, "cohorts"), i, cohort) {
        const json_t *returned = json_member(cohort, "returned");
        assert_int_equal(json_integer_value(json_member(cohort, "visitors")),
                         json_integer_value(json_array_get(returned, 0)));
        json_array_foreach (returned, k, n)
            buf_addf(out, "%lld%c", json_integer_value(n),
                     k + 1 == json_array_size(returned) ? '\n' : ' ');
    }
}

static void cohorts_are_those_of_the_model(void **state) {
    struct fixture *f = *state;
    draw_visitors(f);
    for (unsigned round = 0; round < ROUNDS / 2; round++) {
        bool months = round % 2;
        unsigned periods = 1 + below(f, months ? 13 : 56);
        BUF_AUTO naive = {0};
        BUF_AUTO told = {0};
        naive_cohorts(f, months, periods, &naive);
        told_cohorts(f, months, periods, &told);
        if (!span_eq(buf_span(&naive), buf_span(&told)))
            fail_msg("%u %s\n  expected\n%s  got\n%s", periods, months ? "months" : "weeks",
                     buf_cstr(&naive), buf_cstr(&told));
    }
}

static void cohorts_name_the_period_at_hand(void **state) {
    struct fixture *f = *state;
    set_the_scene(f);
    struct query_env env = env_of(f);
    JSON_AUTO reply = NULL;
    struct cohorts_asked asked = {SPAN_EMPTY, SPAN_LIT("2")};
    assert_int_equal(cohorts_run(&env, f->policy, &asked, &reply, NULL), 0);
    expect_text(reply,
                "{'period':'week','unfinished':'2026-05-11','diary_from':'2026-04-03','cohorts':["
                "{'cohort':'2026-05-04','visitors':1,'returned':[1,1]},"
                "{'cohort':'2026-05-11','visitors':2,'returned':[2]}]}",
                "cohorts");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static uint64_t seed;

static int set_up_random(void **state) {
    int rc = set_up(state);
    ((struct fixture *)*state)->random = seed * 2654435761U + 1;
    return rc;
}

#define RANDOM_TEST(name) cmocka_unit_test_setup_teardown(name, set_up_random, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_person_counts_once_in_a_range),
        TEST(two_ranges_are_compared),
        TEST(meta_tells_since_when),
        TEST(what_does_not_go_with_them_is_refused),
        RANDOM_TEST(ranges_count_as_the_model_does),
        RANDOM_TEST(cohorts_are_those_of_the_model),
        TEST(cohorts_name_the_period_at_hand),
    };
    const char *given = getenv("TAMIS_SEED");
    seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    print_message("# TAMIS_SEED=%llu\n", (unsigned long long)seed);
    assert_int_equal(crypt_init(), 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
