#include <stdlib.h>

#include "db.h"

enum { DIGEST_BYTES = 32 };

/* The newest import of that file. 1: found, 0: none. */
static int find(struct control *c, uint32_t site, const uint8_t *digest, struct control_import *ret,
                struct err *err) {
    DB_STMT s = NULL;
    int rc = db_prepare(c,
                        "SELECT id, finished_ms IS NOT NULL FROM import"
                        " WHERE site = ?1 AND digest = ?2 ORDER BY id DESC LIMIT 1",
                        &s, err);
    if (rc < 0)
        return rc;
    db_bind_int(s, 1, site);
    db_bind_blob(s, 2, digest, DIGEST_BYTES);
    if ((rc = db_step(c, s, err)) > 0)
        *ret = (struct control_import){.id = (uint64_t)sqlite3_column_int64(s, 0),
                                       .site = site,
                                       .finished = sqlite3_column_int(s, 1) != 0};
    return rc;
}

int control_import_begin(struct control *c, uint32_t site, const uint8_t digest[32], bool force,
                         struct control_import *ret, struct err *err) {
    DB_LOCKED(c);
    struct control_import found;
    int rc = find(c, site, digest, &found, err);
    if (rc < 0)
        return rc;
    /* One that was broken off goes on, forced or not: else its first half would be there twice. */
    if (rc == 1 && !(found.finished && force)) {
        *ret = found;
        return 0;
    }
    DB_STMT s = NULL;
    rc = db_prepare(c, "INSERT INTO import (site, digest, begun_ms) VALUES (?1, ?2, ?3)", &s, err);
    if (rc < 0)
        return rc;
    db_bind_int(s, 1, site);
    db_bind_blob(s, 2, digest, DIGEST_BYTES);
    db_bind_int(s, 3, clock_wall_ms(c->clock));
    rc = db_step(c, s, err);
    if (rc == ERR_EXISTS)
        return err_set(err, ERR_NOT_FOUND, "no such site");
    if (rc < 0)
        return rc;
    *ret = (struct control_import){.id = (uint64_t)sqlite3_last_insert_rowid(c->db), .site = site};
    return 0;
}

int control_import_finish(struct control *c, uint64_t import, const json_t *counts,
                          struct err *err) {
    BUF_AUTO text = {0};
    int rc = json_write(counts, &text, err);
    if (rc < 0)
        return rc;
    DB_LOCKED(c);
    DB_STMT s = NULL;
    rc = db_prepare(c, "UPDATE import SET finished_ms = ?1, counts = ?2 WHERE id = ?3", &s, err);
    if (rc < 0)
        return rc;
    db_bind_int(s, 1, clock_wall_ms(c->clock));
    db_bind_text(s, 2, buf_span(&text));
    db_bind_int(s, 3, (int64_t)import);
    if ((rc = db_step(c, s, err)) < 0)
        return rc;
    return sqlite3_changes(c->db) ? 0 : err_set(err, ERR_NOT_FOUND, "no such import");
}

int control_imports_open(struct control *c, struct control_open_import **ret, size_t *ret_count,
                         struct err *err) {
    DB_LOCKED(c);
    DB_STMT s = NULL;
    int rc = db_prepare(c, "SELECT id, begun_ms FROM import WHERE finished_ms IS NULL", &s, err);
    if (rc < 0)
        return rc;
    CLEANUP(free_charp) char *owned = NULL;
    size_t count = 0;
    while ((rc = db_step(c, s, err)) > 0) {
        char *more = realloc(owned, (count + 1) * sizeof(struct control_open_import));
        if (!more)
            return err_set(err, ERR_NOMEM, "out of memory");
        owned = more;
        ((struct control_open_import *)(void *)owned)[count++] = (struct control_open_import){
            .id = (uint64_t)sqlite3_column_int64(s, 0), .begun_ms = sqlite3_column_int64(s, 1)};
    }
    if (rc < 0)
        return rc;
    *ret = (struct control_open_import *)(void *)TAKE_PTR(owned);
    *ret_count = count;
    return 0;
}
