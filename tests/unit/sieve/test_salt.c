#include "salt.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "civil.h"
#include "t.h"

enum { UTC_SITE = 1, PARIS_SITE, KATHMANDU_SITE };

static char dir[64];

static int set_up(void **state) {
    (void)snprintf(dir, sizeof(dir), "/tmp/tamis-salt-XXXXXX");
    return crypt_init() || !mkdtemp(dir);
}

static int count_files(const char *sub) {
    char path[200];
    (void)snprintf(path, sizeof(path), "%s%s", dir, sub);
    DIR *d = opendir(path);
    if (!d)
        return -1;
    int n = 0;
    for (const struct dirent *e; (e = readdir(d));)
        n += strncmp(e->d_name, "salt-", 5) == 0;
    (void)closedir(d);
    return n;
}

static int tear_down(void **state) {
    char command[100];
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    return system(command);
}

static struct policy_set *policies(void) {
    static const struct {
        uint32_t site;
        const char *domain, *zone;
    } sites[] = {
        {UTC_SITE, "utc.example", "UTC"},
        {PARIS_SITE, "paris.example", "Europe/Paris"},
        {KATHMANDU_SITE, "kathmandu.example", "Asia/Kathmandu"},
    };
    struct policy_set *set = policy_set_new();
    for (size_t i = 0; i < ARRAY_LEN(sites); i++) {
        struct policy p = {.site = sites[i].site, .domain = span_str(sites[i].domain)};
        assert_int_equal(policy_set_add(set, &p, span_str(sites[i].zone), NULL), 0);
    }
    return set;
}

static uint64_t hash(struct salts *s, struct salt_cache *c, uint64_t import, uint32_t site,
                     int32_t day) {
    struct span part = SPAN_LIT("visitor");
    uint64_t h = 0;
    assert_int_equal(salts_hash(s, c, (struct salt_id){.import = import, .site = site, .day = day},
                                &part, 1, &h, NULL),
                     0);
    return h;
}

static int32_t day_of(int year, int month, int day) {
    return civil_to_day((struct civil){year, month, day});
}

static int64_t at(int32_t day, int hour, int minute) {
    return ((int64_t)day * 1440 + hour * 60 + minute) * 60000;
}

static struct salts *open_salts(struct salt_cache *c) {
    struct salts *s;
    assert_int_equal(salts_open(&os_system, dir, &s, NULL), 0);
    memset(c, 0, sizeof(*c));
    salts_join(s, c);
    return s;
}

static void close_salts(struct salts *s, struct salt_cache *c) {
    salts_leave(s, c);
    salts_close(s);
}

static void one_for_each_site_and_day(void **state) {
    struct salt_cache c, other;
    struct salts *s = open_salts(&c);
    memset(&other, 0, sizeof(other));
    salts_join(s, &other);
    uint64_t h = hash(s, &c, 0, 1, 100);
    assert_true(h == hash(s, &c, 0, 1, 100));
    assert_true(h == hash(s, &other, 0, 1, 100));
    assert_true(h != hash(s, &c, 0, 2, 100));
    assert_true(h != hash(s, &c, 0, 1, 101));
    for (uint32_t site = 10; site < 400; site++)
        (void)hash(s, &c, 0, site, 100);
    assert_true(h == hash(s, &c, 0, 1, 100));
    salts_leave(s, &other);
    close_salts(s, &c);
}

/* A kill at any moment after the first use: the file is there already, private, and gives the
 * same visitors. */
