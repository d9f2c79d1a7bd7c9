#include "extract.h"

#include <time.h>

#include "engine.h"
#include "seal_private.h"

struct extract_column {
    const char *name, *type, *sealed, *hot;
};

static const struct extract_column columns[] = {
#define X(name, type, sealed, hot) {#name, type, sealed, hot},
    EXTRACT_COLUMNS(X)
#undef X
};

/* --- hot rows -----------------------------------------------------------------------------------
 */

/* One field of a line that read_hot() reads: texts always in quotes, nothing else ever. */
static void add_field(struct buf *out, const char *expression, bool is_text) {
    if (is_text)
        buf_addf(out, "'\"' || replace(%s, '\"', '\"\"') || '\"'", expression);
    else
        buf_addf(out, "coalesce((%s)::VARCHAR, '\\N')", expression);
}

static bool is_text(const char *type) {
    return strcmp(type, "VARCHAR") == 0;
}

void extract_hot_sql(struct buf *out) {
    buf_adds(out,
             "WITH e AS (SELECT rowid AS place, * FROM event WHERE site = $1 AND day BETWEEN $2"
             " AND $3 AND rowid >= $4 ORDER BY rowid LIMIT $6),"
             " last AS (SELECT max(rowid) FILTER (sign = 1) AS state FROM visit_row WHERE site = $1"
             " AND visit IN (SELECT visit FROM e) GROUP BY visit HAVING sum(sign) > 0),"
             " v AS (SELECT * FROM visit WHERE rowid IN (SELECT state FROM last)),"
             " p AS (SELECT day, visitor, min(visit) AS person FROM visit_row WHERE site = $1 AND"
             " (day, visitor) IN (SELECT (day, visitor) FROM e) GROUP BY day, visitor)"
             " SELECT e.place + 1, ");
    for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
        buf_adds(out, i ? " || ',' || " : "");
        add_field(out, columns[i].hot, is_text(columns[i].type));
    }
    for (size_t i = 0; i < SEAL_DIMS; i++) {
        if (!seal_dim_on_event(i))
            continue;
        char name[40];
        (void)snprintf(name, sizeof(name), "v.%s", seal_dim(i));
        buf_adds(out, " || ',' || ");
        add_field(out, name, true);
    }
    buf_adds(out, " FROM e LEFT JOIN v ON v.visit = e.visit LEFT JOIN p ON p.day = e.day"
                  " AND p.visitor = e.visitor ORDER BY e.place");
}

/* The table of hot rows as they were sent. */
static void add_read_hot(struct buf *sql, const char *path) {
    buf_adds(sql, "read_csv(");
    engine_quote(sql, path);
    buf_adds(sql,
             ", auto_detect = false, header = false, delim = ',', quote = '\"', escape = '\"',"
             " new_line = '\\n', nullstr = '\\N', allow_quoted_nulls = false, parallel = false,"
             " columns = {");
    for (size_t i = 0; i < ARRAY_LEN(columns); i++)
        buf_addf(sql, "%s'%s': '%s'", i ? ", " : "", columns[i].name, columns[i].type);
    for (size_t i = 0; i < SEAL_DIMS; i++)
        if (seal_dim_on_event(i))
            buf_addf(sql, ", '%s': 'VARCHAR'", seal_dim(i));
    buf_adds(sql, "})");
}

/* --- the statement ------------------------------------------------------------------------------
 */

static void add_read_sealed(struct buf *sql, const struct extract_job *job) {
    buf_adds(sql, "(");
    sql_add_no_vitals(sql);
    buf_adds(sql, " UNION ALL BY NAME SELECT * FROM read_parquet([");
    for (size_t i = 0; i < job->path_count; i++) {
        buf_adds(sql, i ? ", " : "");
        engine_quote(sql, job->event_paths[i]);
    }
    buf_addf(sql, "], union_by_name = true)) WHERE day BETWEEN %d AND %d", job->from_day,
             job->to_day);
}

static void add_select(struct buf *sql, const struct extract_job *job) {
    if (job->path_count) {
        for (size_t i = 0; i < ARRAY_LEN(columns); i++)
            buf_addf(sql, "%s(%s)::%s AS %s", i ? ", " : "SELECT ", columns[i].sealed,
                     columns[i].type, columns[i].name);
        sql_add_event_dims(sql, "");
        buf_adds(sql, " FROM ");
        add_read_sealed(sql, job);
        buf_adds(sql, " UNION ALL ");
    }
    /* Behind the ordinals of sealed days, among which there may be parts of the same day. */
    buf_adds(
        sql,
        "SELECT * EXCLUDE (base) REPLACE (visit + base AS visit, person + base AS person) FROM ");
    buf_adds(sql, "(SELECT h.*, ");
    if (job->path_count) {
        buf_adds(sql, "(SELECT coalesce(max(visit), 0)::BIGINT FROM ");
        add_read_sealed(sql, job);
        buf_adds(sql, ")");
    } else {
        buf_adds(sql, "0");
    }
    buf_adds(sql, " AS base FROM ");
    add_read_hot(sql, job->hot_path);
    buf_adds(sql, " h)");
}

