#include "fixture.h"

#include <sys/stat.h>

#include "os.h"

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
    assert_false(p->block_datacenters);
    assert_string_equal(zone_name(p->zone), "Europe/Paris");
    assert_int_equal(p->path_pattern_count, 1);
    assert_true(span_eq(p->query_keep[0], SPAN_LIT("q")));

    control_close(f->control);
    open_control(f);
    JSON_AUTO change = json_loads("{\"honour_signals\":false,\"block_spam\":false,\"block_"
                                  "datacenters\":true,\"profile\":\"frugal\"}",
                                  0, NULL);
    struct err err;
    assert_int_equal(control_site_set(f->control, SPAN_LIT("www.example.com"), change, &err), 0);
    CLEANUP(policy_set_unrefp) struct policy_set *now = policy_board_get(f->board);
    p = policy_by_id(now, 1);
    assert_false(p->honour_signals);
    assert_false(p->block_spam);
    assert_true(p->block_datacenters);
    assert_int_equal(p->profile, PROFILE_FRUGAL);
    assert_string_equal(zone_name(p->zone), "Europe/Paris");
}

static void change(struct fixture *f, const char *settings, int expected, struct err *err) {
    JSON_AUTO j = json_loads(settings, 0, NULL);
    assert_int_equal(control_site_set(f->control, SPAN_LIT("a.example"), j, err), expected);
}

static bool knows_visitors(struct fixture *f) {
    CLEANUP(policy_set_unrefp) struct policy_set *set = policy_board_get(f->board);
    return policy_by_id(set, 1)->visitor_cookie;
}

static void test_visitor_cookie(void **state) {
    struct fixture *f = *state;
    struct err err = {0};
    uint32_t id;
    assert_int_equal(add(f, "{\"domain\":\"a.example\",\"visitor_cookie\":true}", &id, &err),
                     ERR_INVALID);
    assert_string_equal(err.text, "visitor_cookie: needs the profile consented");
    added(f, "{\"domain\":\"a.example\",\"visitor_cookie\":false}");
    change(f, "{\"visitor_cookie\":true}", ERR_INVALID, &err);
    change(f, "{\"visitor_cookie\":1,\"profile\":\"consented\"}", ERR_INVALID, &err);
    assert_string_equal(err.text, "visitor_cookie: must be true or false");
    change(f, "{\"profile\":\"consented\"}", 0, &err);
    assert_false(knows_visitors(f));
    change(f, "{\"visitor_cookie\":true}", 0, &err);
    assert_true(knows_visitors(f));
    change(f, "{\"profile\":\"frugal\"}", 0, &err); /* means nothing now */
    assert_false(knows_visitors(f));
    change(f, "{\"profile\":\"cnil\",\"visitor_cookie\":true}", ERR_INVALID, &err);
    change(f, "{\"profile\":\"consented\"}", 0, &err);
    assert_true(knows_visitors(f));
    JSON_AUTO list = NULL;
    assert_int_equal(control_site_list(f->control, &list, &err), 0);
    assert_true(json_is_true(json_member(json_array_get(list, 0), "visitor_cookie")));
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
    assert_int_equal(p->search_param_count, 7);
    assert_true(span_eq(p->search_params[0], SPAN_LIT("q")));
    /* what is not named stays; [""] empties */
    JSON_AUTO change = json_loads("{\"source_aliases\":[\"\"],\"query_keep\":[\"\"],"
                                  "\"search_params\":[\"\"]}",
                                  0, NULL);
    assert_int_equal(control_site_set(f->control, SPAN_LIT("a.example"), change, &err), 0);
    CLEANUP(policy_set_unrefp) struct policy_set *now = policy_board_get(f->board);
    p = policy_by_id(now, 1);
    assert_int_equal(p->own_host_count, 1);
    assert_int_equal(p->source_alias_count, 0);
    assert_int_equal(p->query_keep_count, 0);
    assert_int_equal(p->search_param_count, 0);
}

