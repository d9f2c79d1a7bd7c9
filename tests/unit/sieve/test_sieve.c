#include "fixture.h"

#include <stdlib.h>

#include "address.h"
#include "civil.h"
#include "crypt.h"

static const char chrome[] =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/131.0.0.0 Safari/537.36";
static const char firefox[] =
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
static const char bot[] =
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";

enum { SITES = PROFILES, KATHMANDU = PROFILES };

static int64_t noon(int32_t day) {
    return (int64_t)day * 86400000 + 43200000;
}

static const int32_t today = 20781;

static int set_up(void **state) {
    static struct fixture f;
    static const struct span keep[] = {{"lang", 4}};
    fixture_open(&f, noon(today));
    for (uint32_t i = 0; i <= SITES; i++) {
        struct policy p = {.honour_signals = true,
                           .profile = i == KATHMANDU ? PROFILE_FRUGAL : (enum profile)i,
                           .query_keep = keep,
                           .query_keep_count = 1};
        fixture_add_site(&f, i, p, i == KATHMANDU ? SPAN_LIT("Asia/Kathmandu") : SPAN_LIT("UTC"));
    }
    *state = &f;
    return 0;
}

static struct hit page_view(const struct fixture *f) {
    struct hit h = {
        .user_agent = span_str(chrome),
        .time_zone = SPAN_LIT("Europe/Paris"),
        .domain = SPAN_EMPTY,
        .name = SPAN_LIT("pageview"),
        .url = SPAN_LIT("https://www.site1.example/a?utm_source=google"),
        .referrer = SPAN_LIT("https://www.blog.org/b"),
        .currency = SPAN_EMPTY,
        .interactive = true,
        .scroll = SCROLL_NONE,
        .ts_ms = f->clock.now_ms,
    };
    assert_true(net_parse(SPAN_LIT("203.0.113.77"), &h.address));
    return h;
}

static int pass(struct fixture *f, enum profile profile, const struct hit *h, struct event *ret) {
    return sieve_pass(f->lane, policy_by_id(f->set, (uint32_t)profile + 1), h, &f->arena, ret,
                      NULL);
}

static void fills_an_event(void **state) {
    struct fixture *f = *state;
    struct hit h = page_view(f);
    const struct hit_prop props[] = {
        {SPAN_LIT("plan"), SPAN_LIT("pro \"x\"")},
        {SPAN_LIT("author"), SPAN_LIT("team")},
        {SPAN_LIT("to"), SPAN_LIT("https://www.o.org/a/jane@example.com?q=1")},
        {SPAN_LIT("mail"), SPAN_LIT("jane@example.com")}};
    h.props = props;
    h.prop_count = ARRAY_LEN(props);
    h.revenue_milli = 12345;
    h.currency = SPAN_LIT("eur");
    h.scroll = 180;
    h.url = SPAN_LIT("https://www.site1.example/a?utm_source=google&lang=fr&x=y#z");
    struct event e;
    assert_int_equal(pass(f, PROFILE_FRUGAL, &h, &e), SIEVE_PASS);
    assert_int_equal(e.site, PROFILE_FRUGAL + 1);
    assert_int_equal(e.day, today);
    assert_int_equal(e.hour, 12);
    assert_int_equal(e.kind, EVENT_PAGEVIEW);
    assert_int_equal(e.interactive, 1);
    assert_int_equal(e.scroll, 100);
    assert_int_equal(e.revenue_milli, 12345);
    same_text("name", e.name, "pageview");
    same_text("hostname", e.hostname, "site1.example");
    same_text("page", e.page, "/a");
    same_text("referrer", e.referrer, "blog.org");
    same_text("source", e.source, "Google");
    same_text("country", e.country, "FR");
    same_text("browser", e.browser, "Chrome");
    same_text("browser_version", e.browser_version, "131");
    same_text("currency", e.currency, "EUR");
    same_text("props", e.props,
              "{\"author\":\"team\",\"lang\":\"fr\",\"plan\":\"pro "
              "\\\"x\\\"\",\"to\":\"https://o.org/a/:email\"}");
    assert_int_equal(counters_get(&f->counters, COUNT_PROPS_DROPPED_PERSONAL), 1);
}

