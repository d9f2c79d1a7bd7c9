#include "log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include "os.h"

enum { BLOCK = 1024 * 1024 };

static int copy_block(int from, int to, char *block, int64_t *at, struct err *err) {
    ssize_t n;
    do
        n = read(from, block, BLOCK);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return err_sys(err, errno, "standard input");
    if (n == 0)
        return 0;
    int rc = os_write_full(&os_system, to, block, (size_t)n, *at, err);
    *at += n;
    return rc < 0 ? rc : 1;
}

/* The log holds addresses. The copy has no name, so that nothing stays behind however this process
 * ends. */
static int spool(int *fd, const char *data, struct err *err) {
    CLEANUP(closep) int to = open(data, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (to < 0)
        return err_sys(err, errno, "room for the standard input");
    CLEANUP(free_charp) char *block = malloc(BLOCK);
    if (!block)
        return err_set(err, ERR_NOMEM, "out of memory");
    int64_t at = 0;
    int rc;
    while ((rc = copy_block(*fd, to, block, &at, err)) > 0)
        continue;
    if (rc < 0)
        return rc;
    closep(fd);
    *fd = to;
    to = -1;
    return 0;
}

static int gz_open(struct log_file *f, struct err *err) {
    int fd = fcntl(f->fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return err_sys(err, errno, "log");
    f->gz = gzdopen(fd, "rb");
    if (!f->gz) {
        closep(&fd);
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    (void)gzbuffer(f->gz, BLOCK);
    return 0;
}

static int open_fd(struct log_file *f, const char *path, const char *data, struct err *err) {
    f->fd = strcmp(path, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                                   : open(path, O_RDONLY | O_CLOEXEC);
    if (f->fd < 0)
        return err_sys(err, errno, "cannot be opened");
    if (lseek(f->fd, 0, SEEK_SET) < 0) {
        f->spooled = true;
        return spool(&f->fd, data, err);
    }
    return 0;
}

int log_file_open(struct log_file *f, const char *path, const char *data, struct err *err) {
    *f = (struct log_file){.fd = -1};
    int rc = open_fd(f, path, data, err);
    if (rc == 0)
        rc = log_file_rewind(f, err);
    if (rc < 0)
        log_file_close(f);
    return rc;
}

int log_file_read(struct log_file *f, char *out, size_t size, size_t *ret_len, struct err *err) {
    size_t len = 0;
    while (len < size) {
        unsigned want = size - len < BLOCK ? (unsigned)(size - len) : BLOCK;
        int n = gzread(f->gz, out + len, want);
        int why = Z_OK;
        if (n <= 0)
            (void)gzerror(f->gz, &why);
        if (n < 0 || (why != Z_OK && why != Z_STREAM_END))
            return err_set(err, ERR_CORRUPT, "the log cannot be read or its gzip data is broken");
        if (n == 0)
            break;
        len += (size_t)n;
    }
    *ret_len = len;
    return 0;
}

int log_file_rewind(struct log_file *f, struct err *err) {
    if (f->gz)
        (void)gzclose(f->gz);
    f->gz = NULL;
    if (lseek(f->fd, 0, SEEK_SET) < 0)
        return err_sys(err, errno, "log");
    return gz_open(f, err);
}

int log_file_digest(struct log_file *f, uint8_t digest[CRYPT_DIGEST_BYTES], uint64_t *ret_size,
                    struct err *err) {
    CLEANUP(free_charp) char *block = malloc(BLOCK);
    if (!block)
        return err_set(err, ERR_NOMEM, "out of memory");
    struct crypt_hasher h;
    crypt_hasher_init(&h);
    uint64_t size = 0;
    size_t n = 0;
    do {
        int rc = log_file_read(f, block, BLOCK, &n, err);
        if (rc < 0)
            return rc;
        crypt_hasher_add(&h, span_of(block, n));
        size += n;
    } while (n == BLOCK);
    crypt_hasher_end(&h, digest);
    *ret_size = size;
    return log_file_rewind(f, err);
}

static void wipe(int fd) {
    static const char zeros[64 * 1024];
    int64_t size = os_system.size(&os_system, fd);
    for (int64_t at = 0; at < size; at += (int64_t)sizeof(zeros))
        if (os_write_full(&os_system, fd, zeros, sizeof(zeros), at, NULL) < 0)
            return;
    (void)os_system.fdatasync(&os_system, fd);
}

void log_file_close(struct log_file *f) {
    if (f->gz)
        (void)gzclose(f->gz);
    if (f->spooled && f->fd >= 0)
        wipe(f->fd);
    closep(&f->fd);
    *f = (struct log_file){.fd = -1};
}
