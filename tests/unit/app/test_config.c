#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../../../src/app/config.h"

static int setup(void **state) {
    static struct config c;
    *state = &c;
    return config_init(&c, NULL);
}

static int teardown(void **state) {
    config_release(*state);
    return 0;
}

static void test_defaults(void **state) {
    struct config *c = *state;
    assert_string_equal(c->listen, "127.0.0.1:8420");
    assert_int_equal(c->segment_mb, 64);
    assert_null(c->tls_cert);
    assert_null(c->trusted_proxies);
    assert_int_equal(config_check(c, NULL), 0);
}

static void test_reads(void **state) {
    struct config *c = *state;
    struct err err = {0};
    assert_int_equal(config_read(c,
                                 SPAN_LIT("# a comment\n\n listen = [::1]:80  # here too\r\n"
                                          "threads=3\ntrusted_proxies = 10.0.0.0/8, ::1\n"
                                          "tls_cert = a\ntls_key = b"),
                                 &err),
                     0);
    assert_string_equal(c->listen, "[::1]:80");
    assert_int_equal(c->threads, 3);
    assert_string_equal(c->trusted_proxies[0], "10.0.0.0/8");
    assert_string_equal(c->trusted_proxies[1], "::1");
    assert_null(c->trusted_proxies[2]);
    assert_string_equal(c->tls_key, "b");
}

static void refused(struct config *c, const char *text, const char *says) {
    struct err err = {0};
    assert_int_equal(config_read(c, span_str(text), &err), ERR_INVALID);
    assert_non_null(strstr(err.text, says));
}

static void test_refuses(void **state) {
    struct config *c = *state;
    refused(c, "threads = 2\ncolour = red\n", "line 2: unknown setting \"colour\"");
    refused(c, "threads = many", "line 1: threads");
    refused(c, "threads = 257", "threads");
    refused(c, "query_timeout_ms = 99", "query_timeout_ms");
    refused(c, "threads", "name = value");
    assert_int_equal(config_read(c, SPAN_LIT("tls_cert = x"), NULL), 0);
    assert_int_equal(config_check(c, NULL), ERR_INVALID);
    assert_int_equal(config_read(c, SPAN_LIT("tls_cert =\nlog_level = loud"), NULL), 0);
    assert_int_equal(config_check(c, NULL), ERR_INVALID);
}

/* What it prints can be used: each line without its '#' is read back. */
static void test_description_reads_back(void **state) {
    struct config *c = *state;
    BUF_AUTO text = {0};
    config_describe(&text);
    struct span rest = buf_span(&text), line;
    unsigned settings = 0;
    while (span_next(&rest, '\n', &line)) {
        if (!span_starts(line, SPAN_LIT("#")) || span_starts(line, SPAN_LIT("# ")))
            continue;
        assert_int_equal(config_read(c, span_from(line, 1), NULL), 0);
        settings++;
    }
    assert_true(settings >= 15);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_defaults, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reads, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refuses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_description_reads_back, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
