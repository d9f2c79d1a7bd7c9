#include "fixture.h"

static void add_site(struct fixture *f, const char *domain) {
    JSON_AUTO settings = json_pack("{s:s}", "domain", domain);
    uint32_t id;
    assert_int_equal(control_site_add(f->control, settings, &id, NULL), 0);
}

/* The goal's id; fails unless it is added, or with `fault` unless it is refused with that. */
static uint64_t add(struct fixture *f, const char *domain, const char *definition,
                    const char *fault) {
    JSON_AUTO j = json_loads(definition, 0, NULL);
    assert_non_null(j);
    uint64_t id = 0;
    struct err err = {0};
    int rc = control_goal_add(f->control, span_str(domain), j, &id, &err);
    if (fault && (rc >= 0 || strcmp(err.text, fault) != 0))
        fail_msg("%s: %s", definition, rc < 0 ? err.text : "is taken");
    if (!fault && rc < 0)
        fail_msg("%s: %s", definition, err.text);
    return id;
}

static char *listed(struct fixture *f, const char *domain) {
    JSON_AUTO list = NULL;
    assert_int_equal(control_goal_list(f->control, span_str(domain), &list, NULL), 0);
    size_t i;
    json_t *row;
    json_array_foreach (list, i, row)
        assert_int_equal(json_object_del(row, "id"), 0);
    return json_dumps(list, JSON_COMPACT);
}

static void goals_are_kept_and_published(void **state) {
    struct fixture *f = *state;
    add_site(f, "a.example");
    add_site(f, "b.example");
    add(f, "a.example", "{\"page\":\"/blog/**\"}", NULL);
    add(f, "a.example", "{\"page\":\"/blog/*\",\"scroll\":75,\"name\":\" Read \"}", NULL);
    add(f, "a.example", "{\"engaged_seconds\":30}", NULL);
    uint64_t id =
        add(f, "a.example",
            "{\"event\":\"Buy\",\"props\":[\"plan=pro=1\",\"a=b\"],\"currency\":\"EUR\"}", NULL);
    add(f, "b.example", "{\"event\":\"Buy\"}", NULL);
    control_close(f->control);
    open_control(f); /* as after a restart */
    CLEANUP(free_charp) char *list = listed(f, "a.example");
    assert_string_equal(
        list,
        "[{\"created_ms\":1700000000000,\"name\":\"Buy\",\"kind\":\"event\",\"event\":\"Buy\","
        "\"props\":{\"plan\":\"pro=1\",\"a\":\"b\"},\"currency\":\"EUR\"},"
        "{\"created_ms\":1700000000000,\"name\":\"Engaged for 30 s\",\"kind\":\"engagement\","
        "\"engaged_seconds\":30},"
        "{\"created_ms\":1700000000000,\"name\":\"Read\",\"kind\":\"scroll\",\"page\":\"/blog/*\","
        "\"scroll\":75},"
        "{\"created_ms\":1700000000000,\"name\":\"Visit /blog/**\",\"kind\":\"page\",\"page\":"
        "\"/blog/**\"}]");
    CLEANUP(policy_set_unrefp) struct policy_set *set = policy_board_get(f->board);
    const struct policy *p = policy_by_id(set, 1);
    assert_int_equal(p->goal_count, 4);
    assert_int_equal(p->goals[0].kind, GOAL_EVENT);
    assert_true(span_eq(p->goals[0].event, SPAN_LIT("Buy")));
    assert_true(span_eq(p->goals[0].currency, SPAN_LIT("EUR")));
    assert_int_equal(p->goals[0].prop_count, 2);
    assert_true(span_eq(p->goals[0].props[0].key, SPAN_LIT("plan")));
    assert_true(span_eq(p->goals[0].props[0].value, SPAN_LIT("pro=1")));
    assert_int_equal(p->goals[1].kind, GOAL_ENGAGEMENT);
    assert_int_equal(p->goals[1].least, 30);
    assert_int_equal(p->goals[2].kind, GOAL_SCROLL);
    assert_int_equal(p->goals[2].least, 75);
    assert_int_equal(p->goals[3].kind, GOAL_PAGE);
    assert_true(span_eq(p->goals[3].page, SPAN_LIT("/blog/**")));
    assert_int_equal(policy_by_id(set, 2)->goal_count, 1);

    /* a site's goal goes with its site only */
    assert_int_equal(control_goal_remove(f->control, SPAN_LIT("b.example"), id, NULL),
                     ERR_NOT_FOUND);
    assert_int_equal(control_goal_remove(f->control, SPAN_LIT("a.example"), id, NULL), 0);
    assert_int_equal(control_site_remove(f->control, SPAN_LIT("b.example"), NULL), 0);
    add_site(f, "b.example");
    CLEANUP(free_charp) char *none = listed(f, "b.example");
    assert_string_equal(none, "[]");
    CLEANUP(policy_set_unrefp) struct policy_set *now = policy_board_get(f->board);
    assert_int_equal(policy_by_id(now, 1)->goal_count, 3);
}

