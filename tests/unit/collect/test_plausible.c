/* Plausible's wire format: one row a rule; and json_in against jansson. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <jansson.h>

#include "../../../src/collect/json_in.h"
#include "../../../src/collect/money.h"
#include "collect.h"

#define BASE "\"n\":\"pageview\",\"u\":\"https://a.example/x\",\"d\":\"a.example\""

static struct arena arena;
static struct collect_hits hits;
static struct collect_fault fault;

static int parse(const char *body) {
    struct hit from;
    hit_init(&from);
    from.ts_ms = 42;
    from.gpc = true;
    arena_clear(&arena);
    fault = (struct collect_fault){0};
    /* An exact copy on the heap: reading past the end is seen by ASan. */
    size_t n = strlen(body);
    char *copy = arena_alloc(&arena, n);
    memcpy(copy, body, n);
    return collect_plausible(span_of(copy, n), &from, &arena, &hits, &fault, NULL);
}

static void assert_span(struct span s, const char *want) {
    if (!span_eq(s, span_str(want)))
        fail_msg("got \"%.*s\", want \"%s\"", SPAN_ARG(s), want);
}

static const struct hit *one(const char *body) {
    int rc = parse(body);
    if (rc != 0)
        fail_msg("%s: %s %s", body, fault.field ? fault.field : "?", fault.text ? fault.text : "?");
    assert_int_equal(hits.count, 1);
    return &hits.items[0];
}

static void test_simple(void **state) {
    const struct hit *h =
        one("{" BASE ",\"r\":\"https://r.example/\",\"z\":\"Europe/Paris\",\"v\":4,\"new\":[{}]}");
    assert_span(h->name, "pageview");
    assert_span(h->url, "https://a.example/x");
    assert_span(h->domain, "a.example");
    assert_span(h->referrer, "https://r.example/");
    assert_span(h->time_zone, "Europe/Paris");
    assert_true(h->interactive && h->gpc && !h->dnt);
    assert_int_equal(h->scroll, 255);
    assert_int_equal(h->ts_ms, 42);
    h = one(
        " {\"name\":\"Sign \\u00e9\\ud83d\\ude00\",\"url\":\"https:\\/\\/a.example\",\"domain\":\" "
        "WWW.A.example \","
        "\"interactive\":false} ");
    assert_span(h->name, "Sign é😀");
    assert_span(h->url, "https://a.example");
    assert_span(h->domain, "a.example");
    assert_false(h->interactive);
    assert_span(one("{\"n\":null,\"name\":\"long\",\"u\":\"https://a/\",\"d\":\"a\"}")->name,
                "long");
    assert_span(one("{\"name\":\"long\",\"n\":\"short\",\"u\":\"https://a/\",\"d\":\"a\"}")->name,
                "short");
    assert_span(one("{\"n\":\"short\",\"name\":\"long\",\"u\":\"https://a/\",\"d\":\"a\"}")->name,
                "short");
}

static void test_domains(void **state) {
    assert_int_equal(
        parse("{\"n\":\"x\",\"u\":\"https://h.example/\",\"d\":\"a.example, b.example,,\"}"), 0);
    assert_int_equal(hits.count, 2);
    assert_span(hits.items[0].domain, "a.example");
    assert_span(hits.items[1].domain, "b.example");
    static const char *const hosts[][2] = {
        {"https://h.example/p", "h.example"},        {"https://www.H.example:8080", "h.example"},
        {"https://u:p@h.example?x=@y", "h.example"}, {"http://[::1]:80/", "[::1]"},
        {"app://h.example#f", "h.example"},
    };
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        char body[200];
        (void)snprintf(body, sizeof(body), "{\"n\":\"x\",\"u\":\"%s\",\"d\":null}", hosts[i][0]);
        assert_span(one(body)->domain, hosts[i][1]);
    }
}

