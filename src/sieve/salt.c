#include "salt.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "buf.h"

enum { FIRST_SLOTS = 64, NAME_MAX_BYTES = 64 };

/* The last place on earth where a day ends is UTC-12. */
static const int64_t LATEST_ZONE_MS = 12 * 3600 * 1000LL, DAY_MS = 86400000;

/* Lock order: a cache's lock, then `create`, then `table_lock`. `lanes` comes before any cache's
 * lock. */
struct salts {
    const struct os *os;
    char *dir;
    pthread_mutex_t create; /* one salt is made at a time */
    pthread_rwlock_t table_lock;
    struct salt *table; /* open addressing, at most half full */
    size_t cap, count;
    pthread_mutex_t lanes;
    struct salt_cache *caches;
};

static bool id_eq(const struct salt_id *a, const struct salt_id *b) {
    return a->import == b->import && a->site == b->site && a->day == b->day;
}

static size_t id_hash(const struct salt_id *id) {
    return span_hash(span_of((const char *)id, sizeof(*id)));
}

/* The entry of `id`, or the free one where it belongs. */
static struct salt *table_slot(struct salt *table, size_t cap, const struct salt_id *id) {
    size_t at = id_hash(id) & (cap - 1);
    while (table[at].used && !id_eq(&table[at].id, id))
        at = (at + 1) & (cap - 1);
    return &table[at];
}

/* Moves what is in use to a table of `cap` entries and wipes the old one. */
static int table_rebuild(struct salts *s, size_t cap) {
    struct salt *table = calloc(cap, sizeof(*table));
    if (!table)
        return ERR_NOMEM;
    for (size_t i = 0; i < s->cap; i++)
        if (s->table[i].used)
            *table_slot(table, cap, &s->table[i].id) = s->table[i];
    if (s->table)
        crypt_wipe(s->table, s->cap * sizeof(*s->table));
    free(s->table);
    s->table = table;
    s->cap = cap;
    return 0;
}

/* Under the write lock. */
static int table_put(struct salts *s, const struct salt *salt) {
    if ((s->count + 1) * 2 > s->cap &&
        table_rebuild(s, s->cap ? s->cap * 2 : (size_t)FIRST_SLOTS) < 0)
        return ERR_NOMEM;
    struct salt *slot = table_slot(s->table, s->cap, &salt->id);
    s->count += !slot->used;
    *slot = *salt;
    return 0;
}

/* Under the write lock. What stands behind the gap in its chain moves up. */
static void table_remove(struct salts *s, struct salt *slot) {
    crypt_wipe(slot, sizeof(*slot));
    s->count--;
    size_t at = (size_t)(slot - s->table);
    for (at = (at + 1) & (s->cap - 1); s->table[at].used; at = (at + 1) & (s->cap - 1)) {
        struct salt moved = s->table[at];
        crypt_wipe(&s->table[at], sizeof(s->table[at]));
        *table_slot(s->table, s->cap, &moved.id) = moved;
        crypt_wipe(&moved, sizeof(moved));
    }
}

static bool table_get(struct salts *s, const struct salt_id *id, struct salt *ret) {
    bool found = false;
    (void)pthread_rwlock_rdlock(&s->table_lock);
    if (s->cap) {
        const struct salt *slot = table_slot(s->table, s->cap, id);
        found = slot->used && !slot->wiped;
        if (found)
            *ret = *slot;
    }
    (void)pthread_rwlock_unlock(&s->table_lock);
    return found;
}

/* --- files ------------------------------------------------------------------------------------ */

static char *folder_of_import(const struct salts *s, uint64_t import) {
    char name[NAME_MAX_BYTES];
    if (!import)
        return strdup(s->dir);
    (void)snprintf(name, sizeof(name), "import-%" PRIu64, import);
    return path_join(s->dir, name);
}

