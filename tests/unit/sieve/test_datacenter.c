#include "datacenter.h"

#include <stdlib.h>

#include "t.h"

static bool holds(const struct datacenters *d, const char *text) {
    struct net_address a;
    assert_true(net_parse(span_str(text), &a));
    return datacenters_hold(d, &a);
}

static void ranges(void **state) {
    static const char list[] = "# ours\n"
                               "192.0.2.0/24\n"
                               "  10.1.2.3/8  # with host bits\r\n"
                               "\n"
                               "10.20.0.0/16\n" /* within the one before */
                               "192.0.3.0/25\n"
                               "198.51.100.7\n"
                               "2001:db8::/32\n"
                               "2001:db8:1::/48\n"
                               "::ffff:203.0.113.0/120";
    static const struct {
        const char *address;
        bool in;
    } rows[] = {
        {"192.0.2.0", true},         {"192.0.2.255", true},
        {"192.0.1.255", false},      {"192.0.3.0", true},
        {"192.0.3.127", true},       {"192.0.3.128", false},
        {"10.0.0.0", true},          {"10.20.30.40", true},
        {"10.200.0.1", true},        {"10.255.255.255", true},
        {"11.0.0.0", false},         {"9.255.255.255", false},
        {"198.51.100.7", true},      {"198.51.100.6", false},
        {"198.51.100.8", false},     {"203.0.113.9", true},
        {"2001:db8::", true},        {"2001:db8:1::1", true},
        {"2001:db8:ffff::1", true},  {"2001:db9::", false},
        {"2001:db7:ffff::1", false}, {"::1", false},
        {"0.0.0.0", false},          {"255.255.255.255", false},
        {"::192.0.2.1", false},      {"ffff:ffff::ffff", false},
    };
    struct datacenters *d;
    assert_int_equal(datacenters_open(span_str(list), &d, NULL), 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (holds(d, rows[i].address) != rows[i].in)
            fail_msg("%s", rows[i].address);
    assert_false(datacenters_hold(d, &(struct net_address){0}));
    datacenters_close(d);
    assert_int_equal(datacenters_open(SPAN_EMPTY, &d, NULL), 0);
    assert_false(holds(d, "192.0.2.1"));
    datacenters_close(d);
    assert_int_equal(datacenters_open(SPAN_LIT("0.0.0.0/0"), &d, NULL), 0);
    assert_true(holds(d, "0.0.0.0") && holds(d, "255.255.255.255"));
    assert_false(holds(d, "::1"));
    datacenters_close(d);
}

static void faults(void **state) {
    static const char *const bad[] = {"a,b", "10.0.0.0/33", "10.0.0.0 11.0.0.0", "host.example"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        char text[60];
        (void)snprintf(text, sizeof(text), "10.0.0.0/8\n# x\n%s\n", bad[i]);
        struct datacenters *d = NULL;
        struct err err;
        assert_int_equal(datacenters_open(span_str(text), &d, &err), ERR_INVALID);
        assert_non_null(strstr(err.text, "line 3"));
        assert_null(d);
    }
}

/* The same answers as looking at each range in turn. */
static void like_one_by_one(void **state) {
    enum { RANGES = 300, TRIES = 20000 };
    const unsigned seed = 20261124;
    srandom(seed);
    struct net_range ranges[RANGES];
    char text[RANGES * NET_RANGE_TEXT] = "", one[NET_RANGE_TEXT];
    for (size_t i = 0; i < RANGES; i++) {
        ranges[i] = (struct net_range){
            .base = {.bytes = {(uint8_t)(random() % 4), (uint8_t)random(), (uint8_t)random()},
                     .family = 4},
            .bits = (uint8_t)(8 + random() % 25)};
        ranges[i].bits = ranges[i].bits < 12 && random() % 8 ? 20 : ranges[i].bits;
        net_range_write(&ranges[i], one);
        (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s\n", one);
    }
    struct datacenters *d;
    assert_int_equal(datacenters_open(span_str(text), &d, NULL), 0);
    size_t inside = 0;
    for (size_t i = 0; i < TRIES; i++) {
        struct net_address a = {.bytes = {(uint8_t)(random() % 5), (uint8_t)random(),
                                          (uint8_t)random(), (uint8_t)random()},
                                .family = 4};
        bool want = false;
        for (size_t r = 0; r < RANGES && !want; r++)
            want = net_range_holds(&ranges[r], &a);
        inside += want;
        if (datacenters_hold(d, &a) != want)
            fail_msg("seed %u, try %zu", seed, i);
    }
    assert_in_range(inside, TRIES / 20, TRIES - TRIES / 20);
    datacenters_close(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges),
        cmocka_unit_test(faults),
        cmocka_unit_test(like_one_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
