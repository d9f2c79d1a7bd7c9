#include "backup_items.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file_copy.h"
#include "os.h"
#include "parts.h"

enum { SEGMENT_HEADER = 64 };

static int no_memory(struct err *err) {
    return err_set(err, ERR_NOMEM, "no memory for a backup");
}

int backup_items_init(struct backup_items *items, const char *dir, const char *data, bool copy_all,
                      struct err *err) {
    *items = (struct backup_items){.dir = strdup(dir), .data = strdup(data), .copy_all = copy_all};
    return items->dir && items->data ? 0 : no_memory(err);
}

void backup_items_release(struct backup_items *items) {
    for (size_t i = 0; i < items->count; i++)
        closep(&items->list[i].fd);
    manifest_release(&items->before);
    manifest_release(&items->now);
    free(items->list);
    free(items->dir);
    free(items->data);
}

/* --- what is to be taken ------------------------------------------------------------------------
 */

/* For the caller to fill; its descriptor is -1. */
static struct backup_item *add_item(struct backup_items *items) {
    if (items->count == items->cap) {
        size_t cap = items->cap ? items->cap * 2 : 64;
        struct backup_item *list = realloc(items->list, cap * sizeof(*list));
        if (!list)
            return NULL;
        items->list = list;
        items->cap = cap;
    }
    struct backup_item *item = &items->list[items->count++];
    *item = (struct backup_item){.fd = -1};
    return item;
}