static void tokens_of_the_site(void **state) {
    struct fixture *f = *state;
    struct hit h = page_view(f);
    const struct hit_prop props[] = {
        {SPAN_LIT("plan"), SPAN_LIT("spring-sale-2026")},
        {SPAN_LIT("order"), SPAN_LIT("AB-2026-001234")},
        {SPAN_LIT("session"), SPAN_LIT("0flv9m1qrt8c6hn2kpd5sgj7uo")},
        {SPAN_LIT("hidden"), SPAN_LIT("d41d8cd98f%300b204e9800998ecf8427e")},
        {SPAN_LIT("8c1f0e3a9b7d5c2e4f60"), SPAN_LIT("x")},
        {SPAN_LIT("to"), SPAN_LIT("https://8c1f0e3a9b7d5c2e4f60.a.blog.org/r/"
                                  "550e8400-e29b-41d4-a716-446655440000?x=1")},
        {SPAN_LIT("link"), SPAN_LIT("www.docs.org/d/8c1f0e3a9b7d5c2e4f60/edit")},
        {SPAN_LIT("lib"), SPAN_LIT("Node.js/Express")},
        {SPAN_LIT("mime"), SPAN_LIT("image/8c1f0e3a9b7d5c2e4f60")},
        {SPAN_LIT("idn"), SPAN_LIT("https://xn--80akhbyknj4f.xn--p1ai/a")},
    };
    h.props = props;
    h.prop_count = ARRAY_LEN(props);
    h.name = SPAN_LIT("Paid 550e8400-e29b-41d4-a716-446655440000");
    h.url = SPAN_LIT("https://8c1f0e3a9b7d5c2e4f60.site1.example/");
    struct event e;
    assert_int_equal(pass(f, PROFILE_FRUGAL, &h, &e), SIEVE_PASS);
    same_text("name", e.name, "Paid :id");
    same_text("hostname", e.hostname, ":token.site1.example");
    same_text("props", e.props,
              "{\"idn\":\"https://xn--80akhbyknj4f.xn--p1ai/a\",\"lib\":\"Node.js/"
              "Express\",\"link\":\"docs.org/d/:token/edit\",\"order\":\"AB-2026-001234\","
              "\"plan\":\"spring-sale-2026\",\"to\":\"https://:token.a.blog.org/r/:id\"}");
    assert_int_equal(counters_get(&f->counters, COUNT_PROPS_DROPPED_PERSONAL), 4);
}

