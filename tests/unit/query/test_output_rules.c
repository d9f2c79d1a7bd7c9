/* Somebody who may ask anything as often as they like, against the output rules of the profiles:
 * docs/output-rules.md. One person is the only one of their country with their browser; each attack
 * of that page tries to see that person. */
#include "asking.h"

#include <stdio.h>
#include <stdlib.h>

#include "crypt.h"
#include "rounds.h"

enum { CROWD = 450, PADS = 6, MOST_EVENTS = 2000 };

static int32_t the_day(void) {
    return day_of(2026, 5, 5);
}

#define DAY "'date_range':['2026-05-05','2026-05-05']"

/* --- the site ----------------------------------------------------------------------------------
 */

enum how { HOT, SEALED, CELLS };

struct world {
    struct bed *b;
    uint32_t site;
    enum how how;
    struct event events[MOST_EVENTS];
    size_t count;
};

static void visit(struct world *w, uint64_t person, const char *country, const char *browser,
                  const char *page) {
    int64_t ts = zone_from_local_ms(bed_policy(w->b, w->site)->zone, the_day(), 10 * 3600) +
                 (int64_t)person * 1000;
    for (int i = 0; i < 1 + (int)(person % 2); i++) {
        assert_true(w->count < MOST_EVENTS);
        struct event *e = &w->events[w->count++];
        *e = bed_event(w->b, w->site, ts + i * 60000, person, EVENT_PAGEVIEW, page);
        e->country = span_str(country);
        e->browser = span_str(browser);
    }
}

/* Of each country, browser and page ten or more, but nobody from ES with Safari; six more countries
 * have Safari, by 11 to 16 persons. */
static void settle(struct world *w, bool with_the_one) {
    static const char *const countries[] = {"FR", "FR", "FR", "DE", "ES"};
    static const char *const browsers[] = {"Firefox", "Chrome", "Safari"};
    static const char *const pages[] = {"/", "/news", "/shop"};
    static const char *const pads[PADS] = {"A1", "A2", "A3", "A4", "A5", "A6"};
    for (size_t i = 0; i < CROWD; i++) {
        bool spain = i % 5 == 4;
        visit(w, 1 + i, countries[i % 5], browsers[spain && i % 3 == 2 ? 1 : i % 3],
              pages[i / 15 % 3]);
    }
    for (size_t i = 0; i < PADS; i++)
        for (size_t k = 0; k < 11 + i; k++)
            visit(w, 1000 + 100 * i + k, pads[i], "Safari", "/");
    if (with_the_one)
        visit(w, 9001, "ES", "Safari", "/shop");
    bed_apply(w->b, w->events, w->count);
}

static struct world *world_open(uint32_t site, enum how how, bool with_the_one) {
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->b = bed_open();
    w->site = site;
    w->how = how;
    settle(w, with_the_one);
    const struct zone *zone = bed_policy(w->b, site)->zone;
    w->b->clock.now_ms = zone_from_local_ms(zone, the_day() + 1, 15 * 3600);
    if (how == HOT)
        return w;
    bed_seal(w->b, site, the_day());
    bed_publish(w->b);
    if (how == CELLS)
        bed_build_cells(w->b, 100);
    return w;
}

static void world_close(struct world *w) {
    bed_close(w->b);
    free(w);
}

/* --- what is asked ------------------------------------------------------------------------------
 */

static const char *const leaves[] = {
    "['is','visit:country',['ES']]",
    "['is_not','visit:country',['ES']]",
    "['is','visit:country',['ES','DE']]",
    "['contains','visit:country',['E']]",
    "['matches','visit:country',['^E']]",
    "['is','visit:browser',['Safari']]",
    "['is_not','visit:browser',['Safari']]",
    "['is','visit:browser',['safari','chrome'],{'case_sensitive':false}]",
    "['is','visit:entry_page',['/shop']]",
    "['is_not','visit:entry_page',['/shop']]",
    "['is','event:page',['/shop']]",
    "['or',[['is','visit:country',['ES']],['is','visit:browser',['Safari']]]]",
    "['not',['and',[['is','visit:country',['ES']],['is','visit:browser',['Safari']]]]]",
};

