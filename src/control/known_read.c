#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "known_private.h"

enum { ROWS_A_LOOK = 4096 }; /* at the clock */

static void close_dbp(sqlite3 **db) {
    (void)sqlite3_close(*db);
}

/* NULL when there is no diary. A reader never waits for the writer, nor the reverse. */
static int open_reader(struct known *k, sqlite3 **ret, struct err *err) {
    if (!known_is_there(k))
        return 0;
    if (sqlite3_open_v2(k->path, ret, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) !=
        SQLITE_OK)
        return known_fail(*ret, err);
    (void)sqlite3_busy_timeout(*ret, KNOWN_WAIT_MS);
    return known_run(*ret, "PRAGMA trusted_schema = OFF", err);
}

int known_each(struct known *k, uint32_t site, int timeout_ms, known_visitor_fn fn, void *arg,
               struct err *err) {
    int64_t until_ns = clock_mono_ns(k->clock) + timeout_ms * 1000000LL;
    CLEANUP(close_dbp) sqlite3 *db = NULL;
    KNOWN_STMT s = NULL;
    int rc = open_reader(k, &db, err);
    if (rc < 0 || !db)
        return rc;
    if (sqlite3_prepare_v2(db, "SELECT first_day, days FROM visitor WHERE site = ?1", -1, &s,
                           NULL) != SQLITE_OK)
        return known_fail(db, err);
    (void)sqlite3_bind_int64(s, 1, site);
    int stepped;
    for (uint64_t n = 1; (stepped = sqlite3_step(s)) == SQLITE_ROW; n++) {
        const void *days = sqlite3_column_blob(s, 1);
        fn(arg, sqlite3_column_int(s, 0),
           span_of(days ? days : "", (size_t)sqlite3_column_bytes(s, 1)));
        if (n % ROWS_A_LOOK == 0 && clock_mono_ns(k->clock) > until_ns)
            return err_set(err, ERR_TIMEOUT, "the query took longer than its time limit");
    }
    return stepped == SQLITE_DONE ? 0 : known_fail(db, err);
}

int known_since(struct known *k, uint32_t site, int32_t today, int32_t *ret, struct err *err) {
    CLEANUP(close_dbp) sqlite3 *db = NULL;
    KNOWN_STMT s = NULL;
    int rc = open_reader(k, &db, err);
    if (rc < 0 || !db)
        return rc;
    if (sqlite3_prepare_v2(db, "SELECT since_day FROM site WHERE id = ?1", -1, &s, NULL) !=
        SQLITE_OK)
        return known_fail(db, err);
    (void)sqlite3_bind_int64(s, 1, site);
    int stepped = sqlite3_step(s);
    if (stepped != SQLITE_ROW)
        return stepped == SQLITE_DONE ? 0 : known_fail(db, err);
    int32_t since = sqlite3_column_int(s, 0), oldest = today - KNOWN_MOST_DAYS;
    *ret = since > oldest ? since : oldest;
    return 1;
}

/* --- a copy -------------------------------------------------------------------------------------
 */

static int copy_fail(sqlite3 *to, struct err *err) {
    int code = to ? sqlite3_extended_errcode(to) : SQLITE_NOMEM;
    return err_set(err, (code & 0xff) == SQLITE_FULL ? ERR_FULL : ERR_IO, "copy of visitors.db: %s",
                   sqlite3_errstr(code));
}

/* From a reader of its own: all pages in one step, while the writer goes on. What a crash leaves is
 * thrown away, so nothing has to be undone or synced before the end. */
static int copy_pages(sqlite3 *from, const char *path, struct err *err) {
    CLEANUP(close_dbp) sqlite3 *to = NULL;
    if (sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
            SQLITE_OK ||
        sqlite3_exec(to, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF", NULL, NULL, NULL) !=
            SQLITE_OK)
        return copy_fail(to, err);
    sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
    if (!b)
        return copy_fail(to, err);
    (void)sqlite3_backup_step(b, -1);
    return sqlite3_backup_finish(b) == SQLITE_OK ? 0 : copy_fail(to, err);
}

int known_copy(struct known *k, const char *path, struct err *err) {
    CLEANUP(close_dbp) sqlite3 *from = NULL;
    int rc = open_reader(k, &from, err);
    if (rc < 0)
        return rc;
    if (!from)
        return err_set(err, ERR_NOT_FOUND, "there is no visitors.db");
    CLEANUP(closep) int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(err, errno, "copy of visitors.db");
    rc = copy_pages(from, path, err);
    if (rc == 0 && fsync(fd) < 0)
        rc = err_sys(err, errno, "copy of visitors.db");
    if (rc < 0)
        (void)unlink(path);
    return rc;
}
