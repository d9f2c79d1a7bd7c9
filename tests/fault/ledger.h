/* ledger.h — what was given to a journal and what may come back.
 *
 * Oracle: every acknowledged frame is read exactly once and in order; nothing is read that was not
 * submitted; nothing that was reported as failed before a later acknowledgement is read at all;
 * what a successful redaction has overwritten stays so. */
#ifndef TAMIS_TEST_LEDGER_H
#define TAMIS_TEST_LEDGER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "journal.h"
#include "os_fault.h"

enum { MOST = 512, LONGEST = 3000 };

enum fate { NEVER, ACKED, FAILED, MAYBE };

enum redaction { PLAIN, TRIED, REDACTED }; /* TRIED: one or the other */

struct ledger {
    enum fate fate[MOST];
    enum redaction redaction[MOST];
    unsigned count;
    bool seen_before[MOST]; /* read after an earlier open: must stay */
    unsigned first;         /* frames before this one were released: they may be gone, or not yet */
    _Atomic unsigned in_flight;
};

/* A folder in memory where possible: durability is simulated here. */
void make_dir(char dir[64]);
void remove_dir(const char *dir);

/* Small segments. */
struct journal_options options_for(const struct os *os);

/* A disk that forgets nothing, without real fsyncs, so that loops are quick. */
struct os quick_os(void);
int no_truncate(const struct os *os, int fd, int64_t size); /* for its ftruncate */

/* The number of a frame that the journal gave back, plain or redacted; fails the test on others. */
unsigned id_of(struct span frame);

void append(struct journal *j, struct ledger *l);

/* At most eight at once, so that a commit has more than one frame. */
void append_some(struct journal *j, struct ledger *l, unsigned n);

/* Rotates and redacts every third frame from `first` on that lies in closed segments. */
int redact_thirds(struct journal *j, struct ledger *l, unsigned first);

/* Reads all of it and holds it against the ledger. */
void check(struct journal *j, struct ledger *l);

/* After a crash, what failed last may have survived. */
void settle(struct ledger *l);

void reopen_and_check(const char *dir, struct ledger *l);
void await_health(struct journal *j);

/* Each way in which a call can fail; call and nth are for the test to fill in. */
extern const struct os_plan each_failure[5];

/* A folder, a ledger, and a quick disk that fails by plan. */
struct rig {
    char dir[64];
    struct os disk; /* under the fault */
    struct os_fault fault;
    struct ledger ledger;
    struct journal *j;
};

void rig_init(struct rig *r); /* the journal is not open yet */
void rig_open(struct rig *r);

/* Closes, opens once more on a sound disk to check, and removes the folder. */
void rig_finish(struct rig *r);

/* From here on, until os_fault_clear(). */
void fail_sync(struct rig *r, bool persistent);

#endif
