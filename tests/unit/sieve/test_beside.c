/* What a hit says beside a visit: web vitals, and what was searched for on the site. */
#include "fixture.h"

#include <stdlib.h>

#include "crypt.h"

static int set_up(void **state) {
    static struct fixture f;
    static const struct span params[] = {{"q", 1}, {"suche", 5}};
    fixture_open(&f, 1795000000000);
    for (uint32_t i = 0; i < PROFILES; i++) {
        struct policy p = {.profile = (enum profile)i,
                           .search_params = params,
                           .search_param_count = ARRAY_LEN(params)};
        fixture_add_site(&f, i, p, SPAN_LIT("UTC"));
    }
    *state = &f;
    return 0;
}

static struct hit hit_of(const struct fixture *f, const char *name, const char *url) {
    struct hit h;
    hit_init(&h);
    h.user_agent =
        SPAN_LIT("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0");
    h.name = span_str(name);
    h.url = span_str(url);
    h.ts_ms = f->clock.now_ms;
    assert_true(net_parse(SPAN_LIT("203.0.113.77"), &h.address));
    return h;
}

static const struct policy *policy_of(const struct fixture *f, enum profile profile) {
    return policy_by_id(f->set, (uint32_t)profile + 1);
}

/* --- web vitals --------------------------------------------------------------------------------- */

static void vitals_are_kept_by_every_profile(void **state) {
    struct fixture *f = *state;
    for (unsigned profile = 0; profile < PROFILES; profile++) {
        struct hit h = hit_of(f, "vitals", "https://a.example/p?q=x");
        const struct hit_prop prop = {SPAN_LIT("plan"), SPAN_LIT("pro")};
        h.props = &prop;
        h.prop_count = 1;
        h.vitals_milli[VITAL_LCP] = 1234500;
        h.vitals_milli[VITAL_INP] = 400;
        h.vitals_milli[VITAL_CLS] = 0;
        struct event e, search;
        const struct policy *p = policy_of(f, (enum profile)profile);
        assert_int_equal(sieve_pass(f->lane, p, &h, &f->arena, &e, NULL), SIEVE_PASS);
        assert_int_equal(e.kind, EVENT_VITALS);
        assert_int_equal(e.interactive, 0);
        assert_int_equal(e.lcp_ms, 1235);
        assert_int_equal(e.inp_ms, 1); /* measured, so not 0 */
        assert_int_equal(e.cls_milli, 1);
        assert_int_equal(e.props.len, 0);
        same_text("page", e.page, "/p");
        assert_int_equal(sieve_search(f->lane, p, &h, &e, &f->arena, &search, NULL), 0);
    }
    assert_int_equal(counters_get(&f->counters, COUNT_VITALS_DROPPED), 0);
}

static void absurd_vitals_are_dropped_and_counted(void **state) {
    struct fixture *f = *state;
    const struct policy *p = policy_of(f, PROFILE_FRUGAL);
    struct hit h = hit_of(f, "vitals", "https://a.example/");
    struct event e;
    h.vitals_milli[VITAL_LCP] = 600000000;
    h.vitals_milli[VITAL_INP] = -1;
    h.vitals_milli[VITAL_CLS] = 100001;
    assert_int_equal(sieve_pass(f->lane, p, &h, &f->arena, &e, NULL), SIEVE_PASS);
    assert_int_equal(e.lcp_ms, 600000);
    assert_int_equal(e.inp_ms, 0);
    assert_int_equal(e.cls_milli, 0);
    assert_int_equal(counters_get(&f->counters, COUNT_VITALS_DROPPED), 2);
    h.vitals_milli[VITAL_LCP] = 600000001;
    assert_int_equal(sieve_pass(f->lane, p, &h, &f->arena, &e, NULL), SIEVE_VITALS);
    assert_int_equal(counters_get(&f->counters, COUNT_VITALS_DROPPED), 5);
    assert_int_equal(counters_get(&f->counters, COUNT_EVENTS_REFUSED_VITALS), 1);
}

/* --- site search -------------------------------------------------------------------------------- */

