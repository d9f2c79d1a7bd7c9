/* The way of known visitors through one folder: journal, diary, withdrawal, what is left where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app.h"
#include "backup.h"
#include "crypt.h"
#include "drain.h"
#include "erase.h"
#include "log.h"
#include "record.h"
#include "restore.h"
#include "sealer.h"

enum { DAY_MS = 86400000, PATIENCE_MS = 120000, KILLS = 20 };

/* Noon in Paris (UTC+1) on Tuesday 10 March 2026. */
static const int64_t noon_ms = 1773140400000;
static const int32_t today = 20522;

struct fixture {
    char dir[64];
    struct fake_clock clock;
    struct app app;
    uint32_t site, other;
};

static void open_app(struct fixture *f, const char *dir) {
    struct err err = {0};
    f->app = (struct app){.clock = &f->clock.clock};
    assert_int_equal(config_init(&f->app.config, &err), 0);
    if (app_open(&f->app, dir, APP_ALL | APP_MAKE | APP_DRAIN, &err) < 0)
        fail_msg("app_open: %s", err.text);
}

static uint32_t add_site(struct fixture *f, const char *domain) {
    uint32_t site = 0;
    struct err err = {0};
    JSON_AUTO settings = json_pack("{s:s, s:s, s:s, s:b}", "domain", domain, "timezone",
                                   "Europe/Paris", "profile", "consented", "visitor_cookie", 1);
    if (control_site_add(f->app.control, settings, &site, &err) < 0)
        fail_msg("%s", err.text);
    return site;
}

static int set_up(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));
    assert_int_equal(crypt_init(), 0);
    log_set_level(LOG_ERROR_LEVEL + 1);
    (void)snprintf(f->dir, sizeof(f->dir), "/tmp/tamis-diary-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    fake_clock_init(&f->clock, noon_ms);
    open_app(f, f->dir);
    f->site = add_site(f, "a.example");
    f->other = add_site(f, "b.example");
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    app_close(&f->app);
    char command[300];
    (void)snprintf(command, sizeof(command), "rm -rf %s %s-copy %s-back", f->dir, f->dir, f->dir);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

/* --- what comes ---------------------------------------------------------------------------------
 */

/* Eight bytes that occur nowhere else. */
static uint64_t hash_of(unsigned visitor) {
    return (visitor + 1) * 0x9e3779b97f4a7c15u | 1ULL << 62;
}

static void put_event(struct buf *frame, uint32_t site, int32_t day, unsigned visitor) {
    BUF_AUTO scratch = {0};
    struct event e;
    event_init(&e);
    e.site = site;
    e.day = day;
    e.ts_ms = (int64_t)day * DAY_MS + 3600000;
    e.visitor = visitor + 1;
    e.interactive = 1;
    e.name = SPAN_LIT("pageview");
    e.page = SPAN_LIT("/");
    record_add_event(frame, &e, &scratch);
}

static int come(struct app *a, uint32_t site, unsigned visitor, int32_t day, struct err *err) {
    BUF_AUTO frame = {0};
    put_event(&frame, site, day, visitor);
    const struct record_known k = {.site = site, .day = day, .known = hash_of(visitor)};
    record_add_known(&frame, &k);
    return journal_append(a->journal, buf_span(&frame), err);
}

static int withdraw(struct app *a, uint32_t site, unsigned visitor, struct err *err) {
    BUF_AUTO frame = {0};
    const struct record_known k = {.site = site, .known = hash_of(visitor)};
    record_add_forget(&frame, &k);
    return journal_append(a->journal, buf_span(&frame), err);
}

static void succeeds(int rc, const struct err *err) {
    if (rc < 0)
        fail_msg("%s", err->text);
}

static void comes(struct fixture *f, uint32_t site, unsigned visitor, int32_t day) {
    struct err err = {0};
    succeeds(come(&f->app, site, visitor, day, &err), &err);
}

static void withdraws(struct fixture *f, uint32_t site, unsigned visitor) {
    struct err err = {0};
    succeeds(withdraw(&f->app, site, visitor, &err), &err);
}

static void catch_up(struct fixture *f) {
    struct err err = {0};
    succeeds(app_catch_up(&f->app, PATIENCE_MS, &err), &err);
}

static void round_of_the_sealer(struct fixture *f) {
    struct err err = {0};
    size_t sealed;
    succeeds(sealer_round(&f->app, &sealed, &err), &err);
    assert_true(known_settle(f->app.known));
}

/* --- what is there ------------------------------------------------------------------------------
 */

struct sums {
    unsigned visitors, days;
};

static void add_up(void *arg, int32_t first_day, struct span days) {
    struct sums *s = arg;
    s->visitors++;
    for (size_t i = 0; i < days.len; i++)
        s->days += (unsigned)__builtin_popcount((unsigned char)days.ptr[i]);
}

static void holds(struct fixture *f, uint32_t site, unsigned visitors, unsigned days) {
    struct sums s = {0};
    catch_up(f);
    assert_int_equal(known_each(f->app.known, site, PATIENCE_MS, add_up, &s, NULL), 0);
    assert_int_equal(s.visitors, visitors);
    assert_int_equal(s.days, days);
}

static bool file_has(const char *path, uint64_t hash) {
    BUF_AUTO bytes = {0};
    if (os_read_file(&os_system, path, (size_t)1 << 30, &bytes, NULL) < 0 || !bytes.data)
        return false;
    char big[8], little[8];
    for (unsigned i = 0; i < 8; i++) {
        little[i] = (char)(hash >> (8 * i));
        big[7 - i] = little[i];
    }
    return memmem(bytes.data, bytes.len, big, 8) || memmem(bytes.data, bytes.len, little, 8);
}

/* In how many files of the folder the visitor's hash is. */
static unsigned files_with(const char *dir, uint64_t hash) {
    unsigned n = 0;
    DIR *d = opendir(dir);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        char path[600];
        struct stat st;
        (void)snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
        if (e->d_name[0] == '.' || lstat(path, &st) < 0)
            continue;
        if (S_ISDIR(st.st_mode))
            n += files_with(path, hash);
        else
            n += S_ISREG(st.st_mode) && file_has(path, hash);
    }
    (void)closedir(d);
    return n;
}