static const char *const splits[] = {
    "", "'visit:country'", "'visit:browser'", "'event:page'", "'time:hour'", "'time:day'",
};

#define COUNTS "'visitors','visits','pageviews','events'"
#define ALL COUNTS ",'bounce_rate','views_per_visit','percentage'"

typedef void (*with_filters)(const char *filters, const char *split, void *ctx);

/* Each leaf, and each two of them, by half of the splits. */
static void for_each_question(with_filters f, void *ctx) {
    for (size_t i = 0; i < ARRAY_LEN(leaves); i++)
        for (size_t k = i; k < ARRAY_LEN(leaves); k += ROUNDS(1, 3))
            for (size_t s = (i + k) % 2; s < ARRAY_LEN(splits); s += 2) {
                char filters[400];
                (void)snprintf(filters, sizeof filters, "%s%s%s", leaves[i], k > i ? "," : "",
                               k > i ? leaves[k] : "");
                f(filters, splits[s], ctx);
            }
}

static char *question(const char *metrics, const char *filters, const char *split) {
    char *text = NULL;
    assert_true(asprintf(&text,
                         "{'metrics':[%s],'filters':[%s],'dimensions':[%s],"
                         "'include':{'total_rows':true}," DAY "}",
                         metrics, filters, split) > 0);
    return text;
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

/* The first figure without dimensions; −1 where it is hidden. */
static json_int_t ask_one(struct world *w, const char *filters) {
    CLEANUP(free_charp) char *text = question("'visitors'", filters, "");
    JSON_AUTO reply = ask(w->b, w->site, text);
    json_t *row = json_array_get(json_member(reply, "results"), 0);
    json_t *value = json_array_get(json_member(row, "metrics"), 0);
    return json_is_integer(value) ? json_integer_value(value) : -1;
}

/* --- attacks ------------------------------------------------------------------------------------
 */

static const uint32_t sites[] = {CNIL_SITE, FRUGAL_SITE};

typedef void (*attack)(struct world *w);

static void in_every_place(attack a, uint32_t site) {
    for (enum how how = HOT; how <= CELLS; how++) {
        struct world *w = world_open(site, how, true);
        a(w);
        world_close(w);
    }
}

/* Named outright, by filters or by a breakdown without any: it looks like nobody. */
static void name_the_person(struct world *w) {
    static const char *const nobody[] = {
        "['is','visit:country',['ES']],['is','visit:browser',['Safari']]",
        "['is','visit:country',['ES']],['is','visit:browser',['Lynx']]",
        "['is','visit:country',['ES']],['contains','visit:browser',['Saf']]",
        "['is','event:page',['/shop']],['is','visit:country',['ES']],"
        "['is','visit:browser',['Safari']]",
        "['is','event:page',['/shop']],['is','visit:country',['ES']],"
        "['is','visit:browser',['Lynx']]",
    };
    for (size_t i = 0; i < ARRAY_LEN(nobody); i++)
        for (size_t s = 0; s < ARRAY_LEN(splits); s++) {
            CLEANUP(free_charp) char *text = question(ALL, nobody[i], splits[s]);
            expect_member(w->b, w->site, text, "results", NULL,
                          *splits[s] ? "[]"
                                     : "[{'metrics':[null,null,null,null,null,null,null],"
                                       "'dimensions':[]}]");
        }
    JSON_AUTO all = ask(w->b, w->site,
                        "{'metrics':['visitors'],'dimensions':['visit:country','visit:browser'],"
                        "'order_by':[['visitors','asc']],'include':{'total_rows':true}," DAY "}");
    json_t *rows = json_member(all, "results");
    size_t i;
    json_t *row;
    json_array_foreach (rows, i, row) {
        json_t *dims = json_member(row, "dimensions");
        assert_false(strcmp(json_string_value(json_array_get(dims, 0)), "ES") == 0 &&
                     strcmp(json_string_value(json_array_get(dims, 1)), "Safari") == 0);
    }
    assert_int_equal(json_integer_value(json_member(json_member(all, "meta"), "total_rows")),
                     json_array_size(rows));
    assert_int_equal(json_array_size(rows), 8 + PADS);
    assert_null(json_member(json_member(all, "meta"), "folded_rows"));
}

static void nobody_can_be_named(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sites); i++)
        in_every_place(name_the_person, sites[i]);
}

