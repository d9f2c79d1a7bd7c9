#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "control.h"
#include "crypt.h"

struct fixture {
    char dir[64], path[96];
    struct fake_clock clock;
    struct policy_board *board;
    struct control *control;
};

static void open_control(struct fixture *f) {
    struct err err;
    assert_int_equal(control_open(f->path, &f->clock.clock, f->board, &f->control, &err), 0);
}

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));
    assert_int_equal(crypt_init(), 0);
    (void)snprintf(f->dir, sizeof(f->dir), "/tmp/tamis-control-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    (void)snprintf(f->path, sizeof(f->path), "%s/control.db", f->dir);
    fake_clock_init(&f->clock, 1700000000000);
    f->board = policy_board_new();
    open_control(f);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    control_close(f->control);
    policy_board_free(f->board);
    (void)unlink(f->path);
    (void)rmdir(f->dir);
    free(f);
    return 0;
}

static int add(struct fixture *f, const char *settings, uint32_t *ret, struct err *err) {
    JSON_AUTO j = json_loads(settings, 0, NULL);
    assert_non_null(j);
    return control_site_add(f->control, j, ret, err);
}

static uint32_t added(struct fixture *f, const char *settings) {
    uint32_t id = 0;
    struct err err;
    assert_int_equal(add(f, settings, &id, &err), 0);
    return id;
}