static void refuses(void **state) {
    static const struct {
        const char *url, *agent, *name;
        bool opt_out, gpc, dnt;
        enum profile profile;
        int verdict;
        enum counter counter;
    } rows[] = {
        {"https://a.b/", chrome, "pageview", true, true, true, PROFILE_FRUGAL, SIEVE_OPT_OUT,
         COUNT_EVENTS_REFUSED_OPT_OUT},
        {"https://a.b/", chrome, "pageview", false, true, true, PROFILE_FRUGAL, SIEVE_GPC,
         COUNT_EVENTS_REFUSED_GPC},
        {"data:x", bot, "pageview", false, false, true, PROFILE_FRUGAL, SIEVE_DNT,
         COUNT_EVENTS_REFUSED_DNT},
        {"data:text/html,x", bot, "pageview", false, false, false, PROFILE_FRUGAL, SIEVE_NO_HOST,
         COUNT_EVENTS_REFUSED_NO_HOST},
        {"file:///x", chrome, "pageview", false, false, false, PROFILE_FRUGAL, SIEVE_NO_HOST,
         COUNT_EVENTS_REFUSED_NO_HOST},
        {"https://a.b/", bot, "Signup", false, false, false, PROFILE_CNIL, SIEVE_BOT,
         COUNT_EVENTS_REFUSED_BOT},
        {"https://a.b/", "", "pageview", false, false, false, PROFILE_FRUGAL, SIEVE_BOT,
         COUNT_EVENTS_REFUSED_BOT},
        {"https://a.b/", chrome, "Signup", false, false, false, PROFILE_CNIL, SIEVE_PROFILE,
         COUNT_EVENTS_REFUSED_PROFILE},
        {"https://a.b/", chrome, "Signup", false, false, false, PROFILE_FRUGAL, SIEVE_PASS,
         COUNTERS},
        {"https://a.b/", chrome, "File Download", false, false, false, PROFILE_CNIL, SIEVE_PASS,
         COUNTERS},
        {"https://a.b/", chrome, "404", false, false, false, PROFILE_CNIL, SIEVE_PASS, COUNTERS},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct hit h = page_view(f);
        h.url = span_str(rows[i].url);
        h.user_agent = span_str(rows[i].agent);
        h.name = span_str(rows[i].name);
        h.opt_out = rows[i].opt_out;
        h.gpc = rows[i].gpc;
        h.dnt = rows[i].dnt;
        uint64_t before =
            rows[i].counter == COUNTERS ? 0 : counters_get(&f->counters, rows[i].counter);
        struct event e;
        int got = pass(f, rows[i].profile, &h, &e);
        if (got != rows[i].verdict)
            fail_msg("row %zu: got %d, want %s", i, got,
                     sieve_verdict_word((enum sieve_verdict)rows[i].verdict));
        if (rows[i].counter != COUNTERS)
            assert_int_equal(counters_get(&f->counters, rows[i].counter), before + 1);
    }
}

static void signals_only_where_honoured(void **state) {
    struct fixture *f = *state;
    struct policy asks = *policy_by_id(f->set, PROFILE_CONSENTED + 1);
    asks.honour_signals = false;
    struct hit h = page_view(f);
    h.gpc = h.dnt = true;
    struct event e;
    assert_int_equal(sieve_pass(f->lane, &asks, &h, &f->arena, &e, NULL), SIEVE_PASS);
    h.opt_out = true;
    assert_int_equal(sieve_pass(f->lane, &asks, &h, &f->arena, &e, NULL), SIEVE_OPT_OUT);
}

static void cnil_keeps_less(void **state) {
    struct fixture *f = *state;
    struct hit h = page_view(f);
    const struct hit_prop props[] = {{SPAN_LIT("plan"), SPAN_LIT("pro")}};
    h.props = props;
    h.prop_count = 1;
    h.revenue_milli = 5;
    h.currency = SPAN_LIT("EUR");
    struct event e;
    assert_int_equal(pass(f, PROFILE_CNIL, &h, &e), SIEVE_PASS);
    const struct span empty[] = {e.source,       e.channel,     e.utm_source, e.utm_medium,
                                 e.utm_campaign, e.utm_content, e.utm_term,   e.browser_version,
                                 e.os_version,   e.props,       e.currency};
    for (size_t i = 0; i < ARRAY_LEN(empty); i++)
        same_text("field", empty[i], "");
    assert_int_equal(e.revenue_milli, 0);
    same_text("browser", e.browser, "Chrome");
    same_text("referrer", e.referrer, "blog.org");
}

