/* The seal from end to end in one folder: when a day is due, what is left of it afterwards, and what
 * a kill at any moment leaves. */
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
#include <time.h>
#include <unistd.h>

#include "app.h"
#include "crypt.h"
#include "drain.h"
#include "erase.h"
#include "imports.h"
#include "parts.h"
#include "record.h"
#include "sealer.h"

enum { DAY_MS = 86400000, MINUTE_MS = 60000, PATIENCE_MS = 120000, KILLS = 100 };

/* Noon in Paris (UTC+1) on Tuesday 10 March 2026. */
static const int64_t noon_ms = 1773140400000;
static const int32_t today = 20522;

struct fixture {
    char dir[64];
    struct fake_clock clock;
    struct app app;
    uint32_t site;
};

static void open_parts(struct fixture *f, unsigned parts) {
    struct err err = {0};
    f->app = (struct app){.clock = &f->clock.clock};
    assert_int_equal(config_init(&f->app.config, &err), 0);
    if (app_open(&f->app, f->dir, parts, &err) < 0)
        fail_msg("app_open: %s", err.text);
}

static void open_app(struct fixture *f) {
    open_parts(f, APP_STORE | APP_MAKE | APP_DRAIN);
}

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));
    struct err err = {0};
    assert_int_equal(crypt_init(), 0);
    (void)snprintf(f->dir, sizeof(f->dir), "/tmp/tamis-sealer-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    fake_clock_init(&f->clock, noon_ms);
    open_app(f);
    JSON_AUTO settings = json_pack("{s:s, s:s, s:s}", "domain", "a.example", "timezone",
                                   "Europe/Paris", "profile", "consented");
    assert_int_equal(control_site_add(f->app.control, settings, &f->site, &err), 0);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    app_close(&f->app);
    char command[96];
    (void)snprintf(command, sizeof(command), "rm -r %s", f->dir);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

/* --- events -------------------------------------------------------------------------------------
 */

/* A visitor's id with eight bytes that occur nowhere else. */
static uint64_t visitor_id(int32_t day, unsigned n) {
    return ((uint64_t)(uint32_t)day << 32 | n) * 0x9e3779b97f4a7c15u + 0x1234567;
}

static int add_event(struct app *a, uint32_t site, int32_t day, unsigned visitor, unsigned second,
                     const char *page, struct err *err) {
    BUF_AUTO frame = {0};
    BUF_AUTO scratch = {0};
    struct event e;
    event_init(&e);
    e.site = site;
    e.day = day;
    e.ts_ms = (int64_t)day * DAY_MS - 3600000 + second * 1000;
    e.hour = (uint8_t)(second / 3600);
    e.visitor = visitor_id(day, visitor);
    e.interactive = 1;
    e.name = SPAN_LIT("pageview");
    e.hostname = SPAN_LIT("a.example");
    e.page = span_str(page);
    e.country = SPAN_LIT("FR");
    record_add_event(&frame, &e, &scratch);
    return journal_append(a->journal, buf_span(&frame), err);
}

static void add_day(struct fixture *f, int32_t day, unsigned visitors) {
    struct err err = {0};
    for (unsigned i = 0; i < visitors; i++)
        for (unsigned k = 0; k <= i % 3; k++)
            if (add_event(&f->app, f->site, day, i, 60 * k + i % 3600, k ? "/next" : "/", &err))
                fail_msg("journal: %s", err.text);
    assert_int_equal(app_catch_up(&f->app, PATIENCE_MS, &err), 0);
}

static size_t round_now(struct fixture *f) {
    struct err err = {0};
    size_t sealed = 0;
    if (sealer_round(&f->app, &sealed, &err) < 0)
        fail_msg("sealer_round: %s", err.text);
    return sealed;
}

/* --- answers ------------------------------------------------------------------------------------
 */

static json_t *ask(struct fixture *f, const char *request) {
    struct err err = {0};
    JSON_AUTO query = NULL;
    json_t *reply = NULL;
    assert_int_equal(json_parse(span_str(request), &query, &err), 0);
    CLEANUP(policy_set_unrefp) struct policy_set *set = policy_board_get(f->app.policies);
    struct query_env env = app_query_env(&f->app);
    env.no_rollup = getenv("TAMIS_NO_ROLLUP") != NULL;
    if (query_run(&env, policy_by_id(set, f->site), query, &reply, &err) < 0)
        fail_msg("query: %s", err.text);
    json_t *results = json_incref((json_t *)(uintptr_t)json_member(reply, "results"));
    json_decref(reply);
    return results;
}

static const char *const questions[] = {
    "{\"metrics\":[\"visitors\",\"visits\",\"pageviews\",\"events\",\"bounce_rate\","
    "\"visit_duration\",\"views_per_visit\"],\"date_range\":\"all\"}",
    "{\"metrics\":[\"visitors\",\"pageviews\",\"bounce_rate\"],\"date_range\":\"all\","
    "\"dimensions\":[\"event:page\"]}",
    "{\"metrics\":[\"visitors\",\"visits\"],\"date_range\":\"all\",\"dimensions\":[\"time:day\"]}",
    "{\"metrics\":[\"visitors\",\"visits\"],\"date_range\":\"all\","
    "\"dimensions\":[\"visit:exit_page\"],\"filters\":[[\"is\",\"event:page\",[\"/next\"]]]}",
};

static void ask_all(struct fixture *f, json_t *ret[]) {
    for (size_t i = 0; i < ARRAY_LEN(questions); i++)
        ret[i] = ask(f, questions[i]);
}

static void same_answers(struct fixture *f, json_t *before[]) {
    for (size_t i = 0; i < ARRAY_LEN(questions); i++) {
        JSON_AUTO now = ask(f, questions[i]);
        if (!json_equal(now, before[i]))
            fail_msg("%s: %s, was %s", questions[i], json_dumps(now, 0), json_dumps(before[i], 0));
        json_decref(before[i]);
    }
}

/* --- bytes --------------------------------------------------------------------------------------
 */

static bool file_holds(const char *path, int32_t day, unsigned visitors) {
    FILE *file = fopen(path, "rb");
    if (!file)
        return false;
    (void)fseek(file, 0, SEEK_END);
    size_t size = (size_t)ftell(file);
    rewind(file);
    char *bytes = malloc(size + 1);
    size = fread(bytes, 1, size, file);
    (void)fclose(file);
    bool found = false;
    for (unsigned i = 0; i < visitors && !found; i++) {
        uint64_t id = visitor_id(day, i);
        uint64_t turned = __builtin_bswap64(id);
        char text[24];
        int len = snprintf(text, sizeof(text), "%llu", (unsigned long long)id);
        found = memmem(bytes, size, &id, sizeof(id)) || memmem(bytes, size, &turned, sizeof(id)) ||
                memmem(bytes, size, text, (size_t)len);
        len = snprintf(text, sizeof(text), "%016llx", (unsigned long long)id);
        found = found || memmem(bytes, size, text, (size_t)len);
    }
    free(bytes);
    return found;
}

/* The first file below the folder that holds the id of one of the day's visitors, or "". */
static void folder_holds(const char *dir, int32_t day, unsigned visitors, char ret[400]) {
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d)) && !*ret;) {
        char path[400];
        if (e->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
        if (e->d_type == DT_DIR)
            folder_holds(path, day, visitors, ret);
        else if (e->d_type == DT_REG && file_holds(path, day, visitors))
            memcpy(ret, path, sizeof(path));
    }
    if (d)
        (void)closedir(d);
}

