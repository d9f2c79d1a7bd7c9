/* salt.h — the random keys behind visitor hashes: one for each site and site-local day.
 *
 * A salt is on disk (keys_dir/salt-<site>-<day>, 32 bytes, 0600) before its first use, so that a
 * restart knows the same visitors again, and it is wiped from disk and memory when its day is
 * over. Salts of imports live in keys_dir/import-<id>/ until the import ends.
 *
 * Threads: each lane hashes through its own cache, whose lock nobody else wants but the one who
 * wipes. Once salts_wipe_ended() has returned, no cache holds a wiped salt. */
#ifndef TAMIS_SALT_H
#define TAMIS_SALT_H

#include <pthread.h>

#include "crypt.h"
#include "err.h"
#include "os.h"
#include "policy.h"

struct salt_id {
    uint64_t import; /* 0: live */
    uint32_t site;
    int32_t day;
};

struct salt {
    struct salt_id id;
    bool used;
    bool wiped; /* the key is gone, the file could not be wiped yet */
    uint8_t key[CRYPT_KEY_BYTES];
};

enum { SALT_CACHE = 64 };

struct salt_cache {
    pthread_mutex_t lock;
    struct salt_cache *next; /* in struct salts */
    struct salt slots[SALT_CACHE];
};

struct salts;

/* Makes the folder if it is missing, loads what is there, wipes temporary files a crash left. */
int salts_open(const struct os *os, const char *keys_dir, struct salts **ret,
               struct err *err) WARN_UNUSED;
void salts_close(struct salts *s);

void salts_join(struct salts *s, struct salt_cache *c);
void salts_leave(struct salts *s, struct salt_cache *c);

/* Keyed hash of the parts; makes and stores the salt on first use. ERR_IO and the like when it
 * cannot be stored: an unstored salt is never used. */
int salts_hash(struct salts *s, struct salt_cache *c, struct salt_id id, const struct span *parts,
               size_t n, uint64_t *ret, struct err *err) WARN_UNUSED;

/* Wipes live salts of days before each site's today. A site that is not in the set may just not
 * be loaded yet: its salt goes once its day is over in every zone on earth. */
void salts_wipe_ended(struct salts *s, const struct policy_set *policies, int64_t now_ms);

/* Makes or loads the folder of an import; any number of times. */
int salts_import_begin(struct salts *s, uint64_t import, struct err *err) WARN_UNUSED;
int salts_import_end(struct salts *s, uint64_t import, struct err *err) WARN_UNUSED;

#endif