static void bad_goals_are_refused_by_key(void **state) {
    struct fixture *f = *state;
    add_site(f, "a.example");
    add(f, "a.example", "{\"event\":\"Buy\"}", NULL);
    static const struct {
        const char *definition, *fault;
    } bad[] = {
        {"{\"event\":\"Buy\"}", "name: a goal of that name is there already"},
        {"{}", "a goal must have one of page, event, engaged_seconds"},
        {"{\"page\":\"/a\",\"event\":\"x\"}",
         "a goal must have one of page, event, engaged_seconds"},
        {"{\"page\":\"/a\",\"zebra\":1}",
         "a goal has name, page, scroll, event, props, currency, engaged_seconds"},
        {"{\"page\":\"zebra\"}", "page: must be a path such as /thanks or /blog/**"},
        {"{\"page\":\"/************\"}", "page: at most 10 stars"},
        {"{\"page\":7}", "page: must be text of at most 200 bytes"},
        {"{\"page\":\"/a\",\"scroll\":0}", "scroll: must be 1 to 100"},
        {"{\"page\":\"/a\",\"scroll\":101}", "scroll: must be 1 to 100"},
        {"{\"event\":\"x\",\"scroll\":50}", "scroll: needs a page"},
        {"{\"event\":\"\"}", "event: must be text of at most 120 bytes"},
        {"{\"event\":\"x\",\"name\":\"a\\nb\"}", "name: must be text of at most 120 bytes"},
        {"{\"engaged_seconds\":\"30\"}", "engaged_seconds: must be 1 to 86400"},
        {"{\"page\":\"/a\",\"currency\":\"EUR\"}", "currency: goes with an event"},
        {"{\"event\":\"x\",\"currency\":\"eur\"}",
         "currency: must be three capitals such as EUR (ISO 4217)"},
        {"{\"page\":\"/a\",\"props\":[\"a=b\"]}", "props: go with an event"},
        {"{\"event\":\"x\",\"props\":\"a=b\"}", "props: must be a list of at most 3"},
        {"{\"event\":\"x\",\"props\":[\"a=1\",\"b=1\",\"c=1\",\"d=1\"]}",
         "props: must be a list of at most 3"},
        {"{\"event\":\"x\",\"props\":[\"zebra\"]}", "props: each must be like plan=pro"},
        {"{\"event\":\"x\",\"props\":[\"a=1\",\"a=2\"]}", "props: a key is given twice"},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        add(f, "a.example", bad[i].definition, bad[i].fault);
    add(f, "b.example", "{\"event\":\"x\"}", "no such site");
    for (int i = 1; i < 100; i++) {
        char text[40];
        (void)snprintf(text, sizeof(text), "{\"event\":\"e%d\"}", i);
        add(f, "a.example", text, NULL);
    }
    add(f, "a.example", "{\"event\":\"x\"}", "a site can have at most 100 goals");
    JSON_AUTO list = NULL;
    assert_int_equal(control_goal_list(f->control, SPAN_LIT("a.example"), &list, NULL), 0);
    assert_int_equal(json_array_size(list), 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(goals_are_kept_and_published, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_goals_are_refused_by_key, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
