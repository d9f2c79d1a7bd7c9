#include "known_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { VERSION = 1 };

/* WITHOUT ROWID: a visitor is one entry of one tree, some 25 bytes, and a site's lie side by side. */
static const char schema[] = "CREATE TABLE visitor ("
                             "  site INTEGER NOT NULL,"
                             "  known INTEGER NOT NULL,"
                             "  first_day INTEGER NOT NULL,"
                             "  days BLOB NOT NULL," /* known_days.h */
                             "  PRIMARY KEY (site, known)"
                             ") STRICT, WITHOUT ROWID;"
                             "CREATE TABLE site ("
                             "  id INTEGER PRIMARY KEY,"
                             "  since_day INTEGER NOT NULL"
                             ") STRICT;"
                             "PRAGMA user_version = 1;";

static const char *const statements[KNOWN_STATEMENTS] = {
    [KNOWN_BEGIN] = "BEGIN IMMEDIATE",
    [KNOWN_COMMIT] = "COMMIT",
    [KNOWN_ROLLBACK] = "ROLLBACK",
    [KNOWN_FIND] = "SELECT first_day, days FROM visitor WHERE site = ?1 AND known = ?2",
    [KNOWN_PUT] = "INSERT INTO visitor (site, known, first_day, days) VALUES (?1, ?2, ?3, ?4)"
                  " ON CONFLICT DO UPDATE SET first_day = ?3, days = ?4",
    [KNOWN_DELETE] = "DELETE FROM visitor WHERE site = ?1 AND known = ?2",
    [KNOWN_BEGAN] = "INSERT INTO site (id, since_day) VALUES (?1, ?2)"
                    " ON CONFLICT DO UPDATE SET since_day = ?2 WHERE since_day > ?2",
};

/* --- SQLite -------------------------------------------------------------------------------------
 */

int known_fail(sqlite3 *db, struct err *err) {
    int full = db ? sqlite3_extended_errcode(db) : SQLITE_NOMEM;
    switch (full & 0xff) {
    case SQLITE_NOMEM:
        return err_set(err, ERR_NOMEM, "out of memory");
    case SQLITE_FULL:
        return err_set(err, ERR_FULL, "visitors.db: no space left");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return err_set(err, ERR_BUSY, "visitors.db is in use");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return err_set(err, ERR_CORRUPT,
                       "visitors.db is damaged: restore it, or move it away to begin anew");
    default:
        return err_set(err, ERR_IO, "visitors.db: %s", sqlite3_errstr(full));
    }
}

int known_run(sqlite3 *db, const char *sql, struct err *err) {
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : known_fail(db, err);
}

bool known_read_days(sqlite3_stmt *s, int at, struct known_days *ret) {
    int len = sqlite3_column_bytes(s, at + 1);
    const void *bits = sqlite3_column_blob(s, at + 1);
    if (!bits || len <= 0 || len > KNOWN_DAYS_BYTES)
        return false;
    *ret = (struct known_days){.first = sqlite3_column_int(s, at), .len = (size_t)len};
    memcpy(ret->bits, bits, (size_t)len);
    return true;
}

int known_step(struct known *k, enum known_statement which, struct err *err) {
    sqlite3_stmt *s = k->statements[which];
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW)
        return 1;
    int failed = rc == SQLITE_DONE ? 0 : known_fail(k->db, err);
    (void)sqlite3_reset(s);
    return failed;
}

sqlite3_stmt *known_bind(struct known *k, enum known_statement which, int64_t a, int64_t b) {
    sqlite3_stmt *s = k->statements[which];
    (void)sqlite3_bind_int64(s, 1, a);
    (void)sqlite3_bind_int64(s, 2, b);
    return s;
}

/* --- open and close -----------------------------------------------------------------------------
 */

static int read_number(sqlite3 *db, const char *pragma, int *ret, struct err *err) {
    KNOWN_STMT s = NULL;
    if (sqlite3_prepare_v2(db, pragma, -1, &s, NULL) != SQLITE_OK || sqlite3_step(s) != SQLITE_ROW)
        return known_fail(db, err);
    *ret = sqlite3_column_int(s, 0);
    return 0;
}

