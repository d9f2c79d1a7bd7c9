/* A site's day from the hot tables into files. See seal.h for what they hold. */
#include "seal_private.h"

enum { MOST_WORDS = 100000 };

/* A text column that goes through sorting and writing as numbers: an ENUM of the day's values,
 * which is most of this code's speed. One with too many values stays text. */
struct word_column {
    const char *table; /* where its values are */
    const char *name;
    bool is_enum;
};

enum {
    WORDS_OF_EVENT = 4,
    WORDS_OF_VISIT = SEAL_DIMS + 1,
    WORDS = WORDS_OF_EVENT + WORDS_OF_VISIT,
};

struct sealing {
    const struct seal_job *job;
    struct seal_result *result;
    struct word_column words[WORDS];
};

static void name_words(struct word_column words[WORDS]) {
    static const char *const of_event[WORDS_OF_EVENT] = {"name", "hostname", "page", "currency"};
    for (size_t i = 0; i < WORDS_OF_EVENT; i++)
        words[i] = (struct word_column){.table = "event", .name = of_event[i]};
    struct word_column *of_visit = words + WORDS_OF_EVENT;
    of_visit[0] = (struct word_column){.table = "visit", .name = "hostname"};
    for (size_t i = 0; i < SEAL_DIMS; i++)
        of_visit[i + 1] = (struct word_column){.table = "visit", .name = seal_dim(i)};
}

static void add_site_day(struct buf *sql, const struct seal_job *job) {
    buf_addf(sql, " WHERE site = %u AND day = %d", job->site, job->day);
}

/* The empty text is always among the words: a type needs one at least. */
static int make_words(duckdb_connection c, struct sealing *s, struct err *err) {
    BUF_AUTO sql = {0};
    BUF_AUTO sizes = {0};
    for (size_t i = 0; i < WORDS; i++) {
        const struct word_column *w = &s->words[i];
        buf_addf(&sql,
                 "CREATE TEMP TYPE seal_%s_%s AS ENUM (SELECT '' UNION (SELECT DISTINCT %s FROM %s",
                 w->table, w->name, w->name, w->table);
        add_site_day(&sql, s->job);
        buf_addf(&sql, " LIMIT %d) ORDER BY 1)", MOST_WORDS);
        int code = sql_run(c, &sql, err);
        if (code)
            return code;
        buf_addf(&sizes, "%slen(enum_range(NULL::seal_%s_%s))", i ? ", " : "SELECT ", w->table,
                 w->name);
    }
    uint64_t counts[WORDS];
    int code = sql_numbers(c, &sizes, counts, WORDS, err);
    for (size_t i = 0; !code && i < WORDS; i++)
        s->words[i].is_enum = counts[i] < MOST_WORDS;
    return code;
}

/* ", <prefix><name>::<type> AS <name>" */
static void add_word(struct buf *sql, const struct word_column *w, const char *prefix) {
    if (w->is_enum)
        buf_addf(sql, ", %s%s::seal_%s_%s AS %s", prefix, w->name, w->table, w->name, w->name);
    else
        buf_addf(sql, ", %s%s AS %s", prefix, w->name, w->name);
}

/* The last state of each visit that is. */
static int find_visits(duckdb_connection c, const struct sealing *s, uint64_t *ret_count,
                       struct err *err) {
    BUF_AUTO sql = {0};
    buf_adds(&sql, "CREATE TEMP TABLE seal_last AS SELECT max(rowid) FILTER (sign = 1) AS last"
                   " FROM visit");
    add_site_day(&sql, s->job);
    buf_adds(&sql, " GROUP BY visit HAVING sum(sign) > 0");
    int code = sql_run(c, &sql, err);
    buf_adds(&sql, "SELECT count(*) FROM seal_last");
    return code ? code : sql_numbers(c, &sql, ret_count, 1, err);
}

/* The tie-break is a hash of the visit's hot number and of a secret that nobody keeps. */
static int make_base(duckdb_connection c, const struct sealing *s, struct err *err) {
    BUF_AUTO sql = {0};
    uint64_t secret[2];
    crypt_random(secret, sizeof(secret));
    buf_adds(&sql, "CREATE TEMP TABLE seal_base AS SELECT visit AS id, day, visitor, hour,"
                   " start_ms // 1000 AS start_sec, pageviews, events, bounce,"
                   " duration_ms::UINTEGER AS duration_ms");
    for (size_t i = WORDS_OF_EVENT; i < WORDS; i++)
        add_word(&sql, &s->words[i], "");
    buf_adds(&sql, " FROM visit");
    add_site_day(&sql, s->job);
    buf_addf(&sql,
             " AND rowid IN (SELECT last FROM seal_last)"
             " ORDER BY channel, source, country, device, os, browser, entry_page,"
             " hash(id, %llu::UBIGINT, %llu::UBIGINT)",
             (unsigned long long)secret[0], (unsigned long long)secret[1]);
    int code = sql_run(c, &sql, err);
    crypt_wipe(sql.data, sql.cap);
    crypt_wipe(secret, sizeof(secret));
    return code;
}

