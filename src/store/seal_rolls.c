/* The roll-ups of a day: for each value of each dimension what src/query gives for it, unfiltered.
 *
 * Unique persons and visits are sums of flags, so nothing here counts ids but the engagement of
 * pages, which has no flags. Where the figures of visits are split by what their events say (name,
 * hostname), the row that carries a visit's flag brings them, so that each visit comes once. */
#include "seal_private.h"

static const char visit_numbers[] =
    "count(*) AS entries, sum(bounce) AS bounces, sum(duration_ms) AS duration_ms,"
    " sum(pageviews) AS entry_pageviews";

void seal_roll_columns(struct buf *out) {
    buf_adds(out, "day, dim, value");
#define X(name, type) buf_adds(out, ", " #name);
    ROLL_NUMBERS(X)
#undef X
}

static void add_table(struct buf *sql) {
    buf_adds(sql, "CREATE TEMP TABLE seal_roll (day INTEGER, dim VARCHAR, value VARCHAR");
#define X(name, type) buf_adds(sql, ", " #name " " type);
    ROLL_NUMBERS(X)
#undef X
    buf_adds(sql, ")");
}

/* Visits split by one of their own attributes: they enter where they are. */
static void add_visit_dim(struct buf *sql, const char *visits, const char *dim, size_t bit) {
    buf_addf(sql,
             "INSERT INTO seal_roll BY NAME SELECT day, '%s' AS dim, %s::VARCHAR AS value,"
             " count(*) FILTER (first & %u <> 0) AS visitors, count(*) AS visits,"
             " sum(pageviews) AS pageviews, sum(events) AS events, %s,"
             " 0 AS engaged_ms, 0 AS engaged_visits, 0 AS scroll_sum, 0 AS scroll_visits"
             " FROM %s GROUP BY day, %s",
             dim, dim, 1U << bit, visit_numbers, visits, dim);
}

/* Engagement a visit (and page): time adds up, of scrolling the deepest counts. */
static void add_engagement(struct buf *sql, const char *events, bool by_page) {
    const char *page = by_page ? ", page" : "";
    buf_addf(sql,
             "SELECT day%s%s, sum(engaged_ms) AS engaged_ms, count(*) FILTER (engaged) AS"
             " engaged_visits, sum(scroll) AS scroll_sum, count(scroll) AS scroll_visits FROM"
             " (SELECT day, visit%s, sum(engaged_ms) FILTER (kind = 2) AS engaged_ms,"
             " bool_or(kind = 2) AS engaged, max(scroll) FILTER (scroll <> 255) AS scroll"
             " FROM %s WHERE kind = 2 OR scroll <> 255 GROUP BY day, visit%s) GROUP BY day%s",
             page, by_page ? " AS value" : "", page, events, page, page);
}

static const char engagement_numbers[] =
    "coalesce(g.engaged_ms, 0) AS engaged_ms, coalesce(g.engaged_visits, 0) AS engaged_visits,"
    " coalesce(g.scroll_sum, 0) AS scroll_sum, coalesce(g.scroll_visits, 0) AS scroll_visits";

static void add_person(struct buf *sql, const char *events, const char *visits) {
    buf_addf(sql,
             "INSERT INTO seal_roll BY NAME SELECT v.*, %s FROM (SELECT day, 'person' AS dim,"
             " '' AS value, count(*) FILTER (first & %u <> 0) AS visitors, count(*) AS visits,"
             " sum(pageviews) AS pageviews, sum(events) AS events, %s FROM %s GROUP BY day) v"
             " LEFT JOIN (",
             engagement_numbers, FIRST_OF(person), visit_numbers, visits);
    add_engagement(sql, events, false);
    buf_adds(sql, ") g ON v.day = g.day");
}

/* Counted events split by what they say; `person` and `visit` are the flags that go with it. */
static void add_event_counts(struct buf *sql, const char *events, const char *value,
                             enum event_first person, enum event_first visit) {
    buf_addf(sql,
             "(SELECT day, %s AS value, count(*) FILTER (first & %d <> 0) AS visitors,"
             " count(*) FILTER (first & %d <> 0) AS visits, count(*) FILTER (kind = 0) AS"
             " pageviews, count(*) AS events FROM %s WHERE kind < 2 GROUP BY ALL)",
             value, (int)person, (int)visit, events);
}

