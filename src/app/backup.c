#include "backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup_sweep.h"
#include "file_copy.h"
#include "leases.h"
#include "manifest.h"
#include "os.h"
#include "parts.h"
#include "sealed.h"
#include "upkeep.h"

enum { STEP_NS = 250 * 1000000, SEGMENT_HEADER = 64 };

/* A file to take over, in the order of the work. */
struct item {
    char path[MANIFEST_TEXT]; /* in the data folder */
    int fd;                   /* of a segment; -1: a sealed file */
    bool has_digest;          /* a sealed file's is on record */
    uint64_t bytes;
    uint8_t digest[CRYPT_DIGEST_BYTES];
};

struct backup {
    char *dir, *data;
    int lock_fd;
    bool copy_all;
    bool has_diary;
    struct store_view *view;
    struct manifest before, now;
    struct item *items;
    size_t count, cap, at;
    uint64_t done_bytes;
    uint64_t copied, copied_bytes, linked, kept, removed;
};

static void closedirp(DIR **d) {
    if (*d)
        (void)closedir(*d);
}

static void backup_free(void *thing) {
    struct backup *b = thing;
    for (size_t i = 0; i < b->count; i++)
        closep(&b->items[i].fd);
    if (b->view)
        store_view_close(b->view);
    closep(&b->lock_fd);
    manifest_release(&b->before);
    manifest_release(&b->now);
    free(b->items);
    free(b->dir);
    free(b->data);
    free(b);
}

static void backup_freep(struct backup **b) {
    if (*b)
        backup_free(*b);
}

static int no_memory(struct err *err) {
    return err_set(err, ERR_NOMEM, "no memory for a backup");
}

/* For the caller to fill; its descriptor is -1. */
static struct item *add_item(struct backup *b) {
    if (b->count == b->cap) {
        size_t cap = b->cap ? b->cap * 2 : 64;
        struct item *items = realloc(b->items, cap * sizeof(*items));
        if (!items)
            return NULL;
        b->items = items;
        b->cap = cap;
    }
    struct item *item = &b->items[b->count++];
    *item = (struct item){.fd = -1};
    return item;
}

/* --- the folder ---------------------------------------------------------------------------------
 */

static bool is_known(const char *name) {
    static const char *const known[] = {".",       "..",          "manifest.json",
                                        "journal", "backup.lock", "lost+found",
                                        "sealed",  "keys",        "manifest.json.tmp"};
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (strcmp(name, known[i]) == 0)
            return true;
    return span_starts(span_str(name), SPAN_LIT("control.db.")) ||
           span_starts(span_str(name), SPAN_LIT("visitors.db."));
}