/* Same visitor: same site, day, address, user agent. Anything else: another. */
static void visitors(void **state) {
    struct fixture *f = *state;
    struct hit h = page_view(f);
    struct event a, b;
    assert_int_equal(pass(f, PROFILE_FRUGAL, &h, &a), SIEVE_PASS);
    h.name = SPAN_LIT("Signup");
    assert_int_equal(pass(f, PROFILE_FRUGAL, &h, &b), SIEVE_PASS);
    assert_true(a.visitor == b.visitor);
    assert_int_equal(pass(f, PROFILE_CONSENTED, &h, &b), SIEVE_PASS);
    assert_true(a.visitor != b.visitor);
    h.address.bytes[3]++;
    assert_int_equal(pass(f, PROFILE_FRUGAL, &h, &b), SIEVE_PASS);
    assert_true(a.visitor != b.visitor);
    h.address.bytes[3]--;
    f->clock.now_ms = noon(today + 1);
    sieve_wipe_ended(f->sieve, f->set);
    h.ts_ms = noon(today + 1);
    assert_int_equal(pass(f, PROFILE_FRUGAL, &h, &b), SIEVE_PASS);
    assert_true(a.visitor != b.visitor);
}

static void time_is_the_sites(void **state) {
    struct fixture *f = *state;
    const struct policy *p = policy_by_id(f->set, KATHMANDU + 1);
    struct hit h = page_view(f);
    struct event e;
    f->clock.now_ms = h.ts_ms = (int64_t)today * 86400000 + (18 * 60 + 14) * 60000LL;
    assert_int_equal(sieve_pass(f->lane, p, &h, &f->arena, &e, NULL), SIEVE_PASS);
    assert_int_equal(e.day, today);
    assert_int_equal(e.hour, 23);
    uint64_t before = e.visitor;
    f->clock.now_ms = h.ts_ms + 60000;
    sieve_wipe_ended(f->sieve, f->set);
    /* read before midnight, sieved after it: today */
    assert_int_equal(sieve_pass(f->lane, p, &h, &f->arena, &e, NULL), SIEVE_PASS);
    assert_int_equal(e.day, today + 1);
    assert_int_equal(e.hour, 0);
    assert_int_equal(e.ts_ms, f->clock.now_ms);
    assert_true(e.visitor != before);
}

static void imports(void **state) {
    struct fixture *f = *state;
    struct hit h = page_view(f);
    struct event live, past, e;
    assert_int_equal(pass(f, PROFILE_FRUGAL, &h, &live), SIEVE_PASS);
    assert_int_equal(sieve_lane_import(f->lane, 4, NULL), 0);
    assert_int_equal(pass(f, PROFILE_FRUGAL, &h, &e), SIEVE_PASS);
    assert_true(e.visitor == live.visitor);
    h.ts_ms = noon(today - 40);
    assert_int_equal(pass(f, PROFILE_FRUGAL, &h, &past), SIEVE_PASS);
    assert_int_equal(past.day, today - 40);
    assert_true(past.visitor != live.visitor);
    sieve_wipe_ended(f->sieve, f->set);
    assert_int_equal(pass(f, PROFILE_FRUGAL, &h, &e), SIEVE_PASS);
    assert_true(e.visitor == past.visitor);
    h.ts_ms = noon(today + 3);
    assert_int_equal(pass(f, PROFILE_FRUGAL, &h, &e), SIEVE_PASS);
    assert_int_equal(e.day, today);
    assert_int_equal(sieve_lane_import(f->lane, 0, NULL), 0);
    assert_int_equal(sieve_import_end(f->sieve, 4, NULL), 0);
    h.ts_ms = noon(today - 40);
    assert_int_equal(pass(f, PROFILE_FRUGAL, &h, &e), SIEVE_PASS);
    assert_int_equal(e.day, today);
}

/* Plants what must not be kept into every text of a hit, whole and with neighbours, and looks
 * for it in the bytes. */
