#include "os_fault.h"

#include <errno.h>
#include <fcntl.h>

static struct os_fault *self(const struct os *os) {
    return (struct os_fault *)(uintptr_t)os; /* `os` is its first member */
}

static bool matches(enum os_call planned, enum os_call call) {
    if (planned == OS_WRITES)
        return call != OS_CLOSE && call != OS_PREAD && call != OS_SIZE && call != OS_OPEN;
    return planned == OS_ANY || planned == call;
}

/* Whether this call is to fail, and how. */
static bool due(struct os_fault *f, enum os_call call, struct os_plan *ret) {
    pthread_mutex_lock(&f->lock);
    *ret = f->plan;
    bool fires = false;
    if (f->plan.nth && matches(f->plan.call, call)) {
        f->seen++;
        fires = f->seen == f->plan.nth || (f->plan.persistent && f->seen > f->plan.nth);
        f->fired += fires;
    }
    pthread_mutex_unlock(&f->lock);
    return fires;
}

/* Runs the call unless it is to fail before; its value or the error. */
#define FAULT(f, call, expr)                                           \
    ({                                                                 \
        struct os_plan _p;                                             \
        bool _due = due((f), (call), &_p);                             \
        typeof(expr) _v = 0;                                           \
        if (!_due || _p.how != OS_FAIL_BEFORE)                         \
            _v = (expr);                                               \
        _due &&_p.how != OS_FAIL_SHORT ? (typeof(expr))-_p.error : _v; \
    })

static int fault_open(const struct os *os, const char *path, int flags, mode_t mode) {
    struct os_fault *f = self(os);
    struct os_plan p;
    bool fires = due(f, OS_OPEN, &p);
    if (fires && p.how == OS_FAIL_BEFORE)
        return -p.error;
    int fd = f->under->open(f->under, path, flags, mode);
    if (fires && p.how == OS_FAIL_AFTER) {
        if (fd >= 0)
            (void)f->under->close(f->under, fd);
        return -p.error;
    }
    return fd;
}

/* The descriptor is always given back, as Linux does it. */
static int fault_close(const struct os *os, int fd) {
    struct os_fault *f = self(os);
    struct os_plan p;
    int rc = f->under->close(f->under, fd);
    return due(f, OS_CLOSE, &p) && p.how != OS_FAIL_SHORT ? -p.error : rc;
}

static size_t half(size_t n) {
    return n > 1 ? n / 2 : n;
}

static int64_t fault_pread(const struct os *os, int fd, void *buf, size_t n, int64_t off) {
    struct os_fault *f = self(os);
    struct os_plan p;
    if (!due(f, OS_PREAD, &p))
        return f->under->pread(f->under, fd, buf, n, off);
    return p.how == OS_FAIL_SHORT ? f->under->pread(f->under, fd, buf, half(n), off) : -p.error;
}

static int64_t fault_pwrite(const struct os *os, int fd, const void *buf, size_t n, int64_t off) {
    struct os_fault *f = self(os);
    struct os_plan p;
    if (!due(f, OS_PWRITE, &p))
        return f->under->pwrite(f->under, fd, buf, n, off);
    if (p.how == OS_FAIL_BEFORE)
        return -p.error;
    int64_t put = f->under->pwrite(f->under, fd, buf, p.how == OS_FAIL_SHORT ? half(n) : n, off);
    return p.how == OS_FAIL_SHORT ? put : -p.error;
}

static int fault_fdatasync(const struct os *os, int fd) {
    struct os_fault *f = self(os);
    return FAULT(f, OS_FDATASYNC, f->under->fdatasync(f->under, fd));
}

static int fault_fsync(const struct os *os, int fd) {
    struct os_fault *f = self(os);
    return FAULT(f, OS_FSYNC, f->under->fsync(f->under, fd));
}

static int fault_ftruncate(const struct os *os, int fd, int64_t size) {
    struct os_fault *f = self(os);
    return FAULT(f, OS_FTRUNCATE, f->under->ftruncate(f->under, fd, size));
}

static int fault_fallocate(const struct os *os, int fd, int64_t off, int64_t len) {
    struct os_fault *f = self(os);
    return FAULT(f, OS_FALLOCATE, f->under->fallocate(f->under, fd, off, len));
}

static int64_t fault_size(const struct os *os, int fd) {
    struct os_fault *f = self(os);
    return FAULT(f, OS_SIZE, f->under->size(f->under, fd));
}

static int fault_rename(const struct os *os, const char *from, const char *to) {
    struct os_fault *f = self(os);
    return FAULT(f, OS_RENAME, f->under->rename(f->under, from, to));
}

static int fault_unlink(const struct os *os, const char *path) {
    struct os_fault *f = self(os);
    return FAULT(f, OS_UNLINK, f->under->unlink(f->under, path));
}

static int fault_mkdir(const struct os *os, const char *path, mode_t mode) {
    struct os_fault *f = self(os);
    return FAULT(f, OS_MKDIR, f->under->mkdir(f->under, path, mode));
}

void os_fault_init(struct os_fault *f, const struct os *under) {
    *f = (struct os_fault){
        .os = {.open = fault_open,
               .close = fault_close,
               .pread = fault_pread,
               .pwrite = fault_pwrite,
               .fdatasync = fault_fdatasync,
               .fsync = fault_fsync,
               .ftruncate = fault_ftruncate,
               .fallocate = fault_fallocate,
               .size = fault_size,
               .rename = fault_rename,
               .unlink = fault_unlink,
               .mkdir = fault_mkdir},
        .under = under,
        .lock = PTHREAD_MUTEX_INITIALIZER,
    };
}

void os_fault_set(struct os_fault *f, struct os_plan plan) {
    pthread_mutex_lock(&f->lock);
    f->plan = plan;
    f->seen = 0;
    f->fired = 0;
    pthread_mutex_unlock(&f->lock);
}

void os_fault_clear(struct os_fault *f) {
    os_fault_set(f, (struct os_plan){.nth = 0});
}

unsigned long os_fault_fired(struct os_fault *f) {
    pthread_mutex_lock(&f->lock);
    unsigned long n = f->fired;
    pthread_mutex_unlock(&f->lock);
    return n;
}

const char *os_call_name(enum os_call call) {
    static const char *const names[] = {"open",   "close",     "pread",     "pwrite", "fdatasync",
                                        "fsync",  "ftruncate", "fallocate", "size",   "rename",
                                        "unlink", "mkdir",     "any",       "writes"};
    return names[call];
}
