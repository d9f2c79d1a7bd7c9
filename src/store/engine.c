#include "engine.h"

#include <stdio.h>

#include "workers.h"

static bool says(const char *text, const char *what) {
    return text && strcasestr(text, what);
}

static bool is_damage(duckdb_error_type type, const char *text) {
    if (type == DUCKDB_ERROR_SERIALIZATION)
        return true;
    return says(text, "corrupt") || says(text, "checksum") || says(text, "read enough bytes") ||
           says(text, "not a valid DuckDB") || says(text, "deserialize");
}

int engine_error(duckdb_error_type type, const char *text, const char *what,
                 enum engine_fault *fault, struct err *err) {
    bool stopped = type == DUCKDB_ERROR_FATAL || type == DUCKDB_ERROR_INTERNAL ||
                   says(text, "has been invalidated");
    if (stopped && *fault < ENGINE_STOPPED)
        *fault = ENGINE_STOPPED;
    if (says(text, "No space left") || says(text, "Disk quota"))
        return err_set(err, ERR_FULL, "%s: no space for the hot tables", what);
    if (is_damage(type, text)) {
        *fault = ENGINE_DAMAGED;
        return err_set(err, ERR_CORRUPT, "%s: the hot tables are damaged", what);
    }
    if (type == DUCKDB_ERROR_OUT_OF_MEMORY)
        return err_set(err, ERR_NOMEM, "%s: over the engine's memory", what);
    if (stopped)
        return err_set(err, ERR_CORRUPT, "%s: the engine stopped", what);
    switch (type) {
    case DUCKDB_ERROR_INTERRUPT:
        return err_set(err, ERR_TIMEOUT, "%s: took too long", what);
    case DUCKDB_ERROR_IO:
        return err_set(err, ERR_IO, "%s: the engine could not read or write", what);
    case DUCKDB_ERROR_PERMISSION:
        return err_set(err, ERR_DENIED, "%s: not allowed", what);
    case DUCKDB_ERROR_NOT_IMPLEMENTED:
        return err_set(err, ERR_UNSUPPORTED, "%s: the engine cannot do that", what);
    default:
        return err_set(err, ERR_INVALID, "%s: refused by the engine (kind %d)", what, (int)type);
    }
}

duckdb_error_type engine_error_type(const char *text) {
    static const struct {
        const char *prefix;
        duckdb_error_type type;
    } kinds[] = {
        {"IO Error", DUCKDB_ERROR_IO},
        {"FATAL Error", DUCKDB_ERROR_FATAL},
        {"INTERNAL Error", DUCKDB_ERROR_INTERNAL},
        {"Out of Memory", DUCKDB_ERROR_OUT_OF_MEMORY},
        {"Serialization Error", DUCKDB_ERROR_SERIALIZATION},
        {"INTERRUPT Error", DUCKDB_ERROR_INTERRUPT},
        {"Permission Error", DUCKDB_ERROR_PERMISSION},
        {"Not implemented", DUCKDB_ERROR_NOT_IMPLEMENTED},
    };
    for (size_t i = 0; text && i < ARRAY_LEN(kinds); i++)
        if (strncasecmp(text, kinds[i].prefix, strlen(kinds[i].prefix)) == 0)
            return kinds[i].type;
    return DUCKDB_ERROR_INVALID;
}

int engine_run(duckdb_connection c, const char *sql, enum engine_fault *fault, struct err *err) {
    duckdb_result r;
    int code = 0;
    if (duckdb_query(c, sql, &r) != DuckDBSuccess)
        code = engine_error(duckdb_result_error_type(&r), duckdb_result_error(&r), "statement",
                            fault, err);
    duckdb_destroy_result(&r);
    return code;
}

int engine_prepare(duckdb_connection c, const char *sql, duckdb_prepared_statement *ret,
                   enum engine_fault *fault, struct err *err) {
    duckdb_prepared_statement p = NULL;
    if (duckdb_prepare(c, sql, &p) != DuckDBSuccess) {
        const char *text = p ? duckdb_prepare_error(p) : NULL;
        int code = engine_error(engine_error_type(text), text, "prepare", fault, err);
        duckdb_destroy_prepare(&p);
        return code;
    }
    *ret = p;
    return 0;
}

int engine_execute(duckdb_prepared_statement p, duckdb_result *ret, enum engine_fault *fault,
                   struct err *err) {
    if (duckdb_execute_prepared(p, ret) == DuckDBSuccess)
        return 0;
    return engine_error(duckdb_result_error_type(ret), duckdb_result_error(ret), "execute", fault,
                        err);
}

void engine_quote_span(struct buf *out, struct span text) {
    buf_addc(out, '\'');
    for (size_t at = 0; at < text.len; at++) {
        if (text.ptr[at] == '\'')
            buf_addc(out, '\'');
        buf_addc(out, text.ptr[at]);
    }
    buf_addc(out, '\'');
}

