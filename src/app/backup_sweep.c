#include "backup_sweep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os.h"

static int no_memory(struct err *err) {
    return err_set(err, ERR_NOMEM, "no memory for a backup");
}

/* --- who reads ----------------------------------------------------------------------------------
 */

static int open_folder(const char *dir, int *ret_fd, struct err *err) {
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, errno, "backup folder");
    *ret_fd = fd;
    return 0;
}

int backup_hold(const char *dir, int *ret_fd, struct err *err) {
    int rc = open_folder(dir, ret_fd, err);
    while (rc == 0 && flock(*ret_fd, LOCK_SH) < 0 && errno == EINTR)
        ;
    return rc;
}

/* --- what goes ----------------------------------------------------------------------------------
 */

struct sweep {
    const char *dir;
    const struct manifest *before, *now;
    uint64_t removed;
};

static int sweep(struct sweep *s, const char *below, int depth, struct err *err);

static int sweep_entry(struct sweep *s, const char *path, int depth, struct err *err) {
    CLEANUP(free_charp) char *full = path_join(s->dir, path);
    struct stat st;
    if (!full)
        return no_memory(err);
    if (lstat(full, &st) < 0)
        return 0;
    if (S_ISDIR(st.st_mode) && depth > 0) {
        int rc = sweep(s, path, depth - 1, err);
        (void)rmdir(full); /* only when it is empty */
        return rc;
    }
    if (!S_ISREG(st.st_mode) || manifest_find(s->now, path))
        return 0;
    s->removed += manifest_find(s->before, path) != NULL;
    return unlink(full) < 0 && errno != ENOENT ? err_sys(err, errno, "remove an old file") : 0;
}

/* The files of `below`; in the folder itself only copies of databases are ours to remove. */
static int sweep(struct sweep *s, const char *below, int depth, struct err *err) {
    CLEANUP(free_charp) char *path = path_join(s->dir, below);
    CLEANUP(closedirp) DIR *d = path ? opendir(path) : NULL;
    if (!d)
        return !path ? no_memory(err) : errno == ENOENT ? 0 : err_sys(err, errno, "backup folder");
    bool top = !*below;
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.' ||
            (top && !span_starts(span_str(e->d_name), SPAN_LIT("control.db.")) &&
             !span_starts(span_str(e->d_name), SPAN_LIT("visitors.db."))))
            continue;
        CLEANUP(free_charp) char *name = top ? strdup(e->d_name) : path_join(below, e->d_name);
        int rc = name ? sweep_entry(s, name, depth, err) : no_memory(err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int backup_sweep(const char *dir, const struct manifest *before, const struct manifest *now,
                 uint64_t *ret_removed, struct err *err) {
    CLEANUP(closep) int fd = -1;
    int rc = open_folder(dir, &fd, err);
    if (rc < 0)
        return rc;
    struct sweep s = {.dir = dir, .before = before, .now = now};
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) {
        if ((rc = sweep(&s, "", 0, err)) < 0 || (rc = sweep(&s, "journal", 0, err)) < 0 ||
            (rc = sweep(&s, "keys", 0, err)) < 0 || (rc = sweep(&s, "sealed", 2, err)) < 0)
            return rc;
    }
    *ret_removed = s.removed;
    return 0;
}
