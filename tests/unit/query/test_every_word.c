/* Every metric, dimension, operator and range of query_words.def in a case that was worked out by hand:
 * two days of one site, asked of hot rows, sealed rows, both, and months of them, by raw rows and by
 * whatever answers fastest. */
#include "asking.h"

#include <stdio.h>
#include <stdlib.h>

#include "crypt.h"

enum what { VIEW, SIGNUP, BUY, READ /* engagement */, VITALS };
enum from { DIRECT, SEARCH, MAIL };

static const struct {
    int day, hour, minute; /* of March 2026, in Paris; the 2nd is a Monday */
    uint64_t person;
    enum what what;
    const char *page;
    enum from from;
    uint32_t a, b,
        c; /* BUY: cents; READ: per cent, seconds; VITALS: LCP, INP, CLS in thousandths */
} events[] = {
    /* p1 comes from Google, buys twice, reads both pages: 9:00 to 9:04. */
    {2, 9, 0, 1, VIEW, "/", SEARCH, 0, 0, 0},
    {2, 9, 1, 1, READ, "/", DIRECT, 80, 30, 0},
    {2, 9, 1, 1, VITALS, "/", DIRECT, 1000, 100, 10},
    {2, 9, 2, 1, VIEW, "/buy", DIRECT, 0, 0, 0},
    {2, 9, 2, 1, BUY, "/buy", DIRECT, 3000, 0, 0},
    {2, 9, 3, 1, BUY, "/buy", DIRECT, 1000, 0, 0},
    {2, 9, 4, 1, READ, "/buy", DIRECT, 50, 20, 0},
    /* p2 comes from a newsletter, an event first; another source in mid-visit changes nothing. */
    {2, 10, 0, 2, SIGNUP, "/join", MAIL, 0, 0, 0},
    {2, 10, 6, 2, VIEW, "/", SEARCH, 0, 0, 0},
    {2, 10, 6, 2, VITALS, "/", DIRECT, 3000, 0, 200},
    /* p4 views nothing. */
    {2, 11, 0, 4, SIGNUP, "/join", DIRECT, 0, 0, 0},
    /* p3 at midnight: two people, of whom the second is silent for 31 minutes: three visits. */
    {2, 23, 50, 3, VIEW, "/", DIRECT, 0, 0, 0},
    {3, 0, 5, 3, VIEW, "/buy", DIRECT, 0, 0, 0},
    {3, 0, 36, 3, VIEW, "/", DIRECT, 0, 0, 0},
};

#define TEXT(s) \
    { .ptr = (s), .len = sizeof(s) - 1 }

static const struct policy_goal goals[] = {
    {.name = TEXT("Buy"), .kind = GOAL_EVENT, .event = TEXT("Buy"), .currency = TEXT("EUR")},
    {.name = TEXT("Home"), .kind = GOAL_PAGE, .page = TEXT("/")},
};

#define MONDAY "'date_range':['2026-03-02','2026-03-02']"
#define BOTH "'date_range':['2026-03-02','2026-03-03']"
#define SUMS "'visitors','visits','pageviews','events'"
#define EUR(value, text) "{'value':" value ",'currency':'EUR','short':'" text "','long':'" text "'}"

