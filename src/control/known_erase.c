/* known_erase.c — what leaves the diary other than by a withdrawal: for its age, or by the owner. */
#include "known_private.h"
#include "zone.h"

static int run_with(struct known *k, struct known_change *c, const char *sql, int64_t a, int64_t b,
                    uint64_t *count, struct err *err) {
    KNOWN_STMT s = NULL;
    if (sqlite3_prepare_v2(k->db, sql, -1, &s, NULL) != SQLITE_OK)
        return known_fail(k->db, err);
    (void)sqlite3_bind_int64(s, 1, a);
    (void)sqlite3_bind_int64(s, 2, b);
    if (sqlite3_step(s) != SQLITE_DONE)
        return known_fail(k->db, err);
    int changed = sqlite3_changes(k->db);
    c->deleted |= changed > 0;
    *count += (uint64_t)changed;
    return 0;
}

/* What a reader is in the way of is left to known_settle(). */
static int commit_many(struct known *k, struct known_change *c, struct err *err) {
    int rc = known_commit(k, c, err);
    if (rc < 0 || !c->deleted)
        return rc;
    known_gone_all(&k->gone);
    (void)known_settle_held(k);
    return 0;
}

static int erase_all(struct known *k, struct known_change *c, uint32_t site, uint64_t *count,
                     struct err *err) {
    int rc = run_with(k, c, "DELETE FROM visitor WHERE site = ?1 AND ?2 = 0", site, 0, count, err);
    uint64_t ignored = 0;
    return rc < 0 ? rc
                  : run_with(k, c, "DELETE FROM site WHERE id = ?1 AND ?2 = 0", site, 0, &ignored,
                             err);
}

static int cut_visitor(struct known *k, struct known_change *c, uint32_t site, sqlite3_stmt *row,
                       int32_t before, struct err *err) {
    struct record_known v = {.site = site, .known = (uint64_t)sqlite3_column_int64(row, 2)};
    struct known_days d;
    if (!known_read_days(row, 0, &d))
        return err_set(err, ERR_CORRUPT, "visitors.db: the days of a visitor do not read");
    known_days_cut(&d, before);
    if (d.len == 0)
        return known_forget(k, c, &v, err);
    c->deleted = true;
    v.day = before;
    return known_put(k, &v, &d, err);
}

/* One by one, in the order of their hashes: rows may change behind the one that is looked at. */
static int cut_all(struct known *k, struct known_change *c, uint32_t site, int32_t before,
                   struct err *err) {
    static const char next[] = "SELECT first_day, days, known FROM visitor"
                               " WHERE site = ?1 AND known > ?2 AND first_day < ?3"
                               " ORDER BY known LIMIT 1";
    KNOWN_STMT s = NULL;
    if (sqlite3_prepare_v2(k->db, next, -1, &s, NULL) != SQLITE_OK)
        return known_fail(k->db, err);
    int64_t known = INT64_MIN;
    for (int rc;;) {
        (void)sqlite3_bind_int64(s, 1, site);
        (void)sqlite3_bind_int64(s, 2, known);
        (void)sqlite3_bind_int64(s, 3, before);
        int stepped = sqlite3_step(s);
        if (stepped != SQLITE_ROW)
            return stepped == SQLITE_DONE ? 0 : known_fail(k->db, err);
        known = sqlite3_column_int64(s, 2);
        if ((rc = cut_visitor(k, c, site, s, before, err)) < 0)
            return rc;
        (void)sqlite3_reset(s);
    }
}

static int erase_before(struct known *k, struct known_change *c, uint32_t site, int32_t before,
                        struct err *err) {
    uint64_t ignored = 0;
    int rc = cut_all(k, c, site, before, err);
    return rc < 0
               ? rc
               : run_with(k, c, "UPDATE site SET since_day = ?2 WHERE id = ?1 AND since_day < ?2",
                          site, before, &ignored, err);
}

int known_erase(struct known *k, uint32_t site, int32_t before, struct err *err) {
    KNOWN_LOCKED(k);
    uint64_t ignored = 0;
    KNOWN_CHANGE c = {0};
    int rc = k->db ? known_begin(k, &c, err) : 0;
    if (!k->db || rc < 0)
        return rc;
    rc = before == INT32_MAX ? erase_all(k, &c, site, &ignored, err)
                             : erase_before(k, &c, site, before, err);
    return rc < 0 ? rc : commit_many(k, &c, err);
}

static int age_site(struct known *k, struct known_change *c, const struct policy_set *policies,
                    uint32_t site, uint64_t *count, struct err *err) {
    const struct policy *p = policy_by_id(policies, site);
    if (!p)
        return erase_all(k, c, site, count, err);
    int32_t today = zone_to_local(p->zone, clock_wall_ms(k->clock)).day;
    return run_with(k, c, "DELETE FROM visitor WHERE site = ?1 AND first_day < ?2", site,
                    today - KNOWN_MOST_DAYS, count, err);
}

int known_age(struct known *k, const struct policy_set *policies, uint64_t *ret, struct err *err) {
    KNOWN_LOCKED(k);
    uint64_t count = 0;
    KNOWN_CHANGE c = {0};
    int rc = k->db ? known_begin(k, &c, err) : 0;
    KNOWN_STMT s = NULL;
    if (!k->db || rc < 0)
        return rc;
    if (sqlite3_prepare_v2(k->db, "SELECT id FROM site ORDER BY id", -1, &s, NULL) != SQLITE_OK)
        return known_fail(k->db, err);
    int stepped;
    while (rc == 0 && (stepped = sqlite3_step(s)) != SQLITE_DONE)
        rc = stepped == SQLITE_ROW
                 ? age_site(k, &c, policies, (uint32_t)sqlite3_column_int64(s, 0), &count, err)
                 : known_fail(k->db, err);
    (void)sqlite3_reset(s);
    if (rc < 0 || (rc = commit_many(k, &c, err)) < 0)
        return rc;
    *ret = count;
    return 0;
}
