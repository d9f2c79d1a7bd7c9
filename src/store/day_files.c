#include "day_files.h"

#include <stdlib.h>

#include "seal_columns.h"
#include "vitals_pack.h"

enum {
    LEVEL = 1,             /* a day is written fast and compacted into its month at leisure */
    MOST_PROPS = 32 << 20, /* bytes of a row group's */
};

/* A file being written, a row group at a time. */
struct file {
    const struct seal_job *job;
    const struct day_visits *day;
    struct parquet *parquet;
    int64_t *numbers; /* of a group's column */
    uint32_t *texts;
    uint32_t *visit_of; /* of a group's events: many columns are their visits' */
    size_t rows;
};

static void file_release(struct file *f) {
    if (f->parquet)
        parquet_free(f->parquet);
    free(f->numbers);
    free(f->texts);
    free(f->visit_of);
}

static int file_open(struct file *f, const char *path, const struct parquet_column *columns,
                     size_t count, struct err *err) {
    BUF_AUTO tmp = {0};
    buf_addf(&tmp, "%s/%s.tmp", f->job->root, path);
    const char *name = buf_cstr(&tmp);
    f->numbers = malloc(PARQUET_GROUP_ROWS * sizeof(*f->numbers));
    f->texts = malloc(PARQUET_GROUP_ROWS * sizeof(*f->texts));
    f->visit_of = malloc(PARQUET_GROUP_ROWS * sizeof(*f->visit_of));
    if (!name || !f->numbers || !f->texts || !f->visit_of)
        return err_set(err, ERR_NOMEM, "no memory to write a file");
    return parquet_open(f->job->os, name, columns, count, LEVEL, &f->parquet, err);
}

/* A column of the group: `value` is said of row i. They leave the function on an error. */
#define PUT_NUMBERS(value)                                           \
    do {                                                             \
        for (size_t i = 0; i < f->rows; i++)                         \
            f->numbers[i] = (int64_t)(value);                        \
        int put_ = parquet_put_numbers(f->parquet, f->numbers, err); \
        if (put_)                                                    \
            return put_;                                             \
    } while (0)
#define PUT_TEXTS(number, values, count)                                            \
    do {                                                                            \
        for (size_t i = 0; i < f->rows; i++)                                        \
            f->texts[i] = (number);                                                 \
        int put_ = parquet_put_texts(f->parquet, f->texts, (values), (count), err); \
        if (put_)                                                                   \
            return put_;                                                            \
    } while (0)
#define PUT_COLUMN(number, column) PUT_TEXTS(number, (column)->values.texts, (column)->values.count)

static size_t group_rows(size_t left) {
    return left < PARQUET_GROUP_ROWS ? left : PARQUET_GROUP_ROWS;
}

/* --- visits -------------------------------------------------------------------------------------
 */

static int put_visits(struct file *f, size_t from, struct err *err) {
    const struct day_visit *v = f->day->visits + from;
    const struct day_column *columns = f->day->columns;
    parquet_begin_group(f->parquet, f->rows);
    PUT_NUMBERS(f->job->day);
    PUT_NUMBERS(from + i + 1 + f->job->base_visit);
    PUT_NUMBERS(v[i].person + 1 + f->job->base_person);
    PUT_NUMBERS(v[i].hour);
    PUT_NUMBERS(v[i].start_sec);
    PUT_NUMBERS(v[i].pageviews);
    PUT_NUMBERS(v[i].events);
    PUT_NUMBERS(v[i].bounce);
    PUT_NUMBERS(v[i].duration_ms);
    PUT_COLUMN(packed_at(&columns[DAY_HOSTNAME].rows, from + i), &columns[DAY_HOSTNAME].text);
    for (size_t k = 0; k < SEAL_DIMS; k++)
        PUT_COLUMN(packed_at(&columns[k].rows, from + i), &columns[k].text);
    PUT_NUMBERS(v[i].first);
    PUT_NUMBERS(v[i].varies);
    return 0;
}

