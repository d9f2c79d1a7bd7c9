/* text_numbers.h — the engine's function text_number(TEXT, id) → UINTEGER, by which a statement numbers
 * texts while it reads; for whoever asks, see store.h.
 *
 * Of a column of a file the engine has the different values and, for each row, which of them it is.
 * It calls a function once for each value: some hundred times fewer than there are rows. */
#ifndef TAMIS_STORE_TEXT_NUMBERS_H
#define TAMIS_STORE_TEXT_NUMBERS_H

#include <duckdb.h>
#include <pthread.h>

#include "store.h"

/* Those that are open, by id. */
struct text_numbers_list {
    pthread_mutex_t lock;
    struct text_numbers *first;
    unsigned last_id;
};

/* Gives the function to an engine, which must not outlive the list. */
int text_numbers_register(duckdb_connection c, struct text_numbers_list *list,
                          struct err *err) WARN_UNUSED;

#endif
