#include "must.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void must_fail(const char *file, int line, const char *what) {
    (void)fprintf(stderr, "tamis: broken invariant at %s:%d: %s\n", file, line, what);
    abort();
}