static const struct {
    const char *query, *expected;
} cases[] = {
    /* --- metrics ---
     * Four people, four visits. Views: 2 + 1 + 0 + 1. Events: 4 + 2 + 1 + 1. Bounces: p3 and p4, 2 of 4.
     * Seconds: (240 + 360 + 0 + 0) / 4. Views a visit: 4 / 4. */
    {"'metrics':[" SUMS ",'bounce_rate','visit_duration','views_per_visit']," MONDAY,
     "[[4,4,4,8,50,150,1.0]]"},
    /* One person more on Tuesday, in two visits, which bounce: 4 of 6; 600 s / 6; 6 views / 6. */
    {"'metrics':[" SUMS ",'bounce_rate','visit_duration','views_per_visit']," BOTH,
     "[[5,6,6,10,67,100,1.0]]"},
    /* 1 of 4 from each of two, 2 of 4 without. */
    {"'metrics':['visitors','percentage'],'dimensions':['visit:source']," MONDAY,
     "[['Direct / None',2,50.0],['Google',1,25.0],['newsletter',1,25.0]]"},
    /* p1 alone reads: 30 s of / to 80 %, 20 s of /buy to half. */
    {"'metrics':['time_on_page','scroll_depth'],'dimensions':['event:page']," MONDAY,
     "[['/',30,80],['/buy',20,50],['/join',null,null]]"},
    {"'metrics':['time_on_page','scroll_depth'],'filters':[['is','event:page',['/','/buy']]],"
     "" MONDAY,
     "[[50,80]]"},
    /* 30 € + 10 €, in two payments. */
    {"'metrics':['total_revenue','average_revenue']," MONDAY,
     "[[" EUR("40.0", "€40.00") "," EUR("20.0", "€20.00") "]]"},
    {"'metrics':['events','total_revenue'],'dimensions':['event:name']," MONDAY,
     "[['pageview',4,null],['Buy',2," EUR("40.0", "€40.00") "],['Signup',2,null]]"},
    /* p1 of four buys; p1, p2, p3 see /. */
    {"'metrics':['visitors','conversion_rate'],'dimensions':['event:goal']," MONDAY,
     "[['Home',3,75.0],['Buy',1,25.0]]"},
    /* Of four and, on a desktop, of three: p1, p3, p4. */
    {"'metrics':['conversion_rate','group_conversion_rate'],'dimensions':['visit:device'],"
     "'filters':[['is','event:goal',['Buy']]]," MONDAY,
     "[['Desktop',25.0,33.3]]"},
    /* Of two the ⌈¾ · 2⌉ = 2nd: 3,000 ms and 0.2; of one INP the first. */
    {"'metrics':['vitals','lcp','inp','cls']," MONDAY, "[[2,3000,100,0.2]]"},
    {"'metrics':['vitals','lcp','inp','cls'],'dimensions':['event:page']," MONDAY,
     "[['/',2,3000,100,0.2]]"},
    /* p2 and p3 left by /, which has three views; p1 by /buy, which has one. p4 viewed nothing. */
    {"'metrics':['visits','exit_rate'],'dimensions':['visit:exit_page']," MONDAY,
     "[['/',2,66.7],['(none)',1,null],['/buy',1,100.0]]"},
    /* p3's on Tuesday add a view and an exit to each. */
    {"'metrics':['visits','exit_rate'],'dimensions':['visit:exit_page']," BOTH,
     "[['/',3,75.0],['/buy',2,100.0],['(none)',1,null]]"},

    /* --- dimensions --- */
    {"'metrics':[" SUMS "],'dimensions':['time']," MONDAY,
     "[['2026-03-02 09:00:00',1,1,2,4],['2026-03-02 10:00:00',1,1,1,2],"
     "['2026-03-02 11:00:00',1,1,0,1],['2026-03-02 23:00:00',1,1,1,1]]"},
    {"'metrics':['visits','pageviews'],'dimensions':['time:hour'],'date_range':['2026-03-03',"
     "'2026-03-03']",
     "[['2026-03-03 00:00:00',2,2]]"},
    {"'metrics':[" SUMS "],'dimensions':['time:day']," BOTH,
     "[['2026-03-02',4,4,4,8],['2026-03-03',1,2,2,2]]"},
    /* The Monday of the week, the first of the month, though both lie outside the range or not. */
    {"'metrics':['visits'],'dimensions':['time:week'],'date_range':['2026-03-03','2026-03-10']",
     "[['2026-03-02',2]]"},
    {"'metrics':['visits'],'dimensions':['time:month']," BOTH, "[['2026-03-01',6]]"},
    {"'metrics':[" SUMS "],'dimensions':['event:page']," MONDAY,
     "[['/',3,3,3,3],['/join',2,2,0,2],['/buy',1,1,1,3]]"},
    /* Page views, and what was bought or signed up for. */
    {"'metrics':[" SUMS "],'dimensions':['event:name']," MONDAY,
     "[['pageview',3,3,4,4],['Signup',2,2,0,2],['Buy',1,1,0,2]]"},
    {"'metrics':['visitors','events'],'dimensions':['event:hostname']," MONDAY,
     "[['example.com',3,6],['shop.example.com',1,2]]"},
    /* Only the first purchase says its plan. */
    {"'metrics':['visitors','events'],'dimensions':['event:props:plan'],'filters':[['is',"
     "'event:name',['Buy']]]," MONDAY,
     "[['(none)',1,1],['pro',1,1]]"},
    {"'metrics':['visits','bounce_rate'],'dimensions':['visit:channel']," MONDAY,
     "[['Direct',2,100],['Email',1,0],['Organic Search',1,0]]"},
    {"'metrics':['visits'],'dimensions':['visit:referrer']," MONDAY,
     "[['Direct / None',3],['www.google.com',1]]"},
    {"'metrics':['visits'],'dimensions':['visit:utm_source','visit:utm_medium','visit:utm_campaign'"
     ","
     "'visit:utm_content','visit:utm_term']," MONDAY,
     "[['(not set)','(not set)','(not set)','(not set)','(not set)',3],"
     "['newsletter','email','spring','top','shoes',1]]"},
    {"'metrics':['visits'],'dimensions':['visit:utm_campaign']," MONDAY,
     "[['(not set)',3],['spring',1]]"},
    /* The first and the last that were viewed, not where an event was. */
    {"'metrics':['visits'],'dimensions':['visit:entry_page','visit:exit_page']," MONDAY,
     "[['/','/',2],['(none)','(none)',1],['/','/buy',1]]"},
    {"'metrics':['visitors','visits'],'dimensions':['visit:country']," MONDAY,
     "[['FR',2,2],['(unknown)',1,1],['DE',1,1]]"},
    {"'metrics':['visits'],'dimensions':['visit:browser','visit:browser_version']," MONDAY,
     "[['Firefox','140',3],['Chrome','129',1]]"},
    {"'metrics':['visits'],'dimensions':['visit:os','visit:os_version']," MONDAY,
     "[['Linux','(none)',3],['Android','14',1]]"},
    {"'metrics':['visits','views_per_visit'],'dimensions':['visit:device']," MONDAY,
     "[['Desktop',3,1.0],['Mobile',1,1.0]]"},

    /* --- operators --- */
    {"'metrics':['events'],'filters':[['is','event:page',['/buy','/join']]]," MONDAY, "[[5]]"},
    {"'metrics':['events'],'filters':[['is_not','event:page',['/buy','/join']]]," MONDAY, "[[3]]"},
    {"'metrics':['visits'],'filters':[['contains','visit:browser',['fire'],{'case_sensitive':"
     "false}]]," MONDAY,
     "[[3]]"},
    {"'metrics':['visits'],'filters':[['contains_not','visit:browser',['Fire']]]," MONDAY, "[[1]]"},
    {"'metrics':['events'],'filters':[['matches','event:page',['^/[bj]']]]," MONDAY, "[[5]]"},
    {"'metrics':['events'],'filters':[['matches_not','event:page',['^/[bj]']]]," MONDAY, "[[3]]"},
    {"'metrics':['visits'],'filters':[['and',[['is','visit:device',['Desktop']],['is',"
     "'visit:exit_page',['/']]]]]," MONDAY,
     "[[1]]"},
    {"'metrics':['visits'],'filters':[['or',[['is','visit:device',['Mobile']],['is',"
     "'visit:exit_page',['/buy']]]]]," MONDAY,
     "[[2]]"},
    {"'metrics':['visits'],'filters':[['not',['is','visit:source',['Direct / None']]]]," MONDAY,
     "[[2]]"},
    /* p1's views, and those of all others. */
    {"'metrics':['pageviews'],'filters':[['has_done',['is','event:name',['Buy']]]]," MONDAY,
     "[[2]]"},
    {"'metrics':['pageviews'],'filters':[['has_not_done',['is','event:name',['Buy']]]]," MONDAY,
     "[[2]]"},

    /* --- ranges --- it is Wednesday, 4 March, 00:10. */
    {"'metrics':['visits'],'date_range':'day'", "[[0]]"},
    {"'metrics':['visits'],'date_range':'day','date':'2026-03-02'", "[[4]]"},
    {"'metrics':['pageviews'],'date_range':'24h'", "[[1]]"}, /* 0:36 is within, 0:05 is not */
    {"'metrics':['visits'],'date_range':'7d'", "[[6]]"},
    {"'metrics':['visits'],'date_range':'7d','date':'2026-03-03'",
     "[[4]]"}, /* ends the day before */
    {"'metrics':['visits'],'date_range':'7d','date':'2026-03-10'", "[[2]]"}, /* from the 3rd */
    {"'metrics':['visits'],'date_range':'28d','date':'2026-03-31'", "[[2]]"},
    {"'metrics':['visits'],'date_range':'30d','date':'2026-04-01'", "[[6]]"},
    {"'metrics':['visits'],'date_range':'90d','date':'2026-06-01'", "[[2]]"}, /* 30 + 30 + 31 − 1 */
    {"'metrics':['visits'],'date_range':'91d','date':'2026-06-01'", "[[6]]"},
    {"'metrics':['visits'],'date_range':'month'", "[[6]]"},
    {"'metrics':['visits'],'date_range':'month','date':'2026-04-01'", "[[0]]"},
    {"'metrics':['visits'],'date_range':'6mo','date':'2026-08-31'", "[[6]]"},
    {"'metrics':['visits'],'date_range':'6mo','date':'2026-09-01'", "[[0]]"},
    {"'metrics':['visits'],'date_range':'12mo','date':'2027-02-28'", "[[6]]"},
    {"'metrics':['visits'],'date_range':'12mo','date':'2027-03-01'", "[[0]]"},
    {"'metrics':['visits'],'date_range':'year'", "[[6]]"},
    {"'metrics':['visits'],'date_range':'year','date':'2025-12-31'", "[[0]]"},
    {"'metrics':['visits'],'date_range':'all'", "[[6]]"},
    {"'metrics':['pageviews'],'date_range':['2026-03-02T23:50:00+01:00','2026-03-03T00:05:00+01:00'"
     "]",
     "[[2]]"},
};

