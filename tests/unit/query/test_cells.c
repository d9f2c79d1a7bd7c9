/* The cell cache beside the parts of the view: it takes up what is there, lets go of what is not, and
 * what it cannot take up is read from the files. That its figures are right: test_levels.c. */
#include "bed.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypt.h"
#include "os.h"

enum { VISITORS = 40 };

static int32_t first_day(void) {
    return day_of(2026, 3, 3);
}

/* A day of visitors of several sources, every second of whom comes back from another one. */
static void fill_day(struct bed *b, int32_t day, const char *page) {
    static const char *const sources[] = {"Google", "Bing", ""};
    struct event events[2 * VISITORS];
    int64_t noon = zone_from_local_ms(bed_policy(b, SITE)->zone, day, 12 * 3600);
    for (int i = 0; i < 2 * VISITORS; i++) {
        int person = i < VISITORS ? i : (i - VISITORS) / 2 * 2;
        int64_t ts = noon + i * 1000 + (i < VISITORS ? 0 : 2 * 3600000);
        events[i] = bed_event(b, SITE, ts, (uint64_t)person + 1, EVENT_PAGEVIEW, page);
        events[i].source = span_str(sources[(i + i / VISITORS) % 3]);
        events[i].country = person % 2 ? SPAN_LIT("DE") : SPAN_LIT("FR");
    }
    bed_apply(b, events, 2 * VISITORS);
}

static struct bed *bed_of_days(int32_t count) {
    struct bed *b = bed_open();
    b->clock.now_ms = zone_from_local_ms(bed_policy(b, SITE)->zone, day_of(2026, 4, 20), 0);
    for (int32_t i = 0; i < count; i++) {
        fill_day(b, first_day() + i, "/secret-page");
        bed_seal(b, SITE, first_day() + i);
    }
    bed_publish(b);
    return b;
}

static void build_all(struct bed *b) {
    bed_build_cells(b, 1000);
}

static int ask(struct bed *b, bool no_cells, json_t **ret) {
    struct query_env env = {
        .store = b->store, .clock = &b->clock.clock, .timeout_ms = 20000, .no_cells = no_cells};
    JSON_AUTO request = json_pack(
        "{s[ssss]s[s]s[[ss[s]][ss[s]]]s[ss]}", "metrics", "visitors", "visits", "pageviews",
        "bounce_rate", "dimensions", "visit:country", "filters", "is_not", "visit:source", "Bing",
        "is", "event:page", "/secret-page", "date_range", "2026-03-01", "2026-03-31");
    assert_non_null(request);
    struct err err = {0};
    return query_run(&env, bed_policy(b, SITE), request, ret, &err);
}

/* The levels besides "hot" that answer, and the same as without cells. */
static void expect_levels(struct bed *b, const char *expected) {
    json_t *with = NULL, *without = NULL;
    char levels[64] = "";
    size_t i;
    json_t *word;
    assert_int_equal(ask(b, false, &with), 0);
    assert_int_equal(ask(b, true, &without), 0);
    json_array_foreach (json_object_get(json_object_get(with, "meta"), "levels"), i, word)
        if (strcmp(json_string_value(word), "hot") != 0) {
            strncat(levels, *levels ? "+" : "", sizeof levels - strlen(levels) - 1);
            strncat(levels, json_string_value(word), sizeof levels - strlen(levels) - 1);
        }
    assert_string_equal(levels, expected);
    assert_true(json_equal(json_object_get(with, "results"), json_object_get(without, "results")));
    json_decref(with);
    json_decref(without);
}

static int64_t count(struct bed *b, const char *sql) {
    struct sql_result *r = NULL;
    struct err err = {0};
    if (store_select(b->store, sql, NULL, 0, 20000, &r, &err) < 0)
        fail_msg("%s: %s", sql, err.text);
    int64_t n = sql_result_at(r, 0, 0).i;
    sql_result_free(r);
    return n;
}

/* Nothing is left of a part in any table but the words. */
static void expect_empty(struct bed *b) {
    static const char *const tables[] = {"cell",        "entry",      "page", "again",
                                         "again_entry", "again_page", "name", "again_name",
                                         "built",       "loaded",     "pair", "again_pair"};
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        char sql[80];
        (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM cell.%s", tables[i]);
        assert_int_equal(count(b, sql), 0);
    }
}

static void change(struct bed *b, const struct sealed_part *added, const uint32_t *removed) {
    struct store_change c = {.added = added,
                             .added_count = added != NULL,
                             .removed = removed,
                             .removed_count = !!removed};
    struct err err = {0};
    if (store_publish(b->store, &c, &err) < 0)
        fail_msg("store_publish: %s", err.text);
}

static void reopen(struct bed *b) {
    bool rebuilt;
    struct err err = {0};
    struct store_options options = {.threads = 2, .sealed_root = b->root};
    store_close(b->store);
    if (store_open(b->dir, &options, &b->store, &rebuilt, &err) < 0)
        fail_msg("store_open: %s", err.text);
}

/* The parts of a view, which keeps their paths. */
static const struct sealed_part *parts_of(struct bed *b, struct store_view **ret_view) {
    size_t n;
    assert_int_equal(store_view_open(b->store, ret_view, NULL), 0);
    return store_view_parts(*ret_view, &n);
}

