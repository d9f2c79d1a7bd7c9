/* The cells of one day, from a part's event and visit files.
 *
 * Rows of entries and pages come in runs: by how often their cell and their entry page are met that
 * day, since the engine packs numbers in groups by their greatest; within a run by page, so that a
 * filter by page reads a few row groups of each. */
#include "cache_file.h"
#include "cell_private.h"

static const char dims[] = ""
#define X(name) ", " #name
    CELL_DIMENSIONS(X)
#undef X
    ;

static void add_rows(struct buf *sql, const struct unit *u, const char *path) {
    buf_adds(sql, "(SELECT * FROM read_parquet(");
    engine_quote(sql, path);
    buf_addf(sql, ") WHERE day = %d)", u->day);
}

void cell_put_visits(struct buf *sql, const struct unit *u) {
    add_rows(sql, u, u->part->visit_path);
}

void cell_put_events(struct buf *sql, const struct unit *u) {
    add_rows(sql, u, u->part->event_path);
}

void cell_put_into(struct buf *sql, const struct unit *u, const char *table) {
    buf_addf(sql, "INSERT INTO cell.%s SELECT cell, %u, %d", table, u->part->site, u->day);
}

/* Frequent words get small codes. */
static void add_words(struct buf *sql, const struct unit *u) {
    buf_adds(sql, "INSERT INTO cell.word SELECT (SELECT max(code) FROM cell.word) + row_number()"
                  " OVER (ORDER BY sum(n) DESC), value FROM (SELECT entry_page AS value, count(*)"
                  " AS n FROM ");
    cell_put_visits(sql, u);
    buf_adds(sql, " GROUP BY entry_page UNION ALL SELECT unnest([page, name]), n FROM (SELECT page,"
                  " name, count(*) AS n FROM ");
    cell_put_events(sql, u);
    buf_adds(sql, " WHERE kind < 2 GROUP BY page, name)) WHERE value NOT IN (SELECT value FROM"
                  " cell.word) GROUP BY value;");
}

/* Cells are numbered by how often they are met, and within that by what they are. */
static void add_cells(struct buf *sql, const struct unit *u) {
    buf_addf(sql,
             "CREATE OR REPLACE TEMP TABLE cell_new AS SELECT ((SELECT coalesce(max(cell), 0) FROM"
             " cell.cell) + row_number() OVER (ORDER BY rarity%s))::UINTEGER AS cell, * FROM"
             " (SELECT *, CASE WHEN rank <= 256 THEN 0 WHEN rank <= 2048 THEN 1 ELSE 2 END AS"
             " rarity FROM (SELECT %s, count(*) AS visits, sum(pageviews) AS"
             " pageviews, sum(events) AS events,"
             " sum(bounce) AS bounces, sum(duration_ms) AS duration_ms,"
             " count(*) FILTER (first & %u <> 0) AS n_person",
             dims, dims + 2, FIRST_OF(person));
#define X(name) buf_addf(sql, ", count(*) FILTER (first & %u <> 0) AS n_" #name, FIRST_OF(name));
    CELL_DIMENSIONS(X)
#undef X
    buf_adds(sql, ", row_number() OVER (ORDER BY count(*) DESC) AS rank FROM ");
    cell_put_visits(sql, u);
    buf_addf(sql, " GROUP BY %s));", dims + 2);
    buf_addf(sql,
             "INSERT INTO cell.cell SELECT cell, %u, %d, %u, * EXCLUDE (cell, rank, rarity) FROM"
             " temp.cell_new ORDER BY cell;",
             u->part->site, u->day, u->part->part);
}

/* One row a visit, with codes for texts. */
static void add_visit_codes(struct buf *sql, const struct unit *u) {
    buf_adds(sql, "CREATE OR REPLACE TEMP TABLE cell_visit AS SELECT v.visit, v.person, n.cell,"
                  " w.code AS entry, n.rarity * 3 + CASE WHEN w.rank <= 16 THEN 0 WHEN w.rank <="
                  " 256 THEN 1 ELSE 2 END AS run, v.first, v.varies, v.pageviews, v.events,"
                  " v.bounce, v.duration_ms FROM ");
    cell_put_visits(sql, u);
    buf_adds(sql, " v JOIN (SELECT code, value, row_number() OVER (ORDER BY count(*) DESC) AS rank"
                  " FROM ");
    cell_put_visits(sql, u);
    buf_adds(sql, " JOIN cell.word ON value = entry_page GROUP BY code, value) w ON w.value ="
                  " v.entry_page JOIN temp.cell_new n ON true");
#define X(name) buf_adds(sql, " AND n." #name " = v." #name);
    CELL_DIMENSIONS(X)
#undef X
    buf_adds(sql, ";");
}

