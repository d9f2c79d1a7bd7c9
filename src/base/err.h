/* err.h — the one error type.
 *
 * A function that can fail returns 0 or a negative enum err_code and takes `struct err *err` last.
 * `err` may be NULL. Messages are short, English, and never hold visitor data. */
#ifndef TAMIS_ERR_H
#define TAMIS_ERR_H

#include "attr.h"

enum err_code {
    ERR_NOMEM = -1,   /* out of memory or over a memory budget */
    ERR_IO = -2,      /* a system call failed; see err.sys */
    ERR_FULL = -3,    /* no space left on the device or quota reached */
    ERR_CORRUPT = -4, /* stored bytes do not verify */
    ERR_INVALID = -5, /* the caller's input is wrong */
    ERR_NOT_FOUND = -6,
    ERR_EXISTS = -7,
    ERR_BUSY = -8, /* a queue or limit is full; try again later */
    ERR_TIMEOUT = -9,
    ERR_DENIED = -10,
    ERR_UNSUPPORTED = -11,
    ERR_CLOSED = -12, /* the thing was shut down */
};

struct err {
    int code; /* 0 or enum err_code */
    int sys;  /* errno where a system call failed, else 0 */
    char text[200];
};

/* Fills *err (if not NULL) and returns `code`. */
int err_set(struct err *err, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* The same for a failed system call: maps errno value `sys` to a code and appends its text. */
int err_sys(struct err *err, int sys, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* A stable lower-case word for a code, for logs and metrics ("io", "full", …). */
const char *err_word(int code);

#endif
