/* The cells of one day, from a part's event and visit files.
 *
 * Rows of page_one and page_more come sorted by page, so that a filter by page reads a few row
 * groups; within a page by entry page and cell, which packs best. */
#include "cache_file.h"
#include "cell.h"
#include "seal_private.h"

/* Bits of CELL_DIMENSIONS in `first` and `varies`. */
static const unsigned cell_bits = 0
#define X(name) | FIRST_OF(name)
    CELL_DIMENSIONS(X)
#undef X
    ;

static const char dims[] = ""
#define X(name) ", " #name
    CELL_DIMENSIONS(X)
#undef X
    ;

struct unit {
    const struct cell_source *part;
    int32_t day;
};

static void add_rows(struct buf *sql, const struct unit *u, const char *path) {
    buf_adds(sql, "(SELECT * FROM read_parquet(");
    engine_quote(sql, path);
    buf_addf(sql, ") WHERE day = %d)", u->day);
}

static void add_visits(struct buf *sql, const struct unit *u) {
    add_rows(sql, u, u->part->visit_path);
}

static void add_events(struct buf *sql, const struct unit *u) {
    add_rows(sql, u, u->part->event_path);
}

/* "INSERT INTO cell.<table> SELECT cell, site, day" */
static void add_into(struct buf *sql, const struct unit *u, const char *table) {
    buf_addf(sql, "INSERT INTO cell.%s SELECT cell, %u, %d", table, u->part->site, u->day);
}

static void add_words(struct buf *sql, const struct unit *u) {
    buf_adds(sql, "INSERT INTO cell.word SELECT (SELECT coalesce(max(code), 0) FROM cell.word)"
                  " + row_number() OVER (), value FROM (SELECT entry_page AS value FROM ");
    add_visits(sql, u);
    buf_adds(sql, " UNION SELECT unnest([page, name]) FROM ");
    add_events(sql, u);
    buf_adds(sql, " WHERE kind < 2 EXCEPT SELECT value FROM cell.word);");
}

static void add_cells(struct buf *sql, const struct unit *u) {
    buf_adds(sql, "CREATE OR REPLACE TEMP TABLE cell_new AS SELECT ((SELECT coalesce(max(cell), 0)"
                  " FROM cell.cell) + row_number() OVER (ORDER BY ");
    buf_addf(sql,
             "%s))::UINTEGER AS cell, * FROM (SELECT %s, count(*) AS visits, sum(pageviews) AS "
             "pageviews, sum(events) AS events,"
             " sum(bounce) AS bounces, sum(duration_ms) AS duration_ms,"
             " count(*) FILTER (first & %u <> 0) AS n_person",
             dims + 2, dims + 2, FIRST_OF(person));
#define X(name) buf_addf(sql, ", count(*) FILTER (first & %u <> 0) AS n_" #name, FIRST_OF(name));
    CELL_DIMENSIONS(X)
#undef X
    buf_adds(sql, " FROM ");
    add_visits(sql, u);
    buf_addf(sql, " GROUP BY %s);", dims + 2);
    buf_addf(sql,
             "INSERT INTO cell.cell SELECT cell, %u, %d, %u, * EXCLUDE (cell) FROM temp.cell_new"
             " ORDER BY cell;",
             u->part->site, u->day, u->part->part);
}

/* One row a visit, with codes for texts. */
static void add_visit_codes(struct buf *sql, const struct unit *u) {
    buf_adds(sql, "CREATE OR REPLACE TEMP TABLE cell_visit AS SELECT v.visit, v.person, n.cell,"
                  " w.code AS entry, v.first, v.varies, v.pageviews, v.events, v.bounce,"
                  " v.duration_ms FROM ");
    add_visits(sql, u);
    buf_adds(sql, " v JOIN cell.word w ON w.value = v.entry_page JOIN temp.cell_new n ON true");
#define X(name) buf_adds(sql, " AND n." #name " = v." #name);
    CELL_DIMENSIONS(X)
#undef X
    buf_adds(sql, ";");
}

static void add_entries(struct buf *sql, const struct unit *u) {
    add_into(sql, u, "entry");
    buf_addf(sql,
             ", entry, count(*), count(*) FILTER (first & %u = 0), sum(events)::INTEGER - count(*),"
             " sum(events - pageviews), sum(bounce), sum(duration_ms) FROM temp.cell_visit"
             " GROUP BY cell, entry ORDER BY entry, cell;",
             FIRST_OF(entry_page));
}

