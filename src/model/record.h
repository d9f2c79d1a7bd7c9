/* record.h — what travels through the journal: frames of records.
 *
 * A frame is atomic: after a crash all of its records are there, or none. A record is
 * type (1 byte) · length (LEB128) · body. */
#ifndef TAMIS_RECORD_H
#define TAMIS_RECORD_H

#include "buf.h"
#include "err.h"
#include "event.h"

enum record_type {
    RECORD_EVENT = 1,       /* body: event.h's encoding */
    RECORD_IMPORT_MARK = 2, /* body: struct import_mark */
    RECORD_ERASED = 3,      /* body: zeros, as long as what was there; readers pass over it */
    RECORD_KNOWN = 4,       /* body: struct record_known */
    RECORD_FORGET = 5,      /* the same without a day */
};

/* KNOWN, behind its event: a visitor who agreed to be known again came on that day. FORGET: takes
 * back all that was said of that visitor before. */
struct record_known {
    uint32_t site;
    int32_t day;    /* the site's local date; FORGET: 0 */
    uint64_t known; /* keyed hash of the visitor's cookie */
};

/* How far an import has come, written in the same frame as the events up to there, so that a
 * resumed import neither repeats nor skips a line. */
struct import_mark {
    uint64_t import; /* id in control.db */
    uint64_t offset; /* bytes of the (decompressed) input that are done */
};

void record_add_event(struct buf *frame, const struct event *e, struct buf *scratch);
void record_add_import_mark(struct buf *frame, const struct import_mark *m);
void record_add_known(struct buf *frame, const struct record_known *k);
void record_add_forget(struct buf *frame, const struct record_known *k);

struct record {
    enum record_type type;
    struct event event;             /* RECORD_EVENT; text borrows from the frame */
    struct import_mark import_mark; /* RECORD_IMPORT_MARK */
    struct record_known known;      /* RECORD_KNOWN, RECORD_FORGET */
};

/* Cuts the next record off *frame. 1: *ret is filled; 0: the frame is used up; ERR_CORRUPT. */
int record_next(struct span *frame, struct record *ret, struct err *err) WARN_UNUSED;

typedef bool (*record_match_fn)(void *arg, const struct record *r);

/* Makes a RECORD_ERASED of every record in the `len` bytes of frame that `match` is true for, in
 * place. How many, or ERR_CORRUPT: the frame does not parse to its end; what was erased before that
 * stays erased. */
int record_erase(char *frame, size_t len, record_match_fn match, void *arg,
                 struct err *err) WARN_UNUSED;

#endif
