/* Web vitals on their way through days, months and rewritten parts. */
#include "compact.h"
#include "seal_rewrite.h"
#include "seal_sample.h"
/* after the one above */
#include "seal_private.h"

static struct seal_input input_of(const struct seal_result *r) {
    struct seal_input in;
    for (size_t k = 0; k < SEAL_KINDS; k++)
        in.paths[k] = r->files[k].path;
    return in;
}

static struct event event_of(int32_t day, int minute, uint64_t visitor, uint8_t kind,
                             const char *page) {
    struct event e;
    event_init(&e);
    e.site = 1;
    e.day = day;
    e.ts_ms = (int64_t)day * 86400000 + minute * 60000;
    e.visitor = visitor;
    e.kind = kind;
    e.interactive = kind < EVENT_ENGAGEMENT;
    e.name = kind == EVENT_VITALS ? SPAN_LIT("vitals") : SPAN_LIT("pageview");
    e.page = span_str(page);
    return e;
}

/* A day without any; one on which /a took 1,200 ms and /b 3,400 with a shift of 0. */
static void fill(struct sealing *s) {
    struct event e[] = {
        event_of(SAMPLE_DAY, 1, 11, EVENT_PAGEVIEW, "/a"),
        event_of(SAMPLE_DAY + 1, 1, 21, EVENT_PAGEVIEW, "/a"),
        event_of(SAMPLE_DAY + 1, 2, 21, EVENT_VITALS, "/a"),
        event_of(SAMPLE_DAY + 1, 1, 22, EVENT_PAGEVIEW, "/b"),
        event_of(SAMPLE_DAY + 1, 2, 22, EVENT_VITALS, "/b"),
    };
    e[2].lcp_ms = 1200;
    e[2].inp_ms = 80;
    e[4].lcp_ms = 3400;
    e[4].cls_milli = 1;
    apply(s->store, e, ARRAY_LEN(e), 10);
}

static int64_t column_count(const struct sealing *s, const struct seal_result *r) {
    return file_number(s, r, "SELECT count(*) FROM (DESCRIBE SELECT * FROM @event)");
}

static void expect_both(const struct sealing *s, const struct seal_result *r) {
    assert_int_equal(file_number(s, r, "SELECT count(*) FROM @event WHERE kind = 3"), 2);
    assert_int_equal(file_number(s, r,
                                 "SELECT count(*) FROM @event WHERE kind = 3 AND page = '/a'"
                                 " AND lcp_ms = 1200 AND inp_ms = 80 AND cls_milli = 0"),
                     1);
    assert_int_equal(file_number(s, r,
                                 "SELECT count(*) FROM @event WHERE kind = 3 AND page = '/b'"
                                 " AND lcp_ms = 3400 AND inp_ms = 0 AND cls_milli = 1"),
                     1);
    assert_int_equal(file_number(s, r,
                                 "SELECT sum(lcp_ms + inp_ms + cls_milli) FROM @event WHERE"
                                 " kind < 3"),
                     0);
}

static void verify(const struct sealing *s, const struct seal_result *r) {
    BUF_AUTO findings = {0};
    size_t count = 1;
    struct err err = {0};
    if (seal_verify(s->connection, &os_system, s->root, r->files, &findings, &count, &err))
        fail_msg("seal_verify: %s", err.text);
    assert_int_equal(count, 0);
}

static void columns_come_with_the_first_measurement(void **state) {
    (void)state;
    struct sealing s;
    sealing_open(&s);
    fill(&s);
    struct seal_result plain = seal_day(&s, SAMPLE_DAY, 1), day = seal_day(&s, SAMPLE_DAY + 1, 2);
    assert_int_equal(column_count(&s, &day), column_count(&s, &plain) + SEAL_VITALS);
    expect_both(&s, &day);
    verify(&s, &plain);
    verify(&s, &day);

    const struct seal_input inputs[] = {input_of(&plain), input_of(&day)};
    struct compact_job job = {.os = &os_system,
                              .root = s.root,
                              .site = 1,
                              .day = SAMPLE_DAY,
                              .part = 3,
                              .inputs = inputs,
                              .input_count = 2};
    struct seal_result month, alone;
    assert_int_equal(compact_month(s.connection, &job, &month, NULL), 0);
    expect_both(&s, &month);
    verify(&s, &month);
    job.part = 4;
    job.input_count = 1;
    assert_int_equal(compact_month(s.connection, &job, &alone, NULL), 0);
    assert_int_equal(column_count(&s, &alone), column_count(&s, &plain));

    struct rewrite_job erase = {.os = &os_system,
                                .root = s.root,
                                .site = 1,
                                .day = SAMPLE_DAY,
                                .month = true,
                                .part = 5,
                                .input = input_of(&month),
                                .before = INT32_MAX,
                                .page = SPAN_LIT("/a")};
    struct rewrite_result left;
    assert_int_equal(seal_rewrite(s.connection, &erase, &left, NULL), 0);
    assert_int_equal(left.events_dropped, 3);
    assert_int_equal(file_number(&s, &left.part, "SELECT sum(lcp_ms) FROM @event"), 3400);
    assert_int_equal(file_number(&s, &left.part, "SELECT count(*) FROM @event"), 2);
    verify(&s, &left.part);
    sealing_close(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_come_with_the_first_measurement),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
