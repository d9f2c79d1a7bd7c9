/* The diary of visitors who agreed to be known again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "crypt.h"
#include "known.h"
#include "known_days.h"
#include "os.h"

enum { DAY = 20000, LONG_MS = 60000 };

static uint64_t seed;

/* xorshift64 */
static uint64_t next_random(void) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static void choose_seed(void) {
    const char *given = getenv("TAMIS_SEED");
    seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    print_message("# TAMIS_SEED=%llu\n", (unsigned long long)seed);
    seed = seed * 2654435761U + 1;
}

/* --- days --------------------------------------------------------------------------------------- */

static struct span bits_of(const struct known_days *d) {
    return span_of((const char *)d->bits, d->len);
}

static void days_are_those_of_a_naive_set(void **state) {
    enum { SPAN = 500, BASE = 1000 };
    for (unsigned round = 0; round < 3000; round++) {
        bool naive[SPAN] = {false};
        struct known_days d = {0};
        int least = SPAN, most_apart = 1 + (int)(next_random() % 390);
        int around = (int)(next_random() % (unsigned)(SPAN - most_apart));
        for (unsigned i = 0; i < next_random() % 40; i++) {
            int day = around + (int)(next_random() % (unsigned)most_apart);
            assert_int_equal(known_days_add(&d, BASE + day), !naive[day]);
            naive[day] = true;
            least = day < least ? day : least;
        }
        if (least == SPAN)
            continue;
        int cut = next_random() % 2 ? around + (int)(next_random() % (unsigned)most_apart) : 0;
        known_days_cut(&d, BASE + cut);
        bool any = false;
        for (int day = 0; day < SPAN; day++) {
            naive[day] &= day >= cut;
            if (naive[day] && !any)
                assert_int_equal(d.first, BASE + day);
            any |= naive[day];
            bool has = d.len && known_days_any(d.first, bits_of(&d), BASE + day, BASE + day);
            assert_int_equal(has, naive[day]);
        }
        assert_int_equal(d.len > 0, any);
        int from = (int)(next_random() % SPAN), to = from + (int)(next_random() % SPAN);
        bool within = false;
        for (int day = from; day <= to && day < SPAN; day++)
            within |= naive[day];
        if (d.len)
            assert_int_equal(known_days_any(d.first, bits_of(&d), BASE + from, BASE + to), within);
    }
}

static void a_day_too_late_begins_anew(void **state) {
    struct known_days d = {0};
    assert_true(known_days_add(&d, DAY));
    assert_true(known_days_add(&d, DAY + KNOWN_DAYS_BITS - 1));
    assert_int_equal(d.first, DAY);
    assert_int_equal(d.len, KNOWN_DAYS_BYTES);
    assert_true(known_days_add(&d, DAY + KNOWN_DAYS_BITS));
    assert_int_equal(d.first, DAY + KNOWN_DAYS_BITS);
    assert_int_equal(d.len, 1);
    assert_false(known_days_add(&d, DAY));
}

/* --- the diary ---------------------------------------------------------------------------------- */

struct fixture {
    char dir[64], path[128];
    struct fake_clock clock;
    struct policy_set *set;
    struct known *known;
};

static void open_diary(struct fixture *f) {
    struct err err = {0};
    if (known_open(f->path, &f->clock.clock, &f->known, &err) < 0)
        fail_msg("%s", err.text);
}

static void add_site(struct fixture *f, uint32_t site, const char *domain, const char *zone) {
    struct policy p = {.site = site, .profile = PROFILE_CONSENTED, .visitor_cookie = true};
    p.domain = span_str(domain);
    assert_int_equal(policy_set_add(f->set, &p, span_str(zone), NULL), 0);
}

static int set_up(void **state) {
    static struct fixture f;
    memset(&f, 0, sizeof(f));
    (void)snprintf(f.dir, sizeof(f.dir), "/tmp/tamis-known-XXXXXX");
    assert_non_null(mkdtemp(f.dir));
    (void)snprintf(f.path, sizeof(f.path), "%s/visitors.db", f.dir);
    fake_clock_init(&f.clock, DAY * 86400000LL);
    f.set = policy_set_new();
    add_site(&f, 1, "a.example", "UTC");
    add_site(&f, 2, "b.example", "Asia/Tokyo");
    open_diary(&f);
    *state = &f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    known_close(f->known);
    policy_set_unref(f->set);
    char command[100];
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", f->dir);
    return system(command);
}

