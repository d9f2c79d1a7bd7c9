/* Journeys: paths worked out by hand, what random ones show and hide, and bad requests. */
#include "journey.h"

#include <stdio.h>
#include <stdlib.h>

#include "asking_walks.h"
#include "crypt.h"
#include "journey_tree.h"
#include "many_beds.h"

static json_t *ask_journey(struct bed *b, uint32_t site, const char *text) {
    return ask_walk(journey_run, b, site, text);
}

/* Expects [[path, visits, ended, other], …], without the last two after the last page. */
static void expect_journey(struct bed *b, uint32_t site, const char *text, const char *expected) {
    static const char *const keys[] = {"path", "visits", "ended", "other"};
    expect_walk(journey_run, b, site, text, keys, ARRAY_LEN(keys), expected);
}

/* --- by hand ------------------------------------------------------------------------------------
 */

/* Each letter is a view of the page of that name; `people` make the walk once, on 5 May. */
struct walk_sample {
    const char *pages;
    unsigned people;
};

static void add_walks(struct bed *b, uint32_t site, const struct walk_sample *list, size_t count) {
    uint64_t person = 0;
    for (size_t i = 0; i < count; i++)
        for (unsigned n = 0; n < list[i].people; n++) {
            person++;
            for (size_t k = 0; list[i].pages[k]; k++) {
                const char page[] = {'/', list[i].pages[k], 0};
                struct event e =
                    local_event(b, day_of(2026, 5, 5), 9, (int)k, person, EVENT_PAGEVIEW, page);
                e.site = site;
                bed_apply(b, &e, 1);
            }
        }
}

#define DAY "'date_range':['2026-05-05','2026-05-05']"

static struct bed *fill(uint32_t site, const struct walk_sample *list, size_t count, bool sealed) {
    struct bed *b = bed_open();
    add_walks(b, site, list, count);
    walk_set_clock(b);
    if (sealed) {
        bed_seal(b, site, day_of(2026, 5, 5));
        bed_publish(b);
    }
    return b;
}

static void cases_by_hand(void **state) {
    (void)state;
    /* A page that is seen again right away is no step. */
    static const struct walk_sample list[] = {
        {"ab", 6}, {"aab", 1}, {"abc", 5}, {"ac", 8}, {"a", 9}, {"ca", 10}, {"bb", 5},
    };
    for (int sealed = 0; sealed < 2; sealed++) {
        struct bed *b = fill(SITE, list, ARRAY_LEN(list), sealed);
        expect_journey(b, SITE, "{" DAY ",'depth':2}",
                       "[[[],44,0,0],[['/a'],29,9,0],[['/a','/b'],12,7,0],[['/a','/b','/c'],5],"
                       "[['/a','/c'],8,8,0],[['/c'],10,0,0],[['/c','/a'],10,10,0],[['/b'],5,5,0]]");
        expect_journey(b, SITE, "{" DAY ",'depth':1,'from':{'entry':'/a'}}",
                       "[[['/a'],29,9,0],[['/a','/b'],12],[['/a','/c'],8]]");
        expect_journey(b, SITE, "{" DAY ",'depth':1,'from':{'entry':'any'},'limit':1}",
                       "[[[],44,0,15],[['/a'],29,9,8],[['/a','/b'],12]]");
        expect_journey(b, SITE, "{" DAY ",'from':{'entry':'/zebra'}}", "[]");
        expect_journey(b, SITE, "{" DAY ",'depth':1,'filters':[['is','visit:exit_page',['/b']]]}",
                       "[[[],12,0,0],[['/a'],7,0,0],[['/a','/b'],7],[['/b'],5,5,0]]");
        bed_close(b);
    }
}

