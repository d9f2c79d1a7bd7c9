#include "address.h"

#include "t.h"

static struct net_address address(const char *text) {
    struct net_address a = {0};
    assert_true(net_parse(span_str(text), &a));
    return a;
}

static void parses(void **state) {
    static const char *const bad[] = {"",           "1.2.3",       "1.2.3.4.5", "256.1.1.1",
                                      "::g",        "1.2.3.4 ",    "host",      "[::1]",
                                      "1.2.3.4:80", "fe80::1%eth0"};
    struct net_address a;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (net_parse(span_str(bad[i]), &a))
            fail_msg("parsed: %s", bad[i]);
    a = address("192.0.2.7");
    assert_int_equal(a.family, 4);
    assert_memory_equal(a.bytes, ((uint8_t[]){192, 0, 2, 7, 0, 0, 0, 0}), 8);
    struct net_address mapped = address("::ffff:192.0.2.7");
    assert_memory_equal(&mapped, &a, sizeof(a));
    assert_int_equal(address("2001:db8::1").family, 6);
}

static void ranges(void **state) {
    static const struct {
        const char *range, *inside, *outside;
    } rows[] = {
        {"10.0.0.0/8", "10.255.1.2", "11.0.0.0"},
        {"192.0.2.7", "192.0.2.7", "192.0.2.8"},
        {"192.0.2.128/25", "192.0.2.200", "192.0.2.127"},
        {"0.0.0.0/0", "203.0.113.9", "::1"},
        {"::1", "::1", "::2"},
        {"2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"},
        {"::ffff:10.0.0.0/104", "10.9.9.9", "11.0.0.1"},
        {"::/0", "2001:db8::5", "10.0.0.1"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct net_range r;
        assert_true(net_range_parse(span_str(rows[i].range), &r));
        struct net_address in = address(rows[i].inside), out = address(rows[i].outside);
        assert_true(net_range_holds(&r, &in));
        assert_false(net_range_holds(&r, &out));
    }
    static const char *const bad[] = {"10.0.0.0/33", "::/129", "10.0.0.0/",
                                      "10.0.0.0/-1", "x/8",    "/8"};
    struct net_range r;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(net_range_parse(span_str(bad[i]), &r));
}

static void client(void **state) {
    static const struct {
        const char *peer, *header, *want;
    } rows[] = {
        /* a header from a peer that is not trusted is a lie */
        {"203.0.113.9", "1.1.1.1", "203.0.113.9"},
        {"203.0.113.9", "10.0.0.1, 1.1.1.1", "203.0.113.9"},
        {"2001:db8::9", "1.1.1.1", "2001:db8::9"},
        /* the right-most that is not trusted, however many lies stand before it */
        {"10.0.0.1", "198.51.100.4", "198.51.100.4"},
        {"10.0.0.1", "1.1.1.1, 198.51.100.4", "198.51.100.4"},
        {"10.0.0.1", "1.1.1.1, 198.51.100.4, 10.0.0.7", "198.51.100.4"},
        {"::ffff:10.0.0.1", "198.51.100.4,10.2.3.4 , fd00::5", "198.51.100.4"},
        {"fd00::1", "2001:db8::77", "2001:db8::77"},
        {"10.0.0.1", "garbage, 198.51.100.4", "198.51.100.4"},
        /* ports and brackets */
        {"10.0.0.1", "198.51.100.4:4711", "198.51.100.4"},
        {"10.0.0.1", "[2001:db8::77]:4711", "2001:db8::77"},
        {"10.0.0.1", "[2001:db8::77]", "2001:db8::77"},
        {"10.0.0.1", "::ffff:198.51.100.4", "198.51.100.4"},
        /* empty, all trusted, broken there */
        {"10.0.0.1", "", "10.0.0.1"},
        {"10.0.0.1", "10.0.0.2, 10.0.0.3", "10.0.0.1"},
        {"10.0.0.1", "198.51.100.4, unknown", "10.0.0.1"},
        {"10.0.0.1", "198.51.100.4, 10.0.0.2, x", "10.0.0.1"},
        {"10.0.0.1", "198.51.100.4,", "10.0.0.1"},
        {"10.0.0.1", "198.51.100.4:99999", "10.0.0.1"},
        {"10.0.0.1", "[2001:db8::77", "10.0.0.1"},
        {"10.0.0.1", ",", "10.0.0.1"},
    };
    struct net_range trusted[2];
    assert_true(net_range_parse(SPAN_LIT("10.0.0.0/8"), &trusted[0]));
    assert_true(net_range_parse(SPAN_LIT("fd00::/8"), &trusted[1]));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct net_address peer = {0}, want = address(rows[i].want);
        peer = address(rows[i].peer);
        if (strncmp(rows[i].peer, "::ffff:", 7) == 0) { /* as accept() on an IPv6 socket gives it */
            struct net_address mapped = {.bytes = {[10] = 0xff, [11] = 0xff}, .family = 6};
            memcpy(mapped.bytes + 12, peer.bytes, 4);
            peer = mapped;
        }
        struct net_address got = address_of_client(&peer, span_str(rows[i].header), trusted, 2);
        if (memcmp(&got, &want, sizeof(got)) != 0)
            fail_msg("%s with \"%s\" should be %s", rows[i].peer, rows[i].header, rows[i].want);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses),
        cmocka_unit_test(ranges),
        cmocka_unit_test(client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
