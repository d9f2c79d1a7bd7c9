#include "roll.h"

#include "cache_file.h"
#include "seal_private.h"

enum { ROLL_VERSION = 1 };

/* The dimensions of events; those of visits come from FIRST_DIMENSIONS. */
static const char *const event_dims[] = {"page", "name", "hostname", "hour"};
enum { ROLL_DIMS = FIRST_AT_COUNT + ARRAY_LEN(event_dims) };

static const char *roll_dim(size_t i) {
    if (i == FIRST_AT_person)
        return "person";
    return i < FIRST_AT_COUNT ? seal_dim(i - 1) : event_dims[i - FIRST_AT_COUNT];
}

/* --- the file ------------------------------------------------------------------------------------
 */

static void add_tables(struct buf *sql) {
    for (size_t i = 0; i < ROLL_DIMS; i++) {
        buf_addf(sql,
                 "CREATE TABLE roll.\"%s\" (site UINTEGER, day INTEGER, part UINTEGER,"
                 " value VARCHAR",
                 roll_dim(i));
#define X(name, type) buf_adds(sql, ", " #name " " type);
        ROLL_NUMBERS(X)
#undef X
        buf_adds(sql, ");");
    }
    buf_adds(sql, "CREATE TABLE roll.loaded (part UINTEGER, rows_of UINTEGER);");
}

int roll_attach(duckdb_connection c, const struct os *os, const char *dir, bool *ret_made,
                struct err *err) {
    BUF_AUTO tables = {0};
    add_tables(&tables);
    const struct cache_file f = {"roll", ROLL_VERSION, &tables};
    return cache_attach(c, os, dir, &f, ret_made, err);
}

int roll_rebuild(duckdb_connection c, const struct os *os, const char *dir, struct err *err) {
    BUF_AUTO tables = {0};
    add_tables(&tables);
    const struct cache_file f = {"roll", ROLL_VERSION, &tables};
    return cache_rebuild(c, os, dir, &f, err);
}

/* --- rows ----------------------------------------------------------------------------------------
 */

struct missing {
    const uint32_t *parts;
    size_t count;
    uint32_t *ret;
    size_t ret_count;
};

static int take_missing(void *to, duckdb_data_chunk rows, struct err *err) {
    struct missing *m = to;
    const int64_t *index = duckdb_vector_get_data(duckdb_data_chunk_get_vector(rows, 0));
    for (idx_t i = 0; i < duckdb_data_chunk_get_size(rows); i++)
        m->ret[m->ret_count++] = m->parts[index[i]];
    return 0;
}

int roll_missing(duckdb_connection c, const uint32_t *parts, size_t count, uint32_t *ret,
                 size_t *ret_count, struct err *err) {
    struct missing m = {.parts = parts, .count = count, .ret = ret};
    BUF_AUTO sql = {0};
    buf_adds(&sql, "SELECT i FROM (SELECT unnest([");
    for (size_t i = 0; i < count; i++)
        buf_addf(&sql, "%s%u", i ? ", " : "", parts[i]);
    buf_addf(&sql,
             "]::UINTEGER[]) AS part, unnest(range(%zu)) AS i) WHERE part NOT IN"
             " (SELECT part FROM roll.loaded) ORDER BY i",
             count);
    int code = sql_each_chunk(c, &sql, take_missing, &m, err);
    if (!code)
        *ret_count = m.ret_count;
    return code;
}

/* "(VALUES ('<path>', site, part), …) s (path, site, part)" */
static void add_sources(struct buf *sql, const struct roll_source *sources, size_t count) {
    buf_adds(sql, "(VALUES ");
    for (size_t i = 0; i < count; i++) {
        buf_adds(sql, i ? ", (" : "(");
        engine_quote(sql, sources[i].path);
        buf_addf(sql, ", %u::UINTEGER, %u::UINTEGER)", sources[i].site, sources[i].part);
    }
    buf_adds(sql, ") s (path, site, part)");
}

