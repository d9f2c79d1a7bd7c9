/* A month's part holds the rows of the parts it was made from, in order, and the sums of their
 * roll-ups. */
#include <errno.h>

#include "compact.h"
#include "os_fault.h"
#include "seal_sample.h"
#include "sealing.h"

static struct seal_input input_of(const struct seal_result *r) {
    struct seal_input in;
    for (size_t k = 0; k < SEAL_KINDS; k++)
        in.paths[k] = r->files[k].path;
    return in;
}

/* Days 1 and 2, and day 1 again as a later import of it would be. */
struct month {
    struct sealing s;
    struct seal_result parts[3];
    struct seal_input inputs[3];
};

static void month_open(struct month *m, unsigned seed) {
    sealing_open(&m->s);
    sealing_fill(&m->s, seed);
    m->parts[0] = seal_day(&m->s, SAMPLE_DAY, 1);
    m->parts[1] = seal_day(&m->s, SAMPLE_DAY + 1, 2);
    struct seal_job job = job_of(&m->s, SAMPLE_DAY, 3);
    const char *const visits[] = {m->parts[1].files[SEAL_VISIT].path,
                                  m->parts[0].files[SEAL_VISIT].path};
    assert_int_equal(seal_bases(m->s.connection, m->s.root, visits, 2, SAMPLE_DAY, &job.base_visit,
                                &job.base_person, NULL),
                     0);
    assert_int_equal(job.base_visit, m->parts[0].visits);
    assert_int_equal(job.base_person, m->parts[0].persons);
    assert_int_equal(seal_write(m->s.connection, &job, &m->parts[2], NULL), 0);
    m->inputs[0] = input_of(&m->parts[1]);
    m->inputs[1] = input_of(&m->parts[0]);
    m->inputs[2] = input_of(&m->parts[2]);
}

static struct compact_job compact_job_of(const struct month *m, uint32_t part,
                                         const struct seal_input *inputs, size_t count) {
    return (struct compact_job){.os = &os_system,
                                .root = m->s.root,
                                .site = 1,
                                .day = SAMPLE_DAY + 9,
                                .part = part,
                                .inputs = inputs,
                                .input_count = count};
}

