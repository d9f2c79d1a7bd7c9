#include "text_numbers.h"

#include <stdlib.h>

#include "store_private.h"
#include "text_column.h"

struct text_numbers {
    struct text_numbers_list *list;
    struct text_numbers *next;
    unsigned id;
    pthread_mutex_t lock; /* of what follows, while a statement runs */
    struct numbering texts;
    bool full;
};

/* --- for others ---------------------------------------------------------------------------------
 */

int text_numbers_open(struct store *s, struct text_numbers **ret, struct err *err) {
    struct text_numbers *n = calloc(1, sizeof(*n));
    if (!n)
        return err_set(err, ERR_NOMEM, "no memory for numbering texts");
    pthread_mutex_init(&n->lock, NULL);
    n->list = &s->numbers;
    pthread_mutex_lock(&n->list->lock);
    n->id = ++n->list->last_id;
    n->next = n->list->first;
    n->list->first = n;
    pthread_mutex_unlock(&n->list->lock);
    *ret = n;
    return 0;
}

void text_numbers_close(struct text_numbers *n) {
    if (!n)
        return;
    pthread_mutex_lock(&n->list->lock);
    struct text_numbers **at = &n->list->first;
    while (*at != n)
        at = &(*at)->next;
    *at = n->next;
    pthread_mutex_unlock(&n->list->lock);
    numbering_release(&n->texts);
    pthread_mutex_destroy(&n->lock);
    free(n);
}

unsigned text_numbers_id(const struct text_numbers *n) {
    return n->id;
}

struct numbering *text_numbers_texts(struct text_numbers *n) {
    return &n->texts;
}

bool text_numbers_full(const struct text_numbers *n) {
    return n->full;
}

/* --- the function -------------------------------------------------------------------------------
 */

static struct text_numbers *find(struct text_numbers_list *list, unsigned id) {
    pthread_mutex_lock(&list->lock);
    struct text_numbers *n = list->first;
    while (n && n->id != id)
        n = n->next;
    pthread_mutex_unlock(&list->lock);
    return n;
}

/* Several threads work at one statement. */
static bool number(struct text_numbers *n, duckdb_vector texts, idx_t rows, uint32_t *out) {
    pthread_mutex_lock(&n->lock);
    for (idx_t i = 0; i < rows && !n->full; i++)
        n->full = !numbering_get(&n->texts, text_vector_at(texts, i), &out[i]);
    bool full = n->full;
    pthread_mutex_unlock(&n->lock);
    return !full;
}

static void text_number(duckdb_function_info info, duckdb_data_chunk in, duckdb_vector out) {
    idx_t rows = duckdb_data_chunk_get_size(in);
    if (rows == 0)
        return;
    const uint32_t *ids = chunk_column(in, 1); /* of one statement: all the same */
    struct text_numbers *n = find(duckdb_scalar_function_get_extra_info(info), ids[0]);
    if (!n || !number(n, duckdb_data_chunk_get_vector(in, 0), rows, duckdb_vector_get_data(out)))
        duckdb_scalar_function_set_error(info, n ? "too many texts" : "no such numbering");
}

int text_numbers_register(duckdb_connection c, struct text_numbers_list *list, struct err *err) {
    duckdb_scalar_function f = duckdb_create_scalar_function();
    duckdb_logical_type text = duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR);
    duckdb_logical_type uint = duckdb_create_logical_type(DUCKDB_TYPE_UINTEGER);
    duckdb_scalar_function_set_name(f, "text_number");
    duckdb_scalar_function_add_parameter(f, text);
    duckdb_scalar_function_add_parameter(f, uint);
    duckdb_scalar_function_set_return_type(f, uint);
    duckdb_scalar_function_set_extra_info(f, list, NULL);
    duckdb_scalar_function_set_function(f, text_number);
    duckdb_state state = duckdb_register_scalar_function(c, f);
    duckdb_destroy_logical_type(&text);
    duckdb_destroy_logical_type(&uint);
    duckdb_destroy_scalar_function(&f);
    return state == DuckDBSuccess ? 0
                                  : err_set(err, ERR_UNSUPPORTED, "the engine takes no function");
}
