#include "scrub.h"

#include "t.h"

struct fixture {
    struct scrub *scrub;
    struct scrub_lane *lane;
    struct arena arena;
};

static int set_up(void **state) {
    static struct fixture f;
    arena_init(&f.arena, 0);
    *state = &f;
    return scrub_open(&f.scrub, NULL) || scrub_lane_new(f.scrub, &f.lane, NULL);
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    scrub_lane_free(f->lane);
    scrub_close(f->scrub);
    arena_release(&f->arena);
    return 0;
}

static void personal(void **state) {
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"mail jane@example.com now", "mail :email now"},
        {"jane@example.com", ":email"},
        {"J.O'Neil@ex-ample.museum.", ":email."},
        {"call +33 6 12 34 56 78", "call :id"},
        {"call +1 (415) 555-2671 or so", "call :id or so"},
        {"tel 01 23 45 67 89", "tel :id"},
        {"tel 07911123456", "tel :id"},
        {"(415) 555-2671", ":id"},
        {"415.555.2671", ":id"},
        {"card 4111 1111 1111 1111 ok", "card :id ok"},
        {"5500005555555559", ":id"},
        {"6011000990139424", ":id"},
        {"2024-11-24-4111111111111111", "2024-11-24-:id"},
        {"3530111333300000", ":id"},
        {"IBAN GB29 NWBK 6016 1331 9268 19", "IBAN :id"},
        {"FR7630006000011234567890189", ":id"},
        {"2 55 08 14 168 025 38", ":id"},
        {"180082A12345635", ":id"},
        {"ssn 219-09-9999", "ssn :id"},
        {"ip 192.0.2.255", "ip :id"},
        {"999192.0.2.1", "999:id"},
        {"1.2.3.4.5.6.7.8", ":id"},
        {"fe80::1ff:fe23:4567:890a", ":id"},
        {"2001:0db8:0:0:0:0:1234:5678", ":id"},
        {"00:1b:44:11:3a:b7", ":id"},
        {"x eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc y", "x :token y"},
    };
    struct fixture *f = *state;
    size_t failures = 0;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct span got;
        assert_int_equal(scrub_text(f->lane, span_str(rows[i].text), &f->arena, &got, NULL), 0);
        bool looks = scrub_finds(f->lane, span_str(rows[i].text));
        if (!looks || !span_eq(got, span_str(rows[i].want))) {
            print_error("%s: got \"%.*s\", want \"%s\"\n", rows[i].text, SPAN_ARG(got),
                        rows[i].want);
            failures++;
        }
        if (got.len > strlen(rows[i].text))
            fail_msg("%s grew", rows[i].text);
    }
    assert_int_equal(failures, 0);
}

static void innocent(void **state) {
    static const char *const rows[] = {
        "",
        "Sign up",
        "price 1,299.00 EUR",
        "@handle",
        "jane@localhost",
        "4111111111111112", /* Luhn */
        "9111111111111111", /* nobody issues these */
        "9782070360024",    /* ISBN */
        "1732412345678",    /* milliseconds */
        "FR1420041010050500013M02607",
        "GB29NWBK60161331926818",
        "255081416802539", /* NIR, wrong key */
        "000-12-3456",
        "666-12-3456",
        "900-12-3456",
        "123-00-4567",
        "123-45-0000",
        "256.300.1.1",
        "1.2.3",
        "v10.15.7",
        "12:34:56",
        "std::vector<int>",
        "2026-11-24T10:20:30",
        "eyJ",
        "eyJhbGciOiJIUzI1NiJ9",
        "20260101 to 20261231",
        "0 1 2 3 4 5 6 7 8 9 10 11",
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct span got;
        if (scrub_finds(f->lane, span_str(rows[i])))
            print_error("looks personal: %s\n", rows[i]);
        assert_false(scrub_finds(f->lane, span_str(rows[i])));
        assert_int_equal(scrub_text(f->lane, span_str(rows[i]), &f->arena, &got, NULL), 0);
        same_text("kept", got, rows[i]);
    }
}

static void encoded(void **state) {
    struct fixture *f = *state;
    assert_true(scrub_looks_personal(f->lane, SPAN_LIT("jane%40example.com")));
    assert_true(scrub_looks_personal(f->lane, SPAN_LIT("jane%2540example.com")));
    assert_true(scrub_looks_personal(f->lane, SPAN_LIT("d41d8cd98f00b204e9800998ecf8427e")));
    assert_true(scrub_looks_personal(f->lane, SPAN_LIT("d41d8cd98f%2530b204e9800998ecf8427e")));
    assert_false(scrub_looks_personal(f->lane, SPAN_LIT("100%25 jane%20doe")));
}

/* More items than the lane has room for: nothing of the text may come out. */
static void many(void **state) {
    struct fixture *f = *state;
    char text[200 * 8] = "";
    for (int i = 0; i < 200; i++)
        memcpy(text + i * 8, "a@bc.de ", 8);
    struct span got;
    assert_int_equal(scrub_text(f->lane, span_of(text, sizeof(text)), &f->arena, &got, NULL), 0);
    assert_true(span_find_span(got, SPAN_LIT("a@bc")) == SIZE_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(personal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(innocent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(encoded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