static bool holds(struct fixture *f, int32_t day, unsigned visitors) {
    char where[400] = "";
    folder_holds(f->dir, day, visitors, where);
    return *where != '\0';
}

/* --- tests --------------------------------------------------------------------------------------
 */

static void a_day_is_sealed_when_it_is_over(void **state) {
    struct fixture *f = *state;
    add_day(f, today, 200);
    assert_int_equal(round_now(f), 0);
    int64_t midnight = noon_ms + 12 * 60 * MINUTE_MS;
    f->clock.now_ms = midnight + 30000; /* within the grace */
    assert_int_equal(round_now(f), 0);
    add_day(f, today + 1, 50);
    json_t *before[ARRAY_LEN(questions)];
    ask_all(f, before);
    assert_true(holds(f, today, 200));
    f->clock.now_ms = midnight + 61000;
    assert_int_equal(round_now(f), 1);
    same_answers(f, before);
    assert_int_equal(round_now(f), 0);
    assert_false(holds(f, today, 200));
    assert_true(holds(f, today + 1, 50));
}

static void set_site(struct fixture *f, const char *key, json_t *owned_value) {
    struct err err = {0};
    JSON_AUTO settings = json_object();
    assert_int_equal(json_object_set_new(settings, key, owned_value), 0);
    if (control_site_set(f->app.control, SPAN_LIT("a.example"), settings, &err))
        fail_msg("%s", err.text);
}

