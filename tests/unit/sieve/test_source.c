#include "arena.h"
#include "channel.h"
#include "origin.h"
#include "t.h"

static const struct {
    const char *referrer, *query, *source, *channel;
} rows[] = {
    {"", "", "", "Direct"},
    {"https://example.com/x", "", "", "Direct"},
    {"https://blog.example.com/", "", "", "Direct"},
    {"https://notexample.com/", "", "notexample.com", "Referral"},
    {"https://www.some-blog.org/post?x=1", "", "some-blog.org", "Referral"},
    {"file:///home/jane/x.html", "", "", "Direct"},
    {"http://203.0.113.77/x", "", ":id", "Referral"},
    /* search */
    {"https://www.google.com/", "", "Google", "Organic Search"},
    {"https://www.google.co.uk/search?q=x", "", "Google", "Organic Search"},
    {"https://google.fr", "", "Google", "Organic Search"},
    {"https://images.google.de/", "", "Google", "Organic Search"},
    {"https://google.evil-site.com/", "", "google.evil-site.com", "Referral"},
    {"https://google.com.evil-site.fr/", "", "google.com.evil-site.fr", "Referral"},
    {"https://google.github.io/", "", "google.github.io", "Referral"}, /* somebody's pages */
    {"https://google.co.zz/", "", "google.co.zz", "Referral"},         /* no such suffix */
    {"https://www.google.it.ao/", "", "Google", "Organic Search"},
    {"https://www.google.com.ng/", "", "Google", "Organic Search"},
    {"https://notgoogle.com/", "", "notgoogle.com", "Referral"},
    {"https://cn.bing.com/", "", "Bing", "Organic Search"},
    {"https://duckduckgo.com/", "", "DuckDuckGo", "Organic Search"},
    {"https://www.qwant.com/", "", "Qwant", "Organic Search"},
    {"https://www.ecosia.org/", "", "Ecosia", "Organic Search"},
    {"https://fr.search.yahoo.com/", "", "Yahoo!", "Organic Search"},
    {"https://yahoo.co.jp/", "", "Yahoo!", "Organic Search"},
    {"https://yandex.com.tr/", "", "Yandex", "Organic Search"},
    {"https://search.brave.com/", "", "Brave", "Organic Search"},
    {"android-app://com.google.android.googlequicksearchbox/", "", "Google", "Organic Search"},
    /* social */
    {"https://l.facebook.com/l.php?u=x", "", "Facebook", "Organic Social"},
    {"https://t.co/abc", "", "Twitter", "Organic Social"},
    {"https://www.linkedin.com/feed/", "", "LinkedIn", "Organic Social"},
    {"https://old.reddit.com/r/x", "", "Reddit", "Organic Social"},
    {"https://bsky.app/", "", "Bluesky", "Organic Social"},
    {"https://mastodon.social/@x", "", "Mastodon", "Organic Social"},
    {"https://news.ycombinator.com/", "", "Hacker News", "Organic Social"},
    {"https://pinterest.fr/pin/1", "", "Pinterest", "Organic Social"},
    /* video, shops, assistants, mail */
    {"https://m.youtube.com/watch", "", "YouTube", "Organic Video"},
    {"https://www.tiktok.com/", "", "TikTok", "Organic Video"},
    {"https://www.amazon.de/dp/1", "", "Amazon", "Organic Shopping"},
    {"https://shopping.google.com/", "", "Google Shopping", "Organic Shopping"},
    {"https://chatgpt.com/", "", "ChatGPT", "AI Assistants"},
    {"https://chat.openai.com/", "", "ChatGPT", "AI Assistants"},
    {"https://www.perplexity.ai/search", "", "Perplexity", "AI Assistants"},
    {"https://claude.ai/chat", "", "Claude", "AI Assistants"},
    {"https://gemini.google.com/app", "", "Gemini", "AI Assistants"},
    {"https://copilot.microsoft.com/", "", "Copilot", "AI Assistants"},
    {"https://mail.google.com/", "", "Gmail", "Email"},
    {"https://outlook.live.com/", "", "Outlook", "Email"},
    {"android-app://com.google.android.gm/", "", "Gmail", "Email"},
    {"https://open.spotify.com/", "", "Spotify", "Referral"},
    {"https://news.google.com/", "", "Google News", "Referral"},
    /* campaigns */
    {"", "utm_source=google&utm_medium=cpc", "Google", "Paid Search"},
    {"", "utm_source=Facebook&utm_medium=paid-social", "Facebook", "Paid Social"},
    {"", "utm_source=fb&utm_medium=social", "Facebook", "Organic Social"},
    {"", "utm_source=youtube.com&utm_medium=cpv", "YouTube", "Paid Video"},
    {"", "utm_source=amazon&utm_medium=ppc", "Amazon", "Paid Shopping"},
    {"", "utm_source=google&utm_medium=cpc&utm_campaign=winter_shop", "Google", "Paid Shopping"},
    {"", "utm_source=google&utm_campaign=workshop", "Google", "Organic Search"},
    {"", "utm_source=google&utm_medium=cpc&utm_campaign=Cross-Network-1", "Google",
     "Cross-network"},
    {"", "utm_source=partner&utm_medium=banner", "partner", "Display"},
    {"", "utm_source=partner&utm_medium=cpc", "partner", "Paid Other"},
    {"", "utm_source=partner&utm_medium=affiliate", "partner", "Affiliates"},
    {"", "utm_source=partner&utm_medium=referral", "partner", "Referral"},
    {"", "utm_source=pod&utm_medium=audio", "pod", "Audio"},
    {"", "utm_source=crm&utm_medium=sms", "crm", "SMS"},
    {"", "utm_source=firebase", "firebase", "Mobile Push Notifications"},
    {"", "utm_source=crm&utm_medium=web-push", "crm", "Mobile Push Notifications"},
    {"", "utm_source=newsletter", "newsletter", "Email"},
    {"", "utm_source=november&utm_medium=E-Mail", "november", "Email"},
    {"", "utm_source=tv", "tv", "Unassigned"},
    {"", "utm_source=x&utm_medium=video", "Twitter", "Organic Social"},
    {"", "ref=producthunt", "Product Hunt", "Organic Social"},
    {"", "source=my%20friend", "my friend", "Unassigned"},
    {"", "ref=b&source=a&utm_source=c", "c", "Unassigned"},
    {"https://www.google.com/", "utm_source=letter&utm_medium=email", "letter", "Email"},
    {"", "utm_source=jane%40example.com", ":email", "Unassigned"},
    {"", "utm_source=8c1f0e3a9b7d5c2e4f60", ":token", "Unassigned"},
    {"", "ref=aB3x9Zk2LmQ7pR4sT8uV", ":token", "Unassigned"},
    /* hosts made for one visitor; a registrable domain belongs to everybody */
    {"https://0a1b2c3d4e5f60718293a4b5c6d7e8f9.safeframe.googlesyndication.com/x", "",
     ":token.safeframe.googlesyndication.com", "Referral"},
    {"https://preview.550e8400-e29b-41d4-a716-446655440000.a.blog.org/", "",
     "preview.:id.a.blog.org", "Referral"},
    {"https://d41d8cd98f00b204e9.cloudfront.net/", "", "d41d8cd98f00b204e9.cloudfront.net",
     "Referral"},
    {"https://xn--80akhbyknj4f0qxhz.xn--80akhbyknj4f.xn--p1ai/", "",
     "xn--80akhbyknj4f0qxhz.xn--80akhbyknj4f.xn--p1ai", "Referral"},
    /* clicks an advertiser paid for */
    {"https://www.google.com/", "gclid=abc", "Google", "Paid Search"},
    {"", "gclid=abc", "Google", "Paid Search"},
    {"", "msclkid=abc", "Bing", "Paid Search"},
    {"", "ttclid=abc", "TikTok", "Paid Video"},
    {"https://www.google.com/", "gclid=abc&utm_medium=organic", "Google", "Organic Search"},
    {"https://m.facebook.com/", "fbclid=abc", "Facebook", "Organic Social"},
    {"", "fbclid=abc", "Facebook", "Organic Social"},
};

