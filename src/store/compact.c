#include "compact.h"

#include "seal_private.h"

/* The least and greatest (day, visit) of an input. */
struct span_of_part {
    struct seal_input input;
    uint64_t least, most;
};

struct compacting {
    const struct compact_job *job;
    struct seal_result *result;
    struct span_of_part *parts;  /* in order */
    struct seal_input *in_order; /* the same */
    bool overlap;
    uint64_t with_vitals; /* inputs whose events have such columns */
};

static void release(struct compacting *k) {
    free(k->parts);
    free(k->in_order);
}

static int by_least(const void *a, const void *b) {
    uint64_t x = ((const struct span_of_part *)a)->least;
    uint64_t y = ((const struct span_of_part *)b)->least;
    return (x > y) - (x < y);
}

static int put_in_order(duckdb_connection c, struct compacting *k, struct err *err) {
    const struct compact_job *job = k->job;
    k->parts = calloc(job->input_count, sizeof(*k->parts));
    k->in_order = calloc(job->input_count, sizeof(*k->in_order));
    if (!k->parts || !k->in_order)
        return err_set(err, ERR_NOMEM, "no memory for a month's parts");
    for (size_t i = 0; i < job->input_count; i++) {
        BUF_AUTO sql = {0};
        uint64_t keys[2];
        buf_adds(&sql, "SELECT min(day::UBIGINT << 32 | visit), max(day::UBIGINT << 32 | visit)"
                       " FROM ");
        sql_add_file(&sql, job->root, job->inputs[i].paths[SEAL_VISIT], false);
        int code = sql_numbers(c, &sql, keys, 2, err);
        if (code)
            return code;
        k->parts[i] = (struct span_of_part){job->inputs[i], keys[0], keys[1]};
    }
    qsort(k->parts, job->input_count, sizeof(*k->parts), by_least);
    uint64_t most = 0;
    for (size_t i = 0; i < job->input_count; i++) {
        k->in_order[i] = k->parts[i].input;
        k->overlap |= i > 0 && k->parts[i].least <= most;
        most = k->parts[i].most > most ? k->parts[i].most : most;
    }
    return 0;
}

static void add_inputs(struct buf *sql, const struct compacting *k, enum seal_kind kind) {
    sql_add_files(sql, k->job->root, k->in_order, k->job->input_count, kind, false);
}

/* The inputs' rows; where some have columns of web vitals and others do not, all get them. */
static void add_rows(struct buf *sql, const struct compacting *k, enum seal_kind kind) {
    bool mixed = kind == SEAL_EVENT && k->with_vitals && k->with_vitals < k->job->input_count;
    buf_adds(sql, "SELECT *");
    for (size_t i = 0; mixed && i < SEAL_VITALS; i++)
        buf_addf(sql, "%s coalesce(%s, 0) AS %s", i ? "," : " REPLACE (", seal_vital(i),
                 seal_vital(i));
    buf_adds(sql, mixed ? ") FROM " : " FROM ");
    sql_add_files(sql, k->job->root, k->in_order, k->job->input_count, kind, mixed);
}

static int copy(duckdb_connection c, const struct compacting *k, enum seal_kind kind,
                struct buf *select, struct err *err) {
    struct seal_target to = {
        .os = k->job->os, .root = k->job->root, .month = true, .vitals = k->with_vitals};
    return seal_copy(c, &to, kind, &k->result->files[kind], select, err);
}

static int put_rows(duckdb_connection c, const struct compacting *k, enum seal_kind kind,
                    struct err *err) {
    BUF_AUTO sql = {0};
    add_rows(&sql, k, kind);
    /* A visit is in one file, which has its events in order. */
    if (k->overlap)
        buf_addf(&sql, " ORDER BY day, visit%s", kind == SEAL_EVENT ? ", file_row_number" : "");
    return copy(c, k, kind, &sql, err);
}

static int put_rolls(duckdb_connection c, const struct compacting *k, struct err *err) {
    BUF_AUTO sql = {0};
    buf_adds(&sql, "SELECT day, dim, value");
#define X(name, type) buf_adds(&sql, ", sum(" #name ")::" type " AS " #name);
    ROLL_NUMBERS(X)
#undef X
    buf_adds(&sql, " FROM ");
    add_inputs(&sql, k, SEAL_ROLL);
    buf_adds(&sql, " GROUP BY day, dim, value ORDER BY dim, day, value");
    return copy(c, k, SEAL_ROLL, &sql, err);
}

/* What must be the same on both sides. */
static const char *const sums[SEAL_KINDS] = {
    [SEAL_EVENT] = "count(*), sum(visit), sum(person), sum(ts_sec), sum(first), sum(varies),"
                   " sum(engaged_ms), sum(length(page))",
    [SEAL_VISIT] = "count(*), sum(visit), sum(person), sum(start_sec), sum(first), sum(varies),"
                   " sum(pageviews), sum(length(entry_page))",
    [SEAL_ROLL] = "count(DISTINCT (day, dim, value))"
#define X(name, type) ", sum(" #name ")"
    ROLL_NUMBERS(X),
#undef X
};

static int check_sums(duckdb_connection c, const struct compacting *k, enum seal_kind kind,
                      struct err *err) {
    BUF_AUTO sql = {0};
    uint64_t differ = 1;
    buf_addf(&sql, "SELECT (SELECT row(%s)::VARCHAR FROM ", sums[kind]);
    add_inputs(&sql, k, kind);
    buf_addf(&sql, ") IS DISTINCT FROM (SELECT row(%s)::VARCHAR FROM ", sums[kind]);
    sql_add_file(&sql, k->job->root, k->result->files[kind].path, true);
    buf_adds(&sql, ")");
    int code = sql_numbers(c, &sql, &differ, 1, err);
    if (!code && differ)
        return err_set(err, ERR_CORRUPT, "a compacted month is not the sum of its days");
    return code;
}

static int write_files(duckdb_connection c, void *arg, struct err *err) {
    struct compacting *k = arg;
    const struct compact_job *job = k->job;
    seal_paths(job->site, job->day, true, job->part, k->result->files);
    int code = seal_make_folder(job->os, job->root, k->result->files[0].path, err);
    if (!code)
        code = put_in_order(c, k, err);
    if (!code)
        code = sql_count_vitals(c, job->root, job->inputs, job->input_count, &k->with_vitals, err);
    if (!code)
        code = put_rows(c, k, SEAL_EVENT, err);
    if (!code)
        code = put_rows(c, k, SEAL_VISIT, err);
    if (!code)
        code = put_rolls(c, k, err);
    for (size_t kind = 0; !code && kind < SEAL_KINDS; kind++)
        code = check_sums(c, k, kind, err);
    return code;
}

int compact_month(duckdb_connection c, const struct compact_job *job, struct seal_result *ret,
                  struct err *err) {
    if (job->input_count == 0)
        return err_set(err, ERR_INVALID, "no parts to compact");
    struct seal_result result = {0};
    CLEANUP(release) struct compacting k = {.job = job, .result = &result};
    int code = sql_in_transaction(c, write_files, &k, err);
    if (!code)
        code = seal_publish(job->os, job->root, result.files, err);
    if (code) {
        seal_abandon(job->os, job->root, result.files);
        return code;
    }
    result.visits = result.files[SEAL_VISIT].rows;
    *ret = result;
    return 0;
}
