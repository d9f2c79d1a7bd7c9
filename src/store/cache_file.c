#include "cache_file.h"

#include <errno.h>

#include "seal_private.h"

/* The version covers the columns too. */
static uint32_t fingerprint(struct buf *tables) {
    uint64_t h = span_hash(buf_span(tables));
    return (uint32_t)(h ^ (h >> 32)) & INT32_MAX;
}

static int attach(duckdb_connection c, const char *path, const struct cache_file *f,
                  struct err *err) {
    BUF_AUTO sql = {0};
    buf_adds(&sql, "ATTACH ");
    engine_quote(&sql, path);
    buf_addf(&sql, " AS %s (TYPE duckdb, RECOVERY_MODE no_wal_writes", f->name);
    if (f->block_bytes)
        buf_addf(&sql, ", BLOCK_SIZE %u, ROW_GROUP_SIZE %u", f->block_bytes, f->row_group_rows);
    buf_adds(&sql, ")");
    return sql_run(c, &sql, err);
}

static int detach(duckdb_connection c, const char *name, struct err *err) {
    BUF_AUTO sql = {0};
    buf_addf(&sql, "DETACH DATABASE IF EXISTS %s", name);
    return sql_run(c, &sql, err);
}

/* Whether the tables are there, and ours. */
static bool is_current(duckdb_connection c, const struct cache_file *f) {
    BUF_AUTO sql = {0};
    uint64_t meta[2] = {0};
    struct err ignored;
    buf_addf(&sql, "SELECT version, columns FROM %s.meta", f->name);
    return sql_numbers(c, &sql, meta, 2, &ignored) == 0 && meta[0] == f->version &&
           meta[1] == fingerprint(f->tables);
}

static int remove_file(const struct os *os, const char *path, struct err *err) {
    CLEANUP(free_charp) char *log = NULL;
    if (asprintf(&log, "%s.wal", path) < 0) {
        log = NULL;
        return err_set(err, ERR_NOMEM, "no memory for a path");
    }
    (void)os->unlink(os, log);
    int rc = os->unlink(os, path);
    return rc < 0 && rc != -ENOENT ? err_sys(err, -rc, "remove a cache of sealed files") : 0;
}

static int make_file(duckdb_connection c, const struct os *os, const char *path,
                     const struct cache_file *f, struct err *err) {
    int code = remove_file(os, path, err);
    if (!code)
        code = attach(c, path, f, err);
    if (code)
        return code;
    BUF_AUTO sql = {0};
    buf_adds(&sql, "BEGIN TRANSACTION;");
    buf_add(&sql, buf_span(f->tables));
    buf_addf(&sql,
             "CREATE TABLE %s.meta (version UINTEGER, columns UINTEGER);"
             "INSERT INTO %s.meta VALUES (%u, %u); COMMIT; CHECKPOINT %s",
             f->name, f->name, f->version, fingerprint(f->tables), f->name);
    return sql_run(c, &sql, err);
}

static char *path_of(const char *dir, const struct cache_file *f, struct err *err) {
    char *path = NULL;
    if (f->tables->failed || asprintf(&path, "%s/%s.duckdb", dir, f->name) < 0) {
        (void)err_set(err, ERR_NOMEM, "no memory for a cache of sealed files");
        return NULL;
    }
    return path;
}

int cache_attach(duckdb_connection c, const struct os *os, const char *dir,
                 const struct cache_file *f, bool *ret_made, struct err *err) {
    CLEANUP(free_charp) char *path = path_of(dir, f, err);
    if (!path)
        return ERR_NOMEM;
    struct err ignored;
    bool made = attach(c, path, f, &ignored) != 0 || !is_current(c, f);
    int code = 0;
    if (made)
        code = detach(c, f->name, err);
    if (made && !code)
        code = make_file(c, os, path, f, err);
    if (!code)
        *ret_made = made;
    return code;
}

int cache_rebuild(duckdb_connection c, const struct os *os, const char *dir,
                  const struct cache_file *f, struct err *err) {
    CLEANUP(free_charp) char *path = path_of(dir, f, err);
    if (!path)
        return ERR_NOMEM;
    int code = detach(c, f->name, err);
    if (!code)
        code = make_file(c, os, path, f, err);
    return code == ERR_INVALID ? err_set(err, ERR_BUSY, "the cache is being read") : code;
}

int cache_change(duckdb_connection c, struct buf *body, struct err *err) {
    BUF_AUTO sql = {0};
    sql.failed = body->failed;
    buf_adds(&sql, "BEGIN TRANSACTION;");
    buf_add(&sql, buf_span(body));
    buf_adds(&sql, "COMMIT");
    int code = sql_run(c, &sql, err);
    if (code) {
        /* Nothing is open when not even the beginning went well. */
        struct err ignored;
        buf_adds(&sql, "ROLLBACK");
        if (sql_run(c, &sql, &ignored))
            return code;
    }
    return code;
}

void cache_add_ids(struct buf *sql, const uint32_t *ids, size_t count) {
    buf_adds(sql, "(SELECT unnest([");
    for (size_t i = 0; i < count; i++)
        buf_addf(sql, "%s%u", i ? ", " : "", ids[i]);
    buf_adds(sql, "]::UINTEGER[]))");
}