/* Each zone's day ends at its own midnight, be it 23 or 25 hours long or at a quarter past. */
static void midnight_is_where_the_site_is(void **state) {
    static const struct {
        const char *zone;
        int32_t day;
        int64_t end_ms; /* of that local day */
    } days[] = {
        {"Europe/Paris", 20541, 1774821600000},   /* 29 March 2026, 23 hours: ends at 22:00 UTC */
        {"Europe/Paris", 20751, 1792969200000},   /* 25 October 2026, 25 hours: ends at 23:00 UTC */
        {"Asia/Kathmandu", 20522, 1773166500000}, /* UTC+05:45 */
        {"Asia/Kolkata", 20522, 1773167400000},   /* UTC+05:30 */
        {"Pacific/Kiritimati", 20522, 1773136800000}, /* UTC+14 */
        {"Pacific/Pago_Pago", 20522, 1773226800000},  /* UTC-11 */
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(days); i++) {
        set_site(f, "timezone", json_string(days[i].zone));
        f->clock.now_ms = days[i].end_ms - 3600000;
        add_day(f, days[i].day, 10);
        f->clock.now_ms = days[i].end_ms + 59000; /* a second before the grace is over */
        if (round_now(f) != 0)
            fail_msg("day %d in %s was sealed too early", days[i].day, days[i].zone);
        f->clock.now_ms = days[i].end_ms + 60000;
        if (round_now(f) != 1)
            fail_msg("day %d in %s was not sealed", days[i].day, days[i].zone);
    }
}

/* To the east the day may be over at once, to the west it comes again: nothing is lost or doubled. */
static void a_change_of_zone_loses_nothing(void **state) {
    struct fixture *f = *state;
    add_day(f, today, 30);
    set_site(f, "timezone", json_string("Pacific/Kiritimati")); /* 01:00 tomorrow */
    assert_int_equal(round_now(f), 1);
    add_day(f, today + 1, 5);
    set_site(f, "timezone", json_string("America/New_York")); /* 07:00 today */
    struct err err = {0};
    for (unsigned i = 0; i < 7; i++)
        assert_int_equal(add_event(&f->app, f->site, today, 700 + i, i, "/west", &err), 0);
    assert_int_equal(app_catch_up(&f->app, PATIENCE_MS, &err), 0);
    assert_int_equal(round_now(f), 0);
    f->clock.now_ms += 45 * 3600000LL; /* "all" ends with the site's today */
    json_t *before[ARRAY_LEN(questions)];
    ask_all(f, before);
    assert_int_equal(round_now(f), 2);
    JSON_AUTO days = ask(f, questions[2]);
    assert_int_equal(json_array_size(days), 2);
    same_answers(f, before);
}

static void an_empty_folder_has_nothing_to_seal(void **state) {
    struct fixture *f = *state;
    f->clock.now_ms += 3LL * DAY_MS;
    assert_int_equal(round_now(f), 0);
}