struct twins {
    struct world *with, *without;
    size_t compared, refused;
};

static void compare_twins(const char *filters, const char *split, void *ctx) {
    struct twins *t = ctx;
    /* A ratio of the person's own twenty may pass one of frugal's wide steps. */
    const char *metrics = t->with->site == CNIL_SITE ? ALL : COUNTS;
    CLEANUP(free_charp) char *text = question(metrics, filters, split);
    JSON_AUTO a = try(t->with, text);
    JSON_AUTO b = try(t->without, text);
    assert_true(!a == !b);
    t->refused += !a;
    /* What one attribute has is no secret of a person's. */
    if (!a || !json_member(json_member(a, "meta"), "rounded_to"))
        return;
    t->compared++;
    CLEANUP(free_charp) char *x = json_dumps(json_member(a, "results"), JSON_COMPACT);
    CLEANUP(free_charp) char *y = json_dumps(json_member(b, "results"), JSON_COMPACT);
    if (strcmp(x, y) != 0)
        fail_msg("%s\n  with     %s\n  without  %s", text, x, y);
}

/* All questions, asked with the person there and without. */
static void no_answer_changes_with_the_person(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sites); i++) {
        struct twins t = {world_open(sites[i], SEALED, true), world_open(sites[i], SEALED, false),
                          0, 0};
        for_each_question(compare_twins, &t);
        assert_true(t.compared > ROUNDS(150, 40));
        assert_int_equal(t.refused > 0, sites[i] == CNIL_SITE); /* four attributes */
        world_close(t.with);
        world_close(t.without);
    }
}

/* With the person's cell among others or not, beside all sums of the others: what is rounded as a
 * whole rounds up for one sum in ten, and the share is the count. */
static void pad_the_rounding(struct world *w) {
    json_int_t gained = 0;
    for (unsigned set = 1; set < 1U << PADS; set += w->how == HOT ? ROUNDS(1, 5) : ROUNDS(5, 11)) {
        char names[64] = "", filters[200];
        for (unsigned i = 0; i < PADS; i++)
            if (set & 1U << i)
                (void)snprintf(names + strlen(names), sizeof names - strlen(names), "%s'A%u'",
                               *names ? "," : "", i + 1);
        (void)snprintf(filters, sizeof filters,
                       "['is','visit:country',[%s]],['is','visit:browser',['Safari']]", names);
        json_int_t without = ask_one(w, filters);
        (void)snprintf(filters, sizeof filters,
                       "['is','visit:country',[%s,'ES']],['is','visit:browser',['Safari']]", names);
        json_int_t with = ask_one(w, filters);
        assert_int_equal(with, without);
        gained += with - without;
    }
    assert_int_equal(gained, 0);
}

static void padding_reads_nothing(void **state) {
    (void)state;
    in_every_place(pad_the_rounding, CNIL_SITE);
}

/* What the asker knows of a count that was shown, or was not. */
struct known {
    json_int_t least, most;
};

static struct known learn(struct world *w, const char *filters) {
    CLEANUP(free_charp) char *text = question("'visitors'", filters, "");
    JSON_AUTO reply = ask(w->b, w->site, text);
    json_t *meta = json_member(reply, "meta");
    json_int_t unit = json_integer_value(json_member(meta, "rounded_to"));
    json_int_t hidden = json_integer_value(json_member(meta, "hidden_below"));
    json_t *row = json_array_get(json_member(reply, "results"), 0);
    json_t *value = json_array_get(json_member(row, "metrics"), 0);
    if (!json_is_integer(value))
        return (struct known){0, hidden - 1};
    json_int_t v = json_integer_value(value);
    return unit > 1 ? (struct known){v - unit / 2, v + (unit - 1) / 2} : (struct known){v, v};
}

