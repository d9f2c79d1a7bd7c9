#include "compact.h"

#include <stdlib.h>

#include "compact_runs.h"
#include "roll_portions.h"
#include "seal_private.h"

struct compacting {
    const struct compact_job *job;
    struct seal_result *result;
    bool *with_vitals; /* of each input: its events have such columns */
    bool any_vitals;
    struct roll_portions rolls;
};

static void release(struct compacting *k) {
    free(k->with_vitals);
    roll_portions_release(&k->rolls);
}

static int find_vitals(duckdb_connection c, struct compacting *k, struct err *err) {
    const struct compact_job *job = k->job;
    k->with_vitals = calloc(job->input_count, sizeof(*k->with_vitals));
    if (!k->with_vitals)
        return err_set(err, ERR_NOMEM, "no memory for a month's parts");
    for (size_t i = 0; i < job->input_count; i++) {
        uint64_t count;
        int code = sql_count_vitals(c, job->root, &job->inputs[i], 1, &count, err);
        if (code)
            return code;
        k->with_vitals[i] = count;
        k->any_vitals |= count > 0;
    }
    return 0;
}

static void add_inputs(struct buf *sql, const struct compacting *k, enum seal_kind kind) {
    sql_add_files(sql, k->job->root, k->job->inputs, k->job->input_count, kind);
}

static struct seal_target target_of(const struct compacting *k) {
    return (struct seal_target){
        .os = k->job->os, .root = k->job->root, .month = true, .vitals = k->any_vitals};
}

struct rows {
    const struct compacting *compacting;
    enum seal_kind kind;
    struct compact_runs runs;
};

static void release_rows(struct rows *r) {
    compact_runs_release(&r->runs);
}

/* Where some inputs have columns of web vitals and others do not, all get them. */
static void add_run(void *arg, size_t i, struct buf *sql) {
    const struct rows *r = arg;
    const struct compacting *k = r->compacting;
    const struct compact_run *run = &r->runs.at[i];
    bool lacks_vitals = r->kind == SEAL_EVENT && k->any_vitals && !k->with_vitals[run->input];
    buf_adds(sql, "SELECT *");
    for (size_t v = 0; lacks_vitals && v < SEAL_VITALS; v++)
        buf_addf(sql, ", 0::UINTEGER AS %s", seal_vital(v));
    buf_adds(sql, " FROM ");
    sql_add_file(sql, k->job->root, k->job->inputs[run->input].paths[r->kind], false);
    buf_addf(sql, " WHERE day BETWEEN %d AND %d", run->first_day, run->last_day);
}

static int put_rows(duckdb_connection c, const struct compacting *k, enum seal_kind kind,
                    struct err *err) {
    CLEANUP(release_rows) struct rows rows = {.compacting = k, .kind = kind};
    int code = compact_runs_find(&rows.runs, c, k->job, kind, err);
    const struct seal_selects selects = {.count = rows.runs.count, .add = add_run, .arg = &rows};
    const struct seal_target to = target_of(k);
    return code ? code : seal_copy_each(c, &to, kind, &k->result->files[kind], &selects, err);
}

static void add_rolls(void *arg, size_t i, struct buf *sql) {
    const struct compacting *k = arg;
    buf_adds(sql, "SELECT day, dim, value");
#define X(name, type) buf_adds(sql, ", sum(" #name ")::" type " AS " #name);
    ROLL_NUMBERS(X)
#undef X
    buf_adds(sql, " FROM ");
    add_inputs(sql, k, SEAL_ROLL);
    roll_portion_add_where(&k->rolls.at[i], sql);
    buf_adds(sql, " GROUP BY day, dim, value ORDER BY dim, day, value");
}

static int put_rolls(duckdb_connection c, struct compacting *k, struct err *err) {
    BUF_AUTO files = {0};
    add_inputs(&files, k, SEAL_ROLL);
    int code = roll_portions_find(&k->rolls, c, &files, err);
    const struct seal_selects selects = {.count = k->rolls.count, .add = add_rolls, .arg = k};
    const struct seal_target to = target_of(k);
    return code ? code
                : seal_copy_each(c, &to, SEAL_ROLL, &k->result->files[SEAL_ROLL], &selects, err);
}

/* What must be the same on both sides. */
static const char *const sums[SEAL_KINDS] = {
    [SEAL_EVENT] = "count(*), sum(visit), sum(person), sum(ts_sec), sum(first), sum(varies),"
                   " sum(engaged_ms), sum(length(page))",
    [SEAL_VISIT] = "count(*), sum(visit), sum(person), sum(start_sec), sum(first), sum(varies),"
                   " sum(pageviews), sum(length(entry_page))",
#define X(name, type) ", sum(" #name ")"
    [SEAL_ROLL] = "1" ROLL_NUMBERS(X),
#undef X
};

static int not_the_sum(struct err *err) {
    return err_set(err, ERR_CORRUPT, "a compacted month is not the sum of its days");
}

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
    return !code && differ ? not_the_sum(err) : code;
}

/* One row for each key of the inputs, and no others. */
static int check_keys(duckdb_connection c, const struct compacting *k, struct err *err) {
    uint64_t all = 0;
    for (size_t i = 0; i < k->rolls.count; i++) {
        BUF_AUTO sql = {0};
        uint64_t keys = 0;
        buf_adds(&sql, "SELECT count(DISTINCT (day, dim, value)) FROM ");
        add_inputs(&sql, k, SEAL_ROLL);
        roll_portion_add_where(&k->rolls.at[i], &sql);
        int code = sql_numbers(c, &sql, &keys, 1, err);
        if (code)
            return code;
        all += keys;
    }
    BUF_AUTO sql = {0};
    uint64_t rows = 0;
    buf_adds(&sql, "SELECT count(*) FROM ");
    sql_add_file(&sql, k->job->root, k->result->files[SEAL_ROLL].path, true);
    int code = sql_numbers(c, &sql, &rows, 1, err);
    return !code && rows != all ? not_the_sum(err) : code;
}

static int write_files(duckdb_connection c, void *arg, struct err *err) {
    struct compacting *k = arg;
    const struct compact_job *job = k->job;
    seal_paths(job->site, job->day, true, job->part, k->result->files);
    int code = seal_make_folder(job->os, job->root, k->result->files[0].path, err);
    if (!code)
        code = find_vitals(c, k, err);
    if (!code)
        code = put_rows(c, k, SEAL_EVENT, err);
    if (!code)
        code = put_rows(c, k, SEAL_VISIT, err);
    if (!code)
        code = put_rolls(c, k, err);
    for (size_t kind = 0; !code && kind < SEAL_KINDS; kind++)
        code = check_sums(c, k, kind, err);
    return code ? code : check_keys(c, k, err);
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
