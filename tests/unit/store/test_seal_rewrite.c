/* Erasing pages from sealed parts, and looking whether a part is what was recorded. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <time.h>

#include "compact.h"
#include "seal_rewrite.h"
#include "seal_sample.h"

static struct seal_input input_of(const struct seal_result *r) {
    struct seal_input in;
    for (size_t k = 0; k < SEAL_KINDS; k++)
        in.paths[k] = r->files[k].path;
    return in;
}

static const char *findings_of(const struct sealing *s, const struct seal_result *r) {
    static char text[2000];
    BUF_AUTO found = {0};
    struct err err = {0};
    size_t count = 0;
    if (seal_verify(s->connection, &os_system, s->root, r->files, &found, &count, &err))
        fail_msg("seal_verify: %s", err.text);
    assert_true(found.len < sizeof text);
    snprintf(text, sizeof text, "%s", buf_cstr(&found));
    size_t lines = 0;
    for (const char *p = text; *p; p++)
        lines += *p == '\n';
    assert_int_equal(count, lines);
    return text;
}

/* --- erasing pages -------------------------------------------------------------------------------
 */

static struct rewrite_job erase_of(const struct sealing *s, const struct seal_result *r,
                                   const char *page) {
    return (struct rewrite_job){.os = &os_system,
                                .root = s->root,
                                .site = 1,
                                .day = SAMPLE_DAY,
                                .month = true,
                                .part = 50,
                                .input = input_of(r),
                                .before = INT32_MAX,
                                .page = span_str(page)};
}

/* Both days as one part. */
static struct seal_result month_of(struct sealing *s) {
    struct seal_result days[2] = {seal_day(s, SAMPLE_DAY, 1), seal_day(s, SAMPLE_DAY + 1, 2)}, r;
    const struct seal_input inputs[2] = {input_of(&days[0]), input_of(&days[1])};
    const struct compact_job job = {.os = &os_system,
                                    .root = s->root,
                                    .site = 1,
                                    .day = SAMPLE_DAY,
                                    .part = 3,
                                    .inputs = inputs,
                                    .input_count = 2};
    assert_int_equal(compact_month(s->connection, &job, &r, NULL), 0);
    return r;
}

/* Rows that must be zero in a part whose old files are put for @old_event and @old_visit. */
static void none(const struct sealing *s, const struct seal_result *old,
                 const struct seal_result *new, const char *form, const char *page) {
    char sql[8000];
    BUF_AUTO out = {0};
    for (const char *p = form; *p;) {
        if (strncmp(p, "@old", 4) == 0) {
            bool event = p[5] == 'e';
            buf_addf(&out, "read_parquet('%s/%s')", s->root,
                     old->files[event ? SEAL_EVENT : SEAL_VISIT].path);
            p += strlen("@old_event");
        } else if (*p == '?') {
            buf_adds(&out, page);
            p++;
        } else {
            buf_addc(&out, *p++);
        }
    }
    file_sql(s, new, buf_cstr(&out), sql, sizeof sql);
    int64_t n = number(s->store, sql);
    if (n)
        fail_msg("%" PRId64 ": %s", n, sql);
}

static void is_what_is_left(const struct sealing *s, const struct seal_result *old,
                            const struct seal_result *new, const char *matches) {
    /* Visits that keep a counted event, with what they keep. */
    none(s, old, new,
         "WITH keep AS (SELECT day, visit, count(*) FILTER (kind = 0) AS pv, count(*) AS ev FROM"
         " @old_event WHERE kind < 2 AND NOT (page ?) GROUP BY ALL), a AS (SELECT o.day, o.visit,"
         " person, hour, start_sec, pv AS pageviews, ev AS events, bounce, duration_ms, hostname,"
         " CASE WHEN entry_page ? THEN '' ELSE entry_page END AS entry_page, CASE WHEN exit_page ?"
         " THEN '' ELSE exit_page END AS exit_page, source, device FROM @old_visit o JOIN keep k ON"
         " k.day = o.day AND k.visit = o.visit), b AS (SELECT day, visit, person, hour, start_sec,"
         " pageviews, events, bounce, duration_ms, hostname, entry_page, exit_page, source, device"
         " FROM @visit) SELECT (SELECT count(*) FROM (FROM a EXCEPT ALL FROM b)) + (SELECT count(*)"
         " FROM (FROM b EXCEPT ALL FROM a))",
         matches);
    none(s, old, new,
         "WITH a AS (SELECT e.* EXCLUDE (first, varies) FROM @old_event e"
         " WHERE NOT (page ?) AND EXISTS (SELECT 1 FROM @old_event k WHERE k.day = e.day AND"
         " k.visit = e.visit AND k.kind < 2 AND NOT (k.page ?))), b AS (SELECT e.* EXCLUDE (first,"
         " varies) FROM @event e) SELECT (SELECT count(*) FROM (FROM a"
         " EXCEPT ALL FROM b)) + (SELECT count(*) FROM (FROM b EXCEPT ALL FROM a))",
         matches);
    none(s, old, new,
         "SELECT count(*) FROM @event e JOIN @visit v ON e.day = v.day AND e.visit = v.visit WHERE"
         " e.varies <> v.varies",
         "");
    none(s, old, new,
         "SELECT count(*) FROM (SELECT row(day, visit, ts_sec) AS a, lag(a) OVER () AS b FROM"
         " @event) WHERE a < b",
         "");
    none(s, old, new,
         "SELECT count(*) FROM (SELECT row(day, visit) AS a, lag(a) OVER () AS b FROM @visit) WHERE"
         " a < b",
         "");
}

