/* duck.c — plain DuckDB to compare with. Usage: duck FILE THREADS MEMORY_MB
 *
 * Runs each line of the standard input as one statement on the database FILE and answers with one
 * line: {"ms": how long it took, "rows": [[text or null, …], …]} or {"error": text}. */
#include <duckdb.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"

static json_t *rows_of(duckdb_result *r) {
    json_t *rows = json_array();
    for (idx_t i = 0; i < duckdb_row_count(r); i++) {
        json_t *row = json_array();
        for (idx_t k = 0; k < duckdb_column_count(r); k++) {
            char *text = duckdb_value_varchar(r, k, i);
            (void)json_array_append_new(row, text ? json_string(text) : json_null());
            duckdb_free(text);
        }
        (void)json_array_append_new(rows, row);
    }
    return rows;
}

static json_t *run(duckdb_connection c, const char *sql) {
    duckdb_result r;
    int64_t began_ns = clock_mono_ns(&clock_system);
    bool fine = duckdb_query(c, sql, &r) == DuckDBSuccess;
    double ms = (double)(clock_mono_ns(&clock_system) - began_ns) / 1e6;
    json_t *answer = fine ? json_pack("{s:f, s:o}", "ms", ms, "rows", rows_of(&r))
                          : json_pack("{s:s}", "error", duckdb_result_error(&r));
    duckdb_destroy_result(&r);
    return answer;
}

static void serve(duckdb_connection c) {
    char *line = NULL;
    size_t cap = 0;
    while (getline(&line, &cap, stdin) > 0) {
        json_t *answer = run(c, line);
        (void)json_dumpf(answer, stdout, JSON_COMPACT);
        (void)putchar('\n');
        (void)fflush(stdout);
        json_decref(answer);
    }
    free(line);
}

static bool set_limits(duckdb_config config, const char *threads, const char *memory_mb) {
    char memory[40];
    (void)snprintf(memory, sizeof(memory), "%sMiB", memory_mb);
    return duckdb_set_config(config, "threads", threads) == DuckDBSuccess &&
           duckdb_set_config(config, "memory_limit", memory) == DuckDBSuccess;
}

int main(int argc, char **argv) {
    duckdb_config config;
    duckdb_database db;
    duckdb_connection c;
    if (argc != 4 || duckdb_create_config(&config) != DuckDBSuccess) {
        (void)fputs("usage: duck FILE THREADS MEMORY_MB\n", stderr);
        return 2;
    }
    char *why = NULL;
    if (!set_limits(config, argv[2], argv[3]) ||
        duckdb_open_ext(argv[1], &db, config, &why) != DuckDBSuccess ||
        duckdb_connect(db, &c) != DuckDBSuccess) {
        (void)fprintf(stderr, "duck: %s\n", why ? why : "does not open");
        return 3;
    }
    serve(c);
    duckdb_disconnect(&c);
    duckdb_close(&db);
    duckdb_destroy_config(&config);
    return 0;
}
