/* Visits by id: files in order, files whose days overlap, and events that go back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>

#include "walk.h"

static void take(struct walk_visits *v, const uint32_t *days, const uint32_t *visits,
                 const uint32_t *persons, size_t count) {
    struct sql_chunk c = {.rows = count, .columns = {days, visits, persons}};
    struct err err = {0};
    assert_int_equal(walk_visits_take(v, &c, &err), 0);
}

static uint32_t person_of(struct walk_visits *v, uint32_t day, uint32_t visit) {
    const struct walk_visit *found = walk_visits_find(v, walk_id(day, visit));
    return found ? found->person : 0;
}

static void visits_are_found(void **state) {
    (void)state;
    static const uint32_t days[] = {7, 7, 9}, visits[] = {2, 5, 1}, persons[] = {11, 12, 13};
    struct walk_visits v = {0};
    take(&v, days, visits, persons, 3);
    walk_visits_ready(&v);
    assert_int_equal(person_of(&v, 7, 1), 0);
    assert_int_equal(person_of(&v, 7, 2), 11);
    assert_int_equal(person_of(&v, 7, 2), 11);
    assert_int_equal(person_of(&v, 7, 4), 0);
    assert_int_equal(person_of(&v, 9, 1), 13);
    assert_int_equal(person_of(&v, 9, 2), 0);
    assert_int_equal(person_of(&v, 7, 5), 12); /* back */
    assert_int_equal(person_of(&v, 7, 1), 0);
    assert_int_equal(person_of(&v, 9, 1), 13);
    walk_visits_release(&v);
}

/* A month, and what came later to one of its days. */
static void parts_may_overlap(void **state) {
    (void)state;
    static const uint32_t days[] = {7, 8, 8}, visits[] = {1, 1, 2}, persons[] = {1, 2, 3};
    static const uint32_t late_days[] = {7}, late_visits[] = {9}, late_persons[] = {4};
    struct walk_visits v = {0};
    take(&v, days, visits, persons, 3);
    take(&v, late_days, late_visits, late_persons, 1);
    walk_visits_ready(&v);
    assert_int_equal(person_of(&v, 8, 2), 3);
    assert_int_equal(person_of(&v, 7, 9), 4);
    assert_int_equal(person_of(&v, 7, 1), 1);
    walk_visits_clear(&v);
    walk_visits_ready(&v);
    assert_int_equal(person_of(&v, 7, 1), 0);
    walk_visits_release(&v);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(visits_are_found),
        cmocka_unit_test(parts_may_overlap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
