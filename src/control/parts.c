#include "parts.h"

#include <stdio.h>
#include <stdlib.h>

#include "db.h"

static const char *const kind_words[PART_KINDS] = {"event", "visit", "roll"};
static const char *const cause_words[] = {"retention", "erasure"};

int control_part_begin(struct control *c, uint32_t site, int32_t from_day, int32_t to_day,
                       uint32_t *ret_id, struct err *err) {
    DB_LOCKED(c);
    DB_STMT s = NULL;
    int rc = db_prepare(c,
                        "INSERT INTO part (site, from_day, to_day, made_ms, sealed, until_segment,"
                        " until_offset, visits, persons) VALUES (?1, ?2, ?3, ?4, 0, 0, 0, 0, 0)",
                        &s, err);
    if (rc < 0)
        return rc;
    db_bind_int(s, 1, site);
    db_bind_int(s, 2, from_day);
    db_bind_int(s, 3, to_day);
    db_bind_int(s, 4, clock_wall_ms(c->clock));
    if ((rc = db_step(c, s, err)) < 0)
        return rc;
    *ret_id = (uint32_t)sqlite3_last_insert_rowid(c->db);
    return 0;
}

/* --- recording; the lock is held ----------------------------------------------------------------
 */

static int set_sealed(struct control *c, const struct part_record *p, struct err *err) {
    DB_STMT s = NULL;
    int rc = db_prepare(c,
                        "UPDATE part SET sealed = 1, until_segment = ?1, until_offset = ?2,"
                        " visits = ?3, persons = ?4 WHERE id = ?5 AND sealed = 0",
                        &s, err);
    if (rc < 0)
        return rc;
    db_bind_int(s, 1, (int64_t)p->until.segment);
    db_bind_int(s, 2, (int64_t)p->until.offset);
    db_bind_int(s, 3, p->visits);
    db_bind_int(s, 4, p->persons);
    db_bind_int(s, 5, p->id);
    if ((rc = db_step(c, s, err)) < 0)
        return rc;
    return sqlite3_changes(c->db) ? 0 : err_set(err, ERR_NOT_FOUND, "part %u was not begun", p->id);
}

