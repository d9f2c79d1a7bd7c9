/* Unit tests of src/base. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "arena.h"
#include "buf.h"
#include "civil.h"
#include "clock.h"
#include "crc32c.h"
#include "crypt.h"
#include "json.h"
#include "os.h"
#include "queue.h"
#include "zone.h"

static void span_cuts_and_compares(void **state) {
    (void)state;
    struct span rest = SPAN_LIT("a,,b"), piece;
    assert_true(span_next(&rest, ',', &piece) && span_eq(piece, SPAN_LIT("a")));
    assert_true(span_next(&rest, ',', &piece) && piece.len == 0);
    assert_true(span_next(&rest, ',', &piece) && span_eq(piece, SPAN_LIT("b")));
    assert_false(span_next(&rest, ',', &piece));
    assert_true(span_eq(span_trim(SPAN_LIT(" \tx y\n")), SPAN_LIT("x y")));
    assert_true(span_eq_nocase(SPAN_LIT("HoSt"), SPAN_LIT("host")));
    assert_int_equal(span_find_span(SPAN_LIT("abcabd"), SPAN_LIT("abd")), 3);
    assert_true(span_find_span(SPAN_LIT("abc"), SPAN_LIT("x")) == SIZE_MAX);
}

static void span_reads_numbers_strictly(void **state) {
    (void)state;
    uint64_t u;
    int64_t i;
    assert_true(span_u64(SPAN_LIT("18446744073709551615"), &u) && u == UINT64_MAX);
    assert_false(span_u64(SPAN_LIT("18446744073709551616"), &u));
    assert_false(span_u64(SPAN_LIT(""), &u));
    assert_false(span_u64(SPAN_LIT("1 "), &u));
    assert_true(span_i64(SPAN_LIT("-42"), &i) && i == -42);
    assert_false(span_i64(SPAN_LIT("--1"), &i));
}

static void span_keeps_characters_whole(void **state) {
    (void)state;
    struct span s = SPAN_LIT("ab\xc3\xa9");
    assert_int_equal(span_utf8_head(s, 3).len, 2);
    assert_int_equal(span_utf8_head(s, 4).len, 4);
    assert_true(span_is_utf8(s));
    assert_false(span_is_utf8(SPAN_LIT("\xc0\xaf")));
    assert_false(span_is_utf8(SPAN_LIT("\xed\xa0\x80")));
    assert_false(span_is_utf8(SPAN_LIT("a\xf0\x9f\x98")));
    assert_true(span_is_utf8(SPAN_LIT("\xf0\x9f\x98\x80")));
}

static void arena_respects_its_limit(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a, 1000);
    assert_non_null(arena_alloc(&a, 900));
    assert_null(arena_alloc(&a, 200));
    arena_clear(&a);
    char *p = arena_alloc(&a, 1);
    assert_non_null(p);
    assert_int_equal((uintptr_t)p % 16, 0);
    assert_non_null(arena_alloc(&a, 900));
    arena_release(&a);
}

static void buf_and_varints_round_trip(void **state) {
    (void)state;
    static const uint64_t values[] = {0, 1, 127, 128, 300, UINT32_MAX, UINT64_MAX};
    BUF_AUTO b = {0};
    for (size_t i = 0; i < ARRAY_LEN(values); i++)
        buf_add_varint(&b, values[i]);
    buf_add_u32le(&b, 0x01020304);
    buf_add_u64le(&b, 0x0102030405060708ULL);
    buf_addf(&b, "%s-%d", "x", 7);
    struct span s = buf_span(&b), text;
    uint64_t v;
    uint32_t w;
    for (size_t i = 0; i < ARRAY_LEN(values); i++)
        assert_true(take_varint(&s, &v) && v == values[i]);
    assert_true(take_u32le(&s, &w) && w == 0x01020304);
    assert_true(take_u64le(&s, &v) && v == 0x0102030405060708ULL);
    assert_true(take_bytes(&s, 3, &text) && span_eq(text, SPAN_LIT("x-7")));
    assert_false(take_bytes(&s, 1, &text));
    struct span overlong = SPAN_LIT("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02");
    assert_false(take_varint(&overlong, &v));
}

static void civil_matches_the_c_library(void **state) {
    (void)state;
    for (int32_t day = -40000; day < 60000; day += 13) {
        time_t t = (time_t)day * 86400;
        struct tm tm;
        assert_non_null(gmtime_r(&t, &tm));
        struct civil c = civil_from_day(day);
        assert_int_equal(c.year, tm.tm_year + 1900);
        assert_int_equal(c.month, tm.tm_mon + 1);
        assert_int_equal(c.day, tm.tm_mday);
        assert_int_equal(civil_to_day(c), day);
        assert_int_equal(civil_weekday(day), (tm.tm_wday + 6) % 7);
    }
    int32_t jan31, feb28;
    assert_true(civil_parse(SPAN_LIT("2025-01-31"), &jan31));
    assert_true(civil_parse(SPAN_LIT("2025-02-28"), &feb28));
    assert_int_equal(civil_add_months(jan31, 1), feb28);
    assert_int_equal(civil_add_months(feb28, -2025 * 12 - 14),
                     civil_to_day((struct civil){-2, 12, 28}));
    assert_false(civil_parse(SPAN_LIT("2025-02-29"), &feb28));
    assert_false(civil_parse(SPAN_LIT("2025-2-29"), &feb28));
}

/* The oracle: glibc itself, one zone at a time. */
static void zone_matches_the_c_library(void **state) {
    (void)state;
    static const char *const names[] = {"UTC",
                                        "Europe/Paris",
                                        "America/New_York",
                                        "Asia/Kathmandu",
                                        "Australia/Lord_Howe",
                                        "Pacific/Apia",
                                        "America/St_Johns",
                                        "Africa/Casablanca",
                                        "Asia/Tehran",
                                        "Pacific/Chatham",
                                        "Europe/Dublin",
                                        "America/Sao_Paulo",
                                        "Antarctica/Troll"};
    for (size_t n = 0; n < ARRAY_LEN(names); n++) {
        CLEANUP(zone_freep) struct zone *z = NULL;
        assert_int_equal(zone_open(span_str(names[n]), &z, NULL), 0);
        assert_int_equal(setenv("TZ", names[n], 1), 0);
        tzset();
        for (int64_t t = 0; t < 3000000000; t += 86400 * 3 + 1801) {
            time_t at = (time_t)t;
            struct tm tm;
            assert_non_null(localtime_r(&at, &tm));
            struct zone_local local = zone_to_local(z, t * 1000);
            int32_t want =
                civil_to_day((struct civil){tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday});
            if (local.day != want || zone_offset_sec(z, t * 1000) != tm.tm_gmtoff)
                fail_msg("%s at %lld: offset %d, want %ld", names[n], (long long)t,
                         zone_offset_sec(z, t * 1000), tm.tm_gmtoff);
            assert_int_equal(local.second, tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec);
            int64_t start = zone_day_start_ms(z, local.day);
            assert_true(start <= t * 1000);
            assert_int_equal(zone_to_local(z, start).day, local.day);
            assert_true(zone_to_local(z, start - 1000).day < local.day);
        }
    }
    assert_int_equal(unsetenv("TZ"), 0);
    tzset();
}

