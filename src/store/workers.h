/* workers.h — the engine's worker threads, which work only while somebody asks for them.
 *
 * DuckDB gives the tasks of a statement to whichever thread takes them first, and the thread that
 * runs the statement spins until they are done. The drain's inserts have a single task each: with
 * threads that always listen, one of them would take it and the drain burn a core meanwhile (a
 * fifth of its CPU, measured). So the engine has no threads of its own; ours listen from the first
 * workers_call() on, and the drain sends those away that nobody needs. They stay till then because
 * a thread that leaves gives its freed memory back, which costs a query a few milliseconds. */
#ifndef TAMIS_STORE_WORKERS_H
#define TAMIS_STORE_WORKERS_H

#include <duckdb.h>

#include "err.h"

struct workers;

/* How many threads a statement may have, its own included, when `wanted` is 0 one a core. */
unsigned workers_share(unsigned wanted);

/* Starts `share` - 1 threads for an engine that was opened with as many external ones. */
int workers_start(duckdb_database db, unsigned share, struct workers **ret,
                  struct err *err) WARN_UNUSED;

/* Nobody may have called them. Before the engine is closed. */
void workers_stop(struct workers *w);

/* Between these two the threads work for everybody's statements. Any thread. */
void workers_call(struct workers *w);
void workers_dismiss(struct workers *w);

/* Sends them away unless somebody has called them. Any thread. */
void workers_send_away(struct workers *w);

#endif