static void test_faults(void **state) {
    static const struct {
        const char *body, *field, *text;
    } rows[] = {
        {"", "request", NULL},
        {"1", "request", NULL},
        {"\"x\"", "request", NULL},
        {"{", "request", "is not valid JSON"},
        {"{" BASE "", "request", "is not valid JSON"},
        {"{" BASE "}x", "request", "is not valid JSON"},
        {"{" BASE ",}", "request", "is not valid JSON"},
        {"{" BASE ",\"p\":{\"a\":[1,}}", "request", "is not valid JSON"},
        {"[]", "request", "holds no event"},
        {"[1]", "request", NULL},
        {"[{" BASE "},]", "request", "is not valid JSON"},
        {"{}", "event_name", "is required"},
        {"{\"n\":\" \",\"u\":\"https://a/\"}", "event_name", "is required"},
        {"{\"n\":1,\"u\":\"https://a/\"}", "event_name", "must be text"},
        {"{\"n\":\"x\"}", "url", "is required"},
        {"{\"n\":\"x\",\"u\":{}}", "url", "must be text"},
        {"{\"n\":\"x\",\"u\":\"\"}", "url", "is required"},
        {"{\"n\":\"x\",\"u\":\"DATA:text/html,x\",\"d\":\"a\"}", "url", "scheme is not allowed"},
        {"{\"n\":\"x\",\"u\":\"https://a/\",\"d\":3}", "domain", "must be text"},
        {"{\"n\":\"x\",\"u\":\"/only/path\"}", "domain", "is required"},
        {"{\"n\":\"x\",\"u\":\"/only/path\",\"d\":\" , \"}", "domain", "is required"},
        {"{\"n\":\"engagement\",\"u\":\"https://a/\",\"d\":\"a\"}", "event_name", NULL},
        {"{\"n\":\"engagement\",\"u\":\"https://a/\",\"d\":\"a\",\"sd\":-1,\"e\":\"9\"}",
         "event_name", NULL},
        {"{\"n\":\"engagement\",\"u\":\"https://a/\",\"d\":\"a\",\"e\":2592000000}", "event_name",
         NULL},
        {"{\"n\":\"vitals\",\"u\":\"https://a/\",\"d\":\"a\"}", "event_name",
         "vitals needs a number in \"lcp\", \"inp\" or \"cls\""},
        {"{\"n\":\"vitals\",\"u\":\"https://a/\",\"d\":\"a\",\"lcp\":\"1\",\"cls\":true}",
         "event_name", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (parse(rows[i].body) != ERR_INVALID)
            fail_msg("accepted: %s", rows[i].body);
        assert_string_equal(fault.field, rows[i].field);
        if (rows[i].text)
            assert_string_equal(fault.text, rows[i].text);
    }
    char body[400], name[200];
    for (int chars = 120; chars <= 121; chars++) {
        memset(name, 'n', (size_t)chars);
        memcpy(name, "é", 2); /* two bytes, one character */
        name[chars + 1] = '\0';
        memset(name + chars, 'n', 1);
        (void)snprintf(body, sizeof(body), "{\"n\":\"%s\",\"u\":\"https://a/\",\"d\":\"a\"}", name);
        assert_int_equal(parse(body), chars == 120 ? 0 : ERR_INVALID);
    }
    assert_int_equal(parse("[{" BASE "},{" BASE "},{\"n\":\"x\"}]"), ERR_INVALID);
    assert_int_equal(fault.index, 2);
}

static void test_engagement(void **state) {
#define ENGAGE(x) one("{\"n\":\"engagement\",\"u\":\"https://a/\",\"d\":\"a\"," x "}")
    assert_int_equal(ENGAGE("\"sd\":50,\"e\":1200")->scroll, 50);
    assert_int_equal(hits.items[0].engaged_ms, 1200);
    assert_false(hits.items[0].interactive);
    assert_int_equal(ENGAGE("\"sd\":101")->scroll, 100);
    assert_int_equal(ENGAGE("\"sd\":0")->scroll, 0);
    assert_int_equal(ENGAGE("\"sd\":1.5,\"e\":2591999999")->scroll, 255);
    assert_int_equal(hits.items[0].engaged_ms, 2591999999U);
    assert_int_equal(ENGAGE("\"sd\":10,\"e\":2592000000")->engaged_ms, 0);
    assert_int_equal(ENGAGE("\"sd\":10,\"e\":-5")->engaged_ms, 0);
}

static void test_vitals(void **state) {
#define MEASURE(x) one("{\"n\":\"vitals\",\"u\":\"https://a/\",\"d\":\"a\"," x "}")
    const struct hit *h = MEASURE("\"lcp\":1234.5,\"inp\":48,\"cls\":0.0125,\"i\":true");
    assert_int_equal(h->vitals_milli[VITAL_LCP], 1234500);
    assert_int_equal(h->vitals_milli[VITAL_INP], 48000);
    assert_int_equal(h->vitals_milli[VITAL_CLS], 13);
    assert_false(h->interactive);
    h = MEASURE("\"cls\":3e-7,\"lcp\":\"9\",\"inp\":null");
    assert_int_equal(h->vitals_milli[VITAL_CLS], 0);
    assert_true(h->vitals_milli[VITAL_LCP] == VITAL_NOT_SENT);
    assert_true(h->vitals_milli[VITAL_INP] == VITAL_NOT_SENT);
    h = one("{" BASE ",\"lcp\":5}");
    assert_true(h->vitals_milli[VITAL_LCP] == VITAL_NOT_SENT);
}

static void test_props(void **state) {
    const struct hit *h =
        one("{" BASE ",\"p\":{\"a\":\"x\",\"n\":1.50,\"t\":true,\"f\":false,\"z\":null,\"l\":[1],"
            "\"o\":{\"x\":\"}\"},\"\":\"k\",\"e\":\"\"}}");
    assert_int_equal(h->prop_count, 4);
    static const char *const want[][2] = {{"a", "x"}, {"n", "1.50"}, {"t", "true"}, {"f", "false"}};
    for (size_t i = 0; i < 4; i++) {
        assert_span(h->props[i].key, want[i][0]);
        assert_span(h->props[i].value, want[i][1]);
    }
    h = one("{" BASE ",\"props\":\"{\\\"a\\\":\\\"\\\\u0041\\\\n\\\"}\"}");
    assert_int_equal(h->prop_count, 1);
    assert_span(h->props[0].value, "A\n");
    assert_int_equal(one("{" BASE ",\"m\":\"no json\"}")->prop_count, 0);
    assert_int_equal(one("{" BASE ",\"m\":[1]}")->prop_count, 0);
    assert_span(one("{" BASE ",\"props\":{\"k\":\"4\"},\"p\":{\"k\":\"3\"},\"m\":{\"k\":\"1\"}}")
                    ->props[0]
                    .value,
                "1");

    char body[8000];
    size_t n = (size_t)snprintf(body, sizeof(body), "{" BASE ",\"p\":{\"nil\":null");
    for (int i = 0; i < 31; i++)
        n += (size_t)snprintf(body + n, sizeof(body) - n, ",\"k%d\":\"v\"", i);
    (void)snprintf(body + n, sizeof(body) - n, "}}");
    h = one(body);
    assert_int_equal(h->prop_count, 30);
    assert_span(h->props[29].key, "k29");
    static const struct {
        int key, value, rc;
    } sizes[] = {{300, 2000, 0}, {301, 1, ERR_INVALID}, {1, 2001, ERR_INVALID}};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        (void)snprintf(body, sizeof(body), "{" BASE ",\"p\":{\"%0*d\":\"%0*d\"}}", sizes[i].key, 0,
                       sizes[i].value, 0);
        assert_int_equal(parse(body), sizes[i].rc);
        if (sizes[i].rc)
            assert_string_equal(fault.field, "props");
    }
}

