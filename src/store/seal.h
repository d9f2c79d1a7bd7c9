/* seal.h — the sealed files: one site's day, written once as Parquet and never edited.
 *
 *   <root>/<site>/<yyyy-mm>/<yyyy-mm-dd>.<part>.{event,visit,roll}.parquet      a day
 *   <root>/<site>/<yyyy-mm>/<yyyy-mm>.<part>.{event,visit,roll}.parquet         a month (compact.h)
 *
 * A *part* is what one seal wrote. Its three files are written under `<name>.tmp`, synced, renamed
 * and their folder synced; they count when the caller has recorded the part. What a crash leaves of
 * a part that was not recorded is removed by seal_sweep().
 *
 * Visitors' hashes end here. A visit gets an ordinal in the order (channel, source, country,
 * device, os, browser, entry_page, then random), so that rows cluster by what people filter by; a
 * person the ordinal of the order in which its first visit comes. The random order is drawn anew and
 * kept nowhere.
 *
 * visit file, by (day, visit): day, visit, person, hour, start_sec, pageviews, events, bounce,
 *   duration_ms, hostname, the columns of FIRST_DIMENSIONS, first, varies.
 * event file, by (day, visit, ts_sec): day, visit, person, hour, ts_sec, kind, interactive, scroll,
 *   engaged_ms, name, hostname, page, props, revenue_milli, currency, first, varies, and its
 *   visit's columns of FIRST_DIMENSIONS but entry_page and exit_page, so that other filters need
 *   no join.
 * roll file, by (dim, day, value): day, dim, value, and the numbers of ROLL_NUMBERS.
 *
 * `first` is explained in first.h. `varies` has bit FIRST_OF(dimension) when the visits of a row's
 * person do not all have the same value there that day; bit FIRST_OF(person) when it made more than
 * one visit. Under a filter on dimensions D, rows without any of D's bits in `varies` are counted
 * by their flags, since all of their person's rows are chosen or none is; only the others need
 * count(distinct).
 *
 * A connection given here has the sealed root among its allowed directories, and no transaction
 * open. One call at a time a connection; none takes a lock. */
#ifndef TAMIS_STORE_SEAL_H
#define TAMIS_STORE_SEAL_H

#include <duckdb.h>

#include "buf.h"
#include "err.h"
#include "sealing.h"

/* The numbers of a roll-up row beside day, dim and value: X(name, SQL type). Add at the end only.
 *   entries, bounces, duration_ms, entry_pageviews  of the visits behind bounce rate and the like:
 *                              those that entered at the page; elsewhere those that were there
 *   engaged_ms, engaged_visits, scroll_sum, scroll_visits  of `page` and `person`, else 0 */
/* clang-format off */
#define ROLL_NUMBERS(X)                                                                  \
    X(visitors, "UINTEGER") X(visits, "UINTEGER") X(pageviews, "UINTEGER")               \
    X(events, "UINTEGER") X(entries, "UINTEGER") X(bounces, "UINTEGER")                  \
    X(duration_ms, "UBIGINT") X(entry_pageviews, "UINTEGER") X(engaged_ms, "UBIGINT")    \
    X(engaged_visits, "UINTEGER") X(scroll_sum, "UBIGINT") X(scroll_visits, "UINTEGER")
/* clang-format on */

/* Writes a site's day from the hot tables (`event` and `visit` of the connection's default
 * database) as they are at one moment. The tables are not changed. On an error no file is left that
 * was not there, but perhaps a name that seal_sweep() removes. */
int seal_write(duckdb_connection c, const struct seal_job *job, struct seal_result *ret,
               struct err *err) WARN_UNUSED;

/* Compares a part's files with their record (an empty path: there is none): length, hash, rows,
 * events against visits, and the roll-ups derived again. A line a finding is added to `findings`,
 * which names the file or the dimension and holds no values. An error says that it could not be
 * looked at. */
int seal_verify(duckdb_connection c, const struct os *os, const char *root,
                const struct seal_file files[SEAL_KINDS], struct buf *findings, size_t *ret_count,
                struct err *err) WARN_UNUSED;

/* The greatest ordinals of a day among some visit files (paths below the root): the bases of the
 * day's next part. 0 when the day is not in them. */
int seal_bases(duckdb_connection c, const char *root, const char *const *visit_paths, size_t count,
               int32_t day, uint32_t *ret_visit, uint32_t *ret_person, struct err *err) WARN_UNUSED;

#endif