static void survives_a_kill(void **state) {
    struct salt_cache c, c2;
    struct salts *s = open_salts(&c);
    uint64_t h = hash(s, &c, 0, UTC_SITE, 20000);
    char path[200];
    (void)snprintf(path, sizeof(path), "%s/salt-1-20000", dir);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(st.st_size, CRYPT_KEY_BYTES);
    /* what a kill in the middle of making another leaves behind */
    (void)snprintf(path, sizeof(path), "%s/salt-1-20001.tmp", dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    (void)fputs("half", f);
    (void)fclose(f);
    struct salts *again = open_salts(&c2);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_true(h == hash(again, &c2, 0, UTC_SITE, 20000));
    close_salts(again, &c2);
    close_salts(s, &c);
}

static void ends_at_the_sites_midnight(void **state) {
    static const struct {
        uint32_t site;
        int year, month, day;       /* the site's local day */
        int last_hour, last_minute; /* its last minute, UTC, hours from that date's 00:00 UTC */
    } days[] = {
        {UTC_SITE, 2026, 11, 24, 23, 59},   {KATHMANDU_SITE, 2026, 11, 24, 18, 14}, /* UTC+5:45 */
        {PARIS_SITE, 2026, 11, 24, 22, 59}, {PARIS_SITE, 2026, 7, 14, 21, 59},
        {PARIS_SITE, 2026, 3, 29, 21, 59},  /* the 23-hour day ends in summer time */
        {PARIS_SITE, 2026, 10, 25, 22, 59}, /* the 25-hour day in winter time */
    };
    struct policy_set *set = policies();
    for (size_t i = 0; i < ARRAY_LEN(days); i++) {
        struct salt_cache c;
        struct salts *s = open_salts(&c);
        int32_t day = day_of(days[i].year, days[i].month, days[i].day);
        int64_t last = at(day, days[i].last_hour, days[i].last_minute);
        uint64_t h = hash(s, &c, 0, days[i].site, day);
        salts_wipe_ended(s, set, last);
        assert_true(h == hash(s, &c, 0, days[i].site, day));
        assert_int_equal(count_files(""), 1);
        (void)hash(s, &c, 0, days[i].site, day + 1);
        salts_wipe_ended(s, set, last + 60000);
        assert_int_equal(count_files(""), 1); /* tomorrow's alone */
        for (size_t k = 0; k < SALT_CACHE; k++)
            assert_false(c.slots[k].used && c.slots[k].id.day == day);
        assert_true(h != hash(s, &c, 0, days[i].site, day));
        salts_wipe_ended(s, set, at(day + 5, 0, 0));
        assert_int_equal(count_files(""), 0);
        close_salts(s, &c);
    }
    policy_set_unref(set);
}

/* Policies may load later than salts: an unknown site's salt waits until its day is over
 * everywhere. */
static void unknown_site_waits(void **state) {
    struct policy_set *none = policy_set_new();
    struct salt_cache c;
    struct salts *s = open_salts(&c);
    uint64_t h = hash(s, &c, 0, 77, 20000);
    salts_wipe_ended(s, none, at(20001, 11, 59));
    assert_true(h == hash(s, &c, 0, 77, 20000));
    salts_wipe_ended(s, none, at(20001, 12, 0));
    assert_int_equal(count_files(""), 0);
    close_salts(s, &c);
    policy_set_unref(none);
}

static void imports(void **state) {
    struct policy_set *set = policies();
    struct salt_cache c;
    struct salts *s = open_salts(&c);
    assert_int_equal(salts_import_begin(s, 9, NULL), 0);
    assert_int_equal(salts_import_begin(s, 9, NULL), 0);
    uint64_t h = hash(s, &c, 9, UTC_SITE, 10), live = hash(s, &c, 0, UTC_SITE, 10);
    assert_true(h != live);
    salts_wipe_ended(s, set, at(20000, 0, 0));
    assert_true(h == hash(s, &c, 9, UTC_SITE, 10));
    assert_int_equal(count_files("/import-9"), 1);
    /* resumed after a restart */
    close_salts(s, &c);
    s = open_salts(&c);
    assert_int_equal(salts_import_begin(s, 9, NULL), 0);
    assert_true(h == hash(s, &c, 9, UTC_SITE, 10));
    assert_int_equal(salts_import_end(s, 9, NULL), 0);
    assert_int_equal(count_files("/import-9"), -1);
    for (size_t k = 0; k < SALT_CACHE; k++)
        assert_false(c.slots[k].used && c.slots[k].id.import);
    assert_int_equal(salts_import_end(s, 9, NULL), 0);
    close_salts(s, &c);
    policy_set_unref(set);
}

struct failing_os {
    struct os os;
    int *fail; /* fails while not 0 */
};

static int failing_rename(const struct os *os, const char *from, const char *to) {
    const struct failing_os *f = (const struct failing_os *)(const void *)os;
    return *f->fail ? -EIO : os_system.rename(&os_system, from, to);
}

static int failing_unlink(const struct os *os, const char *path) {
    const struct failing_os *f = (const struct failing_os *)(const void *)os;
    return *f->fail ? -EIO : os_system.unlink(&os_system, path);
}

static void failures(void **state) {
    int fail = 1;
    struct failing_os f = {.os = os_system, .fail = &fail};
    f.os.rename = failing_rename;
    f.os.unlink = failing_unlink;
    struct policy_set *set = policies();
    struct salts *s;
    struct salt_cache c = {0};
    assert_int_equal(salts_open(&f.os, dir, &s, NULL), 0);
    salts_join(s, &c);
    /* what cannot be stored is not used */
    struct span part = SPAN_LIT("x");
    uint64_t h = 5;
    struct salt_id id = {.site = UTC_SITE, .day = 10};
    assert_int_equal(salts_hash(s, &c, id, &part, 1, &h, NULL), ERR_IO);
    assert_int_equal(h, 5);
    for (size_t k = 0; k < SALT_CACHE; k++)
        assert_false(c.slots[k].used);
    fail = 0;
    h = hash(s, &c, 0, UTC_SITE, 10);
    /* what cannot be unlinked is unusable at once, and goes at the next try */
    fail = 1;
    salts_wipe_ended(s, set, at(20000, 0, 0));
    assert_true(count_files("") >= 1);
    fail = 0;
    salts_wipe_ended(s, set, at(20000, 0, 0));
    close_salts(s, &c);
    s = open_salts(&c);
    assert_int_equal(count_files(""), 0);
    assert_true(h != hash(s, &c, 0, UTC_SITE, 10));
    close_salts(s, &c);
    policy_set_unref(set);
}

enum { THREADS = 4, RACED_SITES = 200 };

struct racer {
    struct salts *salts;
    struct salt_cache cache;
    uint64_t seen[RACED_SITES];
    int failed;
};

static void *race(void *ctx) {
    struct racer *r = ctx;
    struct span part = SPAN_LIT("visitor");
    for (uint32_t i = 0; i < RACED_SITES; i++)
        r->failed += salts_hash(r->salts, &r->cache, (struct salt_id){.site = i + 1, .day = 20000},
                                &part, 1, &r->seen[i], NULL) < 0;
    return NULL;
}

/* Lanes that need the same new salts at once, while ended days are wiped: all see the same
 * visitors. */
static void lanes_agree(void **state) {
    struct policy_set *none = policy_set_new();
    static struct racer racers[THREADS];
    pthread_t threads[THREADS];
    struct salt_cache c;
    struct salts *s = open_salts(&c);
    for (uint32_t site = 1; site <= RACED_SITES; site++)
        (void)hash(s, &c, 0, site, 100);
    for (size_t i = 0; i < THREADS; i++) {
        racers[i] = (struct racer){.salts = s};
        salts_join(s, &racers[i].cache);
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    }
    salts_wipe_ended(s, none, at(20000, 12, 0));
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(racers[i].failed, 0);
        assert_memory_equal(racers[i].seen, racers[0].seen, sizeof(racers[i].seen));
        salts_leave(s, &racers[i].cache);
    }
    assert_int_equal(count_files(""), RACED_SITES);
    close_salts(s, &c);
    policy_set_unref(none);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(one_for_each_site_and_day),
        TEST(survives_a_kill),
        TEST(ends_at_the_sites_midnight),
        TEST(unknown_site_waits),
        TEST(imports),
        TEST(failures),
        TEST(lanes_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