/* What is removed from it later must not be somebody else's: it is empty or a backup. */
static int check_folder(const struct backup *b, struct err *err) {
    CLEANUP(closedirp) DIR *d = opendir(b->dir);
    if (!d)
        return err_sys(err, errno, "backup folder");
    bool ours = faccessat(dirfd(d), "backup.lock", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    for (struct dirent *e; (e = readdir(d));) {
        bool empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
                     strcmp(e->d_name, "lost+found") == 0;
        if (ours ? !is_known(e->d_name) : !empty)
            return err_set(err, ERR_INVALID,
                           "the folder for the backup must be empty or hold one; %.60s is in it",
                           e->d_name);
    }
    return 0;
}

static int open_folder(struct backup *b, struct err *err) {
    int rc = os_make_dir(&os_system, b->dir, err);
    if (rc < 0 || (rc = check_folder(b, err)) < 0)
        return rc;
    CLEANUP(free_charp) char *lock = path_join(b->dir, "backup.lock");
    if (!lock)
        return no_memory(err);
    b->lock_fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (b->lock_fd < 0)
        return err_sys(err, errno, "backup.lock");
    if (flock(b->lock_fd, LOCK_EX | LOCK_NB) < 0)
        return err_set(err, ERR_BUSY, "another tamis makes a backup into this folder");
    rc = manifest_read(b->dir, &b->before, err);
    /* Without one that reads, all files are looked at as those of a broken-off backup. */
    return rc == ERR_NOT_FOUND || rc == ERR_CORRUPT ? 0 : rc;
}

/* --- the moment ---------------------------------------------------------------------------------
 */

static int open_segment(struct backup *b, DIR *dir, const char *name, bool header_only,
                        struct err *err) {
    struct item *item = add_item(b);
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

static int open_segments(struct backup *b, struct cursor start, struct err *err) {
    CLEANUP(free_charp) char *path = path_join(b->data, "journal");
    CLEANUP(closedirp) DIR *dir = path ? opendir(path) : NULL;
    if (!dir)
        return path ? err_sys(err, errno, "journal folder") : no_memory(err);
    for (struct dirent *e; (e = readdir(dir));) {
        struct span name = span_str(e->d_name);
        uint64_t number;
        if (!span_ends(name, SPAN_LIT(".seg")) ||
            !span_u64(span_head(name, name.len - 4), &number) || number > start.segment)
            continue;
        int rc = open_segment(b, dir, e->d_name, number == start.segment, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

struct moment {
    struct app *app;
    struct backup *backup;
};

static int cut_journal(void *arg, struct err *err) {
    struct moment *m = arg;
    struct cursor start;
    int rc = journal_rotate(m->app->journal, &start, err);
    return rc < 0 ? rc : open_segments(m->backup, start, err);
}

static int list_sealed(struct app *a, struct backup *b, struct err *err) {
    struct part_record *parts = NULL;
    size_t count = 0;
    int rc = control_parts(a->control, &parts, &count, err);
    CLEANUP(free_charp) char *owned = (char *)parts;
    for (size_t i = 0; rc >= 0 && i < count * PART_KINDS; i++) {
        const struct part_file *f = &parts[i / PART_KINDS].files[i % PART_KINDS];
        if (!f->path[0])
            continue;
        struct item *item = add_item(b);
        if (!item)
            return no_memory(err);
        (void)snprintf(item->path, sizeof(item->path), "sealed/%s", f->path);
        item->bytes = f->bytes;
        item->has_digest = true;
        memcpy(item->digest, f->digest, sizeof(item->digest));
    }
    return rc;
}

/* Without its lasting key a site would know nobody again, and nobody could withdraw. */
static int open_known_keys(struct backup *b, struct err *err) {
    CLEANUP(free_charp) char *path = path_join(b->data, "keys");
    CLEANUP(closedirp) DIR *dir = path ? opendir(path) : NULL;
    if (!dir)
        return !path ? no_memory(err) : errno == ENOENT ? 0 : err_sys(err, errno, "keys folder");
    for (struct dirent *e; (e = readdir(dir));) {
        struct span name = span_str(e->d_name);
        if (!span_starts(name, SPAN_LIT("known-")) || span_ends(name, SPAN_LIT(".tmp")))
            continue;
        struct item *item = add_item(b);
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

/* The diary as it is behind the rotation, and the keys of all who may be in it. */
static int take_diary(struct app *a, struct backup *b, const char *diary, struct err *err) {
    int rc = known_copy(a->known, diary, err);
    b->has_diary = rc == 0;
    return rc < 0 && rc != ERR_NOT_FOUND ? rc : open_known_keys(b, err);
}

/* Under the lock of upkeep; see the head of backup.h. */
static int take_moment(struct app *a, struct backup *b, const char *control, const char *diary,
                       struct err *err) {
    int rc = sealed_sync(a, err);
    if (rc >= 0)
        rc = store_view_open(a->store, &b->view, err);
    if (rc >= 0)
        rc = list_sealed(a, b, err);
    struct moment m = {.app = a, .backup = b};
    if (rc >= 0)
        rc = control_copy(a->control, control, cut_journal, &m, err);
    return rc < 0 ? rc : take_diary(a, b, diary, err);
}

/* --- one file -----------------------------------------------------------------------------------
 */

static bool had_before(const struct backup *b, const struct manifest_file *f, const char *to) {
    const struct manifest_file *old = manifest_find(&b->before, f->file);
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

static int copy_from(struct backup *b, int from, const struct manifest_file *f, const char *to,
                     struct err *err) {
    uint8_t digest[CRYPT_DIGEST_BYTES];
    int rc = file_copy(from, f->bytes, to, digest, err);
    if (rc < 0)
        return rc;
    if (memcmp(digest, f->digest, sizeof(digest)) != 0) {
        (void)unlink(to);
        return err_set(err, ERR_CORRUPT, "%.120s is damaged; see tamis doctor --verify", f->path);
    }
    b->copied++;
    b->copied_bytes += f->bytes;
    return 0;
}

/* link() makes no second copy of bytes that never change; not across file systems. */
static int take_sealed(struct backup *b, const struct manifest_file *f, const char *to,
                       struct err *err) {
    CLEANUP(free_charp) char *from = path_join(b->data, f->path);
    if (!from)
        return no_memory(err);
    if (unlink(to) < 0 && errno != ENOENT)
        return err_sys(err, errno, "replace a file of the backup");
    if (!b->copy_all && file_is_there(from, f->bytes) && link(from, to) == 0) {
        b->linked++;
        return 0;
    }
    CLEANUP(closep) int fd = open(from, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? err_sys(err, errno, "%.120s", f->path) : copy_from(b, fd, f, to, err);
}

static int take_file(struct backup *b, const struct item *item, const struct manifest_file *f,
                     struct err *err) {
    CLEANUP(free_charp) char *to = path_join(b->dir, f->file);
    if (!to)
        return no_memory(err);
    int rc = had_before(b, f, to) ? 1 : is_left(f, to, err);
    if (rc < 0)
        return rc;
    if (rc == 1) {
        b->kept++;
        return 0;
    }
    if ((rc = file_make_folders(b->dir, f->file, err)) < 0)
        return rc;
    return item->fd < 0 ? take_sealed(b, f, to, err) : copy_from(b, item->fd, f, to, err);
}

/* A segment's digest, which names its file, is found before it is copied: most were copied before. */
static int digest_segment(struct item *item, struct err *err) {
    char header[SEGMENT_HEADER];
    if (item->bytes != sizeof(header))
        return file_digest(item->fd, &item->bytes, item->digest, err);
    int rc = os_read_full(&os_system, item->fd, header, sizeof(header), 0, err);
    crypt_digest(span_of(header, sizeof(header)), item->digest);
    return rc;
}

static int take_item(struct backup *b, struct item *item, struct err *err) {
    int rc = item->has_digest ? 0 : digest_segment(item, err);
    struct manifest_file *f = NULL;
    if (rc == 0)
        rc = manifest_add(&b->now, item->path, item->bytes, item->digest, &f, err);
    if (rc == 0)
        rc = take_file(b, item, f, err);
    closep(&item->fd);
    item->fd = -1;
    b->done_bytes += item->bytes;
    return rc;
}

/* The copy of a database was made already; it only gets its name. */
static int name_copy(struct backup *b, const char *path, const char *copy, struct err *err) {
    CLEANUP(closep) int fd = open(copy, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, errno, "copy of %s", path);
    uint64_t bytes;
    uint8_t digest[CRYPT_DIGEST_BYTES];
    struct manifest_file *f;
    int rc = file_digest(fd, &bytes, digest, err);
    if (rc < 0 || (rc = manifest_add(&b->now, path, bytes, digest, &f, err)) < 0)
        return rc;
    CLEANUP(free_charp) char *to = path_join(b->dir, f->file);
    if (!to)
        return no_memory(err);
    if (had_before(b, f, to))
        b->kept++;
    else
        b->copied++, b->copied_bytes += bytes;
    b->done_bytes += bytes;
    return rename(copy, to) < 0 ? err_sys(err, errno, "copy of %s", path) : 0;
}

/* --- the end ------------------------------------------------------------------------------------
 */

static int finish(struct backup *b, struct err *err) {
    manifest_sort(&b->now);
    int rc = file_sync_folders(b->dir, &b->now, true, err);
    if (rc < 0 || (rc = manifest_write(b->dir, &b->now, err)) < 0)
        return rc;
    return backup_sweep(b->dir, &b->before, &b->now, &b->removed, err);
}

/* --- the verbs ----------------------------------------------------------------------------------
 */

static int reply_with(json_t *reply, json_t **ret, struct err *err) {
    *ret = reply;
    return reply ? 0 : no_memory(err);
}

static int begin(struct app *a, struct backup *b, struct err *err) {
    int rc = open_folder(b, err);
    if (rc < 0)
        return rc;
    CLEANUP(free_charp) char *control = path_join(b->dir, "control.db.tmp");
    CLEANUP(free_charp) char *diary = path_join(b->dir, "visitors.db.tmp");
    if (!control || !diary)
        return no_memory(err);
    upkeep_lock(a);
    rc = take_moment(a, b, control, diary, err);
    upkeep_unlock(a);
    b->now.made_ms = clock_wall_ms(a->clock);
    (void)snprintf(b->now.version, sizeof(b->now.version), "%s", TAMIS_VERSION);
    if (rc >= 0)
        rc = name_copy(b, "control.db", control, err);
    return rc < 0 || !b->has_diary ? rc : name_copy(b, "visitors.db", diary, err);
}

static int same_folder(const char *x, const char *y) {
    struct stat sx, sy;
    return stat(x, &sx) == 0 && stat(y, &sy) == 0 && sx.st_dev == sy.st_dev &&
           sx.st_ino == sy.st_ino;
}

int verb_backup_begin(struct app *a, const json_t *args, struct span body, json_t **ret,
                      struct err *err) {
    const char *dir = json_string_value(json_member(args, "dir"));
    if (!dir || dir[0] != '/')
        return err_set(err, ERR_INVALID, "the folder for the backup must be an absolute path");
    if (same_folder(dir, a->data))
        return err_set(err, ERR_INVALID, "that is the data folder itself");
    CLEANUP(backup_freep) struct backup *b = calloc(1, sizeof(*b));
    if (!b)
        return no_memory(err);
    b->lock_fd = -1;
    b->copy_all = json_is_true(json_member(args, "copy"));
    b->dir = strdup(dir);
    b->data = strdup(a->data);
    if (!b->dir || !b->data)
        return no_memory(err);
    int rc = leases_turn(a->leases, LEASE_BACKUP, err);
    if (rc < 0)
        return rc;
    rc = begin(a, b, err);
    uint64_t bytes = b->done_bytes, files = b->count + 1 + b->has_diary, id;
    for (size_t i = 0; i < b->count; i++)
        bytes += b->items[i].bytes;
    if (rc >= 0)
        rc = leases_keep(a->leases, LEASE_BACKUP, TAKE_PTR(b), backup_free, &id, err);
    leases_turn_end(a->leases);
    if (rc < 0)
        return rc;
    return reply_with(json_pack("{s:I, s:I, s:I}", "id", (json_int_t)id, "files", (json_int_t)files,
                                "bytes", (json_int_t)bytes),
                      ret, err);
}

static int step(struct backup *b, bool *ret_done, struct err *err) {
    int64_t until = clock_mono_ns(&clock_system) + STEP_NS;
    while (b->at < b->count) {
        int rc = take_item(b, &b->items[b->at++], err);
        if (rc < 0)
            return rc;
        if (clock_mono_ns(&clock_system) >= until)
            return 0;
    }
    *ret_done = true;
    return finish(b, err);
}

int verb_backup_step(struct app *a, const json_t *args, struct span body, json_t **ret,
                     struct err *err) {
    uint64_t id = (uint64_t)json_integer_value(json_member(args, "id"));
    void *thing = NULL;
    int rc = leases_take(a->leases, LEASE_BACKUP, id, &thing, err);
    if (rc < 0)
        return rc;
    struct backup *b = thing;
    bool done = false;
    rc = step(b, &done, err);
    if (rc >= 0)
        rc = reply_with(json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "done", done, "files",
                                  (json_int_t)b->now.count, "bytes", (json_int_t)b->done_bytes,
                                  "copied", (json_int_t)b->copied, "copied_bytes",
                                  (json_int_t)b->copied_bytes, "linked", (json_int_t)b->linked,
                                  "kept", (json_int_t)b->kept, "removed", (json_int_t)b->removed),
                        ret, err);
    leases_give(a->leases, id, rc < 0 || done);
    return rc;
}