static void come_from(struct event *e, enum from from) {
    if (from == SEARCH) {
        e->source = SPAN_LIT("Google");
        e->referrer = SPAN_LIT("www.google.com");
        e->channel = SPAN_LIT("Organic Search");
    } else if (from == MAIL) {
        e->source = e->utm_source = SPAN_LIT("newsletter");
        e->utm_medium = SPAN_LIT("email");
        e->utm_campaign = SPAN_LIT("spring");
        e->utm_content = SPAN_LIT("top");
        e->utm_term = SPAN_LIT("shoes");
        e->channel = SPAN_LIT("Email");
    } else {
        e->channel = SPAN_LIT("Direct");
    }
}

/* p2 has a telephone and is at the shop, in Germany; where p4 is, is not known. */
static void sit_at(struct event *e, uint64_t person) {
    bool phone = person == 2;
    e->device = phone ? SPAN_LIT("Mobile") : SPAN_LIT("Desktop");
    e->browser = phone ? SPAN_LIT("Chrome") : SPAN_LIT("Firefox");
    e->browser_version = phone ? SPAN_LIT("129") : SPAN_LIT("140");
    e->os = phone ? SPAN_LIT("Android") : SPAN_LIT("Linux");
    e->os_version = phone ? SPAN_LIT("14") : SPAN_EMPTY;
    e->country = phone ? SPAN_LIT("DE") : person == 4 ? SPAN_EMPTY : SPAN_LIT("FR");
    if (phone)
        e->hostname = SPAN_LIT("shop.example.com");
}

