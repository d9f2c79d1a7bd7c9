#include "arena.h"
#include "channel.h"
#include "origin.h"
#include "os.h"
#include "t.h"

static const struct {
    const char *referrer, *query, *source, *channel;
} rows[] = {
#define ROW(referrer, query, source, channel) {(referrer), (query), (source), (channel)},
#include "channel_rows.def"
#undef ROW
};

struct fixture {
    struct scrub *scrub;
    struct scrub_lane *lane;
    struct source_table *sources;
    struct spam *spam;
    struct arena arena;
    struct policy policy; /* what the tests add to it */
};

static int set_up(void **state) {
    static struct fixture f;
    f.policy = (struct policy){0};
    arena_init(&f.arena, 0);
    *state = &f;
    return scrub_open(&f.scrub, NULL) || scrub_lane_new(f.scrub, &f.lane, NULL) ||
           source_table_open(&f.sources, NULL) ||
           spam_open(SPAN_LIT("# ours\n\nWWW.Pest.example # x\r\n"), &f.spam, NULL);
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    scrub_lane_free(f->lane);
    scrub_close(f->scrub);
    source_table_close(f->sources);
    spam_close(f->spam);
    arena_release(&f->arena);
    return 0;
}

static int fill(struct fixture *f, enum profile profile, const char *referrer, const char *query,
                struct props *props, struct event *ret) {
    static const struct span keep[] = {{"lang", 4}};
    struct policy policy = f->policy;
    policy.domain = SPAN_LIT("example.com");
    policy.profile = profile;
    policy.query_keep = keep;
    policy.query_keep_count = 1;
    struct hit hit = {.referrer = span_str(referrer),
                      .user_agent = SPAN_LIT("Agent/1.0 (planted)")};
    struct url url;
    char text[500];
    (void)snprintf(text, sizeof(text), "https://www.example.com/p?%s", query);
    assert_true(url_parse(span_str(text), false, &url));
    event_init(ret);
    props->count = props->dropped = 0;
    const struct origin_context c = {.policy = &policy,
                                     .hit = &hit,
                                     .sources = f->sources,
                                     .spam = f->spam,
                                     .scrub = f->lane,
                                     .arena = &f->arena};
    return origin_fill(&c, &url, ret, props, NULL);
}

static struct event origin(struct fixture *f, enum profile profile, const char *referrer,
                           const char *query, struct props *props) {
    struct event e;
    assert_int_equal(fill(f, profile, referrer, query, props, &e), 0);
    return e;
}

static void names_and_channels(void **state) {
    size_t failures = 0;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct props props;
        struct event e = origin(*state, PROFILE_FRUGAL, rows[i].referrer, rows[i].query, &props);
        if (!span_eq(e.source, span_str(rows[i].source)) ||
            !span_eq(e.channel, span_str(rows[i].channel))) {
            print_error("%s ?%s: got \"%.*s\" %.*s, want \"%s\" %s\n", rows[i].referrer,
                        rows[i].query, SPAN_ARG(e.source), SPAN_ARG(e.channel), rows[i].source,
                        rows[i].channel);
            failures++;
        }
    }
    assert_int_equal(failures, 0);
}

static const struct {
    const char *name, *keys;
    enum source_kind kind;
} listed[] = {
#define SOURCE(name, KIND, keys) {(name), (keys), SOURCE_##KIND},
#include "sources.def"
#undef SOURCE
};

/* Each key finds its own row: none is written twice, in capitals, or hidden by another. */
static void every_key_is_found(void **state) {
    struct fixture *f = *state;
    size_t failures = 0;
    for (size_t i = 0; i < ARRAY_LEN(listed); i++) {
        struct span keys = span_str(listed[i].keys), key;
        while (span_next(&keys, ' ', &key)) {
            struct source_info info = {.name = SPAN_EMPTY};
            bool found = span_eq(key, SPAN_LIT("-"));
            if (!found && span_starts(key, SPAN_LIT("app:")))
                found = source_by_host(f->sources, span_from(key, 4), true, &info);
            else if (!found)
                found = source_by_word(f->sources, key, &info);
            if (info.name.len)
                found = span_eq(info.name, span_str(listed[i].name)) && info.kind == listed[i].kind;
            if (!found || key.len == 0) {
                print_error("%s: key \"%.*s\"\n", listed[i].name, SPAN_ARG(key));
                failures++;
            }
        }
    }
    assert_int_equal(failures, 0);
}

