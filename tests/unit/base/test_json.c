/* JSON as it is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>

#include "json.h"

static void decimals_are_written_as_they_were_meant(void **state) {
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {30.30, "30.3"},
        {0.78, "0.78"},
        {33.3, "33.3"},
        {100, "100.0"},
        {0.005, "0.005"},
        {-0.1, "-0.1"},
        {0, "0.0"},
        {19.99, "19.99"},
        {1e21, "1e21"},
        {2.675, "2.675"},
        {999999999999.995, "999999999999.995"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        JSON_AUTO j = json_real(cases[i].value);
        BUF_AUTO out = {0};
        struct err err = {0};
        assert_int_equal(json_write(j, &out, &err), 0);
        assert_string_equal(buf_cstr(&out), cases[i].text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decimals_are_written_as_they_were_meant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