static const char entry_numbers[] =
    "coalesce(v.entries, 0) AS entries, coalesce(v.bounces, 0) AS bounces,"
    " coalesce(v.duration_ms, 0) AS duration_ms, coalesce(v.entry_pageviews, 0) AS entry_pageviews";

/* A page may have no counted event and yet be entered (the empty one, by visits without a page
 * view) or engaged with. */
static void add_page(struct buf *sql, const char *events, const char *visits) {
    buf_addf(
        sql,
        "INSERT INTO seal_roll BY NAME SELECT day, value, 'page' AS dim,"
        " coalesce(e.visitors, 0) AS visitors, coalesce(e.visits, 0) AS visits,"
        " coalesce(e.pageviews, 0) AS pageviews, coalesce(e.events, 0) AS events, %s, %s FROM ",
        entry_numbers, engagement_numbers);
    add_event_counts(sql, events, "page", FIRST_PAGE, FIRST_VISIT_PAGE);
    buf_addf(sql,
             " e FULL JOIN (SELECT day, entry_page::VARCHAR AS value, %s FROM %s"
             " GROUP BY day, entry_page) v USING (day, value) FULL JOIN (",
             visit_numbers, visits);
    add_engagement(sql, events, true);
    buf_adds(sql, ") g USING (day, value)");
}

static const char no_engagement[] =
    "0 AS engaged_ms, 0 AS engaged_visits, 0 AS scroll_sum, 0 AS scroll_visits";

/* Name and hostname: the visits that have such an event, each once. */
static void add_event_dim(struct buf *sql, const char *events, const char *visits, const char *dim,
                          const char *value, enum event_first person, enum event_first visit) {
    buf_addf(sql, "INSERT INTO seal_roll BY NAME SELECT e.*, '%s' AS dim, %s, %s FROM ", dim,
             entry_numbers, no_engagement);
    add_event_counts(sql, events, value, person, visit);
    buf_addf(sql,
             " e LEFT JOIN (SELECT f.day, f.value, %s FROM (SELECT day, visit, %s AS value FROM %s"
             " WHERE kind < 2 AND first & %d <> 0) f JOIN %s w ON w.day = f.day AND w.visit ="
             " f.visit GROUP BY f.day, f.value) v ON v.day = e.day AND v.value = e.value",
             visit_numbers, value, events, (int)visit, visits);
}

/* Persons and events by the event's hour, visits by the hour they began. */
static void add_hour(struct buf *sql, const char *events, const char *visits) {
    buf_addf(sql,
             "INSERT INTO seal_roll BY NAME SELECT e.* REPLACE (coalesce(v.entries, 0) AS visits,"
             " e.value::VARCHAR AS value), 'hour' AS dim, %s, %s FROM ",
             entry_numbers, no_engagement);
    add_event_counts(sql, events, "hour", FIRST_HOUR, FIRST_VISIT_HOUR);
    buf_addf(sql,
             " e LEFT JOIN (SELECT day, hour AS value, %s FROM %s GROUP BY day, hour) v"
             " ON v.day = e.day AND v.value = e.value",
             visit_numbers, visits);
}

int seal_rolls(duckdb_connection c, const char *events, const char *visits, struct err *err) {
    BUF_AUTO sql = {0};
    add_table(&sql);
    int code = sql_run(c, &sql, err);
    for (size_t i = 0; !code && i < SEAL_DIMS; i++) {
        add_visit_dim(&sql, visits, seal_dim(i), i + 1);
        code = sql_run(c, &sql, err);
    }
    add_person(&sql, events, visits);
    if (!code)
        code = sql_run(c, &sql, err);
    add_page(&sql, events, visits);
    if (!code)
        code = sql_run(c, &sql, err);
    add_event_dim(&sql, events, visits, "name", "CASE kind WHEN 0 THEN 'pageview' ELSE name END",
                  FIRST_NAME, FIRST_VISIT_NAME);
    if (!code)
        code = sql_run(c, &sql, err);
    add_event_dim(&sql, events, visits, "hostname", "hostname", FIRST_HOSTNAME,
                  FIRST_VISIT_HOSTNAME);
    if (!code)
        code = sql_run(c, &sql, err);
    add_hour(&sql, events, visits);
    return code ? code : sql_run(c, &sql, err);
}
