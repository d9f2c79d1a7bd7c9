/* doctor.c — checks of a data folder, one function each; together they make the report of `tamis
 * doctor`. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "os.h"
#include "verbs.h"

enum {
    READ_BYTES = 4 * 1024 * 1024,
    KEY_DAYS = 3,    /* a day lasts up to 50 hours from its first zone to its last */
    IMPORT_DAYS = 7, /* a broken-off import's keys */
    CATCH_UP_MS = 60 * 1000,
    DAY_SEC = 86400,
};
static const uint64_t least_free_bytes = 1ULL << 30;
static const int64_t least_time_ms = 1735689600000; /* 2025-01-01, before any release */

static void report(json_t *list, const char *check, bool ok, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
static void report(json_t *list, const char *check, bool ok, const char *fmt, ...) {
    char text[240];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    (void)json_array_append_new(
        list, json_pack("{s:s, s:b, s:s}", "check", check, "ok", (int)ok, "text", text));
}

/* What is open to others, by name; folders one level deep. */
static unsigned rights_in(struct app *a, const char *name, json_t *list) {
    CLEANUP(free_charp) char *path = path_join(a->data, name);
    struct stat st;
    if (!path || stat(path, &st) < 0 || !(st.st_mode & 077))
        return 0;
    report(list, "rights", false, "%s is open to others (mode %03o)", name, st.st_mode & 0777);
    return 1;
}

static void check_rights(struct app *a, json_t *list) {
    static const char *const names[] = {".",    "control.db", "journal",    "hot",
                                        "keys", "tamis.lock", "tamis.sock", "visitors.db"};
    unsigned open_to_others = 0;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        open_to_others += rights_in(a, names[i], list);
    if (!open_to_others)
        report(list, "rights", true, "only the owner can read the data folder");
}

static void check_journal(struct app *a, json_t *list) {
    struct cursor at = {0}, end = journal_end(a->journal);
    uint64_t frames = 0, bytes = 0;
    unsigned damaged = 0;
    BUF_AUTO read = {0};
    while (cursor_before(at, end)) {
        struct cursor next = at;
        struct err err = {0};
        buf_clear(&read);
        int rc = journal_read(a->journal, at, READ_BYTES, &read, NULL, &next, &err);
        if (rc < 0) {
            damaged++;
            report(list, "journal", false, "segment %llu, offset %llu: %s",
                   (unsigned long long)at.segment, (unsigned long long)at.offset, err.text);
        }
        struct span rest = buf_span(&read), frame;
        for (bytes += rest.len; journal_next_frame(&rest, NULL, &frame);)
            frames++;
        if (!cursor_before(at, next))
            break;
        at = next;
    }
    if (cursor_before(at, end))
        report(list, "journal", false, "cannot be read to its end");
    else if (!damaged)
        report(list, "journal", true, "%llu frames, %llu bytes, readable to the end",
               (unsigned long long)frames, (unsigned long long)bytes);
}

static int64_t hot_number(struct app *a, const char *sql, struct err *err) {
    struct sql_result *r;
    int rc = store_select(a->store, sql, NULL, 0, 60000, &r, err);
    if (rc < 0)
        return rc;
    int64_t n = sql_result_rows(r) ? sql_result_at(r, 0, 0).i : 0;
    sql_result_free(r);
    return n;
}

static void check_hot(struct app *a, json_t *list) {
    struct err err = {0};
    if (a->hot_rebuilt)
        report(list, "hot", false,
               "the hot tables were unusable and are built again from the journal");
    int rc = app_catch_up(a, CATCH_UP_MS, &err);
    if (rc < 0) {
        report(list, "hot", false, "cannot be brought up to date: %s", err.text);
        return;
    }
    int64_t events = hot_number(a, "SELECT count(*) FROM event_row", &err);
    int64_t visits = events < 0 ? events : hot_number(a, "SELECT count(*) FROM visit_row", &err);
    if (visits < 0)
        report(list, "hot", false, "%s", err.text);
    else
        report(list, "hot", true, "%lld events, %lld visits, up to date with the journal",
               (long long)events, (long long)visits);
}

static int first_text(void *arg, int columns, char **values, char **names) {
    char *text = arg;
    if (columns > 0 && values[0] && !text[0])
        (void)snprintf(text, 120, "%s", values[0]);
    return 0;
}

static void check_control(struct app *a, json_t *list) {
    CLEANUP(free_charp) char *path = path_join(a->data, "control.db");
    sqlite3 *db = NULL;
    char integrity[120] = "", foreign[120] = "";
    bool read =
        path && sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
        sqlite3_exec(db, "PRAGMA integrity_check(1)", first_text, integrity, NULL) == SQLITE_OK &&
        sqlite3_exec(db, "PRAGMA foreign_key_check", first_text, foreign, NULL) == SQLITE_OK;
    (void)sqlite3_close(db);
    if (!read || strcmp(integrity, "ok") != 0)
        report(list, "control", false, "control.db is damaged: %s",
               read ? integrity : "cannot be read");
    else if (foreign[0])
        report(list, "control", false, "control.db has rows of table %s without their site",
               foreign);
    else
        report(list, "control", true, "control.db is whole");
}

/* Keys of sites whose visitors agreed to be known again. */
static unsigned count_known_keys(struct app *a) {
    CLEANUP(free_charp) char *keys = path_join(a->data, "keys");
    DIR *dir = keys ? opendir(keys) : NULL;
    unsigned count = 0;
    struct dirent *e;
    while (dir && (e = readdir(dir)))
        count += span_starts(span_str(e->d_name), SPAN_LIT("known-"));
    if (dir)
        (void)closedir(dir);
    return count;
}

static void check_diary(struct app *a, json_t *list) {
    CLEANUP(free_charp) char *path = path_join(a->data, "visitors.db");
    sqlite3 *db = NULL;
    char integrity[120] = "";
    unsigned keys = count_known_keys(a);
    if (!known_is_there(a->known)) {
        if (keys)
            report(list, "visitors", false,
                   "visitors.db is missing, though %u sites know visitors: restore it, or their"
                   " figures begin anew",
                   keys);
        return;
    }
    bool read =
        path && sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
        sqlite3_exec(db, "PRAGMA integrity_check(1)", first_text, integrity, NULL) == SQLITE_OK;
    (void)sqlite3_close(db);
    if (!read || strcmp(integrity, "ok") != 0)
        report(list, "visitors", false, "visitors.db is damaged: %s",
               read ? integrity : "cannot be read");
    else
        report(list, "visitors", true, "visitors.db, the diary of known visitors, is whole");
}

/* Sites' zones are open already, or control would not be. */
static void check_zones(struct app *a, json_t *list) {
    CLEANUP(policy_set_unrefp) struct policy_set *set = policy_board_get(a->policies);
    CLEANUP(zone_freep) struct zone *z = NULL;
    if (zone_open(SPAN_LIT("Europe/Paris"), &z, NULL) < 0)
        report(list, "zones", false, "no time zone data; install tzdata");
    else
        report(list, "zones", true, "time zone data found; %zu sites", policy_count(set));
}

static void check_clock(struct app *a, json_t *list) {
    int64_t now = clock_wall_ms(a->clock);
    struct err err = {0};
    int64_t newest = hot_number(a, "SELECT max(ts_ms) FROM event_row", &err);
    if (now < least_time_ms)
        report(list, "clock", false, "the clock is wrong: it shows a year before 2025");
    else if (newest > now + 60000)
        report(list, "clock", false, "the newest event is %lld s ahead of the clock",
               (long long)(newest - now) / 1000);
    else
        report(list, "clock", true, "plausible");
}

static void check_space(struct app *a, json_t *list) {
    struct statvfs v;
    if (statvfs(a->data, &v) < 0) {
        report(list, "space", false, "cannot be read: %s", strerrordesc_np(errno));
        return;
    }
    uint64_t bytes = (uint64_t)v.f_bavail * v.f_frsize;
    report(list, "space", bytes >= least_free_bytes, "%llu MiB free",
           (unsigned long long)(bytes >> 20));
}

static void check_keys(struct app *a, json_t *list) {
    CLEANUP(free_charp) char *keys = path_join(a->data, "keys");
    DIR *dir = keys ? opendir(keys) : NULL;
    int64_t now = clock_wall_ms(a->clock) / 1000;
    unsigned days = 0, imports = 0;
    struct dirent *e;
    while (dir && (e = readdir(dir))) {
        struct stat st;
        if (e->d_name[0] == '.' || fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        int64_t age = now - st.st_mtime;
        if (S_ISDIR(st.st_mode))
            imports += age > (int64_t)IMPORT_DAYS * DAY_SEC;
        else if (span_starts(span_str(e->d_name), SPAN_LIT("salt-")))
            days += age > (int64_t)KEY_DAYS * DAY_SEC;
    }
    if (dir)
        (void)closedir(dir);
    if (days)
        report(list, "keys", false, "%u key files of past days are left over; run `tamis serve`",
               days);
    if (imports)
        report(list, "keys", false, "%u imports were broken off over %d days ago; finish them",
               imports, IMPORT_DAYS);
    if (!days && !imports)
        report(list, "keys", true, "none left over from past days");
}

int verb_doctor(struct app *a, const json_t *args, struct span body, json_t **ret,
                struct err *err) {
    JSON_AUTO list = json_array();
    if (!list)
        return err_set(err, ERR_NOMEM, "out of memory");
    check_rights(a, list);
    check_control(a, list);
    check_journal(a, list);
    check_hot(a, list);
    check_diary(a, list);
    check_zones(a, list);
    check_clock(a, list);
    check_space(a, list);
    check_keys(a, list);
    *ret = TAKE_PTR(list);
    return 0;
}
