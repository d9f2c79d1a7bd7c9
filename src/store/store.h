/* store.h — the engine's face: hot tables that answer queries, fed from the journal.
 *
 * Table `event`: the columns of event_fields.def and `visit UBIGINT`. Table `visit`:
 * visit_fields.def. The hot file is a cache of the journal: when it is missing, damaged or of
 * another version it is renamed aside and built again from cursor {0, 0}. One thread applies; any
 * thread selects. */
#ifndef TAMIS_STORE_H
#define TAMIS_STORE_H

#include "buf.h"
#include "cursor.h"
#include "err.h"
#include "event.h"
#include "record.h"

struct store;

struct store_options {
    unsigned threads;        /* engine threads; 0: one a core */
    uint64_t memory_bytes;   /* engine memory; 0: 512 MiB */
    size_t most_open_visits; /* kept in memory; 0: 2,000,000; the ones silent longest are let go
                                first */
    size_t presence_bytes;   /* for telling visitors apart (presence.h); 0: 256 MiB */
    const char *read_dir;    /* statements may read files below it (the sealed days); NULL: none */
};

/* Opens or makes dir/hot.duckdb. *ret_rebuilt says that an old file was set aside (the caller
 * counts and logs it). */
int store_open(const char *dir, const struct store_options *options, struct store **ret,
               bool *ret_rebuilt, struct err *err) WARN_UNUSED;
void store_close(struct store *s);

/* Opens the file again where it stands, or sets it aside and makes a new one when it is damaged, or
 * when opening it again has not helped since the last applied batch. 1: set aside (the caller
 * counts and logs it); 0: the same file; an error: there is no open file, try again later. Until it
 * returns, selects get ERR_BUSY; running ones are interrupted. `s` stays valid. On the thread that
 * applies; go on from store_cursor(). */
int store_reopen(struct store *s, struct err *err) WARN_UNUSED;

/* Whether some call has met damage, so that store_reopen() is due. Any thread. */
bool store_needs_reopen(struct store *s);

/* Everything before this has been applied. */
struct cursor store_cursor(struct store *s);

/* Writes what was applied to the file, which otherwise happens at close and after half a million
 * events: a crash before it leaves the file and its cursor as they were, and the rest is drained
 * again. Takes about 2 s a million events; selects go on. On the thread that applies. */
int store_checkpoint(struct store *s, struct err *err) WARN_UNUSED;
uint64_t store_unsaved_events(struct store *s); /* what a crash now would drain again */

struct store_batch {
    const struct event *events;
    size_t event_count;
    const struct import_mark *marks;
    size_t mark_count;
    struct cursor next; /* the cursor after this batch */
};

/* Applies a batch in one transaction with its cursor: queries see all of it or none, and so does a
 * crash. On an error nothing of it is, and the same batch may be tried again. ERR_CORRUPT: the file
 * is damaged; close and open again. */
int store_apply(struct store *s, const struct store_batch *batch, struct err *err) WARN_UNUSED;

/* How far an import has come; 0 when it left no mark. */
int store_import_offset(struct store *s, uint64_t import, uint64_t *ret_offset,
                        struct err *err) WARN_UNUSED;

/* --- reading ------------------------------------------------------------------------------------
 */

enum sql_type { SQL_NULL_VALUE, SQL_INT, SQL_REAL, SQL_TEXT_VALUE };

struct sql_value {
    enum sql_type type;
    int64_t i;
    double d;
    struct span text; /* in a result: borrowed from it */
};

struct sql_result; /* columns × rows of sql_value, in memory */

/* Runs one SELECT with positional parameters ($1 …). More than timeout_ms: interrupted,
 * ERR_TIMEOUT. A statement that does not prepare is ERR_INVALID. Any thread; each has a connection
 * of its own for the time. */
int store_select(struct store *s, const char *sql, const struct sql_value *params,
                 size_t param_count, int timeout_ms, struct sql_result **ret,
                 struct err *err) WARN_UNUSED;
void sql_result_free(struct sql_result *r);
DEFINE_FREEP(struct sql_result, sql_result_free)
size_t sql_result_rows(const struct sql_result *r);
size_t sql_result_columns(const struct sql_result *r);
struct sql_value sql_result_at(const struct sql_result *r, size_t row, size_t column);

#endif
