/* Unit tests of src/model: codec, profiles, records, policy sets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "counters.h"
#include "event.h"
#include "policy.h"
#include "record.h"

static struct event sample(void) {
    struct event e;
    event_init(&e);
    e.site = 7;
    e.ts_ms = 1790000000123;
    e.day = 20717;
    e.hour = 13;
    e.visitor = 0xfeedfacecafebeefULL;
    e.kind = EVENT_CUSTOM;
    e.interactive = 1;
    e.engaged_ms = 4000000000U;
    e.name = SPAN_LIT("Signup");
    e.hostname = SPAN_LIT("example.com");
    e.page = SPAN_LIT("/caf\xc3\xa9");
    e.utm_source = SPAN_LIT("news");
    e.props = SPAN_LIT("{\"plan\":\"pro\"}");
    e.revenue_milli = -12345;
    return e;
}

static bool same(const struct event *a, const struct event *b) {
    BUF_AUTO x = {0};
    BUF_AUTO y = {0};
    event_encode(a, &x);
    event_encode(b, &y);
    return span_eq(buf_span(&x), buf_span(&y));
}

static void codec_round_trips(void **state) {
    (void)state;
    struct event e = sample(), back;
    BUF_AUTO b = {0};
    event_encode(&e, &b);
    assert_int_equal(event_decode(buf_span(&b), &back, NULL), 0);
    assert_true(same(&e, &back));
    assert_int_equal(back.revenue_milli, -12345);
    assert_true(span_eq(back.page, e.page));
    assert_true(back.visitor == e.visitor);
}

static void codec_refuses_every_cut_and_extra_byte(void **state) {
    (void)state;
    struct event e = sample(), back;
    BUF_AUTO b = {0};
    event_encode(&e, &b);
    for (size_t n = 0; n < b.len; n++)
        assert_int_equal(event_decode(span_head(buf_span(&b), n), &back, NULL), ERR_CORRUPT);
    buf_addc(&b, 0);
    assert_int_equal(event_decode(buf_span(&b), &back, NULL), ERR_CORRUPT);
    b.len--;
    b.data[0] = EVENT_VERSION + 1;
    assert_int_equal(event_decode(buf_span(&b), &back, NULL), ERR_CORRUPT);
}

static void events_without_vitals_are_of_version_1(void **state) {
    (void)state;
    struct event e = sample(), back;
    BUF_AUTO plain = {0};
    BUF_AUTO measured = {0};
    event_encode(&e, &plain);
    assert_int_equal(plain.data[0], 1);
    assert_int_equal(event_decode(buf_span(&plain), &back, NULL), 0);
    assert_int_equal(back.lcp_ms + back.inp_ms + back.cls_milli, 0);
    e.kind = EVENT_VITALS;
    e.lcp_ms = 2345;
    e.cls_milli = 1;
    event_encode(&e, &measured);
    assert_int_equal(measured.data[0], EVENT_VERSION);
    assert_int_equal(measured.len, plain.len + 4); /* 2345 takes two bytes */
    assert_int_equal(event_decode(buf_span(&measured), &back, NULL), 0);
    assert_int_equal(back.lcp_ms, 2345);
    assert_int_equal(back.inp_ms, 0);
    assert_int_equal(back.cls_milli, 1);
    assert_true(same(&e, &back));
    for (size_t n = 0; n < measured.len; n++)
        assert_int_equal(event_decode(span_head(buf_span(&measured), n), &back, NULL), ERR_CORRUPT);
    measured.data[0] = 1; /* and three bytes too many */
    assert_int_equal(event_decode(buf_span(&measured), &back, NULL), ERR_CORRUPT);
    e.lcp_ms = 600001;
    buf_clear(&measured);
    event_encode(&e, &measured);
    assert_int_equal(event_decode(buf_span(&measured), &back, NULL), ERR_CORRUPT);
}

/* As the version before web vitals wrote it. */
static void journals_of_version_1_are_read(void **state) {
    (void)state;
    static const char old[] =
        "\001\007\366\261\203\305\230\150\332\303\002\015\357\276\376\312\316\372\355\376"
        "\001\001\377\001\200\320\254\363\016\006\123\151\147\156\165\160\013\145\170\141"
        "\155\160\154\145\056\143\157\155\006\057\143\141\146\303\251\000\000\000\004\156"
        "\145\167\163\000\000\000\000\000\000\000\000\000\000\016\173\042\160\154\141\156"
        "\042\072\042\160\162\157\042\175\361\300\001\000";
    struct event back, e = sample();
    assert_int_equal(event_decode(span_of(old, sizeof(old) - 1), &back, NULL), 0);
    assert_true(same(&e, &back));
    assert_int_equal(back.lcp_ms + back.inp_ms + back.cls_milli, 0);
}