/* What is of fewer than five people goes into `other`, and never alone. */
static void few_are_not_shown(void **state) {
    (void)state;
    static const struct walk_sample one[] = {{"ab", 9}, {"ac", 7}, {"ad", 1}, {"a", 8}};
    struct bed *b = fill(SITE, one, ARRAY_LEN(one), true);
    /* The one at /d takes the seven at /c along. */
    expect_journey(b, SITE, "{" DAY ",'depth':1}", "[[[],25,0,0],[['/a'],25,8,8],[['/a','/b'],9]]");
    bed_close(b);
    static const struct walk_sample ends[] = {{"ab", 9}, {"ac", 7}, {"a", 2}};
    b = fill(SITE, ends, ARRAY_LEN(ends), false);
    expect_journey(b, SITE, "{" DAY ",'depth':1}",
                   "[[[],18,0,0],[['/a'],18,null,9],[['/a','/b'],9]]");
    bed_close(b);
    /* Two handfuls together hide each other only if one of them is no handful. */
    static const struct walk_sample two[] = {{"ab", 9}, {"ac", 4}, {"ad", 4}};
    b = fill(FRUGAL_SITE, two, ARRAY_LEN(two), true);
    expect_journey(b, FRUGAL_SITE, "{" DAY ",'depth':1}", "[[[],15,0,0],[['/a'],15,0,15]]");
    bed_close(b);
    static const struct walk_sample few[] = {{"ab", 4}};
    b = fill(SITE, few, ARRAY_LEN(few), false);
    expect_journey(b, SITE, "{" DAY ",'depth':1}", "[]");
    bed_close(b);
}

/* Five visits of one person are one person's. */
static void people_count_and_not_visits(void **state) {
    (void)state;
    for (int sealed = 0; sealed < 2; sealed++) {
        static const struct walk_sample list[] = {{"ab", 9}};
        struct bed *b = fill(SITE, list, 1, false);
        for (int hour = 10; hour < 20; hour++)
            for (int k = 0; k < 2; k++) {
                struct event e = local_event(b, day_of(2026, 5, 5), hour, k, 77, EVENT_PAGEVIEW,
                                             k ? "/z" : "/a");
                bed_apply(b, &e, 1);
            }
        if (sealed) {
            bed_seal(b, SITE, day_of(2026, 5, 5));
            bed_publish(b);
        }
        expect_journey(b, SITE, "{" DAY ",'depth':1}", "[[[],19,0,0],[['/a'],19,0,19]]");
        bed_close(b);
    }
}

static void cnil_shows_tens(void **state) {
    (void)state;
    static const struct walk_sample list[] = {{"ab", 17}, {"ac", 12}, {"ad", 9}, {"a", 26}};
    struct bed *b = fill(CNIL_SITE, list, ARRAY_LEN(list), true);
    expect_journey(b, CNIL_SITE, "{" DAY ",'depth':1}",
                   "[[[],60,0,0],[['/a'],60,30,20],[['/a','/b'],20]]");
    JSON_AUTO reply = ask_journey(b, CNIL_SITE, "{" DAY "}");
    const json_t *meta = json_member(reply, "meta");
    assert_int_equal(json_integer_value(json_member(meta, "threshold")), 10);
    assert_int_equal(json_integer_value(json_member(meta, "rounded_to")), 10);
    bed_close(b);
}

/* --- at random ----------------------------------------------------------------------------------
 */

enum { MOST_PATH = 4 };

struct path {
    struct span pages[MOST_PATH];
    size_t count;
    bool longer; /* the visit went on */
    uint64_t visitor;
};

struct paths {
    struct path list[1400];
    size_t count;
};

static void find_paths(const struct model *m, uint32_t site, int32_t from, int32_t to,
                       struct paths *ret) {
    ret->count = 0;
    for (size_t v = 0; v < m->visit_count; v++) {
        const struct event *first = m->visits[v].first;
        if (first->site != site || first->day < from || first->day > to)
            continue;
        struct path p = {.visitor = first->visitor};
        struct span last = {NULL, 0};
        for (size_t i = 0; i < m->event_count; i++) {
            const struct event *e = &m->events[i];
            if (m->visit_of[i] != (int)v || e->kind != EVENT_PAGEVIEW ||
                (last.ptr && span_eq(last, e->page)))
                continue;
            last = e->page;
            if (p.count == MOST_PATH)
                p.longer = true;
            else
                p.pages[p.count++] = e->page;
        }
        if (p.count)
            ret->list[ret->count++] = p;
    }
}

