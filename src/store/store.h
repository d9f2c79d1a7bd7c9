/* store.h — the engine's face: tables that answer queries, fed from the journal.
 *
 * Days that go on are in the hot tables, which views give as texts: `event` (the fields of
 * event_fields.def that are not its visit's, `visit` and `first`) and `visit` (visit_fields.def,
 * `first`); see schema.h for the rows behind them. Days that are over are in
 * sealed parts: Parquet files and their roll-ups, see README.md. The hot file is a cache of the
 * journal: when it is missing, damaged or of another version it is renamed aside and built again
 * from cursor {0, 0}. One thread applies; any thread selects. */
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
    const char *sealed_root; /* folder of the sealed parts; NULL: none */
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

/* Removes the hot file, also those that were set aside, and the roll-up tables, and begins anew at
 * cursor {0, 0}: after something was erased from the journal and from parts. The rest as with store_reopen(). */
int store_start_over(struct store *s, struct err *err) WARN_UNUSED;

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

/* --- sealed parts -------------------------------------------------------------------------------
 */

/* What one seal wrote: the events of a site's day, or of a month, up to a place in the journal. */
struct sealed_part {
    uint32_t id; /* grows, never reused */
    uint32_t site;
    int32_t from_day, to_day; /* site-local, both included */
    struct cursor until;      /* events of these days before it are in this part, or another */
    const char *event_path, *visit_path, *roll_path; /* NULL: gone, or there were none */
    uint64_t event_rows, visit_rows;                 /* of the files that are there */
    uint64_t visits; /* 0: there were no rows; else they are gone when their files are */
};

struct store_day {
    uint32_t site;
    int32_t day;
};

struct store_change {
    const struct sealed_part *added;
    size_t added_count;
    const uint32_t *removed; /* ids; their files are unlinked once nobody reads them */
    size_t removed_count;
};

/* Makes parts visible and takes others away in one step; in the same step the rows of added days
 * leave the hot tables, and the bytes the hot file. From the part's snapshot on no batch may have
 * brought events of its days. On an error nothing has changed. On the thread that applies, before
 * the first batch with all parts there are. */
int store_publish(struct store *s, const struct store_change *change, struct err *err) WARN_UNUSED;

/* Gives back memory held for telling the visitors of days that are over apart: it is read again from
 * the tables if there is one more event. On the thread that applies. */
void store_rest(struct store *s, const struct store_day *days, size_t count);

/* Whether the event of that day at that place of the journal is in a part: then it must not be
 * applied (again). On the thread that applies. */
bool store_is_sealed(struct store *s, uint32_t site, int32_t day, struct cursor at);

/* The days that the hot tables hold, by site and day; for the caller to free. Any thread. */
int store_hot_days(struct store *s, struct store_day **ret, size_t *ret_count,
                   struct err *err) WARN_UNUSED;

/* One step of keeping the cell cache: drops what no view has any more, then builds a day of a part that
 * is not in yet, which takes some seconds a day of millions. *ret_more: there may be something left to
 * do. A part whose files do not read is left out until the engine is opened again. On any thread but
 * the one that applies; one at a time. */
int store_build_cells(struct store *s, bool *ret_more, struct err *err) WARN_UNUSED;

/* --- reading ------------------------------------------------------------------------------------
 */

enum { SQL_CHUNK_COLUMNS = 8 };
enum sql_type { SQL_NULL_VALUE, SQL_INT, SQL_REAL, SQL_TEXT_VALUE };

struct sql_value {
    enum sql_type type;
    int64_t i;
    double d;
    struct span text; /* in a result: borrowed from it */
};

struct sql_result; /* columns × rows of sql_value, in memory */

/* What one query sees, whatever is published meanwhile: within a view an event is in the hot tables
 * or in a part, never in both. Close it soon: it holds replaced files open. Any thread. */
struct store_view;
int store_view_open(struct store *s, struct store_view **ret, struct err *err) WARN_UNUSED;
void store_view_close(struct store_view *v);
DEFINE_FREEP(struct store_view, store_view_close)
/* By site, first day and id; belongs to the view. */
const struct sealed_part *store_view_parts(const struct store_view *v, size_t *ret_count);
/* The greatest id of a part: in roll-up tables rows of later ones are not visible. */
uint32_t store_view_watermark(const struct store_view *v);

/* store_is_sealed() as the view has it. */
bool store_view_holds(const struct store_view *v, uint32_t site, int32_t day, struct cursor at);

/* Whether the cell cache (cell.h) has all rows of one of the view's parts. It keeps them as long as the
 * view is open. */
bool store_view_has_cells(const struct store_view *v, const struct sealed_part *part);

/* Runs one SELECT with positional parameters ($1 …). More than timeout_ms: interrupted,
 * ERR_TIMEOUT. A statement that does not prepare is ERR_INVALID. Any thread; each has a connection
 * of its own for the time. */
int store_view_select(struct store_view *v, const char *sql, const struct sql_value *params,
                      size_t param_count, int timeout_ms, struct sql_result **ret,
                      struct err *err) WARN_UNUSED;

/* Some of a statement's rows, by columns. */
struct sql_chunk {
    size_t rows;
    const void *columns[SQL_CHUNK_COLUMNS]; /* numbers of the column's type in the statement */
};

/* The text at a row of a VARCHAR column; borrowed until `take` returns. */
struct span sql_chunk_text(const struct sql_chunk *c, size_t column, size_t row);

struct sql_reader {
    size_t columns; /* of the statement: integers of 8, 32 and 64 bits, VARCHAR; none NULL */
    int (*take)(void *to, const struct sql_chunk *rows, struct err *err);
    void *to;
};

/* store_view_select() for many rows: hands them on as they are, some thousand at a time and in the
 * statement's order, which without ORDER BY is that of the files it reads. What `take` returns below
 * 0 ends it. All of them have to fit the engine's memory and its spilling. */
int store_view_read(struct store_view *v, const char *sql, const struct sql_value *params,
                    size_t param_count, int timeout_ms, const struct sql_reader *reader,
                    struct err *err) WARN_UNUSED;

/* Texts that statements number while they read: in them text_number(TEXT, <id>::UINTEGER) is the number of
 * TEXT, a UINTEGER, as numbering_get() gives it (keyset.h). Cheaper than fetching texts where a column has
 * few different ones. Close it before the store; no statement that names it may be running then. */
struct text_numbers;
int text_numbers_open(struct store *s, struct text_numbers **ret, struct err *err) WARN_UNUSED;
void text_numbers_close(struct text_numbers *n); /* NULL: nothing */
unsigned text_numbers_id(const struct text_numbers *n);
/* While no statement runs. It is given out in any order. */
struct numbering *text_numbers_texts(struct text_numbers *n);
/* A statement failed because there was no room for one more. */
bool text_numbers_full(const struct text_numbers *n);

/* store_view_select() on the view of the moment. */
int store_select(struct store *s, const char *sql, const struct sql_value *params,
                 size_t param_count, int timeout_ms, struct sql_result **ret,
                 struct err *err) WARN_UNUSED;
void sql_result_free(struct sql_result *r);
DEFINE_FREEP(struct sql_result, sql_result_free)
size_t sql_result_rows(const struct sql_result *r);
size_t sql_result_columns(const struct sql_result *r);
struct sql_value sql_result_at(const struct sql_result *r, size_t row, size_t column);

#endif
