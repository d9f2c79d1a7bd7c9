/* extract.h — events of one site as one file: Parquet, CSV or JSON lines.
 *
 * Sealed files are read where they lie, by an engine of its own: a server that works on the same
 * folder is not slowed down, and does not run out of memory for it. Rows of days that are not
 * sealed come from the hot tables in pieces, as lines; in them a person is the number of its first
 * visit of the day, as good as an ordinal: the visitor hash does not come out.
 *
 * The columns stand in EXTRACT_COLUMNS; docs/formats.md explains them. */
#ifndef TAMIS_STORE_EXTRACT_H
#define TAMIS_STORE_EXTRACT_H

#include "store.h"

/* X(name, SQL type, from a sealed event file, from hot tables e (event), v (its visit), p (its
 * person)). Then come the visit's columns that event files have. In both, visits and persons are
 * numbered from 1 on; the hot ones are moved behind the sealed ones. */
/* clang-format off */
#define EXTRACT_COLUMNS(X)                                                                        \
    X(date, "DATE", "DATE '1970-01-01' + day", "DATE '1970-01-01' + e.day")                       \
    X(time, "TIMESTAMP", "make_timestamp(ts_sec * 1000000)",                                      \
      "make_timestamp(e.ts_ms // 1000 * 1000000)")                                                \
    X(hour, "UTINYINT", "hour", "e.hour")                                                         \
    X(visit, "BIGINT", "visit::BIGINT", "e.visit::BIGINT - $5 + 1")                                       \
    X(person, "BIGINT", "person::BIGINT", "p.person::BIGINT - $5 + 1")                                    \
    X(kind, "VARCHAR", "['pageview', 'event', 'engagement', 'vitals'][kind + 1]",                 \
      "['pageview', 'event', 'engagement', 'vitals'][e.kind + 1]")                                \
    X(name, "VARCHAR", "name", "e.name")                                                          \
    X(hostname, "VARCHAR", "hostname", "e.hostname")                                              \
    X(page, "VARCHAR", "page", "e.page")                                                          \
    X(interactive, "BOOLEAN", "interactive <> 0", "e.interactive <> 0")                           \
    X(scroll, "UTINYINT", "nullif(scroll, 255)", "nullif(e.scroll, 255)")                         \
    X(engaged_ms, "UINTEGER", "engaged_ms", "e.engaged_ms")                                       \
    X(props, "VARCHAR", "props", "e.props")                                                       \
    X(revenue_milli, "BIGINT", "revenue_milli", "e.revenue_milli")                                \
    X(currency, "VARCHAR", "currency", "e.currency")                                              \
    X(lcp_ms, "UINTEGER", "nullif(lcp_ms, 0)", "nullif(e.lcp_ms, 0)")                             \
    X(inp_ms, "UINTEGER", "nullif(inp_ms, 0)", "nullif(e.inp_ms, 0)")                             \
    X(cls, "DOUBLE", "(nullif(cls_milli, 0)::BIGINT - 1) / 1e3",                                  \
      "(nullif(e.cls_milli, 0)::BIGINT - 1) / 1e3")
/* clang-format on */

/* The SELECT for a piece of the hot rows. Parameters: site, first day, last day, the place after
 * which to go on (0 at first), the least number of a visit, how many rows at most. Columns: place,
 * line (NULL: to be passed over); by place. */
void extract_hot_sql(struct buf *out);

enum extract_format { EXTRACT_PARQUET, EXTRACT_CSV, EXTRACT_JSONL };

struct extract_job {
    const char *const *event_paths; /* sealed files in order */
    size_t path_count;
    const char *hot_path; /* a file of the lines; may be empty */
    int32_t from_day, to_day;
    enum extract_format format;
    const char *to; /* made or written over */
    uint64_t memory_bytes;
    void (*progress)(void *arg, double part); /* 0 to 1 */
    void *arg;
};

int extract_write(const struct extract_job *job, uint64_t *ret_rows, struct err *err) WARN_UNUSED;

#endif
