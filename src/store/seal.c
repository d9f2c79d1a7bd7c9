/* A site's day from the hot tables into files. See seal.h for what they hold. */
#include "day_visits.h"

/* A text column of events that goes through sorting and writing as numbers: an ENUM of the day's
 * values. */
struct word_column {
    const char *name;
    bool is_enum;
};

enum { WORDS = 4 };

struct sealing {
    const struct seal_job *job;
    struct seal_result *result;
    struct word_column words[WORDS];
};

/* The empty text is always among the words: a type needs one at least. */
static int make_words(duckdb_connection c, struct sealing *s, struct err *err) {
    BUF_AUTO sql = {0};
    BUF_AUTO sizes = {0};
    if (!day_is_large(s->job, s->result->visits))
        return 0;
    for (size_t i = 0; i < WORDS; i++) {
        const char *name = s->words[i].name;
        buf_addf(&sql,
                 "CREATE TEMP TYPE seal_%s AS ENUM (SELECT '' UNION (SELECT DISTINCT %s FROM event"
                 " WHERE site = %u AND day = %d LIMIT %d) ORDER BY 1)",
                 name, name, s->job->site, s->job->day, MOST_WORDS);
        int code = sql_run(c, &sql, err);
        if (code)
            return code;
        buf_addf(&sizes, "%slen(enum_range(NULL::seal_%s))", i ? ", " : "SELECT ", name);
    }
    uint64_t counts[WORDS];
    int code = sql_numbers(c, &sizes, counts, WORDS, err);
    for (size_t i = 0; !code && i < WORDS; i++)
        s->words[i].is_enum = counts[i] < MOST_WORDS;
    return code;
}

/* ", e.<name>::<type> AS <name>" */
static void add_word(struct buf *sql, const struct word_column *w) {
    if (w->is_enum)
        buf_addf(sql, ", e.%s::seal_%s AS %s", w->name, w->name, w->name);
    else
        buf_addf(sql, ", e.%s", w->name);
}

static enum seal_size size_of(const struct sealing *s) {
    return day_is_large(s->job, s->result->visits) ? SEAL_DAY : SEAL_SMALL_DAY;
}

/* Makes seal_visit; its rows are in order. */
static int make_visits(duckdb_connection c, struct sealing *s, struct err *err) {
    CLEANUP(day_visits_release) struct day_visits visits = {0};
    int code = day_visits_read(c, s->job->site, s->job->day, &visits, err);
    s->result->visits = visits.count;
    s->result->persons = visits.persons;
    return code || visits.count == 0 ? code : day_visits_write(c, &visits, s->job, err);
}

static int put_visits(duckdb_connection c, const struct sealing *s, struct err *err) {
    BUF_AUTO sql = {0};
    buf_adds(&sql, "SELECT * EXCLUDE (id) FROM seal_visit");
    return seal_copy(c, s->job->root, size_of(s), &s->result->files[SEAL_VISIT], &sql, err);
}

/* One number by which events are sorted, which is a third faster than two: the visit, then the time
 * from two days before the day on, UTC (no zone is that far away). */
static void add_event_order(struct buf *sql, int32_t day) {
    buf_addf(sql,
             " ORDER BY v.visit::UBIGINT << 32 |"
             " least(greatest(e.ts_ms - %lld, 0), 4294967295)::UBIGINT",
             ((long long)day - 2) * 86400000);
}

static int put_events(duckdb_connection c, const struct sealing *s, struct err *err) {
    BUF_AUTO sql = {0};
    buf_adds(&sql, "SELECT v.day, v.visit, v.person, e.hour, e.ts_ms // 1000 AS ts_sec, e.kind,"
                   " e.interactive, e.scroll, e.engaged_ms");
    for (size_t i = 0; i < WORDS - 1; i++)
        add_word(&sql, &s->words[i]);
    buf_adds(&sql, ", e.props, e.revenue_milli");
    add_word(&sql, &s->words[WORDS - 1]);
    buf_adds(&sql, ", e.first, v.varies");
    sql_add_event_dims(&sql, "v.");
    buf_addf(&sql,
             " FROM event e JOIN seal_visit v ON e.visit = v.id WHERE e.site = %u AND e.day = %d",
             s->job->site, s->job->day);
    add_event_order(&sql, s->job->day);
    return seal_copy(c, s->job->root, size_of(s), &s->result->files[SEAL_EVENT], &sql, err);
}

int seal_put_rolls(duckdb_connection c, const char *root, enum seal_size size, const char *events,
                   const char *visits, struct seal_file *file, struct err *err) {
    if (!events || !visits)
        return err_set(err, ERR_NOMEM, "no memory for a statement");
    int code = seal_rolls(c, events, visits, err);
    if (code)
        return code;
    BUF_AUTO sql = {0};
    buf_adds(&sql, "SELECT * FROM seal_roll ORDER BY dim, day, value");
    return seal_copy(c, root, size, file, &sql, err);
}

static int put_rolls(duckdb_connection c, const struct sealing *s, struct err *err) {
    struct seal_file *files = s->result->files;
    BUF_AUTO events = {0};
    sql_add_file(&events, s->job->root, files[SEAL_EVENT].path, true);
    return seal_put_rolls(c, s->job->root, size_of(s), buf_cstr(&events), "seal_visit",
                          &files[SEAL_ROLL], err);
}

static int write_files(duckdb_connection c, void *arg, struct err *err) {
    struct sealing *s = arg;
    struct seal_result *r = s->result;
    int code = make_visits(c, s, err);
    if (code || r->visits == 0)
        return code;
    seal_paths(s->job->site, s->job->day, false, s->job->part, r->files);
    code = seal_make_folder(s->job->os, s->job->root, r->files[0].path, err);
    if (!code)
        code = make_words(c, s, err);
    if (!code)
        code = put_visits(c, s, err);
    if (!code)
        code = put_events(c, s, err);
    return code ? code : put_rolls(c, s, err);
}

int seal_write(duckdb_connection c, const struct seal_job *job, struct seal_result *ret,
               struct err *err) {
    struct seal_result result = {0};
    struct sealing s = {
        .job = job,
        .result = &result,
        .words = {{.name = "name"}, {.name = "hostname"}, {.name = "page"}, {.name = "currency"}}};
    int code = sql_in_transaction(c, write_files, &s, err);
    if (!code && result.visits)
        code = seal_publish(job->os, job->root, result.files, err);
    if (code)
        seal_abandon(job->os, job->root, result.files);
    if (!code)
        *ret = result;
    return code;
}

int seal_bases(duckdb_connection c, const char *root, const char *const *visit_paths, size_t count,
               int32_t day, uint32_t *ret_visit, uint32_t *ret_person, struct err *err) {
    uint64_t most[2] = {0};
    for (size_t i = 0; i < count; i++) {
        BUF_AUTO sql = {0};
        uint64_t here[2];
        buf_adds(&sql, "SELECT max(visit), max(person) FROM ");
        sql_add_file(&sql, root, visit_paths[i], false);
        buf_addf(&sql, " WHERE day = %d", day);
        int code = sql_numbers(c, &sql, here, 2, err);
        if (code)
            return code;
        for (size_t k = 0; k < 2; k++)
            most[k] = here[k] > most[k] ? here[k] : most[k];
    }
    *ret_visit = (uint32_t)most[0];
    *ret_person = (uint32_t)most[1];
    return 0;
}