static void the_page_about_channels_is_true(void **state) {
    static const char *const order[] = {"Direct",
                                        "Cross-network",
                                        "Paid Shopping",
                                        "Paid Search",
                                        "Paid Social",
                                        "Paid Video",
                                        "Display",
                                        "Paid Other",
                                        "Organic Shopping",
                                        "Organic Social",
                                        "Organic Video",
                                        "Organic Search",
                                        "AI Assistants",
                                        "Email",
                                        "Affiliates",
                                        "Referral",
                                        "Audio",
                                        "SMS",
                                        "Mobile Push Notifications",
                                        "Unassigned"};
    BUF_AUTO page = {0};
    assert_int_equal(os_read_file(&os_system, SOURCE_ROOT "/docs/channels.md", 100000, &page, NULL),
                     0);
    assert_true(span_find_span(buf_span(&page), SPAN_LIT("**" SOURCES_SEEN "**")) != SIZE_MAX);
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        char row[60];
        (void)snprintf(row, sizeof(row), "\n| %zu | %s |", i + 1, order[i]);
        if (span_find_span(buf_span(&page), span_str(row)) == SIZE_MAX)
            fail_msg("docs/channels.md has no row \"%s\"", row + 1);
        /* Each channel of the page comes up in the table above. */
        bool seen = false;
        for (size_t r = 0; r < ARRAY_LEN(rows) && !seen; r++)
            seen = strcmp(rows[r].channel, order[i]) == 0;
        if (!seen)
            fail_msg("no row for %s", order[i]);
    }
}

static void own_names(void **state) {
    struct fixture *f = *state;
    static const struct policy_alias aliases[] = {
        {{"mag.example.org", 15}, {"Magazine", 8}},
        {{"letters.mag.example.org", 23}, {"Letters", 7}},
        {{"twitter", 7}, {"X", 1}},
        {{"app:org.some.reader", 19}, {"Reader", 6}},
        {{"fnac-mp", 7}, {"Fnac", 4}},
        {{"news", 4}, {"Newsletter 2026", 15}},
        {{"utm.example.net", 15}, {"Google", 6}},
    };
    static const struct span own[] = {{"shop.example.net", 16}};
    static const struct {
        const char *referrer, *query, *source, *channel;
    } want[] = {
        {"https://mag.example.org/1", "", "Magazine", "Referral"},
        {"https://a.mag.example.org/1", "", "Magazine", "Referral"},
        {"https://www.letters.mag.example.org/", "", "Letters", "Referral"},
        {"https://x.letters.mag.example.org/", "", "Letters", "Referral"},
        {"https://notmag.example.org/", "", "notmag.example.org", "Referral"},
        {"", "utm_source=Letters.MAG.example.org", "Letters", "Unassigned"},
        /* a listed name by another one, whatever of its hosts it came by; its channel stays */
        {"https://t.co/x", "", "X", "Organic Social"},
        {"", "utm_source=twitter&utm_medium=cpc", "X", "Paid Social"},
        {"", "twclid=abc", "X", "Paid Social"},
        {"android-app://org.some.reader/", "", "Reader", "Referral"},
        {"https://org.some.reader/", "", "org.some.reader", "Referral"},
        {"", "utm_source=FNAC-mp", "Fnac", "Organic Shopping"},
        {"", "utm_source=News", "Newsletter 2026", "Unassigned"},
        {"https://top-level.news/", "", "top-level.news", "Referral"},
        {"https://utm.example.net/", "", "Google", "Organic Search"},
        {"https://shop.example.net/cart", "", "", "Direct"},
        {"https://m.shop.example.net/cart", "", "", "Direct"},
        {"https://example.net/", "", "example.net", "Referral"},
        {"https://www.google.com/", "", "Google", "Organic Search"},
    };
    f->policy = (struct policy){.source_aliases = aliases,
                                .source_alias_count = ARRAY_LEN(aliases),
                                .own_hosts = own,
                                .own_host_count = ARRAY_LEN(own)};
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        struct props props;
        struct event e = origin(f, PROFILE_FRUGAL, want[i].referrer, want[i].query, &props);
        same_text(want[i].source, e.source, want[i].source);
        same_text(want[i].source, e.channel, want[i].channel);
        assert_int_equal(e.referrer.len > 0, want[i].referrer[0] && e.source.len > 0);
    }
}

