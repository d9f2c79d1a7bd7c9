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

/* The version covers the columns too: a field added to the tables makes the old file one to
 * rebuild. */
static uint32_t fingerprint(const char *ddl) {
    uint64_t h = span_hash(span_str(ddl));
    return (uint32_t)(h ^ (h >> 32)) & INT32_MAX;
}

static void make_ddl(struct buf *out) {
    buf_adds(out, "CREATE TABLE event (");
    event_sql_columns(out);
    buf_adds(out, ", visit UBIGINT, first UINTEGER); CREATE TABLE visit (");
    for (size_t i = 0; i < VISIT_COLUMNS; i++)
        buf_addf(out, "%s%s %s", i ? ", " : "", visit_columns[i].name, visit_columns[i].type);
    buf_adds(out, "); CREATE TABLE import_mark (import UBIGINT, byte_offset UBIGINT);"
                  "CREATE TABLE meta (version UINTEGER, columns UINTEGER, segment UBIGINT,"
                  " \"offset\" UBIGINT, next_visit UBIGINT);");
}

static int create(duckdb_connection c, const char *ddl, struct err *err) {
    BUF_AUTO sql = {0};
    buf_addf(&sql, "BEGIN; %s INSERT INTO meta VALUES (%d, %u, 0, 0, 1); COMMIT", ddl,
             SCHEMA_VERSION, fingerprint(ddl));
    const char *text = buf_cstr(&sql);
    if (!text)
        return err_set(err, ERR_NOMEM, "no memory for the schema");
    enum engine_fault fault = ENGINE_FINE;
    return engine_run(c, text, &fault, err);
}

static int read_meta(duckdb_result *r, const char *ddl, struct schema_meta *ret, struct err *err) {
    if (duckdb_row_count(r) != 1 || duckdb_value_uint64(r, 0, 0) != SCHEMA_VERSION ||
        duckdb_value_uint64(r, 1, 0) != fingerprint(ddl))
        return err_set(err, ERR_CORRUPT, "the hot file has another version");
    *ret = (struct schema_meta){
        .cursor = {.segment = duckdb_value_uint64(r, 2, 0), .offset = duckdb_value_uint64(r, 3, 0)},
        .next_visit = duckdb_value_uint64(r, 4, 0),
    };
    return 0;
}

static int count_tables(duckdb_connection c, uint64_t *ret, struct err *err) {
    duckdb_result r;
    int code = 0;
    if (duckdb_query(c, "SELECT count(*) FROM duckdb_tables() WHERE database_name = 'hot'", &r) !=
        DuckDBSuccess)
        code = err_set(err, ERR_CORRUPT, "the hot file's catalogue does not read");
    else
        *ret = duckdb_value_uint64(&r, 0, 0);
    duckdb_destroy_result(&r);
    return code;
}

int schema_open(duckdb_connection c, struct schema_meta *ret, struct err *err) {
    BUF_AUTO ddl = {0};
    make_ddl(&ddl);
    const char *text = buf_cstr(&ddl);
    if (!text)
        return err_set(err, ERR_NOMEM, "no memory for the schema");
    uint64_t tables = 0;
    int code = count_tables(c, &tables, err);
    if (code)
        return code;
    if (tables == 0) {
        code = create(c, text, err);
        if (code)
            return code;
        *ret = (struct schema_meta){.next_visit = 1};
        return 0;
    }
    duckdb_result r;
    if (duckdb_query(c, "SELECT version, columns, segment, \"offset\", next_visit FROM meta", &r) !=
        DuckDBSuccess)
        code = err_set(err, ERR_CORRUPT, "the hot file is not one of ours");
    else
        code = read_meta(&r, text, ret, err);
    duckdb_destroy_result(&r);
    return code;
}