static void nothing_planted_comes_out(void **state) {
    static const char *const plants[] = {
        "203.0.113.77",
        "2001:db8::1234:5678",
        chrome,
        firefox,
        "jane.doe@example.com",
        "?secret=0123&token=abc",
        "550e8400-e29b-41d4-a716-446655440000",
        "d41d8cd98f00b204e9800998ecf8427e",
        "0flv9m1qrt8c6hn2kpd5sgj7uo",
    };
    static const char *const shapes[] = {
        "%s",
        "x%s",
        "%sx",
        "/%s/",
        " %s ",
        "a=%s&b=c",
        "https://blog.example/%s",
        "https://%s/",
        "https://site1.example/a/%s/b",
        "https://site1.example/%s",
        "https://%s@site1.example/p",
        "https://site1.example/p?utm_source=%s&utm_medium=%s&utm_term=%s&ref=%s&lang=%s&q=%s",
        "#%s",
        "1%s9",
        "https://site1.example/p#%s",
        "https://www.blog.org/%s;a=%s",
        "\"%s\"",
        "%s\n%s",
        "%s%s",
        "%%25%s",
        "session%s",
    };
    struct fixture *f = *state;
    BUF_AUTO out = {0};
    size_t passed = 0;
    for (size_t p = 0; p < ARRAY_LEN(plants); p++)
        for (size_t s = 0; s < ARRAY_LEN(shapes); s++)
            for (unsigned field = 0; field < 10; field++)
                for (unsigned profile = 0; profile < PROFILES; profile++) {
                    char text[2000];
                    const char *x = plants[p];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
                    (void)snprintf(text, sizeof(text), shapes[s], x, x, x, x, x, x);
#pragma GCC diagnostic pop
                    struct span v = span_str(text);
                    struct hit h = page_view(f);
                    struct hit_prop props[] = {{SPAN_LIT("k"), SPAN_LIT("v")},
                                               {SPAN_LIT("k2"), SPAN_LIT("v")}};
                    h.props = props;
                    h.prop_count = 2;
                    if (x == firefox)
                        h.user_agent = span_str(firefox);
                    struct span *fields[] = {&h.time_zone,  &h.domain,      &h.name,
                                             &h.url,        &h.referrer,    &h.currency,
                                             &props[0].key, &props[1].value};
                    if (field < ARRAY_LEN(fields))
                        *fields[field] = v;
                    else if (field == 8)
                        for (size_t i = 0; i < ARRAY_LEN(fields); i++)
                            *fields[i] = v;
                    struct event e;
                    int rc = pass(f, (enum profile)profile, &h, &e);
                    assert_true(rc >= 0);
                    if (rc != SIEVE_PASS)
                        continue;
                    passed++;
                    buf_clear(&out);
                    event_encode(&e, &out);
                    if (span_find_span(buf_span(&out), span_str(x)) != SIZE_MAX)
                        fail_msg("\"%s\" came out of field %u as \"%s\"", x, field, text);
                    arena_clear(&f->arena);
                }
    assert_true(passed > 1000);
}

static void countries(void **state) {
    static const char *const rows[][2] = {{"Europe/Paris", "FR"}, {"Asia/Calcutta", "IN"},
                                          {"Europe/Kiev", "UA"},  {"America/New_York", "US"},
                                          {"Europe/Oslo", "NO"},  {"", ""},
                                          {"Nowhere/Land", ""},   {"UTC", ""},
                                          {"../etc/passwd", ""}};
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct hit h = page_view(f);
        h.time_zone = span_str(rows[i][0]);
        struct event e;
        assert_int_equal(pass(f, PROFILE_FRUGAL, &h, &e), SIEVE_PASS);
        same_text(rows[i][0], e.country, rows[i][1]);
    }
}

static void thirty_properties(void **state) {
    struct fixture *f = *state;
    struct hit_prop props[40];
    char keys[40][8];
    static char value[2100];
    memset(value, '"', sizeof(value)); /* each takes two bytes as JSON */
    for (size_t i = 0; i < 40; i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "k%02zu", i);
        props[i] = (struct hit_prop){span_str(keys[i]), SPAN_LIT("v")};
    }
    struct hit h = page_view(f);
    h.props = props;
    h.prop_count = 40;
    struct event e;
    assert_int_equal(pass(f, PROFILE_FRUGAL, &h, &e), SIEVE_PASS);
    assert_true(span_find_span(e.props, SPAN_LIT("k29")) != SIZE_MAX);
    assert_true(span_find_span(e.props, SPAN_LIT("k30")) == SIZE_MAX);
    /* too long: whole pairs are left out, the JSON stays whole */
    for (size_t i = 0; i < 40; i++)
        props[i].value = span_of(value, sizeof(value));
    assert_int_equal(pass(f, PROFILE_FRUGAL, &h, &e), SIEVE_PASS);
    assert_true(e.props.len > 60000 && e.props.len <= 72000);
    assert_true(span_ends(e.props, SPAN_LIT("\"}")));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