static int add_file(struct control *c, uint32_t part, enum part_kind kind,
                    const struct part_file *f, struct err *err) {
    DB_STMT s = NULL;
    int rc = db_prepare(c,
                        "INSERT INTO part_file (part, kind, path, rows, bytes, digest)"
                        " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                        &s, err);
    if (rc < 0)
        return rc;
    db_bind_int(s, 1, part);
    db_bind_text(s, 2, span_str(kind_words[kind]));
    db_bind_text(s, 3, span_str(f->path));
    db_bind_int(s, 4, (int64_t)f->rows);
    db_bind_int(s, 5, (int64_t)f->bytes);
    db_bind_blob(s, 6, f->digest, sizeof(f->digest));
    return db_step(c, s, err);
}

static int run_with_id(struct control *c, const char *sql, uint32_t id, struct err *err) {
    DB_STMT s = NULL;
    int rc = db_prepare(c, sql, &s, err);
    if (rc < 0)
        return rc;
    db_bind_int(s, 1, id);
    return db_step(c, s, err);
}

static int forget(struct control *c, const uint32_t *ids, size_t count, struct err *err) {
    int rc = 0;
    for (size_t i = 0; rc >= 0 && i < count; i++)
        rc = run_with_id(c, "DELETE FROM part WHERE id = ?1", ids[i], err);
    return rc;
}

int control_part_record(struct control *c, const struct part_record *p, const uint32_t *replaced,
                        size_t replaced_count, struct err *err) {
    DB_LOCKED(c);
    DB_CHANGE change = {0};
    int rc = db_begin(c, &change, err);
    if (rc < 0 || (rc = set_sealed(c, p, err)) < 0)
        return rc;
    for (unsigned k = 0; k < PART_KINDS; k++)
        if (p->files[k].path[0] &&
            (rc = add_file(c, p->id, (enum part_kind)k, &p->files[k], err)) < 0)
            return rc;
    if ((rc = forget(c, replaced, replaced_count, err)) < 0)
        return rc;
    return db_commit(&change, err);
}

int control_parts_forget(struct control *c, const uint32_t *ids, size_t count, struct err *err) {
    DB_LOCKED(c);
    DB_CHANGE change = {0};
    int rc = db_begin(c, &change, err);
    if (rc < 0 || (rc = db_run(c, "DELETE FROM part WHERE sealed = 0", err)) < 0 ||
        (rc = forget(c, ids, count, err)) < 0)
        return rc;
    return db_commit(&change, err);
}

int control_part_forget_raw(struct control *c, uint32_t id, struct err *err) {
    DB_LOCKED(c);
    return run_with_id(c, "DELETE FROM part_file WHERE part = ?1 AND kind IN ('event', 'visit')",
                       id, err);
}

/* --- reading ------------------------------------------------------------------------------------
 */

static int count_parts(struct control *c, size_t *ret, struct err *err) {
    DB_STMT s = NULL;
    int rc = db_prepare(c, "SELECT count(*) FROM part WHERE sealed = 1", &s, err);
    if (rc < 0 || (rc = db_step(c, s, err)) < 0)
        return rc;
    *ret = (size_t)sqlite3_column_int64(s, 0);
    return 0;
}

static void read_part(sqlite3_stmt *s, struct part_record *p) {
    *p = (struct part_record){
        .id = (uint32_t)sqlite3_column_int64(s, 0),
        .site = (uint32_t)sqlite3_column_int64(s, 1),
        .from_day = sqlite3_column_int(s, 2),
        .to_day = sqlite3_column_int(s, 3),
        .until = {(uint64_t)sqlite3_column_int64(s, 4), (uint64_t)sqlite3_column_int64(s, 5)},
        .visits = (uint32_t)sqlite3_column_int64(s, 6),
        .persons = (uint32_t)sqlite3_column_int64(s, 7),
    };
}

/* Columns 8 to 12; NULLs when the part has no file. */
static int read_file(sqlite3_stmt *s, struct part_record *p, struct err *err) {
    if (sqlite3_column_type(s, 8) == SQLITE_NULL)
        return 0;
    struct span word = db_text(s, 8), path = db_text(s, 9);
    for (unsigned k = 0; k < PART_KINDS; k++) {
        if (!span_eq(word, span_str(kind_words[k])))
            continue;
        struct part_file *f = &p->files[k];
        const void *digest = sqlite3_column_blob(s, 12);
        if (path.len >= sizeof(f->path) || !digest ||
            sqlite3_column_bytes(s, 12) != sizeof(f->digest))
            break;
        memcpy(f->path, path.ptr, path.len);
        f->rows = (uint64_t)sqlite3_column_int64(s, 10);
        f->bytes = (uint64_t)sqlite3_column_int64(s, 11);
        memcpy(f->digest, digest, sizeof(f->digest));
        return 0;
    }
    return err_set(err, ERR_CORRUPT, "control.db: the record of part %u does not read", p->id);
}

int control_parts(struct control *c, struct part_record **ret, size_t *ret_count, struct err *err) {
    DB_LOCKED(c);
    size_t most = 0, count = 0;
    int rc = count_parts(c, &most, err);
    if (rc < 0)
        return rc;
    struct part_record *parts = calloc(most + 1, sizeof(*parts));
    CLEANUP(free_charp) char *owned = (char *)parts;
    DB_STMT s = NULL;
    if (!parts)
        return err_set(err, ERR_NOMEM, "out of memory");
    rc = db_prepare(c,
                    "SELECT p.id, p.site, p.from_day, p.to_day, p.until_segment, p.until_offset,"
                    " p.visits, p.persons, f.kind, f.path, f.rows, f.bytes, f.digest"
                    " FROM part p LEFT JOIN part_file f ON f.part = p.id WHERE p.sealed = 1"
                    " ORDER BY p.site, p.from_day, p.id",
                    &s, err);
    if (rc < 0)
        return rc;
    while ((rc = db_step(c, s, err)) > 0) {
        uint32_t id = (uint32_t)sqlite3_column_int64(s, 0);
        if (count == 0 || parts[count - 1].id != id)
            read_part(s, &parts[count++]);
        if ((rc = read_file(s, &parts[count - 1], err)) < 0)
            return rc;
    }
    if (rc < 0)
        return rc;
    *ret = (struct part_record *)(void *)TAKE_PTR(owned);
    *ret_count = count;
    return 0;
}

/* --- purges -------------------------------------------------------------------------------------
 */

int control_purge_log(struct control *c, const struct purge *p, struct err *err) {
    DB_LOCKED(c);
    DB_STMT s = NULL;
    int rc =
        db_prepare(c,
                   "INSERT INTO purge (at_ms, cause, site, from_day, to_day, files, bytes, rows)"
                   " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                   &s, err);
    if (rc < 0)
        return rc;
    db_bind_int(s, 1, clock_wall_ms(c->clock));
    db_bind_text(s, 2, span_str(cause_words[p->cause]));
    db_bind_int(s, 3, p->site);
    db_bind_int(s, 4, p->from_day);
    db_bind_int(s, 5, p->to_day);
    db_bind_int(s, 6, (int64_t)p->files);
    db_bind_int(s, 7, (int64_t)p->bytes);
    db_bind_int(s, 8, (int64_t)p->rows);
    return db_step(c, s, err);
}

int control_purge_list(struct control *c, json_t **ret, struct err *err) {
    DB_LOCKED(c);
    DB_STMT s = NULL;
    int rc = db_prepare(c,
                        "SELECT p.at_ms, p.cause, p.site, p.from_day, p.to_day, p.files, p.bytes,"
                        " p.rows, s.domain FROM purge p LEFT JOIN site s ON s.id = p.site"
                        " ORDER BY p.id DESC",
                        &s, err);
    if (rc < 0)
        return rc;
    JSON_AUTO list = json_array();
    while ((rc = db_step(c, s, err)) > 0) {
        json_t *row = json_pack(
            "{s:I, s:s, s:I, s:i, s:i, s:I, s:I, s:I, s:s?}", "at_ms",
            (json_int_t)sqlite3_column_int64(s, 0), "cause", db_text(s, 1).ptr, "site",
            (json_int_t)sqlite3_column_int64(s, 2), "from_day", sqlite3_column_int(s, 3), "to_day",
            sqlite3_column_int(s, 4), "files", (json_int_t)sqlite3_column_int64(s, 5), "bytes",
            (json_int_t)sqlite3_column_int64(s, 6), "rows", (json_int_t)sqlite3_column_int64(s, 7),
            "domain", db_text(s, 8).ptr);
        if (json_array_append_new(list, row) < 0)
            return err_set(err, ERR_NOMEM, "out of memory");
    }
    if (rc == 0)
        *ret = TAKE_PTR(list);
    return rc;
}
