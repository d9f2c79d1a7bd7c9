/* blocks.c — what a site is to have no visits from: pages, hosts, countries, addresses. */
#include <inttypes.h>
#include <stdlib.h>

#include "db.h"
#include "net.h"
#include "os.h"

enum { MOST_BLOCKS = 1000, MOST_VALUE = 500 };

#define KEY_FILE "address-blocks"
#define HASH_MARK "hash:"

static int invalid(struct err *err, const char *kind, const char *why) {
    return err_set(err, ERR_INVALID, "%s: %s", kind, why);
}

/* --- the key ------------------------------------------------------------------------------------
 * A single address is a person's, so it is kept as a hash. Its key is not in control.db nor in a
 * backup: whoever has only those cannot try all addresses. */

static int key_path(const struct control *c, char **ret, struct err *err) {
    *ret = path_join(c->keys_dir, KEY_FILE);
    return *ret ? 0 : err_set(err, ERR_NOMEM, "out of memory");
}

int blocks_read_key(struct control *c, struct err *err) {
    CLEANUP(free_charp) char *path = NULL;
    BUF_AUTO key = {0};
    int rc = key_path(c, &path, err);
    if (rc < 0)
        return rc;
    rc = os_read_file(&os_system, path, sizeof(c->block_key), &key, err);
    if (rc == ERR_NOT_FOUND)
        return 0;
    if (rc < 0)
        return rc;
    if (key.len != sizeof(c->block_key))
        return err_set(err, ERR_CORRUPT, "keys/" KEY_FILE " is damaged");
    memcpy(c->block_key, key.data, key.len);
    crypt_wipe(key.data, key.len);
    c->has_block_key = true;
    return 0;
}

/* Hashes of a lost key can match nothing any more. */
static int make_key(struct control *c, struct err *err) {
    if (c->has_block_key)
        return 0;
    CLEANUP(free_charp) char *path = NULL;
    int rc = key_path(c, &path, err);
    if (rc < 0 ||
        (rc = db_run(c, "DELETE FROM block WHERE value LIKE '" HASH_MARK "%'", err)) < 0 ||
        (rc = os_make_dir(&os_system, c->keys_dir, err)) < 0)
        return rc;
    crypt_random(c->block_key, sizeof(c->block_key));
    struct span key = span_of((const char *)c->block_key, sizeof(c->block_key));
    rc = os_replace_file(&os_system, path, key, 0600, err);
    c->has_block_key = rc == 0;
    return rc;
}

/* --- one value of each kind ---------------------------------------------------------------------
 */

static int page_value(struct control *c, uint32_t site, struct span given, struct buf *ret,
                      struct err *err) {
    if (!settings_path_fine(given))
        return invalid(err, "page", "must be a path such as /admin/** or /draft");
    buf_add(ret, given);
    return 0;
}

static int host_value(const char *kind, struct span given, struct buf *ret, struct err *err) {
    if (span_starts(given, SPAN_LIT("*."))) {
        buf_adds(ret, "*.");
        given = span_from(given, 2);
    }
    if (control_domain(given, ret, NULL) < 0 || memchr(ret->data, ':', ret->len))
        return invalid(err, kind, "must be a host such as example.com or *.example.com");
    return 0;
}

static int hostname_value(struct control *c, uint32_t site, struct span given, struct buf *ret,
                          struct err *err) {
    return host_value("hostname", given, ret, err);
}

static int only_hostname_value(struct control *c, uint32_t site, struct span given, struct buf *ret,
                               struct err *err) {
    return host_value("only_hostname", given, ret, err);
}

static int country_value(struct control *c, uint32_t site, struct span given, struct buf *ret,
                         struct err *err) {
    for (size_t i = 0; i < given.len; i++) {
        char letter = ascii_lower(given.ptr[i]);
        if (given.len != 2 || letter < 'a' || letter > 'z')
            return invalid(err, "country", "must be two letters such as FR (ISO 3166-1)");
        buf_addc(ret, (char)(letter - ('a' - 'A')));
    }
    return given.len ? 0 : invalid(err, "country", "must be two letters such as FR");
}

static int address_value(struct control *c, uint32_t site, struct span given, struct buf *ret,
                         struct err *err) {
    struct net_range range;
    if (!net_range_parse(given, &range))
        return invalid(err, "address", "must be an address or a range such as 192.0.2.0/24");
    if (!net_range_is_single(&range)) {
        char text[NET_RANGE_TEXT];
        net_range_write(&range, text);
        buf_adds(ret, text);
        return 0;
    }
    int rc = make_key(c, err);
    if (rc == 0)
        buf_addf(ret, HASH_MARK "%" PRIu64, policy_address_hash(c->block_key, site, &range.base));
    return rc;
}

