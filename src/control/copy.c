#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "db.h"

static void close_dbp(sqlite3 **db) {
    (void)sqlite3_close(*db);
}

static int fail_to(sqlite3 *to, struct err *err) {
    int code = to ? sqlite3_extended_errcode(to) : SQLITE_NOMEM;
    return (code & 0xff) == SQLITE_FULL
               ? err_set(err, ERR_FULL, "copy of control.db: no space left")
               : err_set(err, ERR_IO, "copy of control.db: %s", sqlite3_errstr(code));
}

/* All pages in one step: the lock is held, so there is nobody to let in between. */
static int copy_pages(struct control *c, const char *path, struct err *err) {
    CLEANUP(close_dbp) sqlite3 *to = NULL;
    /* What a crash leaves is thrown away, so nothing has to be undone or synced before the end. */
    if (sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
            SQLITE_OK ||
        sqlite3_exec(to, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF", NULL, NULL, NULL) !=
            SQLITE_OK)
        return fail_to(to, err);
    sqlite3_backup *b = sqlite3_backup_init(to, "main", c->db, "main");
    if (!b)
        return fail_to(to, err);
    (void)sqlite3_backup_step(b, -1);
    return sqlite3_backup_finish(b) == SQLITE_OK ? 0 : fail_to(to, err);
}

int control_copy(struct control *c, const char *path, control_moment_fn moment, void *arg,
                 struct err *err) {
    CLEANUP(closep) int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(err, errno, "copy of control.db");
    int rc = 0;
    {
        DB_LOCKED(c);
        if (moment)
            rc = moment(arg, err);
        if (rc >= 0)
            rc = copy_pages(c, path, err);
    }
    if (rc >= 0 && fsync(fd) < 0)
        rc = err_sys(err, errno, "copy of control.db");
    if (rc < 0)
        (void)unlink(path);
    return rc;
}
