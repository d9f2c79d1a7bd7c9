/* Filters that name saved ones. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "asking.h"
#include "crypt.h"
#include "query_segment.h"
#include "segments.h"

/* The bed's site 1 is the control plane's first one too. */
struct scene {
    struct bed *bed;
    struct control *control;
    struct policy_board *board;
    char dir[64], path[96];
};

static const char domain[] = "example.com";

static json_t *parse(const char *text) {
    CLEANUP(free_charp) char *quoted = requoted(text);
    json_t *j = json_loads(quoted, 0, NULL);
    assert_non_null(j);
    return j;
}

static int check(struct scene *s, const char *filters, struct err *err) {
    JSON_AUTO list = parse(filters);
    struct query_env env = {.store = s->bed->store,
                            .clock = &s->bed->clock.clock,
                            .control = s->control,
                            .timeout_ms = 20000};
    return segment_check(&env, bed_policy(s->bed, SITE), list, err);
}

static uint64_t save(struct scene *s, const char *name, const char *filters) {
    struct err err = {0};
    uint64_t id = 0;
    JSON_AUTO list = parse(filters);
    if (check(s, filters, &err) < 0 ||
        control_segment_add(s->control, span_str(domain), span_str(name), list, &id, &err) < 0)
        fail_msg("%s: %s", name, err.text);
    return id;
}

/* Five visits of one page: p1, p2 of FR from Google, on /a and /b; p3 of FR from Bing on /a; p4 of DE
 * from Google on /b; p5 of DE from nowhere on /c. */
static int up(void **state) {
    static const struct {
        const char *page, *source, *country;
    } visits[] = {{"/a", "Google", "FR"},
                  {"/b", "Google", "FR"},
                  {"/a", "Bing", "FR"},
                  {"/b", "Google", "DE"},
                  {"/c", "", "DE"}};
    struct scene *s = calloc(1, sizeof(*s));
    s->bed = bed_open();
    for (size_t i = 0; i < ARRAY_LEN(visits); i++) {
        struct event e = local_event(s->bed, day_of(2026, 5, 13), 9, (int)i, i + 1, EVENT_PAGEVIEW,
                                     visits[i].page);
        e.source = span_str(visits[i].source);
        e.country = span_str(visits[i].country);
        bed_apply(s->bed, &e, 1);
    }
    s->bed->clock.now_ms =
        zone_from_local_ms(bed_policy(s->bed, SITE)->zone, day_of(2026, 5, 13), 15 * 3600);
    (void)snprintf(s->dir, sizeof(s->dir), "/tmp/tamis-segments-XXXXXX");
    assert_non_null(mkdtemp(s->dir));
    (void)snprintf(s->path, sizeof(s->path), "%s/control.db", s->dir);
    s->board = policy_board_new();
    assert_int_equal(
        control_open(s->path, s->dir, &s->bed->clock.clock, s->board, &s->control, NULL), 0);
    static const char *const domains[] = {"example.com", "other.example"};
    for (size_t i = 0; i < 2; i++) {
        JSON_AUTO settings = json_pack("{s:s}", "domain", domains[i]);
        uint32_t id;
        assert_int_equal(control_site_add(s->control, settings, &id, NULL), 0);
        assert_int_equal(id, i + 1);
    }
    *state = s;
    return 0;
}

static int down(void **state) {
    struct scene *s = *state;
    control_close(s->control);
    policy_board_free(s->board);
    (void)unlink(s->path);
    (void)rmdir(s->dir);
    bed_close(s->bed);
    free(s);
    return 0;
}

static int visitors(struct scene *s, uint32_t site, const char *filters, struct err *err) {
    char text[4000];
    (void)snprintf(text, sizeof(text), "{'metrics':['visitors'],'date_range':'day','filters':%s}",
                   filters);
    JSON_AUTO request = parse(text);
    JSON_AUTO reply = NULL;
    struct query_env env = {.store = s->bed->store,
                            .clock = &s->bed->clock.clock,
                            .control = s->control,
                            .timeout_ms = 20000};
    int rc = query_run(&env, bed_policy(s->bed, site), request, &reply, err);
    if (rc < 0)
        return rc;
    /* The question is told as it was asked. */
    assert_true(json_equal(json_member(json_member(reply, "query"), "filters"),
                           json_member(request, "filters")));
    const json_t *row = json_array_get(json_member(reply, "results"), 0);
    return (int)json_integer_value(json_array_get(json_member(row, "metrics"), 0));
}