static struct known_entry came(uint32_t site, uint64_t known, int32_t day) {
    return (struct known_entry){.visitor = {.site = site, .day = day, .known = known}};
}

static struct known_entry withdrew(uint32_t site, uint64_t known) {
    return (struct known_entry){.visitor = {.site = site, .known = known}, .forget = true};
}

static void apply(struct fixture *f, const struct known_entry *entries, size_t count) {
    struct err err = {0};
    if (known_apply(f->known, entries, count, &err) < 0)
        fail_msg("%s", err.text);
}

struct sums {
    uint64_t visitors, days;
    int32_t least_first;
};

static void add_up(void *arg, int32_t first_day, struct span days) {
    struct sums *s = arg;
    s->visitors++;
    for (size_t i = 0; i < days.len; i++)
        s->days += (unsigned)__builtin_popcount((unsigned char)days.ptr[i]);
    s->least_first = first_day < s->least_first ? first_day : s->least_first;
}

static struct sums sums_of(struct fixture *f, uint32_t site) {
    struct sums s = {.least_first = INT32_MAX};
    assert_int_equal(known_each(f->known, site, LONG_MS, add_up, &s, NULL), 0);
    return s;
}

static void nobody_makes_no_file(void **state) {
    struct fixture *f = *state;
    const struct known_entry gone = withdrew(1, 7);
    int32_t since;
    apply(f, &gone, 1);
    assert_false(known_is_there(f->known));
    assert_int_not_equal(access(f->path, F_OK), 0);
    assert_int_equal(sums_of(f, 1).visitors, 0);
    assert_int_equal(known_since(f->known, 1, DAY, &since, NULL), 0);
    assert_int_equal(known_erase(f->known, 1, INT32_MAX, NULL), 0);
    assert_int_equal(known_copy(f->known, "/nowhere", NULL), ERR_NOT_FOUND);
}

static void applying_again_changes_nothing(void **state) {
    struct fixture *f = *state;
    const struct known_entry batch[] = {came(1, 7, DAY), came(1, 7, DAY),     came(1, 8, DAY),
                                        came(2, 7, DAY), came(1, 7, DAY + 3), withdrew(1, 8),
                                        came(1, 9, DAY), withdrew(1, 9),      came(1, 9, DAY + 1)};
    for (unsigned i = 0; i < 4; i++) {
        apply(f, batch, ARRAY_LEN(batch));
        struct sums s = sums_of(f, 1);
        assert_int_equal(s.visitors, 2);
        assert_int_equal(s.days, 3);
        assert_int_equal(s.least_first, DAY);
        assert_int_equal(sums_of(f, 2).visitors, 1);
        known_close(f->known); /* what was seen is no longer in memory */
        open_diary(f);
    }
    /* the journal from its beginning once more, after it had gone on */
    const struct known_entry later = came(1, 7, DAY + 4);
    apply(f, &later, 1);
    apply(f, batch, ARRAY_LEN(batch));
    assert_int_equal(sums_of(f, 1).days, 4);
}

static void a_day_of_before_comes_late(void **state) {
    struct fixture *f = *state;
    const struct known_entry late[] = {came(1, 7, DAY), came(1, 7, DAY - 1)};
    int32_t since;
    apply(f, late, 2);
    assert_int_equal(sums_of(f, 1).least_first, DAY - 1);
    assert_int_equal(sums_of(f, 1).days, 2);
    assert_int_equal(known_since(f->known, 1, DAY, &since, NULL), 1);
    assert_int_equal(since, DAY - 1);
}

