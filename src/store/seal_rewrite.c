/* Only persons that were on such a page are worked on: flags move among the rows of one person, and
 * nobody else's change. Everything else is copied as it stands, in its order:
 *   seal_touched  the persons (day, person)
 *   seal_row      of each of their events: row in its file, day, visit, drop
 *   seal_base …   of each of their visits that stays (see seal_private.h)
 *   seal_change   of each of their events that stays: row, first
 * Rows are found again by their number in the file, and visits by day << 32 | visit. */
#include "seal_rewrite.h"

#include "seal_private.h"

struct rewriting {
    const struct rewrite_job *job;
    struct rewrite_result *result;
    struct buf events, visits; /* the relations read, with file_row_number */
    uint64_t with_vitals;      /* 1: the events have such columns */
};

static void release(struct rewriting *w) {
    buf_release(&w->events);
    buf_release(&w->visits);
}

static void add_numbered(struct buf *out, const struct rewriting *w, enum seal_kind kind) {
    BUF_AUTO path = {0};
    buf_addf(&path, "%s/%s", w->job->root, w->job->input.paths[kind]);
    const char *text = buf_cstr(&path);
    out->failed |= !text;
    buf_adds(out, "read_parquet(");
    if (text)
        engine_quote(out, text);
    buf_adds(out, ", file_row_number = true)");
}

/* "(<column> is such a page, on such a day)"; `of` is the relation with its dot, or "". */
static void add_match(struct buf *sql, const struct rewriting *w, const char *of,
                      const char *column) {
    struct span page = w->job->page;
    buf_addf(sql, "(%sday < %d", of, w->job->before);
    if (page.len) {
        bool prefix = span_ends(page, SPAN_LIT("*"));
        BUF_AUTO text = {0};
        buf_add(&text, span_head(page, page.len - prefix));
        const char *value = buf_cstr(&text);
        sql->failed |= !value;
        buf_addf(sql, prefix ? " AND starts_with(%s%s, " : " AND (%s%s = ", of, column);
        engine_quote(sql, value ? value : "");
        buf_adds(sql, ")");
    }
    buf_adds(sql, ")");
}

static int find_rows(duckdb_connection c, const struct rewriting *w, struct err *err) {
    BUF_AUTO sql = {0};
    buf_addf(&sql, "CREATE TEMP TABLE seal_touched AS SELECT DISTINCT day, person FROM %s WHERE ",
             w->events.data);
    add_match(&sql, w, "", "page");
    buf_adds(&sql, ";CREATE TEMP TABLE seal_row AS SELECT e.file_row_number AS pos, day, visit,"
                   " person, kind, ");
    add_match(&sql, w, "", "page");
    buf_addf(&sql, " AS drop FROM %s e SEMI JOIN seal_touched USING (day, person)", w->events.data);
    return sql_run(c, &sql, err);
}

/* Visits of touched persons that keep a counted event, with what is left of them. */
static int make_base(duckdb_connection c, const struct rewriting *w, struct err *err) {
    BUF_AUTO sql = {0};
    buf_addf(
        &sql,
        "CREATE TEMP TABLE seal_left AS SELECT day, visit, count(*) FILTER (kind = 0)::UINTEGER"
        " AS pageviews, count(*)::UINTEGER AS events FROM seal_row WHERE NOT drop AND kind < 2"
        " GROUP BY day, visit;"
        "CREATE TEMP TABLE seal_base AS SELECT v.day::UBIGINT << 32 | v.visit AS id, v.day,"
        " v.visit AS its_visit, v.person AS its_person, v.hour, v.start_sec, l.pageviews, "
        "l.events, v.bounce,"
        " v.duration_ms, v.hostname");
    for (size_t i = 0; i < SEAL_DIMS; i++) {
        const char *dim = seal_dim(i);
        if (i + 1 != FIRST_AT_entry_page && i + 1 != FIRST_AT_exit_page) {
            buf_addf(&sql, ", v.%s", dim);
            continue;
        }
        buf_adds(&sql, ", CASE WHEN ");
        add_match(&sql, w, "v.", dim);
        buf_addf(&sql, " THEN '' ELSE %s END AS %s", dim, dim);
    }
    buf_addf(
        &sql,
        " FROM %s v JOIN seal_left l ON l.day = v.day AND l.visit = v.visit;"
        "CREATE TEMP TABLE seal_number AS SELECT rowid AS pos, its_visit AS visit,"
        " its_person AS person, count(*) OVER (PARTITION BY day, its_person) AS n FROM seal_base",
        w->visits.data);
    return sql_run(c, &sql, err);
}