struct sums {
    unsigned visits, people;
};

/* Visits that begin with the path; with `ended` those that also end so. */
static struct sums sum_of(const struct paths *paths, const json_t *path, bool ended) {
    struct sums s = {0};
    uint64_t seen[1400];
    size_t length = json_array_size(path);
    for (size_t i = 0; i < paths->count; i++) {
        const struct path *p = &paths->list[i];
        bool same = p->count >= length && (!ended || (p->count == length && !p->longer));
        for (size_t k = 0; same && k < length; k++)
            same = span_eq(p->pages[k], json_span(json_array_get(path, k)));
        if (!same)
            continue;
        size_t at = 0;
        while (at < s.people && seen[at] != p->visitor)
            at++;
        if (at == s.people)
            seen[s.people++] = p->visitor;
        s.visits++;
    }
    return s;
}

static bool goes_on_from(const json_t *longer, const json_t *path) {
    size_t length = json_array_size(path);
    bool same = json_array_size(longer) == length + 1;
    for (size_t k = 0; same && k < length; k++)
        same = json_equal(json_array_get(longer, k), json_array_get(path, k));
    return same;
}

/* How many pages that follow the path have five people at least. */
static size_t eligible_after(const struct paths *paths, const json_t *path) {
    size_t count = 0;
    JSON_AUTO done = json_object();
    for (size_t i = 0; i < paths->count; i++) {
        const struct path *p = &paths->list[i];
        if (p->count <= json_array_size(path))
            continue;
        JSON_AUTO longer = json_deep_copy(path);
        struct span page = p->pages[json_array_size(path)];
        json_array_append_new(longer, json_stringn(page.ptr, page.len));
        bool begins = true;
        for (size_t k = 0; k < json_array_size(path); k++)
            begins &= span_eq(p->pages[k], json_span(json_array_get(path, k)));
        CLEANUP(free_charp) char *key = json_dumps(longer, JSON_COMPACT);
        if (!begins || json_object_get(done, key))
            continue;
        json_object_set_new(done, key, json_true());
        count += sum_of(paths, longer, false).people >= 5;
    }
    return count;
}

/* Every figure is true, nothing is of fewer than five people, nor is what follows by subtracting, and
 * no more is hidden than that takes. */
static void check_row(const struct paths *paths, const json_t *rows, const json_t *row,
                      size_t depth, size_t limit, unsigned *hidden) {
    const json_t *path = json_member(row, "path"), *ended = json_member(row, "ended");
    struct sums all = sum_of(paths, path, false);
    assert_int_equal(json_integer_value(json_member(row, "visits")), all.visits);
    assert_true(all.people >= 5);
    assert_int_equal(ended == NULL, json_array_size(path) == depth + 1);
    if (!ended)
        return;
    struct sums ends = sum_of(paths, path, true);
    json_int_t rest = all.visits;
    if (json_array_size(path) == 0)
        ends = (struct sums){0};
    if (!json_is_null(ended)) {
        assert_int_equal(json_integer_value(ended), ends.visits);
        assert_true(ends.visits == 0 || ends.people >= 5);
        rest -= ends.visits;
    }
    size_t i, shown = 0;
    json_t *other;
    json_array_foreach ((json_t *)(uintptr_t)rows, i, other)
        if (goes_on_from(json_member(other, "path"), path)) {
            rest -= json_integer_value(json_member(other, "visits"));
            shown++;
        }
    assert_int_equal(json_integer_value(json_member(row, "other")), rest);
    assert_true(rest >= 0);
    assert_true(rest == 0 || rest >= 5);
    size_t eligible = eligible_after(paths, path);
    eligible = eligible < limit ? eligible : limit;
    assert_true(shown == eligible || (shown + 1 == eligible && rest > 0));
    *hidden += shown < eligible || (json_is_null(ended) && ends.people >= 5);
}