/* The ids of what was added; none on an error, which must name `fault`. */
static json_t *blocked(struct fixture *f, const char *blocks, const char *fault) {
    JSON_AUTO j = json_loads(blocks, 0, NULL);
    assert_non_null(j);
    json_t *ids = NULL;
    struct err err = {0};
    int rc = control_block_add(f->control, SPAN_LIT("a.example"), j, &ids, &err);
    assert_int_equal(rc, fault ? ERR_INVALID : 0);
    if (fault && !strstr(err.text, fault))
        fail_msg("%s: %s", blocks, err.text);
    return ids;
}

static json_t *block_list(struct fixture *f) {
    json_t *list = NULL;
    struct err err;
    assert_int_equal(control_block_list(f->control, SPAN_LIT("a.example"), &list, &err), 0);
    return list;
}

static void same_list(const struct span *list, size_t count, const char *want) {
    char got[300] = "";
    for (size_t i = 0; i < count; i++)
        (void)snprintf(got + strlen(got), sizeof(got) - strlen(got), "%.*s ", SPAN_ARG(list[i]));
    assert_string_equal(got, want);
}

static void test_blocks(void **state) {
    struct fixture *f = *state;
    struct err err;
    added(f, "{\"domain\":\"a.example\"}");
    json_decref(
        blocked(f,
                "{\"page\":[\"/admin/**\",\" /draft\"],\"hostname\":[\"*.Dev.a.example\"],"
                "\"only_hostname\":[\"WWW.a.example\"],\"country\":[\"fr\",\"DE\"],"
                "\"address\":[\"192.0.2.77/24\",\"2001:db8:7::1/48\",\"::ffff:10.0.0.0/104\"]}",
                NULL));
    control_close(f->control);
    open_control(f);
    CLEANUP(policy_set_unrefp) struct policy_set *set = policy_board_get(f->board);
    const struct policy_blocks *b = policy_by_id(set, 1)->blocks;
    assert_non_null(b);
    same_list(b->pages, b->page_count, "/admin/** /draft ");
    same_list(b->hostnames, b->hostname_count, "*.dev.a.example ");
    same_list(b->only_hostnames, b->only_hostname_count, "a.example ");
    same_list(b->countries, b->country_count, "FR DE ");
    assert_int_equal(b->range_count, 3);
    assert_int_equal(b->address_hash_count, 0);
    struct stat st;
    assert_int_equal(stat(f->key_file, &st), -1); /* ranges need none */
    JSON_AUTO list = block_list(f);
    assert_int_equal(json_array_size(list), 9);
    static const char *const ranges[] = {"192.0.2.0/24", "2001:db8:7::/48", "10.0.0.0/8"};
    for (size_t i = 0; i < ARRAY_LEN(ranges); i++)
        assert_string_equal(json_string_value(json_member(json_array_get(list, 6 + i), "value")),
                            ranges[i]);
    /* the same again keeps its id */
    JSON_AUTO again = blocked(f, "{\"country\":[\"DE\"]}", NULL);
    assert_int_equal(json_integer_value(json_array_get(again, 0)), 6);
    for (uint64_t id = 1; id <= 9; id++)
        assert_int_equal(control_block_remove(f->control, id, &err), 0);
    assert_int_equal(control_block_remove(f->control, 9, &err), ERR_NOT_FOUND);
    CLEANUP(policy_set_unrefp) struct policy_set *now = policy_board_get(f->board);
    assert_null(policy_by_id(now, 1)->blocks);
    static const struct {
        const char *blocks, *fault;
    } bad[] = {
        {"{}", "page"},
        {"{\"colour\":[\"x\"]}", "page"},
        {"{\"page\":\"/x\"}", "page"},
        {"{\"page\":[\"x\"]}", "page"},
        {"{\"page\":[1]}", "page"},
        {"{\"hostname\":[\"*\"]}", "hostname"},
        {"{\"hostname\":[\"a.b:80\"]}", "hostname"},
        {"{\"only_hostname\":[\"https://a.b\"]}", "only_hostname"},
        {"{\"country\":[\"FRA\"]}", "country"},
        {"{\"country\":[\"F1\"]}", "country"},
        {"{\"address\":[\"10.0.0.0/33\"]}", "address"},
        {"{\"address\":[\"jane\"]}", "address"},
        {"{\"country\":[\"FR\"],\"address\":[\"jane\"]}", "address"},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_null(blocked(f, bad[i].blocks, bad[i].fault));
    JSON_AUTO none = block_list(f);
    assert_int_equal(json_array_size(none), 0); /* all of a call, or nothing */
}

/* Whether the database, its log included, holds the bytes. */
static bool on_disk(struct fixture *f, const void *bytes, size_t n) {
    static const char *const ends[] = {"", "-wal"};
    bool found = false;
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        char path[128];
        (void)snprintf(path, sizeof(path), "%s%s", f->path, ends[i]);
        BUF_AUTO file = {0};
        if (os_read_file(&os_system, path, 1 << 24, &file, NULL) == 0)
            found |= span_find_span(buf_span(&file), span_of(bytes, n)) != SIZE_MAX;
    }
    return found;
}