/* All of one filter, less those of whom another holds besides. */
static void subtract(struct world *w) {
    json_int_t least = w->site == CNIL_SITE ? 10 : 5;
    for (size_t i = 0; i <= ARRAY_LEN(leaves); i++)
        for (size_t k = 0; k < ARRAY_LEN(leaves); k++) {
            char both[400];
            const char *all = i < ARRAY_LEN(leaves) ? leaves[i] : "";
            (void)snprintf(both, sizeof both, "%s%s%s", all, *all ? "," : "", leaves[k]);
            if (i == k || (w->site == FRUGAL_SITE && !*all)) /* one attribute alone is exact */
                continue;
            if ((i + k) % ROUNDS(3, 9) != w->how)
                continue; /* each in one place */
            struct known whole = learn(w, all), part = learn(w, both);
            json_int_t low = whole.least - part.most, high = whole.most - part.least;
            if (high == low && high > 0 && high < least)
                fail_msg("without %s: exactly %d", both, (int)high);
        }
}

static void differences_tell_nothing_exactly(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sites); i++)
        in_every_place(subtract, sites[i]);
}

static json_int_t integer(const json_t *list, size_t i) {
    return json_integer_value(json_array_get(list, i));
}

static void check_figures(const char *filters, const char *split, void *ctx) {
    struct world *w = ctx;
    CLEANUP(free_charp) char *text = question(ALL, filters, split);
    JSON_AUTO reply = try(w, text);
    size_t i;
    json_t *row;
    json_array_foreach (json_member(reply, "results"), i, row) {
        const json_t *m = json_member(row, "metrics");
        for (size_t k = 0; k < 4; k++)
            if (integer(m, k) % 10 != 0)
                fail_msg("%s: a count is not rounded", text);
        for (size_t k = 4; k < 6; k++)
            if (integer(m, 1) <= 10 && !json_is_null(json_array_get(m, k)))
                fail_msg("%s: a ratio of ten visits", text);
    }
}

/* 66.7 % of ten visits would say that they are six or nine. */
static void few_visits_have_no_ratios(void **state) {
    (void)state;
    struct world *w = world_open(CNIL_SITE, HOT, true);
    for_each_question(check_figures, w);
    world_close(w);
}

/* --- refusals -----------------------------------------------------------------------------------
 */

static void expect_refusal(struct world *w, const char *query, const char *expected) {
    CLEANUP(free_charp) char *quoted = requoted(query);
    CLEANUP(free_charp) char *text = requoted(expected);
    json_t *reply = NULL;
    struct err err = {0};
    assert_int_equal(run_text(w->b, w->site, quoted, &reply, &err), ERR_INVALID);
    assert_string_equal(err.text, text);
}

#define RANGES                                                                                    \
    "with filters or two attributes the profile cnil takes 1, 7, 28, 30, 90 or 91 days, or days " \
    "from the first of a month, at most a year"
#define MOMENTS "the profile cnil has moments only of the last 5 minutes, 30 minutes or 24 hours"
#define ES "'filters':[['is','visit:country',['ES']]]"

static void what_cannot_be_answered_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *query, *error;
    } refused[] = {
        {"'filters':[['contains','event:page',['/reset/a']]]," DAY,
         "filters: event:page takes 'is' with one value with the profile cnil"},
        {"'filters':[['not',['is','event:page',['/']]]]," DAY,
         "filters: event:page takes 'is' with one value with the profile cnil"},
        {"'filters':[['is','event:page',['/','/shop']]]," DAY,
         "filters: event:page takes 'is' with one value with the profile cnil"},
        {"'filters':[['or',[['is','event:page',['/']],['is','visit:os',['x']]]]]," DAY,
         "filters: event:page takes 'is' with one value with the profile cnil"},
        {"'filters':[['has_not_done',['is','event:page',['/']]]]," DAY,
         "filters: has_done does not go with the profile cnil"},
        {"'dimensions':['visit:os','visit:country','visit:browser','event:page']," DAY,
         "filters: at most 3 attributes, dimensions included, with the profile cnil"},
        {"'dimensions':['visit:os','event:page']," ES ",'date_range':['2026-05-04','2026-05-05']",
         "date_range: " RANGES},
        {ES ",'date_range':['2026-05-04','2026-05-05']", "date_range: " RANGES},
        {ES ",'date_range':['2024-05-01','2026-05-05']", "date_range: " RANGES},
        {ES ",'date_range':'day','include':{'compare':['2026-05-01','2026-05-02']}", NULL},
        {ES ",'date_range':'day','include':{'compare':['2026-05-02','2026-05-03']}",
         "include: compare: " RANGES},
        {"'date_range':['2026-05-05T10:00:00+02:00','2026-05-05T10:00:01+02:00']",
         "date_range: " MOMENTS},
        {"'date_range':['2026-05-06T14:50:00+02:00','2026-05-06T15:00:00+02:00']",
         "date_range: " MOMENTS},
        {"'date_range':'24h'", NULL},
        {"'date_range':['2026-05-06T14:55:00+02:00','2026-05-06T15:00:00+02:00'],"
         "'filters':[['is_not','event:name',['engagement']]]",
         NULL},
        {ES ",'date_range':'28d'", NULL},
        {ES ",'date_range':'12mo'", NULL},
        {ES ",'date_range':'all'", NULL},
        {ES ",'date_range':['2026-05-01','2026-05-05']", NULL},
        {"'date_range':['2026-05-02','2026-05-05']", NULL},
        {"'dimensions':['event:page'],'date_range':['2026-05-02','2026-05-05']", NULL},
    };
    struct world *w = world_open(CNIL_SITE, HOT, true);
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        CLEANUP(free_charp) char *query = NULL;
        assert_true(asprintf(&query, "{'metrics':['visitors'],%s}", refused[i].query) > 0);
        if (refused[i].error)
            expect_refusal(w, query, refused[i].error);
        else
            json_decref(ask(w->b, w->site, query));
    }
    world_close(w);
}