/* The flags of first.h, by their definition. */
static const struct {
    enum event_first bit;
    const char *of, *at;
} flags[] = {
    {FIRST_PERSON, "person", ""},
    {FIRST_PAGE, "person", ", page"},
    {FIRST_NAME, "person", ", CASE kind WHEN 0 THEN 'pageview' ELSE name END"},
    {FIRST_HOSTNAME, "person", ", hostname"},
    {FIRST_HOUR, "person", ", hour"},
    {FIRST_VISIT, "visit", ""},
    {FIRST_VISIT_PAGE, "visit", ", page"},
    {FIRST_VISIT_NAME, "visit", ", CASE kind WHEN 0 THEN 'pageview' ELSE name END"},
    {FIRST_VISIT_HOSTNAME, "visit", ", hostname"},
    {FIRST_VISIT_HOUR, "visit", ", hour"},
};

static int make_changes(duckdb_connection c, const struct rewriting *w, struct err *err) {
    BUF_AUTO sql = {0};
    buf_adds(&sql, "CREATE TEMP TABLE seal_change AS SELECT pos, (0");
    for (size_t i = 0; i < ARRAY_LEN(flags); i++)
        buf_addf(&sql,
                 " + CASE WHEN row_number() OVER (PARTITION BY day, %s%s ORDER BY pos) = 1 THEN %d"
                 " ELSE 0 END",
                 flags[i].of, flags[i].at, (int)flags[i].bit);
    buf_addf(&sql,
             ")::UINTEGER AS first FROM (SELECT e.file_row_number AS pos, e.* FROM %s e WHERE"
             " file_row_number IN (SELECT pos FROM seal_row WHERE NOT drop AND kind < 2));"
             "CREATE TEMP TABLE seal_gone AS SELECT pos FROM seal_row r WHERE drop OR NOT EXISTS"
             " (SELECT 1 FROM seal_left l WHERE l.day = r.day AND l.visit = r.visit)",
             w->events.data);
    return sql_run(c, &sql, err);
}

