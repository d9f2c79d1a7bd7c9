#include "schema.h"

#include "vitals_pack.h"

static const struct {
    const char *name;
    const char *type;
} visit_columns[VISIT_COLUMNS] = {
#define VISIT(name, type, text) {#name, type},
#define VISIT_WORD(name, text) {#name, "UINTEGER"},
#define VISIT_CODED(name, text) {#name, "UINTEGER"},
#include "visit_fields.def"
    {"attributes", "UINTEGER"},
    {"first", "UINTEGER"},
    {"interactive", "UTINYINT"},
    {"seen_ms", "BIGINT"},
};

static const char *const attribute_names[ATTRIBUTES] = {
#define VISIT_ATTRIBUTE(name, text) #name,
#include "visit_fields.def"
};

/* Columns of event_row and visit_row whose text is a word. */
static const char *const event_words[] = {
#define X(name) #name,
    EVENT_WORDS(X)
#undef X
};
static const char *const visit_words[] = {
#define VISIT_WORD(name, text) #name,
#include "visit_fields.def"
};

/* Figures, with the type they have without a sign. */
static const struct {
    const char *name;
    const char *type;
} visit_figures[] = {
    {"pageviews", "UINTEGER"},
    {"events", "UINTEGER"},
    {"bounce", "UTINYINT"},
    {"duration_ms", "BIGINT"},
};

void schema_visit_columns(struct buf *out, const char *prefix) {
    for (size_t i = 0; i < VISIT_COLUMNS; i++)
        buf_addf(out, "%s%s%s", i ? ", " : "", prefix, visit_columns[i].name);
}

void schema_attributes(struct buf *out, const char *prefix) {
    for (size_t i = 0; i < ATTRIBUTES; i++)
        buf_addf(out, "%s%s%s", i ? ", " : "", prefix, attribute_names[i]);
}

static void add_event_columns(struct buf *out) {
    for (size_t i = 0; i < EVENT_FIELDS; i++) {
        const char *type = event_fields[i].sql_type;
        if (!event_fields[i].on_event)
            continue;
        for (size_t k = 0; k < ARRAY_LEN(event_words); k++)
            if (strcmp(event_fields[i].name, event_words[k]) == 0)
                type = "UINTEGER";
        buf_addf(out, "%s %s, ", event_fields[i].name, type);
    }
    buf_adds(out, "visit UBIGINT, first UINTEGER");
}

static void make_tables(struct buf *out, const char *name) {
    buf_addf(out, "CREATE TABLE %s.event_row (", name);
    add_event_columns(out);
    buf_addf(out, "); CREATE TABLE %s.visit_row (", name);
    for (size_t i = 0; i < VISIT_COLUMNS; i++)
        buf_addf(out, "%s%s %s", i ? ", " : "", visit_columns[i].name, visit_columns[i].type);
    buf_addf(out,
             "); CREATE TABLE %s.word (code UINTEGER, value VARCHAR);"
             "CREATE TABLE %s.attribute_set (code UINTEGER",
             name, name);
    for (size_t i = 0; i < ATTRIBUTES; i++)
        buf_addf(out, ", %s VARCHAR", attribute_names[i]);
    buf_addf(out,
             "); CREATE TABLE %s.import_mark (import UBIGINT, byte_offset UBIGINT);"
             "CREATE TABLE %s.meta (version UINTEGER, columns UINTEGER, segment UBIGINT,"
             " \"offset\" UBIGINT, next_visit UBIGINT, seen_part UINTEGER); ",
             name, name);
}

static void add_replaced_words(struct buf *out, const char *const *words, size_t count) {
    for (size_t i = 0; i < count; i++)
        buf_addf(out, "%sw%zu.value AS %s", i ? ", " : "", i, words[i]);
}

static void add_word_joins(struct buf *out, const char *const *words, size_t count) {
    for (size_t i = 0; i < count; i++)
        buf_addf(out, " JOIN word w%zu ON w%zu.code = r.%s", i, i, words[i]);
}