int roll_load(duckdb_connection c, const struct roll_source *sources, size_t count,
              struct err *err) {
    if (count == 0)
        return 0;
    BUF_AUTO sql = {0};
    buf_adds(&sql, "CREATE OR REPLACE TEMP TABLE roll_in AS SELECT s.site, s.part, r.* FROM"
                   " read_parquet([");
    for (size_t i = 0; i < count; i++) {
        buf_adds(&sql, i ? ", " : "");
        engine_quote(&sql, sources[i].path);
    }
    buf_adds(&sql, "], filename = true) r JOIN ");
    add_sources(&sql, sources, count);
    buf_adds(&sql, " ON s.path = r.filename WHERE s.part NOT IN (SELECT part FROM roll.loaded)");
    int code = sql_run(c, &sql, err);
    if (code)
        return code;
    for (size_t i = 0; i < ROLL_DIMS; i++) {
        buf_addf(&sql, "INSERT INTO roll.\"%s\" SELECT site, day, part, value", roll_dim(i));
#define X(name, type) buf_adds(&sql, ", " #name);
        ROLL_NUMBERS(X)
#undef X
        buf_addf(&sql, " FROM temp.roll_in WHERE dim = '%s' ORDER BY site, day, value;",
                 roll_dim(i));
    }
    buf_adds(&sql, "INSERT INTO roll.loaded SELECT part, part FROM ");
    add_sources(&sql, sources, count);
    buf_adds(&sql, " WHERE part NOT IN (SELECT part FROM roll.loaded);");
    code = cache_change(c, &sql, err);
    struct err ignored;
    buf_clear(&sql);
    buf_adds(&sql, "DROP TABLE IF EXISTS temp.roll_in");
    int dropped = sql_run(c, &sql, code ? &ignored : err);
    return code ? code : dropped;
}

/* Deletes the rows of the parts that `which` (SQL) is true of, and the notes about them. */
static void add_forget(struct buf *sql, struct buf *which) {
    sql->failed |= which->failed;
    for (size_t i = 0; i < ROLL_DIMS; i++) {
        buf_addf(sql,
                 "DELETE FROM roll.\"%s\" WHERE part IN (SELECT rows_of FROM roll.loaded WHERE ",
                 roll_dim(i));
        buf_add(sql, buf_span(which));
        buf_adds(sql, ");");
    }
    buf_adds(sql, "DELETE FROM roll.loaded WHERE ");
    buf_add(sql, buf_span(which));
    buf_adds(sql, ";");
}

int roll_forget(duckdb_connection c, const uint32_t *parts, size_t count, struct err *err) {
    BUF_AUTO which = {0};
    BUF_AUTO sql = {0};
    buf_adds(&which, "part IN ");
    cache_add_ids(&which, parts, count);
    add_forget(&sql, &which);
    return cache_change(c, &sql, err);
}

int roll_keep(duckdb_connection c, const uint32_t *parts, size_t count, struct err *err) {
    BUF_AUTO which = {0};
    BUF_AUTO sql = {0};
    buf_adds(&which, "part NOT IN ");
    cache_add_ids(&which, parts, count);
    add_forget(&sql, &which);
    return cache_change(c, &sql, err);
}

int roll_merge(duckdb_connection c, const uint32_t *from, size_t count, uint32_t into,
               struct err *err) {
    CLEANUP(free_charp) char *room = malloc((count + 1) * sizeof(uint32_t));
    if (!room)
        return err_set(err, ERR_NOMEM, "no memory for the roll-up cache");
    size_t missing;
    int code = roll_missing(c, from, count, (uint32_t *)(void *)room, &missing, err);
    if (code)
        return code;
    if (missing)
        return roll_forget(c, from, count, err);
    BUF_AUTO sql = {0};
    buf_addf(&sql, "UPDATE roll.loaded SET part = %u WHERE part IN ", into);
    cache_add_ids(&sql, from, count);
    buf_adds(&sql, ";");
    return cache_change(c, &sql, err);
}

int roll_forget_days(duckdb_connection c, uint32_t site, int32_t from_day, int32_t to_day,
                     struct err *err) {
    BUF_AUTO sql = {0};
    for (size_t i = 0; i < ROLL_DIMS; i++)
        buf_addf(&sql, "DELETE FROM roll.\"%s\" WHERE site = %u AND day BETWEEN %d AND %d;",
                 roll_dim(i), site, from_day, to_day);
    return cache_change(c, &sql, err);
}
