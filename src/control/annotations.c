#include "annotations.h"

#include "civil.h"
#include "db.h"

enum { MOST_ANNOTATIONS = 10000, MOST_TEXT = 300 };

static int check_text(struct span text, struct err *err) {
    bool fine = text.len > 0 && text.len <= MOST_TEXT && span_is_utf8(text);
    for (size_t i = 0; fine && i < text.len; i++)
        fine = (unsigned char)text.ptr[i] >= ' ' && text.ptr[i] != 0x7f;
    return fine ? 0
                : err_set(err, ERR_INVALID, "text: must be text of 1 to %d bytes in one line",
                          MOST_TEXT);
}

/* Nothing is inserted when the site has as many as it may have. */
static int insert(struct control *c, uint32_t site, int32_t from_day, int32_t to_day,
                  struct span text, struct err *err) {
    DB_STMT s = NULL;
    int rc = db_prepare(c,
                        "INSERT INTO annotation (site, made_ms, from_day, to_day, text)"
                        " SELECT ?1, ?2, ?3, ?4, ?5"
                        " WHERE (SELECT count(*) FROM annotation WHERE site = ?1) < ?6",
                        &s, err);
    if (rc < 0)
        return rc;
    db_bind_int(s, 1, site);
    db_bind_int(s, 2, clock_wall_ms(c->clock));
    db_bind_int(s, 3, from_day);
    db_bind_int(s, 4, to_day);
    db_bind_text(s, 5, text);
    db_bind_int(s, 6, MOST_ANNOTATIONS);
    if ((rc = db_step(c, s, err)) < 0)
        return rc;
    return sqlite3_changes(c->db)
               ? 0
               : err_set(err, ERR_INVALID, "a site can have at most %d annotations",
                         MOST_ANNOTATIONS);
}

int control_annotation_add(struct control *c, struct span domain, int32_t from_day, int32_t to_day,
                           struct span text, uint64_t *ret_id, struct err *err) {
    text = span_trim(text);
    int rc = check_text(text, err);
    if (rc < 0)
        return rc;
    if (to_day < from_day)
        return err_set(err, ERR_INVALID, "to: is before the date");
    DB_LOCKED(c);
    uint32_t site;
    if ((rc = sites_id(c, domain, &site, err)) < 0 ||
        (rc = insert(c, site, from_day, to_day, text, err)) < 0)
        return rc;
    *ret_id = (uint64_t)sqlite3_last_insert_rowid(c->db);
    return 0;
}

static json_t *row_json(sqlite3_stmt *s) {
    char from[CIVIL_TEXT], to[CIVIL_TEXT];
    civil_format(sqlite3_column_int(s, 1), from);
    civil_format(sqlite3_column_int(s, 2), to);
    return json_pack("{s:I, s:s, s:s, s:s}", "id", (json_int_t)sqlite3_column_int64(s, 0), "date",
                     from, "to", to, "text", db_text(s, 3).ptr);
}

int control_annotation_list(struct control *c, struct span domain, int32_t from_day, int32_t to_day,
                            json_t **ret, struct err *err) {
    DB_LOCKED(c);
    uint32_t site;
    DB_STMT s = NULL;
    int rc = sites_id(c, domain, &site, err);
    if (rc < 0 || (rc = db_prepare(c,
                                   "SELECT id, from_day, to_day, text FROM annotation"
                                   " WHERE site = ?1 AND from_day <= ?3 AND to_day >= ?2"
                                   " ORDER BY from_day, id",
                                   &s, err)) < 0)
        return rc;
    db_bind_int(s, 1, site);
    db_bind_int(s, 2, from_day);
    db_bind_int(s, 3, to_day);
    JSON_AUTO list = json_array();
    while ((rc = db_step(c, s, err)) > 0)
        if (json_array_append_new(list, row_json(s)) < 0)
            return err_set(err, ERR_NOMEM, "out of memory");
    if (rc == 0)
        *ret = TAKE_PTR(list);
    return rc;
}

int control_annotation_remove(struct control *c, uint64_t id, struct err *err) {
    DB_LOCKED(c);
    DB_STMT s = NULL;
    int rc = db_prepare(c, "DELETE FROM annotation WHERE id = ?1", &s, err);
    if (rc < 0)
        return rc;
    db_bind_int(s, 1, (int64_t)id);
    if ((rc = db_step(c, s, err)) < 0)
        return rc;
    return sqlite3_changes(c->db) ? 0 : err_set(err, ERR_NOT_FOUND, "no such annotation");
}
