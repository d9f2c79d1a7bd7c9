#include "file_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os.h"

enum { BLOCK_BYTES = 1 << 20 };

/* Reads `bytes` of `from`, hashes them and, with `to` ≥ 0, writes them there. */
static int pass(int from, int to, uint64_t bytes, uint8_t ret_digest[CRYPT_DIGEST_BYTES],
                struct err *err) {
    CLEANUP(free_charp) char *block = malloc(BLOCK_BYTES);
    if (!block)
        return err_set(err, ERR_NOMEM, "no memory to read a file");
    struct crypt_hasher h;
    crypt_hasher_init(&h);
    for (uint64_t at = 0; at < bytes; at += BLOCK_BYTES) {
        size_t n = bytes - at < BLOCK_BYTES ? (size_t)(bytes - at) : BLOCK_BYTES;
        int rc = os_read_full(&os_system, from, block, n, (int64_t)at, err);
        if (rc == 0 && to >= 0)
            rc = os_write_full(&os_system, to, block, n, (int64_t)at, err);
        if (rc < 0)
            return rc;
        crypt_hasher_add(&h, span_of(block, n));
    }
    crypt_hasher_end(&h, ret_digest);
    return 0;
}

int file_digest(int fd, uint64_t *ret_bytes, uint8_t ret_digest[CRYPT_DIGEST_BYTES],
                struct err *err) {
    struct stat st;
    if (fstat(fd, &st) < 0)
        return err_sys(err, errno, "read a file");
    *ret_bytes = (uint64_t)st.st_size;
    return pass(fd, -1, *ret_bytes, ret_digest, err);
}

bool file_is_there(const char *path, uint64_t bytes) {
    struct stat st;
    return lstat(path, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == bytes;
}

int file_check(const char *path, uint64_t bytes, const uint8_t digest[CRYPT_DIGEST_BYTES],
               struct err *err) {
    CLEANUP(closep) int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0) {
        int sys = errno;
        int rc = err_sys(err, sys, "is not there");
        return sys == ENOENT || sys == ELOOP ? 0 : rc;
    }
    if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != bytes) {
        (void)err_set(err, ERR_CORRUPT, "has %lld bytes, not %llu", (long long)st.st_size,
                      (unsigned long long)bytes);
        return 0;
    }
    uint8_t is[CRYPT_DIGEST_BYTES];
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    int rc = pass(fd, -1, bytes, is, err);
    if (rc < 0)
        return rc;
    if (memcmp(is, digest, sizeof(is)) == 0)
        return 1;
    (void)err_set(err, ERR_CORRUPT, "its bytes have changed");
    return 0;
}

static int write_aside(int from, uint64_t bytes, const char *tmp,
                       uint8_t ret_digest[CRYPT_DIGEST_BYTES], struct err *err) {
    CLEANUP(closep) int to = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (to < 0)
        return err_sys(err, errno, "make a file");
    int rc = pass(from, to, bytes, ret_digest, err);
    if (rc == 0 && fsync(to) < 0)
        rc = err_sys(err, errno, "fsync");
    return rc;
}

int file_copy(int from, uint64_t bytes, const char *path, uint8_t ret_digest[CRYPT_DIGEST_BYTES],
              struct err *err) {
    CLEANUP(free_charp) char *tmp = NULL;
    if (asprintf(&tmp, "%s.tmp", path) < 0) {
        tmp = NULL;
        return err_set(err, ERR_NOMEM, "no memory for a path");
    }
    int rc = write_aside(from, bytes, tmp, ret_digest, err);
    if (rc == 0 && rename(tmp, path) < 0)
        rc = err_sys(err, errno, "rename a file");
    if (rc < 0)
        (void)unlink(tmp);
    return rc;
}

/* --- folders ------------------------------------------------------------------------------------
 */

int file_make_folders(const char *root, const char *path, struct err *err) {
    CLEANUP(free_charp) char *full = path_join(root, path);
    if (!full)
        return err_set(err, ERR_NOMEM, "no memory for a path");
    for (char *slash = full + strlen(root); (slash = strchr(slash + 1, '/'));) {
        *slash = '\0';
        int rc = os_make_dir(&os_system, full, err);
        *slash = '/';
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* The folder of root/path and those above it up to root, but those that `last` (a path below root
 * too) has had. */
static int sync_above(const char *root, const char *path, const char *last, struct err *err) {
    CLEANUP(free_charp) char *full = path_join(root, path);
    if (!full)
        return err_set(err, ERR_NOMEM, "no memory for a path");
    size_t root_len = strlen(root);
    for (char *slash; (slash = strrchr(full, '/')) && (size_t)(slash - full) >= root_len;) {
        size_t below = (size_t)(slash - full) - root_len;
        const char *name = full + root_len + 1;
        if (last && below > 0 && strncmp(last, name, below - 1) == 0 && last[below - 1] == '/')
            return 0;
        if (last && below == 0)
            return 0;
        *slash = '\0';
        int rc = os_sync_dir(&os_system, full, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int file_sync_folders(const char *root, const struct manifest *m, bool stored, struct err *err) {
    const char *last = NULL;
    for (size_t i = 0; i < m->count; i++) {
        const char *path = stored ? m->files[i].file : m->files[i].path;
        int rc = sync_above(root, path, last, err);
        if (rc < 0)
            return rc;
        last = path;
    }
    return 0;
}
