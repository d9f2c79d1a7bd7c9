#include "os.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"

static int sys_open(const struct os *os, const char *path, int flags, mode_t mode) {
    (void)os;
    int fd = open(path, flags | O_CLOEXEC, mode);
    return fd < 0 ? -errno : fd;
}

static int sys_close(const struct os *os, int fd) {
    (void)os;
    return close(fd) < 0 ? -errno : 0;
}

static int64_t sys_pread(const struct os *os, int fd, void *buf, size_t n, int64_t off) {
    (void)os;
    ssize_t got = pread(fd, buf, n, off);
    return got < 0 ? -errno : got;
}

static int64_t sys_pwrite(const struct os *os, int fd, const void *buf, size_t n, int64_t off) {
    (void)os;
    ssize_t put = pwrite(fd, buf, n, off);
    return put < 0 ? -errno : put;
}

static int sys_fdatasync(const struct os *os, int fd) {
    (void)os;
    return fdatasync(fd) < 0 ? -errno : 0;
}

static int sys_fsync(const struct os *os, int fd) {
    (void)os;
    return fsync(fd) < 0 ? -errno : 0;
}

static int sys_ftruncate(const struct os *os, int fd, int64_t size) {
    (void)os;
    return ftruncate(fd, size) < 0 ? -errno : 0;
}

static int sys_fallocate(const struct os *os, int fd, int64_t off, int64_t len) {
    (void)os;
    return -posix_fallocate(fd, off, len);
}

static int64_t sys_size(const struct os *os, int fd) {
    (void)os;
    struct stat st;
    return fstat(fd, &st) < 0 ? -errno : st.st_size;
}

static int sys_rename(const struct os *os, const char *from, const char *to) {
    (void)os;
    return rename(from, to) < 0 ? -errno : 0;
}

static int sys_unlink(const struct os *os, const char *path) {
    (void)os;
    return unlink(path) < 0 ? -errno : 0;
}

static int sys_mkdir(const struct os *os, const char *path, mode_t mode) {
    (void)os;
    return mkdir(path, mode) < 0 ? -errno : 0;
}

const struct os os_system = {
    .open = sys_open,
    .close = sys_close,
    .pread = sys_pread,
    .pwrite = sys_pwrite,
    .fdatasync = sys_fdatasync,
    .fsync = sys_fsync,
    .ftruncate = sys_ftruncate,
    .fallocate = sys_fallocate,
    .size = sys_size,
    .rename = sys_rename,
    .unlink = sys_unlink,
    .mkdir = sys_mkdir,
};

int os_read_full(const struct os *os, int fd, void *buf, size_t n, int64_t off, struct err *err) {
    size_t done = 0;
    while (done < n) {
        int64_t got = os->pread(os, fd, (char *)buf + done, n - done, off + (int64_t)done);
        if (got == -EINTR)
            continue;
        if (got < 0)
            return err_sys(err, (int)-got, "read");
        if (got == 0)
            return err_set(err, ERR_CORRUPT, "file ends early");
        done += (size_t)got;
    }
    return 0;
}

int os_write_full(const struct os *os, int fd, const void *buf, size_t n, int64_t off,
                  struct err *err) {
    size_t done = 0;
    while (done < n) {
        int64_t put = os->pwrite(os, fd, (const char *)buf + done, n - done, off + (int64_t)done);
        if (put == -EINTR)
            continue;
        if (put < 0)
            return err_sys(err, (int)-put, "write");
        if (put == 0)
            return err_set(err, ERR_FULL, "write: no progress");
        done += (size_t)put;
    }
    return 0;
}

int os_make_dir(const struct os *os, const char *path, struct err *err) {
    int rc = os->mkdir(os, path, 0700);
    if (rc < 0 && rc != -EEXIST)
        return err_sys(err, -rc, "make folder");
    return 0;
}

int os_sync_dir(const struct os *os, const char *path, struct err *err) {
    int fd = os->open(os, path, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return err_sys(err, -fd, "open folder");
    int rc = os->fsync(os, fd);
    (void)os->close(os, fd);
    return rc < 0 ? err_sys(err, -rc, "fsync folder") : 0;
}

static int write_and_sync(const struct os *os, int fd, struct span data, struct err *err) {
    int rc = os_write_full(os, fd, data.ptr, data.len, 0, err);
    if (rc < 0)
        return rc;
    rc = os->fsync(os, fd);
    return rc < 0 ? err_sys(err, -rc, "fsync") : 0;
}

static char *folder_of(const char *path) {
    const char *slash = strrchr(path, '/');
    if (!slash)
        return strdup(".");
    return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

int os_replace_file(const struct os *os, const char *path, struct span data, mode_t mode,
                    struct err *err) {
    CLEANUP(free_charp) char *tmp = NULL;
    CLEANUP(free_charp) char *dir = folder_of(path);
    if (!dir || asprintf(&tmp, "%s.tmp", path) < 0) {
        tmp = NULL;
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    int fd = os->open(os, tmp, O_WRONLY | O_CREAT | O_TRUNC, mode);
    if (fd < 0)
        return err_sys(err, -fd, "create file");
    int rc = write_and_sync(os, fd, data, err);
    (void)os->close(os, fd);
    if (rc == 0) {
        rc = os->rename(os, tmp, path);
        if (rc < 0)
            rc = err_sys(err, -rc, "rename file");
    }
    if (rc < 0) {
        (void)os->unlink(os, tmp);
        return rc;
    }
    return os_sync_dir(os, dir, err);
}

int os_wipe_file(const struct os *os, const char *path, struct err *err) {
    int fd = os->open(os, path, O_WRONLY, 0);
    if (fd == -ENOENT)
        return 0;
    if (fd < 0)
        return err_sys(err, -fd, "open file to wipe");
    static const char zeros[512];
    int64_t size = os->size(os, fd);
    for (int64_t off = 0; off < size; off += (int64_t)sizeof(zeros)) {
        size_t n = size - off < (int64_t)sizeof(zeros) ? (size_t)(size - off) : sizeof(zeros);
        if (os_write_full(os, fd, zeros, n, off, NULL) < 0)
            break; /* unlinking matters more than overwriting */
    }
    (void)os->fsync(os, fd);
    (void)os->close(os, fd);
    int rc = os->unlink(os, path);
    return rc < 0 && rc != -ENOENT ? err_sys(err, -rc, "unlink wiped file") : 0;
}

int os_read_file(const struct os *os, const char *path, size_t most, struct buf *ret,
                 struct err *err) {
    int fd = os->open(os, path, O_RDONLY, 0);
    if (fd < 0)
        return err_sys(err, -fd, "open file");
    int64_t size = os->size(os, fd);
    int rc;
    if (size < 0)
        rc = err_sys(err, (int)-size, "stat file");
    else if ((uint64_t)size > most)
        rc = err_set(err, ERR_INVALID, "file is larger than %zu bytes", most);
    else if (!buf_reserve(ret, (size_t)size))
        rc = err_set(err, ERR_NOMEM, "out of memory");
    else
        rc = os_read_full(os, fd, ret->data + ret->len, (size_t)size, 0, err);
    (void)os->close(os, fd);
    if (rc == 0)
        ret->len += (size_t)size;
    return rc;
}

char *path_join(const char *dir, const char *name) {
    char *out;
    return asprintf(&out, "%s/%s", dir, name) < 0 ? NULL : out;
}

void closedirp(DIR **d) {
    if (*d)
        (void)closedir(*d);
}