/* --- figures that are shown ---------------------------------------------------------------------
 */

/* Ordinary questions keep their answers; hand-counted. */
static void the_many_are_shown(void **state) {
    (void)state;
    struct world *w = world_open(CNIL_SITE, HOT, true);
    expect_for(w->b, CNIL_SITE, "{'metrics':['visitors','pageviews']," DAY "}", "[[530,800]]");
    expect_for(w->b, CNIL_SITE, "{'metrics':['visitors'],'dimensions':['visit:browser']," DAY "}",
               "[['Safari',200],['Chrome',180],['Firefox',150]]");
    /* ES has 30 with Firefox and 60 with Chrome; the one with Safari is not there. */
    expect_for(w->b, CNIL_SITE,
               "{'metrics':['visitors','percentage'],'dimensions':['visit:browser']," ES "," DAY
               "}",
               "[['Chrome',60,66.7],['Firefox',30,33.3]]");
    expect_for(w->b, CNIL_SITE,
               "{'metrics':['visitors','bounce_rate'],'filters':[['is_not','visit:country',['ES']],"
               "['is','visit:browser',['Safari']]],'dimensions':['time:day']," DAY "}",
               /* FR 90, DE 30, four countries of 11 to 14, two of 15 and 16; half of them bounce */
               "[['2026-05-05',200,50]]");
    expect_member(w->b, CNIL_SITE, "{'metrics':['visitors']," ES "," DAY "}", "meta", NULL,
                  "{'rounded_to':10,'hidden_below':10,'levels':['hot']}");
    expect_for(w->b, CNIL_SITE, "{'metrics':['visitors'],'date_range':'24h'}", "[[null]]");
    world_close(w);
    w = world_open(FRUGAL_SITE, HOT, true);
    expect_for(w->b, FRUGAL_SITE, "{'metrics':['visitors']," ES "," DAY "}", "[[91]]");
    expect_for(w->b, FRUGAL_SITE,
               "{'metrics':['visitors'],'dimensions':['visit:browser']," ES "," DAY "}",
               "[['Chrome',60],['Firefox',30]]");
    expect_for(
        w->b, FRUGAL_SITE,
        "{'metrics':['visitors'],'dimensions':['visit:country'],"
        "'filters':[['is','visit:browser',['Safari']],['contains','visit:country',['A']]]," DAY "}",
        "[['A3',15],['A4',15],['A5',15],['A6',15],['A1',10],['A2',10]]");
    world_close(w);
}

int main(void) {
    if (crypt_init() < 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_can_be_named),
        cmocka_unit_test(no_answer_changes_with_the_person),
        cmocka_unit_test(padding_reads_nothing),
        cmocka_unit_test(differences_tell_nothing_exactly),
        cmocka_unit_test(few_visits_have_no_ratios),
        cmocka_unit_test(what_cannot_be_answered_is_refused),
        cmocka_unit_test(the_many_are_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