static void add_again(struct buf *sql, const struct unit *u) {
    add_into(sql, u, "again");
    buf_addf(sql,
             ", person, any_value(varies & %u) AS varies, bit_or(first & %u) FROM temp.cell_visit"
             " WHERE varies & %u <> 0 GROUP BY cell, person ORDER BY varies, cell, person;",
             cell_bits, cell_bits | FIRST_OF(person), cell_bits);
    add_into(sql, u, "again_entry");
    buf_addf(sql,
             ", entry, person, varies, flagged FROM (SELECT cell, entry, person, any_value(varies &"
             " %u) AS varies, bool_or(first & %u <> 0) AS flagged FROM temp.cell_visit WHERE varies"
             " & %u <> 0 GROUP BY cell, entry, person QUALIFY count(*) OVER (PARTITION BY entry,"
             " person) > 1) ORDER BY entry, cell, person;",
             cell_bits, FIRST_OF(entry_page), cell_bits);
}

static void add_pages(struct buf *sql, const struct unit *u) {
    buf_adds(sql, "CREATE OR REPLACE TEMP TABLE cell_page AS SELECT cell, page, entry, visits,"
                  " visits - persons AS again, events - visits AS more, other FROM (SELECT v.cell,"
                  " w.code AS page, v.entry, count(*) AS events, count(*) FILTER (e.kind = 1) AS"
                  " other, ");
    buf_addf(sql,
             "count(*) FILTER (e.first & %u <> 0) AS persons, count(*) FILTER (e.first & %u <> 0)"
             " AS visits FROM ",
             FIRST_PAGE, FIRST_VISIT_PAGE);
    add_events(sql, u);
    buf_adds(sql, " e JOIN temp.cell_visit v ON v.visit = e.visit JOIN cell.word w ON w.value ="
                  " e.page WHERE e.kind < 2 GROUP BY v.cell, w.code, v.entry);");
    static const char plain[] = "visits = 1 AND again = 0 AND more = 0 AND other = 0";
    add_into(sql, u, "page_one");
    buf_addf(sql, ", page, entry FROM temp.cell_page WHERE %s ORDER BY page, entry, cell;", plain);
    add_into(sql, u, "page_more");
    buf_addf(sql,
             ", page, entry, visits, again, more, other FROM temp.cell_page WHERE NOT (%s) ORDER BY"
             " page, entry, cell;",
             plain);
}

static void add_again_pages(struct buf *sql, const struct unit *u) {
    unsigned bits = cell_bits | FIRST_OF(entry_page);
    add_into(sql, u, "again_page");
    buf_addf(sql,
             ", page, entry, person, varies, flagged, (page, person) IN (SELECT page, person FROM"
             " temp.cell_mixed) FROM (SELECT v.cell, w.code AS page, v.entry, e.person,"
             " any_value(e.varies & %u) AS varies, bool_or(e.first & %u <> 0) AS flagged FROM ",
             bits, FIRST_PAGE);
    add_events(sql, u);
    buf_addf(sql,
             " e JOIN temp.cell_visit v ON v.visit = e.visit JOIN cell.word w ON w.value = e.page"
             " WHERE e.kind < 2 AND e.varies & %u <> 0 GROUP BY v.cell, w.code, v.entry, e.person"
             " QUALIFY count(*) OVER (PARTITION BY w.code, e.person) > 1)"
             " ORDER BY page, entry, cell, person;",
             bits);
}

/* What persons did on pages where they did something else than view it: one row a visit, page and
 * name. `flagged` once a person, page and name. */