int day_files_visits(const struct seal_job *job, const struct day_visits *visits,
                     struct seal_file *file, struct err *err) {
    CLEANUP(file_release) struct file f = {.job = job, .day = visits};
    struct seal_columns columns = seal_columns_of(SEAL_VISIT, false);
    int code = file_open(&f, file->path, columns.at, columns.count, err);
    for (size_t from = 0; !code && from < visits->count; from += f.rows) {
        f.rows = group_rows(visits->count - from);
        code = put_visits(&f, from, err);
    }
    return code ? code : parquet_end(f.parquet, &file->rows, err);
}

/* --- events -------------------------------------------------------------------------------------
 */

/* Whole seconds, also before 1970. */
static int64_t seconds(int64_t ms) {
    return ms / 1000 - (ms % 1000 < 0);
}

static int put_events(struct file *f, const struct day_event *e, const struct day_events *d,
                      const struct numbering *props, struct err *err) {
    const struct day_visit *visits = f->day->visits;
    const struct day_column *columns = f->day->columns;
    const uint32_t *at = f->visit_of;
    for (size_t i = 0; i < f->rows; i++)
        f->visit_of[i] = e[i].visit;
    parquet_begin_group(f->parquet, f->rows);
    PUT_NUMBERS(f->job->day);
    PUT_NUMBERS((int64_t)at[i] + 1 + f->job->base_visit);
    PUT_NUMBERS((int64_t)visits[at[i]].person + 1 + f->job->base_person);
    PUT_NUMBERS(e[i].hour);
    PUT_NUMBERS(seconds(e[i].ts_ms));
    PUT_NUMBERS(e[i].kind);
    PUT_NUMBERS(e[i].interactive);
    PUT_NUMBERS(e[i].scroll);
    PUT_NUMBERS(e[i].engaged_ms);
    PUT_COLUMN(e[i].name, &d->texts[EVENT_NAME]);
    PUT_COLUMN(e[i].hostname, &d->texts[EVENT_HOSTNAME]);
    PUT_COLUMN(e[i].page, &d->texts[EVENT_PAGE]);
    PUT_TEXTS(e[i].props, props->texts, props->count);
    PUT_NUMBERS(e[i].kind == EVENT_VITALS ? 0 : e[i].revenue_milli);
    PUT_COLUMN(e[i].currency, &d->texts[EVENT_CURRENCY]);
    PUT_NUMBERS(e[i].first);
    PUT_NUMBERS(visits[at[i]].varies);
    for (size_t k = 0; k < SEAL_DIMS; k++)
        if (seal_dim_on_event(k))
            PUT_COLUMN(packed_at(&columns[k].rows, at[i]), &columns[k].text);
    if (!d->has_vitals)
        return 0;
    PUT_NUMBERS(e[i].kind == EVENT_VITALS ? VITALS_LCP_MS(e[i].revenue_milli) : 0);
    PUT_NUMBERS(e[i].kind == EVENT_VITALS ? VITALS_INP_MS(e[i].revenue_milli) : 0);
    PUT_NUMBERS(e[i].kind == EVENT_VITALS ? VITALS_CLS_MILLI(e[i].revenue_milli) : 0);
    return 0;
}

/* What is looked at and written together. */
struct look {
    day_event_fn fn;
    void *arg;
};

static int put_group(struct file *f, const struct event_group *g, const struct day_events *d,
                     const struct look *look, struct err *err) {
    int code = look->fn(look->arg, g->events, g->count, err);
    for (size_t from = 0; !code && from < g->count; from += f->rows) {
        f->rows = group_rows(g->count - from);
        code = put_events(f, g->events + from, d, &g->props, err);
    }
    return code;
}

static int put_streams(struct file *f, struct day_events *d, const struct look *look,
                       struct err *err) {
    CLEANUP(event_group_release) struct event_group g = {0};
    int code = 0;
    for (size_t i = 0; !code && i < d->count; i++) {
        bool is_full = g.count && g.count + d->streams[i].events > PARQUET_GROUP_ROWS;
        if (is_full || g.props.bytes.used_bytes > MOST_PROPS) {
            code = put_group(f, &g, d, look, err);
            event_group_clear(&g);
        }
        if (!code)
            code = event_group_add(&g, d, i, err);
    }
    return code ? code : put_group(f, &g, d, look, err);
}

