/* Acknowledgements wait only for a drain that is behind, and never long. */
#include "hold.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>

#include "journal.h"

static const int64_t MS = 1000000;

static void nobody_waits_for_a_drain_that_keeps_up(void **state) {
    (void)state;
    assert_int_equal(hold_for(0, 4000000, 100 * MS), 0);
    assert_int_equal(hold_for(4000000, 4000000, 5000 * MS), 0); /* the next batch takes it all */
    assert_int_equal(hold_for(7000000, 4000000, 100 * MS), 0);  /* 175 ms of work */
    assert_int_equal(hold_for(100, 0, 100 * MS), 0);
    assert_int_equal(hold_for(100, 10, 0), 0);
}

static void the_further_behind_the_longer(void **state) {
    (void)state;
    unsigned before = 0;
    for (uint64_t batches = 3; batches <= 12; batches++) {
        unsigned us = hold_for(batches * 1000, 1000, 100 * MS);
        assert_in_range(us, before + 1, JOURNAL_MOST_HOLD_US);
        before = us;
    }
    assert_int_equal(before, JOURNAL_MOST_HOLD_US);
    assert_int_equal(hold_for(UINT64_MAX, 1, INT64_MAX), JOURNAL_MOST_HOLD_US);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_waits_for_a_drain_that_keeps_up),
        cmocka_unit_test(the_further_behind_the_longer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
