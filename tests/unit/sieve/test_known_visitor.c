/* Visitors who agreed to be known again: what of their id passes the door, and where to. */
#include <stdlib.h>
#include <sys/stat.h>

#include "crypt.h"
#include "sieve.h"
#include "t.h"
#include "visitor_id.h"

#define HEX "0123456789abcdef0123456789abcdef"
#define OTHER_HEX "1123456789abcdef0123456789abcdef"

enum { WITH = 1, NEIGHBOUR = 2, WITHOUT = 3, TOKYO = 4 };

/* 2026-11-18T12:00:00Z */
static const int64_t noon_ms = 1795003200000;

struct fixture {
    char dir[64];
    struct fake_clock clock;
    struct counters counters;
    struct policy_set *set;
    struct sieve *sieve;
    struct sieve_lane *lane;
    struct arena arena;
};

static void add_site(struct fixture *f, uint32_t site, const char *domain, const char *zone,
                     bool cookie) {
    static const struct span params[] = {{"q", 1}};
    struct policy p = {.site = site,
                       .domain = span_str(domain),
                       .profile = PROFILE_CONSENTED,
                       .visitor_cookie = cookie,
                       .search_params = params,
                       .search_param_count = 1};
    assert_int_equal(policy_set_add(f->set, &p, span_str(zone), NULL), 0);
}

static void open_sieve(struct fixture *f) {
    struct sieve_options o = {
        .os = &os_system, .clock = &f->clock.clock, .keys_dir = f->dir, .counters = &f->counters};
    struct err err;
    if (sieve_open(&o, &f->sieve, &err) < 0 || sieve_lane_new(f->sieve, &f->lane, &err) < 0)
        fail_msg("%s", err.text);
}

static void close_sieve(struct fixture *f) {
    sieve_lane_free(f->lane);
    sieve_close(f->sieve);
}

static int set_up(void **state) {
    static struct fixture f;
    memset(&f, 0, sizeof(f));
    (void)snprintf(f.dir, sizeof(f.dir), "/tmp/tamis-visitor-XXXXXX");
    assert_non_null(mkdtemp(f.dir));
    fake_clock_init(&f.clock, noon_ms);
    arena_init(&f.arena, 0);
    f.set = policy_set_new();
    add_site(&f, WITH, "a.example", "UTC", true);
    add_site(&f, NEIGHBOUR, "b.example", "UTC", true);
    add_site(&f, WITHOUT, "c.example", "UTC", false);
    add_site(&f, TOKYO, "d.example", "Asia/Tokyo", true);
    open_sieve(&f);
    *state = &f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    close_sieve(f);
    policy_set_unref(f->set);
    arena_release(&f->arena);
    char command[100];
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", f->dir);
    return system(command);
}

static struct span id_made_at(struct fixture *f, int64_t ms, const char *hex) {
    char text[80];
    (void)snprintf(text, sizeof(text), "%lld.%s", (long long)(ms / 1000), hex);
    return arena_copy(&f->arena, span_str(text));
}

static struct hit hit_with(const struct fixture *f, struct span id) {
    struct hit h;
    hit_init(&h);
    h.user_agent =
        SPAN_LIT("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0");
    h.name = SPAN_LIT("pageview");
    h.url = SPAN_LIT("https://a.example/p");
    h.ts_ms = f->clock.now_ms;
    h.visitor_id = id;
    assert_true(net_parse(SPAN_LIT("203.0.113.77"), &h.address));
    return h;
}

struct passed {
    struct event event;
    bool is_known;
    uint64_t known;
};

static struct passed pass(struct fixture *f, uint32_t site, const struct hit *h) {
    struct passed p = {0};
    const struct policy *policy = policy_by_id(f->set, site);
    struct err err = {0};
    if (sieve_pass(f->lane, policy, h, &f->arena, &p.event, &err) != SIEVE_PASS)
        fail_msg("did not pass %s", err.text);
    int rc = sieve_known(f->lane, policy, h, &p.event, &p.known, &err);
    assert_in_range(rc, 0, 1);
    p.is_known = rc == 1;
    return p;
}

static struct passed pass_id(struct fixture *f, uint32_t site, struct span id) {
    struct hit h = hit_with(f, id);
    return pass(f, site, &h);
}

#define assert_props(p, text) assert_true(span_eq((p).event.props, SPAN_LIT(text)))
#define NEW "{\"visitor\":\"new\"}"
#define RETURNING "{\"visitor\":\"returning\"}"

static void ids_are_of_one_form(void **state) {
    static const char *const bad[] = {"",
                                      ".",
                                      "1795003200",
                                      "1795003200." HEX "0",
                                      "1795003200.0123456789abcdef0123456789abcde",
                                      "1795003200.0123456789ABCDEF0123456789abcdef",
                                      "1795003200.0123456789abcdeg0123456789abcdef",
                                      "." HEX,
                                      "-1." HEX,
                                      "+1." HEX,
                                      " 1795003200." HEX,
                                      "1795003200." HEX " ",
                                      "1795003200.." HEX,
                                      "179500320000." HEX,
                                      "99999999999999999999." HEX};
    struct visitor_id id;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (visitor_id_parse(span_str(bad[i]), &id))
            fail_msg("taken: %s", bad[i]);
    assert_true(visitor_id_parse(SPAN_LIT("1795003200." HEX), &id));
    assert_int_equal(id.made_ms, 1795003200000);
    assert_true(span_eq(id.random, SPAN_LIT(HEX)));
}