static void a_restart_knows_the_sealed_days(void **state) {
    struct fixture *f = *state;
    add_day(f, today - 2, 100);
    add_day(f, today - 1, 100);
    add_day(f, today, 30);
    json_t *before[ARRAY_LEN(questions)];
    ask_all(f, before);
    assert_int_equal(round_now(f), 2);
    app_close(&f->app);
    char command[120];
    (void)snprintf(command, sizeof(command), "rm -r %s/hot", f->dir);
    assert_int_equal(system(command), 0);
    open_app(f);
    struct err err = {0};
    assert_int_equal(app_catch_up(&f->app, PATIENCE_MS, &err), 0);
    same_answers(f, before);
    assert_false(holds(f, today - 1, 100));
}

static void a_later_part_adds_to_its_day(void **state) {
    struct fixture *f = *state;
    add_day(f, today - 3, 40);
    assert_int_equal(round_now(f), 1);
    struct err err = {0};
    for (unsigned i = 0; i < 25; i++)
        assert_int_equal(add_event(&f->app, f->site, today - 3, 1000 + i, 5000 + i, "/late", &err),
                         0);
    assert_int_equal(app_catch_up(&f->app, PATIENCE_MS, &err), 0);
    JSON_AUTO hot = ask(f, questions[0]);
    assert_int_equal(round_now(f), 1);
    JSON_AUTO sealed = ask(f, questions[0]);
    assert_true(json_equal(hot, sealed));
    json_t *metrics = json_object_get(json_array_get(sealed, 0), "metrics");
    assert_int_equal(json_integer_value(json_array_get(metrics, 0)), 65);
}

static void import_a_day(struct fixture *f, unsigned day_of_march, unsigned n) {
    struct err err = {0};
    char log[160], digest[CRYPT_DIGEST_BYTES * 2 + 1];
    int len = snprintf(log, sizeof(log),
                       "203.0.113.7 - - [%02u/Mar/2026:08:00:07 +0000] \"GET /n%u HTTP/1.1\" 200 9 "
                       "\"-\" \"Mozilla/5.0 Firefox/125.0\"\n",
                       day_of_march, n);
    (void)snprintf(digest, sizeof(digest), "%064x", n);
    JSON_AUTO begin =
        json_pack("{s:s, s:s, s:s}", "site", "a.example", "format", "combined", "digest", digest);
    JSON_AUTO begun = NULL;
    JSON_AUTO taken = NULL;
    JSON_AUTO ended = NULL;
    if (imports_begin(&f->app, begin, SPAN_EMPTY, &begun, &err) < 0)
        fail_msg("import: %s", err.text);
    JSON_AUTO args = json_pack("{s:O, s:i}", "run", json_member(begun, "run"), "offset", 0);
    if (imports_chunk(&f->app, args, span_of(log, (size_t)len), &taken, &err) < 0 ||
        imports_finish(&f->app, args, SPAN_EMPTY, &ended, &err) < 0)
        fail_msg("import: %s", err.text);
}

/* Nobody leaves the sealer a moment between two imports: it takes it. */
static void imports_in_a_row_are_sealed(void **state) {
    struct fixture *f = *state;
    struct err err = {0};
    app_close(&f->app);
    open_parts(f, APP_ALL | APP_MAKE | APP_DRAIN | APP_SEAL);
    enum { IMPORTS = 8 };
    for (unsigned n = 1; n <= IMPORTS; n++) {
        uint64_t sealed = counters_get(&f->app.counters, COUNT_DAYS_SEALED);
        assert_in_range(sealed, n < 2 ? 0 : n - 2, n - 1);
        import_a_day(f, 1 + n % 8, n);
    }
    assert_int_equal(app_catch_up(&f->app, PATIENCE_MS, &err), 0);
    JSON_AUTO all = ask(f, questions[0]);
    json_t *metrics = json_object_get(json_array_get(all, 0), "metrics");
    assert_int_equal(json_integer_value(json_array_get(metrics, 2)), IMPORTS);
}

