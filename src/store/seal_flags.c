/* The flags `first` and `varies` of visits whose person made more than one that day.
 *
 * `seen_by` says which person had a value last, which makes "has it been there before" one
 * comparison. */
#include "seal_private.h"
#include "text_column.h"

#include <stdlib.h>

/* --- one person ---------------------------------------------------------------------------------
 */

void person_flags_release(struct person_flags *f) {
    for (size_t i = 0; i < SEAL_DIMS; i++)
        free(f->dims[i].seen_by);
}

void person_flags_next(struct person_flags *f) {
    f->person++;
    f->varies = 0;
}

static uint32_t *seen_by(struct person_flags *f, size_t dim, uint32_t number) {
    if (number >= f->dims[dim].cap) {
        size_t cap = f->dims[dim].cap ? f->dims[dim].cap : 64;
        while (cap <= number)
            cap *= 2;
        uint32_t *larger = realloc(f->dims[dim].seen_by, cap * sizeof(*larger));
        if (!larger)
            return NULL;
        memset(larger + f->dims[dim].cap, 0, (cap - f->dims[dim].cap) * sizeof(*larger));
        f->dims[dim].seen_by = larger;
        f->dims[dim].cap = (uint32_t)cap;
    }
    return &f->dims[dim].seen_by[number];
}

bool person_flags_visit(struct person_flags *f, const uint32_t values[SEAL_DIMS],
                        uint32_t *ret_first) {
    bool is_first = f->varies == 0;
    uint32_t first = is_first ? FIRST_OF(person) : 0;
    f->varies |= FIRST_OF(person);
    for (size_t i = 0; i < SEAL_DIMS; i++) {
        uint32_t *seen = seen_by(f, i, values[i]);
        if (!seen)
            return false;
        if (*seen != f->person)
            first |= 2U << i;
        *seen = f->person;
        if (is_first)
            f->dims[i].of_first = values[i];
        else if (values[i] != f->dims[i].of_first)
            f->varies |= 2U << i;
    }
    *ret_first = first;
    return true;
}

/* --- of seal_base -------------------------------------------------------------------------------
 * Read in the order (day, person, visit), so that a person's visits come together. Memory: the
 * different values, and 16 bytes a visit that is not its person's only one. */

struct flag {
    int64_t pos;
    uint32_t first, varies;
};

struct flags {
    struct text_column columns[SEAL_DIMS];
    uint32_t numbers[SEAL_DIMS][MOST_CHUNK_ROWS]; /* of a chunk's texts, a column at a time */
    struct person_flags of_person;
    struct flag *rows;
    size_t count, cap;
    size_t person_row; /* where the current person's rows begin */
    uint32_t key_person;
    int32_t key_day;
};

static void flags_free(struct flags *f) {
    for (size_t i = 0; i < SEAL_DIMS; i++)
        text_column_release(&f->columns[i]);
    person_flags_release(&f->of_person);
    free(f->rows);
    free(f);
}
DEFINE_FREEP(struct flags, flags_free)

/* Once a person's visits have all been seen. */
static void end_person(struct flags *f) {
    for (size_t i = f->person_row; i < f->count; i++)
        f->rows[i].varies = f->of_person.varies;
    f->person_row = f->count;
}

static bool add_visit(struct flags *f, int64_t pos, const uint32_t values[SEAL_DIMS]) {
    if (f->count == f->cap) {
        size_t cap = f->cap ? f->cap * 2 : 4096;
        struct flag *rows = realloc(f->rows, cap * sizeof(*rows));
        if (!rows)
            return false;
        f->rows = rows;
        f->cap = cap;
    }
    struct flag *row = &f->rows[f->count++];
    row->pos = pos;
    return person_flags_visit(&f->of_person, values, &row->first);
}

static int no_memory(struct err *err) {
    return err_set(err, ERR_NOMEM, "no memory for a day's flags");
}

static int add_rows(void *to, duckdb_data_chunk rows, struct err *err) {
    struct flags *f = to;
    enum { FIGURES = 3 };
    const int64_t *pos = chunk_column(rows, 0);
    const int32_t *day = chunk_column(rows, 1);
    const uint32_t *person = chunk_column(rows, 2);
    idx_t count = duckdb_data_chunk_get_size(rows);
    for (size_t k = 0; k < SEAL_DIMS; k++)
        if (!text_column_read(&f->columns[k], duckdb_data_chunk_get_vector(rows, FIGURES + k),
                              count, f->numbers[k]))
            return no_memory(err);
    for (idx_t i = 0; i < count; i++) {
        if (f->count == 0 || person[i] != f->key_person || day[i] != f->key_day) {
            end_person(f);
            person_flags_next(&f->of_person);
            f->key_person = person[i];
            f->key_day = day[i];
        }
        uint32_t values[SEAL_DIMS];
        for (size_t k = 0; k < SEAL_DIMS; k++)
            values[k] = f->numbers[k][i];
        if (!add_visit(f, pos[i], values))
            return no_memory(err);
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
    CLEANUP(flags_freep) struct flags *f = calloc(1, sizeof(*f));
    if (!f || duckdb_vector_size() > MOST_CHUNK_ROWS)
        return no_memory(err);
    BUF_AUTO sql = {0};
    buf_adds(&sql, "CREATE TEMP TABLE seal_flag (pos BIGINT, first UINTEGER, varies UINTEGER)");
    int code = sql_run(c, &sql, err);
    if (!code)
        code = read_visits(c, f, err);
    if (code)
        return code;
    end_person(f);
    return write_flags(c, f, err);
}
