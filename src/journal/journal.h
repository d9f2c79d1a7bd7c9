/* journal.h — the append-only log that makes an acknowledged event durable.
 *
 * Writers submit frames (record.h); one writer thread gathers them, writes, fdatasyncs and then
 * tells each submitter. Readers see only what is durable. The file format stands at the head of
 * segment.c. */
#ifndef TAMIS_JOURNAL_H
#define TAMIS_JOURNAL_H

#include "buf.h"
#include "clock.h"
#include "counters.h"
#include "cursor.h"
#include "err.h"
#include "os.h"
#include "span.h"

struct journal;

struct journal_options {
    const struct os *os;
    const struct clock *clock;
    struct counters *counters; /* may be NULL */
    uint64_t segment_bytes;    /* rotate after this many; 0: 64 MiB */
    size_t pending_bytes;      /* most that may wait for a commit; 0: 32 MiB */
};

enum { JOURNAL_LARGEST_FRAME = 8 * 1024 * 1024 };

/* Opens (makes) the folder, recovers a torn tail, starts the writer thread. */
int journal_open(const char *dir, const struct journal_options *options, struct journal **ret,
                 struct err *err) WARN_UNUSED;

/* Commits what is pending, stops the thread, frees. */
void journal_close(struct journal *j);

/* result: 0 (durable) or a negative err_code (ERR_FULL, ERR_IO, …: not acknowledged). Called on the
 * writer thread; must not block and must not call back into the journal but journal_submit. */
typedef void (*journal_done_fn)(void *arg, int result);

/* Queues one frame (copied). 0: `done` will be called exactly once. ERR_BUSY: too much is pending;
 * ERR_INVALID: frame empty or too large; ERR_FULL/ERR_IO: the last commit failed and the pause
 * before the next try is not over; ERR_CLOSED: then `done` is never called. Any thread. */
int journal_submit(struct journal *j, struct span frame, journal_done_fn done, void *arg,
                   struct err *err) WARN_UNUSED;

/* The same, waiting for the commit. */
int journal_append(struct journal *j, struct span frame, struct err *err) WARN_UNUSED;

/* Whether a frame submitted now can be expected to commit: for /readyz. While unhealthy the journal
 * itself tries again from time to time (it probes with an empty commit), so that it recovers
 * without traffic. */
bool journal_healthy(struct journal *j);

/* The end of what is durable. */
struct cursor journal_end(struct journal *j);

/* Waits until there is something durable after `from` (1), the time is over (0), or the journal
 * closes (ERR_CLOSED). */
int journal_wait(struct journal *j, struct cursor from, int timeout_ms) WARN_UNUSED;

/* Appends durable frames after `from` to *ret, each as u32le length and payload, until about
 * `most_bytes`; at least one when there is one. *ret_next is where to go on. A frame that does not
 * verify inside the durable range is ERR_CORRUPT: *ret_next is then the next place where reading
 * can go on. A `from` before the first kept segment starts at that one. Any thread. */
int journal_read(struct journal *j, struct cursor from, size_t most_bytes, struct buf *ret,
                 struct cursor *ret_next, struct err *err) WARN_UNUSED;

/* Cuts the next frame off bytes that journal_read() returned; false at the end. */
bool journal_next_frame(struct span *bytes, struct span *ret_frame);

/* Removes segments that lie wholly before `before`. */
int journal_release(struct journal *j, struct cursor before, struct err *err) WARN_UNUSED;

#endif