struct fixture {
    struct scrub *scrub;
    struct scrub_lane *lane;
    struct source_table *sources;
    struct arena arena;
};

static int set_up(void **state) {
    static struct fixture f;
    arena_init(&f.arena, 0);
    *state = &f;
    return scrub_open(&f.scrub, NULL) || scrub_lane_new(f.scrub, &f.lane, NULL) ||
           source_table_open(&f.sources, NULL);
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    scrub_lane_free(f->lane);
    scrub_close(f->scrub);
    source_table_close(f->sources);
    arena_release(&f->arena);
    return 0;
}

static struct event origin(struct fixture *f, enum profile profile, const char *referrer,
                           const char *query, struct props *props) {
    static const struct span keep[] = {{"lang", 4}};
    struct policy policy = {.domain = SPAN_LIT("example.com"),
                            .profile = profile,
                            .query_keep = keep,
                            .query_keep_count = 1};
    struct hit hit = {.referrer = span_str(referrer),
                      .user_agent = SPAN_LIT("Agent/1.0 (planted)")};
    struct url url;
    char text[500];
    (void)snprintf(text, sizeof(text), "https://www.example.com/p?%s", query);
    assert_true(url_parse(span_str(text), false, &url));
    struct event e;
    event_init(&e);
    props->count = props->dropped = 0;
    const struct origin_context c = {.policy = &policy,
                                     .hit = &hit,
                                     .sources = f->sources,
                                     .scrub = f->lane,
                                     .arena = &f->arena};
    assert_int_equal(origin_fill(&c, &url, &e, props, NULL), 0);
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
        cmocka_unit_test_setup_teardown(referrer_by_profile, set_up, tear_down),
        cmocka_unit_test_setup_teardown(campaign_fields, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tokens_in_campaigns, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
