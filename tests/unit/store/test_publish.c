/* Publishing a part: its days leave the tables and the bytes of the hot file, in one step for
 * readers, whatever comes in between. */
#include "sample.h"

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { VISITORS = 2000 };
#define VISITOR(day, i) (((uint64_t)(day) << 32 | (i)) * 0x9e3779b97f4a7c15u + 0x7007)

/* A page view of each visitor, on one day. */
static void fill_day(struct store *s, uint32_t site, int32_t day, uint64_t offset) {
    static struct event events[VISITORS];
    for (unsigned i = 0; i < VISITORS; i++) {
        events[i] = page_view(VISITOR(day, i), 1000 * i, i % 2 ? "/" : "/a longer page name");
        events[i].site = site;
        events[i].day = day;
        events[i].ts_ms += (day - SAMPLE_DAY) * 86400000LL;
    }
    apply(s, events, VISITORS, offset);
}

static struct sealed_part part(uint32_t id, uint32_t site, int32_t day, uint64_t offset) {
    return (struct sealed_part){
        .id = id, .site = site, .from_day = day, .to_day = day, .until = {1, offset}};
}

static void publish(struct store *s, const struct sealed_part *p) {
    struct err err = {0};
    if (store_publish(s, &(struct store_change){.added = p, .added_count = 1}, &err))
        fail_msg("store_publish: %s", err.text);
}

static int64_t rows_of(struct store *s, int32_t day) {
    char sql[100];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM event WHERE day = %d", day);
    return number(s, sql);
}

static bool holds_visitor(const char *bytes, size_t size, const void *day) {
    for (unsigned i = 0; i < VISITORS; i++) {
        uint64_t visitor = VISITOR(*(const int32_t *)day, i);
        if (memmem(bytes, size, &visitor, sizeof visitor))
            return true;
    }
    return false;
}

static bool holds_text(const char *bytes, size_t size, const void *text) {
    return memmem(bytes, size, text, strlen(text));
}

/* Whether some file in the folder holds it. */
static bool some_file(const char *dir, bool (*holds)(const char *, size_t, const void *),
                      const void *what) {
    bool found = false;
    DIR *d = opendir(dir);
    for (struct dirent *e; (e = readdir(d));) {
        char path[400];
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        FILE *f = e->d_type == DT_REG ? fopen(path, "rb") : NULL;
        if (!f)
            continue;
        fseek(f, 0, SEEK_END);
        size_t size = (size_t)ftell(f);
        rewind(f);
        char *bytes = malloc(size + 1);
        size = fread(bytes, 1, size, f);
        fclose(f);
        found |= holds(bytes, size, what);
        free(bytes);
    }
    closedir(d);
    return found;
}

static bool folder_holds(const char *dir, int32_t day) {
    return some_file(dir, holds_visitor, &day);
}

static size_t count_files(const char *dir) {
    size_t n = 0;
    DIR *d = opendir(dir);
    for (struct dirent *e; (e = readdir(d));)
        n += e->d_type == DT_REG;
    closedir(d);
    return n;
}

static void sealed_days_leave(void **state) {
    char *dir = temp_dir();
    struct store *s = open_store(dir, false);
    fill_day(s, 1, SAMPLE_DAY, 1);
    fill_day(s, 1, SAMPLE_DAY + 1, 2);
    assert_int_equal(store_checkpoint(s, NULL), 0);
    assert_true(folder_holds(dir, SAMPLE_DAY));
    assert_true(folder_holds(dir, SAMPLE_DAY + 1));

    struct store_view *before = NULL;
    assert_int_equal(store_view_open(s, &before, NULL), 0);
    struct sealed_part p = part(5, 1, SAMPLE_DAY, 1);
    publish(s, &p);
    assert_int_equal(rows_of(s, SAMPLE_DAY), 0);
    assert_int_equal(rows_of(s, SAMPLE_DAY + 1), VISITORS);
    assert_int_equal(number(s, "SELECT sum(sign) FROM visit"), VISITORS);
    assert_false(folder_holds(dir, SAMPLE_DAY));

    /* A view that was open goes on with what it saw. */
    struct sql_result *r = NULL;
    assert_int_equal(
        store_view_select(before, "SELECT count(*) FROM event", NULL, 0, 10000, &r, NULL), 0);
    assert_int_equal(sql_result_at(r, 0, 0).i, 2 * VISITORS);
    sql_result_free(r);
    size_t count = 1;
    store_view_parts(before, &count);
    assert_int_equal(count, 0);
    store_view_close(before);

    struct store_view *after = NULL;
    assert_int_equal(store_view_open(s, &after, NULL), 0);
    const struct sealed_part *parts = store_view_parts(after, &count);
    assert_int_equal(count, 1);
    assert_int_equal(parts[0].id, 5);
    assert_int_equal(store_view_watermark(after), 5);
    store_view_close(after);

    assert_true(store_is_sealed(s, 1, SAMPLE_DAY, (struct cursor){1, 0}));
    assert_false(store_is_sealed(s, 1, SAMPLE_DAY, (struct cursor){1, 1}));
    assert_false(store_is_sealed(s, 1, SAMPLE_DAY + 1, (struct cursor){1, 0}));
    assert_false(store_is_sealed(s, 2, SAMPLE_DAY, (struct cursor){1, 0}));

    /* What follows goes into the new file, and comes back from it. */
    fill_day(s, 2, SAMPLE_DAY + 1, 3);
    store_close(s);
    assert_int_equal(count_files(dir), 3); /* hot, roll and cell.duckdb */
    s = open_store(dir, false);
    assert_int_equal(store_cursor(s).offset, 3);
    publish(s, &p);
    assert_int_equal(rows_of(s, SAMPLE_DAY + 1), 2 * VISITORS);
    store_close(s);
    remove_dir(dir);
}