/* --- the road ----------------------------------------------------------------------------------- */

static void days_go_into_the_diary(void **state) {
    struct fixture *f = *state;
    for (unsigned v = 0; v < 10; v++)
        for (int32_t back = 0; back <= (int32_t)v; back++)
            comes(f, f->site, v, today - back);
    comes(f, f->other, 3, today);
    holds(f, f->site, 10, 55);
    holds(f, f->other, 1, 1);
    app_close(&f->app);
    open_app(f, f->dir);
    holds(f, f->site, 10, 55);
}

static void remove_hot(struct fixture *f) {
    char command[120];
    app_close(&f->app);
    (void)snprintf(command, sizeof(command), "rm -r %s/hot", f->dir);
    assert_int_equal(system(command), 0);
    open_app(f, f->dir);
}

/* The hot tables are lost: the journal is drained from its beginning once more. */
static void a_replay_ends_the_same(void **state) {
    struct fixture *f = *state;
    comes(f, f->site, 1, today);
    comes(f, f->site, 2, today);
    withdraws(f, f->site, 1);
    comes(f, f->site, 3, today);
    withdraws(f, f->site, 3);
    comes(f, f->site, 3, today); /* the browser had still sent it */
    holds(f, f->site, 2, 2);
    remove_hot(f);
    holds(f, f->site, 2, 2);
    round_of_the_sealer(f); /* takes the withdrawals out of the journal, and all before them */
    remove_hot(f);
    holds(f, f->site, 2, 2);
    assert_int_equal(files_with(f->dir, hash_of(1)), 0);
}