static char *file_of(const struct salts *s, const struct salt_id *id) {
    char name[NAME_MAX_BYTES];
    CLEANUP(free_charp) char *dir = folder_of_import(s, id->import);
    (void)snprintf(name, sizeof(name), "salt-%" PRIu32 "-%" PRId32, id->site, id->day);
    return dir ? path_join(dir, name) : NULL;
}

static bool name_parse(struct span name, struct salt_id *id) {
    static const char prefix[] = "salt-";
    if (!span_starts(name, SPAN_LIT(prefix)))
        return false;
    name = span_from(name, sizeof(prefix) - 1);
    size_t dash = span_find(name, '-', 0);
    uint64_t site;
    int64_t day;
    if (dash == name.len || !span_u64(span_head(name, dash), &site) || site > UINT32_MAX ||
        !span_i64(span_from(name, dash + 1), &day) || day < INT32_MIN || day > INT32_MAX)
        return false;
    id->site = (uint32_t)site;
    id->day = (int32_t)day;
    return true;
}

static int load_file(struct salts *s, const char *path, struct salt_id id, struct err *err) {
    BUF_AUTO content = {0};
    struct err why;
    int rc = os_read_file(s->os, path, CRYPT_KEY_BYTES, &content, &why);
    if (rc == ERR_INVALID || rc == ERR_CORRUPT || (rc == 0 && content.len != CRYPT_KEY_BYTES))
        return 0; /* no salt of ours; the first use makes a new one */
    if (rc < 0)
        return err_set(err, rc, "%s", why.text);
    struct salt salt = {.id = id, .used = true};
    memcpy(salt.key, content.data, CRYPT_KEY_BYTES);
    crypt_wipe(content.data, content.len);
    (void)pthread_rwlock_wrlock(&s->table_lock);
    rc = table_put(s, &salt);
    (void)pthread_rwlock_unlock(&s->table_lock);
    crypt_wipe(&salt, sizeof(salt));
    return rc < 0 ? err_set(err, rc, "out of memory") : 0;
}

typedef int (*file_fn)(struct salts *s, const char *path, struct salt_id id, struct err *err);

static int wipe_file(struct salts *s, const char *path, struct salt_id id, struct err *err) {
    return os_wipe_file(s->os, path, err);
}

