/* Whether a part's files are still what was recorded, and its roll-ups what its rows say. */
#include <errno.h>
#include <fcntl.h>

#include "seal_private.h"

struct verifying {
    const struct os *os;
    const char *root;
    const struct seal_file *files;
    struct buf *findings;
    size_t count;
};

static const char *const words[SEAL_KINDS] = {
    [SEAL_EVENT] = "event file", [SEAL_VISIT] = "visit file", [SEAL_ROLL] = "roll file"};

static void add_finding(struct verifying *v, const char *where, const char *what) {
    buf_addf(v->findings, "%s: %s\n", where, what);
    v->count++;
}

/* Length and hash. What does not open or read is a finding too. */
static int check_bytes(struct verifying *v, enum seal_kind kind, struct err *err) {
    const struct seal_file *file = &v->files[kind];
    CLEANUP(free_charp) char *path = path_join(v->root, file->path);
    if (!path)
        return err_set(err, ERR_NOMEM, "no memory for a path");
    uint64_t bytes = 0;
    uint8_t digest[CRYPT_DIGEST_BYTES];
    struct err why = {0};
    int code = seal_digest(v->os, path, &bytes, digest, &why);
    if (code == ERR_NOMEM)
        return err_set(err, code, "%s", why.text);
    if (code)
        add_finding(v, words[kind], why.sys == ENOENT ? "is missing" : "does not read");
    else if (bytes != file->bytes)
        add_finding(v, words[kind], "has another length");
    else if (!crypt_equal(digest, file->digest, sizeof(digest)))
        add_finding(v, words[kind], "has other bytes");
    return 0;
}

/* A statement about files that may be damaged: not running is a finding, unless memory or space
 * are short, or time was up. *ret_known: whether there is an answer. */
static int ask(duckdb_connection c, struct verifying *v, const char *where, struct buf *sql,
               uint64_t *ret, bool *ret_known, struct err *err) {
    struct err why = {0};
    int code = sql_numbers(c, sql, ret, 1, &why);
    *ret_known = code == 0;
    if (code == ERR_NOMEM || code == ERR_FULL || code == ERR_TIMEOUT)
        return err_set(err, code, "%s", why.text);
    if (code)
        add_finding(v, where, "does not read as Parquet");
    return 0;
}

static int check_rows(duckdb_connection c, struct verifying *v, enum seal_kind kind,
                      struct err *err) {
    BUF_AUTO sql = {0};
    uint64_t rows = 0;
    bool known;
    buf_adds(&sql, "SELECT count(*) FROM ");
    sql_add_file(&sql, v->root, v->files[kind].path, false);
    int code = ask(c, v, words[kind], &sql, &rows, &known, err);
    if (!code && known && rows != v->files[kind].rows)
        add_finding(v, words[kind], "has another number of rows");
    return code;
}

/* What each visit row counts must be in the event file, and nothing else. */
static int check_events(duckdb_connection c, struct verifying *v, struct err *err) {
    BUF_AUTO sql = {0};
    uint64_t differ = 0;
    bool known;
    buf_adds(&sql, "SELECT count(*) FROM (SELECT day, visit, count(*) FILTER (kind = 0) AS"
                   " pageviews, count(*) FILTER (kind < 2) AS events FROM ");
    sql_add_file(&sql, v->root, v->files[SEAL_EVENT].path, false);
    buf_adds(&sql, " GROUP BY day, visit) e FULL JOIN ");
    sql_add_file(&sql, v->root, v->files[SEAL_VISIT].path, false);
    buf_adds(&sql, " w ON e.day = w.day AND e.visit = w.visit WHERE e.pageviews IS DISTINCT FROM"
                   " w.pageviews OR e.events IS DISTINCT FROM w.events");
    int code = ask(c, v, words[SEAL_EVENT], &sql, &differ, &known, err);
    if (!code && known && differ)
        add_finding(v, words[SEAL_EVENT], "does not hold what the visits count");
    return code;
}

static int take_dims(void *to, duckdb_data_chunk rows, struct err *err) {
    struct verifying *v = to;
    duckdb_string_t *dim = duckdb_vector_get_data(duckdb_data_chunk_get_vector(rows, 0));
    for (idx_t i = 0; i < duckdb_data_chunk_get_size(rows); i++) {
        BUF_AUTO where = {0};
        buf_adds(&where, "roll-ups of ");
        buf_add(&where, span_of(duckdb_string_t_data(&dim[i]), duckdb_string_t_length(dim[i])));
        const char *text = buf_cstr(&where);
        if (!text)
            return err_set(err, ERR_NOMEM, "no memory for a finding");
        add_finding(v, text, "are not what the rows say");
    }
    return 0;
}

/* Derived again from event and visit file. */
static int check_rolls(duckdb_connection c, struct verifying *v, struct err *err) {
    int code = seal_rolls(c, v->root, v->files, false, err);
    if (code)
        return code;
    BUF_AUTO sql = {0};
    buf_adds(&sql, "WITH a AS (SELECT ");
    seal_roll_columns(&sql);
    buf_adds(&sql, " FROM seal_roll), b AS (SELECT ");
    seal_roll_columns(&sql);
    buf_adds(&sql, " FROM ");
    sql_add_file(&sql, v->root, v->files[SEAL_ROLL].path, false);
    /* Only our own words are passed on, whatever a file holds. */
    buf_adds(&sql, ") SELECT DISTINCT CASE WHEN regexp_full_match(dim, '[a-z_]{1,20}') THEN dim"
                   " ELSE 'an unknown kind' END AS dim FROM ((FROM a EXCEPT ALL FROM b) UNION ALL"
                   " (FROM b EXCEPT ALL FROM a)) ORDER BY dim");
    return sql_each_chunk(c, &sql, take_dims, v, err);
}

static int look_at_rows(duckdb_connection c, void *arg, struct err *err) {
    struct verifying *v = arg;
    int code = 0;
    for (size_t k = 0; !code && k < SEAL_KINDS; k++)
        if (v->files[k].path[0])
            code = check_rows(c, v, k, err);
    if (code || v->count || !v->files[SEAL_EVENT].path[0] || !v->files[SEAL_VISIT].path[0])
        return code;
    code = check_events(c, v, err);
    if (!code && v->count == 0 && v->files[SEAL_ROLL].path[0])
        code = check_rolls(c, v, err);
    return code;
}

int seal_verify(duckdb_connection c, const struct os *os, const char *root,
                const struct seal_file files[SEAL_KINDS], struct buf *findings, size_t *ret_count,
                struct err *err) {
    struct verifying v = {.os = os, .root = root, .files = files, .findings = findings};
    int code = 0;
    for (size_t k = 0; !code && k < SEAL_KINDS; k++)
        if (files[k].path[0])
            code = check_bytes(&v, k, err);
    /* Rows of files that are not ours are not worth a look. */
    if (!code && v.count == 0)
        code = sql_in_transaction(c, look_at_rows, &v, err);
    if (!code)
        *ret_count = v.count;
    return code;
}
