#include "compact_runs.h"

#include <stdlib.h>

#include "text_column.h"

/* What one input has of a day. */
struct part_day {
    size_t input;
    int32_t day;
    uint32_t least, most; /* of its visits */
};

struct part_days {
    size_t input; /* that is being read */
    struct part_day *at;
    size_t count, cap;
};

static int no_memory(struct err *err) {
    return err_set(err, ERR_NOMEM, "no memory for a month's parts");
}

static void release_days(struct part_days *d) {
    free(d->at);
}

static int take_days(void *to, duckdb_data_chunk chunk, struct err *err) {
    struct part_days *d = to;
    const int32_t *days = chunk_column(chunk, 0);
    const uint32_t *least = chunk_column(chunk, 1), *most = chunk_column(chunk, 2);
    for (idx_t i = 0; i < duckdb_data_chunk_get_size(chunk); i++) {
        if (d->count == d->cap) {
            size_t cap = d->cap ? d->cap * 2 : 64;
            struct part_day *at = realloc(d->at, cap * sizeof(*at));
            if (!at)
                return no_memory(err);
            d->at = at;
            d->cap = cap;
        }
        d->at[d->count++] = (struct part_day){d->input, days[i], least[i], most[i]};
    }
    return 0;
}

static int in_order(const void *a, const void *b) {
    const struct part_day *x = a, *y = b;
    if (x->day != y->day)
        return x->day < y->day ? -1 : 1;
    return (x->least > y->least) - (x->least < y->least);
}

static int add_day(struct compact_runs *r, const struct part_day *d, struct err *err) {
    struct compact_run *last = r->count ? &r->at[r->count - 1] : NULL;
    if (last && last->input == d->input) {
        last->last_day = d->day;
        return 0;
    }
    if (r->count == r->cap) {
        size_t cap = r->cap ? r->cap * 2 : 16;
        struct compact_run *at = realloc(r->at, cap * sizeof(*at));
        if (!at)
            return no_memory(err);
        r->at = at;
        r->cap = cap;
    }
    r->at[r->count++] = (struct compact_run){d->input, d->day, d->day};
    return 0;
}

int compact_runs_find(struct compact_runs *r, duckdb_connection c, const struct compact_job *job,
                      enum seal_kind kind, struct err *err) {
    CLEANUP(release_days) struct part_days days = {0};
    for (days.input = 0; days.input < job->input_count; days.input++) {
        BUF_AUTO sql = {0};
        buf_adds(&sql, "SELECT day::INTEGER, min(visit)::UINTEGER, max(visit)::UINTEGER FROM ");
        sql_add_file(&sql, job->root, job->inputs[days.input].paths[kind], false);
        buf_adds(&sql, " GROUP BY day");
        int code = sql_each_chunk(c, &sql, take_days, &days, err);
        if (code)
            return code;
    }
    if (days.count)
        qsort(days.at, days.count, sizeof(*days.at), in_order);
    for (size_t i = 0; i < days.count; i++) {
        const struct part_day *d = &days.at[i];
        if (i > 0 && d->day == d[-1].day && d->least <= d[-1].most)
            return err_set(err, ERR_CORRUPT, "parts of a month share visits");
        int code = add_day(r, d, err);
        if (code)
            return code;
    }
    return 0;
}

void compact_runs_release(struct compact_runs *r) {
    free(r->at);
    *r = (struct compact_runs){0};
}