/* Rows of this transaction's own tables are numbered from somewhere, in order. */
static int make_numbers(duckdb_connection c, const struct sealing *s, struct err *err) {
    BUF_AUTO sql = {0};
    buf_addf(&sql,
             "CREATE TEMP TABLE seal_person AS SELECT visitor, min(rowid) AS least, count(*) AS n"
             " FROM seal_base GROUP BY visitor ORDER BY least;"
             "CREATE TEMP TABLE seal_number AS SELECT b.rowid AS pos,"
             " (b.rowid - (SELECT min(rowid) FROM seal_base) + 1 + %u)::UINTEGER AS visit,"
             " (p.rowid - (SELECT min(rowid) FROM seal_person) + 1 + %u)::UINTEGER AS person,"
             " p.n FROM seal_base b JOIN seal_person p ON b.visitor = p.visitor",
             s->job->base_visit, s->job->base_person);
    int code = sql_run(c, &sql, err);
    buf_adds(&sql, "SELECT count(*) FROM seal_person");
    return code ? code : sql_numbers(c, &sql, &s->result->persons, 1, err);
}

int seal_make_visits(duckdb_connection c, struct err *err) {
    int code = seal_flags(c, err);
    if (code)
        return code;
    BUF_AUTO sql = {0};
    buf_adds(&sql, "CREATE TEMP TABLE seal_visit AS SELECT id, day, visit, person, hour, start_sec,"
                   " pageviews, events, bounce, duration_ms, hostname");
    sql_add_dims(&sql, "");
    buf_addf(&sql,
             ", coalesce(first, %u)::UINTEGER AS first, coalesce(varies, 0)::UINTEGER AS varies"
             " FROM seal_base b JOIN seal_number m ON m.pos = b.rowid"
             " LEFT JOIN seal_flag f ON f.pos = b.rowid",
             SEAL_FIRST_ALL);
    return sql_run(c, &sql, err);
}

static int put_visits(duckdb_connection c, const struct sealing *s, struct err *err) {
    int code = seal_make_visits(c, err);
    if (code)
        return code;
    BUF_AUTO sql = {0};
    buf_adds(&sql, "SELECT * EXCLUDE (id) FROM seal_visit ORDER BY day, visit");
    return seal_copy(c, s->job->root, false, &s->result->files[SEAL_VISIT], &sql, err);
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
    for (size_t i = 0; i < WORDS_OF_EVENT - 1; i++)
        add_word(&sql, &s->words[i], "e.");
    buf_adds(&sql, ", e.props, e.revenue_milli");
    add_word(&sql, &s->words[WORDS_OF_EVENT - 1], "e.");
    buf_adds(&sql, ", e.first, v.varies");
    sql_add_event_dims(&sql, "v.");
    buf_addf(&sql,
             " FROM event e JOIN seal_visit v ON e.visit = v.id WHERE e.site = %u AND e.day = %d",
             s->job->site, s->job->day);
    add_event_order(&sql, s->job->day);
    return seal_copy(c, s->job->root, false, &s->result->files[SEAL_EVENT], &sql, err);
}

int seal_put_rolls(duckdb_connection c, const char *root, bool month, const char *events,
                   const char *visits, struct seal_file *file, struct err *err) {
    if (!events || !visits)
        return err_set(err, ERR_NOMEM, "no memory for a statement");
    int code = seal_rolls(c, events, visits, err);
    if (code)
        return code;
    BUF_AUTO sql = {0};
    buf_adds(&sql, "SELECT * FROM seal_roll ORDER BY dim, day, value");
    return seal_copy(c, root, month, file, &sql, err);
}

static int put_rolls(duckdb_connection c, const struct sealing *s, struct err *err) {
    struct seal_file *files = s->result->files;
    BUF_AUTO events = {0};
    sql_add_file(&events, s->job->root, files[SEAL_EVENT].path, true);
    return seal_put_rolls(c, s->job->root, false, buf_cstr(&events), "seal_visit",
                          &files[SEAL_ROLL], err);
}

static int write_files(duckdb_connection c, void *arg, struct err *err) {
    struct sealing *s = arg;
    struct seal_result *r = s->result;
    int code = find_visits(c, s, &r->visits, err);
    if (code || r->visits == 0)
        return code;
    seal_paths(s->job->site, s->job->day, false, s->job->part, r->files);
    code = seal_make_folder(s->job->os, s->job->root, r->files[0].path, err);
    if (!code)
        code = make_words(c, s, err);
    if (!code)
        code = make_base(c, s, err);
    if (!code)
        code = make_numbers(c, s, err);
    if (!code)
        code = put_visits(c, s, err);
    if (!code)
        code = put_events(c, s, err);
    return code ? code : put_rolls(c, s, err);
}

int seal_write(duckdb_connection c, const struct seal_job *job, struct seal_result *ret,
               struct err *err) {
    struct seal_result result = {0};
    struct sealing s = {.job = job, .result = &result};
    name_words(s.words);
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
