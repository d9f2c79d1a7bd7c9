/* known_private.h — what the files of the diary share; private to src/control. */
#ifndef TAMIS_KNOWN_PRIVATE_H
#define TAMIS_KNOWN_PRIVATE_H

#include <pthread.h>
#include <sqlite3.h>

#include "known.h"
#include "known_days.h"
#include "known_seen.h"

enum { KNOWN_WAIT_MS = 250 }; /* for another connection */

enum known_statement {
    KNOWN_BEGIN,
    KNOWN_COMMIT,
    KNOWN_ROLLBACK,
    KNOWN_FIND,   /* 1 site, 2 known → first_day, days */
    KNOWN_PUT,    /* 1 site, 2 known, 3 first_day, 4 days */
    KNOWN_DELETE, /* 1 site, 2 known */
    KNOWN_BEGAN,  /* 1 site, 2 day: since when there are visitors */
    KNOWN_STATEMENTS
};

/* Who was deleted and may still be somewhere in the file or beside it. */
struct known_gone {
    uint64_t *hashes;
    size_t count;
    bool all;
};

struct known {
    char *path;
    const struct clock *clock;
    pthread_mutex_t lock; /* of all below */
    sqlite3 *db;          /* NULL: there is no file yet */
    sqlite3_stmt *statements[KNOWN_STATEMENTS];
    struct known_seen seen;
    struct known_gone gone;
};

/* --- known_overwrite.c --- */

void known_gone_add(struct known_gone *g, uint64_t hash);
/* Who comes again is there by right. */
void known_gone_remove(struct known_gone *g, uint64_t hash);
/* Too much to look for: the file is to be written anew. */
void known_gone_all(struct known_gone *g);
void known_gone_release(struct known_gone *g);
/* known_settle() with the lock held. */
bool known_settle_held(struct known *k);

/* --- known.c --- */

/* Holds the lock until the end of the scope. */
#define KNOWN_LOCKED(k) CLEANUP(known_unlockp) UNUSED pthread_mutex_t *known_held = known_lock(k)
pthread_mutex_t *known_lock(struct known *k);
void known_unlockp(pthread_mutex_t **lock);

/* A transaction, which is begun with the first change and undone at the end of the scope unless it is
 * committed. The lock is held. */
struct known_change {
    struct known *open; /* NULL: not begun */
    bool deleted;
};
#define KNOWN_CHANGE CLEANUP(known_undop) struct known_change
void known_undop(struct known_change *c);
int known_begin(struct known *k, struct known_change *c, struct err *err) WARN_UNUSED;
int known_commit(struct known *k, struct known_change *c, struct err *err) WARN_UNUSED;

/* Runs one of the statements: 1: a row, which stays until it is reset; 0: done, and reset. */
int known_step(struct known *k, enum known_statement which, struct err *err) WARN_UNUSED;
/* Gives its first two parameters. */
sqlite3_stmt *known_bind(struct known *k, enum known_statement which, int64_t a, int64_t b);

/* Writes a visitor's days; v->day is one of them. */
int known_put(struct known *k, const struct record_known *v, const struct known_days *d,
              struct err *err) WARN_UNUSED;
int known_forget(struct known *k, struct known_change *c, const struct record_known *v,
                 struct err *err) WARN_UNUSED;

/* SQLite's last error as ours; its text is not repeated. */
int known_fail(sqlite3 *db, struct err *err) WARN_UNUSED;
int known_run(sqlite3 *db, const char *sql, struct err *err) WARN_UNUSED;

static inline void known_finalizep(sqlite3_stmt **s) {
    sqlite3_finalize(*s);
}
#define KNOWN_STMT CLEANUP(known_finalizep) sqlite3_stmt *

/* Reads columns first_day and days, the first one's number is `at`; false when they are none of ours. */
bool known_read_days(sqlite3_stmt *s, int at, struct known_days *ret);

#endif
