/* No byte of a click's id is in an event, wherever in a hit it stands. */
#include "click_id.h"

#include <stdlib.h>

#include "buf.h"
#include "crypt.h"
#include "sieve.h"
#include "t.h"

static const char *const params[] = {
#define CLICK(param, source, medium) (param),
#include "click_ids.def"
#undef CLICK
};

/* Short and like a word, so that nothing but its name gives it away; random; a number. */
static const char *const values[] = {"plantedone", "EAIaIQobChMI8J3ZqYvPhAMV_BwE", "1732451234567",
                                     "Plant.8a-B"};

/* @ stands for the parameter, $ for the value. */
static const struct {
    const char *url, *referrer, *name, *key, *value;
} hits[] = {
    {"https://example.com/p?@=$", "", "pageview", "", ""},
    {"https://example.com/p?a=b&@=$&c=d", "https://www.blog.org/x?@=$", "pageview", "", ""},
    {"https://example.com/p?amp;@=$", "", "pageview", "", ""},
    {"https://example.com/p?utm_content=$&@=$", "", "pageview", "", ""},
    {"https://example.com/p?utm_term=ad-$-x&utm_source=$&ref=$&@=$", "", "pageview", "", ""},
    {"https://example.com/p?utm_campaign=a%26@%3D$", "", "pageview", "", ""},
    {"https://example.com/p?utm_campaign=a&amp;@=$", "", "pageview", "", ""},
    {"https://example.com/p&@=$", "", "pageview", "", ""},
    {"https://example.com/p;@=$", "", "pageview", "", ""},
    {"https://example.com/p%26@%3D$", "", "pageview", "", ""},
    {"https://example.com/p%2526@%253D$", "", "pageview", "", ""},
    {"https://example.com/p/@=$/q", "", "pageview", "", ""},
    {"https://example.com/p?x=/y?@=$", "https://blog.org/a&@=$", "pageview", "", ""},
    {"https://example.com/go/$?@=$", "", "pageview", "", ""},
    {"https://example.com/p", "android-app://org.reader/?@=$", "pageview", "", ""},
    {"https://example.com/p", "", "Signup @=$", "", ""},
    {"https://example.com/p?@=$", "", "Signup $", "plan", "a $ b"},
    {"https://example.com/p", "", "pageview", "@", "$"},
    {"https://example.com/p", "", "pageview", "link", "https://o.org/a?@=$"},
    {"https://example.com/p", "", "pageview", "link", "https://o.org/a&@=$"},
    {"https://example.com/p", "", "pageview", "note", "see @=$ there"},
};

static struct span fill(struct arena *arena, const char *form, const char *param,
                        const char *value) {
    BUF_AUTO out = {0};
    for (; *form; form++)
        if (*form == '@')
            buf_adds(&out, param);
        else if (*form == '$')
            buf_adds(&out, value);
        else
            buf_addc(&out, *form);
    return arena_copy(arena, buf_span(&out));
}

