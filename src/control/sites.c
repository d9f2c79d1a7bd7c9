#include "db.h"

#define SITE_COLUMNS                                                                         \
    "id, created_ms, domain, profile, timezone, honour_signals, path_patterns, query_keep, " \
    "raw_months, roll_months"

static int row_json(sqlite3_stmt *s, json_t **ret, struct err *err) {
    JSON_AUTO patterns = NULL;
    JSON_AUTO keep = NULL;
    if (json_parse(db_text(s, 6), &patterns, NULL) < 0 ||
        json_parse(db_text(s, 7), &keep, NULL) < 0)
        return err_set(err, ERR_CORRUPT, "control.db: settings of a site do not parse");
    json_t *site =
        json_pack("{s:I, s:I, s:s, s:s, s:s, s:b, s:O, s:O, s:i, s:i}", "id",
                  (json_int_t)sqlite3_column_int64(s, 0), "created_ms",
                  (json_int_t)sqlite3_column_int64(s, 1), "domain", db_text(s, 2).ptr, "profile",
                  db_text(s, 3).ptr, "timezone", db_text(s, 4).ptr, "honour_signals",
                  sqlite3_column_int(s, 5), "path_patterns", patterns, "query_keep", keep,
                  "raw_months", sqlite3_column_int(s, 8), "roll_months", sqlite3_column_int(s, 9));
    if (!site)
        return err_set(err, ERR_NOMEM, "out of memory");
    *ret = site;
    return 0;
}

int sites_list(struct control *c, uint32_t site, json_t **ret, struct err *err) {
    DB_STMT s = NULL;
    int rc =
        db_prepare(c, "SELECT " SITE_COLUMNS " FROM site WHERE ?1 IN (0, id) ORDER BY id", &s, err);
    if (rc < 0)
        return rc;
    db_bind_int(s, 1, site);
    JSON_AUTO list = json_array();
    while ((rc = db_step(c, s, err)) > 0) {
        json_t *row = NULL;
        if ((rc = row_json(s, &row, err)) < 0)
            return rc;
        if (json_array_append_new(list, row) < 0)
            return err_set(err, ERR_NOMEM, "out of memory");
    }
    if (rc == 0)
        *ret = TAKE_PTR(list);
    return rc;
}

int sites_id(struct control *c, struct span domain, uint32_t *ret, struct err *err) {
    BUF_AUTO clean = {0};
    int rc = control_domain(domain, &clean, err);
    DB_STMT s = NULL;
    if (rc < 0 || (rc = db_prepare(c, "SELECT id FROM site WHERE domain = ?1", &s, err)) < 0)
        return rc;
    db_bind_text(s, 1, buf_span(&clean));
    rc = db_step(c, s, err);
    if (rc < 0)
        return rc;
    if (rc == 0)
        return err_set(err, ERR_NOT_FOUND, "no such site");
    *ret = (uint32_t)sqlite3_column_int64(s, 0);
    return 0;
}

static int texts(struct arena *a, const json_t *array, const struct span **ret, size_t *ret_count) {
    size_t n = json_array_size(array);
    struct span *list = ARENA_NEW(a, struct span, n + 1);
    if (!list)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        list[i] = arena_copy(a, json_span(json_array_get(array, i)));
        if (!list[i].ptr)
            return ERR_NOMEM;
    }
    *ret = list;
    *ret_count = n;
    return 0;
}

static int add_policy(struct policy_set *set, const json_t *site, struct err *err) {
    struct arena *a = policy_set_arena(set);
    struct policy p = {
        .site = (uint32_t)json_integer_value(json_member(site, "id")),
        .domain = arena_copy(a, json_span(json_member(site, "domain"))),
        .honour_signals = json_is_true(json_member(site, "honour_signals")),
        .raw_months = (unsigned)json_integer_value(json_member(site, "raw_months")),
        .roll_months = (unsigned)json_integer_value(json_member(site, "roll_months")),
    };
    if (!profile_parse(json_span(json_member(site, "profile")), &p.profile))
        return err_set(err, ERR_CORRUPT, "control.db: unknown profile");
    if (!p.domain.ptr ||
        texts(a, json_member(site, "path_patterns"), &p.path_patterns, &p.path_pattern_count) < 0 ||
        texts(a, json_member(site, "query_keep"), &p.query_keep, &p.query_keep_count) < 0)
        return err_set(err, ERR_NOMEM, "out of memory");
    return policy_set_add(set, &p, json_span(json_member(site, "timezone")), err);
}

int sites_policies(struct control *c, struct policy_set **ret, struct err *err) {
    JSON_AUTO list = NULL;
    int rc = sites_list(c, 0, &list, err);
    if (rc < 0)
        return rc;
    CLEANUP(policy_set_unrefp) struct policy_set *set = policy_set_new();
    if (!set)
        return err_set(err, ERR_NOMEM, "out of memory");
    size_t i;
    json_t *site;
    json_array_foreach (list, i, site)
        if ((rc = add_policy(set, site, err)) < 0)
            return rc;
    *ret = TAKE_PTR(set);
    return 0;
}

