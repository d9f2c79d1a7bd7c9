#include "err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *err, int code, const char *fmt, ...) {
    if (err) {
        va_list ap;
        va_start(ap, fmt);
        (void)vsnprintf(err->text, sizeof(err->text), fmt, ap);
        va_end(ap);
        err->code = code;
        err->sys = 0;
    }
    return code;
}

static int code_of_errno(int sys) {
    switch (sys) {
    case ENOSPC:
    case EDQUOT:
        return ERR_FULL;
    case ENOMEM:
        return ERR_NOMEM;
    case ENOENT:
        return ERR_NOT_FOUND;
    case EEXIST:
        return ERR_EXISTS;
    case EACCES:
    case EPERM:
        return ERR_DENIED;
    case EAGAIN:
    case EBUSY:
        return ERR_BUSY;
    case EINVAL:
        return ERR_INVALID;
    default:
        return ERR_IO;
    }
}

int err_sys(struct err *err, int sys, const char *fmt, ...) {
    int code = code_of_errno(sys);
    if (err) {
        va_list ap;
        va_start(ap, fmt);
        int n = vsnprintf(err->text, sizeof(err->text), fmt, ap);
        va_end(ap);
        char reason[96];
        if (n >= 0 && (size_t)n < sizeof(err->text))
            (void)snprintf(err->text + n, sizeof(err->text) - (size_t)n, ": %s",
                           strerror_r(sys, reason, sizeof(reason)));
        err->code = code;
        err->sys = sys;
    }
    return code;
}

const char *err_word(int code) {
    static const char *const words[] = {
        [0] = "ok",
        [-ERR_NOMEM] = "nomem",
        [-ERR_IO] = "io",
        [-ERR_FULL] = "full",
        [-ERR_CORRUPT] = "corrupt",
        [-ERR_INVALID] = "invalid",
        [-ERR_NOT_FOUND] = "not_found",
        [-ERR_EXISTS] = "exists",
        [-ERR_BUSY] = "busy",
        [-ERR_TIMEOUT] = "timeout",
        [-ERR_DENIED] = "denied",
        [-ERR_UNSUPPORTED] = "unsupported",
        [-ERR_CLOSED] = "closed",
    };
    return code <= 0 && (size_t)-code < ARRAY_LEN(words) ? words[-code] : "unknown";
}
