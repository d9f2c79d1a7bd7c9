/* The roll-ups: for each day and each value of each dimension what src/query gives for it,
 * unfiltered. A day's visits are read, then its events (roll_sums.h), then its rows written. */
#include <stdlib.h>

#include "roll_sums.h"
#include "seal_private.h"

void seal_roll_columns(struct buf *out) {
    buf_adds(out, "day, dim, value");
#define X(name, type) buf_adds(out, ", " #name);
    ROLL_NUMBERS(X)
#undef X
}

static void add_table(struct buf *sql) {
    buf_adds(sql, "CREATE TEMP TABLE seal_roll (day INTEGER, dim VARCHAR, value VARCHAR");
#define X(name, type) buf_adds(sql, ", " #name " " type);
    ROLL_NUMBERS(X)
#undef X
    buf_adds(sql, ")");
}

/* --- what is read -------------------------------------------------------------------------------
 */

struct reading {
    struct roll_sums sums;
    struct text_column columns[ROLL_TEXT_DIMS];
    uint32_t numbers[SEAL_DIMS][MOST_CHUNK_ROWS]; /* of a chunk's texts, a column at a time */
};

static void reading_free(struct reading *r) {
    roll_sums_release(&r->sums);
    for (size_t i = 0; i < ROLL_TEXT_DIMS; i++)
        text_column_release(&r->columns[i]);
    free(r);
}
DEFINE_FREEP(struct reading, reading_free)

static bool read_texts(struct reading *r, duckdb_data_chunk rows, idx_t at, size_t dim,
                       uint32_t *ret) {
    return text_column_read(&r->columns[dim], duckdb_data_chunk_get_vector(rows, at),
                            duckdb_data_chunk_get_size(rows), ret);
}

static int no_memory(struct err *err) {
    return err_set(err, ERR_NOMEM, "no memory for a day's roll-ups");
}

static int take_visits(void *to, duckdb_data_chunk rows, struct err *err) {
    struct reading *r = to;
    enum { FIGURES = 7 };
    const uint32_t *visit = chunk_column(rows, 0), *pageviews = chunk_column(rows, 1),
                   *events = chunk_column(rows, 2), *duration_ms = chunk_column(rows, 3),
                   *first = chunk_column(rows, 4);
    const uint8_t *bounce = chunk_column(rows, 5), *hour = chunk_column(rows, 6);
    for (size_t k = 0; k < SEAL_DIMS; k++)
        if (!read_texts(r, rows, FIGURES + k, k, r->numbers[k]))
            return no_memory(err);
    for (idx_t i = 0; i < duckdb_data_chunk_get_size(rows); i++) {
        struct roll_visit_row row = {.visit = {.visit = visit[i],
                                               .pageviews = pageviews[i],
                                               .duration_ms = duration_ms[i],
                                               .bounce = bounce[i]},
                                     .first = first[i],
                                     .events = events[i],
                                     .hour = hour[i]};
        for (size_t k = 0; k < SEAL_DIMS; k++)
            row.dims[k] = r->numbers[k][i];
        if (!roll_sums_visit(&r->sums, &row))
            return no_memory(err);
    }
    return 0;
}

static int read_visits(duckdb_connection c, const char *visits, int32_t day, struct reading *r,
                       struct err *err) {
    BUF_AUTO sql = {0};
    buf_adds(&sql, "SELECT visit::UINTEGER, pageviews::UINTEGER, events::UINTEGER,"
                   " duration_ms::UINTEGER, first::UINTEGER, bounce::UTINYINT, hour::UTINYINT");
    sql_add_dims(&sql, "");
    buf_addf(&sql, " FROM %s WHERE day = %d", visits, day);
    int code = sql_each_chunk(c, &sql, take_visits, r, err);
    return code || roll_sums_end_visits(&r->sums) ? code : no_memory(err);
}

static int take_events(void *to, duckdb_data_chunk rows, struct err *err) {
    struct reading *r = to;
    enum { FIGURES = 6 };
    const uint32_t *visit = chunk_column(rows, 0), *first = chunk_column(rows, 1),
                   *engaged_ms = chunk_column(rows, 2);
    const uint8_t *kind = chunk_column(rows, 3), *hour = chunk_column(rows, 4),
                  *scroll = chunk_column(rows, 5);
    uint32_t *page = r->numbers[0], *name = r->numbers[1], *hostname = r->numbers[2];
    if (!read_texts(r, rows, FIGURES, ROLL_PAGE, page) ||
        !read_texts(r, rows, FIGURES + 1, ROLL_NAME, name) ||
        !read_texts(r, rows, FIGURES + 2, ROLL_HOSTNAME, hostname))
        return no_memory(err);
    for (idx_t i = 0; i < duckdb_data_chunk_get_size(rows); i++) {
        struct roll_event_row row = {.visit = visit[i],
                                     .first = first[i],
                                     .engaged_ms = engaged_ms[i],
                                     .kind = kind[i],
                                     .hour = hour[i],
                                     .scroll = scroll[i],
                                     .page = page[i],
                                     .name = name[i],
                                     .hostname = hostname[i]};
        if (!roll_sums_event(&r->sums, &row))
            return no_memory(err);
    }
    return 0;
}

