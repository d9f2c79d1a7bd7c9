/* t.h — what every cmocka test of this folder begins with. */
#ifndef TAMIS_TEST_SIEVE_T_H
#define TAMIS_TEST_SIEVE_T_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "attr.h"
#include "span.h"

/* Fails with the row's input, which a bare assert would not show. */
static inline void same_text(const char *what, struct span got, const char *want) {
    if (!span_eq(got, span_str(want)))
        fail_msg("%s: got \"%.*s\", want \"%s\"", what, SPAN_ARG(got), want);
}

#endif
