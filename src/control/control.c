#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "db.h"

/* Entry n brings a database of user_version n to n + 1. Never change one that was released: add the
 * next. */
static const char *const migrations[] = {
    /* AUTOINCREMENT: an id must not come back, events of a removed site may still be in the
       journal. */
    "CREATE TABLE site ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  created_ms INTEGER NOT NULL,"
    "  domain TEXT NOT NULL UNIQUE,"
    "  profile TEXT NOT NULL,"
    "  timezone TEXT NOT NULL,"
    "  honour_signals INTEGER NOT NULL CHECK (honour_signals IN (0, 1)),"
    "  path_patterns TEXT NOT NULL," /* JSON array of text */
    "  query_keep TEXT NOT NULL"     /* JSON array of text */
    ") STRICT;"
    "CREATE TABLE token ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  created_ms INTEGER NOT NULL,"
    "  digest BLOB NOT NULL UNIQUE,"
    "  site INTEGER REFERENCES site (id) ON DELETE CASCADE," /* NULL: every site */
    "  label TEXT NOT NULL"
    ") STRICT;"
    "CREATE TABLE import ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  site INTEGER NOT NULL REFERENCES site (id) ON DELETE CASCADE,"
    "  digest BLOB NOT NULL,"
    "  begun_ms INTEGER NOT NULL,"
    "  finished_ms INTEGER,"
    "  counts TEXT"
    ") STRICT;"
    "CREATE INDEX import_by_file ON import (site, digest);",
    "ALTER TABLE site ADD COLUMN raw_months INTEGER NOT NULL DEFAULT 25"
    "  CHECK (raw_months BETWEEN 1 AND 25);"
    "ALTER TABLE site ADD COLUMN roll_months INTEGER NOT NULL DEFAULT 0" /* 0: kept */
    "  CHECK (roll_months BETWEEN 0 AND 1200);"
    /* What a seal wrote. No reference to site: its files must go first. */
    "CREATE TABLE part ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  site INTEGER NOT NULL,"
    "  from_day INTEGER NOT NULL,"
    "  to_day INTEGER NOT NULL CHECK (to_day >= from_day),"
    "  made_ms INTEGER NOT NULL,"
    "  sealed INTEGER NOT NULL CHECK (sealed IN (0, 1))," /* 0: being written */
    "  until_segment INTEGER NOT NULL,"
    "  until_offset INTEGER NOT NULL,"
    "  visits INTEGER NOT NULL,"
    "  persons INTEGER NOT NULL"
    ") STRICT;"
    "CREATE INDEX part_by_day ON part (site, from_day);"
    "CREATE TABLE part_file ("
    "  part INTEGER NOT NULL REFERENCES part (id) ON DELETE CASCADE,"
    "  kind TEXT NOT NULL CHECK (kind IN ('event', 'visit', 'roll')),"
    "  path TEXT NOT NULL," /* below sealed/ */
    "  rows INTEGER NOT NULL,"
    "  bytes INTEGER NOT NULL,"
    "  digest BLOB NOT NULL," /* BLAKE2b-256 of the file */
    "  PRIMARY KEY (part, kind)"
    ") STRICT;"
    /* What was deleted on purpose, and why; the counts outlive the data. */
    "CREATE TABLE purge ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  at_ms INTEGER NOT NULL,"
    "  cause TEXT NOT NULL CHECK (cause IN ('retention', 'erasure')),"
    "  site INTEGER NOT NULL,"
    "  from_day INTEGER,"
    "  to_day INTEGER,"
    "  files INTEGER NOT NULL,"
    "  bytes INTEGER NOT NULL,"
    "  rows INTEGER NOT NULL"
    ") STRICT;",
    "ALTER TABLE site ADD COLUMN own_hosts TEXT NOT NULL DEFAULT '[]';" /* JSON array of text */
    "ALTER TABLE site ADD COLUMN source_aliases TEXT NOT NULL DEFAULT '[]';", /* of "from=name" */
    "ALTER TABLE site ADD COLUMN block_spam INTEGER NOT NULL DEFAULT 1"
    "  CHECK (block_spam IN (0, 1));",
    "CREATE TABLE block ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  site INTEGER NOT NULL REFERENCES site (id) ON DELETE CASCADE,"
    "  made_ms INTEGER NOT NULL,"
    "  kind TEXT NOT NULL,"
    "  value TEXT NOT NULL," /* an address on its own is "hash:" and its keyed hash */
    "  UNIQUE (site, kind, value)"
    ") STRICT;",
    "ALTER TABLE site ADD COLUMN block_datacenters INTEGER NOT NULL DEFAULT 0"
    "  CHECK (block_datacenters IN (0, 1));",
    "CREATE TABLE goal ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  site INTEGER NOT NULL REFERENCES site (id) ON DELETE CASCADE,"
    "  created_ms INTEGER NOT NULL,"
    "  name TEXT NOT NULL,"
    "  kind TEXT NOT NULL CHECK (kind IN ('page', 'event', 'scroll', 'engagement')),"
    "  page TEXT,"     /* page, scroll */
    "  event TEXT,"    /* event */
    "  props TEXT,"    /* event: JSON object of text */
    "  least INTEGER," /* scroll: per cent; engagement: seconds */
    "  currency TEXT,"
    "  UNIQUE (site, name)"
    ") STRICT;",
    "ALTER TABLE site ADD COLUMN search_params TEXT NOT NULL" /* JSON array of text */
    "  DEFAULT '[\"q\",\"query\",\"s\",\"search\",\"keyword\",\"suche\",\"recherche\"]';",
    "CREATE TABLE segment ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT," /* queries may name it: must not come back */
    "  site INTEGER NOT NULL REFERENCES site (id) ON DELETE CASCADE,"
    "  made_ms INTEGER NOT NULL,"
    "  name TEXT NOT NULL,"
    "  filters TEXT NOT NULL," /* JSON, as queries take it */
    "  UNIQUE (site, name)"
    ") STRICT;"
    "CREATE TABLE annotation ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  site INTEGER NOT NULL REFERENCES site (id) ON DELETE CASCADE,"
    "  made_ms INTEGER NOT NULL,"
    "  from_day INTEGER NOT NULL,"
    "  to_day INTEGER NOT NULL CHECK (to_day >= from_day),"
    "  text TEXT NOT NULL"
    ") STRICT;"
    "CREATE INDEX annotation_by_day ON annotation (site, from_day);",
    "ALTER TABLE site ADD COLUMN visitor_cookie INTEGER NOT NULL DEFAULT 0"
    "  CHECK (visitor_cookie IN (0, 1));",
};