static void takes_up_parts_one_after_the_other(void **state) {
    (void)state;
    struct bed *b = bed_of_days(3);
    expect_levels(b, "sealed");
    bed_build_cells(b, 2);
    expect_levels(b, "cells+sealed");
    build_all(b);
    expect_levels(b, "cells");
    assert_int_equal(count(b, "SELECT sum(visits) FROM cell.cell"), 3 * VISITORS * 3 / 2);
    bed_close(b);
}

static void lets_go_when_the_last_view_has_gone(void **state) {
    (void)state;
    struct bed *b = bed_of_days(1);
    build_all(b);
    struct store_view *held = NULL;
    uint32_t id = parts_of(b, &held)->id;
    change(b, NULL, &id);
    build_all(b);
    assert_true(count(b, "SELECT count(*) FROM cell.again_page") > 0);
    store_view_close(held);
    build_all(b);
    expect_empty(b);
    bed_close(b);
}

/* Retention takes the rows and leaves the roll-ups. */
static void lets_go_of_purged_rows(void **state) {
    (void)state;
    struct bed *b = bed_of_days(1);
    build_all(b);
    struct store_view *held = NULL;
    struct sealed_part p = *parts_of(b, &held);
    p.event_path = p.visit_path = NULL;
    change(b, &p, &p.id);
    store_view_close(held);
    expect_levels(b, "");
    build_all(b);
    expect_empty(b);
    expect_levels(b, "");
    bed_close(b);
}

static bool file_has(struct bed *b, const char *text) {
    BUF_AUTO all = {0};
    CLEANUP(free_charp) char *path = path_join(b->dir, "cell.duckdb");
    assert_int_equal(os_read_file(&os_system, path, 1 << 26, &all, NULL), 0);
    return span_find_span(buf_span(&all), span_str(text)) != SIZE_MAX;
}

/* After an erasure no byte of a word is left, until it is built again. */
static void starts_over(void **state) {
    (void)state;
    struct bed *b = bed_of_days(2);
    build_all(b);
    assert_true(file_has(b, "/secret-page"));
    assert_int_equal(store_start_over(b->store, NULL), 0);
    assert_false(file_has(b, "/secret-page"));
    change(b, NULL, NULL);
    expect_levels(b, "sealed");
    build_all(b);
    expect_levels(b, "cells");
    bed_close(b);
}

static void stays_over_a_restart(void **state) {
    (void)state;
    struct bed *b = bed_of_days(2);
    build_all(b);
    struct store_view *before = NULL;
    const struct sealed_part *parts = parts_of(b, &before);
    struct sealed_part kept = parts[1];
    char *paths[] = {strdup(kept.event_path), strdup(kept.visit_path), strdup(kept.roll_path)};
    kept.event_path = paths[0];
    kept.visit_path = paths[1];
    kept.roll_path = paths[2];
    store_view_close(before);
    reopen(b);
    /* One of the two went while the store was closed. */
    change(b, &kept, NULL);
    expect_levels(b, "cells");
    build_all(b);
    expect_levels(b, "cells");
    assert_int_equal(count(b, "SELECT count(DISTINCT part) FROM cell.cell"), 1);
    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        free(paths[i]);
    bed_close(b);
}

static void a_month_takes_over(void **state) {
    (void)state;
    struct bed *b = bed_of_days(3);
    build_all(b);
    int64_t most = count(b, "SELECT max(cell) FROM cell.cell");
    bed_compact(b, SITE, first_day());
    build_all(b);
    expect_levels(b, "cells");
    assert_int_equal(count(b, "SELECT count(*) FROM cell.loaded"), 1);
    assert_int_equal(count(b, "SELECT max(cell) FROM cell.cell"), most); /* not built again */
    bed_close(b);
}

/* One day's cells are not there when the month takes over: all of it is built. */
static void a_month_of_too_few_is_built(void **state) {
    (void)state;
    struct bed *b = bed_of_days(3);
    bed_build_cells(b, 2);
    bed_compact(b, SITE, first_day());
    expect_levels(b, "sealed");
    build_all(b);
    expect_levels(b, "cells");
    assert_int_equal(count(b, "SELECT sum(visits) FROM cell.cell"), 3 * VISITORS * 3 / 2);
    assert_int_equal(count(b, "SELECT count(*) FROM cell.built"), 3);
    bed_close(b);
}

/* A part that does not read keeps none of the others away, and is not tried again and again. */
static void leaves_out_what_does_not_read(void **state) {
    (void)state;
    struct bed *b = bed_of_days(2);
    struct store_view *v = NULL;
    assert_int_equal(truncate(parts_of(b, &v)[1].event_path, 100), 0);
    store_view_close(v);
    build_all(b);
    assert_int_equal(count(b, "SELECT count(*) FROM cell.loaded"), 1);
    bool more = true;
    assert_int_equal(store_build_cells(b->store, &more, NULL), 0);
    assert_false(more);
    bed_close(b);
}

int main(void) {
    if (crypt_init() < 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_up_parts_one_after_the_other),
        cmocka_unit_test(lets_go_when_the_last_view_has_gone),
        cmocka_unit_test(lets_go_of_purged_rows),
        cmocka_unit_test(starts_over),
        cmocka_unit_test(stays_over_a_restart),
        cmocka_unit_test(a_month_takes_over),
        cmocka_unit_test(a_month_of_too_few_is_built),
        cmocka_unit_test(leaves_out_what_does_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