static int read_events(duckdb_connection c, const char *events, int32_t day, struct reading *r,
                       struct err *err) {
    BUF_AUTO sql = {0};
    buf_addf(&sql,
             "SELECT visit::UINTEGER, first::UINTEGER, engaged_ms::UINTEGER, kind::UTINYINT,"
             " hour::UTINYINT, scroll::UTINYINT, page, name, hostname FROM %s WHERE day = %d",
             events, day);
    return sql_each_chunk(c, &sql, take_events, r, err);
}

/* --- what is written ----------------------------------------------------------------------------
 */

static bool append_row(duckdb_appender a, int32_t day, const char *dim, struct span value,
                       const uint64_t numbers[ROLL_NUMBERS_COUNT]) {
    bool ok = duckdb_append_int32(a, day) == DuckDBSuccess &&
              duckdb_append_varchar(a, dim) == DuckDBSuccess &&
              duckdb_append_varchar_length(a, value.ptr, value.len) == DuckDBSuccess;
    for (size_t i = 0; ok && i < ROLL_NUMBERS_COUNT; i++)
        ok = duckdb_append_uint64(a, numbers[i]) == DuckDBSuccess;
    return ok && duckdb_appender_end_row(a) == DuckDBSuccess;
}

static bool append_dim(duckdb_appender a, const struct roll_sums *s, size_t dim, int32_t day) {
    const struct roll_values *values = &s->dims[dim];
    for (uint32_t i = 0; i < values->cap; i++) {
        if (!values->at[i].is_row)
            continue;
        if (!append_row(a, day, roll_dim_name(dim), roll_sums_text(s, dim, i),
                        values->at[i].numbers))
            return false;
    }
    return true;
}

static void appender_destroy(duckdb_appender *a) {
    if (*a)
        duckdb_appender_destroy(a);
}

static int write_rows(duckdb_connection c, const struct roll_sums *s, int32_t day,
                      struct err *err) {
    CLEANUP(appender_destroy) duckdb_appender a = NULL;
    bool ok = duckdb_appender_create_ext(c, "temp", "main", "seal_roll", &a) == DuckDBSuccess;
    for (size_t dim = 0; ok && dim < ROLL_DIMS; dim++)
        ok = append_dim(a, s, dim, day);
    if (ok && duckdb_appender_close(a) == DuckDBSuccess)
        return 0;
    const char *text = a ? duckdb_appender_error(a) : NULL;
    enum engine_fault fault = ENGINE_FINE;
    return engine_error(engine_error_type(text), text, "append", &fault, err);
}

/* --- days ---------------------------------------------------------------------------------------
 */

static int roll_day(duckdb_connection c, const char *events, const char *visits, int32_t day,
                    struct err *err) {
    CLEANUP(reading_freep) struct reading *r = calloc(1, sizeof(*r));
    if (!r || duckdb_vector_size() > MOST_CHUNK_ROWS)
        return no_memory(err);
    for (size_t i = 0; i < ROLL_TEXT_DIMS; i++)
        r->sums.columns[i] = &r->columns[i];
    int code = read_visits(c, visits, day, r, err);
    if (!code)
        code = read_events(c, events, day, r, err);
    return code ? code : write_rows(c, &r->sums, day, err);
}

/* A month is worked on day by day, so that memory is a day's. */
static int add_days(void *to, duckdb_data_chunk rows, struct err *err) {
    struct buf *days = to;
    idx_t count = duckdb_data_chunk_get_size(rows);
    buf_add(days, span_of(chunk_column(rows, 0), count * sizeof(int32_t)));
    return days->failed ? no_memory(err) : 0;
}

int seal_rolls(duckdb_connection c, const char *root, const struct seal_file files[SEAL_KINDS],
               bool tmp, struct err *err) {
    BUF_AUTO event_file = {0};
    BUF_AUTO visit_file = {0};
    sql_add_file(&event_file, root, files[SEAL_EVENT].path, tmp);
    sql_add_file(&visit_file, root, files[SEAL_VISIT].path, tmp);
    const char *events = buf_cstr(&event_file), *visits = buf_cstr(&visit_file);
    if (!events || !visits)
        return no_memory(err);
    BUF_AUTO sql = {0};
    BUF_AUTO days = {0};
    add_table(&sql);
    int code = sql_run(c, &sql, err);
    buf_addf(&sql, "SELECT DISTINCT day::INTEGER FROM %s WHERE day IS NOT NULL", visits);
    if (!code)
        code = sql_each_chunk(c, &sql, add_days, &days, err);
    for (size_t at = 0; !code && at < days.len; at += sizeof(int32_t)) {
        int32_t day;
        memcpy(&day, days.data + at, sizeof(day));
        code = roll_day(c, events, visits, day, err);
    }
    return code;
}
