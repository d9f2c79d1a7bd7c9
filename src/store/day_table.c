/* The table seal_visit. Texts become ENUMs of the day's values where that pays, so that sorting and
 * writing go through numbers. */
#include <stdlib.h>

#include "day_visits.h"

static const char *name_of(size_t text) {
    return text == DAY_HOSTNAME ? "hostname" : seal_dim(text);
}

/* A statement cannot hold a NUL. */
static bool has_nul(const struct numbering *values) {
    for (uint32_t i = 0; i < values->count; i++)
        if (memchr(values->texts[i].ptr, 0, values->texts[i].len))
            return true;
    return false;
}

static bool has_words(const struct day_visits *d, const struct seal_job *job, size_t text) {
    const struct numbering *values = &d->columns[text].text.values;
    return day_is_large(job, d->count) && values->count < MOST_WORDS && !has_nul(values);
}

/* "ENUM ('', 'a', …)" in the order of ranks. */
static void add_words(struct buf *sql, const struct day_column *c) {
    uint32_t count = c->text.values.count;
    CLEANUP(free_charp) char *memory = calloc(count + 1, sizeof(uint32_t));
    uint32_t *numbers = (uint32_t *)(void *)memory;
    if (!numbers) {
        sql->failed = true;
        return;
    }
    for (uint32_t i = 1; i <= count; i++)
        numbers[c->ranks[i]] = i;
    buf_adds(sql, "ENUM (''");
    for (uint32_t i = 1; i <= count; i++) {
        buf_adds(sql, ", ");
        engine_quote_span(sql, text_column_at(&c->text, numbers[i]));
    }
    buf_adds(sql, ")");
}

static void add_text(struct buf *sql, const struct day_visits *d, const struct seal_job *job,
                     size_t text) {
    buf_addf(sql, ", %s ", name_of(text));
    if (has_words(d, job, text))
        add_words(sql, &d->columns[text]);
    else
        buf_adds(sql, "VARCHAR");
}

static int make_table(duckdb_connection c, const struct day_visits *d, const struct seal_job *job,
                      struct err *err) {
    BUF_AUTO sql = {0};
    buf_adds(&sql, "CREATE TEMP TABLE seal_visit (id UBIGINT, day INTEGER, visit UINTEGER,"
                   " person UINTEGER, hour UTINYINT, start_sec BIGINT, pageviews UINTEGER,"
                   " events UINTEGER, bounce UTINYINT, duration_ms UINTEGER");
    add_text(&sql, d, job, DAY_HOSTNAME);
    for (size_t k = 0; k < SEAL_DIMS; k++)
        add_text(&sql, d, job, k);
    buf_adds(&sql, ", first UINTEGER, varies UINTEGER)");
    return sql_run(c, &sql, err);
}

/* --- its rows -----------------------------------------------------------------------------------
 */

enum column_at {
    AT_id,
    AT_day,
    AT_visit,
    AT_person,
    AT_hour,
    AT_start_sec,
    AT_pageviews,
    AT_events,
    AT_bounce,
    AT_duration_ms,
    AT_hostname,
    AT_dims,
    AT_first = AT_dims + SEAL_DIMS,
    AT_varies,
    COLUMNS,
};

struct table {
    const struct day_visits *day;
    const struct seal_job *job;
    duckdb_appender appender;
    duckdb_logical_type types[COLUMNS];
    duckdb_data_chunk chunk;
};

static void table_release(struct table *t) {
    if (t->appender)
        duckdb_appender_destroy(&t->appender);
    if (t->chunk)
        duckdb_destroy_data_chunk(&t->chunk);
    for (size_t i = 0; i < COLUMNS; i++)
        duckdb_destroy_logical_type(&t->types[i]);
}

static bool table_open(duckdb_connection c, struct table *t) {
    if (duckdb_appender_create_ext(c, "temp", "main", "seal_visit", &t->appender) != DuckDBSuccess)
        return false;
    for (idx_t i = 0; i < COLUMNS; i++)
        t->types[i] = duckdb_appender_column_type(t->appender, i);
    t->chunk = duckdb_create_data_chunk(t->types, COLUMNS);
    return t->chunk;
}

static void put_texts(struct table *t, size_t text, idx_t column, const struct day_visit *visits,
                      idx_t count) {
    const struct day_column *c = &t->day->columns[text];
    duckdb_vector vector = duckdb_data_chunk_get_vector(t->chunk, column);
    void *data = duckdb_vector_get_data(vector);
    bool is_enum = has_words(t->day, t->job, text);
    duckdb_type width = is_enum ? duckdb_enum_internal_type(t->types[column]) : DUCKDB_TYPE_INVALID;
    for (idx_t i = 0; i < count; i++) {
        uint32_t number = visits[i].texts[text];
        if (width == DUCKDB_TYPE_UTINYINT) {
            ((uint8_t *)data)[i] = (uint8_t)c->ranks[number];
        } else if (width == DUCKDB_TYPE_USMALLINT) {
            ((uint16_t *)data)[i] = (uint16_t)c->ranks[number];
        } else if (is_enum) {
            ((uint32_t *)data)[i] = c->ranks[number];
        } else {
            struct span value = text_column_at(&c->text, number);
            duckdb_vector_assign_string_element_len(vector, i, value.ptr, value.len);
        }
    }
}

#define PUT(type, name, value)                                                                \
    do {                                                                                      \
        type *to = duckdb_vector_get_data(duckdb_data_chunk_get_vector(t->chunk, AT_##name)); \
        for (idx_t i = 0; i < count; i++)                                                     \
            to[i] = (type)(value);                                                            \
    } while (0)

static bool put_chunk(struct table *t, size_t from, idx_t count) {
    const struct day_visit *v = t->day->visits + from;
    duckdb_data_chunk_reset(t->chunk);
    PUT(uint64_t, id, v[i].id);
    PUT(int32_t, day, t->job->day);
    PUT(uint32_t, visit, from + i + 1 + t->job->base_visit);
    PUT(uint32_t, person, v[i].person + 1 + t->job->base_person);
    PUT(uint8_t, hour, v[i].hour);
    PUT(int64_t, start_sec, v[i].start_sec);
    PUT(uint32_t, pageviews, v[i].pageviews);
    PUT(uint32_t, events, v[i].events);
    PUT(uint8_t, bounce, v[i].bounce);
    PUT(uint32_t, duration_ms, v[i].duration_ms);
    PUT(uint32_t, first, v[i].first);
    PUT(uint32_t, varies, v[i].varies);
    put_texts(t, DAY_HOSTNAME, AT_hostname, v, count);
    for (size_t k = 0; k < SEAL_DIMS; k++)
        put_texts(t, k, AT_dims + k, v, count);
    duckdb_data_chunk_set_size(t->chunk, count);
    return duckdb_append_data_chunk(t->appender, t->chunk) == DuckDBSuccess;
}

int day_visits_write(duckdb_connection c, const struct day_visits *d, const struct seal_job *job,
                     struct err *err) {
    int code = make_table(c, d, job, err);
    if (code)
        return code;
    CLEANUP(table_release) struct table t = {.day = d, .job = job};
    bool ok = table_open(c, &t);
    idx_t most = duckdb_vector_size();
    for (size_t from = 0; ok && from < d->count; from += most)
        ok = put_chunk(&t, from, d->count - from < most ? d->count - from : most);
    if (ok && duckdb_appender_close(t.appender) == DuckDBSuccess)
        return 0;
    const char *text = t.appender ? duckdb_appender_error(t.appender) : NULL;
    enum engine_fault fault = ENGINE_FINE;
    return engine_error(engine_error_type(text), text, "append", &fault, err);
}
