#include "crypt.h"
#include "db.h"
#include "views.h"

enum { MOST_LABEL_BYTES = 200 };

/* view 0 and domain empty: of every site. */
static int add(struct control *c, uint32_t view, struct span domain, struct span label,
               char *ret_token, struct err *err) {
    if (label.len > MOST_LABEL_BYTES || !span_is_utf8(label))
        return err_set(err, ERR_INVALID, "label: must be text of at most %d bytes",
                       MOST_LABEL_BYTES);
    uint32_t site = 0;
    int rc = domain.len ? sites_id(c, domain, &site, err) : 0;
    DB_STMT s = NULL;
    if (rc < 0 || (rc = db_prepare(c,
                                   "INSERT INTO token (created_ms, digest, site, label, view)"
                                   " VALUES (?1, ?2, nullif(?3, 0), ?4, nullif(?5, 0))",
                                   &s, err)) < 0)
        return rc;
    char token[CRYPT_TOKEN_CHARS];
    uint8_t digest[CRYPT_DIGEST_BYTES];
    crypt_new_token(token);
    crypt_digest(span_str(token), digest);
    db_bind_int(s, 1, clock_wall_ms(c->clock));
    db_bind_blob(s, 2, digest, sizeof(digest));
    db_bind_int(s, 3, site);
    db_bind_text(s, 4, label);
    db_bind_int(s, 5, view);
    if ((rc = db_step(c, s, err)) == 0)
        memcpy(ret_token, token, sizeof(token));
    crypt_wipe(token, sizeof(token));
    return rc;
}

int control_token_add(struct control *c, struct span domain, struct span label, char *ret_token,
                      struct err *err) {
    DB_LOCKED(c);
    return add(c, 0, domain, label, ret_token, err);
}

int control_token_add_view(struct control *c, struct span view, struct span domain,
                           struct span label, char *ret_token, struct err *err) {
    DB_LOCKED(c);
    uint32_t id;
    int rc = views_id(c, view, &id, err);
    return rc < 0 ? rc : add(c, id, domain, label, ret_token, err);
}

int control_token_list(struct control *c, json_t **ret, struct err *err) {
    DB_LOCKED(c);
    DB_STMT s = NULL;
    int rc = db_prepare(c,
                        "SELECT token.id, token.created_ms, site.domain, token.label, view.name"
                        " FROM token LEFT JOIN site ON site.id = token.site"
                        " LEFT JOIN view ON view.id = token.view ORDER BY token.id",
                        &s, err);
    if (rc < 0)
        return rc;
    JSON_AUTO list = json_array();
    while ((rc = db_step(c, s, err)) > 0) {
        bool no_site = sqlite3_column_type(s, 2) == SQLITE_NULL;
        bool no_view = sqlite3_column_type(s, 4) == SQLITE_NULL;
        json_t *row =
            json_pack("{s:I, s:I, s:s?, s:s?, s:s}", "id", (json_int_t)sqlite3_column_int64(s, 0),
                      "created_ms", (json_int_t)sqlite3_column_int64(s, 1), "site",
                      no_site ? NULL : db_text(s, 2).ptr, "view",
                      no_view ? NULL : db_text(s, 4).ptr, "label", db_text(s, 3).ptr);
        if (json_array_append_new(list, row) < 0)
            return err_set(err, ERR_NOMEM, "out of memory");
    }
    if (rc == 0)
        *ret = TAKE_PTR(list);
    return rc;
}

int control_token_remove(struct control *c, uint64_t id, struct err *err) {
    DB_LOCKED(c);
    DB_STMT s = NULL;
    int rc = db_prepare(c, "DELETE FROM token WHERE id = ?1", &s, err);
    if (rc < 0)
        return rc;
    db_bind_int(s, 1, (int64_t)id);
    if ((rc = db_step(c, s, err)) < 0)
        return rc;
    return sqlite3_changes(c->db) ? 0 : err_set(err, ERR_NOT_FOUND, "no such token");
}

/* What a token opens. */
struct grant {
    bool every;          /* all sites and views */
    uint32_t site, view; /* else these; 0: none */
};

/* The lookup is by digest, so its timing tells nothing about a token. */
static int token_grant(struct control *c, struct span token, struct grant *ret, struct err *err) {
    uint8_t digest[CRYPT_DIGEST_BYTES];
    crypt_digest(token, digest);
    DB_STMT s = NULL;
    int rc = db_prepare(
        c, "SELECT coalesce(site, 0), coalesce(view, 0) FROM token WHERE digest = ?1", &s, err);
    if (rc < 0)
        return rc;
    db_bind_blob(s, 1, digest, sizeof(digest));
    if ((rc = db_step(c, s, err)) < 0)
        return rc;
    if (rc == 0)
        return err_set(err, ERR_DENIED, "unknown token");
    struct grant g = {.site = (uint32_t)sqlite3_column_int64(s, 0),
                      .view = (uint32_t)sqlite3_column_int64(s, 1)};
    g.every = g.site == 0 && g.view == 0;
    *ret = g;
    return 0;
}

int control_token_check(struct control *c, struct span token, uint32_t site, struct err *err) {
    DB_LOCKED(c);
    struct grant g;
    int rc = token_grant(c, token, &g, err);
    if (rc < 0)
        return rc;
    return g.every || (g.site && g.site == site)
               ? 0
               : err_set(err, ERR_DENIED, "the token does not read this site");
}

int control_token_check_view(struct control *c, struct span token, uint32_t view, struct err *err) {
    DB_LOCKED(c);
    struct grant g;
    int rc = token_grant(c, token, &g, err);
    if (rc < 0)
        return rc;
    return g.every || (g.view && g.view == view)
               ? 0
               : err_set(err, ERR_DENIED, "the token does not read this view");
}

static int no_rows(json_t **ret, struct err *err) {
    json_t *none = json_array();
    if (!none)
        return err_set(err, ERR_NOMEM, "out of memory");
    *ret = none;
    return 0;
}

int control_token_sites(struct control *c, struct span token, json_t **ret, struct err *err) {
    DB_LOCKED(c);
    struct grant g;
    int rc = token_grant(c, token, &g, err);
    if (rc < 0)
        return rc;
    return g.every || g.site ? sites_list(c, g.site, ret, err) : no_rows(ret, err);
}

int control_token_views(struct control *c, struct span token, json_t **ret, struct err *err) {
    DB_LOCKED(c);
    struct grant g;
    int rc = token_grant(c, token, &g, err);
    if (rc < 0)
        return rc;
    return g.every || g.view ? views_list(c, g.view, ret, err) : no_rows(ret, err);
}
