/* Consolidated views in the control plane, and the tokens that open them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "crypt.h"
#include "views.h"

struct fixture {
    char dir[64], path[96];
    struct fake_clock clock;
    struct policy_board *board;
    struct control *control;
};

static void open_control(struct fixture *f) {
    assert_int_equal(control_open(f->path, f->dir, &f->clock.clock, f->board, &f->control, NULL),
                     0);
}

static void add_site(struct fixture *f, const char *domain) {
    JSON_AUTO settings = json_pack("{s:s}", "domain", domain);
    uint32_t id;
    assert_int_equal(control_site_add(f->control, settings, &id, NULL), 0);
}

/* Sites b (1), a (2) and c (3). */
static int up(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));
    (void)snprintf(f->dir, sizeof(f->dir), "/tmp/tamis-views-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    (void)snprintf(f->path, sizeof(f->path), "%s/control.db", f->dir);
    fake_clock_init(&f->clock, 1700000000000);
    f->board = policy_board_new();
    open_control(f);
    add_site(f, "b.example");
    add_site(f, "a.example");
    add_site(f, "c.example");
    *state = f;
    return 0;
}

static int down(void **state) {
    struct fixture *f = *state;
    control_close(f->control);
    policy_board_free(f->board);
    (void)unlink(f->path);
    (void)rmdir(f->dir);
    free(f);
    return 0;
}

static int add(struct fixture *f, const char *name, const char *sites, uint64_t *ret_id,
               struct err *err) {
    JSON_AUTO list = json_loads(sites, 0, NULL);
    assert_non_null(list);
    return control_view_add(f->control, span_str(name), list, ret_id, err);
}

static int set(struct fixture *f, const char *view, const char *changes, struct err *err) {
    JSON_AUTO object = json_loads(changes, 0, NULL);
    assert_non_null(object);
    return control_view_set(f->control, span_str(view), object, err);
}

static void expect_list(struct fixture *f, const char *expected) {
    JSON_AUTO list = NULL;
    assert_int_equal(control_view_list(f->control, &list, NULL), 0);
    CLEANUP(free_charp) char *text = json_dumps(list, JSON_COMPACT);
    assert_string_equal(text, expected);
}

#define VIEW(id, name, sites) \
    "{\"id\":" id ",\"created_ms\":1700000000000,\"name\":\"" name "\",\"sites\":[" sites "]}"

static void views_live(void **state) {
    struct fixture *f = *state;
    uint64_t id;
    assert_int_equal(
        add(f, " North ", "[\"b.example\",\"www.A.example\",\"a.example\"]", &id, NULL), 0);
    assert_int_equal(add(f, "Empty", "[]", &id, NULL), 0);
    assert_int_equal(id, 2);
    expect_list(
        f, "[" VIEW("2", "Empty", "") "," VIEW("1", "North", "\"a.example\",\"b.example\"") "]");
    assert_int_equal(set(f, "North",
                         "{\"name\":\"South\",\"add\":[\"c.example\",\"b.example\"],"
                         "\"remove\":[\"a.example\",\"a.example\"]}",
                         NULL),
                     0);
    control_close(f->control);
    open_control(f);
    struct control_view v;
    assert_int_equal(control_view_find(f->control, SPAN_LIT("South"), &v, NULL), 0);
    assert_int_equal(v.id, 1);
    assert_string_equal(v.name, "South");
    assert_int_equal(v.site_count, 2);
    assert_int_equal(v.sites[0], 1);
    assert_int_equal(v.sites[1], 3);
    assert_int_equal(control_site_remove(f->control, SPAN_LIT("b.example"), NULL), 0);
    assert_int_equal(control_view_find(f->control, SPAN_LIT("1"), &v, NULL), 0);
    assert_int_equal(v.site_count, 1);
    assert_int_equal(v.sites[0], 3);
    assert_int_equal(control_view_find(f->control, SPAN_LIT("2"), &v, NULL), 0);
    assert_int_equal(v.site_count, 0);
    assert_int_equal(control_view_remove(f->control, SPAN_LIT("South"), NULL), 0);
    assert_int_equal(control_view_remove(f->control, SPAN_LIT("South"), NULL), ERR_NOT_FOUND);
    assert_int_equal(control_view_find(f->control, SPAN_LIT("1"), &v, NULL), ERR_NOT_FOUND);
    assert_int_equal(add(f, "Again", "[]", &id, NULL), 0);
    assert_int_equal(id, 3);
}