/* Each block on its own refuses what it names, in every profile, and is counted. */
static void what_the_owner_blocks(void **state) {
    struct fixture *f = *state;
    static const struct span pages[] = {{"/admin/**", 9}, {"/draft", 6}, {"/u/:email", 9}};
    static const struct span hosts[] = {{"dev.site1.example", 17}, {"*.test.example", 14}};
    static const struct span only[] = {{"site1.example", 13}, {"*.site1.example", 15}};
    static const struct span countries[] = {{"FR", 2}, {"DE", 2}};
    static const uint8_t key[CRYPT_KEY_BYTES] = {1, 2, 3};
    struct net_range ranges[2];
    assert_true(net_range_parse(SPAN_LIT("203.0.113.0/24"), &ranges[0]));
    assert_true(net_range_parse(SPAN_LIT("2001:db8::/32"), &ranges[1]));
    struct net_address one;
    assert_true(net_parse(SPAN_LIT("198.51.100.7"), &one));
    static const struct {
        const char *url, *zone, *address;
        enum sieve_verdict verdict[5]; /* page, hostname, only_hostname, country, address */
    } rows[] = {
#define P SIEVE_PASS
        {"https://site1.example/a", "Asia/Tokyo", "192.0.2.1", {P, P, P, P, P}},
        {"https://site1.example/admin/x/y", "", "", {SIEVE_BLOCKED_PAGE, P, P, P, P}},
        {"https://site1.example/%61dmin/x", "", "", {SIEVE_BLOCKED_PAGE, P, P, P, P}},
        {"https://site1.example/admin", "", "", {P, P, P, P, P}},
        {"https://site1.example/draft?x=/", "", "", {SIEVE_BLOCKED_PAGE, P, P, P, P}},
        {"https://site1.example/u/jane@example.com", "", "", {SIEVE_BLOCKED_PAGE, P, P, P, P}},
        {"https://www.DEV.site1.example/", "", "", {P, SIEVE_BLOCKED_HOSTNAME, P, P, P}},
        {"https://a.test.example/",
         "",
         "",
         {P, SIEVE_BLOCKED_HOSTNAME, SIEVE_BLOCKED_HOSTNAME, P, P}},
        {"https://test.example/", "", "", {P, P, SIEVE_BLOCKED_HOSTNAME, P, P}},
        {"https://translate.example/", "", "", {P, P, SIEVE_BLOCKED_HOSTNAME, P, P}},
        {"https://site1.example/", "Europe/Paris", "", {P, P, P, SIEVE_BLOCKED_COUNTRY, P}},
        {"https://site1.example/", "Europe/Berlin", "", {P, P, P, SIEVE_BLOCKED_COUNTRY, P}},
        {"https://site1.example/", "", "203.0.113.255", {P, P, P, P, SIEVE_BLOCKED_ADDRESS}},
        {"https://site1.example/", "", "2001:db8:1::", {P, P, P, P, SIEVE_BLOCKED_ADDRESS}},
        {"https://site1.example/", "", "198.51.100.7", {P, P, P, P, SIEVE_BLOCKED_ADDRESS}},
        {"https://site1.example/", "", "198.51.100.8", {P, P, P, P, P}},
#undef P
    };
    uint64_t want[SIEVE_VERDICTS] = {0};
    for (size_t kind = 0; kind < 5; kind++)
        for (unsigned profile = 0; profile < PROFILES; profile++) {
            struct policy p = *policy_by_id(f->set, profile + 1);
            const uint64_t hash = policy_address_hash(key, p.site, &one);
            const struct policy_blocks blocks = {.pages = pages,
                                                 .page_count = kind == 0 ? 3 : 0,
                                                 .hostnames = hosts,
                                                 .hostname_count = kind == 1 ? 2 : 0,
                                                 .only_hostnames = only,
                                                 .only_hostname_count = kind == 2 ? 2 : 0,
                                                 .countries = countries,
                                                 .country_count = kind == 3 ? 2 : 0,
                                                 .ranges = ranges,
                                                 .range_count = kind == 4 ? 2 : 0,
                                                 .address_hashes = &hash,
                                                 .address_hash_count = kind == 4,
                                                 .address_key = key};
            p.blocks = &blocks;
            for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct hit h = page_view(f);
                h.url = span_str(rows[i].url);
                h.time_zone = span_str(rows[i].zone);
                h.address = (struct net_address){0};
                (void)net_parse(span_str(rows[i].address), &h.address);
                struct event e;
                int rc = sieve_pass(f->lane, &p, &h, &f->arena, &e, NULL);
                if (rc != (int)rows[i].verdict[kind])
                    fail_msg("%s from \"%s\" \"%s\", kind %zu: %d", rows[i].url, rows[i].zone,
                             rows[i].address, kind, rc);
                want[rc]++;
            }
        }
    static const struct {
        enum sieve_verdict verdict;
        enum counter counter;
    } counted[] = {{SIEVE_BLOCKED_PAGE, COUNT_EVENTS_REFUSED_BLOCKED_PAGE},
                   {SIEVE_BLOCKED_HOSTNAME, COUNT_EVENTS_REFUSED_BLOCKED_HOSTNAME},
                   {SIEVE_BLOCKED_COUNTRY, COUNT_EVENTS_REFUSED_BLOCKED_COUNTRY},
                   {SIEVE_BLOCKED_ADDRESS, COUNT_EVENTS_REFUSED_BLOCKED_ADDRESS}};
    for (size_t i = 0; i < ARRAY_LEN(counted); i++) {
        assert_true(want[counted[i].verdict] >= PROFILES * 2);
        assert_int_equal(counters_get(&f->counters, counted[i].counter), want[counted[i].verdict]);
    }
}