/* Killed at any moment, nobody who was acknowledged is missing, and nobody who withdrew is there. */
static void a_kill_loses_and_revives_nobody(void **state) {
    struct fixture *f = *state;
    _Atomic unsigned *came =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    app_close(&f->app);
    for (unsigned kill_at = 0; kill_at < KILLS; kill_at++) {
        pid_t child = fork();
        if (child == 0) {
            struct err err = {0};
            f->app = (struct app){.clock = &f->clock.clock};
            if (config_init(&f->app.config, &err) < 0 ||
                app_open(&f->app, f->dir, APP_ALL | APP_MAKE | APP_DRAIN, &err) < 0)
                _exit(1);
            for (;;) {
                unsigned v = *came;
                if (come(&f->app, f->site, v, today, &err) < 0 ||
                    (v % 2 && withdraw(&f->app, f->site, v, &err) < 0))
                    _exit(1);
                (*came)++;
            }
        }
        unsigned begun = *came;
        int64_t until_ns = clock_mono_ns(&clock_system) + PATIENCE_MS * 1000000LL;
        while (*came < begun + 5 + kill_at % 7 && clock_mono_ns(&clock_system) < until_ns)
            (void)usleep(500);
        (void)usleep((kill_at * 7919) % 20000);
        assert_int_equal(kill(child, SIGKILL), 0);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        assert_true(*came > begun);
    }
    open_app(f, f->dir);
    catch_up(f);
    struct sums s = {0};
    assert_int_equal(known_each(f->app.known, f->site, PATIENCE_MS, add_up, &s, NULL), 0);
    /* The one who was on the way at the last kill may be there, or not. */
    assert_in_range(s.visitors, (*came + 1) / 2, (*came + 1) / 2 + 1);
}

/* --- withdrawal --------------------------------------------------------------------------------- */

static void who_withdraws_is_in_no_file(void **state) {
    struct fixture *f = *state;
    for (unsigned v = 0; v < 50; v++)
        comes(f, f->site, v, today);
    comes(f, f->other, 7, today);
    holds(f, f->site, 50, 50);
    assert_in_range(files_with(f->dir, hash_of(7)), 2, 9);
    withdraws(f, f->site, 7);
    holds(f, f->site, 49, 49);
    round_of_the_sealer(f);
    assert_in_range(files_with(f->dir, hash_of(7)), 1, 9); /* the other site's */
    withdraws(f, f->other, 7);
    holds(f, f->other, 0, 0);
    round_of_the_sealer(f);
    assert_int_equal(files_with(f->dir, hash_of(7)), 0);
    assert_in_range(files_with(f->dir, hash_of(8)), 1, 9);
}

static void a_sealed_day_leaves_the_diary_alone(void **state) {
    struct fixture *f = *state;
    comes(f, f->site, 1, today);
    comes(f, f->site, 2, today);
    f->clock.now_ms += DAY_MS;
    comes(f, f->site, 1, today + 1);
    catch_up(f);
    round_of_the_sealer(f);
    assert_int_equal(counters_get(&f->app.counters, COUNT_DAYS_SEALED), 1);
    holds(f, f->site, 2, 3);
    /* yesterday's has left the journal, today's not yet: it is its truth if the diary is restored */
    assert_int_equal(files_with(f->dir, hash_of(2)), 1);
    assert_in_range(files_with(f->dir, hash_of(1)), 2, 9);
    remove_hot(f);
    holds(f, f->site, 2, 3);
}

/* --- erasing, ageing, removing ------------------------------------------------------------------ */

static void erases(struct fixture *f, struct erasure e) {
    struct err err = {0};
    struct erased done;
    succeeds(erase_run(&f->app, &e, &done, &err), &err);
}