static int version_read(struct control *c, int *ret, struct err *err) {
    DB_STMT s = NULL;
    int rc = db_prepare(c, "PRAGMA user_version", &s, err);
    if (rc < 0)
        return rc;
    rc = db_step(c, s, err);
    if (rc < 0)
        return rc;
    *ret = sqlite3_column_int(s, 0);
    return 0;
}

static int migrate(struct control *c, struct err *err) {
    DB_CHANGE change = {0};
    int rc = db_begin(c, &change, err);
    if (rc < 0)
        return rc;
    int version;
    if ((rc = version_read(c, &version, err)) < 0)
        return rc;
    if (version < 0 || (size_t)version > ARRAY_LEN(migrations))
        return err_set(err, ERR_UNSUPPORTED, "control.db was made by a newer tamis (version %d)",
                       version);
    for (; (size_t)version < ARRAY_LEN(migrations); version++) {
        char pragma[40];
        (void)snprintf(pragma, sizeof(pragma), "PRAGMA user_version = %d", version + 1);
        if ((rc = db_run(c, migrations[version], err)) < 0 || (rc = db_run(c, pragma, err)) < 0)
            return rc;
    }
    return db_commit(&change, err);
}

static int publish_first(struct control *c, struct err *err) {
    DB_LOCKED(c);
    struct policy_set *set;
    int rc = sites_policies(c, &set, err);
    if (rc < 0)
        return rc;
    policy_board_publish(c->board, set);
    return 0;
}

static void control_closep(struct control **c) {
    control_close(*c);
}

int control_open(const char *path, const char *keys_dir, const struct clock *clock,
                 struct policy_board *board, struct control **ret, struct err *err) {
    /* SQLite makes -wal and -shm with the mode of the file itself, so it is made here, private. */
    CLEANUP(closep) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(err, errno, "control.db");
    CLEANUP(control_closep) struct control *c = calloc(1, sizeof(*c));
    if (!c)
        return err_set(err, ERR_NOMEM, "out of memory");
    c->clock = clock;
    c->board = board;
    (void)pthread_mutex_init(&c->lock, NULL);
    if (!(c->keys_dir = strdup(keys_dir)))
        return err_set(err, ERR_NOMEM, "out of memory");
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(path, &c->db, flags, NULL) != SQLITE_OK)
        return db_fail(c, err);
    (void)sqlite3_busy_timeout(c->db, 5000);
    /* synchronous FULL: a token or a site that was shown to its owner must be there after a power
     * cut. */
    int rc =
        db_run(c,
               "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
               "PRAGMA trusted_schema = OFF; PRAGMA secure_delete = ON",
               err);
    if (rc < 0 || (rc = migrate(c, err)) < 0 || (rc = blocks_read_key(c, err)) < 0 ||
        (rc = publish_first(c, err)) < 0)
        return rc;
    *ret = TAKE_PTR(c);
    return 0;
}

void control_close(struct control *c) {
    if (!c)
        return;
    (void)sqlite3_close_v2(c->db);
    (void)pthread_mutex_destroy(&c->lock);
    crypt_wipe(c->block_key, sizeof(c->block_key));
    free(c->keys_dir);
    free(c);
}
