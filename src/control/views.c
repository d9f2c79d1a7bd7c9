#include "views.h"

#include "db.h"

enum { MOST_VIEWS = 1000 };

static int check_name(struct span name, struct err *err) {
    bool fine = name.len > 0 && name.len <= VIEW_MOST_NAME && span_is_utf8(name);
    for (size_t i = 0; fine && i < name.len; i++)
        fine = (unsigned char)name.ptr[i] >= ' ' && name.ptr[i] != 0x7f;
    return fine ? 0
                : err_set(err, ERR_INVALID, "name: must be text of 1 to %d bytes in one line",
                          VIEW_MOST_NAME);
}

static int name_taken(int rc, struct err *err) {
    return rc == ERR_EXISTS ? err_set(err, rc, "name: there is a view of that name already") : rc;
}

int views_id(struct control *c, struct span view, uint32_t *ret, struct err *err) {
    DB_STMT s = NULL;
    uint64_t id;
    int rc = db_prepare(c,
                        "SELECT id FROM view WHERE name = ?1 OR id = ?2"
                        " ORDER BY name <> ?1 LIMIT 1",
                        &s, err);
    if (rc < 0)
        return rc;
    view = span_trim(view);
    db_bind_text(s, 1, view);
    db_bind_int(s, 2, span_u64(view, &id) && id <= INT64_MAX ? (int64_t)id : 0);
    if ((rc = db_step(c, s, err)) < 0)
        return rc;
    if (rc == 0)
        return err_set(err, ERR_NOT_FOUND, "no such view");
    *ret = (uint32_t)sqlite3_column_int64(s, 0);
    return 0;
}

/* --- sites --------------------------------------------------------------------------------------
 */

static int change_site(struct control *c, const char *sql, uint32_t view, uint32_t site,
                       struct err *err) {
    DB_STMT s = NULL;
    int rc = db_prepare(c, sql, &s, err);
    if (rc < 0)
        return rc;
    db_bind_int(s, 1, view);
    db_bind_int(s, 2, site);
    return db_step(c, s, err);
}

/* Does `sql` with each of the domains under `key`. */
static int change_sites(struct control *c, const char *sql, uint32_t view, const json_t *domains,
                        const char *key, struct err *err) {
    size_t i;
    json_t *domain;
    if (domains && !json_is_array(domains))
        return err_set(err, ERR_INVALID, "%s: must be a list of domains", key);
    json_array_foreach (domains, i, domain) {
        uint32_t site;
        if (!json_is_string(domain))
            return err_set(err, ERR_INVALID, "%s: must be a list of domains", key);
        int rc = sites_id(c, json_span(domain), &site, err);
        if (rc < 0)
            return err_set(err, rc, "%s: %s", key,
                           rc == ERR_NOT_FOUND ? "no such site" : "cannot be a domain");
        if ((rc = change_site(c, sql, view, site, err)) < 0)
            return rc;
    }
    return 0;
}

static int add_sites(struct control *c, uint32_t view, const json_t *domains, const char *key,
                     struct err *err) {
    int rc = change_sites(c, "INSERT OR IGNORE INTO view_site (view, site) VALUES (?1, ?2)", view,
                          domains, key, err);
    DB_STMT s = NULL;
    if (rc < 0 ||
        (rc = db_prepare(c, "SELECT count(*) FROM view_site WHERE view = ?1", &s, err)) < 0)
        return rc;
    db_bind_int(s, 1, view);
    if ((rc = db_step(c, s, err)) < 0)
        return rc;
    return sqlite3_column_int64(s, 0) <= VIEW_MOST_SITES
               ? 0
               : err_set(err, ERR_INVALID, "%s: a view can have at most %d sites", key,
                         VIEW_MOST_SITES);
}

/* --- changes ------------------------------------------------------------------------------------
 */

static int insert(struct control *c, struct span name, struct err *err) {
    DB_STMT s = NULL;
    int rc = db_prepare(c,
                        "INSERT INTO view (created_ms, name)"
                        " SELECT ?1, ?2 WHERE (SELECT count(*) FROM view) < ?3",
                        &s, err);
    if (rc < 0)
        return rc;
    db_bind_int(s, 1, clock_wall_ms(c->clock));
    db_bind_text(s, 2, name);
    db_bind_int(s, 3, MOST_VIEWS);
    if ((rc = db_step(c, s, err)) < 0)
        return name_taken(rc, err);
    return sqlite3_changes(c->db)
               ? 0
               : err_set(err, ERR_INVALID, "there can be at most %d views", MOST_VIEWS);
}