static void test_private_file(void **state) {
    struct fixture *f = *state;
    struct stat st;
    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void test_site_lives(void **state) {
    struct fixture *f = *state;
    uint32_t id =
        added(f, "{\"domain\":\"WWW.Example.com.\",\"timezone\":\"Europe/Paris\","
                 "\"profile\":\"cnil\",\"path_patterns\":[\"/orders/*\"],\"query_keep\":[\"q\"]}");
    assert_int_equal(id, 1);
    CLEANUP(policy_set_unrefp) struct policy_set *set = policy_board_get(f->board);
    const struct policy *p = policy_by_domain(set, SPAN_LIT("example.com"));
    assert_non_null(p);
    assert_int_equal(p->profile, PROFILE_CNIL);
    assert_true(p->honour_signals);
    assert_true(p->block_spam);
    assert_string_equal(zone_name(p->zone), "Europe/Paris");
    assert_int_equal(p->path_pattern_count, 1);
    assert_true(span_eq(p->query_keep[0], SPAN_LIT("q")));

    control_close(f->control);
    open_control(f);
    JSON_AUTO change = json_loads(
        "{\"honour_signals\":false,\"block_spam\":false,\"profile\":\"frugal\"}", 0, NULL);
    struct err err;
    assert_int_equal(control_site_set(f->control, SPAN_LIT("www.example.com"), change, &err), 0);
    CLEANUP(policy_set_unrefp) struct policy_set *now = policy_board_get(f->board);
    p = policy_by_id(now, 1);
    assert_false(p->honour_signals);
    assert_false(p->block_spam);
    assert_int_equal(p->profile, PROFILE_FRUGAL);
    assert_string_equal(zone_name(p->zone), "Europe/Paris");
}

static void test_own_names(void **state) {
    struct fixture *f = *state;
    struct err err;
    added(f, "{\"domain\":\"a.example\",\"own_hosts\":[\"WWW.Shop.example\"],"
             "\"source_aliases\":[\" WWW.News.example = Our  letter \",\"Ad=A=B\"]}");
    control_close(f->control);
    open_control(f);
    CLEANUP(policy_set_unrefp) struct policy_set *set = policy_board_get(f->board);
    const struct policy *p = policy_by_id(set, 1);
    assert_int_equal(p->own_host_count, 1);
    assert_true(span_eq(p->own_hosts[0], SPAN_LIT("shop.example")));
    assert_int_equal(p->source_alias_count, 2);
    assert_true(span_eq(p->source_aliases[0].from, SPAN_LIT("news.example")));
    assert_true(span_eq(p->source_aliases[0].name, SPAN_LIT("Our  letter")));
    assert_true(span_eq(p->source_aliases[1].from, SPAN_LIT("ad")));
    assert_true(span_eq(p->source_aliases[1].name, SPAN_LIT("A=B")));
    /* what is not named stays; [""] empties */
    JSON_AUTO change = json_loads("{\"source_aliases\":[\"\"],\"query_keep\":[\"\"]}", 0, NULL);
    assert_int_equal(control_site_set(f->control, SPAN_LIT("a.example"), change, &err), 0);
    CLEANUP(policy_set_unrefp) struct policy_set *now = policy_board_get(f->board);
    p = policy_by_id(now, 1);
    assert_int_equal(p->own_host_count, 1);
    assert_int_equal(p->source_alias_count, 0);
    assert_int_equal(p->query_keep_count, 0);
}

static void test_ids_are_not_reused(void **state) {
    struct fixture *f = *state;
    struct err err;
    assert_int_equal(added(f, "{\"domain\":\"a.example\"}"), 1);
    assert_int_equal(control_site_remove(f->control, SPAN_LIT("a.example"), &err), 0);
    assert_int_equal(control_site_remove(f->control, SPAN_LIT("a.example"), &err), ERR_NOT_FOUND);
    assert_int_equal(added(f, "{\"domain\":\"a.example\"}"), 2);
}

static void test_refuses(void **state) {
    struct fixture *f = *state;
    static const struct {
        const char *settings, *key;
    } bad[] = {
        {"{}", "domain"},
        {"{\"domain\":\"https://a.example\"}", "domain"},
        {"{\"domain\":\"a..b\"}", "domain"},
        {"{\"domain\":\"-a.b\"}", "domain"},
        {"{\"domain\":\"\"}", "domain"},
        {"{\"domain\":\"a.b:0\"}", "domain"},
        {"{\"domain\":\"caf\\u00e9.example\"}", "domain"},
        {"{\"domain\":\"a.b\",\"profile\":\"spy\"}", "profile"},
        {"{\"domain\":\"a.b\",\"timezone\":\"Mars/Base\"}", "timezone"},
        {"{\"domain\":\"a.b\",\"honour_signals\":1}", "honour_signals"},
        {"{\"domain\":\"a.b\",\"path_patterns\":[\"x\"]}", "path_patterns"},
        {"{\"domain\":\"a.b\",\"query_keep\":[\"a=b\"]}", "query_keep"},
        {"{\"domain\":\"a.b\",\"own_hosts\":[\"a.b/c\"]}", "own_hosts"},
        {"{\"domain\":\"a.b\",\"own_hosts\":[\"a.b:80\"]}", "own_hosts"},
        {"{\"domain\":\"a.b\",\"own_hosts\":[\"a.b\",\"\"]}", "own_hosts"},
        {"{\"domain\":\"a.b\",\"source_aliases\":[\"x\"]}", "source_aliases"},
        {"{\"domain\":\"a.b\",\"source_aliases\":[\"=x\"]}", "source_aliases"},
        {"{\"domain\":\"a.b\",\"source_aliases\":[\"x= \"]}", "source_aliases"},
        {"{\"domain\":\"a.b\",\"source_aliases\":[\"x=a\\u0007\"]}", "source_aliases"},
        {"{\"domain\":\"a.b\",\"source_aliases\":{\"x\":\"y\"}}", "source_aliases"},
        {"{\"domain\":\"a.b\",\"colour\":1}", "colour"},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err err = {0};
        uint32_t id = 99;
        assert_int_equal(add(f, bad[i].settings, &id, &err), ERR_INVALID);
        assert_int_equal(id, 99);
        assert_non_null(strstr(err.text, bad[i].key));
    }
    struct err err;
    uint32_t id;
    added(f, "{\"domain\":\"localhost:8080\"}");
    assert_int_equal(add(f, "{\"domain\":\"localhost:8080\"}", &id, &err), ERR_EXISTS);
}

static void test_tokens(void **state) {
    struct fixture *f = *state;
    struct err err;
    uint32_t a = added(f, "{\"domain\":\"a.example\"}"), b = added(f, "{\"domain\":\"b.example\"}");
    char one[CRYPT_TOKEN_CHARS], every[CRYPT_TOKEN_CHARS];
    assert_int_equal(control_token_add(f->control, SPAN_LIT("a.example"), SPAN_LIT("x"), one, &err),
                     0);
    assert_int_equal(control_token_add(f->control, SPAN_EMPTY, SPAN_EMPTY, every, &err), 0);
    assert_int_equal(control_token_check(f->control, span_str(one), a, &err), 0);
    assert_int_equal(control_token_check(f->control, span_str(one), b, &err), ERR_DENIED);
    assert_int_equal(control_token_check(f->control, span_str(every), b, &err), 0);
    assert_int_equal(control_token_check(f->control, SPAN_LIT("tamis_no"), a, &err), ERR_DENIED);
    JSON_AUTO sites = NULL;
    assert_int_equal(control_token_sites(f->control, span_str(one), &sites, &err), 0);
    assert_int_equal(json_array_size(sites), 1);
    JSON_AUTO list = NULL;
    assert_int_equal(control_token_list(f->control, &list, &err), 0);
    assert_int_equal(json_array_size(list), 2);
    BUF_AUTO text = {0};
    assert_int_equal(json_write(list, &text, &err), 0);
    assert_int_equal(span_find_span(buf_span(&text), span_str(one)), SIZE_MAX);
    assert_int_equal(control_token_remove(f->control, 2, &err), 0);
    assert_int_equal(control_token_check(f->control, span_str(every), b, &err), ERR_DENIED);
    assert_int_equal(control_site_remove(f->control, SPAN_LIT("a.example"), &err), 0);
    assert_int_equal(control_token_check(f->control, span_str(one), a, &err), ERR_DENIED);
}

static void test_imports(void **state) {
    struct fixture *f = *state;
    struct err err;
    uint32_t site = added(f, "{\"domain\":\"a.example\"}");
    uint8_t digest[32] = {7};
    struct control_import first, again;
    assert_int_equal(control_import_begin(f->control, site, digest, false, &first, &err), 0);
    assert_false(first.finished);
    assert_int_equal(control_import_begin(f->control, site, digest, true, &again, &err), 0);
    assert_int_equal(again.id, first.id); /* broken off: goes on even when forced */
    JSON_AUTO counts = json_object();
    assert_int_equal(control_import_finish(f->control, first.id, counts, &err), 0);
    assert_int_equal(control_import_begin(f->control, site, digest, false, &again, &err), 0);
    assert_true(again.finished);
    assert_int_equal(again.id, first.id);
    assert_int_equal(control_import_begin(f->control, site, digest, true, &again, &err), 0);
    assert_false(again.finished);
    assert_int_not_equal(again.id, first.id);
    assert_int_equal(control_import_begin(f->control, 99, digest, false, &again, &err),
                     ERR_NOT_FOUND);
}

struct moment {
    bool fails;
    unsigned calls;
};

static int in_the_moment(void *arg, struct err *err) {
    struct moment *m = arg;
    m->calls++;
    return m->fails ? err_set(err, ERR_FULL, "no") : 0;
}

static void a_copy_opens_and_has_all_but_what_came_later(void **state) {
    struct fixture *f = *state;
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/copy.db", f->dir);
    struct moment m = {0};
    struct err err = {0};
    uint32_t id = added(f, "{\"domain\":\"a.example\"}");
    assert_int_equal(control_copy(f->control, path, in_the_moment, &m, &err), 0);
    assert_int_equal(m.calls, 1);
    (void)added(f, "{\"domain\":\"b.example\"}");
    struct policy_board *board = policy_board_new();
    struct control *copy = NULL;
    assert_int_equal(control_open(path, &f->clock.clock, board, &copy, &err), 0);
    JSON_AUTO list = NULL;
    assert_int_equal(control_site_list(copy, &list, &err), 0);
    assert_int_equal(json_array_size(list), 1);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 0), "id")), id);
    control_close(copy);
    policy_board_free(board);
    assert_int_equal(unlink(path), 0);
    m.fails = true;
    assert_int_equal(control_copy(f->control, path, in_the_moment, &m, &err), ERR_FULL);
    assert_int_not_equal(access(path, F_OK), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_copy_opens_and_has_all_but_what_came_later, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_private_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_site_lives, setup, teardown),
        cmocka_unit_test_setup_teardown(test_own_names, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ids_are_not_reused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refuses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tokens, setup, teardown),
        cmocka_unit_test_setup_teardown(test_imports, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
