/* must.h — assertions that stay in release builds.
 *
 * For invariants of our own code only, never for input. The message names the source line and
 * nothing else: crash output must not hold visitor data. */
#ifndef TAMIS_MUST_H
#define TAMIS_MUST_H

#include "attr.h"

_Noreturn void must_fail(const char *file, int line, const char *what);

#define must(x)                                \
    do {                                       \
        if (UNLIKELY(!(x)))                    \
            must_fail(__FILE__, __LINE__, #x); \
    } while (0)

#endif