static void flags_count(const struct sealing *s, const struct seal_result *r) {
    static const struct {
        const char *value;
        enum event_first person, visit;
    } of_events[] = {
        {"0", FIRST_PERSON, FIRST_VISIT},
        {"page", FIRST_PAGE, FIRST_VISIT_PAGE},
        {"CASE kind WHEN 0 THEN 'pageview' ELSE name END", FIRST_NAME, FIRST_VISIT_NAME},
        {"hostname", FIRST_HOSTNAME, FIRST_VISIT_HOSTNAME},
        {"hour", FIRST_HOUR, FIRST_VISIT_HOUR},
    };
    static const char *const dims[FIRST_AT_COUNT] = {
#define X(name) #name,
        FIRST_DIMENSIONS(X)
#undef X
    };
    char form[1000];
    for (size_t i = 0; i < ARRAY_LEN(of_events); i++) {
        snprintf(form, sizeof form,
                 "SELECT count(*) FROM (SELECT day, %s AS value, count(DISTINCT person) AS a,"
                 " count(*) FILTER (first & %d <> 0) AS b, count(DISTINCT visit) AS c, count(*)"
                 " FILTER (first & %d <> 0) AS d FROM @event WHERE kind < 2 GROUP BY ALL) WHERE a"
                 " <> b OR c <> d",
                 of_events[i].value, of_events[i].person, of_events[i].visit);
        assert_int_equal(file_number(s, r, form), 0);
    }
    assert_int_equal(file_number(s, r, "SELECT count(*) FROM @event WHERE kind = 2 AND first <> 0"),
                     0);
    for (size_t i = 0; i < FIRST_AT_COUNT; i++) {
        const char *value = i == FIRST_AT_person ? "0" : dims[i];
        snprintf(form, sizeof form,
                 "SELECT count(*) FROM (SELECT day, person, %s AS value, count(*) FILTER (first &"
                 " %u <> 0) AS n FROM @visit GROUP BY ALL) WHERE n <> 1",
                 value, 1U << i);
        assert_int_equal(file_number(s, r, form), 0);
        snprintf(form, sizeof form,
                 "SELECT count(*) FROM @visit v JOIN (SELECT day, person, count(DISTINCT %s) > 1 AS"
                 " n FROM @visit GROUP BY ALL) p ON p.day = v.day AND p.person = v.person WHERE n"
                 " <> (varies & %u <> 0)",
                 i == FIRST_AT_person ? "visit" : dims[i], 1U << i);
        assert_int_equal(file_number(s, r, form), 0);
    }
}

static void erases(const char *page, const char *matches) {
    struct sealing s;
    struct rewrite_result r = {0};
    struct err err = {0};
    const char *given = getenv("SEED");
    unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
    printf("# SEED=%u\n", seed);
    sealing_open(&s);
    sealing_fill(&s, seed);
    struct seal_result old = month_of(&s);
    struct rewrite_job job = erase_of(&s, &old, page);
    if (seal_rewrite(s.connection, &job, &r, &err))
        fail_msg("seal_rewrite: %s", err.text);
    assert_string_equal(r.part.files[SEAL_ROLL].path, "1/2024-10/2024-10.50.roll.parquet");
    is_what_is_left(&s, &old, &r.part, matches);
    flags_count(&s, &r.part);
    assert_string_equal(findings_of(&s, &r.part), "");
    assert_int_equal(file_number(&s, &r.part, "SELECT count(*) FROM @visit"),
                     (int64_t)r.part.visits);
    assert_int_equal(r.part.visits + r.visits_dropped, old.visits);
    assert_int_equal(r.part.files[SEAL_EVENT].rows + r.events_dropped, old.files[SEAL_EVENT].rows);
    assert_true(r.events_dropped > 0);
    char form[300];
    snprintf(form, sizeof form,
             "SELECT count(*) FROM @roll WHERE dim IN ('page', 'entry_page', 'exit_page') AND value"
             " <> '' AND (value %s)",
             matches);
    assert_int_equal(file_number(&s, &r.part, form), 0);
    sealing_close(&s);
}

static void erases_one_page(void **state) {
    erases("/pricing", "= '/pricing'");
}

static void erases_a_folder(void **state) {
    erases("/a*", "LIKE '/a%'");
}

static void quotes_are_text(void **state) {
    erases("/it's \"quoted\"", "= '/it''s \"quoted\"'");
}

