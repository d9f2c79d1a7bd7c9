/* import.h — an access log into the journal: lines become hits, pass the sieve, and travel in
 * marked frames.
 *
 * In: pieces of the decompressed log, in order, cut at line ends. Out: journal frames, each ending
 * with a mark of how far the log is done, and counts of what the lines were. Lines before
 * `done_bytes` are only counted, so an import that was broken off ends with the same figures as one
 * that was not.
 *
 * A piece is split over a few threads and put together in order. While a frame commits the next
 * piece is parsed, but never two frames are under way: a later mark must not become durable when an
 * earlier frame failed. */
#ifndef TAMIS_IMPORT_H
#define TAMIS_IMPORT_H

#include "counters.h"
#include "err.h"
#include "journal.h"
#include "json.h"
#include "policy.h"
#include "sieve.h"

struct import;

struct import_options {
    struct sieve *sieve;
    struct journal *journal;
    struct counters *counters; /* may be NULL */
    struct policy_board *policies;
    uint32_t site;
    uint64_t id;         /* control.db's */
    uint64_t done_bytes; /* what is stored already */
    struct span format;  /* "combined" or "common" */
    unsigned lanes;      /* threads; 0: one a core, at most 4 */
};

enum { IMPORT_MOST_PIECE = 16 * 1024 * 1024 };

int import_open(const struct import_options *options, struct import **ret,
                struct err *err) WARN_UNUSED;

/* The next piece, which begins `offset` bytes into the log; only the last one may lack a line end.
 * ERR_INVALID: not the next piece. After any other error the import cannot go on; open it again at
 * the last mark. */
int import_piece(struct import *im, uint64_t offset, struct span bytes,
                 struct err *err) WARN_UNUSED;

/* Waits until everything given is durable. */
int import_flush(struct import *im, struct err *err) WARN_UNUSED;

/* Where the next piece has to begin. */
uint64_t import_at(const struct import *im);

/* {"lines", "pages", "bots", "assets", "errors", "redirects", "methods", "broken", "refused":
 * {rule: n}} */
int import_counts(const struct import *im, json_t **ret, struct err *err) WARN_UNUSED;

/* Waits for a frame under way, then frees. */
void import_free(struct import *im);
DEFINE_FREEP(struct import, import_free)

#endif
