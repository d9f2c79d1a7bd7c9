/* os_fault.h — a struct os that fails the call it was told to.
 *
 * Wraps another struct os. One plan at a time; calls are counted from the moment the plan is set.
 * Thread-safe. */
#ifndef TAMIS_OS_FAULT_H
#define TAMIS_OS_FAULT_H

#include <pthread.h>

#include "os.h"

enum os_call {
    OS_OPEN,
    OS_CLOSE,
    OS_PREAD,
    OS_PWRITE,
    OS_FDATASYNC,
    OS_FSYNC,
    OS_FTRUNCATE,
    OS_FALLOCATE,
    OS_SIZE,
    OS_RENAME,
    OS_UNLINK,
    OS_MKDIR,
    OS_CALLS,
    OS_ANY = OS_CALLS,
    OS_WRITES, /* whatever changes the disk: not OPEN, CLOSE, PREAD, SIZE */
};

enum os_failure {
    OS_FAIL_BEFORE, /* the call does nothing and returns the error */
    OS_FAIL_AFTER,  /* the call happens, then returns the error */
    OS_FAIL_SHORT,  /* pread and pwrite move half of the bytes and say so; others pass */
};

struct os_plan {
    enum os_call call;
    unsigned long nth; /* from 1; 0: never */
    bool persistent;   /* that call and all after it */
    int error;         /* errno */
    enum os_failure how;
};

struct os_fault {
    struct os os; /* pass &f->os */
    const struct os *under;
    pthread_mutex_t lock;
    struct os_plan plan;
    unsigned long seen;  /* calls the plan matches */
    unsigned long fired; /* of them failed */
};

void os_fault_init(struct os_fault *f, const struct os *under);
void os_fault_set(struct os_fault *f, struct os_plan plan);
void os_fault_clear(struct os_fault *f);
unsigned long os_fault_fired(struct os_fault *f);
const char *os_call_name(enum os_call call);

#endif