static void without_a_match_nothing_is_written(void **state) {
    struct sealing s;
    struct rewrite_result r = {0};
    sealing_open(&s);
    sealing_fill(&s, 4);
    struct seal_result old = month_of(&s);
    struct rewrite_job job = erase_of(&s, &old, "/no such page*");
    assert_int_equal(seal_rewrite(s.connection, &job, &r, NULL), 0);
    assert_int_equal(r.events_dropped, 0);
    assert_string_equal(r.part.files[SEAL_EVENT].path, "");
    job.page = SPAN_LIT("*");
    assert_int_equal(seal_rewrite(s.connection, &job, &r, NULL), 0);
    assert_int_equal(r.events_dropped, old.files[SEAL_EVENT].rows);
    assert_int_equal(r.visits_dropped, old.visits);
    assert_int_equal(r.part.visits, 0);
    assert_string_equal(r.part.files[SEAL_EVENT].path, "");
    sealing_close(&s);
}

/* --- looking -------------------------------------------------------------------------------------
 */

static void spoil(const struct sealing *s, const char *file) {
    char path[600];
    snprintf(path, sizeof path, "%s/%s", s->root, file);
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    char byte;
    assert_int_equal(pread(fd, &byte, 1, 100), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, 100), 1);
    close(fd);
}

/* Writes a file's rows anew, changed, and puts its true length and hash into the record. */
static void forge(struct sealing *s, struct seal_result *r, enum seal_kind kind,
                  const char *select) {
    char sql[2000], path[600], copy[3000];
    snprintf(path, sizeof path, "%s/%s", s->root, r->files[kind].path);
    file_sql(s, r, select, sql, sizeof sql);
    snprintf(copy, sizeof copy, "COPY (%s) TO '%s/forged.parquet' (FORMAT parquet)", sql, s->root);
    duckdb_result result;
    if (duckdb_query(s->connection, copy, &result) != DuckDBSuccess)
        fail_msg("%s", duckdb_result_error(&result));
    duckdb_destroy_result(&result);
    char forged[600];
    snprintf(forged, sizeof forged, "%s/forged.parquet", s->root);
    assert_int_equal(rename(forged, path), 0);
    BUF_AUTO all = {0};
    assert_int_equal(os_read_file(&os_system, path, 1 << 26, &all, NULL), 0);
    crypt_digest(buf_span(&all), r->files[kind].digest);
    r->files[kind].bytes = all.len;
}

static void a_well_part_has_no_findings(void **state) {
    struct sealing s;
    sealing_open(&s);
    sealing_fill(&s, 4);
    struct seal_result day = seal_day(&s, SAMPLE_DAY, 9), month = month_of(&s);
    assert_string_equal(findings_of(&s, &day), "");
    assert_string_equal(findings_of(&s, &month), "");
    sealing_close(&s);
}

static void damage_is_found(void **state) {
    struct sealing s;
    sealing_open(&s);
    sealing_fill(&s, 4);
    struct seal_result r = seal_day(&s, SAMPLE_DAY, 9);
    r.files[SEAL_EVENT].bytes++;
    spoil(&s, r.files[SEAL_VISIT].path);
    char path[600];
    snprintf(path, sizeof path, "%s/%s", s.root, r.files[SEAL_ROLL].path);
    assert_int_equal(unlink(path), 0);
    assert_string_equal(findings_of(&s, &r), "event file: has another length\n"
                                             "visit file: has other bytes\n"
                                             "roll file: is missing\n");
    sealing_close(&s);
}

static void wrong_rows_are_found(void **state) {
    struct sealing s;
    sealing_open(&s);
    sealing_fill(&s, 4);
    struct seal_result r = seal_day(&s, SAMPLE_DAY, 9);
    forge(&s, &r, SEAL_ROLL,
          "SELECT * REPLACE (CASE WHEN dim = 'country' OR dim = 'page' AND value = '/' THEN"
          " visitors + 1 ELSE visitors END AS visitors) FROM @roll");
    assert_string_equal(findings_of(&s, &r), "roll-ups of country: are not what the rows say\n"
                                             "roll-ups of page: are not what the rows say\n");
    r.files[SEAL_ROLL].path[0] = 0;
    assert_string_equal(findings_of(&s, &r), "");
    forge(&s, &r, SEAL_EVENT, "SELECT * FROM @event ORDER BY kind, ts_sec OFFSET 1");
    assert_string_equal(findings_of(&s, &r), "event file: has another number of rows\n");
    r.files[SEAL_EVENT].rows--;
    assert_string_equal(findings_of(&s, &r), "event file: does not hold what the visits count\n");
    sealing_close(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_well_part_has_no_findings),
        cmocka_unit_test(damage_is_found),
        cmocka_unit_test(wrong_rows_are_found),
        cmocka_unit_test(erases_one_page),
        cmocka_unit_test(erases_a_folder),
        cmocka_unit_test(quotes_are_text),
        cmocka_unit_test(without_a_match_nothing_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
