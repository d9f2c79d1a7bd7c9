/* attr.h — compiler attributes and the cleanup idiom used everywhere. */
#ifndef TAMIS_ATTR_H
#define TAMIS_ATTR_H

#define WARN_UNUSED __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define CLEANUP(fn) __attribute__((cleanup(fn)))
#define UNUSED __attribute__((unused))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Hands over ownership: yields the pointer and leaves NULL behind, so that a cleanup does nothing.
 */
#define TAKE_PTR(p)              \
    ({                           \
        typeof(p) *_pp = &(p);   \
        typeof(p) _taken = *_pp; \
        *_pp = NULL;             \
        _taken;                  \
    })

/* Defines S_freep() for use with CLEANUP on a `struct S *`. */
#define DEFINE_FREEP(type, fn)                  \
    static inline UNUSED void fn##p(type **p) { \
        if (*p)                                 \
            fn(*p);                             \
    }

void free_charp(char **p);
void closep(int *fd);

#endif