static void holds_its_inputs(const struct month *m, const struct seal_result *r,
                             const struct seal_input *inputs, size_t count) {
    static const char *const order[] = {"day, visit, ts_sec", "day, visit", "dim, day, value"};
    for (size_t k = 0; k < SEAL_KINDS; k++) {
        char in[1500], form[4000];
        int n = 0;
        for (size_t i = 0; i < count; i++)
            n += snprintf(in + n, sizeof in - (size_t)n, "%s'%s/%s'", i ? ", " : "", m->s.root,
                          inputs[i].paths[k]);
        const char *out = (const char *const[]){"@event", "@visit", "@roll"}[k];
        if (k == SEAL_ROLL) {
            n = snprintf(form, sizeof form, "WITH a AS (SELECT day, dim, value");
#define X(name, type) \
    n += snprintf(form + n, sizeof form - (size_t)n, ", sum(" #name ")::" type " AS " #name);
            ROLL_NUMBERS(X)
#undef X
            n += snprintf(form + n, sizeof form - (size_t)n,
                          " FROM read_parquet([%s]) GROUP BY day, dim, value)", in);
        } else {
            n = snprintf(form, sizeof form, "WITH a AS (FROM read_parquet([%s]))", in);
        }
        snprintf(form + n, sizeof form - (size_t)n,
                 ", b AS (FROM %s) SELECT (SELECT count(*) FROM (FROM a EXCEPT ALL FROM b)) +"
                 " (SELECT count(*) FROM (FROM b EXCEPT ALL FROM a))",
                 out);
        assert_int_equal(file_number(&m->s, r, form), 0);
        snprintf(form, sizeof form,
                 "SELECT count(*) FROM (SELECT row(%s) AS a, lag(a) OVER () AS b FROM %s) WHERE a <"
                 " b",
                 order[k], out);
        assert_int_equal(file_number(&m->s, r, form), 0);
        snprintf(form, sizeof form, "SELECT count(*) FROM %s", out);
        assert_int_equal(file_number(&m->s, r, form), (int64_t)r->files[k].rows);
    }
}

static void a_month_is_its_days(void **state) {
    struct month m;
    struct seal_result r, again;
    month_open(&m, 5);
    struct compact_job job = compact_job_of(&m, 4, m.inputs, 3);
    assert_int_equal(compact_month(m.s.connection, &job, &r, NULL), 0);
    assert_string_equal(r.files[SEAL_EVENT].path, "1/2024-10/2024-10.4.event.parquet");
    assert_int_equal(r.visits, m.parts[0].visits * 2 + m.parts[1].visits);
    holds_its_inputs(&m, &r, m.inputs, 3);

    /* A part for a day in the middle of a month that is one already. */
    job = compact_job_of(&m, 5, m.inputs, 2);
    assert_int_equal(compact_month(m.s.connection, &job, &r, NULL), 0);
    const struct seal_input late[] = {m.inputs[2], input_of(&r)};
    job = compact_job_of(&m, 6, late, 2);
    assert_int_equal(compact_month(m.s.connection, &job, &again, NULL), 0);
    holds_its_inputs(&m, &again, m.inputs, 3);
    sealing_close(&m.s);
}

static void any_call_may_fail(void **state) {
    struct month m;
    struct os_fault f;
    month_open(&m, 8);
    os_fault_init(&f, &os_system);
    for (unsigned long nth = 1;; nth++) {
        struct seal_result r = {0};
        struct compact_job job = compact_job_of(&m, 4, m.inputs, 3);
        job.os = &f.os;
        os_fault_set(&f, (struct os_plan){.call = OS_WRITES, .nth = nth, .error = ENOSPC});
        int code = compact_month(m.s.connection, &job, &r, NULL);
        unsigned long fired = os_fault_fired(&f);
        os_fault_clear(&f);
        if (!fired) {
            assert_int_equal(code, 0);
            assert_true(nth > 6);
            break;
        }
        assert_true(code < 0);
        char left[300];
        snprintf(left, sizeof left, "ls '%s/1/2024-10' | grep -q '2024-10\\.4\\.'", m.s.root);
        assert_int_not_equal(system(left), 0);
    }
    sealing_close(&m.s);
}

static void an_unreadable_input_is_an_error(void **state) {
    struct month m;
    struct seal_result r = {0};
    month_open(&m, 5);
    m.inputs[2].paths[SEAL_EVENT] = "1/2024-10/none.parquet";
    struct compact_job job = compact_job_of(&m, 4, m.inputs, 3);
    assert_true(compact_month(m.s.connection, &job, &r, NULL) < 0);
    assert_int_equal(r.visits, 0);
    sealing_close(&m.s);
}

enum { LARGE_DAYS = 4, LARGE_PAGES = 25000 };

/* Each page by another visitor: three rows of the roll-ups each. */
static void fill_with_pages(struct sealing *s, int32_t day, uint64_t offset) {
    struct event *events = calloc(LARGE_PAGES, sizeof *events);
    char(*pages)[64] = calloc(LARGE_PAGES, sizeof *pages);
    assert_true(events && pages);
    for (unsigned i = 0; i < LARGE_PAGES; i++) {
        snprintf(pages[i], sizeof pages[i], "/articles/of-the-year/number-%u", i);
        events[i] = page_view(i + 1, (int64_t)i * 1000, pages[i]);
        events[i].day = SAMPLE_DAY + day;
        events[i].ts_ms += (int64_t)day * 86400000;
    }
    apply(s->store, events, LARGE_PAGES, offset);
    free(events);
    free(pages);
}

/* The least the server may give it; to sum the roll-ups of all days at once took more than 96 MB. */
static void a_large_month_fits_a_small_engine(void **state) {
    struct sealing s;
    struct seal_result parts[LARGE_DAYS], r = {0};
    struct seal_input inputs[LARGE_DAYS];
    sealing_open(&s);
    for (int32_t i = 0; i < LARGE_DAYS; i++) {
        fill_with_pages(&s, i, (uint64_t)i + 1);
        parts[i] = seal_day(&s, SAMPLE_DAY + i, (uint32_t)i + 1);
        inputs[i] = input_of(&parts[i]);
    }
    char *dir = temp_dir();
    const struct store_options least = {.sealed_root = s.root, .memory_bytes = 64 << 20};
    struct store *small = open_store_with(dir, &least, false);
    struct compact_job job = {.os = &os_system,
                              .root = s.root,
                              .site = 1,
                              .day = SAMPLE_DAY,
                              .part = 9,
                              .inputs = inputs,
                              .input_count = LARGE_DAYS};
    struct err err = {0};
    if (store_compact(small, &job, &r, &err))
        fail_msg("%s", err.text);
    assert_int_equal(r.files[SEAL_EVENT].rows, LARGE_DAYS * LARGE_PAGES);
    assert_true(r.files[SEAL_ROLL].rows > 3 * LARGE_DAYS * LARGE_PAGES);
    store_close(small);
    remove_dir(dir);
    sealing_close(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_month_is_its_days),
        cmocka_unit_test(any_call_may_fail),
        cmocka_unit_test(an_unreadable_input_is_an_error),
        cmocka_unit_test(a_large_month_fits_a_small_engine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