static void an_id_lives_thirteen_months(void **state) {
    struct fixture *f = *state;
    const int64_t day_ms = 86400000;
    const struct {
        int64_t age_ms;
        bool counts;
    } cases[] = {{0, true},
                 {VISITOR_ID_DAYS * day_ms, true},
                 {VISITOR_ID_DAYS * day_ms + 1000, false},
                 {-day_ms, true},
                 {-day_ms - 1000, false}};
    uint64_t refused = 0;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct passed p = pass_id(f, WITH, id_made_at(f, noon_ms - cases[i].age_ms, HEX));
        assert_int_equal(p.is_known, cases[i].counts);
        assert_int_equal(p.event.props.len > 0, cases[i].counts);
        refused += !cases[i].counts;
        assert_int_equal(counters_get(&f->counters, COUNT_VISITOR_IDS_EXPIRED), refused);
    }
    assert_false(pass_id(f, WITH, SPAN_LIT("nonsense")).is_known);
    assert_int_equal(counters_get(&f->counters, COUNT_VISITOR_IDS_MALFORMED), 1);
}

/* Midnight is the site's: at 15:00 UTC a new day begins in Tokyo. */
static void new_is_who_was_given_the_id_that_day(void **state) {
    struct fixture *f = *state;
    struct span id = id_made_at(f, noon_ms, HEX);
    f->clock.now_ms = noon_ms + 2 * 3600000 + 3599000;
    assert_props(pass_id(f, WITH, id), NEW);
    assert_props(pass_id(f, TOKYO, id), NEW);
    int32_t before = pass_id(f, TOKYO, id).event.day;
    f->clock.now_ms = noon_ms + 3 * 3600000;
    assert_props(pass_id(f, WITH, id), NEW);
    assert_props(pass_id(f, TOKYO, id), RETURNING);
    assert_int_equal(pass_id(f, TOKYO, id).event.day, before + 1);
    f->clock.now_ms = noon_ms + 12 * 3600000;
    assert_props(pass_id(f, WITH, id), RETURNING);
    assert_props(pass_id(f, WITH, id_made_at(f, f->clock.now_ms + 3600000, HEX)), NEW);
}

/* The id in place of address and user agent, and a key that dies with the day. */
static void the_visitor_of_the_day_is_told_by_the_id(void **state) {
    struct fixture *f = *state;
    struct span id = id_made_at(f, noon_ms - 86400000, HEX);
    struct hit h = hit_with(f, id);
    struct passed first = pass(f, WITH, &h);
    assert_true(net_parse(SPAN_LIT("198.51.100.9"), &h.address));
    h.user_agent = SPAN_LIT("Mozilla/5.0 (Windows NT 10.0; rv:129.0) Gecko/20100101 Firefox/129.0");
    struct passed elsewhere = pass(f, WITH, &h);
    assert_int_equal(elsewhere.event.visitor, first.event.visitor);
    assert_int_equal(elsewhere.known, first.known);
    assert_int_not_equal(first.event.visitor, first.known);
    struct passed other = pass_id(f, WITH, id_made_at(f, noon_ms, OTHER_HEX));
    assert_int_not_equal(other.event.visitor, first.event.visitor);
    assert_int_not_equal(other.known, first.known);
    f->clock.now_ms += 86400000;
    struct passed tomorrow = pass_id(f, WITH, id);
    assert_int_not_equal(tomorrow.event.visitor, first.event.visitor);
    assert_int_equal(tomorrow.known, first.known);
    assert_int_not_equal(pass_id(f, NEIGHBOUR, id).known, first.known);
    assert_int_not_equal(pass_id(f, NEIGHBOUR, id).event.visitor, tomorrow.event.visitor);
}

static void without_the_setting_the_id_is_dropped(void **state) {
    struct fixture *f = *state;
    struct hit h = hit_with(f, id_made_at(f, noon_ms, HEX));
    const struct hit_prop prop = {SPAN_LIT("visitor"), SPAN_LIT("member")};
    h.props = &prop;
    h.prop_count = 1;
    struct passed with_id = pass(f, WITHOUT, &h);
    h.visitor_id = SPAN_EMPTY;
    struct passed no_id = pass(f, WITHOUT, &h);
    assert_false(with_id.is_known);
    assert_props(with_id, "{\"visitor\":\"member\"}");
    assert_int_equal(with_id.event.visitor, no_id.event.visitor);
    assert_false(sieve_forget(f->lane, policy_by_id(f->set, WITHOUT), id_made_at(f, noon_ms, HEX),
                              &with_id.known, NULL));
    struct stat st;
    char path[100];
    (void)snprintf(path, sizeof(path), "%s/known-%d", f->dir, WITHOUT);
    assert_int_equal(stat(path, &st), -1);
}