static void restrict_empties_what_the_profile_forbids(void **state) {
    (void)state;
    struct event e = sample();
    event_restrict(&e, PROFILE_CNIL);
    assert_int_equal(e.utm_source.len, 0);
    assert_int_equal(e.props.len, 0);
    assert_int_equal(e.revenue_milli, 0);
    assert_true(span_eq(e.page, SPAN_LIT("/caf\xc3\xa9")));
    e = sample();
    char longer[300];
    memset(longer, 'x', sizeof(longer));
    e.name = span_of(longer, sizeof(longer));
    event_restrict(&e, PROFILE_FRUGAL);
    assert_int_equal(e.name.len, 120);
    assert_true(span_eq(e.utm_source, SPAN_LIT("news")));
}

static void records_come_back_in_order(void **state) {
    (void)state;
    BUF_AUTO frame = {0};
    BUF_AUTO scratch = {0};
    struct event e = sample();
    record_add_event(&frame, &e, &scratch);
    record_add_import_mark(&frame, &(struct import_mark){.import = 3, .offset = 1ULL << 40});
    record_add_event(&frame, &e, &scratch);
    struct span rest = buf_span(&frame);
    struct record r;
    assert_int_equal(record_next(&rest, &r, NULL), 1);
    assert_int_equal(r.type, RECORD_EVENT);
    assert_true(same(&r.event, &e));
    assert_int_equal(record_next(&rest, &r, NULL), 1);
    assert_int_equal(r.type, RECORD_IMPORT_MARK);
    assert_true(r.import_mark.offset == 1ULL << 40);
    assert_int_equal(record_next(&rest, &r, NULL), 1);
    assert_int_equal(record_next(&rest, &r, NULL), 0);
    rest = span_head(buf_span(&frame), frame.len - 1);
    assert_int_equal(record_next(&rest, &r, NULL), 1);
    assert_int_equal(record_next(&rest, &r, NULL), 1);
    assert_int_equal(record_next(&rest, &r, NULL), ERR_CORRUPT);
}

static void known_visitors_come_back(void **state) {
    (void)state;
    BUF_AUTO frame = {0};
    const struct record_known k = {.site = UINT32_MAX, .day = -3, .known = UINT64_MAX - 1};
    record_add_known(&frame, &k);
    record_add_forget(&frame, &k);
    struct span rest = buf_span(&frame);
    struct record r;
    assert_int_equal(record_next(&rest, &r, NULL), 1);
    assert_int_equal(r.type, RECORD_KNOWN);
    assert_true(r.known.site == k.site && r.known.day == -3 && r.known.known == k.known);
    assert_int_equal(record_next(&rest, &r, NULL), 1);
    assert_int_equal(r.type, RECORD_FORGET);
    assert_true(r.known.site == k.site && r.known.day == 0 && r.known.known == k.known);
    assert_int_equal(record_next(&rest, &r, NULL), 0);
    frame.data[1]--; /* a body that is too short */
    rest = buf_span(&frame);
    assert_int_equal(record_next(&rest, &r, NULL), ERR_CORRUPT);
}

static bool is_page(void *arg, const struct record *r) {
    return r->type == RECORD_EVENT && span_eq(r->event.page, *(struct span *)arg);
}

