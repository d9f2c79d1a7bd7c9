/* engine.h — the few things we ask of DuckDB, and its errors in our words.
 *
 * DuckDB's messages may quote values, so they are read here to find the code and never passed on.
 */
#ifndef TAMIS_STORE_ENGINE_H
#define TAMIS_STORE_ENGINE_H

#include <duckdb.h>

#include "err.h"
#include "store.h"

/* What an error says about the database behind it. */
enum engine_fault {
    ENGINE_FINE,    /* only this statement failed */
    ENGINE_STOPPED, /* DuckDB refuses further work until it is opened again; the file may be well */
    ENGINE_DAMAGED, /* stored bytes do not verify */
};

/* Starts an engine with our settings. `dir` gets the spill folder; statements reach files below it
 * and below options->sealed_root only. */
int engine_open(const char *dir, const struct store_options *options, duckdb_database *ret,
                struct err *err) WARN_UNUSED;

/* Opens or makes the file as the database `name`, without a log of its own: the journal is one.
 * ERR_CORRUPT: not a database we can use. */
int engine_attach(duckdb_database db, const char *path, const char *name,
                  struct err *err) WARN_UNUSED;
/* Closes it; its file may be gone by name already. */
void engine_detach(duckdb_database db, const char *name);

/* A connection whose tables are those of the database `name`. */
int engine_connect(duckdb_database db, const char *name, duckdb_connection *ret,
                   struct err *err) WARN_UNUSED;

/* Appends 'text' with its quotes doubled. */
void engine_quote(struct buf *out, const char *text);
void engine_quote_span(struct buf *out, struct span text);

/* Runs statements without parameters and drops their results. */
int engine_run(duckdb_connection c, const char *sql, enum engine_fault *fault,
               struct err *err) WARN_UNUSED;

int engine_prepare(duckdb_connection c, const char *sql, duckdb_prepared_statement *ret,
                   enum engine_fault *fault, struct err *err) WARN_UNUSED;

/* Runs a bound statement; the caller destroys *ret (also after an error). */
int engine_execute(duckdb_prepared_statement p, duckdb_result *ret, enum engine_fault *fault,
                   struct err *err) WARN_UNUSED;

/* Sets *err from DuckDB's type and text (may be NULL) and raises *fault; returns the code. */
int engine_error(duckdb_error_type type, const char *text, const char *what,
                 enum engine_fault *fault, struct err *err);

/* The type of an error of which DuckDB gave only the text. */
duckdb_error_type engine_error_type(const char *text);

static inline void engine_disconnectp(duckdb_connection *c) {
    if (*c)
        duckdb_disconnect(c);
}

#endif
