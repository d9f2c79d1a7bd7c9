#include "segments.h"

#include "db.h"

enum { MOST_SEGMENTS = 200, MOST_NAME = 100, MOST_FILTERS = 64 * 1024 };

static int check_name(struct span name, struct err *err) {
    bool fine = name.len > 0 && name.len <= MOST_NAME && span_is_utf8(name);
    for (size_t i = 0; fine && i < name.len; i++)
        fine = (unsigned char)name.ptr[i] >= ' ' && name.ptr[i] != 0x7f;
    return fine ? 0
                : err_set(err, ERR_INVALID, "name: must be text of 1 to %d bytes in one line",
                          MOST_NAME);
}

static int filters_text(const json_t *filters, struct buf *ret, struct err *err) {
    if (!json_is_array(filters) || json_array_size(filters) == 0)
        return err_set(err, ERR_INVALID, "filters: must be a list of at least one");
    int rc = json_write(filters, ret, err);
    if (rc == 0 && ret->len > MOST_FILTERS)
        rc = err_set(err, ERR_INVALID, "filters: are longer than %d bytes", MOST_FILTERS);
    return rc;
}

static int check_count(struct control *c, uint32_t site, struct err *err) {
    DB_STMT s = NULL;
    int rc = db_prepare(c, "SELECT count(*) FROM segment WHERE site = ?1", &s, err);
    if (rc < 0)
        return rc;
    db_bind_int(s, 1, site);
    if ((rc = db_step(c, s, err)) < 0)
        return rc;
    return sqlite3_column_int64(s, 0) <= MOST_SEGMENTS
               ? 0
               : err_set(err, ERR_INVALID, "a site can have at most %d segments", MOST_SEGMENTS);
}

static int insert(struct control *c, uint32_t site, struct span name, struct span filters,
                  struct err *err) {
    DB_STMT s = NULL;
    int rc = db_prepare(c,
                        "INSERT INTO segment (site, made_ms, name, filters)"
                        " VALUES (?1, ?2, ?3, ?4)",
                        &s, err);
    if (rc < 0)
        return rc;
    db_bind_int(s, 1, site);
    db_bind_int(s, 2, clock_wall_ms(c->clock));
    db_bind_text(s, 3, name);
    db_bind_text(s, 4, filters);
    rc = db_step(c, s, err);
    return rc == ERR_EXISTS
               ? err_set(err, ERR_EXISTS, "name: the site has a segment of that name already")
               : rc;
}

int control_segment_add(struct control *c, struct span domain, struct span name,
                        const json_t *filters, uint64_t *ret_id, struct err *err) {
    BUF_AUTO text = {0};
    name = span_trim(name);
    int rc = check_name(name, err);
    if (rc < 0 || (rc = filters_text(filters, &text, err)) < 0)
        return rc;
    DB_LOCKED(c);
    DB_CHANGE change = {0};
    uint32_t site;
    if ((rc = db_begin(c, &change, err)) < 0 || (rc = sites_id(c, domain, &site, err)) < 0 ||
        (rc = insert(c, site, name, buf_span(&text), err)) < 0)
        return rc;
    uint64_t id = (uint64_t)sqlite3_last_insert_rowid(c->db);
    if ((rc = check_count(c, site, err)) < 0 || (rc = db_commit(&change, err)) < 0)
        return rc;
    *ret_id = id;
    return 0;
}

static int filters_of(sqlite3_stmt *s, int column, json_t **ret, struct err *err) {
    return json_parse(db_text(s, column), ret, NULL) < 0
               ? err_set(err, ERR_CORRUPT, "control.db: filters of a segment do not parse")
               : 0;
}

int control_segment_list(struct control *c, struct span domain, json_t **ret, struct err *err) {
    DB_LOCKED(c);
    uint32_t site;
    DB_STMT s = NULL;
    int rc = sites_id(c, domain, &site, err);
    if (rc < 0 || (rc = db_prepare(c,
                                   "SELECT id, made_ms, name, filters FROM segment"
                                   " WHERE site = ?1 ORDER BY name",
                                   &s, err)) < 0)
        return rc;
    db_bind_int(s, 1, site);
    JSON_AUTO list = json_array();
    while ((rc = db_step(c, s, err)) > 0) {
        json_t *filters = NULL;
        if ((rc = filters_of(s, 3, &filters, err)) < 0)
            return rc;
        json_t *row = json_pack(
            "{s:I, s:I, s:s, s:o}", "id", (json_int_t)sqlite3_column_int64(s, 0), "created_ms",
            (json_int_t)sqlite3_column_int64(s, 1), "name", db_text(s, 2).ptr, "filters", filters);
        if (json_array_append_new(list, row) < 0)
            return err_set(err, ERR_NOMEM, "out of memory");
    }
    if (rc == 0)
        *ret = TAKE_PTR(list);
    return rc;
}

int control_segment_remove(struct control *c, struct span domain, struct span name,
                           struct err *err) {
    DB_LOCKED(c);
    uint32_t site;
    DB_STMT s = NULL;
    int rc = sites_id(c, domain, &site, err);
    if (rc < 0 ||
        (rc = db_prepare(c, "DELETE FROM segment WHERE site = ?1 AND name = ?2", &s, err)) < 0)
        return rc;
    db_bind_int(s, 1, site);
    db_bind_text(s, 2, span_trim(name));
    if ((rc = db_step(c, s, err)) < 0)
        return rc;
    return sqlite3_changes(c->db) ? 0 : err_set(err, ERR_NOT_FOUND, "no such segment");
}

int control_segment_filters(struct control *c, uint32_t site, struct span name, json_t **ret,
                            struct err *err) {
    DB_LOCKED(c);
    DB_STMT s = NULL;
    uint64_t id;
    int rc = db_prepare(c,
                        "SELECT filters FROM segment WHERE site = ?1 AND (name = ?2 OR id = ?3)"
                        " ORDER BY name <> ?2 LIMIT 1",
                        &s, err);
    if (rc < 0)
        return rc;
    db_bind_int(s, 1, site);
    db_bind_text(s, 2, name);
    db_bind_int(s, 3, span_u64(name, &id) && id <= INT64_MAX ? (int64_t)id : 0);
    if ((rc = db_step(c, s, err)) < 0)
        return rc;
    return rc == 0 ? err_set(err, ERR_NOT_FOUND, "no such segment") : filters_of(s, 0, ret, err);
}