static void erasing_reaches_the_diary(void **state) {
    struct fixture *f = *state;
    comes(f, f->site, 1, today - 1);
    comes(f, f->site, 1, today);
    comes(f, f->site, 2, today - 1);
    comes(f, f->other, 3, today - 1);
    catch_up(f);
    erases(f, (struct erasure){.site = f->site, .path = SPAN_LIT("/gone")});
    holds(f, f->site, 2, 3);
    erases(f, (struct erasure){
                  .site = f->site, .has_before = true, .before = today, .path = SPAN_EMPTY});
    holds(f, f->site, 1, 1);
    assert_int_equal(files_with(f->dir, hash_of(2)), 0);
    erases(f, (struct erasure){.site = f->site, .path = SPAN_EMPTY});
    holds(f, f->site, 0, 0);
    assert_int_equal(files_with(f->dir, hash_of(1)), 0);
    holds(f, f->other, 1, 1);
}

static void after_thirteen_months_a_visitor_goes_whole(void **state) {
    struct fixture *f = *state;
    comes(f, f->site, 1, today);
    for (unsigned days = 100; days <= 400; days += 100) {
        f->clock.now_ms = noon_ms + days * (int64_t)DAY_MS;
        if (days < KNOWN_MOST_DAYS)
            comes(f, f->site, 1, today + (int32_t)days);
        comes(f, f->site, 2, today + (int32_t)days);
        catch_up(f);
        round_of_the_sealer(f);
    }
    holds(f, f->site, 1, 4);
    assert_int_equal(counters_get(&f->app.counters, COUNT_VISITORS_AGED), 1);
    assert_int_equal(files_with(f->dir, hash_of(1)), 0);
}

/* --- backup ------------------------------------------------------------------------------------- */

static void makes_backup(struct fixture *f, const char *dir) {
    struct err err = {0};
    JSON_AUTO args = json_pack("{s:s}", "dir", dir);
    JSON_AUTO begun = NULL;
    succeeds(verb_backup_begin(&f->app, args, SPAN_EMPTY, &begun, &err), &err);
    for (bool done = false; !done;) {
        JSON_AUTO reply = NULL;
        succeeds(verb_backup_step(&f->app, begun, SPAN_EMPTY, &reply, &err), &err);
        done = json_is_true(json_member(reply, "done"));
    }
}

static void restores(const char *backup, const char *data) {
    struct err err = {0};
    const struct restore r = {.backup = backup};
    CLEANUP(manifest_release) struct manifest m = {0};
    uint64_t damaged = 0;
    succeeds(restore_verify(&r, &m, &damaged, &err), &err);
    assert_int_equal(damaged, 0);
    succeeds(restore_fill(&r, &m, data, &err), &err);
}

static void a_backup_has_diary_and_key(void **state) {
    struct fixture *f = *state;
    char copy[80], back[80], key[120], again[120];
    (void)snprintf(copy, sizeof(copy), "%s-copy", f->dir);
    (void)snprintf(back, sizeof(back), "%s-back", f->dir);
    (void)snprintf(key, sizeof(key), "%s/keys/known-%u", f->dir, f->site);
    assert_int_equal(
        os_replace_file(&os_system, key, SPAN_LIT("0123456789abcdef0123456789abcdef"), 0600, NULL),
        0);
    makes_backup(f, copy); /* there is no diary yet */
    comes(f, f->site, 1, today - 1);
    comes(f, f->site, 1, today);
    comes(f, f->site, 2, today);
    catch_up(f);
    makes_backup(f, copy);
    withdraws(f, f->site, 2);
    holds(f, f->site, 1, 2);
    restores(copy, back);
    struct stat st;
    (void)snprintf(again, sizeof(again), "%s/keys/known-%u", back, f->site);
    assert_int_equal(stat(again, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(st.st_size, 32);
    app_close(&f->app);
    open_app(f, back);
    holds(f, f->site, 2, 3);
    makes_backup(f, copy); /* from the restored folder: what is not in it any more goes */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_kill_loses_and_revives_nobody), /* forks: first */
        TEST(days_go_into_the_diary),          TEST(a_replay_ends_the_same),
        TEST(who_withdraws_is_in_no_file),     TEST(a_sealed_day_leaves_the_diary_alone),
        TEST(erasing_reaches_the_diary),       TEST(after_thirteen_months_a_visitor_goes_whole),
        TEST(a_backup_has_diary_and_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