/* The set is made inside the transaction: a change that cannot be published is not committed
 * either. */
static int commit_and_publish(struct control *c, struct db_change *change, struct err *err) {
    CLEANUP(policy_set_unrefp) struct policy_set *set = NULL;
    int rc = sites_policies(c, &set, err);
    if (rc < 0 || (rc = db_commit(change, err)) < 0)
        return rc;
    policy_board_publish(c->board, TAKE_PTR(set));
    return 0;
}

/* id 0: a new row. */
static int write_row(struct control *c, uint32_t id, const json_t *site, struct err *err) {
    DB_STMT s = NULL;
    int rc = db_prepare(
        c,
        id == 0 ? "INSERT INTO site (domain, profile, timezone, honour_signals, path_patterns,"
                  " query_keep, raw_months, roll_months, created_ms)"
                  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
                : "UPDATE site SET domain = ?1, profile = ?2, timezone = ?3, honour_signals = ?4,"
                  " path_patterns = ?5, query_keep = ?6, raw_months = ?7, roll_months = ?8"
                  " WHERE id = ?9",
        &s, err);
    if (rc < 0)
        return rc;
    BUF_AUTO patterns = {0};
    BUF_AUTO keep = {0};
    if ((rc = json_write(json_member(site, "path_patterns"), &patterns, err)) < 0 ||
        (rc = json_write(json_member(site, "query_keep"), &keep, err)) < 0)
        return rc;
    db_bind_text(s, 1, json_span(json_member(site, "domain")));
    db_bind_text(s, 2, json_span(json_member(site, "profile")));
    db_bind_text(s, 3, json_span(json_member(site, "timezone")));
    db_bind_int(s, 4, json_is_true(json_member(site, "honour_signals")));
    db_bind_text(s, 5, buf_span(&patterns));
    db_bind_text(s, 6, buf_span(&keep));
    db_bind_int(s, 7, json_integer_value(json_member(site, "raw_months")));
    db_bind_int(s, 8, json_integer_value(json_member(site, "roll_months")));
    db_bind_int(s, 9, id == 0 ? clock_wall_ms(c->clock) : (int64_t)id);
    rc = db_step(c, s, err);
    return rc == ERR_EXISTS ? err_set(err, ERR_EXISTS, "a site of that domain is there already")
                            : rc;
}

int control_site_add(struct control *c, const json_t *settings, uint32_t *ret_site,
                     struct err *err) {
    JSON_AUTO site = settings_defaults();
    if (!site)
        return err_set(err, ERR_NOMEM, "out of memory");
    int rc = settings_apply(settings, site, err);
    if (rc < 0)
        return rc;
    if (!json_member(site, "domain"))
        return err_set(err, ERR_INVALID, "domain: is required");
    DB_LOCKED(c);
    DB_CHANGE change = {0};
    if ((rc = db_begin(c, &change, err)) < 0 || (rc = write_row(c, 0, site, err)) < 0)
        return rc;
    uint32_t id = (uint32_t)sqlite3_last_insert_rowid(c->db);
    if ((rc = commit_and_publish(c, &change, err)) < 0)
        return rc;
    *ret_site = id;
    return 0;
}

int control_site_set(struct control *c, struct span domain, const json_t *settings,
                     struct err *err) {
    DB_LOCKED(c);
    DB_CHANGE change = {0};
    int rc = db_begin(c, &change, err);
    uint32_t id;
    JSON_AUTO list = NULL;
    if (rc < 0 || (rc = sites_id(c, domain, &id, err)) < 0 ||
        (rc = sites_list(c, id, &list, err)) < 0)
        return rc;
    json_t *site = json_array_get(list, 0);
    if ((rc = settings_apply(settings, site, err)) < 0 || (rc = write_row(c, id, site, err)) < 0)
        return rc;
    return commit_and_publish(c, &change, err);
}

int control_site_remove(struct control *c, struct span domain, struct err *err) {
    DB_LOCKED(c);
    DB_CHANGE change = {0};
    int rc = db_begin(c, &change, err);
    uint32_t id;
    DB_STMT s = NULL;
    if (rc < 0 || (rc = sites_id(c, domain, &id, err)) < 0 ||
        (rc = db_prepare(c, "DELETE FROM site WHERE id = ?1", &s, err)) < 0)
        return rc;
    db_bind_int(s, 1, id);
    if ((rc = db_step(c, s, err)) < 0)
        return rc;
    return commit_and_publish(c, &change, err);
}

int control_site_list(struct control *c, json_t **ret, struct err *err) {
    DB_LOCKED(c);
    return sites_list(c, 0, ret, err);
}