static int open_segment(struct backup_items *items, DIR *dir, const char *name, bool header_only,
                        struct err *err) {
    struct backup_item *item = add_item(items);
    if (!item)
        return no_memory(err);
    (void)snprintf(item->path, sizeof(item->path), "journal/%.40s", name);
    item->fd = openat(dirfd(dir), name, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (item->fd < 0 || fstat(item->fd, &st) < 0)
        return err_sys(err, errno, "open a segment");
    item->bytes = header_only ? SEGMENT_HEADER : (uint64_t)st.st_size;
    return 0;
}

int backup_items_add_segments(struct backup_items *items, struct cursor start, struct err *err) {
    CLEANUP(free_charp) char *path = path_join(items->data, "journal");
    CLEANUP(closedirp) DIR *dir = path ? opendir(path) : NULL;
    if (!dir)
        return path ? err_sys(err, errno, "journal folder") : no_memory(err);
    for (struct dirent *e; (e = readdir(dir));) {
        struct span name = span_str(e->d_name);
        uint64_t number;
        if (!span_ends(name, SPAN_LIT(".seg")) ||
            !span_u64(span_head(name, name.len - 4), &number) || number > start.segment)
            continue;
        int rc = open_segment(items, dir, e->d_name, number == start.segment, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int backup_items_add_sealed(struct backup_items *items, struct control *control, struct err *err) {
    struct part_record *parts = NULL;
    size_t count = 0;
    int rc = control_parts(control, &parts, &count, err);
    CLEANUP(free_charp) char *owned = (char *)parts;
    for (size_t i = 0; rc >= 0 && i < count * PART_KINDS; i++) {
        const struct part_file *f = &parts[i / PART_KINDS].files[i % PART_KINDS];
        if (!f->path[0])
            continue;
        struct backup_item *item = add_item(items);
        if (!item)
            return no_memory(err);
        (void)snprintf(item->path, sizeof(item->path), "sealed/%s", f->path);
        item->bytes = f->bytes;
        item->has_digest = true;
        memcpy(item->digest, f->digest, sizeof(item->digest));
    }
    return rc;
}

int backup_items_add_keys(struct backup_items *items, struct err *err) {
    CLEANUP(free_charp) char *path = path_join(items->data, "keys");
    CLEANUP(closedirp) DIR *dir = path ? opendir(path) : NULL;
    if (!dir)
        return !path ? no_memory(err) : errno == ENOENT ? 0 : err_sys(err, errno, "keys folder");
    for (struct dirent *e; (e = readdir(dir));) {
        struct span name = span_str(e->d_name);
        if (!span_starts(name, SPAN_LIT("known-")) || span_ends(name, SPAN_LIT(".tmp")))
            continue;
        struct backup_item *item = add_item(items);
        struct stat st;
        if (!item)
            return no_memory(err);
        (void)snprintf(item->path, sizeof(item->path), "keys/%.40s", e->d_name);
        item->fd = openat(dirfd(dir), e->d_name, O_RDONLY | O_CLOEXEC);
        if (item->fd < 0 || fstat(item->fd, &st) < 0)
            return err_sys(err, errno, "open a key");
        item->bytes = (uint64_t)st.st_size;
    }
    return 0;
}

/* --- one file -----------------------------------------------------------------------------------
 */

static bool had_before(const struct backup_items *items, const struct manifest_file *f,
                       const char *to) {
    const struct manifest_file *old = manifest_find(&items->before, f->file);
    return old && old->bytes == f->bytes &&
           memcmp(old->digest, f->digest, sizeof(f->digest)) == 0 && file_is_there(to, f->bytes);
}

/* Of a broken-off backup: whole files have their names, but nobody recorded them. */
static int is_left(const struct manifest_file *f, const char *to, struct err *err) {
    struct err why = {0};
    if (!file_is_there(to, f->bytes))
        return 0;
    int rc = file_check(to, f->bytes, f->digest, &why);
    if (rc < 0)
        *err = why;
    return rc;
}

static int copy_from(struct backup_items *items, int from, const struct manifest_file *f,
                     const char *to, struct err *err) {
    uint8_t digest[CRYPT_DIGEST_BYTES];
    int rc = file_copy(from, f->bytes, to, digest, err);
    if (rc < 0)
        return rc;
    if (memcmp(digest, f->digest, sizeof(digest)) != 0) {
        (void)unlink(to);
        return err_set(err, ERR_CORRUPT, "%.120s is damaged; see tamis doctor --verify", f->path);
    }
    items->copied++;
    items->copied_bytes += f->bytes;
    return 0;
}

/* link() makes no second copy of bytes that never change; not across file systems. */
static int take_sealed(struct backup_items *items, const struct manifest_file *f, const char *to,
                       struct err *err) {
    CLEANUP(free_charp) char *from = path_join(items->data, f->path);
    if (!from)
        return no_memory(err);
    if (unlink(to) < 0 && errno != ENOENT)
        return err_sys(err, errno, "replace a file of the backup");
    if (!items->copy_all && file_is_there(from, f->bytes) && link(from, to) == 0) {
        items->linked++;
        return 0;
    }
    CLEANUP(closep) int fd = open(from, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? err_sys(err, errno, "%.120s", f->path) : copy_from(items, fd, f, to, err);
}

static int take_file(struct backup_items *items, const struct backup_item *item,
                     const struct manifest_file *f, struct err *err) {
    CLEANUP(free_charp) char *to = path_join(items->dir, f->file);
    if (!to)
        return no_memory(err);
    int rc = had_before(items, f, to) ? 1 : is_left(f, to, err);
    if (rc < 0)
        return rc;
    if (rc == 1) {
        items->kept++;
        return 0;
    }
    if ((rc = file_make_folders(items->dir, f->file, err)) < 0)
        return rc;
    return item->fd < 0 ? take_sealed(items, f, to, err) : copy_from(items, item->fd, f, to, err);
}

/* A segment's digest, which names its file, is found before it is copied: most were copied
 * before. */
static int digest_segment(struct backup_item *item, struct err *err) {
    char header[SEGMENT_HEADER];
    if (item->bytes != sizeof(header))
        return file_digest(item->fd, &item->bytes, item->digest, err);
    int rc = os_read_full(&os_system, item->fd, header, sizeof(header), 0, err);
    crypt_digest(span_of(header, sizeof(header)), item->digest);
    return rc;
}

static int take_item(struct backup_items *items, struct backup_item *item, struct err *err) {
    int rc = item->has_digest ? 0 : digest_segment(item, err);
    struct manifest_file *f = NULL;
    if (rc == 0)
        rc = manifest_add(&items->now, item->path, item->bytes, item->digest, &f, err);
    if (rc == 0)
        rc = take_file(items, item, f, err);
    closep(&item->fd);
    item->fd = -1;
    items->done_bytes += item->bytes;
    return rc;
}

int backup_items_take_next(struct backup_items *items, struct err *err) {
    if (items->at == items->count)
        return 0;
    int rc = take_item(items, &items->list[items->at++], err);
    return rc < 0 ? rc : 1;
}

int backup_items_take_copy(struct backup_items *items, const char *path, const char *copy,
                           struct err *err) {
    CLEANUP(closep) int fd = open(copy, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, errno, "copy of %s", path);
    uint64_t bytes;
    uint8_t digest[CRYPT_DIGEST_BYTES];
    struct manifest_file *f;
    int rc = file_digest(fd, &bytes, digest, err);
    if (rc < 0 || (rc = manifest_add(&items->now, path, bytes, digest, &f, err)) < 0)
        return rc;
    CLEANUP(free_charp) char *to = path_join(items->dir, f->file);
    if (!to)
        return no_memory(err);
    if (had_before(items, f, to))
        items->kept++;
    else
        items->copied++, items->copied_bytes += bytes;
    items->done_bytes += bytes;
    return rename(copy, to) < 0 ? err_sys(err, errno, "copy of %s", path) : 0;
}