/* Where b.example's day is over, a.example's is not. */
static void thirteen_months_are_over_by_the_clock_of_the_site(void **state) {
    struct fixture *f = *state;
    const struct known_entry old[] = {
        came(1, 7, DAY - KNOWN_MOST_DAYS), came(1, 7, DAY), came(1, 8, DAY - KNOWN_MOST_DAYS + 1),
        came(2, 7, DAY - KNOWN_MOST_DAYS), came(3, 1, DAY) /* a site that was removed */};
    uint64_t gone = 0;
    apply(f, old, ARRAY_LEN(old));
    f->clock.now_ms = DAY * 86400000LL + 14 * 3600000LL; /* 23:00 in Tokyo */
    assert_int_equal(known_age(f->known, f->set, &gone, NULL), 0);
    assert_int_equal(gone, 1);
    assert_int_equal(sums_of(f, 3).visitors, 0);
    f->clock.now_ms += 3600000;
    assert_int_equal(known_age(f->known, f->set, &gone, NULL), 0);
    assert_int_equal(gone, 1);
    assert_int_equal(sums_of(f, 2).visitors, 0);
    assert_int_equal(sums_of(f, 1).visitors, 2);
    f->clock.now_ms = (DAY + 1) * 86400000LL;
    assert_int_equal(known_age(f->known, f->set, &gone, NULL), 0);
    assert_int_equal(gone, 1); /* whole, though the visitor came yesterday */
    assert_int_equal(sums_of(f, 1).visitors, 1);
    int32_t since;
    assert_int_equal(known_since(f->known, 1, DAY + 1, &since, NULL), 1);
    assert_int_equal(since, DAY + 1 - KNOWN_MOST_DAYS);
}

static void days_before_a_date_are_erased(void **state) {
    struct fixture *f = *state;
    const struct known_entry all[] = {came(1, 1, DAY),          came(1, 2, DAY),
                                      came(1, 2, DAY + 5),      came(1, 3, DAY + 4),
                                      came(1, UINT64_MAX, DAY), came(2, 1, DAY)};
    int32_t since;
    apply(f, all, ARRAY_LEN(all));
    assert_int_equal(known_erase(f->known, 1, DAY + 4, NULL), 0);
    struct sums s = sums_of(f, 1);
    assert_int_equal(s.visitors, 2);
    assert_int_equal(s.days, 2);
    assert_int_equal(s.least_first, DAY + 4);
    assert_int_equal(known_since(f->known, 1, DAY + 5, &since, NULL), 1);
    assert_int_equal(since, DAY + 4);
    assert_int_equal(sums_of(f, 2).visitors, 1);
    apply(f, all, ARRAY_LEN(all)); /* nothing is taken for seen */
    assert_int_equal(sums_of(f, 1).visitors, 4);
    assert_int_equal(known_erase(f->known, 1, INT32_MAX, NULL), 0);
    assert_int_equal(sums_of(f, 1).visitors, 0);
    assert_int_equal(known_since(f->known, 1, DAY, &since, NULL), 0);
}

/* --- what was deleted --------------------------------------------------------------------------- */

/* How many of the hashes stand in the file, as SQLite writes integers: the highest byte first. */
static unsigned found_in(const char *path, const uint64_t *hashes, size_t count) {
    BUF_AUTO bytes = {0};
    if (os_read_file(&os_system, path, (size_t)1 << 30, &bytes, NULL) < 0)
        return 0;
    unsigned found = 0;
    for (size_t i = 0; i < count; i++) {
        char needle[8];
        for (unsigned k = 0; k < 8; k++)
            needle[k] = (char)(hashes[i] >> (56 - 8 * k));
        found += memmem(bytes.data, bytes.len, needle, 8) != NULL;
    }
    return found;
}

static unsigned found_anywhere(const struct fixture *f, const uint64_t *hashes, size_t count) {
    char wal[160];
    (void)snprintf(wal, sizeof(wal), "%s-wal", f->path);
    return found_in(f->path, hashes, count) + found_in(wal, hashes, count);
}