void engine_quote(struct buf *out, const char *text) {
    engine_quote_span(out, span_str(text));
}

/* Runs a text on a connection of its own, in no database of ours. */
static int run_apart(duckdb_database db, struct buf *sql, struct err *err) {
    const char *text = buf_cstr(sql);
    CLEANUP(engine_disconnectp) duckdb_connection c = NULL;
    if (!text || duckdb_connect(db, &c) != DuckDBSuccess)
        return err_set(err, ERR_NOMEM, "no memory for the engine");
    enum engine_fault fault = ENGINE_FINE;
    return engine_run(c, text, &fault, err);
}

/* No statement may reach a file but ours, nothing is ever downloaded, and no statement may change
 * that. */
static int lock_down(duckdb_database db, const char *dir, const char *sealed_root,
                     struct err *err) {
    BUF_AUTO sql = {0};
    buf_adds(&sql, "SET allowed_directories = [");
    engine_quote(&sql, dir);
    if (sealed_root) {
        buf_adds(&sql, ", ");
        engine_quote(&sql, sealed_root);
    }
    /* What is worth a checkpoint gets one from us; a replaced file must not. Blocks of files that are
     * kept by name and time are stale when a name is written twice within the clock's tick. */
    buf_adds(&sql, "]; SET enable_external_file_cache = false; PRAGMA "
                   "disable_checkpoint_on_shutdown; SET enable_external_access = false; "
                   "SET lock_configuration = true;");
    return run_apart(db, &sql, err);
}

int engine_attach(duckdb_database db, const char *path, const char *name, struct err *err) {
    BUF_AUTO sql = {0};
    buf_adds(&sql, "ATTACH ");
    engine_quote(&sql, path);
    buf_addf(&sql, " AS %s (TYPE duckdb, RECOVERY_MODE no_wal_writes)", name);
    int code = run_apart(db, &sql, err);
    if (code == 0 || code == ERR_FULL || code == ERR_NOMEM)
        return code;
    return err_set(err, ERR_CORRUPT, "the file of database %s does not open", name);
}

void engine_detach(duckdb_database db, const char *name) {
    BUF_AUTO sql = {0};
    buf_addf(&sql, "DETACH %s", name);
    struct err ignored;
    (void)run_apart(db, &sql, &ignored);
}

static void destroy_configp(duckdb_config *c) {
    duckdb_destroy_config(c);
}

int engine_open(const char *dir, const struct store_options *options, duckdb_database *ret,
                struct err *err) {
    CLEANUP(destroy_configp) duckdb_config config = NULL;
    if (duckdb_create_config(&config) != DuckDBSuccess)
        return err_set(err, ERR_NOMEM, "cannot configure the engine");
    uint64_t memory = options->memory_bytes ? options->memory_bytes : (uint64_t)512 << 20;
    BUF_AUTO limit = {0};
    BUF_AUTO threads = {0};
    BUF_AUTO spill = {0};
    buf_addf(&limit, "%lluMiB", (unsigned long long)(memory >> 20));
    buf_addf(&threads, "%u", workers_share(options->threads));
    buf_addf(&spill, "%s/spill", dir);
    const char *const settings[][2] = {
        {"memory_limit", buf_cstr(&limit)},        {"temp_directory", buf_cstr(&spill)},
        {"checkpoint_threshold", "1TB"}, /* only store_checkpoint() does it: a commit never stalls */
        {"autoinstall_known_extensions", "false"}, {"autoload_known_extensions", "false"},
        {"allow_community_extensions", "false"},   {"threads", buf_cstr(&threads)},
        {"external_threads", buf_cstr(&threads)}, /* none of its own: workers.h */
    };
    for (size_t i = 0; i < ARRAY_LEN(settings); i++)
        if (!settings[i][1] ||
            duckdb_set_config(config, settings[i][0], settings[i][1]) != DuckDBSuccess)
            return err_set(err, ERR_UNSUPPORTED, "the engine does not know %s", settings[i][0]);

    duckdb_database db = NULL;
    if (duckdb_open_ext(NULL, &db, config, NULL) != DuckDBSuccess)
        return err_set(err, ERR_NOMEM, "the engine does not start");
    int code = lock_down(db, dir, options->sealed_root, err);
    if (code) {
        duckdb_close(&db);
        return code;
    }
    *ret = db;
    return 0;
}

int engine_connect(duckdb_database db, const char *name, duckdb_connection *ret, struct err *err) {
    CLEANUP(engine_disconnectp) duckdb_connection c = NULL;
    if (duckdb_connect(db, &c) != DuckDBSuccess)
        return err_set(err, ERR_NOMEM, "no connection to the hot tables");
    char use[40];
    (void)snprintf(use, sizeof(use), "USE %s", name);
    enum engine_fault fault = ENGINE_FINE;
    int code = engine_run(c, use, &fault, err);
    if (!code)
        *ret = TAKE_PTR(c);
    return code;
}
