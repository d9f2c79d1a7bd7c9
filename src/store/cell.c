#include "cell.h"

#include "cache_file.h"
#include "seal_private.h"

/* Small row groups: a page is asked for in each of a day's runs. Small blocks: each checkpoint
 * leaves some of them half empty. */
enum { CELL_VERSION = 2, BLOCK_BYTES = 65536, ROW_GROUP_ROWS = 20480 };

/* Tables with a row's cell. */
static const char *const row_tables[] = {
    "entry_bounce", "entry_one", "entry_more",  "page_one",   "page_more",       "name_more",
    "pair_more",    "again",     "again_entry", "again_page", "again_name_more", "again_pair_more"};

static const char row[] = "(cell UINTEGER, site UINTEGER, day INTEGER";
static const char person[] = ", person UINTEGER, varies UINTEGER";

static void add_cell_table(struct buf *sql) {
    buf_addf(sql, "CREATE TABLE cell.cell %s, part UINTEGER", row);
#define X(name) buf_adds(sql, ", " #name " VARCHAR");
    CELL_DIMENSIONS(X)
#undef X
    buf_adds(sql, ", visits UINTEGER, pageviews UINTEGER, events UINTEGER, bounces UINTEGER,"
                  " duration_ms UBIGINT, n_person UINTEGER");
#define X(name) buf_adds(sql, ", n_" #name " UINTEGER");
    CELL_DIMENSIONS(X)
#undef X
    buf_adds(sql, ");");
}

/* A table of the rows that have all numbers, one of those that have some, one of those whose numbers
 * are always the same; and the view of all. */
static void add_entry_tables(struct buf *sql) {
    buf_addf(sql,
             "CREATE TABLE cell.entry_bounce %s, entry UINTEGER);"
             "CREATE TABLE cell.entry_one %s, entry UINTEGER, more UINTEGER, other UINTEGER,"
             " duration_ms UBIGINT);"
             "CREATE TABLE cell.entry_more %s, entry UINTEGER, visits UINTEGER, again UINTEGER,"
             " more UINTEGER, other UINTEGER, bounces UINTEGER, duration_ms UBIGINT);",
             row, row, row);
    buf_adds(sql, "CREATE VIEW cell.entry AS SELECT *, 1 AS visits, 0 AS again, 0 AS more, 0 AS"
                  " other, 1 AS bounces, 0 AS duration_ms FROM cell.entry_bounce"
                  " UNION ALL SELECT cell, site, day, entry, 1, 0, more, other, 0, duration_ms"
                  " FROM cell.entry_one UNION ALL FROM cell.entry_more;");
}

/* Every visit is on the page it entered by. */
static void add_page_tables(struct buf *sql) {
    static const char page[] = ", page UINTEGER, entry UINTEGER";
    buf_addf(sql,
             "CREATE TABLE cell.page_one %s%s); CREATE TABLE cell.page_more %s%s, visits INTEGER,"
             " again INTEGER, more INTEGER, other INTEGER);",
             row, page, row, page);
    buf_adds(sql, "CREATE VIEW cell.page AS SELECT *, 1 AS visits, 0 AS again, 0 AS more, 0 AS"
                  " other FROM cell.page_one UNION ALL FROM cell.page_more UNION ALL SELECT cell,"
                  " site, day, entry, entry, visits, again, 0, 0 FROM cell.entry;");
}

/* What `page` says of page views, and what it does not say of names. */
static void add_name_tables(struct buf *sql) {
    static const char numbers[] = ", visits INTEGER, again INTEGER, more INTEGER, other INTEGER";
    buf_addf(sql,
             "CREATE TABLE cell.name_more %s, name UINTEGER%s);"
             "CREATE TABLE cell.pair_more %s, page UINTEGER, entry UINTEGER, name UINTEGER%s);",
             row, numbers, row, numbers);
    buf_addf(sql,
             "CREATE VIEW cell.name AS SELECT cell, site, day, %d AS name, visits,"
             " visits::INTEGER - n_person AS again, pageviews::INTEGER - visits AS more, 0 AS other"
             " FROM cell.cell UNION ALL FROM cell.name_more;"
             "CREATE VIEW cell.pair AS SELECT cell, site, day, page, entry, %d AS name, visits,"
             " again, more - other AS more, 0 AS other FROM cell.page UNION ALL FROM"
             " cell.pair_more;",
             CELL_PAGEVIEW, CELL_PAGEVIEW);
}

static void add_again_tables(struct buf *sql) {
    buf_addf(sql,
             "CREATE TABLE cell.again %s%s, first UINTEGER, mixed BOOLEAN);"
             "CREATE TABLE cell.again_entry %s, entry UINTEGER%s, flagged BOOLEAN);",
             row, person, row, person);
    buf_addf(sql,
             "CREATE TABLE cell.again_page %s, page UINTEGER, entry UINTEGER%s, flagged BOOLEAN,"
             " mixed BOOLEAN);",
             row, person);
    buf_addf(sql,
             "CREATE TABLE cell.again_name_more %s, name UINTEGER%s, flagged BOOLEAN);"
             "CREATE TABLE cell.again_pair_more %s, page UINTEGER, entry UINTEGER, name UINTEGER%s,"
             " flagged BOOLEAN);",
             row, person, row, person);
    buf_addf(sql,
             "CREATE VIEW cell.again_name AS SELECT cell, site, day, %d AS name, person, varies,"
             " first & %u <> 0 AS flagged FROM cell.again WHERE NOT mixed UNION ALL FROM"
             " cell.again_name_more;"
             "CREATE VIEW cell.again_pair AS SELECT cell, site, day, page, entry, %d AS name,"
             " person, varies, flagged FROM cell.again_page WHERE NOT mixed UNION ALL FROM"
             " cell.again_pair_more;",
             CELL_PAGEVIEW, FIRST_OF(person), CELL_PAGEVIEW);
}

