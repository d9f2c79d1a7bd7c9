/* The flags `first` and `varies` of visits whose person made more than one that day.
 *
 * Read in the order (day, person, visit), so that a person's visits come together. Values are
 * numbered a dimension at a time; `seen_by` says which person had a number last, which makes
 * "has it been there before" one comparison. Memory: the different values, and 16 bytes a visit
 * that is not its person's only one. */
#include "keyset.h"
#include "seal_private.h"

struct dim_state {
    struct numbering values;
    uint32_t *seen_by; /* of a value's number: the person that had it last, by its count here */
    uint32_t cap;
    uint32_t of_first; /* the number at the person's first visit */
};

struct flag {
    int64_t pos;
    uint32_t first, varies;
};

struct flags {
    struct dim_state dims[SEAL_DIMS];
    struct flag *rows;
    size_t count, cap;
    size_t person_row; /* where the current person's rows begin */
    uint32_t person;   /* counted here, from 1 */
    uint32_t key_person;
    int32_t key_day;
};

static void flags_release(struct flags *f) {
    for (size_t i = 0; i < SEAL_DIMS; i++) {
        numbering_release(&f->dims[i].values);
        free(f->dims[i].seen_by);
    }
    free(f->rows);
}

static void *grown(void *p, size_t cap, size_t size) {
    size_t bytes;
    return __builtin_mul_overflow(cap, size, &bytes) ? NULL : realloc(p, bytes);
}

static bool dim_number(struct dim_state *d, struct span text, uint32_t *ret) {
    if (!numbering_get(&d->values, text, ret))
        return false;
    if (*ret < d->cap)
        return true;
    uint32_t cap = d->cap ? d->cap * 2 : 64;
    while (cap <= *ret)
        cap *= 2;
    uint32_t *seen_by = grown(d->seen_by, cap, sizeof(*seen_by));
    if (!seen_by)
        return false;
    memset(seen_by + d->cap, 0, (cap - d->cap) * sizeof(*seen_by));
    d->seen_by = seen_by;
    d->cap = cap;
    return true;
}

/* Once a person's visits have all been seen. */
static void end_person(struct flags *f) {
    for (size_t i = f->person_row; i + 1 < f->count; i++)
        f->rows[i].varies = f->rows[f->count - 1].varies;
    f->person_row = f->count;
}

/* A person's last row gathers `varies` until end_person() gives it to all of them. */
static bool add_visit(struct flags *f, int64_t pos, const struct span values[SEAL_DIMS]) {
    if (f->count == f->cap) {
        size_t cap = f->cap ? f->cap * 2 : 4096;
        struct flag *rows = grown(f->rows, cap, sizeof(*rows));
        if (!rows)
            return false;
        f->rows = rows;
        f->cap = cap;
    }
    bool is_first = f->count == f->person_row;
    struct flag row = {.pos = pos,
                       .first = is_first ? FIRST_OF(person) : 0,
                       .varies = is_first ? FIRST_OF(person) : f->rows[f->count - 1].varies};
    for (size_t i = 0; i < SEAL_DIMS; i++) {
        struct dim_state *d = &f->dims[i];
        uint32_t number;
        if (!dim_number(d, values[i], &number))
            return false;
        if (d->seen_by[number] != f->person)
            row.first |= 2U << i;
        d->seen_by[number] = f->person;
        if (is_first)
            d->of_first = number;
        else if (number != d->of_first)
            row.varies |= 2U << i;
    }
    f->rows[f->count++] = row;
    return true;
}

static void *column(duckdb_data_chunk rows, idx_t i) {
    return duckdb_vector_get_data(duckdb_data_chunk_get_vector(rows, i));
}

static int add_rows(void *to, duckdb_data_chunk rows, struct err *err) {
    struct flags *f = to;
    const int64_t *pos = column(rows, 0);
    const int32_t *day = column(rows, 1);
    const uint32_t *person = column(rows, 2);
    duckdb_string_t *text[SEAL_DIMS];
    for (idx_t k = 0; k < SEAL_DIMS; k++)
        text[k] = column(rows, k + 3);
    for (idx_t i = 0; i < duckdb_data_chunk_get_size(rows); i++) {
        if (f->count == 0 || person[i] != f->key_person || day[i] != f->key_day) {
            end_person(f);
            f->person++;
            f->key_person = person[i];
            f->key_day = day[i];
        }
        struct span values[SEAL_DIMS];
        for (size_t k = 0; k < SEAL_DIMS; k++)
            values[k] =
                span_of(duckdb_string_t_data(&text[k][i]), duckdb_string_t_length(text[k][i]));
        if (!add_visit(f, pos[i], values))
            return err_set(err, ERR_NOMEM, "no memory for a day's flags");
    }
    return 0;
}

static int read_visits(duckdb_connection c, struct flags *f, struct err *err) {
    BUF_AUTO sql = {0};
    buf_adds(&sql, "SELECT pos, day, person");
    for (size_t i = 0; i < SEAL_DIMS; i++)
        buf_addf(&sql, ", %s::VARCHAR", seal_dim(i));
    buf_adds(&sql, " FROM seal_base b JOIN seal_number ON pos = b.rowid WHERE n > 1"
                   " ORDER BY day, person, visit");
    return sql_each_chunk(c, &sql, add_rows, f, err);
}

static bool append_row(duckdb_appender a, const struct flag *row) {
    return duckdb_append_int64(a, row->pos) == DuckDBSuccess &&
           duckdb_append_uint32(a, row->first) == DuckDBSuccess &&
           duckdb_append_uint32(a, row->varies) == DuckDBSuccess &&
           duckdb_appender_end_row(a) == DuckDBSuccess;
}

static void appender_destroy(duckdb_appender *a) {
    if (*a)
        duckdb_appender_destroy(a);
}

static int write_flags(duckdb_connection c, const struct flags *f, struct err *err) {
    CLEANUP(appender_destroy) duckdb_appender a = NULL;
    bool ok = duckdb_appender_create_ext(c, "temp", "main", "seal_flag", &a) == DuckDBSuccess;
    for (size_t i = 0; ok && i < f->count; i++)
        ok = append_row(a, &f->rows[i]);
    if (ok && duckdb_appender_close(a) == DuckDBSuccess)
        return 0;
    const char *text = a ? duckdb_appender_error(a) : NULL;
    enum engine_fault fault = ENGINE_FINE;
    return engine_error(engine_error_type(text), text, "append", &fault, err);
}

int seal_flags(duckdb_connection c, struct err *err) {
    CLEANUP(flags_release) struct flags f = {0};
    BUF_AUTO sql = {0};
    buf_adds(&sql, "CREATE TEMP TABLE seal_flag (pos BIGINT, first UINTEGER, varies UINTEGER)");
    int code = sql_run(c, &sql, err);
    if (!code)
        code = read_visits(c, &f, err);
    if (code)
        return code;
    end_person(&f);
    return write_flags(c, &f, err);
}
