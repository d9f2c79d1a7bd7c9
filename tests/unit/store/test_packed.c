/* Packed numbers against a plain array. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
/* after those */
#include <cmocka.h>

#include "packed.h"

enum { PIECE = 700, PIECES = 30 };

static void equals(const struct packed *p, const uint32_t *model, size_t count) {
    assert_int_equal(p->count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(packed_at(p, i), model[i]);
}

/* Grows in number and in width, and once more after it was put in another order. */
static void holds_what_was_added(void **state) {
    (void)state;
    static uint32_t model[PIECE * PIECES], from[PIECE * PIECES], ordered[PIECE * PIECES];
    static const uint32_t most[] = {UINT8_MAX, UINT16_MAX, UINT32_MAX};
    struct packed p = {0};
    unsigned seed = 3;
    size_t count = 0;
    for (size_t n = 0; n < PIECES; n++) {
        for (size_t i = 0; i < PIECE; i++)
            model[count + i] = (uint32_t)rand_r(&seed) & most[n * 3 / PIECES];
        model[count] = most[n * 3 / PIECES];
        assert_true(packed_add(&p, model + count, PIECE));
        count += PIECE;
        equals(&p, model, count);
        assert_int_equal(p.width, 1 << (n * 3 / PIECES));
        for (size_t i = 0; i < count; i++) {
            from[i] = (uint32_t)(count - 1 - i);
            ordered[i] = model[from[i]];
        }
        assert_true(packed_reorder(&p, from));
        equals(&p, ordered, count);
        for (size_t i = 0; i < count; i++)
            model[i] = ordered[i];
    }
    packed_release(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(holds_what_was_added)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