static void a_segment_stands_for_its_filters(void **state) {
    struct scene *s = *state;
    uint64_t french = save(s, "French", "[['is','visit:country',['FR']]]");
    save(s, "Google on /b",
         "[['is','visit:source',['Google']],['or',[['is','event:page',['/b']],"
         "['is','event:page',['/x']]]]]");
    save(s, "7", "[['is','event:page',['/c']]]"); /* a name before a number */
    char by_id[80];
    (void)snprintf(by_id, sizeof(by_id), "[['is','segment',[%llu]]]", (unsigned long long)french);
    const struct {
        const char *filters;
        int visitors;
    } cases[] = {
        {"[['is','segment',['French']]]", 3},
        {by_id, 3},
        {"[['is','segment',['7']]]", 1},
        {"[['is_not','segment',['French']]]", 2},
        {"[['is','segment',['Google on /b']]]", 2},
        {"[['is_not','segment',['Google on /b']]]", 3},
        {"[['is','segment',['French','Google on /b']]]", 4},
        {"[['is_not','segment',['French','Google on /b']]]", 1},
        {"[['is','segment',['French']],['is','segment',['Google on /b']]]", 1},
        {"[['is','segment',['French']],['is','event:page',['/a']]]", 2},
        {"[['or',[['is','segment',['7']],['is','visit:source',['Bing']]]]]", 2},
        {"[['and',[['is','segment',['Google on /b']],['is','visit:country',['DE']]]]]", 1},
        {"[['not',['is','segment',['Google on /b']]]]", 3},
        {"[['not',['or',[['is','segment',['French']],['is','segment',['7']]]]]]", 1},
        {"[['has_done',['is','segment',['Google on /b']]]]", 2},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = {0};
        int got = visitors(s, SITE, cases[i].filters, &err);
        if (got != cases[i].visitors)
            fail_msg("%s\n  expected %d\n  got      %d %s", cases[i].filters, cases[i].visitors,
                     got, err.text);
    }
}

static void what_is_refused(void **state) {
    struct scene *s = *state;
    save(s, "French", "[['is','visit:country',['FR']]]");
    save(s, "Buyers", "[['has_done',['is','event:name',['Buy']]]]");
    static const struct {
        const char *filters, *text;
    } cases[] = {
        {"[['is','segment',['Italian']]]", "filters: unknown segment"},
        {"[['is','segment',[99]]]", "filters: unknown segment"},
        {"[['is','segment',[-1]]]", "filters: unknown segment"},
        {"[['is','segment',[1.5]]]", "filters: a segment is named by text or number"},
        {"[['is','segment',[]]]", "filters: values must be a list of at least one"},
        {"[['is','segment']]", "filters: segment goes with is and is_not alone"},
        {"[['contains','segment',['French']]]", "filters: segment goes with is and is_not alone"},
        {"[['is','segment',['French'],{'case_sensitive':false}]]",
         "filters: segment goes with is and is_not alone"},
        {"[['has_done',['is','segment',['Buyers']]]]",
         "filters: has_done does not go inside has_done"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = {0};
        assert_int_equal(visitors(s, SITE, cases[i].filters, &err), ERR_INVALID);
        assert_string_equal(err.text, cases[i].text);
    }
    /* Another site's is an unknown one. */
    struct err err = {0};
    assert_int_equal(visitors(s, CNIL_SITE, "[['is','segment',['French']]]", &err), ERR_INVALID);
    assert_string_equal(err.text, "filters: unknown segment");
}

static void segments_count_towards_the_limits(void **state) {
    struct scene *s = *state;
    struct err err = {0};
    BUF_AUTO many = {0};
    buf_adds(&many, "[['or',[");
    for (int i = 0; i < 13; i++) { /* 144 of 200 nodes, few of which have to be looked at */
        buf_adds(&many, i ? "," : "");
        for (int k = 0; k < 10; k++)
            buf_adds(&many, "['not',");
        buf_addf(&many, "['is','event:page',['/%d']]", i);
        for (int k = 0; k < 10; k++)
            buf_adds(&many, "]");
    }
    buf_adds(&many, "]]]");
    save(s, "many", buf_cstr(&many));
    assert_int_equal(visitors(s, SITE, "[['is','segment',['many']]]", &err), 0);
    assert_int_equal(
        visitors(s, SITE, "[['is','segment',['many']],['is_not','segment',['many']]]", &err),
        ERR_INVALID);
    assert_string_equal(err.text, "filters: too many or too deep");
    BUF_AUTO names = {0};
    for (int i = 0; i <= QUERY_MOST_SEGMENTS; i++)
        buf_adds(&names, i ? ",'many'" : "[['is','segment',['many'");
    buf_adds(&names, "]]]");
    assert_int_equal(visitors(s, SITE, buf_cstr(&names), &err), ERR_INVALID);
    assert_string_equal(err.text, "filters: at most 20 segments");
}

static void what_a_segment_may_be(void **state) {
    struct scene *s = *state;
    save(s, "French", "[['is','visit:country',['FR']]]");
    static const struct {
        const char *filters, *text;
    } cases[] = {
        {"[['is','segment',['French']]]", "filters: no segment can be named here"},
        {"[['not',['is','segment',['French']]]]", "filters: no segment can be named here"},
        {"[['is','visit:planet',['Mars']]]", "filters: unknown dimension"},
        {"[['matches','event:page',['(']]]",
         "filters: matches on event:page: not a regular expression of RE2"},
        {"{}", "filters: must be a list"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = {0};
        assert_int_equal(check(s, cases[i].filters, &err), ERR_INVALID);
        assert_string_equal(err.text, cases[i].text);
    }
}

int main(void) {
    assert_int_equal(crypt_init(), 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_segment_stands_for_its_filters, up, down),
        cmocka_unit_test_setup_teardown(what_is_refused, up, down),
        cmocka_unit_test_setup_teardown(segments_count_towards_the_limits, up, down),
        cmocka_unit_test_setup_teardown(what_a_segment_may_be, up, down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
