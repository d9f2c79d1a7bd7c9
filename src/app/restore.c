#include "restore.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file_copy.h"
#include "os.h"

static int no_memory(struct err *err) {
    return err_set(err, ERR_NOMEM, "no memory for a restore");
}

static uint64_t all_bytes(const struct manifest *m) {
    uint64_t sum = 0;
    for (size_t i = 0; i < m->count; i++)
        sum += m->files[i].bytes;
    return sum;
}

static void tell(const struct restore *r, uint64_t done, uint64_t all) {
    if (r->progress)
        r->progress(r->arg, done, all);
}

/* --- verifying ----------------------------------------------------------------------------------
 */

static int verify_files(const struct restore *r, const struct manifest *m, uint64_t *damaged,
                        struct err *err) {
    uint64_t done = 0, all = all_bytes(m);
    for (size_t i = 0; i < m->count; i++) {
        const struct manifest_file *f = &m->files[i];
        CLEANUP(free_charp) char *path = path_join(r->backup, f->file);
        if (!path)
            return no_memory(err);
        struct err why = {0};
        /* A disk that cannot read a block has a damaged file like one that reads it wrong. */
        if (file_check(path, f->bytes, f->digest, &why) != 1) {
            ++*damaged;
            if (r->damaged)
                r->damaged(r->arg, f->file, why.text);
        }
        tell(r, done += f->bytes, all);
    }
    return 0;
}

int restore_verify(const struct restore *r, struct manifest *ret, uint64_t *ret_damaged,
                   struct err *err) {
    CLEANUP(manifest_release) struct manifest m = {0};
    uint64_t damaged = 0;
    int rc = manifest_read(r->backup, &m, err);
    if (rc == ERR_CORRUPT) {
        damaged = 1;
        if (r->damaged)
            r->damaged(r->arg, "manifest.json", err->text);
        rc = 0;
    } else if (rc == 0) {
        rc = verify_files(r, &m, &damaged, err);
    }
    if (rc < 0)
        return rc;
    *ret = m;
    m = (struct manifest){0};
    *ret_damaged = damaged;
    return 0;
}

/* --- the folder ---------------------------------------------------------------------------------
 */

static int check_empty(int fd, struct err *err) {
    static const char *const fine[] = {".", "..", "lost+found", "tamis.lock"};
    CLEANUP(closedirp) DIR *d = fdopendir(dup(fd));
    if (!d)
        return err_sys(err, errno, "data folder");
    for (struct dirent *e; (e = readdir(d));) {
        bool is_fine = false;
        for (size_t i = 0; i < ARRAY_LEN(fine); i++)
            is_fine |= strcmp(e->d_name, fine[i]) == 0;
        if (!is_fine)
            return err_set(err, ERR_EXISTS, "the data folder is not empty: %.80s is in it",
                           e->d_name);
    }
    return 0;
}

/* What a restore that was broken off had made: it may have been of another backup. */
static int remove_below(int at, const char *name, struct err *err) {
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : err_sys(err, errno, "data folder");
    CLEANUP(closedirp) DIR *d = fdopendir(fd);
    if (!d) {
        (void)close(fd);
        return no_memory(err);
    }
    for (struct dirent *e; (e = readdir(d));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (unlinkat(fd, e->d_name, 0) == 0)
            continue;
        int rc = errno == EISDIR || errno == EPERM ? remove_below(fd, e->d_name, err)
                                                   : err_sys(err, errno, "data folder");
        if (rc < 0)
            return rc;
    }
    return unlinkat(at, name, AT_REMOVEDIR) < 0 ? err_sys(err, errno, "data folder") : 0;
}

static int begin_anew(int fd, struct err *err) {
    if (unlinkat(fd, "control.db", 0) < 0 && errno != ENOENT)
        return err_sys(err, errno, "data folder");
    if (unlinkat(fd, "visitors.db", 0) < 0 && errno != ENOENT)
        return err_sys(err, errno, "data folder");
    static const char *const folders[] = {"journal", "sealed", "keys"};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(folders); i++)
        rc = remove_below(fd, folders[i], err);
    return rc;
}