static void a_name_goes_before_a_number(void **state) {
    struct fixture *f = *state;
    uint64_t first, second;
    struct control_view v;
    assert_int_equal(add(f, "2", "[]", &first, NULL), 0);
    assert_int_equal(add(f, "other", "[]", &second, NULL), 0);
    assert_int_equal(control_view_find(f->control, SPAN_LIT("2"), &v, NULL), 0);
    assert_int_equal(v.id, first);
}

static void views_refused(void **state) {
    struct fixture *f = *state;
    struct err err;
    uint64_t id;
    char long_name[102];
    memset(long_name, 'a', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    const struct {
        const char *name, *sites;
        int code;
        const char *text;
    } cases[] = {
        {" ", "[]", ERR_INVALID, "name: must be text of 1 to 100 bytes in one line"},
        {long_name, "[]", ERR_INVALID, "name: must be text of 1 to 100 bytes in one line"},
        {"two\nlines", "[]", ERR_INVALID, "name: must be text of 1 to 100 bytes in one line"},
        {"a", "{}", ERR_INVALID, "site: must be a list of domains"},
        {"a", "[1]", ERR_INVALID, "site: must be a list of domains"},
        {"a", "[\"a.example\",\"z.example\"]", ERR_NOT_FOUND, "site: no such site"},
        {"a", "[\"not a domain\"]", ERR_INVALID, "site: cannot be a domain"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(add(f, cases[i].name, cases[i].sites, &id, &err), cases[i].code);
        assert_string_equal(err.text, cases[i].text);
    }
    expect_list(f, "[]");
    assert_int_equal(add(f, "a", "[\"a.example\"]", &id, NULL), 0);
    assert_int_equal(add(f, "b", "[]", &id, NULL), 0);
    assert_int_equal(add(f, "a", "[]", &id, &err), ERR_EXISTS);
    assert_int_equal(set(f, "b", "{\"name\":\"a\"}", &err), ERR_EXISTS);
    assert_string_equal(err.text, "name: there is a view of that name already");
    assert_int_equal(set(f, "nothing", "{}", &err), ERR_NOT_FOUND);
    /* All of a change or nothing. */
    assert_int_equal(set(f, "a", "{\"remove\":[\"a.example\"],\"add\":[\"z.example\"]}", &err),
                     ERR_NOT_FOUND);
    struct control_view v;
    assert_int_equal(control_view_find(f->control, SPAN_LIT("a"), &v, NULL), 0);
    assert_int_equal(v.site_count, 1);
}

static void a_view_has_so_many_sites(void **state) {
    struct fixture *f = *state;
    struct err err;
    uint64_t id;
    JSON_AUTO all = json_array();
    for (int i = 0; i < VIEW_MOST_SITES + 1; i++) {
        char domain[32];
        (void)snprintf(domain, sizeof(domain), "s%d.example", i);
        add_site(f, domain);
        assert_int_equal(json_array_append_new(all, json_string(domain)), 0);
    }
    assert_int_equal(control_view_add(f->control, SPAN_LIT("all"), all, &id, &err), ERR_INVALID);
    assert_string_equal(err.text, "site: a view can have at most 100 sites");
    assert_int_equal(json_array_remove(all, 0), 0);
    assert_int_equal(control_view_add(f->control, SPAN_LIT("all"), all, &id, &err), 0);
    struct control_view v;
    assert_int_equal(control_view_find(f->control, SPAN_LIT("all"), &v, NULL), 0);
    assert_int_equal(v.site_count, VIEW_MOST_SITES);
}

static size_t count_sites(struct fixture *f, const char *token) {
    JSON_AUTO list = NULL;
    assert_int_equal(control_token_sites(f->control, span_str(token), &list, NULL), 0);
    return json_array_size(list);
}

static size_t count_views(struct fixture *f, const char *token) {
    JSON_AUTO list = NULL;
    assert_int_equal(control_token_views(f->control, span_str(token), &list, NULL), 0);
    return json_array_size(list);
}

static bool reads_site(struct fixture *f, const char *token, uint32_t site) {
    return control_token_check(f->control, span_str(token), site, NULL) == 0;
}

static bool reads_view(struct fixture *f, const char *token, uint32_t view) {
    return control_token_check_view(f->control, span_str(token), view, NULL) == 0;
}

static void tokens_of_views(void **state) {
    struct fixture *f = *state;
    uint64_t first, second;
    assert_int_equal(add(f, "first", "[\"a.example\",\"b.example\"]", &first, NULL), 0);
    assert_int_equal(add(f, "second", "[\"a.example\"]", &second, NULL), 0);
    uint32_t v1 = (uint32_t)first, v2 = (uint32_t)second;
    char of_view[CRYPT_TOKEN_CHARS], of_both[CRYPT_TOKEN_CHARS], of_all[CRYPT_TOKEN_CHARS],
        of_site[CRYPT_TOKEN_CHARS];
    const struct span b = SPAN_LIT("b.example");
    assert_int_equal(control_token_add_view(f->control, SPAN_LIT("first"), SPAN_EMPTY, SPAN_EMPTY,
                                            of_view, NULL),
                     0);
    assert_int_equal(
        control_token_add_view(f->control, SPAN_LIT("first"), b, SPAN_EMPTY, of_both, NULL), 0);
    assert_int_equal(control_token_add(f->control, SPAN_EMPTY, SPAN_EMPTY, of_all, NULL), 0);
    assert_int_equal(control_token_add(f->control, b, SPAN_EMPTY, of_site, NULL), 0);
    char none[CRYPT_TOKEN_CHARS];
    assert_int_equal(
        control_token_add_view(f->control, SPAN_LIT("third"), SPAN_EMPTY, SPAN_EMPTY, none, NULL),
        ERR_NOT_FOUND);

    assert_true(reads_view(f, of_view, v1) && !reads_view(f, of_view, v2));
    for (uint32_t site = 0; site <= 3; site++)
        assert_false(reads_site(f, of_view, site));
    assert_int_equal(count_sites(f, of_view), 0);
    assert_int_equal(count_views(f, of_view), 1);

    assert_true(reads_view(f, of_both, v1) && !reads_view(f, of_both, v2));
    assert_true(reads_site(f, of_both, 1) && !reads_site(f, of_both, 2));
    assert_int_equal(count_sites(f, of_both), 1);

    assert_true(reads_view(f, of_all, v1) && reads_view(f, of_all, v2) && reads_site(f, of_all, 3));
    assert_int_equal(count_views(f, of_all), 2);
    assert_int_equal(count_sites(f, of_all), 3);

    assert_false(reads_view(f, of_site, v1) || reads_view(f, of_site, 0));
    assert_int_equal(count_views(f, of_site), 0);

    /* What a token was of goes: it opens nothing, and not everything. */
    assert_int_equal(control_view_remove(f->control, SPAN_LIT("first"), NULL), 0);
    assert_false(reads_view(f, of_view, v1) || reads_view(f, of_view, v2));
    assert_false(reads_site(f, of_view, 1) || reads_site(f, of_both, 1));
    JSON_AUTO list = NULL;
    assert_int_equal(control_token_views(f->control, span_str(of_view), &list, NULL), ERR_DENIED);
}

int main(void) {
    assert_int_equal(crypt_init(), 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(views_live, up, down),
        cmocka_unit_test_setup_teardown(a_name_goes_before_a_number, up, down),
        cmocka_unit_test_setup_teardown(views_refused, up, down),
        cmocka_unit_test_setup_teardown(a_view_has_so_many_sites, up, down),
        cmocka_unit_test_setup_teardown(tokens_of_views, up, down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
