/* The names of sealed files, and how they come to be: written aside, synced, renamed, and their
 * folder synced. */
#include "seal_private.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "civil.h"

enum { READ_BYTES = 1 << 20 };

static const char *const kind_words[SEAL_KINDS] = {
    [SEAL_EVENT] = "event", [SEAL_VISIT] = "visit", [SEAL_ROLL] = "roll"};

void seal_paths(uint32_t site, int32_t day, bool month, uint32_t part,
                struct seal_file files[SEAL_KINDS]) {
    char date[CIVIL_TEXT];
    civil_format(day, date);
    int month_chars = (int)strlen("yyyy-mm");
    for (size_t k = 0; k < SEAL_KINDS; k++)
        snprintf(files[k].path, SEAL_PATH, "%u/%.*s/%.*s.%u.%s.parquet", site, month_chars, date,
                 month ? month_chars : CIVIL_TEXT, date, part, kind_words[k]);
}

static char *full_path(const char *root, const char *path, const char *end) {
    char *out = NULL;
    return asprintf(&out, "%s/%s%s", root, path, end) < 0 ? NULL : out;
}

int seal_make_folder(const struct os *os, const char *root, const char *path, struct err *err) {
    CLEANUP(free_charp) char *full = full_path(root, path, "");
    if (!full)
        return err_set(err, ERR_NOMEM, "no memory for a path");
    for (size_t i = strlen(root) + 1; full[i]; i++) {
        if (full[i] != '/')
            continue;
        full[i] = 0;
        int code = os_make_dir(os, full, err);
        char *slash = strrchr(full, '/');
        *slash = 0;
        if (!code)
            code = os_sync_dir(os, full, err);
        *slash = '/';
        full[i] = '/';
        if (code)
            return code;
    }
    return 0;
}

static int digest_open(const struct os *os, int fd, uint64_t *ret_bytes,
                       uint8_t ret_digest[CRYPT_DIGEST_BYTES], struct err *err) {
    int64_t size = os->size(os, fd);
    if (size < 0)
        return err_sys(err, (int)-size, "stat file");
    CLEANUP(free_charp) char *block = malloc(READ_BYTES);
    if (!block)
        return err_set(err, ERR_NOMEM, "no memory to read a file");
    struct crypt_hasher h;
    crypt_hasher_init(&h);
    for (int64_t off = 0; off < size; off += READ_BYTES) {
        size_t n = size - off < READ_BYTES ? (size_t)(size - off) : READ_BYTES;
        int code = os_read_full(os, fd, block, n, off, err);
        if (code)
            return code;
        crypt_hasher_add(&h, span_of(block, n));
    }
    crypt_hasher_end(&h, ret_digest);
    *ret_bytes = (uint64_t)size;
    return 0;
}

int seal_digest(const struct os *os, const char *path, uint64_t *ret_bytes,
                uint8_t ret_digest[CRYPT_DIGEST_BYTES], struct err *err) {
    int fd = os->open(os, path, O_RDONLY, 0);
    if (fd < 0)
        return err_sys(err, -fd, "open file");
    int code = digest_open(os, fd, ret_bytes, ret_digest, err);
    (void)os->close(os, fd);
    return code;
}

/* fsync and digest of a file that DuckDB wrote and closed. */
static int settle(const struct os *os, const char *tmp, struct seal_file *file, struct err *err) {
    int fd = os->open(os, tmp, O_RDONLY, 0);
    if (fd < 0)
        return err_sys(err, -fd, "open file");
    int rc = os->fsync(os, fd);
    int code =
        rc < 0 ? err_sys(err, -rc, "fsync") : digest_open(os, fd, &file->bytes, file->digest, err);
    (void)os->close(os, fd);
    return code;
}

static int rename_file(const struct os *os, const char *root, const struct seal_file *file,
                       struct err *err) {
    CLEANUP(free_charp) char *tmp = full_path(root, file->path, ".tmp");
    CLEANUP(free_charp) char *path = full_path(root, file->path, "");
    if (!tmp || !path)
        return err_set(err, ERR_NOMEM, "no memory for a path");
    int rc = os->rename(os, tmp, path);
    return rc < 0 ? err_sys(err, -rc, "rename file") : 0;
}

int seal_publish(const struct os *os, const char *root, struct seal_file files[SEAL_KINDS],
                 struct err *err) {
    int code = 0;
    for (size_t k = 0; !code && k < SEAL_KINDS; k++) {
        CLEANUP(free_charp) char *tmp = full_path(root, files[k].path, ".tmp");
        code =
            tmp ? settle(os, tmp, &files[k], err) : err_set(err, ERR_NOMEM, "no memory for a path");
    }
    for (size_t k = 0; !code && k < SEAL_KINDS; k++)
        code = rename_file(os, root, &files[k], err);
    if (code)
        return code;
    CLEANUP(free_charp) char *folder = full_path(root, files[0].path, "");
    if (!folder)
        return err_set(err, ERR_NOMEM, "no memory for a path");
    *strrchr(folder, '/') = 0;
    return os_sync_dir(os, folder, err);
}

void seal_abandon(const struct os *os, const char *root, const struct seal_file files[SEAL_KINDS]) {
    for (size_t k = 0; k < SEAL_KINDS && files[k].path[0]; k++) {
        CLEANUP(free_charp) char *tmp = full_path(root, files[k].path, ".tmp");
        CLEANUP(free_charp) char *path = full_path(root, files[k].path, "");
        if (tmp)
            (void)os->unlink(os, tmp);
        if (path)
            (void)os->unlink(os, path);
    }
}