static void add_copy(struct buf *sql, const struct extract_job *job) {
    static const char *const options[] = {
        [EXTRACT_PARQUET] = "(FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)",
        [EXTRACT_CSV] = "(FORMAT csv, HEADER true, USE_TMP_FILE false)",
        [EXTRACT_JSONL] = "(FORMAT json, USE_TMP_FILE false)"};
    buf_adds(sql, "COPY (");
    add_select(sql, job);
    buf_adds(sql, ") TO ");
    engine_quote(sql, job->to);
    buf_addf(sql, " %s", options[job->format]);
}

/* --- running it ---------------------------------------------------------------------------------
 */

struct own_engine {
    duckdb_database db;
    duckdb_connection connection;
};

static void own_engine_close(struct own_engine *e) {
    if (e->connection)
        duckdb_disconnect(&e->connection);
    if (e->db)
        duckdb_close(&e->db);
}

static int own_engine_open(struct own_engine *e, const struct extract_job *job, struct err *err) {
    if (duckdb_open(NULL, &e->db) != DuckDBSuccess ||
        duckdb_connect(e->db, &e->connection) != DuckDBSuccess)
        return err_set(err, ERR_NOMEM, "no memory for the engine");
    BUF_AUTO sql = {0};
    buf_addf(&sql,
             "SET autoinstall_known_extensions = false; SET autoload_known_extensions = false;"
             " SET temp_directory = ''; SET memory_limit = '%llu MiB';"
             /* One thread writes what it reads, in order, and keeps nothing back. With more the
              * engine either holds batches until their turn comes, over any limit, or mixes them. */
             " SET threads = 1; SET preserve_insertion_order = false;"
             " SET enable_progress_bar = true; SET enable_progress_bar_print = false;"
             " SET progress_bar_time = 0;",
             (unsigned long long)(job->memory_bytes >> 20));
    return sql_run(e->connection, &sql, err);
}

/* A task at a time on this thread, which looks at the progress between them. */
static int run_tasks(struct own_engine *e, duckdb_pending_result pending,
                     const struct extract_job *job, struct err *err) {
    enum engine_fault fault = ENGINE_FINE;
    duckdb_pending_state state;
    do {
        state = duckdb_pending_execute_task(pending);
        if (state == DUCKDB_PENDING_NO_TASKS_AVAILABLE) /* the engine's own threads are at it */
            (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        double percent = duckdb_query_progress(e->connection).percentage;
        if (job->progress && percent >= 0)
            job->progress(job->arg, percent / 100);
    } while (!duckdb_pending_execution_is_finished(state));
    if (state != DUCKDB_PENDING_ERROR)
        return 0;
    const char *why = duckdb_pending_error(pending);
    return engine_error(engine_error_type(why), why, "export", &fault, err);
}

static int copy(struct own_engine *e, const char *text, const struct extract_job *job,
                uint64_t *ret_rows, struct err *err) {
    enum engine_fault fault = ENGINE_FINE;
    duckdb_prepared_statement p = NULL;
    duckdb_pending_result pending = NULL;
    int code = engine_prepare(e->connection, text, &p, &fault, err);
    if (code)
        return code;
    if (duckdb_pending_prepared(p, &pending) != DuckDBSuccess) {
        const char *why = duckdb_pending_error(pending);
        code = engine_error(engine_error_type(why), why, "export", &fault, err);
    } else {
        code = run_tasks(e, pending, job, err);
    }
    duckdb_result r = {0};
    if (!code && duckdb_execute_pending(pending, &r) != DuckDBSuccess)
        code = engine_error(duckdb_result_error_type(&r), duckdb_result_error(&r), "export", &fault,
                            err);
    if (!code)
        *ret_rows = duckdb_rows_changed(&r);
    duckdb_destroy_result(&r);
    duckdb_destroy_pending(&pending);
    duckdb_destroy_prepare(&p);
    return code;
}

int extract_write(const struct extract_job *job, uint64_t *ret_rows, struct err *err) {
    CLEANUP(own_engine_close) struct own_engine e = {0};
    int code = own_engine_open(&e, job, err);
    if (code)
        return code;
    BUF_AUTO sql = {0};
    add_copy(&sql, job);
    const char *text = buf_cstr(&sql);
    return text ? copy(&e, text, job, ret_rows, err)
                : err_set(err, ERR_NOMEM, "no memory for a statement");
}
