/* Segments and annotations in the control plane. */
#include "fixture.h"

#include <string.h>

#include "annotations.h"
#include "civil.h"
#include "segments.h"

static const struct span site = SPAN_LIT("example.com"), other = SPAN_LIT("other.example");

static int up(void **state) {
    (void)setup(state);
    struct fixture *f = *state;
    const struct span domains[] = {site, other};
    for (size_t i = 0; i < 2; i++) {
        JSON_AUTO settings = json_pack("{s:s}", "domain", domains[i].ptr);
        uint32_t id;
        assert_int_equal(control_site_add(f->control, settings, &id, NULL), 0);
    }
    return 0;
}

static int add(struct fixture *f, struct span domain, const char *name, const char *filters,
               uint64_t *ret_id, struct err *err) {
    JSON_AUTO list = json_loads(filters, 0, NULL);
    assert_non_null(list);
    return control_segment_add(f->control, domain, span_str(name), list, ret_id, err);
}

static void expect_json(const json_t *got, const char *expected) {
    CLEANUP(free_charp) char *text = json_dumps(got, JSON_COMPACT);
    assert_string_equal(text, expected);
}

#define FRENCH "[[\"is\",\"visit:country\",[\"FR\"]]]"

static void segments_live(void **state) {
    struct fixture *f = *state;
    uint64_t first, second, elsewhere;
    struct err err;
    assert_int_equal(add(f, site, "  North ", "[[\"is\",\"event:page\",[\"/n\"]]]", &first, NULL),
                     0);
    assert_int_equal(add(f, site, "French", FRENCH, &second, NULL), 0);
    assert_int_equal(add(f, other, "French", FRENCH, &elsewhere, NULL), 0);
    assert_true(first != second && second != elsewhere);
    assert_int_equal(add(f, site, "French", "[[1]]", &second, &err), ERR_EXISTS);
    control_close(f->control);
    open_control(f);
    JSON_AUTO list = NULL;
    assert_int_equal(control_segment_list(f->control, site, &list, NULL), 0);
    char want[400];
    (void)snprintf(
        want, sizeof(want),
        "[{\"id\":%llu,\"created_ms\":1700000000000,\"name\":\"French\",\"filters\":" FRENCH
        "},{\"id\":%llu,\"created_ms\":1700000000000,\"name\":\"North\",\"filters\":"
        "[[\"is\",\"event:page\",[\"/n\"]]]}]",
        (unsigned long long)second, (unsigned long long)first);
    expect_json(list, want);
    JSON_AUTO filters = NULL;
    assert_int_equal(control_segment_filters(f->control, 1, SPAN_LIT("French"), &filters, NULL), 0);
    expect_json(filters, FRENCH);
    json_t *none = NULL;
    assert_int_equal(control_segment_filters(f->control, 2, SPAN_LIT("North"), &none, NULL),
                     ERR_NOT_FOUND);
    (void)snprintf(want, sizeof(want), "%llu", (unsigned long long)elsewhere);
    assert_int_equal(control_segment_filters(f->control, 1, span_str(want), &none, NULL),
                     ERR_NOT_FOUND);
    assert_int_equal(control_segment_remove(f->control, site, SPAN_LIT("North"), NULL), 0);
    assert_int_equal(control_segment_remove(f->control, site, SPAN_LIT("North"), &err),
                     ERR_NOT_FOUND);
    assert_int_equal(control_site_remove(f->control, site, NULL), 0);
    assert_int_equal(control_segment_filters(f->control, 1, SPAN_LIT("French"), &none, NULL),
                     ERR_NOT_FOUND);
    assert_null(none);
}

