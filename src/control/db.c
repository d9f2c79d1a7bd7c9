#include "db.h"

pthread_mutex_t *db_lock(struct control *c) {
    (void)pthread_mutex_lock(&c->lock);
    return &c->lock;
}

void db_unlockp(pthread_mutex_t **lock) {
    (void)pthread_mutex_unlock(*lock);
}

int db_fail(struct control *c, struct err *err) {
    int full = c->db ? sqlite3_extended_errcode(c->db) : SQLITE_NOMEM;
    switch (full & 0xff) {
    case SQLITE_NOMEM:
        return err_set(err, ERR_NOMEM, "out of memory");
    case SQLITE_FULL:
        return err_set(err, ERR_FULL, "control.db: no space left");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return err_set(err, ERR_BUSY, "control.db is locked by another process");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return err_set(err, ERR_CORRUPT, "control.db is damaged");
    case SQLITE_CONSTRAINT:
        return err_set(err, ERR_EXISTS, "is there already");
    default:
        return err_set(err, ERR_IO, "control.db: %s", sqlite3_errstr(full));
    }
}

int db_run(struct control *c, const char *sql, struct err *err) {
    return sqlite3_exec(c->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : db_fail(c, err);
}

int db_prepare(struct control *c, const char *sql, sqlite3_stmt **ret, struct err *err) {
    return sqlite3_prepare_v2(c->db, sql, -1, ret, NULL) == SQLITE_OK ? 0 : db_fail(c, err);
}

int db_step(struct control *c, sqlite3_stmt *s, struct err *err) {
    switch (sqlite3_step(s)) {
    case SQLITE_ROW:
        return 1;
    case SQLITE_DONE:
        return 0;
    default:
        return db_fail(c, err);
    }
}

/* A failed bind (out of memory) leaves NULL, which the schema's NOT NULL refuses at the step. */
void db_bind_text(sqlite3_stmt *s, int at, struct span text) {
    (void)sqlite3_bind_text64(s, at, text.ptr, text.len, SQLITE_TRANSIENT, SQLITE_UTF8);
}

void db_bind_int(sqlite3_stmt *s, int at, int64_t v) {
    (void)sqlite3_bind_int64(s, at, v);
}

void db_bind_blob(sqlite3_stmt *s, int at, const void *p, size_t n) {
    (void)sqlite3_bind_blob64(s, at, p, n, SQLITE_TRANSIENT);
}

struct span db_text(sqlite3_stmt *s, int column) {
    const char *text = (const char *)sqlite3_column_text(s, column);
    return text ? span_of(text, (size_t)sqlite3_column_bytes(s, column)) : SPAN_EMPTY;
}

int db_begin(struct control *c, struct db_change *ret, struct err *err) {
    int rc = db_run(c, "BEGIN IMMEDIATE", err);
    if (rc < 0)
        return rc;
    ret->open = c;
    return 0;
}

int db_commit(struct db_change *change, struct err *err) {
    int rc = db_run(change->open, "COMMIT", err);
    if (rc == 0)
        change->open = NULL;
    return rc;
}

void db_undop(struct db_change *change) {
    if (change->open)
        (void)sqlite3_exec(change->open->db, "ROLLBACK", NULL, NULL, NULL);
}
