/* Removing sealed files that no record speaks of. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "seal_private.h"

struct sweep {
    const struct os *os;
    const uint32_t *keep;
    size_t keep_count;
    size_t removed;
};

static int by_id(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Of "<date>.<part>.<kind>.parquet[.tmp]" the part; false for names that are not ours. */
static bool part_of(const char *name, uint32_t *ret_part, bool *ret_tmp) {
    struct span rest = span_str(name), date, number, kind, end, tmp = SPAN_EMPTY;
    uint64_t part;
    if (!span_next(&rest, '.', &date) || !span_next(&rest, '.', &number) ||
        !span_next(&rest, '.', &kind) || !span_next(&rest, '.', &end) ||
        !span_eq(end, SPAN_LIT("parquet")) || !span_u64(number, &part) || part > UINT32_MAX)
        return false;
    if (span_next(&rest, '.', &tmp) && !span_eq(tmp, SPAN_LIT("tmp")))
        return false;
    *ret_part = (uint32_t)part;
    *ret_tmp = tmp.len > 0;
    return true;
}

static int sweep_file(struct sweep *s, const char *path, const char *name, struct err *err) {
    uint32_t part;
    bool tmp;
    if (!part_of(name, &part, &tmp))
        return 0;
    if (!tmp && s->keep_count && bsearch(&part, s->keep, s->keep_count, sizeof(*s->keep), by_id))
        return 0;
    int rc = s->os->unlink(s->os, path);
    if (rc < 0 && rc != -ENOENT)
        return err_sys(err, -rc, "remove a sealed file");
    s->removed++;
    return 0;
}

static void close_dirp(DIR **d) {
    if (*d)
        closedir(*d);
}

/* Folders are <site>/<yyyy-mm>: `depth` more levels below this one. */
static int sweep_folder(struct sweep *s, const char *path, int depth, struct err *err) {
    CLEANUP(close_dirp) DIR *d = opendir(path);
    if (!d)
        return errno == ENOENT || errno == ENOTDIR ? 0 : err_sys(err, errno, "read folder");
    size_t removed = s->removed;
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.')
            continue;
        CLEANUP(free_charp) char *below = path_join(path, e->d_name);
        if (!below)
            return err_set(err, ERR_NOMEM, "no memory for a path");
        int code = depth > 0 ? sweep_folder(s, below, depth - 1, err)
                             : sweep_file(s, below, e->d_name, err);
        if (code)
            return code;
        if (depth > 0)
            (void)rmdir(below); /* only when it is empty */
    }
    return s->removed > removed ? os_sync_dir(s->os, path, err) : 0;
}

int seal_sweep(const struct os *os, const char *root, const uint32_t *keep, size_t keep_count,
               size_t *ret_removed, struct err *err) {
    struct sweep s = {.os = os, .keep = keep, .keep_count = keep_count};
    int code = sweep_folder(&s, root, 2, err);
    if (!code)
        *ret_removed = s.removed;
    return code;
}
