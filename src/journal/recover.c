#include "recover.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "segment.h"

static int by_number(const void *a, const void *b) {
    const struct segment *x = a;
    const struct segment *y = b;
    return x->number < y->number ? -1 : x->number > y->number;
}

static int list(const struct os *os, const char *dir, struct catalog *c, struct err *err) {
    CLEANUP(closedirp) DIR *d = opendir(dir);
    if (!d)
        return err_sys(err, errno, "open journal folder");
    for (;;) {
        errno = 0;
        const struct dirent *e = readdir(d);
        if (!e && errno)
            return err_sys(err, errno, "read journal folder");
        if (!e)
            break;
        uint64_t number;
        if (segment_parse_name(e->d_name, ".tmp", &number)) {
            CLEANUP(free_charp) char *path = path_join(dir, e->d_name);
            if (path)
                (void)os->unlink(os, path); /* harmless when it stays */
        }
        if (!segment_parse_name(e->d_name, ".seg", &number))
            continue;
        int rc = catalog_reserve(c, err);
        if (rc < 0)
            return rc;
        c->items[c->count++] = (struct segment){.number = number};
    }
    if (c->count)
        qsort(c->items, c->count, sizeof(*c->items), by_number);
    return 0;
}

/* 0 with *ret_end 0 when the header cannot be trusted. */
static int previous_end(const struct os *os, const char *dir, uint64_t number, uint64_t *ret_end,
                        struct err *err) {
    int fd;
    int rc = segment_open(os, dir, number, O_RDONLY, &fd, err);
    if (rc < 0)
        return rc;
    uint64_t end = 0;
    rc = segment_read_header(os, fd, number, &end, err);
    (void)os->close(os, fd);
    if (rc < 0 && rc != ERR_CORRUPT)
        return rc;
    *ret_end = rc == 0 ? end : 0;
    return 0;
}

/* The end of a segment that no later header fixes. Frames found by the scan may be in the page
 * cache only (the process was killed before its fdatasync), yet readers are about to build on them:
 * so sync first. Pages whose sync failed under the old process look clean and are not on the disk:
 * forget them, so that the scan reads what the disk has. The unused rest goes back to the file
 * system, but only where nothing but zeros follows: a torn tail may be of interest to whoever has
 * to look into it, and the next header fences it off anyway. */
static int find_end(const struct os *os, const char *dir, struct segment *s, struct err *err) {
    int fd;
    int rc = segment_open(os, dir, s->number, O_RDWR, &fd, err);
    if (rc < 0)
        return rc;
    bool clean;
    rc = os->fdatasync(os, fd);
    rc = rc < 0 ? err_sys(err, -rc, "sync segment") : 0;
    if (rc == 0) {
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
        rc = segment_scan(os, fd, s->number, &s->end, &clean, err);
    }
    if (rc == 0 && clean && os->size(os, fd) > (int64_t)s->end)
        (void)os->ftruncate(os, fd, (int64_t)s->end);
    (void)os->close(os, fd);
    return rc;
}

int recover(const struct os *os, const char *dir, struct catalog *ret, struct err *err) {
    int rc = list(os, dir, ret, err);
    uint64_t next_number = 0;
    uint64_t end_by_next = 0;
    for (size_t i = ret->count; rc == 0 && i-- > 0;) {
        struct segment *s = &ret->items[i];
        if (s->number + 1 == next_number && end_by_next >= SEGMENT_HEADER_BYTES)
            s->end = end_by_next;
        else
            rc = find_end(os, dir, s, err);
        next_number = s->number;
        if (rc == 0)
            rc = previous_end(os, dir, s->number, &end_by_next, err);
    }
    return rc;
}