/* The tree splits and joins its pages as it grows and shrinks, which leaves copies if it may. */
static void who_withdrew_is_in_no_file(void **state) {
    enum { VISITORS = 20000, WITHDRAWN = 300 };
    struct fixture *f = *state;
    struct known_entry *all = calloc(VISITORS, sizeof(*all));
    struct known_entry gone[WITHDRAWN];
    uint64_t hashes[WITHDRAWN];
    for (unsigned round = 0; round < 4; round++) {
        for (size_t i = 0; i < VISITORS; i++)
            all[i] = came(1, next_random() | 1ULL << 62, DAY + (int32_t)(next_random() % 200));
        for (size_t i = 0; i < VISITORS; i += 500)
            apply(f, &all[i], 500);
        for (size_t i = 0; i < WITHDRAWN; i++) {
            hashes[i] = all[next_random() % VISITORS].visitor.known;
            gone[i] = withdrew(1, hashes[i]);
        }
        assert_in_range(found_anywhere(f, hashes, WITHDRAWN), WITHDRAWN, 2 * WITHDRAWN);
        apply(f, gone, WITHDRAWN);
        assert_true(known_settle(f->known));
        assert_int_equal(found_anywhere(f, hashes, WITHDRAWN), 0);
    }
    free(all);
}

static void withdraw_while_reading(void *arg, int32_t first_day, struct span days) {
    struct fixture *f = arg;
    const struct known_entry gone = withdrew(1, 7);
    apply(f, &gone, 1);
    f->clock.now_ms++;
}

static void a_reader_in_the_way_is_waited_for(void **state) {
    struct fixture *f = *state;
    const uint64_t hash = 0x7123456789abcdefULL;
    const struct known_entry all[] = {came(1, 7, DAY), came(1, hash, DAY)};
    const struct known_entry gone = withdrew(1, hash);
    sqlite3 *reader = NULL;
    apply(f, all, 2);
    assert_int_equal(sqlite3_open(f->path, &reader), SQLITE_OK);
    assert_int_equal(sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM visitor", NULL, NULL, NULL),
                     SQLITE_OK);
    apply(f, &gone, 1);
    assert_false(known_settle(f->known));
    assert_int_equal(sums_of(f, 1).visitors, 1);
    assert_int_equal(sqlite3_close_v2(reader), SQLITE_OK);
    assert_true(known_settle(f->known));
    assert_int_equal(found_anywhere(f, &hash, 1), 0);
    int64_t before = f->clock.now_ms;
    assert_int_equal(known_each(f->known, 1, LONG_MS, withdraw_while_reading, f, NULL), 0);
    assert_int_equal(f->clock.now_ms, before + 1);
}

/* --- files -------------------------------------------------------------------------------------- */

static void a_copy_opens(void **state) {
    struct fixture *f = *state;
    char copy[128];
    const struct known_entry all[] = {came(1, 7, DAY), came(1, 8, DAY)};
    apply(f, all, 2);
    (void)snprintf(copy, sizeof(copy), "%s/copy.db", f->dir);
    assert_int_equal(known_copy(f->known, copy, NULL), 0);
    known_close(f->known);
    (void)snprintf(f->path, sizeof(f->path), "%s", copy);
    open_diary(f);
    assert_int_equal(sums_of(f, 1).visitors, 2);
}

static void a_damaged_or_newer_file_is_refused(void **state) {
    struct fixture *f = *state;
    char path[128];
    struct known *k = NULL;
    struct err err = {0};
    (void)snprintf(path, sizeof(path), "%s/other.db", f->dir);
    assert_int_equal(os_replace_file(&os_system, path,
                                     SPAN_LIT("this is no database, and longer than a header"
                                              " of one hundred bytes, so that it is looked at."),
                                     0600, NULL),
                     0);
    assert_int_equal(known_open(path, &f->clock.clock, &k, &err), ERR_CORRUPT);
    assert_non_null(strstr(err.text, "visitors.db is damaged"));
    assert_int_equal(unlink(path), 0);
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_int_equal(known_open(path, &f->clock.clock, &k, &err), ERR_UNSUPPORTED);
    assert_null(k);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_are_those_of_a_naive_set),
        cmocka_unit_test(a_day_too_late_begins_anew),
        TEST(nobody_makes_no_file),
        TEST(applying_again_changes_nothing),
        TEST(a_day_of_before_comes_late),
        TEST(thirteen_months_are_over_by_the_clock_of_the_site),
        TEST(days_before_a_date_are_erased),
        TEST(who_withdrew_is_in_no_file),
        TEST(a_reader_in_the_way_is_waited_for),
        TEST(a_copy_opens),
        TEST(a_damaged_or_newer_file_is_refused),
    };
    choose_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
