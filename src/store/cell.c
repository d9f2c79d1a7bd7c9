#include "cell.h"

#include "cache_file.h"
#include "seal_private.h"

enum { CELL_VERSION = 1 };

/* Tables with a row's cell. */
static const char *const row_tables[] = {"entry",     "page_one",    "page_more",
                                         "again",     "again_entry", "again_page"};

static void add_tables(struct buf *sql) {
    buf_adds(sql, "CREATE TABLE cell.cell (cell UINTEGER, site UINTEGER, day INTEGER,"
                  " part UINTEGER");
#define X(name) buf_adds(sql, ", " #name " VARCHAR");
    CELL_DIMENSIONS(X)
#undef X
    buf_adds(sql, ", visits UINTEGER, pageviews UINTEGER, events UINTEGER, bounces UINTEGER,"
                  " duration_ms UBIGINT, n_person UINTEGER");
#define X(name) buf_adds(sql, ", n_" #name " UINTEGER");
    CELL_DIMENSIONS(X)
#undef X
    static const char key[] = "(cell UINTEGER, site UINTEGER, day INTEGER";
    static const char numbers[] = ", visits UINTEGER, again UINTEGER, more INTEGER, other UINTEGER";
    static const char person[] = ", person UINTEGER, varies UINTEGER, flagged BOOLEAN";
    buf_addf(sql, "); CREATE TABLE cell.entry %s, entry UINTEGER%s, bounces UINTEGER,"
                  " duration_ms UBIGINT);",
             key, numbers);
    buf_addf(sql, "CREATE TABLE cell.page_one %s, page UINTEGER, entry UINTEGER);", key);
    buf_addf(sql, "CREATE TABLE cell.page_more %s, page UINTEGER, entry UINTEGER%s);", key,
             numbers);
    buf_adds(sql, "CREATE VIEW cell.page AS SELECT *, 1 AS visits, 0 AS again, 0 AS more,"
                  " 0 AS other FROM cell.page_one UNION ALL SELECT * FROM cell.page_more;");
    buf_addf(sql, "CREATE TABLE cell.again %s, person UINTEGER, varies UINTEGER, first UINTEGER);",
             key);
    buf_addf(sql, "CREATE TABLE cell.again_entry %s, entry UINTEGER%s);", key, person);
    buf_addf(sql, "CREATE TABLE cell.again_page %s, page UINTEGER, entry UINTEGER%s);", key,
             person);
    buf_adds(sql, "CREATE TABLE cell.word (code UINTEGER, value VARCHAR);"
                  "CREATE TABLE cell.built (part UINTEGER, day INTEGER);"
                  "CREATE TABLE cell.loaded (part UINTEGER);");
}

int cell_attach(duckdb_connection c, const struct os *os, const char *dir, struct err *err) {
    BUF_AUTO tables = {0};
    bool made;
    add_tables(&tables);
    const struct cache_file f = {"cell", CELL_VERSION, &tables};
    return cache_attach(c, os, dir, &f, &made, err);
}

/* Drops the rows of the parts that `which` (SQL) is true of. */
static int forget(duckdb_connection c, struct buf *which, bool *ret_any, struct err *err) {
    BUF_AUTO sql = {0};
    uint64_t any;
    sql.failed = which->failed;
    buf_adds(&sql, "SELECT count(*) FROM cell.built WHERE part ");
    buf_add(&sql, buf_span(which));
    int code = sql_numbers(c, &sql, &any, 1, err);
    if (code)
        return code;
    *ret_any = any > 0;
    if (!any)
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(row_tables); i++) {
        buf_addf(&sql, "DELETE FROM cell.%s WHERE cell IN (SELECT cell FROM cell.cell WHERE part ",
                 row_tables[i]);
        buf_add(&sql, buf_span(which));
        buf_adds(&sql, ");");
    }
    static const char *const part_tables[] = {"cell", "built", "loaded"};
    for (size_t i = 0; i < ARRAY_LEN(part_tables); i++) {
        buf_addf(&sql, "DELETE FROM cell.%s WHERE part ", part_tables[i]);
        buf_add(&sql, buf_span(which));
        buf_adds(&sql, ";");
    }
    return cache_change(c, &sql, err);
}

int cell_forget(duckdb_connection c, const uint32_t *parts, size_t count, bool *ret_any,
                struct err *err) {
    BUF_AUTO which = {0};
    buf_adds(&which, "IN ");
    cache_add_ids(&which, parts, count);
    return forget(c, &which, ret_any, err);
}

int cell_keep(duckdb_connection c, const uint32_t *parts, size_t count, bool *ret_any,
              struct err *err) {
    BUF_AUTO which = {0};
    buf_adds(&which, "NOT IN ");
    cache_add_ids(&which, parts, count);
    return forget(c, &which, ret_any, err);
}