static struct event event_of(struct bed *b, size_t i) {
    static const int kinds[] = {[VIEW] = EVENT_PAGEVIEW,
                                [SIGNUP] = EVENT_CUSTOM,
                                [BUY] = EVENT_CUSTOM,
                                [READ] = EVENT_ENGAGEMENT,
                                [VITALS] = EVENT_VITALS};
    enum what what = events[i].what;
    struct event e = local_event(b, day_of(2026, 3, events[i].day), events[i].hour,
                                 events[i].minute, events[i].person, kinds[what], events[i].page);
    e.interactive = what != READ && what != VITALS;
    come_from(&e, events[i].from);
    sit_at(&e, events[i].person);
    if (what == BUY) {
        e.name = SPAN_LIT("Buy");
        e.currency = SPAN_LIT("EUR");
        e.revenue_milli = (int64_t)events[i].a * 10;
        e.props = events[i].a == 3000 ? SPAN_LIT("{\"plan\":\"pro\"}") : SPAN_EMPTY;
    } else if (what == READ) {
        e.scroll = (uint8_t)events[i].a;
        e.engaged_ms = events[i].b * 1000;
    } else if (what == VITALS) {
        e.name = SPAN_LIT("vitals");
        e.lcp_ms = events[i].a;
        e.inp_ms = events[i].b;
        e.cls_milli = events[i].c + 1; /* 0: not measured */
    }
    return e;
}

static struct bed *fill(void) {
    struct bed *b = bed_open();
    struct event list[ARRAY_LEN(events)];
    for (size_t i = 0; i < ARRAY_LEN(events); i++)
        list[i] = event_of(b, i);
    bed_apply(b, list, ARRAY_LEN(events));
    b->clock.now_ms = zone_from_local_ms(bed_policy(b, SITE)->zone, day_of(2026, 3, 4), 10 * 60);
    /* Policies are not to change, but those of a bed are its own. */
    struct policy *p = (struct policy *)(uintptr_t)bed_policy(b, SITE);
    p->goals = goals;
    p->goal_count = ARRAY_LEN(goals);
    return b;
}

/* From raw rows alone, then from whatever is fastest. */
static void ask_all(struct bed *b) {
    for (int fast = 0; fast < 2; fast++)
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
            b->no_rollup = b->no_cells = !fast;
            CLEANUP(free_charp) char *query = NULL;
            assert_true(asprintf(&query, "{%s}", cases[i].query) > 0);
            expect(b, query, cases[i].expected);
        }
}