static void add_mixed(struct buf *sql, const struct unit *u) {
    buf_adds(sql, "CREATE OR REPLACE TEMP TABLE cell_mixed AS SELECT v.cell, v.entry, p.code AS"
                  " page, n.code AS name, e.visit, e.person, count(*) AS events, count(*) FILTER"
                  " (e.kind = 1) AS other, ");
    buf_addf(sql,
             "any_value(e.varies & %u) AS varies, bool_or(e.first & %u <> 0) AS of_page, e.visit ="
             " min(e.visit) OVER (PARTITION BY p.code, n.code, e.person) AS flagged FROM ",
             cell_bits | FIRST_OF(entry_page), FIRST_PAGE);
    add_events(sql, u);
    buf_adds(sql, " e JOIN temp.cell_visit v ON v.visit = e.visit JOIN cell.word p ON p.value ="
                  " e.page JOIN cell.word n ON n.value = e.name WHERE e.kind < 2 AND"
                  " (e.page, e.person) IN (SELECT page, person FROM ");
    add_events(sql, u);
    buf_adds(sql, " WHERE kind < 2 AND name <> 'pageview') GROUP BY v.cell, v.entry, p.code,"
                  " n.code, e.visit, e.person;");
}

/* `page` under its name, taken back where something else was done; then all of that. */
static void add_pairs(struct buf *sql, const struct unit *u) {
    add_into(sql, u, "pair_more");
    buf_addf(sql,
             ", page, entry, name, sum(visits) AS visits, sum(again) AS again, sum(more) AS more,"
             " sum(other) AS other FROM (SELECT cell, page, entry, name, 1 AS visits,"
             " (NOT flagged)::INTEGER AS again, events - 1 AS more, other FROM temp.cell_mixed"
             " UNION ALL SELECT cell, page, entry, %d, -1, -(NOT bool_or(of_page))::INTEGER,"
             " 1 - sum(events), -sum(other) FROM temp.cell_mixed GROUP BY cell, page, entry, visit)"
             " GROUP BY cell, page, entry, name HAVING visits <> 0 OR again <> 0 OR more <> 0 OR"
             " other <> 0 ORDER BY page, name, entry, cell;",
             CELL_PAGEVIEW);
    add_into(sql, u, "again_pair_more");
    buf_adds(sql, ", page, entry, name, person, any_value(varies), bool_or(flagged) FROM"
                  " temp.cell_mixed WHERE varies <> 0 GROUP BY cell, page, entry, name, person"
                  " QUALIFY count(*) OVER (PARTITION BY page, name, person) > 1"
                  " ORDER BY page, name, entry, cell, person;");
}

static void add_names(struct buf *sql, const struct unit *u) {
    static const char from[] = " e JOIN temp.cell_visit v ON v.visit = e.visit JOIN cell.word w ON"
                               " w.value = e.name WHERE e.kind < 2";
    add_into(sql, u, "name");
    buf_addf(sql,
             ", name, visits, visits - persons, events - visits, other FROM (SELECT v.cell, w.code"
             " AS name, count(*) AS events, count(*) FILTER (e.kind = 1) AS other, count(*) FILTER"
             " (e.first & %u <> 0) AS persons, count(*) FILTER (e.first & %u <> 0) AS visits FROM ",
             FIRST_NAME, FIRST_VISIT_NAME);
    add_events(sql, u);
    buf_addf(sql, "%s GROUP BY v.cell, w.code) ORDER BY name, cell;", from);
    add_into(sql, u, "again_name");
    buf_addf(sql,
             ", name, person, varies, flagged FROM (SELECT v.cell, w.code AS name, e.person,"
             " any_value(e.varies & %u) AS varies, bool_or(e.first & %u <> 0) AS flagged FROM ",
             cell_bits, FIRST_NAME);
    add_events(sql, u);
    buf_addf(sql,
             "%s AND e.varies & %u <> 0 GROUP BY v.cell, w.code, e.person QUALIFY count(*) OVER"
             " (PARTITION BY w.code, e.person) > 1) ORDER BY name, varies, cell, person;",
             from, cell_bits);
}

static int build_day(duckdb_connection c, const struct unit *u, struct err *err) {
    BUF_AUTO sql = {0};
    add_words(&sql, u);
    add_cells(&sql, u);
    add_visit_codes(&sql, u);
    add_entries(&sql, u);
    add_again(&sql, u);
    add_names(&sql, u);
    add_pages(&sql, u);
    add_mixed(&sql, u);
    add_again_pages(&sql, u);
    add_pairs(&sql, u);
    buf_addf(&sql, "INSERT INTO cell.built VALUES (%u, %d);", u->part->part, u->day);
    buf_adds(&sql, "DROP TABLE temp.cell_new; DROP TABLE temp.cell_visit;"
                   "DROP TABLE temp.cell_page; DROP TABLE temp.cell_mixed;");
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