/* Names within a view are of the database that has it, whatever that is called. */
static void make_views(struct buf *out, const char *name) {
    buf_addf(out, "CREATE VIEW %s.event AS SELECT r.* REPLACE (", name);
    add_replaced_words(out, event_words, ARRAY_LEN(event_words));
    buf_adds(out,
             ", coalesce(r.props, '') AS props, CASE WHEN r.kind = 3 THEN 0 ELSE r.revenue_milli"
             " END AS revenue_milli)");
    buf_adds(out, ", CASE WHEN r.kind = 3 THEN " VITALS_LCP_MS_SQL(
                      "r") " ELSE 0 END::UINTEGER AS lcp_ms"
                           ", CASE WHEN r.kind = 3 THEN " VITALS_INP_MS_SQL(
                               "r") " ELSE 0 END::UINTEGER AS inp_ms"
                                    ", CASE WHEN r.kind = 3 THEN " VITALS_CLS_MILLI_SQL(
                                        "r") " ELSE 0 END::UINTEGER AS cls_milli"
                                             ", r.rowid AS rowid FROM event_row r");
    add_word_joins(out, event_words, ARRAY_LEN(event_words));
    buf_addf(out, "; CREATE VIEW %s.visit AS SELECT r.* EXCLUDE (attributes", name);
#define VISIT_ATTRIBUTE(name, text)
#define VISIT_CODED(name, text) buf_adds(out, ", " #name);
#include "visit_fields.def"
    buf_adds(out, ") REPLACE (");
    add_replaced_words(out, visit_words, ARRAY_LEN(visit_words));
    for (size_t i = 0; i < ARRAY_LEN(visit_figures); i++)
        buf_addf(out, ", (r.sign * r.%s)::%s AS %s", visit_figures[i].name, visit_figures[i].type,
                 visit_figures[i].name);
    buf_adds(out, "), ");
    schema_attributes(out, "s.");
    buf_adds(out,
             ", r.rowid AS rowid FROM visit_row r JOIN attribute_set s ON s.code = r.attributes");
    add_word_joins(out, visit_words, ARRAY_LEN(visit_words));
    buf_adds(out, "; ");
}

/* The tables and views of the database `name`. */
static void make_ddl(struct buf *out, const char *name) {
    make_tables(out, name);
    make_views(out, name);
    buf_addf(out, "INSERT INTO %s.word VALUES (%d, ''), (%d, 'pageview');", name, WORD_EMPTY,
             WORD_PAGEVIEW);
}

/* The version covers the columns too: a field added to the tables makes the old file one to
 * rebuild. */
static uint32_t fingerprint(void) {
    BUF_AUTO ddl = {0};
    make_ddl(&ddl, "x");
    uint64_t h = span_hash(buf_span(&ddl));
    return (uint32_t)(h ^ (h >> 32)) & INT32_MAX;
}

int schema_make(duckdb_connection c, const char *name, const struct schema_meta *meta,
                struct err *err) {
    BUF_AUTO sql = {0};
    buf_adds(&sql, "BEGIN; ");
    make_ddl(&sql, name);
    buf_addf(&sql, " INSERT INTO %s.meta VALUES (%d, %u, %llu, %llu, %llu, %u); COMMIT", name,
             SCHEMA_VERSION, fingerprint(), (unsigned long long)meta->cursor.segment,
             (unsigned long long)meta->cursor.offset, (unsigned long long)meta->next_visit,
             meta->seen_part);
    const char *text = buf_cstr(&sql);
    if (!text)
        return err_set(err, ERR_NOMEM, "no memory for the schema");
    enum engine_fault fault = ENGINE_FINE;
    return engine_run(c, text, &fault, err);
}

static int count_tables(duckdb_connection c, uint64_t *ret, struct err *err) {
    duckdb_result r;
    int code = 0;
    if (duckdb_query(
            c, "SELECT count(*) FROM duckdb_tables() WHERE database_name = current_database()",
            &r) != DuckDBSuccess)
        code = err_set(err, ERR_CORRUPT, "the hot file's catalogue does not read");
    else
        *ret = duckdb_value_uint64(&r, 0, 0);
    duckdb_destroy_result(&r);
    return code;
}

static int read_meta(duckdb_result *r, struct schema_meta *ret, struct err *err) {
    if (duckdb_row_count(r) != 1 || duckdb_value_uint64(r, 0, 0) != SCHEMA_VERSION ||
        duckdb_value_uint64(r, 1, 0) != fingerprint())
        return err_set(err, ERR_CORRUPT, "the hot file has another version");
    *ret = (struct schema_meta){
        .cursor = {.segment = duckdb_value_uint64(r, 2, 0), .offset = duckdb_value_uint64(r, 3, 0)},
        .next_visit = duckdb_value_uint64(r, 4, 0),
        .seen_part = duckdb_value_uint32(r, 5, 0),
    };
    return 0;
}

int schema_open(duckdb_connection c, struct schema_meta *ret, struct err *err) {
    uint64_t tables = 0;
    int code = count_tables(c, &tables, err);
    if (code)
        return code;
    if (tables == 0) {
        struct schema_meta fresh = {.next_visit = 1};
        enum engine_fault fault = ENGINE_FINE;
        code = schema_make(c, "main", &fresh, err);
        if (!code) /* a file without a checkpoint cannot be told from a damaged one */
            code = engine_run(c, "CHECKPOINT", &fault, err);
        if (!code)
            *ret = fresh;
        return code;
    }
    duckdb_result r;
    if (duckdb_query(
            c, "SELECT version, columns, segment, \"offset\", next_visit, seen_part FROM meta",
            &r) != DuckDBSuccess)
        code = err_set(err, ERR_CORRUPT, "the hot file is not one of ours");
    else
        code = read_meta(&r, ret, err);
    duckdb_destroy_result(&r);
    return code;
}