static int prepare_schema(sqlite3 *db, struct err *err) {
    int version = 0, rc = read_number(db, "PRAGMA user_version", &version, err);
    if (rc < 0)
        return rc;
    if (version > VERSION)
        return err_set(err, ERR_UNSUPPORTED, "visitors.db was made by a newer tamis (version %d)",
                       version);
    if (version == VERSION)
        return 0;
    if ((rc = known_run(db, "BEGIN IMMEDIATE", err)) < 0 || (rc = known_run(db, schema, err)) < 0)
        return rc;
    return known_run(db, "COMMIT", err);
}

static int prepare_statements(struct known *k, struct err *err) {
    for (size_t i = 0; i < KNOWN_STATEMENTS; i++)
        if (sqlite3_prepare_v3(k->db, statements[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &k->statements[i], NULL) != SQLITE_OK)
            return known_fail(k->db, err);
    return 0;
}

static void close_file(struct known *k) {
    for (size_t i = 0; i < KNOWN_STATEMENTS; i++)
        sqlite3_finalize(TAKE_PTR(k->statements[i]));
    (void)sqlite3_close(TAKE_PTR(k->db));
}

/* synchronous FULL: the store's cursor is to move past what is written here, and stays moved after a
 * power cut. */
static int open_file(struct known *k, struct err *err) {
    /* SQLite makes what stands beside it with the mode of the file itself. */
    CLEANUP(closep) int fd = open(k->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(err, errno, "visitors.db");
    if (sqlite3_open_v2(k->path, &k->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
        SQLITE_OK)
        return known_fail(k->db, err);
    (void)sqlite3_busy_timeout(k->db, KNOWN_WAIT_MS);
    int rc = known_run(k->db,
                       "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                       "PRAGMA trusted_schema = OFF; PRAGMA secure_delete = ON;"
                       "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -8192",
                       err);
    int unsettled = 0;
    if (rc < 0 || (rc = prepare_schema(k->db, err)) < 0 ||
        (rc = read_number(k->db, "PRAGMA application_id", &unsettled, err)) < 0)
        return rc;
    if (unsettled)
        known_gone_all(&k->gone);
    return prepare_statements(k, err);
}

static int open_or_close(struct known *k, struct err *err) {
    int rc = open_file(k, err);
    if (rc < 0)
        close_file(k);
    return rc;
}

int known_open(const char *path, const struct clock *clock, struct known **ret, struct err *err) {
    struct known *k = calloc(1, sizeof(*k));
    if (!k || !(k->path = strdup(path))) {
        free(k);
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    k->clock = clock;
    (void)pthread_mutex_init(&k->lock, NULL);
    int rc = access(path, F_OK) == 0 ? open_or_close(k, err) : 0;
    if (rc < 0) {
        known_close(k);
        return rc;
    }
    *ret = k;
    return 0;
}

void known_close(struct known *k) {
    if (k->db)
        (void)known_settle_held(k); /* else the next start does */
    close_file(k);
    known_gone_release(&k->gone);
    known_seen_clear(&k->seen);
    (void)pthread_mutex_destroy(&k->lock);
    free(k->path);
    free(k);
}

pthread_mutex_t *known_lock(struct known *k) {
    (void)pthread_mutex_lock(&k->lock);
    return &k->lock;
}

void known_unlockp(pthread_mutex_t **lock) {
    (void)pthread_mutex_unlock(*lock);
}

bool known_is_there(struct known *k) {
    KNOWN_LOCKED(k);
    return k->db != NULL;
}

/* --- writing; the lock is held ------------------------------------------------------------------
 */

void known_undop(struct known_change *c) {
    if (!c->open)
        return;
    sqlite3_stmt *rollback = c->open->statements[KNOWN_ROLLBACK];
    (void)sqlite3_step(rollback);
    (void)sqlite3_reset(rollback);
    known_seen_clear(&c->open->seen);
}

int known_begin(struct known *k, struct known_change *c, struct err *err) {
    int rc = c->open ? 0 : known_step(k, KNOWN_BEGIN, err);
    if (rc == 0)
        c->open = k;
    return rc;
}

/* The mark in the file's head, which goes once it is settled, tells the next start after a crash. */
int known_commit(struct known *k, struct known_change *c, struct err *err) {
    if (!c->open)
        return 0;
    int rc = c->deleted ? known_run(k->db, "PRAGMA application_id = 1", err) : 0;
    if (rc < 0 || (rc = known_step(k, KNOWN_COMMIT, err)) < 0)
        return rc;
    c->open = NULL;
    if (c->deleted)
        known_seen_clear(&k->seen);
    return 0;
}

static int find(struct known *k, const struct record_known *v, struct known_days *ret,
                struct err *err) {
    sqlite3_stmt *s = known_bind(k, KNOWN_FIND, v->site, (int64_t)v->known);
    int rc = known_step(k, KNOWN_FIND, err);
    if (rc <= 0)
        return rc;
    if (!known_read_days(s, 0, ret))
        rc = err_set(err, ERR_CORRUPT, "visitors.db: the days of a visitor do not read");
    (void)sqlite3_reset(s);
    return rc;
}

int known_put(struct known *k, const struct record_known *v, const struct known_days *d,
              struct err *err) {
    sqlite3_stmt *s = known_bind(k, KNOWN_PUT, v->site, (int64_t)v->known);
    (void)sqlite3_bind_int64(s, 3, d->first);
    (void)sqlite3_bind_blob(s, 4, d->bits, (int)d->len, SQLITE_TRANSIENT);
    int rc = known_step(k, KNOWN_PUT, err);
    if (rc < 0)
        return rc;
    known_gone_remove(&k->gone, v->known);
    (void)known_bind(k, KNOWN_BEGAN, v->site, v->day);
    return known_step(k, KNOWN_BEGAN, err);
}

static int add(struct known *k, struct known_change *c, const struct record_known *v,
               struct err *err) {
    const struct known_seen_item item = {.known = v->known, .site = v->site, .day = v->day};
    if (known_seen_has(&k->seen, &item))
        return 0;
    struct known_days d = {0};
    int rc = find(k, v, &d, err);
    if (rc < 0)
        return rc;
    if (known_days_add(&d, v->day) &&
        ((rc = known_begin(k, c, err)) < 0 || (rc = known_put(k, v, &d, err)) < 0))
        return rc;
    known_seen_add(&k->seen, &item);
    return 0;
}

int known_forget(struct known *k, struct known_change *c, const struct record_known *v,
                 struct err *err) {
    int rc = known_begin(k, c, err);
    if (rc < 0)
        return rc;
    (void)known_bind(k, KNOWN_DELETE, v->site, (int64_t)v->known);
    if ((rc = known_step(k, KNOWN_DELETE, err)) < 0)
        return rc;
    if (sqlite3_changes(k->db) > 0) {
        c->deleted = true;
        known_gone_add(&k->gone, v->known);
        known_seen_clear(&k->seen); /* the visitor may come again in this very batch */
    }
    return 0;
}

static bool only_forgets(const struct known_entry *entries, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!entries[i].forget)
            return false;
    return true;
}

int known_apply(struct known *k, const struct known_entry *entries, size_t count, struct err *err) {
    if (count == 0)
        return 0;
    KNOWN_LOCKED(k);
    if (!k->db && only_forgets(entries, count))
        return 0;
    int rc = k->db ? 0 : open_or_close(k, err);
    if (rc < 0)
        return rc;
    KNOWN_CHANGE c = {0};
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = entries[i].forget ? known_forget(k, &c, &entries[i].visitor, err)
                               : add(k, &c, &entries[i].visitor, err);
    return rc < 0 ? rc : known_commit(k, &c, err);
}

bool known_settle(struct known *k) {
    KNOWN_LOCKED(k);
    return !k->db || known_settle_held(k);
}