static void zone_refuses_bad_names(void **state) {
    (void)state;
    struct zone *z = NULL;
    static const char *const bad[] = {
        "", "../../etc/passwd", "/etc/localtime", "Nowhere/City", "zone.tab", "Europe"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_true(zone_open(span_str(bad[i]), &z, NULL) < 0);
    assert_null(z);
}

static void zone_handles_gap_and_overlap(void **state) {
    (void)state;
    CLEANUP(zone_freep) struct zone *z = NULL;
    assert_int_equal(zone_open(SPAN_LIT("Europe/Paris"), &z, NULL), 0);
    int32_t spring, autumn;
    assert_true(civil_parse(SPAN_LIT("2026-03-29"), &spring));
    assert_true(civil_parse(SPAN_LIT("2026-10-25"), &autumn));
    /* 02:30 does not exist: the clock goes from 02:00 to 03:00 at 01:00 UTC */
    assert_int_equal(zone_from_local_ms(z, spring, 9000), ((int64_t)spring * 86400 + 3600) * 1000);
    /* 02:30 happens twice: the earlier one is summer time, 00:30 UTC */
    assert_int_equal(zone_from_local_ms(z, autumn, 9000), ((int64_t)autumn * 86400 + 1800) * 1000);
    assert_int_equal(zone_day_start_ms(z, spring + 1) - zone_day_start_ms(z, spring), 23 * 3600000);
    assert_int_equal(zone_day_start_ms(z, autumn + 1) - zone_day_start_ms(z, autumn), 25 * 3600000);
}

static void crc32c_matches_the_rfc(void **state) {
    (void)state;
    unsigned char bytes[32] = {0};
    assert_int_equal(crc32c(0, bytes, 32), 0x8a9136aa);
    memset(bytes, 0xff, 32);
    assert_int_equal(crc32c(0, bytes, 32), 0x62a8ab43);
    for (unsigned i = 0; i < 32; i++)
        bytes[i] = (unsigned char)i;
    assert_int_equal(crc32c(0, bytes, 32), 0x46dd794e);
    assert_int_equal(crc32c(crc32c(0, bytes, 13), bytes + 13, 19), 0x46dd794e);
}

static void keyed_hash_depends_on_every_part(void **state) {
    (void)state;
    uint8_t key[CRYPT_KEY_BYTES] = {1}, other[CRYPT_KEY_BYTES] = {2};
    struct span a[] = {SPAN_LIT("ab"), SPAN_LIT("c")}, b[] = {SPAN_LIT("a"), SPAN_LIT("bc")};
    assert_true(crypt_keyed_hash64(key, a, 2) == crypt_keyed_hash64(key, a, 2));
    assert_true(crypt_keyed_hash64(key, a, 2) != crypt_keyed_hash64(key, b, 2));
    assert_true(crypt_keyed_hash64(key, a, 2) != crypt_keyed_hash64(other, a, 2));
}

static void tokens_are_long_and_differ(void **state) {
    (void)state;
    char a[CRYPT_TOKEN_CHARS], b[CRYPT_TOKEN_CHARS];
    crypt_new_token(a);
    crypt_new_token(b);
    assert_int_equal(strlen(a), 49);
    assert_string_not_equal(a, b);
}

static void json_errors_hold_no_input(void **state) {
    (void)state;
    json_t *j = NULL;
    struct err err = {0};
    assert_int_equal(json_parse(SPAN_LIT("{\"mail\":jane@example.com}"), &j, &err), ERR_INVALID);
    assert_null(strstr(err.text, "jane"));
    assert_int_equal(json_parse(SPAN_LIT("{\"a\":1,\"a\":2}"), &j, &err), ERR_INVALID);
    assert_int_equal(json_parse(SPAN_LIT("[\"\xc3\xa9\"]"), &j, &err), 0);
    BUF_AUTO out = {0};
    assert_int_equal(json_write(j, &out, &err), 0);
    assert_string_equal(buf_cstr(&out), "[\"\xc3\xa9\"]");
    json_decref(j);
    buf_clear(&out);
    json_write_string(&out, SPAN_LIT("a\"\n\xff"));
    assert_string_equal(buf_cstr(&out), "\"a\\\"\\u000a\xef\xbf\xbd\"");
}

static void files_are_replaced_and_wiped(void **state) {
    (void)state;
    char dir[] = "/tmp/tamis-base-XXXXXX";
    assert_non_null(mkdtemp(dir));
    CLEANUP(free_charp) char *path = path_join(dir, "key");
    assert_int_equal(os_replace_file(&os_system, path, SPAN_LIT("secret"), 0600, NULL), 0);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    int fd = open(path, O_RDONLY); /* the inode stays readable after the unlink: it must be zeros */
    assert_true(fd >= 0);
    assert_int_equal(os_wipe_file(&os_system, path, NULL), 0);
    char bytes[6];
    assert_int_equal(pread(fd, bytes, 6, 0), 6);
    assert_memory_equal(bytes, "\0\0\0\0\0\0", 6);
    assert_int_equal(close(fd), 0);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(os_wipe_file(&os_system, path, NULL), 0);
    BUF_AUTO b = {0};
    struct err err;
    assert_int_equal(os_read_file(&os_system, path, 10, &b, &err), ERR_NOT_FOUND);
    assert_int_equal(err.sys, ENOENT);
    assert_int_equal(rmdir(dir), 0);
}

static void count_item(void *ctx, void *item) {
    (void)__atomic_fetch_add((long *)ctx, (long)(intptr_t)item, __ATOMIC_RELAXED);
}

static void pool_works_everything_off(void **state) {
    (void)state;
    long sum = 0, want = 0;
    struct pool *p;
    assert_int_equal(pool_start("test", 3, 1000, count_item, &sum, &p, NULL), 0);
    for (intptr_t i = 1; i <= 1000; i++)
        if (pool_try_push(p, (void *)i))
            want += i;
    pool_stop(p);
    assert_int_equal(sum, want);
    assert_true(want > 0);
}

static void queue_refuses_when_full_or_closed(void **state) {
    (void)state;
    struct queue *q = queue_new(2);
    int a, b;
    void *got;
    assert_true(queue_try_push(q, &a));
    assert_true(queue_try_push(q, &b));
    assert_false(queue_try_push(q, &a));
    assert_true(queue_pop(q, &got) && got == &a);
    queue_close(q);
    assert_false(queue_try_push(q, &a));
    assert_true(queue_pop(q, &got) && got == &b);
    assert_false(queue_pop(q, &got));
    queue_free(q);
}

int main(void) {
    assert_int_equal(crypt_init(), 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(span_cuts_and_compares),
        cmocka_unit_test(span_reads_numbers_strictly),
        cmocka_unit_test(span_keeps_characters_whole),
        cmocka_unit_test(arena_respects_its_limit),
        cmocka_unit_test(buf_and_varints_round_trip),
        cmocka_unit_test(civil_matches_the_c_library),
        cmocka_unit_test(zone_matches_the_c_library),
        cmocka_unit_test(zone_refuses_bad_names),
        cmocka_unit_test(zone_handles_gap_and_overlap),
        cmocka_unit_test(crc32c_matches_the_rfc),
        cmocka_unit_test(keyed_hash_depends_on_every_part),
        cmocka_unit_test(tokens_are_long_and_differ),
        cmocka_unit_test(json_errors_hold_no_input),
        cmocka_unit_test(files_are_replaced_and_wiped),
        cmocka_unit_test(pool_works_everything_off),
        cmocka_unit_test(queue_refuses_when_full_or_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