static void random_paths(void **state) {
    (void)state;
    random_seed();
    struct many_beds m;
    many_beds_open(&m, 1400);
    many_beds_set_clock(
        &m, zone_day_start_ms(bed_policy(m.beds[0], SITE)->zone, random_first_day() + 60));
    struct paths *paths = calloc(1, sizeof *paths);
    assert_non_null(paths);
    unsigned hidden = 0;
    for (int i = 0; i < 12; i++) {
        uint32_t site = i % 2 ? SITE : OTHER_SITE;
        int32_t from = random_first_day(), to = from + (int32_t)dice(RANDOM_DAYS + 2);
        size_t depth = 1 + dice(MOST_PATH - 1), limit = 1 + dice(5);
        find_paths(&m.model, site, from, to, paths);
        char a[CIVIL_TEXT], z[CIVIL_TEXT], text[200];
        civil_format(from, a);
        civil_format(to, z);
        (void)snprintf(text, sizeof text, "{'date_range':['%s','%s'],'depth':%zu,'limit':%zu}", a,
                       z, depth, limit);
        JSON_AUTO first = NULL;
        for (size_t k = 0; k < BEDS; k++) {
            JSON_AUTO reply = ask_journey(m.beds[k], site, text);
            const json_t *rows = json_member(reply, "results");
            if (!first)
                first = json_deep_copy(rows);
            if (!json_equal(first, rows))
                fail_msg("%s: %s\n%s\n%s", many_beds_names[k], text,
                         json_dumps(first, JSON_COMPACT), json_dumps(rows, JSON_COMPACT));
            size_t n;
            json_t *row;
            json_array_foreach ((json_t *)(uintptr_t)rows, n, row)
                check_row(paths, rows, row, depth, limit, &hidden);
        }
    }
    assert_true(hidden > 0);
    free(paths);
    many_beds_close(&m);
}

/* --- counted in parts ---------------------------------------------------------------------------
 */

/* Until the tree is full. */
static void take_walks(struct journey_tree *t) {
    static const char *const names[] = {"/a", "/b", "/c", "/d", "/e"};
    struct err err = {0};
    for (uint32_t visit = 0; visit < 4000; visit++) {
        uint32_t h = visit * 2654435761u;
        for (uint32_t k = 0; k <= h >> 30; k++) {
            struct walk_event e = {.new_person = k == 0 && visit % 3, .new_visit = k == 0};
            assert_true(numbering_get(t->pages, span_str(names[(h >> (k * 3) & 7) % 5]), &e.value));
            if (journey_tree_take(t, &e, &err) < 0) {
                assert_true(t->full);
                return;
            }
        }
    }
    journey_tree_end(t);
}

static void put_node(const struct journey_tree *t, const struct journey_node *n, struct buf *out) {
    buf_addf(out, "%u:%u/%u,%d,%u;", n->page, n->visits, n->persons,
             n->ended_shown ? (int)n->ended : -1, n->other);
    for (uint32_t i = 0; i < n->children; i++)
        put_node(t, &t->nodes[t->shown[n->first_child + i]], out);
}

/* The tree's text once what is open is what is shown; how often it was counted. */
static unsigned count_in_parts(struct journey_tree *t, struct buf *out) {
    struct err err = {0};
    unsigned times = 0;
    for (bool again = true; again; times++) {
        assert_int_equal(journey_tree_again(t, &err), 0);
        take_walks(t);
        assert_false(t->full);
        assert_int_equal(journey_choose(t, 3, 5, &again, &err), 0);
    }
    put_node(t, &t->nodes[0], out);
    return times;
}

