/* seal_private.h — what the files that write sealed parts share.
 *
 * Temporary tables (in memory or spilled, dropped with the transaction):
 *   seal_roll    the rows of a roll file, derived from the other two
 * and where a part is rewritten (seal_rewrite.c):
 *   seal_visit   id and the columns of the visit file; `id` says which events belong to it:
 *                day << 32 | visit
 *   seal_base    one row a visit: id, day, and the visit's columns
 *   seal_number  of each: pos (rowid of seal_base), visit, person, n (visits of its person that day)
 *   seal_flag    of those with n > 1: pos, first, varies */
#ifndef TAMIS_STORE_SEAL_PRIVATE_H
#define TAMIS_STORE_SEAL_PRIVATE_H

#include "buf.h"
#include "engine.h"
#include "first.h"
#include "seal.h"

/* The dimensions that are columns: all but person, by their name. */
enum { SEAL_DIMS = FIRST_AT_COUNT - 1 };
const char *seal_dim(size_t i); /* its flag is 2 << i */
/* Whether event rows repeat it: the pages a visit entered and left by would cost each more than a
 * byte. */
bool seal_dim_on_event(size_t i);

/* Columns of event files where some event has web vitals, and of none else. */
enum { SEAL_VITALS = 3 };
const char *seal_vital(size_t i);

/* Bits of a visit whose person made no other: it is the first of all, and nothing varies. */
#define SEAL_FIRST_ALL ((1U << FIRST_AT_COUNT) - 1)

/* --- statements: seal_sql.c --- */

/* "read_parquet('<root>/<path>')" */
void sql_add_file(struct buf *out, const char *root, const char *path, bool tmp);
/* The same of several files, in order, as one; all that are read must have the columns. */
void sql_add_files(struct buf *out, const char *root, const struct seal_input *parts, size_t count,
                   enum seal_kind kind);
/* A SELECT of no row that has the columns of web vitals, for a UNION with files that may lack them. */
void sql_add_no_vitals(struct buf *out);
/* How many of these event files have columns of web vitals. */
int sql_count_vitals(duckdb_connection c, const char *root, const struct seal_input *parts,
                     size_t count, uint64_t *ret, struct err *err) WARN_UNUSED;
/* ", <prefix>entry_page, …" */
void sql_add_dims(struct buf *out, const char *prefix);
/* Those of them that event rows repeat. */
void sql_add_event_dims(struct buf *out, const char *prefix);
/* Runs what the buffer holds and empties it. */
int sql_run(duckdb_connection c, struct buf *sql, struct err *err) WARN_UNUSED;
/* The first row's columns as numbers (NULL as 0); 0 when there is no row. */
int sql_numbers(duckdb_connection c, struct buf *sql, uint64_t *ret, size_t count,
                struct err *err) WARN_UNUSED;

/* Gives each chunk of the rows to `take`, as they come. */
int sql_each_chunk(duckdb_connection c, struct buf *sql,
                   int (*take)(void *to, duckdb_data_chunk rows, struct err *err), void *to,
                   struct err *err) WARN_UNUSED;

/* Runs `work` in a transaction that is rolled back whatever it returns: the temporary tables go,
 * and what it read was of one moment. */
int sql_in_transaction(duckdb_connection c, int (*work)(duckdb_connection, void *, struct err *),
                       void *arg, struct err *err) WARN_UNUSED;

/* --- seal_flags.c --- */

/* The flags of the visits of one person after the other, of those who made several. All zero
 * before the first. */
struct person_flags {
    struct {
        uint32_t *seen_by; /* of a value's number: the person that had it last, as counted below */
        uint32_t cap;
        uint32_t of_first; /* the number at the person's first visit */
    } dims[SEAL_DIMS];
    uint32_t person; /* counts them from 1 */
    uint32_t varies; /* of the person's visits so far; at the end it is that of all of them */
};

void person_flags_next(struct person_flags *f);
/* The person's visits in order; values are the numbers of its texts. false: out of memory. */
bool person_flags_visit(struct person_flags *f, const uint32_t values[SEAL_DIMS],
                        uint32_t *ret_first) WARN_UNUSED;
void person_flags_release(struct person_flags *f);

/* Makes seal_flag from seal_base and seal_number. ERR_NOMEM. */
int seal_flags(duckdb_connection c, struct err *err) WARN_UNUSED;

/* --- seal_rolls.c --- */

/* Makes seal_roll from a part's event and visit file; `tmp`: they do not have their names yet. */
int seal_rolls(duckdb_connection c, const char *root, const struct seal_file files[SEAL_KINDS],
               bool tmp, struct err *err) WARN_UNUSED;
/* "day, dim, value, visitors, …" */
void seal_roll_columns(struct buf *out);

/* --- seal_copy.c --- */

struct seal_target {
    const struct os *os;
    const char *root;
    bool month;  /* which is compressed for long */
    bool vitals; /* of events: there are columns of web vitals */
};

/* Writes a SELECT that has a file's columns, by name, to <path>.tmp and notes its rows. */
int seal_copy(duckdb_connection c, const struct seal_target *to, enum seal_kind kind,
              struct seal_file *file, struct buf *select, struct err *err) WARN_UNUSED;

/* Several whose rows follow one another. */
struct seal_selects {
    size_t count;
    void (*add)(void *arg, size_t i, struct buf *out);
    void *arg;
};
int seal_copy_each(duckdb_connection c, const struct seal_target *to, enum seal_kind kind,
                   struct seal_file *file, const struct seal_selects *selects,
                   struct err *err) WARN_UNUSED;

/* --- seal_file.c --- */

/* A part's paths below the root; a month's has no day in its name. */
void seal_paths(uint32_t site, int32_t day, bool month, uint32_t part,
                struct seal_file files[SEAL_KINDS]);
/* Makes <root>/<site>/<yyyy-mm>, durably. */
int seal_make_folder(const struct os *os, const char *root, const char *path,
                     struct err *err) WARN_UNUSED;
/* Syncs, hashes and renames a part's three files. */
int seal_publish(const struct os *os, const char *root, struct seal_file files[SEAL_KINDS],
                 struct err *err) WARN_UNUSED;
/* After an error: unlinks what was half-written, as far as that goes. */
void seal_abandon(const struct os *os, const char *root, const struct seal_file files[SEAL_KINDS]);
/* Length and BLAKE2b-256 of a file. */
int seal_digest(const struct os *os, const char *path, uint64_t *ret_bytes,
                uint8_t ret_digest[CRYPT_DIGEST_BYTES], struct err *err) WARN_UNUSED;

#endif