static void apply_one(struct store *s, int32_t day, uint64_t visitor, const char *page,
                      const char *referrer, uint64_t offset) {
    struct event e = page_view(visitor, (int64_t)offset * 1000, page);
    e.day = day;
    e.referrer = span_str(referrer);
    apply(s, &e, 1, offset);
}

/* Words that no row uses any more are in no file; their codes may stand for others then, and those
 * of the rows that stay are what they were. */
static void words_leave_with_their_rows(void **state) {
    static const char page[] = "/q7Zk3Wv9TbX", referrer[] = "m4Rp8Ld2.example";
    char *dir = temp_dir();
    struct store *s = open_store(dir, false);
    apply_one(s, SAMPLE_DAY, 1, page, referrer, 1);
    apply_one(s, SAMPLE_DAY + 1, 1, "/stays", "stays.example", 2);
    assert_int_equal(store_checkpoint(s, NULL), 0);
    assert_true(some_file(dir, holds_text, page));
    assert_true(some_file(dir, holds_text, referrer));

    struct sealed_part p = part(5, 1, SAMPLE_DAY, 1);
    publish(s, &p);
    assert_false(some_file(dir, holds_text, page));
    assert_false(some_file(dir, holds_text, referrer));
    assert_int_equal(number(s, "SELECT count(*) FROM attribute_set"), 1);

    for (int reopened = 0; reopened < 2; reopened++) {
        uint64_t at = 3 + (uint64_t)reopened * 3;
        apply_one(s, SAMPLE_DAY + 1, 1, "/stays", "", at);
        apply_one(s, SAMPLE_DAY + 1, 2 + at, reopened ? "/newer" : "/new", "new.example", at + 1);
        apply_one(s, SAMPLE_DAY + 1, 2 + at, "/stays", "", at + 2);
        assert_int_equal(number(s, "SELECT count(DISTINCT code) - count(*) FROM word"), 0);
        assert_int_equal(number(s, "SELECT count(DISTINCT value) - count(*) FROM word"), 0);
        store_close(s);
        s = open_store(dir, false);
    }
    assert_int_equal(number(s, "SELECT count(*) FROM event WHERE page = '/stays'"), 5);
    assert_int_equal(number(s, "SELECT count(*) FROM event WHERE page IN ('/new', '/newer')"), 2);
    assert_int_equal(
        number(s, "SELECT count(*) FROM event WHERE page = '/stays' AND first & 2 > 0"), 3);
    assert_int_equal(
        number(s, "SELECT sum(sign) FROM visit WHERE referrer = 'stays.example' AND exit_page = "
                  "'/stays'"),
        1);
    assert_int_equal(number(s, "SELECT sum(sign) FROM visit WHERE referrer = 'new.example'"), 2);
    store_close(s);
    remove_dir(dir);
}

