/* os.h — the system calls that durable code makes, as a replaceable table.
 *
 * Production passes &os_system. Fault tests pass a table that fails the Nth call, writes short, or
 * keeps, drops or garbles what was not synced. Each call has the meaning of its POSIX namesake and
 * returns its value, or a negative errno. */
#ifndef TAMIS_OS_H
#define TAMIS_OS_H

#include <dirent.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"
#include "span.h"

struct os {
    int (*open)(const struct os *os, const char *path, int flags, mode_t mode);
    int (*close)(const struct os *os, int fd);
    int64_t (*pread)(const struct os *os, int fd, void *buf, size_t n, int64_t off);
    int64_t (*pwrite)(const struct os *os, int fd, const void *buf, size_t n, int64_t off);
    int (*fdatasync)(const struct os *os, int fd);
    int (*fsync)(const struct os *os, int fd);
    int (*ftruncate)(const struct os *os, int fd, int64_t size);
    int (*fallocate)(const struct os *os, int fd, int64_t off, int64_t len);
    int64_t (*size)(const struct os *os, int fd); /* fstat's st_size */
    int (*rename)(const struct os *os, const char *from, const char *to);
    int (*unlink)(const struct os *os, const char *path);
    int (*mkdir)(const struct os *os, const char *path, mode_t mode);
};

extern const struct os os_system;

/* For CLEANUP: closes a folder that was opened. */
void closedirp(DIR **d);

/* Read or write exactly n bytes, going on after EINTR and short transfers. os_read_full: a file
 * that ends early is ERR_CORRUPT. */
int os_read_full(const struct os *os, int fd, void *buf, size_t n, int64_t off,
                 struct err *err) WARN_UNUSED;
int os_write_full(const struct os *os, int fd, const void *buf, size_t n, int64_t off,
                  struct err *err) WARN_UNUSED;

/* Makes one folder (0700); fine when it is there already. */
int os_make_dir(const struct os *os, const char *path, struct err *err) WARN_UNUSED;

/* Makes the names in a folder durable. */
int os_sync_dir(const struct os *os, const char *path, struct err *err) WARN_UNUSED;

/* Replaces `path` by `data` in one step: temporary name beside it, fsync, rename, fsync of the
 * folder. */
int os_replace_file(const struct os *os, const char *path, struct span data, mode_t mode,
                    struct err *err) WARN_UNUSED;

/* Overwrites the file with zeros, syncs and unlinks it: for key files. Best effort on copy-on-write
 * file systems; a missing file is fine. */
int os_wipe_file(const struct os *os, const char *path, struct err *err) WARN_UNUSED;

struct buf;
/* Appends a whole file to *ret; more than `most` bytes is ERR_INVALID. */
int os_read_file(const struct os *os, const char *path, size_t most, struct buf *ret,
                 struct err *err) WARN_UNUSED;

/* "dir/name" as a new string for the caller to free; NULL on out of memory. */
char *path_join(const char *dir, const char *name) WARN_UNUSED;

#endif