static void segments_refused(void **state) {
    struct fixture *f = *state;
    char long_name[102];
    memset(long_name, 'a', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    const struct {
        const char *name, *filters, *text;
    } cases[] = {
        {"", FRENCH, "name: must be text of 1 to 100 bytes in one line"},
        {"two\nlines", FRENCH, "name: must be text of 1 to 100 bytes in one line"},
        {"\xff", FRENCH, "name: must be text of 1 to 100 bytes in one line"},
        {long_name, FRENCH, "name: must be text of 1 to 100 bytes in one line"},
        {"none", "[]", "filters: must be a list of at least one"},
        {"none", "{\"a\":1}", "filters: must be a list of at least one"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err;
        uint64_t id;
        assert_int_equal(add(f, site, cases[i].name, cases[i].filters, &id, &err), ERR_INVALID);
        assert_string_equal(err.text, cases[i].text);
    }
    uint64_t id;
    assert_int_equal(add(f, SPAN_LIT("nobody.example"), "a", FRENCH, &id, NULL), ERR_NOT_FOUND);
    for (int i = 0; i < 200; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "segment %d", i);
        assert_int_equal(add(f, site, name, FRENCH, &id, NULL), 0);
    }
    struct err err;
    assert_int_equal(add(f, site, "one more", FRENCH, &id, &err), ERR_INVALID);
    assert_string_equal(err.text, "a site can have at most 200 segments");
}

static int32_t day_of(const char *text) {
    int32_t day;
    assert_true(civil_parse(span_str(text), &day));
    return day;
}

static uint64_t note(struct fixture *f, const char *from, const char *to, const char *text) {
    uint64_t id;
    assert_int_equal(control_annotation_add(f->control, site, day_of(from), day_of(to),
                                            span_str(text), &id, NULL),
                     0);
    return id;
}

/* The texts of those that touch the days, one after the other. */
static void expect_notes(struct fixture *f, const char *from, const char *to, const char *texts) {
    JSON_AUTO list = NULL;
    assert_int_equal(
        control_annotation_list(f->control, site, day_of(from), day_of(to), &list, NULL), 0);
    BUF_AUTO got = {0};
    buf_adds(&got, "");
    for (size_t i = 0; i < json_array_size(list); i++)
        buf_adds(&got, json_string_value(json_member(json_array_get(list, i), "text")));
    assert_string_equal(buf_cstr(&got), texts);
}

static void annotations_live(void **state) {
    struct fixture *f = *state;
    uint64_t fair = note(f, "2026-01-31", "2026-02-02", "fair ");
    note(f, "2026-01-10", "2026-01-10", " b");
    note(f, "2026-01-10", "2026-01-10", "c");
    JSON_AUTO list = NULL;
    assert_int_equal(control_annotation_list(f->control, site, INT32_MIN, INT32_MAX, &list, NULL),
                     0);
    char want[100];
    (void)snprintf(want, sizeof(want),
                   "{\"id\":%llu,\"date\":\"2026-01-31\",\"to\":\"2026-02-02\",\"text\":\"fair\"}",
                   (unsigned long long)fair);
    expect_json(json_array_get(list, 2), want);
    expect_notes(f, "2026-01-01", "2026-02-28", "bcfair");
    expect_notes(f, "2026-02-01", "2026-02-01", "fair");
    expect_notes(f, "2026-02-02", "2026-02-28", "fair");
    expect_notes(f, "2026-02-03", "2026-02-28", "");
    expect_notes(f, "2026-01-11", "2026-01-30", "");
    expect_notes(f, "2026-01-11", "2026-01-31", "fair");
    assert_int_equal(control_annotation_remove(f->control, fair, NULL), 0);
    assert_int_equal(control_annotation_remove(f->control, fair, NULL), ERR_NOT_FOUND);
    expect_notes(f, "2026-01-01", "2026-12-31", "bc");
}

static void annotations_refused(void **state) {
    struct fixture *f = *state;
    uint64_t id;
    struct err err;
    assert_int_equal(control_annotation_add(f->control, site, 5, 4, SPAN_LIT("a"), &id, &err),
                     ERR_INVALID);
    assert_string_equal(err.text, "to: is before the date");
    assert_int_equal(control_annotation_add(f->control, site, 5, 5, SPAN_LIT(" \t"), &id, &err),
                     ERR_INVALID);
    assert_string_equal(err.text, "text: must be text of 1 to 300 bytes in one line");
    assert_int_equal(control_annotation_add(f->control, SPAN_LIT("nobody.example"), 5, 5,
                                            SPAN_LIT("a"), &id, &err),
                     ERR_NOT_FOUND);
}

int main(void) {
    assert_int_equal(crypt_init(), 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(segments_live, up, teardown),
        cmocka_unit_test_setup_teardown(segments_refused, up, teardown),
        cmocka_unit_test_setup_teardown(annotations_live, up, teardown),
        cmocka_unit_test_setup_teardown(annotations_refused, up, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