static void parts_are_the_same(void **state) {
    (void)state;
    struct journey_tree whole;
    struct numbering pages = {0};
    struct err err = {0};
    bool again;
    BUF_AUTO want = {0};
    assert_int_equal(journey_tree_init(&whole, &pages, UINT32_MAX, 3, &err), 0);
    take_walks(&whole);
    assert_int_equal(journey_choose(&whole, 3, 5, &again, &err), 0);
    assert_false(again);
    put_node(&whole, &whole.nodes[0], &want);
    assert_true(want.len > 200);
    /* From samples that tell little, and nothing; `most` is for these. */
    for (uint32_t most = 1; most < 100; most += 7) {
        struct journey_tree parts;
        BUF_AUTO got = {0};
        assert_int_equal(journey_tree_init(&parts, &pages, most, 3, &err), 0);
        take_walks(&parts);
        assert_true(parts.full);
        assert_int_equal(journey_open_likely(&parts, 1, &err), 0);
        if (most == 1)
            journey_open_root(&parts);
        parts.most = UINT32_MAX;
        unsigned times = count_in_parts(&parts, &got);
        assert_true(times <= 3 && (most > 1 || times == 3));
        assert_string_equal(buf_cstr(&got), buf_cstr(&want));
        journey_tree_release(&parts);
    }
    journey_tree_release(&whole);
    numbering_release(&pages);
}

/* What a sample makes likely need not be counted again. */
static void samples_tell_enough(void **state) {
    (void)state;
    struct journey_tree t;
    struct numbering pages = {0};
    struct err err = {0};
    BUF_AUTO ignored = {0};
    assert_int_equal(journey_tree_init(&t, &pages, 100, 3, &err), 0);
    take_walks(&t);
    assert_true(t.full);
    assert_int_equal(journey_open_likely(&t, 3, &err), 0);
    t.most = UINT32_MAX;
    assert_int_equal(count_in_parts(&t, &ignored), 1);
    journey_tree_release(&t);
    numbering_release(&pages);
}

/* --- bad requests -------------------------------------------------------------------------------
 */

static void bad_requests_are_refused(void **state) {
    (void)state;
    static const struct refused_walk refused[] = {
        {"'depth':1", "date_range: is required"},
        {DAY ",'depth':0", "depth: must be 1 to 5"},
        {DAY ",'depth':6", "depth: must be 1 to 5"},
        {DAY ",'depth':'zebra'", "depth: must be 1 to 5"},
        {DAY ",'limit':0", "limit: must be 1 to 20"},
        {DAY ",'limit':21", "limit: must be 1 to 20"},
        {DAY ",'limit':2.5", "limit: must be 1 to 20"},
        {DAY ",'depth':5,'limit':6", "limit: with a depth of 5 at most 5"},
        {DAY ",'depth':3,'limit':12", "limit: with a depth of 3 at most 11"},
        {DAY ",'from':'/zebra'", "from: must be an object"},
        {DAY ",'from':{'exit':'/zebra'}", "from: unknown key"},
        {DAY ",'from':{}", "from: entry must be a page, or any"},
        {DAY ",'from':{'entry':''}", "from: entry must be a page, or any"},
        {DAY ",'from':{'entry':7}", "from: entry must be a page, or any"},
        {DAY ",'filters':[['is','event:page',['/zebra']]]",
         "filters: are about visits here; events go inside has_done"},
        {DAY ",'steps':[]", "query: unknown key"},
    };
    expect_refused(journey_run, refused, ARRAY_LEN(refused));
}

int main(void) {
    if (crypt_init() < 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_by_hand),
        cmocka_unit_test(few_are_not_shown),
        cmocka_unit_test(people_count_and_not_visits),
        cmocka_unit_test(cnil_shows_tens),
        cmocka_unit_test(random_paths),
        cmocka_unit_test(parts_are_the_same),
        cmocka_unit_test(samples_tell_enough),
        cmocka_unit_test(bad_requests_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