static const struct kind {
    const char *name;
    int (*value)(struct control *c, uint32_t site, struct span given, struct buf *ret,
                 struct err *err);
} kinds[] = {
    {"page", page_value},
    {"hostname", hostname_value},
    {"only_hostname", only_hostname_value},
    {"country", country_value},
    {"address", address_value},
};

/* --- add, list, remove --------------------------------------------------------------------------
 */

static int add_one(struct control *c, uint32_t site, const struct kind *kind, const json_t *given,
                   json_t *ids, struct err *err) {
    struct span text = span_trim(json_span(given));
    if (!json_is_string(given) || text.len == 0 || text.len > MOST_VALUE)
        return invalid(err, kind->name, "must be an array of text");
    BUF_AUTO value = {0};
    int rc = kind->value(c, site, text, &value, err);
    DB_STMT s = NULL;
    /* One that is there already keeps its id. */
    if (rc < 0 || (rc = db_prepare(c,
                                   "INSERT INTO block (site, made_ms, kind, value)"
                                   " VALUES (?1, ?2, ?3, ?4) ON CONFLICT (site, kind, value)"
                                   " DO UPDATE SET made_ms = made_ms RETURNING id",
                                   &s, err)) < 0)
        return rc;
    db_bind_int(s, 1, site);
    db_bind_int(s, 2, clock_wall_ms(c->clock));
    db_bind_text(s, 3, span_str(kind->name));
    db_bind_text(s, 4, buf_span(&value));
    if ((rc = db_step(c, s, err)) < 0)
        return rc;
    json_t *id = json_integer(sqlite3_column_int64(s, 0));
    return json_array_append_new(ids, id) == 0 ? 0 : err_set(err, ERR_NOMEM, "out of memory");
}

static int count_blocks(struct control *c, uint32_t site, size_t *ret, struct err *err) {
    DB_STMT s = NULL;
    int rc = db_prepare(c, "SELECT count(*) FROM block WHERE site = ?1", &s, err);
    if (rc < 0)
        return rc;
    db_bind_int(s, 1, site);
    if ((rc = db_step(c, s, err)) < 0)
        return rc;
    *ret = (size_t)sqlite3_column_int64(s, 0);
    return 0;
}

static int check_count(struct control *c, uint32_t site, struct err *err) {
    size_t count = 0;
    int rc = count_blocks(c, site, &count, err);
    if (rc < 0)
        return rc;
    return count <= MOST_BLOCKS
               ? 0
               : err_set(err, ERR_INVALID, "a site can have at most %d blocks", MOST_BLOCKS);
}

int control_block_add(struct control *c, struct span domain, const json_t *blocks, json_t **ret,
                      struct err *err) {
    DB_LOCKED(c);
    DB_CHANGE change = {0};
    int rc = db_begin(c, &change, err);
    uint32_t site;
    JSON_AUTO ids = json_array();
    if (rc < 0 || (rc = sites_id(c, domain, &site, err)) < 0)
        return rc;
    size_t known = 0;
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        const json_t *list = json_member(blocks, kinds[k].name), *item;
        known += list != NULL;
        if (list && !json_is_array(list))
            return invalid(err, kinds[k].name, "must be an array of text");
        size_t i;
        json_array_foreach (list, i, item)
            if ((rc = add_one(c, site, &kinds[k], item, ids, err)) < 0)
                return rc;
    }
    if (known == 0 || known != json_object_size(blocks))
        return err_set(err, ERR_INVALID,
                       "a block must be a page, hostname, only_hostname, country or address");
    if ((rc = check_count(c, site, err)) < 0 || (rc = sites_publish(c, &change, err)) < 0)
        return rc;
    *ret = TAKE_PTR(ids);
    return 0;
}

int control_block_list(struct control *c, struct span domain, json_t **ret, struct err *err) {
    DB_LOCKED(c);
    uint32_t site;
    DB_STMT s = NULL;
    int rc = sites_id(c, domain, &site, err);
    if (rc < 0 || (rc = db_prepare(c,
                                   "SELECT id, made_ms, kind, value, value LIKE '" HASH_MARK
                                   "%' FROM block WHERE site = ?1 ORDER BY id",
                                   &s, err)) < 0)
        return rc;
    db_bind_int(s, 1, site);
    JSON_AUTO list = json_array();
    while ((rc = db_step(c, s, err)) > 0) {
        bool hashed = sqlite3_column_int(s, 4);
        json_t *row = json_pack("{s:I, s:I, s:s, s:s?, s:b, s:b}", "id",
                                (json_int_t)sqlite3_column_int64(s, 0), "created_ms",
                                (json_int_t)sqlite3_column_int64(s, 1), "kind", db_text(s, 2).ptr,
                                "value", hashed ? NULL : db_text(s, 3).ptr, "hashed", hashed,
                                "stale", hashed && !c->has_block_key);
        if (json_array_append_new(list, row) < 0)
            return err_set(err, ERR_NOMEM, "out of memory");
    }
    if (rc == 0)
        *ret = TAKE_PTR(list);
    return rc;
}