static void months_that_are_over_become_one_part(void **state) {
    struct fixture *f = *state;
    struct err err = {0};
    for (int32_t back = 10; back < 35; back += 3) /* from 4 February to 28 February */
        add_day(f, today - back, 20 + (unsigned)back);
    add_day(f, today - 3, 15);
    json_t *before[ARRAY_LEN(questions)];
    ask_all(f, before);
    assert_int_equal(round_now(f), 10);
    same_answers(f, before);
    struct part_record *parts = NULL;
    size_t count = 0;
    assert_int_equal(control_parts(f->app.control, &parts, &count, &err), 0);
    assert_int_equal(count, 2);
    assert_int_equal(parts[0].from_day, today - 34);
    assert_int_equal(parts[0].to_day, today - 10);
    free(parts);

    /* Another part of a day in it is put together with it. */
    for (unsigned i = 0; i < 25; i++)
        assert_int_equal(add_event(&f->app, f->site, today - 13, 900 + i, i, "/late", &err), 0);
    assert_int_equal(app_catch_up(&f->app, PATIENCE_MS, &err), 0);
    ask_all(f, before);
    assert_int_equal(round_now(f), 1);
    same_answers(f, before);
    assert_int_equal(control_parts(f->app.control, &parts, &count, &err), 0);
    assert_int_equal(count, 2);
    free(parts);
    app_close(&f->app);
    open_app(f);
    ask_all(f, before);
    char command[120];
    (void)snprintf(command, sizeof(command), "rm %s/hot/roll.duckdb", f->dir);
    app_close(&f->app);
    assert_int_equal(system(command), 0);
    open_app(f);
    same_answers(f, before);
}

static void old_rows_go_and_their_figures_stay(void **state) {
    struct fixture *f = *state;
    struct err err = {0};
    add_day(f, today - 40, 90);
    add_day(f, today - 5, 60);
    assert_int_equal(round_now(f), 2);
    JSON_AUTO before = ask(f, questions[0]);
    set_site(f, "raw_months", json_integer(1));
    (void)round_now(f);
    JSON_AUTO after = ask(f, questions[0]);
    assert_true(json_equal(before, after));
    struct part_record *parts = NULL;
    size_t count = 0, raw = 0, roll = 0;
    assert_int_equal(control_parts(f->app.control, &parts, &count, &err), 0);
    for (size_t i = 0; i < count; i++) {
        raw += parts[i].files[PART_EVENT].path[0] != '\0';
        roll += parts[i].files[PART_ROLL].path[0] != '\0';
    }
    free(parts);
    assert_int_equal(raw, 1);
    assert_int_equal(roll, 2);
    JSON_AUTO purges = NULL;
    assert_int_equal(control_purge_list(f->app.control, &purges, &err), 0);
    assert_int_equal(json_array_size(purges), 1);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(purges, 0), "files")), 2);
    JSON_AUTO refused = json_pack("{s:i}", "raw_months", 26);
    assert_int_equal(control_site_set(f->app.control, SPAN_LIT("a.example"), refused, &err),
                     ERR_INVALID);
}

/* --- erasure ------------------------------------------------------------------------------------
 */

static bool folder_has_text(const char *dir, const char *text) {
    char command[300];
    (void)snprintf(command, sizeof(command), "grep -rqF '%s' %s", text, dir);
    return system(command) == 0;
}

static int64_t events_left(struct fixture *f) {
    JSON_AUTO rows = ask(f, questions[0]);
    return json_integer_value(
        json_array_get(json_object_get(json_array_get(rows, 0), "metrics"), 3));
}

static void add_pages(struct fixture *f, int32_t day, const char *page, unsigned count) {
    struct err err = {0};
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(add_event(&f->app, f->site, day, 500 + i, i, page, &err), 0);
    assert_int_equal(app_catch_up(&f->app, PATIENCE_MS, &err), 0);
}

