/* Access-log lines: a table, and a real log counted twice, by the parser and by a plain field
 * cutter here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "collect.h"

static struct arena arena;

static void assert_span(struct span s, const char *want) {
    if (!span_eq(s, span_str(want)))
        fail_msg("got \"%.*s\", want \"%s\"", SPAN_ARG(s), want);
}

#define HEAD "192.0.2.7 - - [17/May/2015:10:05:03 +0000] "
#define TAIL " \"-\" \"-\""

static void test_kinds(void **state) {
    static const struct {
        const char *line;
        enum log_line_kind kind;
    } rows[] = {
        {HEAD "\"GET / HTTP/1.1\" 200 12" TAIL, LOG_LINE_PAGE},
        {HEAD "\"GET /a.html?x=b.png HTTP/1.1\" 304 -" TAIL, LOG_LINE_PAGE},
        {HEAD "\"GET /v1.2/ HTTP/1.1\" 200 1" TAIL, LOG_LINE_PAGE},
        {HEAD "\"GET /a.PHP HTTP/1.1\" 200 1" TAIL, LOG_LINE_PAGE},
        {HEAD "\"GET /a b c HTTP/1.1\" 200 1" TAIL, LOG_LINE_PAGE},
        {HEAD "\"GET /a.png HTTP/1.1\" 200 1" TAIL, LOG_LINE_ASSET},
        {HEAD "\"GET /robots.txt HTTP/1.1\" 200 1" TAIL, LOG_LINE_ASSET},
        {HEAD "\"GET /feed.xml?a=/ HTTP/1.1\" 200 1" TAIL, LOG_LINE_ASSET},
        {HEAD "\"GET /x HTTP/1.1\" 404 1" TAIL, LOG_LINE_ERROR},
        {HEAD "\"POST /x HTTP/1.1\" 500 1" TAIL, LOG_LINE_ERROR},
        {HEAD "\"-\" 408 -" TAIL, LOG_LINE_ERROR},
        {HEAD "\"GET /x HTTP/1.1\" 301 1" TAIL, LOG_LINE_REDIRECT},
        {HEAD "\"GET /x HTTP/1.1\" 101 1" TAIL, LOG_LINE_REDIRECT},
        {HEAD "\"HEAD /x HTTP/1.1\" 200 1" TAIL, LOG_LINE_METHOD},
        {HEAD "\"GET / HTTP/1.1\" 200 12 \"-\" \"agent \\\"quoted\\\\\\\"\" extra \"fields\"",
         LOG_LINE_PAGE},
        {"::1 - user name [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 12" TAIL,
         LOG_LINE_PAGE},
        {"", LOG_LINE_BROKEN},
        {"192.0.2.7 - -", LOG_LINE_BROKEN},
        {HEAD, LOG_LINE_BROKEN},
        {HEAD "\"GET / HTTP/1.1", LOG_LINE_BROKEN},
        {HEAD "\"GET / HTTP/1.1\" 2x0 1" TAIL, LOG_LINE_BROKEN},
        {HEAD "\"GET / HTTP/1.1\" 2000 1" TAIL, LOG_LINE_BROKEN},
        {HEAD "\"GET / HTTP/1.1\" 200 1 \"-\" \"-", LOG_LINE_BROKEN},
        {HEAD "\"GET / HTTP/1.1\" 200 1", LOG_LINE_BROKEN},
        {HEAD "\"\" 200 1" TAIL, LOG_LINE_BROKEN},
        {"a - - [31/Feb/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 1" TAIL, LOG_LINE_BROKEN},
        {"a - - [17/Mai/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 1" TAIL, LOG_LINE_BROKEN},
        {"a - - [17/May/2015:24:05:03 +0000] \"GET / HTTP/1.1\" 200 1" TAIL, LOG_LINE_BROKEN},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        arena_clear(&arena);
        struct span line =
            arena_copy(&arena, span_str(rows[i].line)); /* ASan sees reads past its end */
        struct hit h;
        enum log_line_kind kind =
            collect_log_line(LOG_FORMAT_COMBINED, line, SPAN_LIT("a.example"), &arena, &h);
        if (kind != rows[i].kind)
            fail_msg("%s: %d, want %d", rows[i].line, kind, rows[i].kind);
    }
}