int control_block_remove(struct control *c, uint64_t id, struct err *err) {
    DB_LOCKED(c);
    DB_CHANGE change = {0};
    DB_STMT s = NULL;
    int rc = db_begin(c, &change, err);
    if (rc < 0 || (rc = db_prepare(c, "DELETE FROM block WHERE id = ?1", &s, err)) < 0)
        return rc;
    db_bind_int(s, 1, (int64_t)id);
    if ((rc = db_step(c, s, err)) < 0)
        return rc;
    if (sqlite3_changes(c->db) == 0)
        return err_set(err, ERR_NOT_FOUND, "no such block");
    return sites_publish(c, &change, err);
}

/* --- into the policy ----------------------------------------------------------------------------
 */

struct loading {
    struct control *control;
    uint32_t site;
    struct arena *arena;
    size_t most; /* blocks of the site */
};

/* The values of one kind; hashes only, or none of them. */
static int load_kind(const struct loading *l, const char *kind, bool hashes,
                     const struct span **ret, size_t *ret_count, struct err *err) {
    struct control *c = l->control;
    DB_STMT s = NULL;
    int rc = db_prepare(c,
                        "SELECT value FROM block WHERE site = ?1 AND kind = ?2"
                        " AND (value LIKE '" HASH_MARK "%') = ?3 ORDER BY id",
                        &s, err);
    if (rc < 0)
        return rc;
    db_bind_int(s, 1, l->site);
    db_bind_text(s, 2, span_str(kind));
    db_bind_int(s, 3, hashes);
    struct span *list = ARENA_NEW(l->arena, struct span, l->most);
    size_t n = 0;
    while (list && n < l->most && (rc = db_step(c, s, err)) > 0)
        if (!(list[n++] = arena_copy(l->arena, db_text(s, 0))).ptr)
            list = NULL;
    if (!list)
        return err_set(err, ERR_NOMEM, "out of memory");
    *ret = list;
    *ret_count = n;
    return rc < 0 ? rc : 0;
}

static int load_ranges(struct arena *a, const struct span *texts, size_t count,
                       struct policy_blocks *b, struct err *err) {
    struct net_range *ranges = ARENA_NEW(a, struct net_range, count + 1);
    if (!ranges)
        return err_set(err, ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < count; i++)
        if (!net_range_parse(texts[i], &ranges[i]))
            return err_set(err, ERR_CORRUPT, "control.db: a range of addresses does not parse");
    b->ranges = ranges;
    b->range_count = count;
    return 0;
}

static int load_hashes(struct control *c, struct arena *a, const struct span *texts, size_t count,
                       struct policy_blocks *b, struct err *err) {
    uint64_t *hashes = ARENA_NEW(a, uint64_t, count + 1);
    struct span key = span_of((const char *)c->block_key, sizeof(c->block_key));
    b->address_key = (const uint8_t *)arena_copy(a, key).ptr;
    if (!hashes || !b->address_key)
        return err_set(err, ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < count; i++)
        if (!span_u64(span_from(texts[i], strlen(HASH_MARK)), &hashes[i]))
            return err_set(err, ERR_CORRUPT, "control.db: a hashed address does not parse");
    b->address_hashes = hashes;
    b->address_hash_count = c->has_block_key ? count : 0;
    return 0;
}

int blocks_load(struct control *c, uint32_t site, struct arena *a, const struct policy_blocks **ret,
                struct err *err) {
    size_t count = 0;
    int rc = count_blocks(c, site, &count, err);
    if (rc < 0)
        return rc;
    const struct loading l = {c, site, a, count};
    *ret = NULL;
    if (l.most == 0)
        return 0;
    struct policy_blocks *b = ARENA_NEW(a, struct policy_blocks, 1);
    if (!b)
        return err_set(err, ERR_NOMEM, "out of memory");
    *b = (struct policy_blocks){0};
    const struct span *ranges, *hashes;
    size_t range_count, hash_count;
    if ((rc = load_kind(&l, "page", false, &b->pages, &b->page_count, err)) < 0 ||
        (rc = load_kind(&l, "hostname", false, &b->hostnames, &b->hostname_count, err)) < 0 ||
        (rc = load_kind(&l, "only_hostname", false, &b->only_hostnames, &b->only_hostname_count,
                        err)) < 0 ||
        (rc = load_kind(&l, "country", false, &b->countries, &b->country_count, err)) < 0 ||
        (rc = load_kind(&l, "address", false, &ranges, &range_count, err)) < 0 ||
        (rc = load_kind(&l, "address", true, &hashes, &hash_count, err)) < 0 ||
        (rc = load_ranges(a, ranges, range_count, b, err)) < 0 ||
        (rc = load_hashes(c, a, hashes, hash_count, b, err)) < 0)
        return rc;
    *ret = b;
    return 0;
}