static void erased_records_are_passed_over(void **state) {
    (void)state;
    BUF_AUTO frame = {0};
    BUF_AUTO scratch = {0};
    struct event e = sample();
    const struct span pages[] = {SPAN_LIT("/gone"), SPAN_LIT("/kept"), SPAN_LIT("/gone")};
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        e.page = pages[i];
        record_add_event(&frame, &e, &scratch);
    }
    record_add_import_mark(&frame, &(struct import_mark){.import = 3, .offset = 5});
    struct span gone = pages[0];
    size_t len = frame.len;
    assert_int_equal(record_erase(frame.data, len, is_page, &gone, NULL), 2);
    assert_true(span_find_span(buf_span(&frame), gone) == SIZE_MAX);
    struct span rest = buf_span(&frame);
    struct record r;
    assert_int_equal(record_next(&rest, &r, NULL), 1);
    assert_true(r.type == RECORD_EVENT && span_eq(r.event.page, pages[1]));
    assert_int_equal(record_next(&rest, &r, NULL), 1);
    assert_int_equal(r.type, RECORD_IMPORT_MARK);
    assert_int_equal(record_next(&rest, &r, NULL), 0);
    assert_int_equal(record_erase(frame.data, len, is_page, &gone, NULL), 0);
    size_t head = 1 + (scratch.len < 128 ? 1 : 2);
    for (size_t i = head; i < head + scratch.len; i++)
        assert_int_equal(frame.data[i], 0);
    struct span kept = pages[1];
    frame.len = record_erase(frame.data, len, is_page, &kept, NULL) == 1 ? len : 0;
    rest = buf_span(&frame);
    assert_int_equal(record_next(&rest, &r, NULL), 1);
    assert_int_equal(r.type, RECORD_IMPORT_MARK);
    assert_int_equal(record_erase(frame.data, len - 1, is_page, &kept, NULL), ERR_CORRUPT);
}

static struct policy_set *set_of(unsigned sites) {
    struct policy_set *set = policy_set_new();
    assert_non_null(set);
    for (unsigned i = 1; i <= sites; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "site%u.example", i);
        struct policy p = {.site = i,
                           .domain = arena_copy(policy_set_arena(set), span_str(name)),
                           .profile = PROFILE_FRUGAL};
        assert_int_equal(policy_set_add(set, &p, SPAN_LIT("Europe/Paris"), NULL), 0);
    }
    return set;
}

static void policies_are_found(void **state) {
    (void)state;
    struct policy_set *set = set_of(1000);
    for (unsigned i = 1; i <= 1000; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "site%u.example", i);
        assert_int_equal(policy_by_domain(set, span_str(name))->site, i);
        assert_int_equal(policy_by_id(set, i)->site, i);
    }
    assert_null(policy_by_domain(set, SPAN_LIT("other.example")));
    struct policy twice = {.site = 5000, .domain = SPAN_LIT("site1.example")};
    assert_int_equal(policy_set_add(set, &twice, SPAN_LIT("UTC"), NULL), ERR_EXISTS);
    struct policy nowhere = {.site = 5000, .domain = SPAN_LIT("new.example")};
    assert_int_equal(policy_set_add(set, &nowhere, SPAN_LIT("No/Where"), NULL), ERR_NOT_FOUND);
    assert_int_equal(policy_count(set), 1000);
    policy_set_unref(set);
}

static void *read_policies(void *arg) {
    struct policy_board *board = arg;
    for (int i = 0; i < 20000; i++) {
        struct policy_set *set = policy_board_get(board);
        if (policy_count(set))
            assert_int_equal(policy_at(set, 0)->site, 1);
        policy_set_unref(set);
    }
    return NULL;
}

static void board_swaps_under_readers(void **state) {
    (void)state;
    struct policy_board *board = policy_board_new();
    pthread_t readers[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_policies, board), 0);
    for (unsigned i = 0; i < 300; i++)
        policy_board_publish(board, set_of(1 + i % 3));
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_join(readers[i], NULL), 0);
    policy_board_free(board);
}

static void counters_print_fixed_words(void **state) {
    (void)state;
    struct counters c = {0};
    counters_add(&c, COUNT_EVENTS_REFUSED_BOT, 3);
    BUF_AUTO b = {0};
    counters_write(&c, &b);
    assert_non_null(strstr(buf_cstr(&b), "tamis_events_refused_total{reason=\"bot\"} 3\n"));
    assert_non_null(strstr(buf_cstr(&b), "# TYPE tamis_events_accepted_total counter\n"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codec_round_trips),
        cmocka_unit_test(codec_refuses_every_cut_and_extra_byte),
        cmocka_unit_test(events_without_vitals_are_of_version_1),
        cmocka_unit_test(journals_of_version_1_are_read),
        cmocka_unit_test(restrict_empties_what_the_profile_forbids),
        cmocka_unit_test(records_come_back_in_order),
        cmocka_unit_test(known_visitors_come_back),
        cmocka_unit_test(erased_records_are_passed_over),
        cmocka_unit_test(policies_are_found),
        cmocka_unit_test(board_swaps_under_readers),
        cmocka_unit_test(counters_print_fixed_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
