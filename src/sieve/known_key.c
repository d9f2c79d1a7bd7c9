#include "known_key.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "buf.h"

#define PREFIX "known-"

struct known_key {
    uint32_t site;
    uint8_t bytes[CRYPT_KEY_BYTES];
};

struct known_keys {
    const struct os *os;
    char *dir;
    pthread_rwlock_t lock;
    struct known_key *items; /* by site */
    size_t count, cap;
};

/* --- the table; the lock is held ----------------------------------------------------------------
 */

/* Where the site's key is or belongs. */
static size_t place_of(const struct known_keys *k, uint32_t site) {
    size_t low = 0, high = k->count;
    while (low < high) {
        size_t at = (low + high) / 2;
        if (k->items[at].site < site)
            low = at + 1;
        else
            high = at;
    }
    return low;
}

static const struct known_key *find(const struct known_keys *k, uint32_t site) {
    size_t at = place_of(k, site);
    return at < k->count && k->items[at].site == site ? &k->items[at] : NULL;
}

/* Keys are not left behind in memory that is given back. */
static int grow(struct known_keys *k, struct err *err) {
    size_t cap = k->cap ? k->cap * 2 : 8;
    struct known_key *items = calloc(cap, sizeof(*items));
    if (!items)
        return err_set(err, ERR_NOMEM, "out of memory");
    if (k->items) {
        memcpy(items, k->items, k->count * sizeof(*items));
        crypt_wipe(k->items, k->cap * sizeof(*items));
        free(k->items);
    }
    k->items = items;
    k->cap = cap;
    return 0;
}

static int put(struct known_keys *k, const struct known_key *key, struct err *err) {
    int rc = k->count == k->cap ? grow(k, err) : 0;
    if (rc < 0)
        return rc;
    size_t at = place_of(k, key->site);
    memmove(&k->items[at + 1], &k->items[at], (k->count - at) * sizeof(*k->items));
    k->items[at] = *key;
    k->count++;
    return 0;
}

static void drop(struct known_keys *k, size_t at) {
    k->count--;
    memmove(&k->items[at], &k->items[at + 1], (k->count - at) * sizeof(*k->items));
    crypt_wipe(&k->items[k->count], sizeof(*k->items));
}

/* --- files --------------------------------------------------------------------------------------
 */

static char *file_of(const struct known_keys *k, uint32_t site) {
    char name[32];
    (void)snprintf(name, sizeof(name), PREFIX "%" PRIu32, site);
    return path_join(k->dir, name);
}

static int load(struct known_keys *k, const char *path, uint32_t site, struct err *err) {
    BUF_AUTO bytes = {0};
    struct known_key key = {.site = site};
    int rc = os_read_file(k->os, path, sizeof(key.bytes), &bytes, err);
    if (rc == ERR_INVALID || (rc == 0 && bytes.len != sizeof(key.bytes)))
        rc = err_set(
            err, ERR_CORRUPT,
            "keys/" PREFIX "%" PRIu32 " is damaged: restore it, or remove it to begin anew", site);
    if (rc == 0) {
        memcpy(key.bytes, bytes.data, sizeof(key.bytes));
        rc = put(k, &key, err);
    }
    if (bytes.data)
        crypt_wipe(bytes.data, bytes.len);
    crypt_wipe(&key, sizeof(key));
    return rc;
}

static int load_entry(struct known_keys *k, struct span name, struct err *err) {
    uint64_t site;
    if (!span_starts(name, SPAN_LIT(PREFIX)))
        return 0;
    CLEANUP(free_charp) char *path = path_join(k->dir, name.ptr);
    if (!path)
        return err_set(err, ERR_NOMEM, "out of memory");
    if (span_ends(name, SPAN_LIT(".tmp")))
        return os_wipe_file(k->os, path, err);
    if (!span_u64(span_from(name, sizeof(PREFIX) - 1), &site) || site > UINT32_MAX)
        return 0;
    return load(k, path, (uint32_t)site, err);
}

static int load_all(struct known_keys *k, struct err *err) {
    CLEANUP(closedirp) DIR *d = opendir(k->dir);
    if (!d)
        return err_sys(err, errno, "keys folder");
    int rc = 0;
    for (struct dirent *e; rc == 0 && (e = readdir(d));)
        rc = load_entry(k, span_str(e->d_name), err);
    return rc;
}

/* --- open and close -----------------------------------------------------------------------------
 */

int known_keys_open(const struct os *os, const char *keys_dir, struct known_keys **ret,
                    struct err *err) {
    struct known_keys *k = calloc(1, sizeof(*k));
    if (!k || !(k->dir = strdup(keys_dir))) {
        free(k);
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    k->os = os;
    (void)pthread_rwlock_init(&k->lock, NULL);
    int rc = load_all(k, err);
    if (rc < 0) {
        known_keys_close(k);
        return rc;
    }
    *ret = k;
    return 0;
}

void known_keys_close(struct known_keys *k) {
    if (k->items)
        crypt_wipe(k->items, k->cap * sizeof(*k->items));
    free(k->items);
    free(k->dir);
    (void)pthread_rwlock_destroy(&k->lock);
    free(k);
}

/* --- use ----------------------------------------------------------------------------------------
 */

static bool hash(struct known_keys *k, uint32_t site, struct span random, uint64_t *ret) {
    (void)pthread_rwlock_rdlock(&k->lock);
    const struct known_key *key = find(k, site);
    if (key)
        *ret = crypt_keyed_hash64(key->bytes, &random, 1);
    (void)pthread_rwlock_unlock(&k->lock);
    return key != NULL;
}

/* The lock is held. */
static int create(struct known_keys *k, uint32_t site, struct err *err) {
    CLEANUP(free_charp) char *path = file_of(k, site);
    if (!path)
        return err_set(err, ERR_NOMEM, "out of memory");
    struct known_key key = {.site = site};
    crypt_random(key.bytes, sizeof(key.bytes));
    struct span bytes = span_of((const char *)key.bytes, sizeof(key.bytes));
    int rc = os_replace_file(k->os, path, bytes, 0600, err);
    if (rc == 0)
        rc = put(k, &key, err);
    crypt_wipe(&key, sizeof(key));
    return rc;
}

int known_keys_hash(struct known_keys *k, uint32_t site, struct span random, bool make,
                    uint64_t *ret, struct err *err) {
    if (hash(k, site, random, ret))
        return 1;
    if (!make)
        return 0;
    (void)pthread_rwlock_wrlock(&k->lock);
    int rc = find(k, site) ? 0 : create(k, site, err);
    (void)pthread_rwlock_unlock(&k->lock);
    return rc < 0 ? rc : hash(k, site, random, ret);
}

int known_keys_wipe_removed(struct known_keys *k, const struct policy_set *policies,
                            struct err *err) {
    int rc = 0;
    (void)pthread_rwlock_wrlock(&k->lock);
    for (size_t i = k->count; rc == 0 && i-- > 0;) {
        uint32_t site = k->items[i].site;
        if (policy_by_id(policies, site))
            continue;
        CLEANUP(free_charp) char *path = file_of(k, site);
        rc = path ? os_wipe_file(k->os, path, err) : err_set(err, ERR_NOMEM, "out of memory");
        if (rc == 0)
            drop(k, i);
    }
    (void)pthread_rwlock_unlock(&k->lock);
    return rc;
}