static void leaves_nothing(void **state) {
    char dir[] = "/tmp/tamis-click-XXXXXX";
    assert_non_null(mkdtemp(dir));
    struct fake_clock clock;
    fake_clock_init(&clock, 1700000000000);
    const struct sieve_options o = {.os = &os_system, .clock = &clock.clock, .keys_dir = dir};
    struct sieve *sieve;
    struct sieve_lane *lane;
    assert_int_equal(sieve_open(&o, &sieve, NULL), 0);
    assert_int_equal(sieve_lane_new(sieve, &lane, NULL), 0);
    struct policy_set *set = policy_set_new();
    /* Even a site that asks for them. */
    struct span keep[ARRAY_LEN(params)];
    for (size_t i = 0; i < ARRAY_LEN(params); i++)
        keep[i] = span_str(params[i]);
    static const char *const domains[PROFILES] = {"a.example", "b.example", "c.example"};
    for (uint32_t i = 0; i < PROFILES; i++)
        assert_int_equal(policy_set_add(set,
                                        &(struct policy){.site = i + 1,
                                                         .domain = span_str(domains[i]),
                                                         .profile = (enum profile)i,
                                                         .query_keep = keep,
                                                         .query_keep_count = ARRAY_LEN(keep)},
                                        SPAN_LIT("UTC"), NULL),
                         0);
    struct arena arena;
    arena_init(&arena, 0);
    size_t passed = 0, failures = 0;
    for (size_t p = 0; p < ARRAY_LEN(params); p++)
        for (size_t v = 0; v < ARRAY_LEN(values); v++)
            for (size_t i = 0; i < ARRAY_LEN(hits) * PROFILES; i++) {
                const size_t row = i / PROFILES;
#define FILL(field) fill(&arena, hits[row].field, params[p], values[v])
                const struct hit_prop prop = {FILL(key), FILL(value)};
                struct hit h = {.user_agent = SPAN_LIT("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) "
                                                       "Gecko/20100101 Firefox/128.0"),
                                .time_zone = SPAN_EMPTY,
                                .name = FILL(name),
                                .url = FILL(url),
                                .referrer = FILL(referrer),
                                .props = &prop,
                                .prop_count = prop.key.len > 0,
                                .currency = SPAN_EMPTY,
                                .ts_ms = clock.now_ms};
                struct event e;
                int rc = sieve_pass(lane, policy_at(set, i % PROFILES), &h, &arena, &e, NULL);
                assert_true(rc == SIEVE_PASS || rc == SIEVE_PROFILE);
                if (rc != SIEVE_PASS)
                    continue;
                passed++;
                BUF_AUTO out = {0};
                event_encode(&e, &out);
                if (span_find_span(buf_span(&out), span_str(values[v])) != SIZE_MAX) {
                    print_error("%.*s, profile %zu: passes\n", SPAN_ARG(h.url), i % PROFILES);
                    failures++;
                }
                if (span_starts(h.url, SPAN_LIT("https://example.com/p")))
                    failures += !span_eq(span_head(e.page, 2), SPAN_LIT("/p"));
                arena_clear(&arena);
            }
    assert_int_equal(failures, 0);
    assert_true(passed > ARRAY_LEN(params) * ARRAY_LEN(values) * ARRAY_LEN(hits) * 2);
    sieve_lane_free(lane);
    sieve_close(sieve);
    policy_set_unref(set);
    arena_release(&arena);
    char command[100];
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    assert_int_equal(system(command), 0);
}

static void every_parameter_is_known(void **state) {
    for (size_t i = 0; i < ARRAY_LEN(params); i++) {
        const struct click_id *id = click_id_of(span_str(params[i]));
        assert_non_null(id);
        same_text("param", id->param, params[i]);
    }
    assert_null(click_id_of(SPAN_LIT("clid")));
    assert_null(click_id_of(SPAN_LIT("gclids")));
    assert_null(click_id_of(SPAN_EMPTY));
}

static void the_page_about_channels_lists_them(void **state) {
    BUF_AUTO page = {0};
    assert_int_equal(os_read_file(&os_system, SOURCE_ROOT "/docs/channels.md", 100000, &page, NULL),
                     0);
    struct span rest = buf_span(&page), line;
    size_t found = 0;
    while (span_next(&rest, '\n', &line))
        for (size_t i = 0; i < ARRAY_LEN(params) && span_starts(line, SPAN_LIT("| `")); i++) {
            char code[30];
            const struct click_id *id = click_id_of(span_str(params[i]));
            (void)snprintf(code, sizeof(code), "`%s`", params[i]);
            if (span_find_span(line, span_str(code)) == SIZE_MAX)
                continue;
            char says[60];
            (void)snprintf(says, sizeof(says), " |%s%.*s |%s%.*s%s |", id->source.len ? " " : "",
                           SPAN_ARG(id->source), id->medium.len ? " `" : "", SPAN_ARG(id->medium),
                           id->medium.len ? "`" : "");
            if (!span_ends(line, span_str(says)))
                fail_msg("%s: the page says \"%.*s\"", params[i], SPAN_ARG(line));
            found++;
        }
    assert_int_equal(found, ARRAY_LEN(params));
}

static void cuts_where_one_stands(void **state) {
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"/a/b", "/a/b"},
        {"/a=b", "/a=b"},
        {"/a&gclid=x", "/a"},
        {"/a&amp;gclid=x", "/a"},
        {"/a;GCLID=x", "/a"},
        {"/a%26gclid%3dx", "/a"},
        {"/a%252526fbclid%25253Dx", "/a"},
        {"gclid=x", ""},
        {"no gclid here", "no gclid here"},
        {"a=b&gclidx=1", "a=b&gclidx=1"},
        {"100%3", "100%3"},
        {"%", "%"},
        {"=", "="},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        same_text(rows[i].text, click_id_cut(span_str(rows[i].text)), rows[i].want);
}

int main(void) {
    assert_int_equal(crypt_init(), 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaves_nothing),
        cmocka_unit_test(every_parameter_is_known),
        cmocka_unit_test(the_page_about_channels_lists_them),
        cmocka_unit_test(cuts_where_one_stands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