static int make_mark(int fd, struct err *err) {
    CLEANUP(closep) int mark = openat(fd, RESTORE_MARK, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (mark < 0 || fsync(mark) < 0 || fsync(fd) < 0)
        return err_sys(err, errno, RESTORE_MARK);
    return 0;
}

static int open_folder(const char *data, int *ret_fd, int *ret_lock, struct err *err) {
    int rc = os_make_dir(&os_system, data, err);
    if (rc < 0)
        return rc;
    *ret_fd = open(data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*ret_fd < 0)
        return err_sys(err, errno, "data folder");
    bool begun = faccessat(*ret_fd, RESTORE_MARK, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    if (!begun && (rc = check_empty(*ret_fd, err)) < 0)
        return rc;
    *ret_lock = openat(*ret_fd, "tamis.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*ret_lock < 0)
        return err_sys(err, errno, "tamis.lock");
    if (flock(*ret_lock, LOCK_EX | LOCK_NB) < 0)
        return err_set(err, ERR_BUSY, "another tamis has this data folder open");
    if (fchmod(*ret_fd, 0700) < 0)
        return err_sys(err, errno, "rights of the data folder");
    return begun ? begin_anew(*ret_fd, err) : make_mark(*ret_fd, err);
}

/* --- filling ------------------------------------------------------------------------------------
 */

static int copy_one(const struct restore *r, const struct manifest_file *f, const char *data,
                    struct err *err) {
    CLEANUP(free_charp) char *from = path_join(r->backup, f->file);
    CLEANUP(free_charp) char *to = path_join(data, f->path);
    if (!from || !to)
        return no_memory(err);
    CLEANUP(closep) int fd = open(from, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, errno, "%.120s", f->file);
    int rc = file_make_folders(data, f->path, err);
    uint8_t digest[CRYPT_DIGEST_BYTES];
    if (rc < 0 || (rc = file_copy(fd, f->bytes, to, digest, err)) < 0)
        return rc;
    if (memcmp(digest, f->digest, sizeof(digest)) != 0)
        return err_set(err, ERR_CORRUPT, "%.120s: its bytes have changed", f->file);
    return 0;
}

static int read_back(const struct manifest_file *f, const char *data, struct err *err) {
    CLEANUP(free_charp) char *path = path_join(data, f->path);
    struct err why = {0};
    if (!path)
        return no_memory(err);
    int rc = file_check(path, f->bytes, f->digest, &why);
    if (rc == 1)
        return 0;
    return err_set(err, rc < 0 ? rc : ERR_CORRUPT, "%.80s as written: %.80s", f->path, why.text);
}

static int fill(const struct restore *r, const struct manifest *m, const char *data,
                struct err *err) {
    uint64_t done = 0, all = 2 * all_bytes(m);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < m->count; i++) {
        rc = copy_one(r, &m->files[i], data, err);
        tell(r, done += m->files[i].bytes, all);
    }
    if (rc == 0)
        rc = file_sync_folders(data, m, false, err);
    for (size_t i = 0; rc == 0 && i < m->count; i++) {
        rc = read_back(&m->files[i], data, err);
        tell(r, done += m->files[i].bytes, all);
    }
    return rc;
}

int restore_fill(const struct restore *r, const struct manifest *m, const char *data,
                 struct err *err) {
    CLEANUP(closep) int fd = -1;
    CLEANUP(closep) int lock = -1;
    int rc = open_folder(data, &fd, &lock, err);
    if (rc < 0 || (rc = fill(r, m, data, err)) < 0)
        return rc;
    if (unlinkat(fd, RESTORE_MARK, 0) < 0 || fsync(fd) < 0)
        return err_sys(err, errno, RESTORE_MARK);
    return 0;
}