static void the_sites_own_property_gives_way(void **state) {
    struct fixture *f = *state;
    struct hit_prop props[30];
    char keys[30][8];
    struct hit h = hit_with(f, id_made_at(f, noon_ms, HEX));
    for (size_t i = 0; i < 30; i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "k%02zu", i);
        props[i] = (struct hit_prop){span_str(keys[i]), SPAN_LIT("x")};
    }
    props[0].key = SPAN_LIT(" visitor ");
    h.props = props;
    h.prop_count = 2;
    assert_props(pass(f, WITH, &h), "{\"k01\":\"x\",\"visitor\":\"new\"}");
    h.visitor_id = SPAN_EMPTY;
    assert_props(pass(f, WITH, &h), "{\"k01\":\"x\"}");
    h.visitor_id = id_made_at(f, noon_ms, HEX);
    props[0].key = SPAN_LIT("k00");
    h.prop_count = 30;
    struct passed full = pass(f, WITH, &h);
    assert_true(span_ends(full.event.props, SPAN_LIT("\"visitor\":\"new\"}")));
}

static void engagement_is_no_visit_of_that_day(void **state) {
    struct fixture *f = *state;
    struct hit h = hit_with(f, id_made_at(f, noon_ms - 86400000, HEX));
    h.name = SPAN_LIT("engagement");
    h.engaged_ms = 5000;
    struct passed p = pass(f, WITH, &h);
    assert_false(p.is_known);
    assert_props(p, RETURNING);
    h.name = SPAN_LIT("Signup");
    assert_true(pass(f, WITH, &h).is_known);
}

static void a_search_is_of_the_same_visitor(void **state) {
    struct fixture *f = *state;
    struct hit h = hit_with(f, id_made_at(f, noon_ms, HEX));
    const struct policy *policy = policy_by_id(f->set, WITH);
    struct event e, search;
    h.url = SPAN_LIT("https://a.example/p?q=Shoes");
    assert_int_equal(sieve_pass(f->lane, policy, &h, &f->arena, &e, NULL), SIEVE_PASS);
    assert_int_equal(sieve_search(f->lane, policy, &h, &e, &f->arena, &search, NULL), 1);
    assert_true(span_eq(search.props, SPAN_LIT("{\"query\":\"shoes\",\"visitor\":\"new\"}")));
    assert_int_equal(search.visitor, e.visitor);
}

static void the_key_lasts_until_the_site_is_removed(void **state) {
    struct fixture *f = *state;
    struct span id = id_made_at(f, noon_ms, HEX);
    struct passed first = pass_id(f, WITH, id);
    uint64_t known = 0;
    char path[100];
    struct stat st;
    (void)snprintf(path, sizeof(path), "%s/known-%d", f->dir, WITH);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    close_sieve(f);
    open_sieve(f);
    assert_int_equal(pass_id(f, WITH, id).known, first.known);
    const struct policy *policy = policy_by_id(f->set, WITH);
    assert_true(sieve_is_visitor_id(id_made_at(f, 0, HEX)));
    assert_int_equal(sieve_forget(f->lane, policy, id_made_at(f, 0, HEX), &known, NULL), 1);
    assert_int_equal(known, first.known);
    assert_int_equal(sieve_wipe_removed(f->sieve, f->set, NULL), 0);
    assert_int_equal(stat(path, &st), 0);
    struct policy_set *none = policy_set_new();
    assert_int_equal(sieve_wipe_removed(f->sieve, none, NULL), 0);
    policy_set_unref(none);
    assert_int_equal(stat(path, &st), -1);
    assert_int_equal(sieve_forget(f->lane, policy, id, &known, NULL), 0);
    assert_int_not_equal(pass_id(f, WITH, id).known, first.known);
}

static void a_damaged_key_is_not_used(void **state) {
    struct fixture *f = *state;
    struct sieve *s = NULL;
    struct err err = {0};
    char path[100];
    (void)snprintf(path, sizeof(path), "%s/known-9", f->dir);
    struct sieve_options o = {.os = &os_system, .clock = &f->clock.clock, .keys_dir = f->dir};
    assert_int_equal(os_replace_file(&os_system, path, SPAN_LIT("short"), 0600, NULL), 0);
    assert_int_equal(sieve_open(&o, &s, &err), ERR_CORRUPT);
    assert_non_null(strstr(err.text, "keys/known-9 is damaged"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_of_one_form),
        TEST(an_id_lives_thirteen_months),
        TEST(new_is_who_was_given_the_id_that_day),
        TEST(the_visitor_of_the_day_is_told_by_the_id),
        TEST(without_the_setting_the_id_is_dropped),
        TEST(the_sites_own_property_gives_way),
        TEST(engagement_is_no_visit_of_that_day),
        TEST(a_search_is_of_the_same_visitor),
        TEST(the_key_lasts_until_the_site_is_removed),
        TEST(a_damaged_key_is_not_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