static void erase(struct fixture *f, int32_t before, const char *path) {
    struct err err = {0};
    struct erased done;
    struct erasure e = {.site = f->site,
                        .has_before = before != 0,
                        .before = before,
                        .path = path ? span_str(path) : SPAN_EMPTY};
    if (erase_run(&f->app, &e, &done, &err) < 0)
        fail_msg("erase: %s", err.text);
}

static void erasure_before_a_day(void **state) {
    struct fixture *f = *state;
    add_pages(f, today - 9, "/unmistakably-old", 30);
    add_pages(f, today - 2, "/unmistakably-new", 20);
    assert_int_equal(round_now(f), 2);
    add_pages(f, today, "/unmistakably-now", 10);
    assert_int_equal(events_left(f), 60);
    assert_true(folder_has_text(f->dir, "/unmistakably-old"));
    erase(f, today - 5, NULL);
    assert_int_equal(events_left(f), 30);
    assert_false(folder_has_text(f->dir, "/unmistakably-old"));
    assert_true(folder_has_text(f->dir, "/unmistakably-now"));
}

static void erasure_of_a_site(void **state) {
    struct fixture *f = *state;
    add_pages(f, today - 9, "/unmistakably-old", 30);
    assert_int_equal(round_now(f), 1);
    add_pages(f, today, "/unmistakably-now", 10);
    erase(f, 0, NULL);
    assert_int_equal(events_left(f), 0);
    assert_false(folder_has_text(f->dir, "/unmistakably"));
    add_pages(f, today, "/again", 5);
    assert_int_equal(events_left(f), 5);
}

static void erasure_of_a_path(void **state) {
    struct fixture *f = *state;
    add_pages(f, today - 9, "/unmistakably/old", 30);
    add_pages(f, today - 9, "/kept", 30);
    assert_int_equal(round_now(f), 1);
    add_pages(f, today, "/unmistakably/now", 10);
    add_pages(f, today, "/kept", 7);
    erase(f, 0, "/unmistakably/*");
    assert_int_equal(events_left(f), 37);
    assert_false(folder_has_text(f->dir, "/unmistakably"));
    JSON_AUTO pages = ask(f, questions[1]);
    assert_int_equal(json_array_size(pages), 1);
}

/* --- kills --------------------------------------------------------------------------------------
 */

enum { PAGES = 20000 };

/* Shared with the children: which pages were acknowledged. */
struct shared {
    _Atomic unsigned next;
    bool acknowledged[PAGES];
    _Atomic bool ready; /* the child has opened the folder */
};

static void work_until_killed(struct fixture *f, struct shared *shared, unsigned seed) {
    struct err err = {0};
    open_app(f);
    atomic_store(&shared->ready, true);
    for (;;) {
        for (unsigned i = 0; i < 20; i++) {
            unsigned n = atomic_fetch_add(&shared->next, 1);
            if (n >= PAGES)
                (void)pause(); /* until it is killed */
            char page[32];
            (void)snprintf(page, sizeof(page), "/p%u", n);
            int32_t day = today - 1 - rand_r((unsigned *)&seed) % 70;
            if (add_event(&f->app, f->site, day, n, n % 80000, page, &err) == 0)
                shared->acknowledged[n] = true;
        }
        size_t sealed = 0;
        if (app_catch_up(&f->app, PATIENCE_MS, &err) < 0 ||
            sealer_round(&f->app, &sealed, &err) < 0) {
            (void)fprintf(stderr, "child: %s\n", err.text);
            _exit(2);
        }
    }
}

static void kill_one(struct fixture *f, struct shared *shared, unsigned seed) {
    atomic_store(&shared->ready, false);
    (void)fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        work_until_killed(f, shared, seed);
    struct timespec moment = {.tv_nsec = 1000000};
    int status;
    for (unsigned i = 0; !atomic_load(&shared->ready) && i < PATIENCE_MS; i++) {
        assert_int_equal(waitpid(child, &status, WNOHANG), 0);
        (void)nanosleep(&moment, NULL);
    }
    moment.tv_nsec = rand_r(&seed) % 400 * 1000000L;
    (void)nanosleep(&moment, NULL);
    (void)kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
}

