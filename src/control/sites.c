#include "db.h"

/* Settings of one sort, each in a column of its name: true or false, months, and JSON arrays of
 * text. */
static const char *const flag_columns[] = {"honour_signals", "block_spam", "block_datacenters",
                                           "visitor_cookie"};
static const char *const month_columns[] = {"raw_months", "roll_months"};
static const char *const list_columns[] = {"path_patterns", "query_keep", "own_hosts",
                                           "source_aliases", "search_params"};

/* In the order of row_json() and write_row(). */
#define SETTING_COLUMNS                                                                          \
    "domain, profile, timezone, honour_signals, block_spam, block_datacenters, visitor_cookie, " \
    "raw_months, roll_months, path_patterns, query_keep, own_hosts, source_aliases, search_params"
#define SITE_COLUMNS "id, created_ms, " SETTING_COLUMNS

static int row_json(sqlite3_stmt *s, json_t **ret, struct err *err) {
    JSON_AUTO site =
        json_pack("{s:I, s:I, s:s, s:s, s:s}", "id", (json_int_t)sqlite3_column_int64(s, 0),
                  "created_ms", (json_int_t)sqlite3_column_int64(s, 1), "domain", db_text(s, 2).ptr,
                  "profile", db_text(s, 3).ptr, "timezone", db_text(s, 4).ptr);
    int at = 5, failed = 0;
    if (!site)
        return err_set(err, ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < ARRAY_LEN(flag_columns); i++)
        failed |=
            json_object_set_new(site, flag_columns[i], json_boolean(sqlite3_column_int(s, at++)));
    for (size_t i = 0; i < ARRAY_LEN(month_columns); i++)
        failed |=
            json_object_set_new(site, month_columns[i], json_integer(sqlite3_column_int(s, at++)));
    for (size_t i = 0; i < ARRAY_LEN(list_columns); i++) {
        json_t *list = NULL;
        if (json_parse(db_text(s, at++), &list, NULL) < 0)
            return err_set(err, ERR_CORRUPT, "control.db: settings of a site do not parse");
        failed |= json_object_set_new(site, list_columns[i], list);
    }
    if (failed)
        return err_set(err, ERR_NOMEM, "out of memory");
    *ret = TAKE_PTR(site);
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

static int aliases(struct arena *a, const json_t *array, struct policy *p) {
    const struct span *texts_of;
    size_t n;
    if (texts(a, array, &texts_of, &n) < 0)
        return ERR_NOMEM;
    struct policy_alias *list = ARENA_NEW(a, struct policy_alias, n + 1);
    if (!list)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        size_t equals = span_find(texts_of[i], '=', 0);
        list[i] = (struct policy_alias){.from = span_head(texts_of[i], equals),
                                        .name = span_from(texts_of[i], equals + 1)};
    }
    p->source_aliases = list;
    p->source_alias_count = n;
    return 0;
}

static int add_policy(struct control *c, struct policy_set *set, const json_t *site,
                      struct err *err) {
    struct arena *a = policy_set_arena(set);
    struct policy p = {
        .site = (uint32_t)json_integer_value(json_member(site, "id")),
        .domain = arena_copy(a, json_span(json_member(site, "domain"))),
        .honour_signals = json_is_true(json_member(site, "honour_signals")),
        .block_datacenters = json_is_true(json_member(site, "block_datacenters")),
        .block_spam = json_is_true(json_member(site, "block_spam")),
        .raw_months = (unsigned)json_integer_value(json_member(site, "raw_months")),
        .roll_months = (unsigned)json_integer_value(json_member(site, "roll_months")),
    };
    if (!profile_parse(json_span(json_member(site, "profile")), &p.profile))
        return err_set(err, ERR_CORRUPT, "control.db: unknown profile");
    p.visitor_cookie =
        p.profile == PROFILE_CONSENTED && json_is_true(json_member(site, "visitor_cookie"));
    if (!p.domain.ptr ||
        texts(a, json_member(site, "path_patterns"), &p.path_patterns, &p.path_pattern_count) < 0 ||
        texts(a, json_member(site, "query_keep"), &p.query_keep, &p.query_keep_count) < 0 ||
        texts(a, json_member(site, "search_params"), &p.search_params, &p.search_param_count) < 0 ||
        texts(a, json_member(site, "own_hosts"), &p.own_hosts, &p.own_host_count) < 0 ||
        aliases(a, json_member(site, "source_aliases"), &p) < 0)
        return err_set(err, ERR_NOMEM, "out of memory");
    int rc = blocks_load(c, p.site, a, &p.blocks, err);
    if (rc < 0 || (rc = goals_load(c, p.site, a, &p, err)) < 0)
        return rc;
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
        if ((rc = add_policy(c, set, site, err)) < 0)
            return rc;
    *ret = TAKE_PTR(set);
    return 0;
}

/* The set is made inside the transaction: a change that cannot be published is not committed
 * either. */
int sites_publish(struct control *c, struct db_change *change, struct err *err) {
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
    int rc = db_prepare(c,
                        id == 0 ? "INSERT INTO site (" SETTING_COLUMNS ", created_ms)"
                                  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,"
                                  " ?14, ?15)"
                                : "UPDATE site SET (" SETTING_COLUMNS ")"
                                  " = (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)"
                                  " WHERE id = ?15",
                        &s, err);
    if (rc < 0)
        return rc;
    int at = 1;
    db_bind_text(s, at++, json_span(json_member(site, "domain")));
    db_bind_text(s, at++, json_span(json_member(site, "profile")));
    db_bind_text(s, at++, json_span(json_member(site, "timezone")));
    for (size_t i = 0; i < ARRAY_LEN(flag_columns); i++)
        db_bind_int(s, at++, json_is_true(json_member(site, flag_columns[i])));
    for (size_t i = 0; i < ARRAY_LEN(month_columns); i++)
        db_bind_int(s, at++, json_integer_value(json_member(site, month_columns[i])));
    for (size_t i = 0; i < ARRAY_LEN(list_columns); i++) {
        BUF_AUTO list = {0};
        if ((rc = json_write(json_member(site, list_columns[i]), &list, err)) < 0)
            return rc;
        db_bind_text(s, at++, buf_span(&list));
    }
    db_bind_int(s, at, id == 0 ? clock_wall_ms(c->clock) : (int64_t)id);
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
    if ((rc = sites_publish(c, &change, err)) < 0)
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
    return sites_publish(c, &change, err);
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
    return sites_publish(c, &change, err);
}

int control_site_list(struct control *c, json_t **ret, struct err *err) {
    DB_LOCKED(c);
    return sites_list(c, 0, ret, err);
}
