/* A day's rows of names, and of pages and names together. */
#include "cell_private.h"

const char cell_some[] = "v <> 0 OR a <> 0 OR m <> 0 OR o <> 0";

static const char joined[] = " e JOIN temp.cell_visit v ON v.visit = e.visit JOIN cell.word w ON"
                             " w.value = e.name WHERE e.kind < 2";

/* The rows by cell and name of persons who vary, but those who did nothing but view pages and whose
 * rows are those of `again`. */
static void add_again_names(struct buf *sql, const struct unit *u) {
    buf_addf(sql,
             "CREATE OR REPLACE TEMP TABLE cell_name AS SELECT v.cell, w.code AS name, e.person,"
             " any_value(e.varies & %u) AS varies, bool_or(e.first & %u <> 0) AS flagged FROM ",
             CELL_BITS, FIRST_NAME);
    cell_put_events(sql, u);
    buf_addf(sql, "%s AND e.varies & %u <> 0 GROUP BY v.cell, w.code, e.person;", joined,
             CELL_BITS);
    buf_addf(sql,
             "CREATE OR REPLACE TEMP TABLE cell_other AS SELECT DISTINCT person FROM (SELECT cell,"
             " name, person, flagged, 1 AS n FROM temp.cell_name UNION ALL SELECT cell, %d, person,"
             " bool_or(first & %u <> 0), -1 FROM temp.cell_visit WHERE varies & %u <> 0 GROUP BY"
             " cell, person) GROUP BY cell, name, person, flagged HAVING sum(n) <> 0;",
             CELL_PAGEVIEW, FIRST_OF(person), CELL_BITS);
    cell_put_into(sql, u, "again_name_more");
    buf_adds(sql, ", name, person, varies, flagged FROM temp.cell_name WHERE person IN (FROM"
                  " temp.cell_other) ORDER BY name, varies, cell, person;");
}

/* What differs from cells whose visits view pages and do nothing else. */
void cell_add_names(struct buf *sql, const struct unit *u) {
    cell_put_into(sql, u, "name_more");
    buf_addf(sql,
             ", name, sum(visits) AS v, sum(again) AS a, sum(more) AS m, sum(other) AS o FROM"
             " (SELECT cell, name, visits, visits - persons AS again, events - visits AS more,"
             " other FROM (SELECT v.cell, w.code AS name, count(*) AS events, count(*) FILTER"
             " (e.kind = 1) AS other, count(*) FILTER (e.first & %u <> 0) AS persons, count(*)"
             " FILTER (e.first & %u <> 0) AS visits FROM ",
             FIRST_NAME, FIRST_VISIT_NAME);
    cell_put_events(sql, u);
    buf_addf(sql,
             "%s GROUP BY v.cell, w.code) UNION ALL SELECT cell, %d, -visits, n_person - visits,"
             " visits - pageviews, 0 FROM temp.cell_new) GROUP BY cell, name HAVING %s"
             " ORDER BY name, cell;",
             joined, CELL_PAGEVIEW, cell_some);
    add_again_names(sql, u);
}

/* What persons did on pages where they did something else than view it: one row a visit, page and
 * name. `flagged` once a person, page and name. */
void cell_add_mixed(struct buf *sql, const struct unit *u) {
    buf_adds(sql, "CREATE OR REPLACE TEMP TABLE cell_mixed AS SELECT v.cell, v.entry, p.code AS"
                  " page, n.code AS name, e.visit, e.person, count(*) AS events, count(*) FILTER"
                  " (e.kind = 1) AS other, ");
    buf_addf(sql,
             "any_value(e.varies & %u) AS varies, bool_or(e.first & %u <> 0) AS of_page, e.visit ="
             " min(e.visit) OVER (PARTITION BY p.code, n.code, e.person) AS flagged FROM ",
             CELL_BITS | FIRST_OF(entry_page), FIRST_PAGE);
    cell_put_events(sql, u);
    buf_adds(sql, " e JOIN temp.cell_visit v ON v.visit = e.visit JOIN cell.word p ON p.value ="
                  " e.page JOIN cell.word n ON n.value = e.name WHERE e.kind < 2 AND"
                  " (e.page, e.person) IN (SELECT page, person FROM ");
    cell_put_events(sql, u);
    buf_adds(sql, " WHERE kind < 2 AND name <> 'pageview') GROUP BY v.cell, v.entry, p.code,"
                  " n.code, e.visit, e.person;");
}

/* `page` under its name, taken back where something else was done; then all of that. */
void cell_add_pairs(struct buf *sql, const struct unit *u) {
    cell_put_into(sql, u, "pair_more");
    buf_addf(sql,
             ", page, entry, name, sum(visits) AS v, sum(again) AS a, sum(more) AS m, sum(other) AS"
             " o FROM (SELECT cell, page, entry, name, 1 AS visits, (NOT flagged)::INTEGER AS"
             " again, events - 1 AS more, other FROM temp.cell_mixed"
             " UNION ALL SELECT cell, page, entry, %d, -1, -(NOT bool_or(of_page))::INTEGER,"
             " 1 + sum(other) - sum(events), 0 FROM temp.cell_mixed GROUP BY cell, page, entry,"
             " visit) GROUP BY cell, page, entry, name HAVING %s ORDER BY page, name, entry, cell;",
             CELL_PAGEVIEW, cell_some);
    cell_put_into(sql, u, "again_pair_more");
    buf_adds(sql, ", page, entry, name, person, any_value(varies), bool_or(flagged) FROM"
                  " temp.cell_mixed WHERE varies <> 0 GROUP BY cell, page, entry, name, person"
                  " QUALIFY count(*) OVER (PARTITION BY page, name, person) > 1"
                  " ORDER BY page, name, entry, cell, person;");
}