static void searches_become_events(void **state) {
    struct fixture *f = *state;
    static const struct {
        const char *url, *props; /* NULL: none */
    } rows[] = {
        {"https://a.example/s?q=Rye+Bread", "{\"query\":\"rye bread\"}"},
        {"https://a.example/s?utm_source=x&Q=%C3%89CLAIR%20%20%C3%A0++la&suche=y",
         "{\"query\":\"\xc3\xa9"
         "clair \xc3\xa0 la\"}"},
        {"https://a.example/s?q=&suche=%D0%A5%D0%9B%D0%95%D0%91",
         "{\"query\":\"\xd1\x85\xd0\xbb\xd0\xb5\xd0\xb1\"}"},
        {"https://a.example/s?q=%22a%22", "{\"query\":\"\\\"a\\\"\"}"},
        {"https://a.example/s?q=", NULL},
        {"https://a.example/s?q=+%20", NULL},
        {"https://a.example/s?query=x", NULL},
        {"https://a.example/s?x=q", NULL},
        {"https://a.example/q", NULL},
        {"https://a.example/s#?q=x", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct hit h = hit_of(f, "pageview", rows[i].url);
        struct event e, search;
        const struct policy *p = policy_of(f, PROFILE_FRUGAL);
        assert_int_equal(sieve_pass(f->lane, p, &h, &f->arena, &e, NULL), SIEVE_PASS);
        int found = sieve_search(f->lane, p, &h, &e, &f->arena, &search, NULL);
        if (found != (rows[i].props != NULL))
            fail_msg("%s: %d", rows[i].url, found);
        if (!found)
            continue;
        same_text(rows[i].url, search.props, rows[i].props);
        same_text("name", search.name, "Site Search");
        same_text("page", search.page, "/s");
        assert_int_equal(search.kind, EVENT_CUSTOM);
        assert_int_equal(search.interactive, 0);
        assert_true(search.visitor == e.visitor && search.ts_ms == e.ts_ms);
        assert_int_equal(e.kind, EVENT_PAGEVIEW);
    }
}

static void long_searches_are_cut_at_a_character(void **state) {
    struct fixture *f = *state;
    char url[600] = "https://a.example/s?q=", want[300] = "{\"query\":\"";
    for (int i = 0; i < 50; i++) {
        strcat(url, "%C3%89e");
        if (i < 40)
            strcat(want, "\xc3\xa9"
                         "e");
    }
    strcat(want, "\"}");
    struct hit h = hit_of(f, "pageview", url);
    struct event e, search;
    const struct policy *p = policy_of(f, PROFILE_CONSENTED);
    assert_int_equal(sieve_pass(f->lane, p, &h, &f->arena, &e, NULL), SIEVE_PASS);
    assert_int_equal(sieve_search(f->lane, p, &h, &e, &f->arena, &search, NULL), 1);
    same_text("props", search.props, want);
}

static void personal_searches_are_dropped_and_counted(void **state) {
    struct fixture *f = *state;
    static const char *const urls[] = {
        "https://a.example/s?q=jane.doe%40example.org",
        "https://a.example/s?q=order+of+JANE%2540EXAMPLE.ORG",
        "https://a.example/s?q=FR7630006000011234567890189",
        "https://a.example/s?q=4111+1111+1111+1111",
        /* the item begins before the cut */
        "https://a.example/s?q=12345678901234567890123456789012345678901234567890123456789012345678"
        "901+jane.doe%40example.org",
    };
    const struct policy *p = policy_of(f, PROFILE_CONSENTED);
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        struct hit h = hit_of(f, "pageview", urls[i]);
        struct event e, search;
        assert_int_equal(sieve_pass(f->lane, p, &h, &f->arena, &e, NULL), SIEVE_PASS);
        if (sieve_search(f->lane, p, &h, &e, &f->arena, &search, NULL))
            fail_msg("%s: %.*s", urls[i], SPAN_ARG(search.props));
    }
    assert_int_equal(counters_get(&f->counters, COUNT_PROPS_DROPPED_PERSONAL), ARRAY_LEN(urls));
}

static void only_page_views_search_and_not_under_cnil(void **state) {
    struct fixture *f = *state;
    static const struct {
        const char *name;
        enum profile profile;
        int found;
    } rows[] = {{"pageview", PROFILE_CNIL, 0},
                {"pageview", PROFILE_FRUGAL, 1},
                {"engagement", PROFILE_FRUGAL, 0},
                {"Signup", PROFILE_CONSENTED, 0}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct hit h = hit_of(f, rows[i].name, "https://a.example/s?q=bread");
        struct event e, search;
        const struct policy *p = policy_of(f, rows[i].profile);
        assert_int_equal(sieve_pass(f->lane, p, &h, &f->arena, &e, NULL), SIEVE_PASS);
        assert_int_equal(sieve_search(f->lane, p, &h, &e, &f->arena, &search, NULL), rows[i].found);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    assert_int_equal(crypt_init(), 0);
    const struct CMUnitTest tests[] = {
        TEST(vitals_are_kept_by_every_profile),
        TEST(absurd_vitals_are_dropped_and_counted),
        TEST(searches_become_events),
        TEST(long_searches_are_cut_at_a_character),
        TEST(personal_searches_are_dropped_and_counted),
        TEST(only_page_views_search_and_not_under_cnil),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
