#include "roll_portions.h"

#include <stdlib.h>

#include "text_column.h"

enum { MOST_ROWS = 65536 };

static bool reserve(struct roll_portions *p) {
    if (p->count < p->cap)
        return true;
    size_t cap = p->cap ? p->cap * 2 : 16;
    struct roll_portion *at = realloc(p->at, cap * sizeof(*at));
    if (!at)
        return false;
    p->at = at;
    p->cap = cap;
    return true;
}

static char *copy(struct span text) {
    return strndup(text.len ? text.ptr : "", text.len);
}

/* The keys come in order. */
static bool add_key(struct roll_portions *p, struct span dim, int32_t day, uint64_t rows) {
    struct roll_portion *last = p->count ? &p->at[p->count - 1] : NULL;
    if (!last || last->rows + rows > MOST_ROWS) {
        if (!reserve(p))
            return false;
        last = &p->at[p->count++];
        *last = (struct roll_portion){.first_dim = copy(dim), .first_day = day};
    }
    free(last->last_dim);
    last->last_dim = copy(dim);
    last->last_day = day;
    last->rows += rows;
    return last->first_dim && last->last_dim;
}

static int take_keys(void *to, duckdb_data_chunk chunk, struct err *err) {
    const int32_t *days = chunk_column(chunk, 1);
    const uint64_t *rows = chunk_column(chunk, 2);
    for (idx_t i = 0; i < duckdb_data_chunk_get_size(chunk); i++)
        if (!add_key(to, text_vector_at(duckdb_data_chunk_get_vector(chunk, 0), i), days[i],
                     rows[i]))
            return err_set(err, ERR_NOMEM, "no memory for a month's roll-ups");
    return 0;
}

int roll_portions_find(struct roll_portions *p, duckdb_connection c, struct buf *files,
                       struct err *err) {
    BUF_AUTO sql = {0};
    buf_adds(&sql, "SELECT dim, day, count(*)::UBIGINT FROM ");
    buf_add(&sql, buf_span(files));
    buf_adds(&sql, " GROUP BY dim, day ORDER BY dim, day");
    sql.failed |= files->failed;
    return sql_each_chunk(c, &sql, take_keys, p, err);
}

void roll_portions_release(struct roll_portions *p) {
    for (size_t i = 0; i < p->count; i++) {
        free(p->at[i].first_dim);
        free(p->at[i].last_dim);
    }
    free(p->at);
    *p = (struct roll_portions){0};
}

/* The bare bounds of `dim` let row groups be skipped. */
void roll_portion_add_where(const struct roll_portion *p, struct buf *sql) {
    buf_adds(sql, " WHERE dim >= ");
    engine_quote(sql, p->first_dim);
    buf_adds(sql, " AND dim <= ");
    engine_quote(sql, p->last_dim);
    buf_adds(sql, " AND (day >= ");
    buf_addf(sql, "%d OR dim > ", p->first_day);
    engine_quote(sql, p->first_dim);
    buf_addf(sql, ") AND (day <= %d OR dim < ", p->last_day);
    engine_quote(sql, p->last_dim);
    buf_adds(sql, ")");
}