static void expect_levels(struct bed *b, const char *query, const char *levels) {
    expect_member(b, SITE, query, "meta", "levels", levels);
}

static void of_hot_rows(void **state) {
    (void)state;
    struct bed *b = fill();
    ask_all(b);
    bed_close(b);
}

static void of_a_sealed_day_beside_a_hot_one(void **state) {
    (void)state;
    struct bed *b = fill();
    bed_seal(b, SITE, day_of(2026, 3, 2));
    bed_publish(b);
    ask_all(b);
    bed_build_cells(b, 1000);
    ask_all(b);
    bed_close(b);
}

static void of_sealed_days_and_their_month(void **state) {
    (void)state;
    struct bed *b = fill();
    bed_seal(b, SITE, day_of(2026, 3, 2));
    bed_seal(b, SITE, day_of(2026, 3, 3));
    bed_publish(b);
    ask_all(b);
    bed_compact(b, SITE, day_of(2026, 3, 2));
    ask_all(b);
    bed_build_cells(b, 1000);
    ask_all(b);
    expect_levels(b, "{'metrics':['visits']," BOTH "}", "['rollup','hot']");
    expect_levels(b, "{'metrics':['visits'],'dimensions':['visit:device','visit:source']," BOTH "}",
                  "['cells','hot']");
    expect_levels(b, "{'metrics':['events'],'dimensions':['event:props:plan']," BOTH "}",
                  "['sealed','hot']");
    bed_close(b);
}

static bool is_in_a_case(const char *word) {
    char quoted[64];
    (void)snprintf(quoted, sizeof quoted, "'%s", word);
    size_t n = strlen(quoted);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        for (const char *at = cases[i].query; (at = strstr(at, quoted)); at += n)
            if (at[n] == '\'' || quoted[n - 1] == ':')
                return true;
    return false;
}

/* These need a diary (test_known.c) or a view (test_views.c), which this bed does not have. */
static bool has_a_test_of_its_own(const char *word) {
    return strcmp(word, "unique_visitors") == 0 || strcmp(word, "new_visitors") == 0 ||
           strcmp(word, "returning_visitors") == 0 || strcmp(word, "visit:site") == 0;
}

/* A word that is added needs a case. */
static void every_word_has_a_case(void **state) {
    (void)state;
    static const char *const words[] = {
#define METRIC(ID, word, KIND) word,
#define DIMENSION(ID, word, SCOPE, column, empty) word,
#define RANGE(word, KIND, count) word,
#define OPERATOR(word, OP, negated) word,
#include "query_words.def"
#undef METRIC
#undef DIMENSION
#undef RANGE
#undef OPERATOR
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (!is_in_a_case(words[i]) && !has_a_test_of_its_own(words[i]))
            fail_msg("%s has no case", words[i]);
}

/* Whether a row of the page's tables begins with `word`, or with several of which it is one. */
static bool is_defined(const char *page, const char *word) {
    char quoted[64];
    (void)snprintf(quoted, sizeof quoted, "`%s", word);
    size_t n = strlen(quoted);
    for (const char *line = page; line; line = strchr(line, '\n')) {
        line += strspn(line, "\n");
        const char *end = *line == '|' ? strstr(line, " | ") : NULL;
        for (const char *at = line; end && (at = strstr(at, quoted)) && at < end; at += n)
            if (at[n] == '`' || quoted[n - 1] == ':')
                return true;
    }
    return false;
}

static void every_figure_is_defined(void **state) {
    (void)state;
    static const char *const words[] = {
#define METRIC(ID, word, KIND) word,
#define DIMENSION(ID, word, SCOPE, column, empty) word,
#include "query_words.def"
#undef METRIC
#undef DIMENSION
    };
    FILE *f = fopen(SOURCE_ROOT "/docs/metrics.md", "r");
    assert_non_null(f);
    static char page[1 << 16];
    size_t n = fread(page, 1, sizeof page - 1, f);
    (void)fclose(f);
    assert_true(n > 0 && n < sizeof page - 1);
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (!is_defined(page, words[i]))
            fail_msg("docs/metrics.md does not define %s", words[i]);
    assert_false(is_defined(page, "visitor_"));
}

int main(void) {
    if (crypt_init() < 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_hot_rows),
        cmocka_unit_test(of_a_sealed_day_beside_a_hot_one),
        cmocka_unit_test(of_sealed_days_and_their_month),
        cmocka_unit_test(every_word_has_a_case),
        cmocka_unit_test(every_figure_is_defined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
