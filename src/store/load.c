/* Taking up the open visits of a file that was closed (or not). See visits.h for what is open. */
#include "store_private.h"

static void *column(duckdb_data_chunk rows, idx_t i) {
    return duckdb_vector_get_data(duckdb_data_chunk_get_vector(rows, i));
}

static struct span text_at(duckdb_string_t *s) {
    return span_of(duckdb_string_t_data(s), duckdb_string_t_length(*s));
}

static int load_clocks(void *to, duckdb_data_chunk rows, struct err *err) {
    struct visits *t = to;
    const uint32_t *site = column(rows, 0);
    const int32_t *day = column(rows, 1);
    const int64_t *newest = column(rows, 2);
    idx_t count = duckdb_data_chunk_get_size(rows);
    for (idx_t i = 0; i < count; i++) {
        int code = visits_load_clock(t, site[i], day[i], newest[i], err);
        if (code)
            return code;
    }
    return 0;
}

/* Rows of visit_row with sign 1 and, last, the row's number. */
static int load_states(void *to, duckdb_data_chunk rows, struct err *err) {
    struct visits *t = to;
    void *col[VISIT_COLUMNS + 1];
    for (idx_t i = 0; i <= VISIT_COLUMNS; i++)
        col[i] = column(rows, i);
    idx_t count = duckdb_data_chunk_get_size(rows);
#define AT(type, name) (((const type *)col[VISIT_COLUMN_##name])[i])
    for (idx_t i = 0; i < count; i++) {
        struct visit_facts f = {
            .visit = AT(uint64_t, visit),
            .key = {AT(uint32_t, site), AT(int32_t, day), AT(uint64_t, visitor)},
            .start_ms = AT(int64_t, start_ms),
            .last_ms = AT(int64_t, last_ms),
            .seen_ms = AT(int64_t, seen_ms),
            .touch = (uint64_t)((const int64_t *)col[VISIT_COLUMNS])[i],
            .pageviews = (uint32_t)AT(int32_t, pageviews),
            .events = (uint32_t)AT(int32_t, events),
            .entry_page = AT(uint32_t, entry_page),
            .exit_page = AT(uint32_t, exit_page),
            .attributes = AT(uint32_t, attributes),
            .hour = AT(uint8_t, hour),
            .interactive = AT(uint8_t, interactive),
        };
        struct visit *v = visit_new(&f);
        if (!v)
            return err_set(err, ERR_NOMEM, "no memory for open visits");
        int code = visits_load(t, v, err);
        if (code)
            return code;
    }
#undef AT
    return 0;
}

typedef int (*take_fn)(void *to, duckdb_data_chunk rows, struct err *err);

static int each_chunk(duckdb_connection c, const char *sql, void *to, take_fn take,
                      struct err *err) {
    duckdb_result r;
    enum engine_fault fault = ENGINE_FINE;
    int code = 0;
    if (!sql)
        return err_set(err, ERR_NOMEM, "no memory for open visits");
    if (duckdb_query(c, sql, &r) != DuckDBSuccess) {
        code = engine_error(duckdb_result_error_type(&r), duckdb_result_error(&r),
                            "load open visits", &fault, err);
        if (code != ERR_NOMEM && code != ERR_FULL)
            code = err_set(err, ERR_CORRUPT, "open visits do not read");
    }
    for (duckdb_data_chunk rows; !code && (rows = duckdb_fetch_chunk(r));) {
        code = take(to, rows, err);
        duckdb_destroy_data_chunk(&rows);
    }
    duckdb_destroy_result(&r);
    return code;
}

int load_visits(struct hot *h, size_t most, uint64_t next_visit, struct err *err) {
    h->visits = visits_new(most, next_visit, h->words);
    if (!h->visits)
        return err_set(err, ERR_NOMEM, "no memory for open visits");
    if (next_visit == 1)
        return 0;
    /* rowid grows with each row, so the greatest one says which day, and which state, came last. Web
     * vitals move no clock. */
    static const char clock[] =
        "WITH clock AS (SELECT site, day, max(ts_ms) AS newest, max(rowid) AS latest FROM "
        "event_row WHERE kind < 3 "
        "GROUP BY site, day"
        " QUALIFY row_number() OVER (PARTITION BY site ORDER BY max(rowid) DESC) <= %d) ";
    BUF_AUTO sql = {0};
    buf_addf(&sql, clock, OPEN_DAYS);
    buf_adds(&sql, "SELECT site, day, newest FROM clock ORDER BY latest");
    int code = each_chunk(h->writer, buf_cstr(&sql), h->visits, load_clocks, err);
    if (code)
        return code;
    buf_clear(&sql);
    buf_addf(&sql, clock, OPEN_DAYS);
    buf_adds(&sql, "SELECT ");
    schema_visit_columns(&sql, "v.");
    buf_addf(&sql,
             ", v.rowid FROM visit_row v JOIN clock c ON v.site = c.site AND v.day = c.day"
             " WHERE v.sign = 1 AND c.newest - v.seen_ms <= %d",
             VISIT_SLACK_MS);
    return each_chunk(h->writer, buf_cstr(&sql), h->visits, load_states, err);
}