static void referrer_spam(void **state) {
    struct fixture *f = *state;
    static const struct {
        const char *referrer;
        bool spam;
    } want[] = {
        {"http://semalt.com/crawler.php?u=x", true},
        {"https://forum.SEMALT.com/", true},
        {"https://notsemalt.com/", false},
        {"https://semalt.com.example.org/", false},
        {"https://pest.example/", true},
        {"https://www.a.pest.example/x", true},
        {"https://ours/", false},
        {"https://www.google.com/", false},
        {"", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(want) * PROFILES * 2; i++) {
        const size_t row = i % ARRAY_LEN(want);
        const enum profile profile = (enum profile)(i / ARRAY_LEN(want) % PROFILES);
        f->policy.block_spam = i >= ARRAY_LEN(want) * PROFILES;
        struct props props;
        struct event e;
        int rc = fill(f, profile, want[row].referrer, "utm_source=x", &props, &e);
        if (rc != (f->policy.block_spam && want[row].spam ? ORIGIN_SPAM : 0))
            fail_msg("%s, profile %u: %d", want[row].referrer, profile, rc);
    }
    BUF_AUTO page = {0};
    assert_int_equal(os_read_file(&os_system, SOURCE_ROOT "/docs/refusals.md", 100000, &page, NULL),
                     0);
    assert_true(span_find_span(buf_span(&page), SPAN_LIT("**" SPAM_SEEN "**")) != SIZE_MAX);
    struct spam *bad = NULL;
    struct err err;
    assert_int_equal(spam_open(SPAN_LIT("a.example\nhttps://b.example/"), &bad, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "line 2"));
    assert_null(bad);
    /* whoever is on the list of sources has visitors of its own */
    for (size_t i = 0; i < ARRAY_LEN(listed); i++) {
        struct span keys = span_str(listed[i].keys), key;
        while (span_next(&keys, ' ', &key))
            assert_false(spam_has(f->spam, key));
    }
}

static void referrer_by_profile(void **state) {
    struct props props;
    static const char link[] = "https://www.blog.org/u/jane@example.com?q=secret#f";
    same_text("frugal", origin(*state, PROFILE_FRUGAL, link, "", &props).referrer, "blog.org");
    same_text("consented", origin(*state, PROFILE_CONSENTED, link, "", &props).referrer,
              "blog.org/u/:email");
    struct event e = origin(*state, PROFILE_CNIL, link, "utm_source=x&lang=fr", &props);
    same_text("cnil", e.referrer, "blog.org");
    assert_int_equal(e.source.len + e.channel.len + e.utm_source.len + props.count, 0);
}

static void campaign_fields(void **state) {
    struct props props;
    struct event e =
        origin(*state, PROFILE_FRUGAL, "",
               "utm_source=a&utm_medium=b+c&utm_campaign=d%20e&utm_content=jane%40example.com"
               "&utm_term=%0Ax&lang=fr&other=zz&utm_source=second",
               &props);
    same_text("source", e.utm_source, "a");
    same_text("medium", e.utm_medium, "b c");
    same_text("campaign", e.utm_campaign, "d e");
    same_text("content", e.utm_content, ":email");
    same_text("term", e.utm_term, "x");
    assert_int_equal(props.count, 1);
    same_text("kept", props.list[0].value, "fr");
    e = origin(*state, PROFILE_FRUGAL, "",
               "utm_term=jane%252540example.com&lang=jane%40example.com", &props);
    assert_true(span_find_span(e.utm_term, SPAN_LIT("jane")) == SIZE_MAX);
    assert_int_equal(props.dropped, 1);
}

static const struct {
    const char *text, *want;
} campaigns[] = {
    /* what people call their campaigns */
    {"spring-sale-2026", NULL},
    {"cmp_12345", NULL},
    {"Black Friday", NULL},
    {"2026-q1_b2b_fr_v2_a1", NULL},
    {"BFCM2026_US_TOF_CBO_v1_25-44", NULL},
    {"[FR] Search | Brand | 2026", NULL},
    {"internationalisierungsbeauftragter", NULL},
    {"20261124_newsletter_v2", NULL},
    {"iPhone15ProMax256GBBlack", NULL},
    /* what programs do */
    {"550e8400-e29b-41d4-a716-446655440000", ":id"},
    {"mail 550e8400-e29b-41d4-a716-446655440000 again", "mail :id again"},
    {"120208765432100123", ":id"},
    {"d41d8cd98f00b204e9800998ecf8427e", ":token"},
    {"letter_d41d8cd98f00b204e9800998ecf8427e", "letter_:token"},
    {"0flv9m1qrt8c6hn2kpd5sgj7uo", ":token"},
    {"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dBjftJeZ4CVPmB92K27uhbUJU1p1r", ":token"},
    {"EAIaIQobChMI8J3ZqYvPhAMVQpCDBx0AAAAAEAAYASAAEgK8fPD_BwE", ":token"},
    {"d41d8cd98f%25300b204e9800998ecf8427e", ":id"}, /* encoded once more */
    {"12345678 jane%2540example.com", ":id"},
};

static void tokens_in_campaigns(void **state) {
    static const char *const names[] = {"source", "medium", "campaign", "content", "term"};
    size_t failures = 0;
    for (size_t i = 0; i < ARRAY_LEN(campaigns); i++)
        for (size_t n = 0; n < ARRAY_LEN(names); n++) {
            struct props props;
            char query[200];
            (void)snprintf(query, sizeof(query), "utm_%s=%s", names[n], campaigns[i].text);
            struct event e = origin(*state, PROFILE_FRUGAL, "", query, &props);
            const struct span got[] = {e.utm_source, e.utm_medium, e.utm_campaign, e.utm_content,
                                       e.utm_term};
            const char *want = campaigns[i].want ? campaigns[i].want : campaigns[i].text;
            if (!span_eq(got[n], span_str(want))) {
                print_error("%s: got \"%.*s\", want \"%s\"\n", query, SPAN_ARG(got[n]), want);
                failures++;
            }
        }
    assert_int_equal(failures, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names_and_channels, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_key_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_page_about_channels_is_true, set_up, tear_down),
        cmocka_unit_test_setup_teardown(own_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(referrer_spam, set_up, tear_down),
        cmocka_unit_test_setup_teardown(referrer_by_profile, set_up, tear_down),
        cmocka_unit_test_setup_teardown(campaign_fields, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tokens_in_campaigns, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
