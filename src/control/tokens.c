#include "crypt.h"
#include "db.h"

enum { MOST_LABEL_BYTES = 200 };

int control_token_add(struct control *c, struct span domain, struct span label, char *ret_token,
                      struct err *err) {
    if (label.len > MOST_LABEL_BYTES || !span_is_utf8(label))
        return err_set(err, ERR_INVALID, "label: must be text of at most %d bytes",
                       MOST_LABEL_BYTES);
    DB_LOCKED(c);
    uint32_t site = 0;
    int rc = domain.len ? sites_id(c, domain, &site, err) : 0;
    DB_STMT s = NULL;
    if (rc < 0 || (rc = db_prepare(c,
                                   "INSERT INTO token (created_ms, digest, site, label)"
                                   " VALUES (?1, ?2, nullif(?3, 0), ?4)",
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
    if ((rc = db_step(c, s, err)) == 0)
        memcpy(ret_token, token, sizeof(token));
    crypt_wipe(token, sizeof(token));
    return rc;
}

int control_token_list(struct control *c, json_t **ret, struct err *err) {
    DB_LOCKED(c);
    DB_STMT s = NULL;
    int rc = db_prepare(c,
                        "SELECT token.id, token.created_ms, site.domain, token.label FROM token"
                        " LEFT JOIN site ON site.id = token.site ORDER BY token.id",
                        &s, err);
    if (rc < 0)
        return rc;
    JSON_AUTO list = json_array();
    while ((rc = db_step(c, s, err)) > 0) {
        bool every = sqlite3_column_type(s, 2) == SQLITE_NULL;
        json_t *row =
            json_pack("{s:I, s:I, s:s?, s:s}", "id", (json_int_t)sqlite3_column_int64(s, 0),
                      "created_ms", (json_int_t)sqlite3_column_int64(s, 1), "site",
                      every ? NULL : db_text(s, 2).ptr, "label", db_text(s, 3).ptr);
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

/* The lookup is by digest, so its timing tells nothing about a token. *ret_site 0: every site. */
static int token_site(struct control *c, struct span token, uint32_t *ret_site, struct err *err) {
    uint8_t digest[CRYPT_DIGEST_BYTES];
    crypt_digest(token, digest);
    DB_STMT s = NULL;
    int rc = db_prepare(c, "SELECT coalesce(site, 0) FROM token WHERE digest = ?1", &s, err);
    if (rc < 0)
        return rc;
    db_bind_blob(s, 1, digest, sizeof(digest));
    if ((rc = db_step(c, s, err)) < 0)
        return rc;
    if (rc == 0)
        return err_set(err, ERR_DENIED, "unknown token");
    *ret_site = (uint32_t)sqlite3_column_int64(s, 0);
    return 0;
}

int control_token_check(struct control *c, struct span token, uint32_t site, struct err *err) {
    DB_LOCKED(c);
    uint32_t allowed;
    int rc = token_site(c, token, &allowed, err);
    if (rc < 0)
        return rc;
    return allowed == 0 || allowed == site
               ? 0
               : err_set(err, ERR_DENIED, "the token does not read this site");
}

int control_token_sites(struct control *c, struct span token, json_t **ret, struct err *err) {
    DB_LOCKED(c);
    uint32_t allowed;
    int rc = token_site(c, token, &allowed, err);
    return rc < 0 ? rc : sites_list(c, allowed, ret, err);
}
