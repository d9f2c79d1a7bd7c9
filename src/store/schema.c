#include "schema.h"

static const struct {
    const char *name;
    const char *type;
} visit_columns[VISIT_COLUMNS] = {
#define VISIT(name, type, text) {#name, type},
#include "visit_fields.def"
#undef VISIT
    {"first", "UINTEGER"},
    {"interactive", "UTINYINT"},
    {"seen_ms", "BIGINT"},
};

void schema_visit_columns(struct buf *out, const char *prefix) {
    for (size_t i = 0; i < VISIT_COLUMNS; i++)
        buf_addf(out, "%s%s%s", i ? ", " : "", prefix, visit_columns[i].name);
}

/* The tables of the database `name`. */
static void make_ddl(struct buf *out, const char *name) {
    buf_addf(out, "CREATE TABLE %s.event (", name);
    event_sql_columns(out);
    buf_addf(out, ", visit UBIGINT, first UINTEGER); CREATE TABLE %s.visit (", name);
    for (size_t i = 0; i < VISIT_COLUMNS; i++)
        buf_addf(out, "%s%s %s", i ? ", " : "", visit_columns[i].name, visit_columns[i].type);
    buf_addf(out,
             "); CREATE TABLE %s.import_mark (import UBIGINT, byte_offset UBIGINT);"
             "CREATE TABLE %s.meta (version UINTEGER, columns UINTEGER, segment UBIGINT,"
             " \"offset\" UBIGINT, next_visit UBIGINT, seen_part UINTEGER);",
             name, name);
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