/* Killed after the part was recorded, before its days left: the next start sees to it. */
/* Visitors of a day are told apart as before when its memory was given back in between. */
static void resting_changes_nothing(void **state) {
    int64_t events[2], visits[2];
    for (int rest = 0; rest < 2; rest++) {
        char *dir = temp_dir();
        struct store *s = open_store(dir, false);
        fill_day(s, 1, SAMPLE_DAY, 1);
        if (rest)
            store_rest(s, &(struct store_day){1, SAMPLE_DAY}, 1);
        fill_day(s, 1, SAMPLE_DAY, 2);
        events[rest] = number(s, "SELECT sum(hash(visit, first) % 1000003)::BIGINT FROM event");
        visits[rest] = number(s, "SELECT sum(sign * visit * events * first)::BIGINT FROM visit");
        store_close(s);
        remove_dir(dir);
    }
    assert_int_equal(events[0], events[1]);
    assert_int_equal(visits[0], visits[1]);
}

static void done_at_the_next_start(void **state) {
    char *dir = temp_dir();
    struct store *s = open_store(dir, false);
    fill_day(s, 1, SAMPLE_DAY, 1);
    fill_day(s, 1, SAMPLE_DAY + 1, 2);
    store_close(s);
    s = open_store(dir, false);
    struct sealed_part p = part(1, 1, SAMPLE_DAY, 1);
    publish(s, &p);
    assert_int_equal(rows_of(s, SAMPLE_DAY), 0);
    assert_int_equal(rows_of(s, SAMPLE_DAY + 1), VISITORS);
    store_close(s);
    assert_false(folder_holds(dir, SAMPLE_DAY));

    /* A later part of the same day brings events of its own, which are not touched by the first. */
    s = open_store(dir, false);
    publish(s, &p);
    fill_day(s, 1, SAMPLE_DAY, 3);
    store_close(s);
    s = open_store(dir, false);
    publish(s, &p);
    assert_int_equal(rows_of(s, SAMPLE_DAY), VISITORS);
    store_close(s);
    remove_dir(dir);
}

static void files_go_with_their_last_reader(void **state) {
    char *dir = temp_dir();
    struct store *s = open_store(dir, false);
    char path[200];
    snprintf(path, sizeof path, "%s/part.event.parquet", dir);
    fclose(fopen(path, "w"));
    struct sealed_part p = part(1, 1, SAMPLE_DAY, 1);
    p.event_path = path;
    publish(s, &p);
    struct store_view *v = NULL;
    assert_int_equal(store_view_open(s, &v, NULL), 0);
    const uint32_t removed = 1;
    assert_int_equal(
        store_publish(s, &(struct store_change){.removed = &removed, .removed_count = 1}, NULL), 0);
    assert_int_equal(access(path, F_OK), 0);
    store_view_close(v);
    assert_int_not_equal(access(path, F_OK), 0);
    store_close(s);
    remove_dir(dir);
}

struct reading {
    struct store *store;
    _Atomic bool stop;
    _Atomic int wrong, answered;
};

/* Each day is either in the tables or in a part. */
static void *read_views(void *arg) {
    struct reading *t = arg;
    while (!atomic_load(&t->stop)) {
        struct store_view *v = NULL;
        struct sql_result *r = NULL;
        if (store_view_open(t->store, &v, NULL))
            continue;
        size_t parts;
        store_view_parts(v, &parts);
        if (store_view_select(v, "SELECT count(DISTINCT day) FROM event", NULL, 0, 5000, &r,
                              NULL) == 0) {
            atomic_fetch_add(&t->answered, 1);
            if ((int64_t)parts + sql_result_at(r, 0, 0).i != 10)
                atomic_fetch_add(&t->wrong, 1);
        }
        sql_result_free(r);
        store_view_close(v);
    }
    return NULL;
}

static void readers_see_all_or_nothing(void **state) {
    char *dir = temp_dir();
    struct store *s = open_store(dir, false);
    for (int32_t d = 0; d < 10; d++)
        fill_day(s, 1, SAMPLE_DAY + d, (uint64_t)d + 1);
    struct reading t = {.store = s};
    pthread_t threads[8];
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_create(&threads[i], NULL, read_views, &t);
    for (int32_t d = 0; d < 10; d++) {
        struct sealed_part p = part((uint32_t)d + 1, 1, SAMPLE_DAY + d, 10);
        publish(s, &p);
        int seen = atomic_load(&t.answered);
        while (atomic_load(&t.answered) < seen + 3)
            sched_yield();
    }
    atomic_store(&t.stop, true);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&t.wrong), 0);
    store_close(s);
    remove_dir(dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sealed_days_leave),
        cmocka_unit_test(words_leave_with_their_rows),
        cmocka_unit_test(resting_changes_nothing),
        cmocka_unit_test(done_at_the_next_start),
        cmocka_unit_test(files_go_with_their_last_reader),
        cmocka_unit_test(readers_see_all_or_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