int control_view_add(struct control *c, struct span name, const json_t *sites, uint64_t *ret_id,
                     struct err *err) {
    name = span_trim(name);
    int rc = check_name(name, err);
    if (rc < 0)
        return rc;
    DB_LOCKED(c);
    DB_CHANGE change = {0};
    if ((rc = db_begin(c, &change, err)) < 0 || (rc = insert(c, name, err)) < 0)
        return rc;
    uint64_t id = (uint64_t)sqlite3_last_insert_rowid(c->db);
    if ((rc = add_sites(c, (uint32_t)id, sites, "site", err)) < 0 ||
        (rc = db_commit(&change, err)) < 0)
        return rc;
    *ret_id = id;
    return 0;
}

static int rename_view(struct control *c, uint32_t view, const json_t *value, struct err *err) {
    struct span name = json_span(value);
    if (!value)
        return 0;
    name = name.ptr ? span_trim(name) : SPAN_EMPTY;
    int rc = check_name(name, err);
    DB_STMT s = NULL;
    if (rc < 0 || (rc = db_prepare(c, "UPDATE view SET name = ?2 WHERE id = ?1", &s, err)) < 0)
        return rc;
    db_bind_int(s, 1, view);
    db_bind_text(s, 2, name);
    return name_taken(db_step(c, s, err), err);
}

int control_view_set(struct control *c, struct span view, const json_t *changes, struct err *err) {
    DB_LOCKED(c);
    DB_CHANGE change = {0};
    uint32_t id;
    int rc = db_begin(c, &change, err);
    if (rc < 0 || (rc = views_id(c, view, &id, err)) < 0 ||
        (rc = rename_view(c, id, json_member(changes, "name"), err)) < 0 ||
        (rc = change_sites(c, "DELETE FROM view_site WHERE view = ?1 AND site = ?2", id,
                           json_member(changes, "remove"), "remove", err)) < 0 ||
        (rc = add_sites(c, id, json_member(changes, "add"), "add", err)) < 0)
        return rc;
    return db_commit(&change, err);
}

int control_view_remove(struct control *c, struct span view, struct err *err) {
    DB_LOCKED(c);
    uint32_t id;
    DB_STMT s = NULL;
    int rc = views_id(c, view, &id, err);
    if (rc < 0 || (rc = db_prepare(c, "DELETE FROM view WHERE id = ?1", &s, err)) < 0)
        return rc;
    db_bind_int(s, 1, id);
    return db_step(c, s, err);
}

/* --- reading ------------------------------------------------------------------------------------
 */

int views_list(struct control *c, uint32_t view, json_t **ret, struct err *err) {
    DB_STMT s = NULL;
    int rc = db_prepare(c,
                        "SELECT id, created_ms, name, (SELECT json_group_array(domain) FROM (SELECT"
                        " domain FROM view_site JOIN site ON site.id = view_site.site"
                        " WHERE view_site.view = view.id ORDER BY domain))"
                        " FROM view WHERE ?1 IN (0, id) ORDER BY name",
                        &s, err);
    if (rc < 0)
        return rc;
    db_bind_int(s, 1, view);
    JSON_AUTO list = json_array();
    while ((rc = db_step(c, s, err)) > 0) {
        json_t *sites = NULL;
        if ((rc = json_parse(db_text(s, 3), &sites, err)) < 0)
            return rc;
        json_t *row = json_pack(
            "{s:I, s:I, s:s, s:o}", "id", (json_int_t)sqlite3_column_int64(s, 0), "created_ms",
            (json_int_t)sqlite3_column_int64(s, 1), "name", db_text(s, 2).ptr, "sites", sites);
        if (json_array_append_new(list, row) < 0)
            return err_set(err, ERR_NOMEM, "out of memory");
    }
    if (rc == 0)
        *ret = TAKE_PTR(list);
    return rc;
}

int control_view_list(struct control *c, json_t **ret, struct err *err) {
    DB_LOCKED(c);
    return views_list(c, 0, ret, err);
}

/* One row a site, or one without when there is none. */
int control_view_find(struct control *c, struct span view, struct control_view *ret,
                      struct err *err) {
    DB_LOCKED(c);
    struct control_view v = {0};
    DB_STMT s = NULL;
    int rc = views_id(c, view, &v.id, err);
    if (rc < 0 || (rc = db_prepare(c,
                                   "SELECT name, site.id FROM view"
                                   " LEFT JOIN view_site ON view_site.view = view.id"
                                   " LEFT JOIN site ON site.id = view_site.site"
                                   " WHERE view.id = ?1 ORDER BY site.domain",
                                   &s, err)) < 0)
        return rc;
    db_bind_int(s, 1, v.id);
    while ((rc = db_step(c, s, err)) > 0) {
        struct span name = span_head(db_text(s, 0), VIEW_MOST_NAME);
        memcpy(v.name, name.ptr, name.len);
        if (sqlite3_column_type(s, 1) != SQLITE_NULL && v.site_count < VIEW_MOST_SITES)
            v.sites[v.site_count++] = (uint32_t)sqlite3_column_int64(s, 1);
    }
    if (rc == 0)
        *ret = v;
    return rc;
}
