#include "url.h"

#include "t.h"

static void parses(void **state) {
    static const struct {
        const char *url, *host, *path, *query;
    } rows[] = {
        {"https://example.com/", "example.com", "/", ""},
        {"https://example.com", "example.com", "", ""},
        {"HTTP://WWW.Example.COM:8080/A?b=c#d", "example.com", "/A", "b=c"},
        {"https://user:pw@example.com/x", "example.com", "/x", ""},
        {"https://a@b@example.com/x", "example.com", "/x", ""},
        {"https://example.com?q=1", "example.com", "", "q=1"},
        {"https://example.com#/route", "example.com", "", ""},
        {"https://example.com./x", "example.com", "/x", ""},
        {" https://example.com/a ", "example.com", "/a", ""},
        {"https://www.com/", "com", "/", ""},
        {"https://m\xc3\xbcnchen.de/", "m\xc3\xbcnchen.de", "/", ""},
        {"https://example.com/a?b?c#d?e", "example.com", "/a", "b?c"},
        {"https://example.com\\x", "example.com", "\\x", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct url u;
        if (!url_parse(span_str(rows[i].url), false, &u))
            fail_msg("refused: %s", rows[i].url);
        same_text(rows[i].url, url_host(&u), rows[i].host);
        same_text(rows[i].url, u.path, rows[i].path);
        same_text(rows[i].url, u.query, rows[i].query);
        assert_false(u.host_is_address);
    }
}

static void refuses(void **state) {
    static const char *const rows[] = {
        "",
        "/path",
        "example.com/x",
        "data:text/html,x",
        "file:///etc/passwd",
        "ftp://example.com/",
        "javascript:alert(1)",
        "about:blank",
        "https://",
        "https:///x",
        "https://user@/x",
        "https://a b/",
        "https://ex%41mple.com/",
        "https://[::1/",
        "chrome-extension://abc/x",
        "https://.example.com/",
        "https://\xff\xfe.com/",
        "http:example.com",
        "android-app://com.example/",
        "https://:80/",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct url u;
        if (url_parse(span_str(rows[i]), false, &u))
            fail_msg("took: %s", rows[i]);
    }
    char host[300] = "https://";
    memset(host + 8, 'a', URL_MOST_HOST + 1);
    struct url u;
    assert_false(url_parse(span_str(host), false, &u));
}

static void addresses(void **state) {
    static const char *const rows[] = {"http://192.0.2.1/", "http://[2001:db8::1]:80/x",
                                       "http://3221225985/", "http://0xc0000201/",
                                       "http://user@192.0.2.1:9/"};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct url u;
        assert_true(url_parse(span_str(rows[i]), false, &u));
        assert_true(u.host_is_address);
    }
}

static void apps(void **state) {
    struct url u;
    assert_true(url_parse(SPAN_LIT("android-app://com.google.android.gm/"), true, &u));
    assert_true(u.app);
    same_text("app", url_host(&u), "com.google.android.gm");
}

static void params(void **state) {
    struct span q = SPAN_LIT("&a=1&&b&c=x=y&=z"), name, value;
    static const char *const want[][2] = {{"a", "1"}, {"b", ""}, {"c", "x=y"}, {"", "z"}};
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        assert_true(url_next_param(&q, &name, &value));
        same_text("name", name, want[i][0]);
        same_text("value", value, want[i][1]);
    }
    assert_false(url_next_param(&q, &name, &value));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses), cmocka_unit_test(refuses), cmocka_unit_test(addresses),
        cmocka_unit_test(apps),   cmocka_unit_test(params),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
