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

/* From now on each commit is held back this long, so that readers who fall behind can keep up with
 * submitters who wait for their acknowledgement: it comes later and none is refused. At most
 * JOURNAL_MOST_HOLD_US; 0: no longer. Any thread. */
enum { JOURNAL_MOST_HOLD_US = 50000 };
void journal_hold(struct journal *j, unsigned hold_us);
unsigned journal_held_us(struct journal *j);

/* Whether a frame submitted now can be expected to commit: for /readyz. While unhealthy the journal
 * itself tries again from time to time (it probes with an empty commit), so that it recovers
 * without traffic. */
bool journal_healthy(struct journal *j);

/* The end of what is durable. */
struct cursor journal_end(struct journal *j);

/* How many durable bytes follow `from`. Any thread. */
uint64_t journal_bytes_from(struct journal *j, struct cursor from);

/* Waits until there is something durable after `from` (1), the time is over (0), or the journal
 * closes (ERR_CLOSED). */
int journal_wait(struct journal *j, struct cursor from, int timeout_ms) WARN_UNUSED;

/* Appends durable frames after `from` to *ret, each as u32le length and payload, until about
 * `most_bytes`; at least one when there is one, and all of one segment. *ret_first (may be NULL) is
 * where the first of them starts, *ret_next where to go on. A frame that does not verify inside the
 * durable range is ERR_CORRUPT: *ret_next is then the next place where reading can go on. A `from`
 * before the first kept segment starts at that one. Any thread. */
int journal_read(struct journal *j, struct cursor from, size_t most_bytes, struct buf *ret,
                 struct cursor *ret_first, struct cursor *ret_next, struct err *err) WARN_UNUSED;

/* Cuts the next frame off bytes that journal_read() returned; false at the end. *at (`at` may be
 * NULL) moves from where this frame starts, at first *ret_first, to where it ends. */
bool journal_next_frame(struct span *bytes, struct cursor *at, struct span *ret_frame);

/* Removes segments that lie wholly before `before`. */
int journal_release(struct journal *j, struct cursor before, struct err *err) WARN_UNUSED;

/* Closes the current segment: what is durable now lies before *ret_start, the start of a segment
 * that has taken none of it. Submitting goes on meanwhile. Waits for the writer; ERR_FULL, ERR_IO:
 * no new segment could be made (nothing is lost, the next commit tries again); ERR_CLOSED. Any
 * thread. */
int journal_rotate(struct journal *j, struct cursor *ret_start, struct err *err) WARN_UNUSED;

enum journal_verdict { JOURNAL_KEEP, JOURNAL_CHANGED };

/* Judges one frame, which starts at `at`. JOURNAL_CHANGED: it overwrote some of the `len` bytes. It
 * may read from the journal and submit to it, but not release or redact. */
typedef enum journal_verdict (*journal_redact_fn)(void *arg, struct cursor at, char *frame,
                                                  size_t len);

struct journal_redaction {
    uint64_t segments;  /* looked at */
    uint64_t rewritten; /* of them */
    uint64_t frames_changed;
    uint64_t bytes_blanked; /* did not verify, so could not be judged: zeros now */
};

/* Shows `fn` each frame of the closed segments that lie wholly before `before` and replaces, one by
 * one, the segments in which it changed something: same offsets, so cursors stay valid; readers and
 * a crash find the old segment or the new one, whole. With 0 returned none of the overwritten bytes
 * is left in the folder, nor bytes of these segments that no reader reaches: behind their end, or
 * behind a frame that does not verify. After a failure do it all again: a frame that was changed
 * already may be shown again. Takes the memory of one segment. *ret (may be NULL) is filled on
 * success. Waits for a journal_release() under way and the reverse. Any thread. */
int journal_redact(struct journal *j, struct cursor before, journal_redact_fn fn, void *arg,
                   struct journal_redaction *ret, struct err *err) WARN_UNUSED;

#endif