/* --- words --------------------------------------------------------------------------------------
 */

static int load_texts(void *to, duckdb_data_chunk rows, struct err *err) {
    const uint32_t *word = column(rows, WORD_COLUMN_code);
    duckdb_string_t *text = column(rows, WORD_COLUMN_value);
    int code = 0;
    for (idx_t i = 0; !code && i < duckdb_data_chunk_get_size(rows); i++)
        code = words_load(to, word[i], text_at(&text[i]), err);
    return code;
}

static int load_sets(void *to, duckdb_data_chunk rows, struct err *err) {
    const uint32_t *set = column(rows, SET_COLUMN_code);
    int code = 0;
    for (idx_t i = 0; !code && i < duckdb_data_chunk_get_size(rows); i++) {
        struct span texts[ATTRIBUTES];
        for (size_t k = 0; k < ATTRIBUTES; k++)
            texts[k] = text_at(&((duckdb_string_t *)column(rows, SET_COLUMN_texts + k))[i]);
        code = words_load_set(to, set[i], texts, err);
    }
    return code;
}

int load_words(struct hot *h, struct err *err) {
    if (!h->words && !(h->words = words_new()))
        return err_set(err, ERR_NOMEM, "no memory for the words of the hot tables");
    words_clear(h->words);
    int code = each_chunk(h->writer, "SELECT code, value FROM word", h->words, load_texts, err);
    if (code)
        return code;
    BUF_AUTO sql = {0};
    buf_adds(&sql, "SELECT code, ");
    schema_attributes(&sql, "");
    buf_adds(&sql, " FROM attribute_set");
    return each_chunk(h->writer, buf_cstr(&sql), h->words, load_sets, err);
}

/* --- presence -----------------------------------------------------------------------------------
 */

static int load_days(void *to, duckdb_data_chunk rows, struct err *err) {
    const uint32_t *site = column(rows, 0);
    const int32_t *day = column(rows, 1);
    int code = 0;
    for (idx_t i = 0; !code && i < duckdb_data_chunk_get_size(rows); i++)
        code = presence_note_stored(to, site[i], day[i], err);
    return code;
}

static int load_day_visits(void *to, duckdb_data_chunk rows, struct err *err) {
    const uint64_t *visitor = column(rows, 0);
    const uint64_t *visit = column(rows, 1);
    const uint32_t *entry_page = column(rows, 2);
    const uint32_t *exit_page = column(rows, 3);
    const uint32_t *attributes = column(rows, 4);
    int code = 0;
    for (idx_t i = 0; !code && i < duckdb_data_chunk_get_size(rows); i++) {
        const struct visit_words words = {entry_page[i], exit_page[i], attributes[i]};
        code = presence_load_visit(to, visitor[i], visit[i], &words, err);
    }
    return code;
}

static int load_day_events(void *to, duckdb_data_chunk rows, struct err *err) {
    const uint64_t *visitor = column(rows, 0);
    const uint64_t *visit = column(rows, 1);
    const uint8_t *hour = column(rows, 2);
    const uint32_t *name = column(rows, 3);
    const uint32_t *hostname = column(rows, 4);
    const uint32_t *page = column(rows, 5);
    int code = 0;
    for (idx_t i = 0; !code && i < duckdb_data_chunk_get_size(rows); i++) {
        const struct event_words words = {
            .name = name[i], .hostname = hostname[i], .page = page[i]};
        code = presence_load_event(to, visitor[i], visit[i], hour[i], &words, err);
    }
    return code;
}

static int load_day(void *arg, struct presence_day *day, uint32_t site, int32_t number,
                    struct err *err) {
    duckdb_connection writer = arg;
    BUF_AUTO sql = {0};
    buf_addf(&sql,
             "SELECT visitor, visit, entry_page, exit_page, attributes FROM visit_row"
             " WHERE sign = 1 AND site = %u AND day = %d"
             " QUALIFY row_number() OVER (PARTITION BY visit ORDER BY rowid DESC) = 1"
             " ORDER BY visit",
             site, number);
    int code = each_chunk(writer, buf_cstr(&sql), day, load_day_visits, err);
    if (code)
        return code;
    buf_clear(&sql);
    buf_addf(&sql,
             "SELECT visitor, visit, hour, CASE kind WHEN 0 THEN %d::UINTEGER ELSE name END,"
             " hostname, page FROM event_row WHERE kind < 2 AND site = %u AND day = %d",
             WORD_PAGEVIEW, site, number);
    return each_chunk(writer, buf_cstr(&sql), day, load_day_events, err);
}

int load_presence(struct hot *h, size_t most_bytes, struct err *err) {
    h->presence = presence_new(most_bytes, h->words, load_day, h->writer);
    if (!h->presence)
        return err_set(err, ERR_NOMEM, "no memory to tell visitors apart");
    return each_chunk(h->writer, "SELECT DISTINCT site, day FROM event_row", h->presence, load_days,
                      err);
}