/* seal_visit from seal_base and seal_number: with flags. */
static int make_visits(duckdb_connection c, struct err *err) {
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

/* What a row becomes: its own value where the visit was not touched. */
static void add_replaced(struct buf *sql, const char *const *columns, size_t count) {
    for (size_t i = 0; i < count; i++)
        buf_addf(sql, "%scoalesce(s.%s, o.%s) AS %s", i ? ", " : "", columns[i], columns[i],
                 columns[i]);
}

static int copy(duckdb_connection c, const struct rewriting *w, enum seal_kind kind,
                struct buf *select, struct err *err) {
    struct seal_target to = {
        .os = w->job->os, .root = w->job->root, .month = w->job->month, .vitals = w->with_vitals};
    return seal_copy(c, &to, kind, &w->result->part.files[kind], select, err);
}

static int put_visits(duckdb_connection c, const struct rewriting *w, struct err *err) {
    static const char *const changed[] = {"pageviews", "events", "entry_page",
                                          "exit_page", "first",  "varies"};
    BUF_AUTO sql = {0};
    buf_adds(&sql, "SELECT o.* EXCLUDE (file_row_number) REPLACE (");
    add_replaced(&sql, changed, ARRAY_LEN(changed));
    buf_addf(&sql,
             ") FROM %s o LEFT JOIN seal_visit s ON s.id = o.day::UBIGINT << 32 | o.visit"
             " WHERE s.id IS NOT NULL OR NOT EXISTS (SELECT 1 FROM seal_touched t WHERE t.day ="
             " o.day AND t.person = o.person) ORDER BY o.day, o.visit",
             w->visits.data);
    return copy(c, w, SEAL_VISIT, &sql, err);
}

static int put_events(duckdb_connection c, const struct rewriting *w, struct err *err) {
    static const char *const changed[] = {"varies"};
    BUF_AUTO sql = {0};
    buf_adds(&sql, "SELECT o.* EXCLUDE (file_row_number) REPLACE (");
    add_replaced(&sql, changed, ARRAY_LEN(changed));
    buf_addf(&sql,
             ", coalesce(f.first, o.first) AS first) FROM %s o"
             " LEFT JOIN seal_visit s ON s.id = o.day::UBIGINT << 32 | o.visit"
             " LEFT JOIN seal_change f ON f.pos = o.file_row_number"
             " WHERE o.file_row_number NOT IN (SELECT pos FROM seal_gone)"
             " ORDER BY o.file_row_number",
             w->events.data);
    return copy(c, w, SEAL_EVENT, &sql, err);
}

static int put_rolls(duckdb_connection c, const struct rewriting *w, struct err *err) {
    int code = seal_rolls(c, w->job->root, w->result->part.files, true, err);
    if (code)
        return code;
    BUF_AUTO sql = {0};
    buf_adds(&sql, "SELECT * FROM seal_roll ORDER BY dim, day, value");
    return copy(c, w, SEAL_ROLL, &sql, err);
}

/* How many events and visits go, and whether any visit is left. */
static int count_gone(duckdb_connection c, const struct rewriting *w, uint64_t *ret_before,
                      struct err *err) {
    BUF_AUTO sql = {0};
    uint64_t n[3] = {0};
    buf_addf(&sql,
             "SELECT (SELECT count(*) FROM seal_gone), (SELECT count(*) FROM (SELECT DISTINCT day,"
             " visit FROM seal_row)) - (SELECT count(*) FROM seal_left), (SELECT count(*) FROM %s)",
             w->visits.data);
    int code = sql_numbers(c, &sql, n, 3, err);
    w->result->events_dropped = n[0];
    w->result->visits_dropped = n[1];
    *ret_before = n[2];
    return code;
}

static int write_files(duckdb_connection c, void *arg, struct err *err) {
    struct rewriting *w = arg;
    const struct rewrite_job *job = w->job;
    struct seal_result *part = &w->result->part;
    uint64_t before = 0;
    int code = sql_count_vitals(c, job->root, &job->input, 1, &w->with_vitals, err);
    if (!code)
        code = find_rows(c, w, err);
    if (!code)
        code = make_base(c, w, err);
    if (!code)
        code = make_changes(c, w, err);
    if (!code)
        code = count_gone(c, w, &before, err);
    if (code || w->result->events_dropped == 0 || w->result->visits_dropped == before)
        return code;
    part->visits = before - w->result->visits_dropped;
    seal_paths(job->site, job->day, job->month, job->part, part->files);
    code = seal_make_folder(job->os, job->root, part->files[0].path, err);
    if (!code)
        code = make_visits(c, err);
    if (!code)
        code = put_visits(c, w, err);
    if (!code)
        code = put_events(c, w, err);
    return code ? code : put_rolls(c, w, err);
}

int seal_rewrite(duckdb_connection c, const struct rewrite_job *job, struct rewrite_result *ret,
                 struct err *err) {
    struct rewrite_result result = {0};
    CLEANUP(release) struct rewriting w = {.job = job, .result = &result};
    add_numbered(&w.events, &w, SEAL_EVENT);
    add_numbered(&w.visits, &w, SEAL_VISIT);
    if (!buf_cstr(&w.events) || !buf_cstr(&w.visits))
        return err_set(err, ERR_NOMEM, "no memory for a statement");
    int code = sql_in_transaction(c, write_files, &w, err);
    if (!code && result.part.visits)
        code = seal_publish(job->os, job->root, result.part.files, err);
    if (code)
        seal_abandon(job->os, job->root, result.part.files);
    if (!code)
        *ret = result;
    return code;
}
