/* A day's rows of pages. */
#include "cell_private.h"

/* What a visit leaves on the page it entered by is known from `entry`: there, what differs from it. */
static void add_page_more(struct buf *sql, const struct unit *u, const char *plain) {
    cell_put_into(sql, u, "page_more");
    buf_addf(sql,
             ", page, entry, visits, again, more, other FROM (SELECT * FROM temp.cell_page WHERE"
             " page <> entry AND NOT (%s) UNION ALL SELECT cell, page, entry, any_value(run),"
             " sum(visits) AS v, sum(again) AS a, sum(more) AS m, sum(other) AS o FROM (SELECT *"
             " FROM temp.cell_page WHERE page = entry UNION ALL SELECT cell, entry, entry, run,"
             " -visits, -again, 0, 0 FROM temp.cell_entry) GROUP BY cell, page, entry HAVING %s)"
             " ORDER BY run, page, cell;",
             plain, cell_some);
}

static void add_again_pages(struct buf *sql, const struct unit *u) {
    unsigned bits = CELL_BITS | FIRST_OF(entry_page);
    cell_put_into(sql, u, "again_page");
    buf_addf(sql,
             ", page, entry, person, varies, flagged, (page, person) IN (SELECT page, person FROM"
             " temp.cell_mixed) FROM (SELECT v.cell, w.code AS page, v.entry, e.person,"
             " any_value(e.varies & %u) AS varies, bool_or(e.first & %u <> 0) AS flagged FROM ",
             bits, FIRST_PAGE);
    cell_put_events(sql, u);
    buf_addf(sql,
             " e JOIN temp.cell_visit v ON v.visit = e.visit JOIN cell.word w ON w.value = e.page"
             " WHERE e.kind < 2 AND e.varies & %u <> 0 GROUP BY v.cell, w.code, v.entry, e.person"
             " QUALIFY count(*) OVER (PARTITION BY w.code, e.person) > 1)"
             " ORDER BY page, entry, cell, person;",
             bits);
}

void cell_add_pages(struct buf *sql, const struct unit *u) {
    buf_adds(sql, "CREATE OR REPLACE TEMP TABLE cell_page AS SELECT cell, page, entry, run, visits,"
                  " visits - persons AS again, events - visits AS more, other FROM (SELECT v.cell,"
                  " w.code AS page, v.entry, any_value(v.run) AS run, count(*) AS events, count(*)"
                  " FILTER (e.kind = 1) AS other, ");
    buf_addf(sql,
             "count(*) FILTER (e.first & %u <> 0) AS persons, count(*) FILTER (e.first & %u <> 0)"
             " AS visits FROM ",
             FIRST_PAGE, FIRST_VISIT_PAGE);
    cell_put_events(sql, u);
    buf_adds(sql, " e JOIN temp.cell_visit v ON v.visit = e.visit JOIN cell.word w ON w.value ="
                  " e.page WHERE e.kind < 2 GROUP BY v.cell, w.code, v.entry);");
    static const char plain[] = "visits = 1 AND again = 0 AND more = 0 AND other = 0";
    cell_put_into(sql, u, "page_one");
    buf_addf(sql,
             ", page, entry FROM temp.cell_page WHERE page <> entry AND %s"
             " ORDER BY run, page, cell;",
             plain);
    add_page_more(sql, u, plain);
    add_again_pages(sql, u);
}
