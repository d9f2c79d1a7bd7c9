/* db.h — what the files of control/ share: the connection, its lock, and short forms of SQLite's
 * calls. */
#ifndef TAMIS_DB_H
#define TAMIS_DB_H

#include <pthread.h>
#include <sqlite3.h>

#include "control.h"
#include "crypt.h"

struct control {
    sqlite3 *db;
    pthread_mutex_t lock;
    const struct clock *clock;
    struct policy_board *board;
    char *keys_dir;
    uint8_t block_key[CRYPT_KEY_BYTES]; /* of the hashes of addresses; see blocks.c */
    bool has_block_key;
};

/* Holds the lock until the end of the scope. */
#define DB_LOCKED(c) CLEANUP(db_unlockp) UNUSED pthread_mutex_t *db_held = db_lock(c)
pthread_mutex_t *db_lock(struct control *c);
void db_unlockp(pthread_mutex_t **lock);

static inline void db_finalizep(sqlite3_stmt **s) {
    sqlite3_finalize(*s);
}
#define DB_STMT CLEANUP(db_finalizep) sqlite3_stmt *

/* Turns SQLite's last error into ours. SQLite's text is not repeated: it may quote values. */
int db_fail(struct control *c, struct err *err) WARN_UNUSED;
int db_run(struct control *c, const char *sql, struct err *err) WARN_UNUSED;
int db_prepare(struct control *c, const char *sql, sqlite3_stmt **ret, struct err *err) WARN_UNUSED;
/* 1: a row, 0: done. */
int db_step(struct control *c, sqlite3_stmt *s, struct err *err) WARN_UNUSED;

void db_bind_text(sqlite3_stmt *s, int at, struct span text);
void db_bind_int(sqlite3_stmt *s, int at, int64_t v);
void db_bind_blob(sqlite3_stmt *s, int at, const void *p, size_t n);
/* Valid until the statement's next step. */
struct span db_text(sqlite3_stmt *s, int column);

/* A transaction that is undone at the end of the scope unless db_commit() came before. */
struct db_change {
    struct control *open;
};
int db_begin(struct control *c, struct db_change *ret, struct err *err) WARN_UNUSED;
int db_commit(struct db_change *change, struct err *err) WARN_UNUSED;
void db_undop(struct db_change *change);
#define DB_CHANGE CLEANUP(db_undop) struct db_change

/* --- settings.c --- */

/* Checks `settings` and copies them into `site`, an object as control_site_list() shows it. */
int settings_apply(const json_t *settings, json_t *site, struct err *err) WARN_UNUSED;
/* A new site's settings, without a domain. NULL on out of memory. */
json_t *settings_defaults(void) WARN_UNUSED;
bool settings_path_fine(struct span path);

/* --- sites.c; the lock is held --- */

int sites_id(struct control *c, struct span domain, uint32_t *ret, struct err *err) WARN_UNUSED;
/* site 0: all of them. */
int sites_list(struct control *c, uint32_t site, json_t **ret, struct err *err) WARN_UNUSED;
/* A policy set of what the open transaction sees. */
int sites_policies(struct control *c, struct policy_set **ret, struct err *err) WARN_UNUSED;
/* Commits, and publishes the policies as they then are. */
int sites_publish(struct control *c, struct db_change *change, struct err *err) WARN_UNUSED;

/* --- views.c; the lock is held --- */

/* By name or number. */
int views_id(struct control *c, struct span view, uint32_t *ret, struct err *err) WARN_UNUSED;
/* view 0: all of them. */
int views_list(struct control *c, uint32_t view, json_t **ret, struct err *err) WARN_UNUSED;

/* --- goals.c; the lock is held --- */

/* The site's goals into the policy, in the arena. */
int goals_load(struct control *c, uint32_t site, struct arena *a, struct policy *p,
               struct err *err) WARN_UNUSED;

/* --- blocks.c; the lock is held --- */

/* Reads the key of hashed addresses, if there is one. */
int blocks_read_key(struct control *c, struct err *err) WARN_UNUSED;
/* *ret: in the arena; NULL when the site has no blocks. */
int blocks_load(struct control *c, uint32_t site, struct arena *a, const struct policy_blocks **ret,
                struct err *err) WARN_UNUSED;

#endif