static void test_fields(void **state) {
    struct hit h;
    static const char line[] =
        "2001:db8::7 - - [17/May/2015:10:05:03 +0230] \"GET /a\\\"b?c HTTP/1.1\" 200 1 "
        "\"https://r.example/\" \"A\\x41 \\\"B\\\"\"";
    assert_int_equal(
        collect_log_line(LOG_FORMAT_COMBINED, SPAN_LIT(line), SPAN_LIT("a.example"), &arena, &h),
        LOG_LINE_PAGE);
    assert_span(h.url, "https://a.example/a\"b?c");
    assert_span(h.referrer, "https://r.example/");
    assert_span(h.user_agent, "AA \"B\"");
    assert_span(h.name, "pageview");
    assert_span(h.domain, "a.example");
    assert_true(h.interactive);
    assert_int_equal(h.ts_ms, (1431857103LL - 9000) * 1000);
    static const uint8_t v6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 7};
    assert_int_equal(h.address.family, 6);
    assert_memory_equal(h.address.bytes, v6, 16);

    assert_int_equal(collect_log_line(LOG_FORMAT_COMMON,
                                      SPAN_LIT(HEAD "\"GET http://x.example/p HTTP/1.0\" 200 -"),
                                      SPAN_LIT("a.example"), &arena, &h),
                     LOG_LINE_PAGE);
    assert_span(h.url, "http://x.example/p");
    assert_int_equal(h.address.family, 4);
    static const uint8_t v4[4] = {192, 0, 2, 7};
    assert_memory_equal(h.address.bytes, v4, 4);
    static const struct {
        const char *text;
        uint8_t family;
    } addresses[] = {{"::", 6},
                     {"1:2:3:4:5:6:7:8", 6},
                     {"::ffff:192.0.2.7", 4},
                     {"1::2::3", 0},
                     {"1:2:3:4:5:6:7", 0},
                     {"1:2:3:4:5:6:7:8:9", 0},
                     {"12345::", 0},
                     {"256.1.1.1", 0},
                     {"1.2.3", 0},
                     {"host.example", 0},
                     {"::1:", 0},
                     {"1.2.3.4.5", 0},
                     {":1::2", 0}};
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
        char text[200];
        (void)snprintf(text, sizeof(text),
                       "%s - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.0\" 200 -",
                       addresses[i].text);
        assert_int_equal(
            collect_log_line(LOG_FORMAT_COMMON, span_str(text), SPAN_LIT("a"), &arena, &h),
            LOG_LINE_PAGE);
        if (h.address.family != addresses[i].family)
            fail_msg("%s: family %d", addresses[i].text, h.address.family);
    }
}

/* The independent count: cut at quotes, nothing else. */
static enum log_line_kind plain_kind(const char *line, size_t n) {
    char copy[8192], *save = NULL;
    if (n >= sizeof(copy))
        return LOG_LINE_BROKEN;
    memcpy(copy, line, n);
    copy[n] = '\0';
    char *request = strchr(copy, '"');
    char *end = request ? strstr(request + 1, "\" ") : NULL;
    if (!end)
        return LOG_LINE_BROKEN;
    *end = '\0';
    int status = (int)strtol(end + 2, NULL, 10);
    char *method = strtok_r(request + 1, " ", &save), *target = strtok_r(NULL, " ", &save);
    if (status >= 400)
        return LOG_LINE_ERROR;
    if (!method || !target)
        return LOG_LINE_BROKEN;
    if (strcmp(method, "GET") != 0)
        return LOG_LINE_METHOD;
    if (status / 100 != 2 && status != 304)
        return LOG_LINE_REDIRECT;
    target[strcspn(target, "?#")] = '\0';
    char *name = strrchr(target, '/');
    char *dot = strrchr(name ? name : target, '.');
    static const char *const pages[] = {"",    "html", "htm", "php",   "asp",  "aspx",
                                        "jsp", "cgi",  "pl",  "xhtml", "shtml"};
    for (size_t i = 0; dot && i < ARRAY_LEN(pages); i++) {
        if (strcasecmp(dot + 1, pages[i]) == 0)
            return LOG_LINE_PAGE;
    }
    return dot ? LOG_LINE_ASSET : LOG_LINE_PAGE;
}

static void test_real_log(void **state) {
    FILE *f = fopen("/work/shared/data/access-apache.log", "rb");
    if (!f) {
        print_message("# no access-apache.log here, skipped\n");
        skip();
    }
    static char text[4 << 20];
    size_t size = fread(text, 1, sizeof(text), f);
    (void)fclose(f);
    size_t ours[LOG_LINE_KINDS] = {0}, plain[LOG_LINE_KINDS] = {0}, lines = 0;
    struct span rest = span_of(text, size), line;
    while (span_next(&rest, '\n', &line)) {
        if (line.len == 0)
            continue;
        struct hit h;
        arena_clear(&arena);
        enum log_line_kind kind =
            collect_log_line(LOG_FORMAT_COMBINED, line, SPAN_LIT("a.example"), &arena, &h);
        enum log_line_kind other = plain_kind(line.ptr, line.len);
        if (kind != other && kind != LOG_LINE_BROKEN)
            fail_msg("%d, plain %d: %.*s", kind, other, SPAN_ARG(line));
        ours[kind]++;
        plain[other]++;
        lines++;
    }
    print_message("# %zu lines: %zu pages, %zu assets, %zu errors, %zu redirects, %zu methods, %zu "
                  "broken (plain %zu)\n",
                  lines, ours[LOG_LINE_PAGE], ours[LOG_LINE_ASSET], ours[LOG_LINE_ERROR],
                  ours[LOG_LINE_REDIRECT], ours[LOG_LINE_METHOD], ours[LOG_LINE_BROKEN],
                  plain[LOG_LINE_BROKEN]);
    assert_true(lines >= 10000 && ours[LOG_LINE_PAGE] > 1000 && ours[LOG_LINE_BROKEN] < 10);
    struct timespec a, b;
    (void)clock_gettime(CLOCK_MONOTONIC, &a);
    size_t done = 0;
    for (int round = 0; round < 20; round++) {
        rest = span_of(text, size);
        while (span_next(&rest, '\n', &line)) {
            struct hit h;
            arena_clear(&arena);
            (void)collect_log_line(LOG_FORMAT_COMBINED, line, SPAN_LIT("a.example"), &arena, &h);
            done++;
        }
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &b);
    double sec = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
    print_message("# %.2f M lines/s\n", (double)done / sec / 1e6);
}

int main(void) {
    arena_init(&arena, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_real_log),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_release(&arena);
    return failed;
}
