/* known_overwrite.c — nothing is left of who was deleted.
 *
 * SQLite overwrites what is deleted (secure_delete), and a checkpoint that truncates takes it out of
 * the log beside the file. But when a tree splits or joins its pages it leaves copies of entries in
 * their unused middle, and deleting an entry does not find those: measured, of one in a thousand. So
 * the file is read for each hash that was deleted, and written anew when one is met. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "known_private.h"
#include "os.h"

enum { MOST_GONE = 4096, CHUNK = 1 << 20, HASH = 8, FILTER = 1 << 16 };

void known_gone_all(struct known_gone *g) {
    known_gone_release(g);
    g->all = true;
}

void known_gone_add(struct known_gone *g, uint64_t hash) {
    int64_t as_stored = (int64_t)hash;
    if (g->all)
        return;
    if (!g->hashes && !(g->hashes = calloc(MOST_GONE, sizeof(*g->hashes)))) {
        known_gone_all(g);
        return;
    }
    /* Small numbers are stored in fewer bytes, which might mean anything. */
    if (g->count == MOST_GONE || (as_stored >= -(1LL << 47) && as_stored < 1LL << 47))
        known_gone_all(g);
    else
        g->hashes[g->count++] = hash;
}

void known_gone_remove(struct known_gone *g, uint64_t hash) {
    for (size_t i = g->count; i-- > 0;)
        if (g->hashes[i] == hash)
            g->hashes[i] = g->hashes[--g->count];
}

void known_gone_release(struct known_gone *g) {
    free(g->hashes);
    *g = (struct known_gone){0};
}

/* --- looking ------------------------------------------------------------------------------------
 */

static int compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* As they are stored, the highest byte first, the hashes' lowest 16 bits tell most bytes apart. */
static void fill_filter(const struct known_gone *g, bool *filter) {
    memset(filter, 0, FILTER);
    for (size_t i = 0; i < g->count; i++)
        filter[g->hashes[i] % FILTER] = true;
}

static bool chunk_holds(const struct known_gone *g, const bool *filter, struct span chunk) {
    uint64_t window = 0;
    for (size_t i = 0; i < chunk.len; i++) {
        window = window << 8 | (uint8_t)chunk.ptr[i];
        if (i + 1 >= HASH && filter[window % FILTER] &&
            bsearch(&window, g->hashes, g->count, sizeof(window), compare))
            return true;
    }
    return false;
}

/* Chunks overlap, so that no hash is cut. Also true when it cannot be read. */
static bool file_holds(const char *path, struct known_gone *g) {
    CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    CLEANUP(free_charp) char *chunk = malloc(CHUNK);
    CLEANUP(free_charp) char *filter_memory = malloc(FILTER);
    bool *filter = (bool *)filter_memory;
    if (fd < 0 || !chunk || !filter)
        return true;
    qsort(g->hashes, g->count, sizeof(*g->hashes), compare);
    fill_filter(g, filter);
    for (off_t at = 0;; at += CHUNK - (HASH - 1)) {
        ssize_t n = pread(fd, chunk, CHUNK, at);
        if (n < 0 || chunk_holds(g, filter, span_of(chunk, (size_t)n)))
            return true;
        if (n < CHUNK)
            return false;
    }
}

/* --- all of it; the lock is held ----------------------------------------------------------------
 */

static bool truncate_log(struct known *k) {
    return sqlite3_wal_checkpoint_v2(k->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) ==
           SQLITE_OK;
}

bool known_settle_held(struct known *k) {
    struct known_gone *g = &k->gone;
    if (!g->all && g->count == 0)
        return true;
    if (!truncate_log(k))
        return false;
    if ((g->all || file_holds(k->path, g)) &&
        (known_run(k->db, "VACUUM", NULL) < 0 || !truncate_log(k)))
        return false;
    if (known_run(k->db, "PRAGMA application_id = 0", NULL) < 0)
        return false;
    known_gone_release(g);
    return true;
}
