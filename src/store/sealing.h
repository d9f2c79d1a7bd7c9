/* sealing.h — sealing as the owner of the folder sees it; seal.h says what the files hold. */
#ifndef TAMIS_STORE_SEALING_H
#define TAMIS_STORE_SEALING_H

#include "buf.h"
#include "crypt.h"
#include "os.h"
#include "store.h"

enum seal_kind { SEAL_EVENT, SEAL_VISIT, SEAL_ROLL, SEAL_KINDS };
enum { SEAL_PATH = 80 };

/* A written file: what the caller records. */
struct seal_file {
    char path[SEAL_PATH]; /* below the root */
    uint64_t rows, bytes;
    uint8_t digest[CRYPT_DIGEST_BYTES]; /* BLAKE2b-256 of its bytes */
};

/* A part that is read: its paths below the root. */
struct seal_input {
    const char *paths[SEAL_KINDS];
};

/* visits 0: there was nothing, and no file was written. */
struct seal_result {
    struct seal_file files[SEAL_KINDS];
    uint64_t visits, persons; /* in this part; add to the bases of the day's next one */
};

struct seal_job {
    const struct os *os;
    const char *root; /* exists */
    uint32_t site;
    int32_t day;
    uint32_t part;
    uint32_t base_visit, base_person; /* ordinals that other parts of this day have */
    size_t stream_bytes; /* of events that are held at a time (day_events.h); 0: 8 MiB */
};

/* Writes a site's day from the hot tables as they are at one moment. On an error no file is left that
 * was not there, but perhaps a name that seal_sweep() removes. Not on the thread that applies. */
int store_seal(struct store *s, const struct seal_job *job, struct seal_result *ret,
               struct err *err) WARN_UNUSED;

struct compact_job {
    const struct os *os;
    const char *root;
    uint32_t site;
    int32_t day; /* any of the month */
    uint32_t part;
    const struct seal_input *inputs; /* all of this site and month */
    size_t input_count;
};

/* Puts parts of one site and month together into one, and counts it again: ERR_CORRUPT when rows or
 * sums differ. The inputs are left to the caller. ret->persons is 0. Not on the thread that applies. */
int store_compact(struct store *s, const struct compact_job *job, struct seal_result *ret,
                  struct err *err) WARN_UNUSED;

struct rewrite_job {
    const struct os *os;
    const char *root;
    uint32_t site;
    int32_t day; /* of the part, or any of its month */
    bool month;
    uint32_t part; /* the new one's id */
    struct seal_input input;
    int32_t before;   /* only of days before this one; INT32_MAX: of all */
    struct span page; /* exactly this, or with '*' at the end: all that begin so; empty: all */
};

/* events_dropped 0: nothing matched, and nothing was written. part.visits 0 then means nothing;
 * otherwise that nothing is left, and no file was written either. */
struct rewrite_result {
    struct seal_result part; /* persons: 0 */
    uint64_t events_dropped, visits_dropped;
};

/* Writes a part without some of its events; the old files are left to the caller, who records the new
 * ones in their place. Not on the thread that applies. */
int store_rewrite(struct store *s, const struct rewrite_job *job, struct rewrite_result *ret,
                  struct err *err) WARN_UNUSED;

/* Compares a part's files with their record (an empty path: there is none): length, hash, rows,
 * events against visits, and the roll-ups derived again. A line a finding is added to `findings`;
 * it holds no values. An error says that it could not be looked at. */
int store_verify(struct store *s, const struct os *os, const char *root,
                 const struct seal_file files[SEAL_KINDS], struct buf *findings, size_t *ret_count,
                 struct err *err) WARN_UNUSED;

/* Unlinks files of parts that are not in `keep` (ascending), and everything half-written; empty
 * folders go too. Not while something is being written. A missing root is fine. */
int seal_sweep(const struct os *os, const char *root, const uint32_t *keep, size_t keep_count,
               size_t *ret_removed, struct err *err) WARN_UNUSED;

#endif