int day_files_events(const struct seal_job *job, const struct day_visits *visits,
                     struct day_events *events, day_event_fn look, void *arg,
                     struct seal_file *file, struct err *err) {
    CLEANUP(file_release) struct file f = {.job = job, .day = visits};
    struct seal_columns columns = seal_columns_of(SEAL_EVENT, events->has_vitals);
    int code = file_open(&f, file->path, columns.at, columns.count, err);
    if (!code)
        code = put_streams(&f, events, &(struct look){look, arg}, err);
    return code ? code : parquet_end(f.parquet, &file->rows, err);
}

/* --- roll-ups -----------------------------------------------------------------------------------
 */

struct roll_row {
    size_t dim;
    struct span value;
    const uint64_t *numbers;
};

struct roll_rows {
    struct roll_row *at;
    struct span *texts; /* the names of the dimensions, then the values of the rows */
    size_t count;
};

static void roll_rows_release(struct roll_rows *r) {
    free(r->at);
    free(r->texts);
}

static int by_dim_and_value(const void *a, const void *b) {
    const struct roll_row *x = a, *y = b;
    int order = strcmp(roll_dim_name(x->dim), roll_dim_name(y->dim));
    return order ? order : span_compare(x->value, y->value);
}

static bool list_rolls(const struct roll_sums *s, struct roll_rows *r) {
    size_t most = 0;
    for (size_t dim = 0; dim < ROLL_DIMS; dim++)
        most += s->dims[dim].cap;
    r->at = malloc((most + 1) * sizeof(*r->at));
    r->texts = malloc((most + ROLL_DIMS) * sizeof(*r->texts));
    if (!r->at || !r->texts)
        return false;
    for (size_t dim = 0; dim < ROLL_DIMS; dim++)
        for (uint32_t i = 0; i < s->dims[dim].cap; i++)
            if (s->dims[dim].at[i].is_row)
                r->at[r->count++] = (struct roll_row){.dim = dim,
                                                      .value = roll_sums_text(s, dim, i),
                                                      .numbers = s->dims[dim].at[i].numbers};
    qsort(r->at, r->count, sizeof(*r->at), by_dim_and_value);
    for (size_t dim = 0; dim < ROLL_DIMS; dim++)
        r->texts[dim] = span_str(roll_dim_name(dim));
    for (size_t i = 0; i < r->count; i++)
        r->texts[ROLL_DIMS + i] = r->at[i].value;
    return true;
}

static int put_rolls(struct file *f, const struct roll_rows *r, size_t from, struct err *err) {
    const struct roll_row *rows = r->at + from;
    uint32_t texts = (uint32_t)(ROLL_DIMS + r->count);
    parquet_begin_group(f->parquet, f->rows);
    PUT_NUMBERS(f->job->day);
    PUT_TEXTS((uint32_t)rows[i].dim + 1, r->texts, ROLL_DIMS);
    PUT_TEXTS((uint32_t)(rows[i].value.len ? ROLL_DIMS + from + i + 1 : 0), r->texts, texts);
    for (size_t n = 0; n < ROLL_NUMBERS_COUNT; n++)
        PUT_NUMBERS(rows[i].numbers[n]);
    return 0;
}

int day_files_rolls(const struct seal_job *job, const struct roll_sums *sums,
                    struct seal_file *file, struct err *err) {
    CLEANUP(file_release) struct file f = {.job = job};
    CLEANUP(roll_rows_release) struct roll_rows rows = {0};
    if (!list_rolls(sums, &rows))
        return err_set(err, ERR_NOMEM, "no memory for a day's roll-ups");
    struct seal_columns columns = seal_columns_of(SEAL_ROLL, false);
    int code = file_open(&f, file->path, columns.at, columns.count, err);
    for (size_t from = 0; !code && from < rows.count; from += f.rows) {
        f.rows = group_rows(rows.count - from);
        code = put_rolls(&f, &rows, from, err);
    }
    return code ? code : parquet_end(f.parquet, &file->rows, err);
}