/* Calls `each` on every salt file of a folder, and wipes what a crash left half-made. */
static int each_file(struct salts *s, uint64_t import, file_fn each, struct err *err) {
    CLEANUP(free_charp) char *dir = folder_of_import(s, import);
    if (!dir)
        return err_set(err, ERR_NOMEM, "out of memory");
    CLEANUP(closedirp) DIR *d = opendir(dir);
    if (!d)
        return errno == ENOENT ? 0 : err_sys(err, errno, "open keys folder");
    const struct dirent *e;
    while ((e = readdir(d))) {
        struct span name = span_str(e->d_name);
        struct salt_id id = {.import = import};
        bool half = span_starts(name, SPAN_LIT("salt-")) && span_ends(name, SPAN_LIT(".tmp"));
        if (!half && !name_parse(name, &id))
            continue;
        CLEANUP(free_charp) char *path = path_join(dir, e->d_name);
        if (!path)
            return err_set(err, ERR_NOMEM, "out of memory");
        int rc = half ? os_wipe_file(s->os, path, err) : each(s, path, id, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* --- open and close --------------------------------------------------------------------------- */

int salts_open(const struct os *os, const char *keys_dir, struct salts **ret, struct err *err) {
    int rc = os_make_dir(os, keys_dir, err);
    if (rc < 0)
        return rc;
    struct salts *s = calloc(1, sizeof(*s));
    if (!s || !(s->dir = strdup(keys_dir))) {
        free(s);
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    s->os = os;
    (void)pthread_mutex_init(&s->create, NULL);
    (void)pthread_mutex_init(&s->lanes, NULL);
    (void)pthread_rwlock_init(&s->table_lock, NULL);
    rc = each_file(s, 0, load_file, err);
    if (rc < 0) {
        salts_close(s);
        return rc;
    }
    *ret = s;
    return 0;
}

void salts_close(struct salts *s) {
    if (s->table)
        crypt_wipe(s->table, s->cap * sizeof(*s->table));
    free(s->table);
    free(s->dir);
    (void)pthread_mutex_destroy(&s->create);
    (void)pthread_mutex_destroy(&s->lanes);
    (void)pthread_rwlock_destroy(&s->table_lock);
    free(s);
}

void salts_join(struct salts *s, struct salt_cache *c) {
    (void)pthread_mutex_init(&c->lock, NULL);
    (void)pthread_mutex_lock(&s->lanes);
    c->next = s->caches;
    s->caches = c;
    (void)pthread_mutex_unlock(&s->lanes);
}

void salts_leave(struct salts *s, struct salt_cache *c) {
    (void)pthread_mutex_lock(&s->lanes);
    struct salt_cache **at = &s->caches;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    (void)pthread_mutex_unlock(&s->lanes);
    crypt_wipe(c->slots, sizeof(c->slots));
    (void)pthread_mutex_destroy(&c->lock);
}

/* --- use -------------------------------------------------------------------------------------- */

static int create(struct salts *s, struct salt_id id, struct salt *salt, struct err *err) {
    CLEANUP(free_charp) char *path = file_of(s, &id);
    if (!path)
        return err_set(err, ERR_NOMEM, "out of memory");
    *salt = (struct salt){.id = id, .used = true};
    crypt_random(salt->key, sizeof(salt->key));
    struct span bytes = span_of((const char *)salt->key, sizeof(salt->key));
    int rc = os_replace_file(s->os, path, bytes, 0600, err);
    if (rc < 0)
        return rc;
    (void)pthread_rwlock_wrlock(&s->table_lock);
    rc = table_put(s, salt);
    (void)pthread_rwlock_unlock(&s->table_lock);
    return rc < 0 ? err_set(err, rc, "out of memory") : 0;
}

static int find_or_create(struct salts *s, struct salt_id id, struct salt *salt, struct err *err) {
    if (table_get(s, &id, salt))
        return 0;
    (void)pthread_mutex_lock(&s->create);
    int rc = table_get(s, &id, salt) ? 0 : create(s, id, salt, err);
    (void)pthread_mutex_unlock(&s->create);
    if (rc < 0)
        crypt_wipe(salt, sizeof(*salt));
    return rc;
}

int salts_hash(struct salts *s, struct salt_cache *c, struct salt_id id, const struct span *parts,
               size_t n, uint64_t *ret, struct err *err) {
    struct salt *slot = &c->slots[(id.site * 31U + (uint32_t)id.day) % SALT_CACHE];
    (void)pthread_mutex_lock(&c->lock);
    int rc = 0;
    if (UNLIKELY(!slot->used || !id_eq(&slot->id, &id)))
        rc = find_or_create(s, id, slot, err);
    if (rc == 0)
        *ret = crypt_keyed_hash64(slot->key, parts, n);
    (void)pthread_mutex_unlock(&c->lock);
    return rc;
}

/* --- wiping ----------------------------------------------------------------------------------- */

/* Which salts are to go: the live ones of ended days, or those of one import. */
struct ending {
    const struct policy_set *policies; /* NULL: `import` ends */
    int64_t now_ms;
    uint64_t import;
};

static bool is_ending(const struct ending *e, const struct salt *salt) {
    if (!salt->used)
        return false;
    if (!e->policies)
        return salt->id.import == e->import;
    if (salt->id.import)
        return false;
    const struct policy *p = policy_by_id(e->policies, salt->id.site);
    if (p)
        return salt->id.day < zone_to_local(p->zone, e->now_ms).day;
    return e->now_ms >= ((int64_t)salt->id.day + 1) * DAY_MS + LATEST_ZONE_MS;
}

/* Wipes keys in the table; *ret lists them for their files. */
static size_t wipe_keys(struct salts *s, const struct ending *e, struct salt_id **ret) {
    size_t n = 0;
    struct salt_id *ids = NULL;
    (void)pthread_rwlock_rdlock(&s->table_lock);
    for (size_t i = 0; i < s->cap; i++)
        n += is_ending(e, &s->table[i]);
    (void)pthread_rwlock_unlock(&s->table_lock);
    if (n && (ids = calloc(n, sizeof(*ids)))) {
        size_t most = n;
        n = 0;
        (void)pthread_rwlock_wrlock(&s->table_lock);
        for (size_t i = 0; i < s->cap && n < most; i++) {
            struct salt *salt = &s->table[i];
            if (!is_ending(e, salt))
                continue;
            crypt_wipe(salt->key, sizeof(salt->key));
            salt->wiped = true;
            ids[n++] = salt->id;
        }
        (void)pthread_rwlock_unlock(&s->table_lock);
    }
    *ret = ids;
    return ids ? n : 0;
}

static void wipe_caches(struct salts *s, const struct ending *e) {
    (void)pthread_mutex_lock(&s->lanes);
    for (struct salt_cache *c = s->caches; c; c = c->next) {
        (void)pthread_mutex_lock(&c->lock);
        for (size_t i = 0; i < SALT_CACHE; i++)
            if (is_ending(e, &c->slots[i]))
                crypt_wipe(&c->slots[i], sizeof(c->slots[i]));
        (void)pthread_mutex_unlock(&c->lock);
    }
    (void)pthread_mutex_unlock(&s->lanes);
}

/* An entry whose file could not be wiped stays, keyless, for the next try. */
static int wipe(struct salts *s, const struct ending *e, struct err *err) {
    struct salt_id *ids;
    size_t n = wipe_keys(s, e, &ids);
    wipe_caches(s, e);
    int result = 0;
    for (size_t i = 0; i < n; i++) {
        (void)pthread_mutex_lock(&s->create);
        CLEANUP(free_charp) char *path = file_of(s, &ids[i]);
        int rc = path ? os_wipe_file(s->os, path, err) : err_set(err, ERR_NOMEM, "out of memory");
        (void)pthread_rwlock_wrlock(&s->table_lock);
        struct salt *slot = table_slot(s->table, s->cap, &ids[i]);
        if (rc < 0)
            result = rc;
        else if (slot->used) /* even if a lane that was late over midnight has just made it anew */
            table_remove(s, slot);
        (void)pthread_rwlock_unlock(&s->table_lock);
        (void)pthread_mutex_unlock(&s->create);
    }
    free(ids);
    return result;
}

void salts_wipe_ended(struct salts *s, const struct policy_set *policies, int64_t now_ms) {
    struct ending e = {.policies = policies, .now_ms = now_ms};
    (void)wipe(s, &e, NULL); /* what failed is tried again at the next call */
}

int salts_import_begin(struct salts *s, uint64_t import, struct err *err) {
    CLEANUP(free_charp) char *dir = folder_of_import(s, import);
    if (!dir)
        return err_set(err, ERR_NOMEM, "out of memory");
    (void)pthread_mutex_lock(&s->create);
    int rc = os_make_dir(s->os, dir, err);
    if (rc == 0)
        rc = each_file(s, import, load_file, err);
    (void)pthread_mutex_unlock(&s->create);
    return rc;
}

int salts_import_end(struct salts *s, uint64_t import, struct err *err) {
    struct ending e = {.import = import};
    int rc = wipe(s, &e, err);
    if (rc == 0)
        rc = each_file(s, import, wipe_file, err); /* those of an import that was never resumed */
    if (rc < 0)
        return rc;
    CLEANUP(free_charp) char *dir = folder_of_import(s, import);
    if (!dir)
        return err_set(err, ERR_NOMEM, "out of memory");
    return rmdir(dir) < 0 && errno != ENOENT ? err_sys(err, errno, "remove keys folder") : 0;
}