static void test_a_single_address(void **state) {
    struct fixture *f = *state;
    struct err err;
    added(f, "{\"domain\":\"a.example\"}");
    static const uint8_t raw[] = {203, 0, 113, 77};
    const struct net_address a = {.bytes = {203, 0, 113, 77}, .family = 4};
    json_decref(blocked(f, "{\"address\":[\"203.0.113.77\",\"2001:db8::beef/128\"]}", NULL));
    assert_true(on_disk(f, "hash:", 5));
    assert_false(on_disk(f, "203.0.113.77", 12) || on_disk(f, "cb00714d", 8) ||
                 on_disk(f, raw, sizeof(raw)) || on_disk(f, "beef", 4));
    struct stat st;
    assert_int_equal(stat(f->key_file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(st.st_size, CRYPT_KEY_BYTES);
    control_close(f->control);
    open_control(f);
    {
        CLEANUP(policy_set_unrefp) struct policy_set *set = policy_board_get(f->board);
        const struct policy_blocks *b = policy_by_id(set, 1)->blocks;
        assert_int_equal(b->address_hash_count, 2);
        assert_int_equal(b->range_count, 0);
        assert_true(b->address_hashes[0] == policy_address_hash(b->address_key, 1, &a));
        assert_true(b->address_hashes[0] != policy_address_hash(b->address_key, 2, &a));
    }
    /* after a restore there is no key: it matches nothing, and says so */
    assert_int_equal(unlink(f->key_file), 0);
    control_close(f->control);
    open_control(f);
    JSON_AUTO list = block_list(f);
    const json_t *row = json_array_get(list, 0);
    assert_true(json_is_null(json_member(row, "value")));
    assert_true(json_is_true(json_member(row, "hashed")) &&
                json_is_true(json_member(row, "stale")));
    {
        CLEANUP(policy_set_unrefp) struct policy_set *set = policy_board_get(f->board);
        assert_int_equal(policy_by_id(set, 1)->blocks->address_hash_count, 0);
    }
    /* a new key takes the old hashes away */
    json_decref(blocked(f, "{\"address\":[\"203.0.113.77\"]}", NULL));
    JSON_AUTO fresh = block_list(f);
    assert_int_equal(json_array_size(fresh), 1);
    assert_false(json_is_true(json_member(json_array_get(fresh, 0), "stale")));
    /* a removed site takes its blocks along */
    assert_int_equal(control_site_remove(f->control, SPAN_LIT("a.example"), &err), 0);
    added(f, "{\"domain\":\"a.example\"}");
    JSON_AUTO none = block_list(f);
    assert_int_equal(json_array_size(none), 0);
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
        {"{\"domain\":\"a.b\",\"search_params\":[\"a=b\"]}", "search_params"},
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
    assert_int_equal(control_open(path, f->keys, &f->clock.clock, board, &copy, &err), 0);
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
        cmocka_unit_test_setup_teardown(test_visitor_cookie, setup, teardown),
        cmocka_unit_test_setup_teardown(test_blocks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_single_address, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ids_are_not_reused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refuses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tokens, setup, teardown),
        cmocka_unit_test_setup_teardown(test_imports, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