static void test_revenue(void **state) {
    static const struct {
        const char *json, *currency;
        int64_t milli;
    } rows[] = {
        {"{\"currency\":\"eur\",\"amount\":12.345}", "EUR", 12345},
        {"{\"currency\":\"USD\",\"amount\":\"1322.22\"}", "USD", 1322220},
        {"\"{\\\"currency\\\":\\\"EUR\\\",\\\"amount\\\":\\\"-3\\\"}\"", "EUR", -3000},
        {"{\"currency\":\"EURO\",\"amount\":1}", "", 0},
        {"{\"currency\":\"E1R\",\"amount\":1}", "", 0},
        {"{\"currency\":\"EUR\",\"amount\":\"x\"}", "", 0},
        {"{\"currency\":\"EUR\"}", "", 0},
        {"7", "", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char body[300];
        (void)snprintf(body, sizeof(body), "{" BASE ",\"$\":%s}", rows[i].json);
        const struct hit *h = one(body);
        assert_span(h->currency, rows[i].currency);
        assert_int_equal(h->revenue_milli, rows[i].milli);
    }
}

static void test_money(void **state) {
    static const struct {
        const char *text;
        bool ok;
        int64_t milli;
    } rows[] = {
        {"0", true, 0},
        {"1", true, 1000},
        {"1.0005", true, 1001},
        {"1.0004999", true, 1000},
        {"-0.0005", true, -1},
        {"1e3", true, 1000000},
        {"1.5E-2", true, 15},
        {"1e-9", true, 0},
        {".5", true, 500},
        {"5.", true, 5000},
        {"9.9996", true, 10000},
        {"0e40", true, 0},
        {"5e-4", true, 1},
        {"9223372036854775.807", true, INT64_MAX},
        {"9223372036854775.808", false, 0},
        {"1e40", false, 0},
        {"1e41", false, 0},
        {"", false, 0},
        {".", false, 0},
        {"-", false, 0},
        {"1.2.3", false, 0},
        {"1e", false, 0},
        {"1e+-2", false, 0},
        {"0x10", false, 0},
        {"1,5", false, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t milli = 0;
        if (money_milli(span_str(rows[i].text), &milli) != rows[i].ok || milli != rows[i].milli)
            fail_msg("%s gave %lld", rows[i].text, (long long)milli);
    }
}

static void test_hash_mode(void **state) {
    static const char *const rows[][3] = {
        {"1", "https://a/x?q=1#/cart?e=me", "https://a/x%23/cart?q=1"},
        {"true", "https://a#/c", "https://a/%23/c"},
        {"0", "https://a/x#/c", "https://a/x#/c"},
        {"1", "https://a/x#", "https://a/x#"},
        {"1", "https://a/x?q", "https://a/x?q"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char body[300];
        (void)snprintf(body, sizeof(body), "{\"n\":\"x\",\"u\":\"%s\",\"d\":\"a\",\"h\":%s}",
                       rows[i][1], rows[i][0]);
        assert_span(one(body)->url, rows[i][2]);
    }
}

static void test_batch(void **state) {
    static char body[200000];
    for (int count = 1000; count <= 1001; count++) {
        size_t n = 0;
        for (int i = 0; i < count; i++)
            n += (size_t)snprintf(body + n, sizeof(body) - n, "%c{" BASE ",\"e\":%d}",
                                  i ? ',' : '[', i);
        (void)snprintf(body + n, sizeof(body) - n, "]");
        assert_int_equal(parse(body), count == 1000 ? 0 : ERR_INVALID);
    }
    assert_int_equal(parse("[{" BASE ",\"e\":1},{" BASE ",\"e\":2}]"), 0);
    assert_int_equal(hits.count, 2);
    assert_int_equal(hits.items[1].engaged_ms, 2);
}

/* Whether json_in reads all of it as one value. */
static bool ours_accepts(const char *text, size_t n) {
    arena_clear(&arena);
    char *copy = arena_alloc(&arena, n ? n : 1);
    memcpy(copy, text, n);
    struct json_in in = json_in_of(span_of(copy, n), &arena);
    struct json_in_value v;
    return json_in_value(&in, &v) && json_in_end(&in);
}

static bool jansson_accepts(const char *text, size_t n) {
    json_t *j = json_loadb(text, n, JSON_DECODE_ANY, NULL);
    json_decref(j);
    return j != NULL;
}

static void test_json_like_jansson(void **state) {
    static const char *const seeds[] = {
        "{\"a\":[1,-0.5e+10,{\"b\":null}],\"c\":\"\\u00e9\\ud83d\\ude00\\n\",\"d\":true,\"e\":"
        "false}",
        "[[],{},\"\",0,[{\"x\":[\"é\\\\\"]}]]",
        " \t\r\n[1 , 2 ] ",
        "\"plain text that is longer than eight\"",
        "-12.5E-3",
        "{\"k\\u0041\" : {\"k\":{\"k\":[0.1,1e5]}}}",
    };
    unsigned long long seed = 20260101;
    const char alphabet[] = "{}[]\",:\\u0123456789eE+-.tfn \x01\x7f\xc3\xa9\xed\xa0\x80";
    for (int round = 0; round < 60000; round++) {
        char text[160];
        const char *from = seeds[(size_t)round % ARRAY_LEN(seeds)];
        size_t n = strlen(from);
        memcpy(text, from, n);
        int edits = round < (int)ARRAY_LEN(seeds) ? 0 : 1 + round % 3;
        for (int e = 0; e < edits; e++) {
            seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
            size_t at = (size_t)(seed >> 33) % n;
            char c = alphabet[(size_t)(seed >> 20) % (sizeof(alphabet) - 1)];
            if (seed >> 62 & 1) {
                text[at] = c;
            } else {
                memmove(text + at, text + at + 1, n - at - 1);
                n--;
            }
        }
        if (ours_accepts(text, n) != jansson_accepts(text, n)) {
            /* jansson refuses numbers it cannot hold as a double or long; we keep their digits. */
            json_error_t why;
            json_t *j = json_loadb(text, n, JSON_DECODE_ANY, &why);
            json_decref(j);
            enum json_error_code code = json_error_code(&why);
            if (code != json_error_numeric_overflow && code != json_error_null_byte_in_key)
                fail_msg("round %d: we %d, jansson %d: %.*s", round, ours_accepts(text, n),
                         j != NULL, (int)n, text);
        }
    }
    char deep[200];
    memset(deep, '[', 65);
    memset(deep + 65, ']', 65);
    assert_false(ours_accepts(deep, 130));
    assert_true(ours_accepts(deep + 1, 128));
}

static int withdraw(const char *body, struct collect_withdrawal *ret) {
    arena_clear(&arena);
    return collect_withdrawal(span_str(body), &arena, ret, &fault, NULL);
}

static void test_withdrawal(void **state) {
    static const struct {
        const char *body, *field;
    } bad[] = {
        {"", "request"},
        {"[]", "request"},
        {"{\"d\":\"a.example\",\"id\":\"x\"", "request"},
        {"{\"d\":\"a.example\",\"id\":\"x\"} x", "request"},
        {"{\"id\":\"x\"}", "domain"},
        {"{\"d\":\" \",\"id\":\"x\"}", "domain"},
        {"{\"d\":7,\"id\":\"x\"}", "domain"},
        {"{\"d\":\"a.example\"}", "id"},
        {"{\"d\":\"a.example\",\"id\":\"\"}", "id"},
        {"{\"d\":\"a.example\",\"id\":null}", "id"},
    };
    struct collect_withdrawal w;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(withdraw(bad[i].body, &w), ERR_INVALID);
        assert_string_equal(fault.field, bad[i].field);
    }
    assert_int_equal(withdraw("{\"x\":[1],\"id\":\"1.\\u0061\",\"domain\":\"a,b\"}", &w), 0);
    assert_true(span_eq(w.id, SPAN_LIT("1.a")));
    assert_true(span_eq(w.domains, SPAN_LIT("a,b")));
    assert_true(
        span_eq(collect_site_name(SPAN_LIT(" WWW.A.Example "), &arena), SPAN_LIT("a.example")));
}

static void test_visitor_id(void **state) {
    struct hit from;
    hit_init(&from);
    static const struct {
        const char *key, *id;
    } cases[] = {{"\"id\":\"1.a\"", "1.a"}, {"\"id\":7", ""}, {"\"id\":null", ""}, {"\"v\":1", ""}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char body[120];
        (void)snprintf(body, sizeof(body), "{\"n\":\"pageview\",\"u\":\"https://a.example/\",%s}",
                       cases[i].key);
        arena_clear(&arena);
        assert_int_equal(collect_plausible(span_str(body), &from, &arena, &hits, &fault, NULL), 0);
        assert_true(span_eq(hits.items[0].visitor_id, span_str(cases[i].id)));
    }
}

static void test_speed(void **state) {
    static const char body[] = "{\"n\":\"pageview\",\"u\":\"https://example.com/page/"
                               "12?utm_source=newsletter\",\"d\":\"example.com\","
                               "\"r\":\"https://www.google.com/\",\"z\":\"Europe/Paris\"}";
    struct hit from;
    hit_init(&from);
    struct timespec a, b;
    (void)clock_gettime(CLOCK_MONOTONIC, &a);
    enum { ROUNDS = 200000 };
    for (int i = 0; i < ROUNDS; i++) {
        arena_clear(&arena);
        assert_int_equal(
            collect_plausible(span_of(body, sizeof(body) - 1), &from, &arena, &hits, &fault, NULL),
            0);
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &b);
    double sec = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
    print_message("# %.2f M events/s\n", ROUNDS / sec / 1e6);
}

int main(void) {
    arena_init(&arena, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_simple),     cmocka_unit_test(test_domains),
        cmocka_unit_test(test_faults),     cmocka_unit_test(test_engagement),
        cmocka_unit_test(test_props),      cmocka_unit_test(test_revenue),
        cmocka_unit_test(test_money),      cmocka_unit_test(test_hash_mode),
        cmocka_unit_test(test_batch),      cmocka_unit_test(test_json_like_jansson),
        cmocka_unit_test(test_vitals),     cmocka_unit_test(test_withdrawal),
        cmocka_unit_test(test_visitor_id), cmocka_unit_test(test_speed),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_release(&arena);
    return failed;
}