static void add_entries(struct buf *sql, const struct unit *u) {
    buf_addf(sql,
             "CREATE OR REPLACE TEMP TABLE cell_entry AS SELECT cell, entry, any_value(run) AS run,"
             " count(*) AS visits, count(*) FILTER (first & %u = 0) AS again, sum(events)::BIGINT -"
             " count(*) AS more, sum(events - pageviews)::BIGINT AS other, sum(bounce) AS bounces,"
             " sum(duration_ms) AS duration_ms FROM temp.cell_visit GROUP BY cell, entry;",
             FIRST_OF(entry_page));
    static const char bounce[] = "(visits = 1 AND again = 0 AND more = 0 AND other = 0 AND bounces"
                                 " = 1 AND duration_ms = 0)";
    static const char one[] = "(visits = 1 AND again = 0 AND more >= 0 AND bounces = 0)";
    static const char order[] = "ORDER BY run, entry, cell;";
    cell_put_into(sql, u, "entry_bounce");
    buf_addf(sql, ", entry FROM temp.cell_entry WHERE %s %s", bounce, order);
    cell_put_into(sql, u, "entry_one");
    buf_addf(sql, ", entry, more, other, duration_ms FROM temp.cell_entry WHERE %s %s", one, order);
    cell_put_into(sql, u, "entry_more");
    buf_addf(sql,
             ", entry, visits, again, more, other, bounces, duration_ms FROM temp.cell_entry WHERE"
             " NOT %s AND NOT %s %s",
             bounce, one, order);
}

static void add_again(struct buf *sql, const struct unit *u) {
    cell_put_into(sql, u, "again");
    buf_addf(sql,
             ", person, any_value(varies & %u) AS varies, bit_or(first & %u), person IN (SELECT"
             " person FROM temp.cell_other) FROM temp.cell_visit WHERE varies & %u <> 0 GROUP BY"
             " cell, person ORDER BY varies, 6, cell, person;",
             CELL_BITS, CELL_BITS | FIRST_OF(person), CELL_BITS);
    cell_put_into(sql, u, "again_entry");
    buf_addf(sql,
             ", entry, person, varies, flagged FROM (SELECT cell, entry, person, any_value(varies &"
             " %u) AS varies, bool_or(first & %u <> 0) AS flagged FROM temp.cell_visit WHERE varies"
             " & %u <> 0 GROUP BY cell, entry, person QUALIFY count(*) OVER (PARTITION BY entry,"
             " person) > 1) ORDER BY entry, cell, person;",
             CELL_BITS, FIRST_OF(entry_page), CELL_BITS);
}

static int build_day(duckdb_connection c, const struct unit *u, struct err *err) {
    BUF_AUTO sql = {0};
    add_words(&sql, u);
    add_cells(&sql, u);
    add_visit_codes(&sql, u);
    add_entries(&sql, u);
    cell_add_names(&sql, u);
    add_again(&sql, u);
    cell_add_mixed(&sql, u);
    cell_add_pages(&sql, u);
    cell_add_pairs(&sql, u);
    buf_addf(&sql, "INSERT INTO cell.built VALUES (%u, %d);", u->part->part, u->day);
    static const char *const temporary[] = {"new",   "visit", "entry", "name",
                                            "other", "mixed", "page"};
    for (size_t i = 0; i < ARRAY_LEN(temporary); i++)
        buf_addf(&sql, "DROP TABLE temp.cell_%s;", temporary[i]);
    return cache_change(c, &sql, err);
}

int cell_build(duckdb_connection c, const struct cell_source *part, bool *ret_complete,
               struct err *err) {
    BUF_AUTO sql = {0};
    uint64_t next[2] = {0};
    buf_addf(&sql,
             "SELECT count(*), min(d) - %d FROM range(%d, %d) t(d) WHERE d NOT IN (SELECT day FROM"
             " cell.built WHERE part = %u)",
             part->from_day, part->from_day, part->to_day + 1, part->part);
    int code = sql_numbers(c, &sql, next, 2, err);
    if (!code && next[0] > 0) {
        struct unit u = {.part = part, .day = part->from_day + (int32_t)next[1]};
        code = build_day(c, &u, err);
    }
    if (!code && next[0] <= 1) {
        buf_addf(&sql,
                 "INSERT INTO cell.loaded SELECT %u WHERE %u NOT IN (SELECT part FROM cell.loaded)",
                 part->part, part->part);
        code = sql_run(c, &sql, err);
    }
    if (!code)
        *ret_complete = next[0] <= 1;
    return code;
}