static void every_page_once(struct fixture *f, const struct shared *shared) {
    unsigned counted[PAGES] = {0};
    for (int64_t offset = 0;; offset += 10000) {
        char request[200];
        (void)snprintf(request, sizeof(request),
                       "{\"metrics\":[\"pageviews\"],\"dimensions\":[\"event:page\"],"
                       "\"date_range\":\"all\",\"order_by\":[[\"event:page\",\"asc\"]],"
                       "\"pagination\":{\"limit\":10000,\"offset\":%lld}}",
                       (long long)offset);
        JSON_AUTO rows = ask(f, request);
        size_t i;
        json_t *row;
        json_array_foreach (rows, i, row) {
            const char *page =
                json_string_value(json_array_get(json_object_get(row, "dimensions"), 0));
            unsigned n = (unsigned)strtoul(page + 2, NULL, 10);
            counted[n] =
                (unsigned)json_integer_value(json_array_get(json_object_get(row, "metrics"), 0));
        }
        if (json_array_size(rows) < 10000)
            break;
    }
    unsigned acknowledged = 0;
    for (unsigned n = 0; n < PAGES; n++) {
        if (counted[n] > 1)
            fail_msg("page %u counted %u times", n, counted[n]);
        if (shared->acknowledged[n] && counted[n] != 1)
            fail_msg("page %u was acknowledged and is lost", n);
        acknowledged += shared->acknowledged[n];
    }
    assert_true(acknowledged > 0);
    (void)printf("# %u acknowledged\n", acknowledged);
}

static void kills_lose_and_double_nothing(void **state) {
    struct fixture *f = *state;
    const char *given = getenv("TAMIS_SEED");
    unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
    (void)printf("# TAMIS_SEED=%u\n", seed);
    const char *runs = getenv("TAMIS_KILLS");
    unsigned kills = runs ? (unsigned)strtoul(runs, NULL, 10) : KILLS;
    struct shared *shared =
        mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(shared, MAP_FAILED);
    /* Some of the 70 days are older: their rows go, and their figures stay. */
    set_site(f, "raw_months", json_integer(2));
    app_close(&f->app);
    for (unsigned i = 0; i < kills; i++)
        kill_one(f, shared, seed + i);
    open_app(f);
    struct err err = {0};
    assert_int_equal(app_catch_up(&f->app, PATIENCE_MS, &err), 0);
    every_page_once(f, shared);
    (void)round_now(f);
    every_page_once(f, shared);
    (void)munmap(shared, sizeof(*shared));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_day_is_sealed_when_it_is_over, setup, teardown),
        cmocka_unit_test_setup_teardown(midnight_is_where_the_site_is, setup, teardown),
        cmocka_unit_test_setup_teardown(a_change_of_zone_loses_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(an_empty_folder_has_nothing_to_seal, setup, teardown),
        cmocka_unit_test_setup_teardown(a_restart_knows_the_sealed_days, setup, teardown),
        cmocka_unit_test_setup_teardown(a_later_part_adds_to_its_day, setup, teardown),
        cmocka_unit_test_setup_teardown(imports_in_a_row_are_sealed, setup, teardown),
        cmocka_unit_test_setup_teardown(months_that_are_over_become_one_part, setup, teardown),
        cmocka_unit_test_setup_teardown(old_rows_go_and_their_figures_stay, setup, teardown),
        cmocka_unit_test_setup_teardown(erasure_before_a_day, setup, teardown),
        cmocka_unit_test_setup_teardown(erasure_of_a_site, setup, teardown),
        cmocka_unit_test_setup_teardown(erasure_of_a_path, setup, teardown),
        cmocka_unit_test_setup_teardown(kills_lose_and_double_nothing, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