static void add_tables(struct buf *sql) {
    add_cell_table(sql);
    add_entry_tables(sql);
    add_page_tables(sql);
    add_name_tables(sql);
    add_again_tables(sql);
    buf_addf(sql,
             "CREATE TABLE cell.word (code UINTEGER, value VARCHAR);"
             "INSERT INTO cell.word VALUES (%d, 'pageview');"
             "CREATE TABLE cell.built (part UINTEGER, day INTEGER);"
             "CREATE TABLE cell.loaded (part UINTEGER);",
             CELL_PAGEVIEW);
}

int cell_attach(duckdb_connection c, const struct os *os, const char *dir, struct err *err) {
    BUF_AUTO tables = {0};
    bool made;
    add_tables(&tables);
    const struct cache_file f = {"cell", CELL_VERSION, &tables, BLOCK_BYTES, ROW_GROUP_ROWS};
    return cache_attach(c, os, dir, &f, &made, err);
}

static void add_days(struct buf *sql, const struct cell_source *p) {
    buf_addf(sql, "site = %u AND day BETWEEN %d AND %d", p->site, p->from_day, p->to_day);
}

/* As a temporary table, since the ids are needed many times. */
static int find_inputs(duckdb_connection c, const struct cell_source *month, const uint32_t *gone,
                       size_t count, uint64_t ret[3], struct err *err) {
    BUF_AUTO sql = {0};
    buf_adds(&sql, "CREATE OR REPLACE TEMP TABLE cell_input AS SELECT part FROM cell.loaded WHERE"
                   " part IN ");
    cache_add_ids(&sql, gone, count);
    buf_adds(&sql, " AND part IN (SELECT part FROM cell.cell WHERE ");
    add_days(&sql, month);
    buf_adds(&sql, ")");
    int code = sql_run(c, &sql, err);
    buf_addf(&sql,
             "SELECT (SELECT count(*) FROM temp.cell_input), (SELECT sum(visits) FROM cell.cell"
             " WHERE part IN (FROM temp.cell_input)), (SELECT count(*) FROM cell.built WHERE part ="
             " %u)",
             month->part);
    return code ? code : sql_numbers(c, &sql, ret, 3, err);
}

int cell_take_over(duckdb_connection c, const struct cell_source *month, uint64_t visits,
                   const uint32_t *gone, size_t count, bool *ret_taken, struct err *err) {
    uint64_t found[3];
    int code = find_inputs(c, month, gone, count, found, err);
    bool taken = !code && found[0] > 1 && found[1] == visits && found[2] == 0;
    BUF_AUTO sql = {0};
    if (taken) {
        static const char from_inputs[] = "WHERE part IN (FROM temp.cell_input);";
        buf_addf(&sql,
                 "UPDATE cell.cell SET part = %u %s DELETE FROM cell.built %s DELETE FROM"
                 " cell.loaded %s INSERT INTO cell.loaded VALUES (%u);"
                 "INSERT INTO cell.built SELECT %u, d FROM range(%d, %d) t(d);",
                 month->part, from_inputs, from_inputs, from_inputs, month->part, month->part,
                 month->from_day, month->to_day + 1);
        code = cache_change(c, &sql, err);
    }
    if (!code) {
        buf_clear(&sql);
        buf_adds(&sql, "DROP TABLE temp.cell_input");
        code = sql_run(c, &sql, err);
    }
    if (!code)
        *ret_taken = taken;
    return code;
}

int cell_forget(duckdb_connection c, const uint32_t *parts, size_t count, bool *ret_any,
                struct err *err) {
    BUF_AUTO which = {0};
    BUF_AUTO sql = {0};
    uint64_t any;
    buf_adds(&which, "WHERE part IN ");
    cache_add_ids(&which, parts, count);
    const char *of_parts = buf_cstr(&which);
    if (!of_parts)
        return err_set(err, ERR_NOMEM, "no memory for a statement");
    buf_addf(&sql, "SELECT count(*) FROM cell.built %s", of_parts);
    int code = sql_numbers(c, &sql, &any, 1, err);
    if (code)
        return code;
    *ret_any = any > 0;
    if (!any)
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(row_tables); i++)
        buf_addf(&sql, "DELETE FROM cell.%s WHERE cell IN (SELECT cell FROM cell.cell %s);",
                 row_tables[i], of_parts);
    static const char *const part_tables[] = {"cell", "built", "loaded"};
    for (size_t i = 0; i < ARRAY_LEN(part_tables); i++)
        buf_addf(&sql, "DELETE FROM cell.%s %s;", part_tables[i], of_parts);
    return cache_change(c, &sql, err);
}