static void datacentres(void **state) {
    struct fixture *f = *state;
    for (unsigned profile = 0; profile < PROFILES; profile++) {
        struct policy p = *policy_by_id(f->set, profile + 1);
        struct hit h = page_view(f); /* from 203.0.113.77 */
        struct event e;
        assert_int_equal(sieve_pass(f->lane, &p, &h, &f->arena, &e, NULL), SIEVE_PASS);
        p.block_datacenters = true;
        assert_int_equal(sieve_pass(f->lane, &p, &h, &f->arena, &e, NULL), SIEVE_DATACENTER);
        h.address.bytes[3] = 200;
        assert_int_equal(sieve_pass(f->lane, &p, &h, &f->arena, &e, NULL), SIEVE_PASS);
    }
    assert_int_equal(counters_get(&f->counters, COUNT_EVENTS_REFUSED_DATACENTER), PROFILES);
}

int main(void) {
    assert_int_equal(crypt_init(), 0);
    const struct CMUnitTest tests[] = {
        TEST(fills_an_event),
        TEST(tokens_of_the_site),
        TEST(refuses),
        TEST(signals_only_where_honoured),
        TEST(cnil_keeps_less),
        TEST(visitors),
        TEST(time_is_the_sites),
        TEST(imports),
        TEST(countries),
        TEST(nothing_planted_comes_out),
        TEST(thirty_properties),
        cmocka_unit_test_setup_teardown(what_the_owner_blocks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(datacentres, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
