#include "crash_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "buf.h"
#include "must.h"

enum { SECTOR = 512, NAME = 64, MOST_NAMES = 4096, MOST_FDS = 1024 };

enum op_kind { OP_WRITE, OP_TRUNCATE, OP_GROW };

struct disk_op {
    struct disk_op *next;
    enum op_kind kind;
    size_t off; /* OP_TRUNCATE, OP_GROW: the size */
    size_t len;
    char data[];
};

struct disk_file {
    struct disk_file *next;
    struct buf durable;
    struct disk_op *first;
    struct disk_op **last;
};

struct disk_name {
    char name[NAME];
    struct disk_file *file; /* NULL: no such name */
};

/* A change of the folder: `from` goes away, `to` becomes `file`. Either may be empty. */
struct name_op {
    char from[NAME];
    char to[NAME];
    struct disk_file *file;
};

struct name_table {
    struct disk_name items[MOST_NAMES];
    size_t count;
};

struct disk_names {
    struct name_table live;
    struct name_table durable;
    struct name_op pending[MOST_NAMES];
    size_t pending_count;
    struct disk_file *by_fd[MOST_FDS];
    bool is_dir[MOST_FDS];
};

/* splitmix64 */
static uint64_t next_random(struct crash_disk *d) {
    uint64_t z = d->random += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

uint64_t crash_disk_random(struct crash_disk *d, uint64_t n) {
    pthread_mutex_lock(&d->lock);
    uint64_t v = next_random(d) % n;
    pthread_mutex_unlock(&d->lock);
    return v;
}

static bool chance(struct crash_disk *d, unsigned percent) {
    return percent && next_random(d) % 100 < percent;
}

/* ---- names ---- */

static struct disk_file **slot(struct name_table *t, const char *name) {
    for (size_t i = 0; i < t->count; i++) {
        if (strcmp(t->items[i].name, name) == 0)
            return &t->items[i].file;
    }
    must(t->count < MOST_NAMES);
    struct disk_name *n = &t->items[t->count++];
    (void)snprintf(n->name, NAME, "%s", name);
    n->file = NULL;
    return &n->file;
}

static void apply_name(struct name_table *t, const struct name_op *op) {
    if (op->from[0])
        *slot(t, op->from) = NULL;
    if (op->to[0])
        *slot(t, op->to) = op->file;
}

static void change_names(struct crash_disk *d, const char *from, const char *to,
                         struct disk_file *file) {
    must(d->names->pending_count < MOST_NAMES);
    struct name_op *op = &d->names->pending[d->names->pending_count++];
    (void)snprintf(op->from, NAME, "%s", from);
    (void)snprintf(op->to, NAME, "%s", to);
    op->file = file;
    apply_name(&d->names->live, op);
}

/* percent of the changes, in order, become durable; the rest is forgotten. */
static void settle_names(struct crash_disk *d, unsigned percent) {
    for (size_t i = 0; i < d->names->pending_count; i++) {
        if (chance(d, percent))
            apply_name(&d->names->durable, &d->names->pending[i]);
    }
    d->names->pending_count = 0;
}

/* The name within the folder, or NULL. */
static const char *inside(const struct crash_disk *d, const char *path) {
    size_t n = strlen(d->dir);
    bool is = strncmp(path, d->dir, n) == 0 && path[n] == '/' && !strchr(path + n + 1, '/') &&
              strcmp(path + n + 1, "..") != 0;
    return is ? path + n + 1 : NULL;
}

/* ---- bytes ---- */

static void resize(struct buf *b, size_t size) {
    if (size > b->len) {
        must(buf_reserve(b, size - b->len));
        memset(b->data + b->len, 0, size - b->len);
    }
    b->len = size;
}

static void record(struct disk_file *f, enum op_kind kind, size_t off, const void *data,
                   size_t len) {
    struct disk_op *op = malloc(sizeof(*op) + len);
    must(op);
    *op = (struct disk_op){.kind = kind, .off = off, .len = len};
    if (len)
        memcpy(op->data, data, len);
    *f->last = op;
    f->last = &op->next;
}

struct fate {
    unsigned keep_percent;
    unsigned garble_percent; /* of what is not kept */
};

static void settle_write(struct crash_disk *d, struct buf *to, const struct disk_op *op,
                         struct fate fate) {
    for (size_t at = 0; at < op->len;) {
        size_t n = SECTOR - (op->off + at) % SECTOR;
        if (n > op->len - at)
            n = op->len - at;
        bool keep = chance(d, fate.keep_percent);
        if (keep || chance(d, fate.garble_percent)) {
            if (to->len < op->off + at + n)
                resize(to, op->off + at + n);
            for (size_t i = 0; i < n; i++)
                to->data[op->off + at + i] = keep ? op->data[at + i] : (char)next_random(d);
        }
        at += n;
    }
}

static void settle_file(struct crash_disk *d, struct disk_file *f, struct fate fate) {
    for (struct disk_op *op = f->first, *next; op; op = next) {
        next = op->next;
        if (op->kind == OP_WRITE)
            settle_write(d, &f->durable, op, fate);
        else if (chance(d, fate.keep_percent) &&
                 (op->kind == OP_TRUNCATE || op->off > f->durable.len))
            resize(&f->durable, op->off);
        free(op);
    }
    f->first = NULL;
    f->last = &f->first;
}

static struct disk_file *new_file(struct crash_disk *d) {
    struct disk_file *f = calloc(1, sizeof(*f));
    must(f);
    f->last = &f->first;
    f->next = d->files;
    d->files = f;
    return f;
}

/* ---- calls; `lock` is held by the macros around them ---- */

static struct crash_disk *self(const struct os *os) {
    return (struct crash_disk *)(uintptr_t)os; /* `os` is its first member */
}

static bool powered(struct crash_disk *d) {
    if (d->calls_left && d->calls_left != ULONG_MAX)
        d->calls_left--;
    return d->calls_left > 0;
}

static void unlockp(pthread_mutex_t **m) {
    pthread_mutex_unlock(*m);
}
#define LOCKED(d)                                                \
    CLEANUP(unlockp) UNUSED pthread_mutex_t *_held = &(d)->lock; \
    pthread_mutex_lock(&(d)->lock)

static int disk_open(const struct os *os, const char *path, int flags, mode_t mode) {
    struct crash_disk *d = self(os);
    LOCKED(d);
    if (!powered(d))
        return -EIO;
    const char *name = inside(d, path);
    int fd = os_system.open(&os_system, path, flags, mode);
    if (fd < 0)
        return fd;
    must(fd < MOST_FDS);
    d->names->is_dir[fd] = strcmp(path, d->dir) == 0;
    d->names->by_fd[fd] = NULL;
    if (!name)
        return fd;
    struct disk_file **f = slot(&d->names->live, name);
    if (!*f)
        change_names(d, "", name, new_file(d));
    else if (flags & O_TRUNC)
        record(*f, OP_TRUNCATE, 0, NULL, 0);
    d->names->by_fd[fd] = *f;
    return fd;
}

static int disk_close(const struct os *os, int fd) {
    LOCKED(self(os));
    return os_system.close(&os_system, fd);
}

static int64_t disk_pread(const struct os *os, int fd, void *buf, size_t n, int64_t off) {
    struct crash_disk *d = self(os);
    LOCKED(d);
    return d->calls_left ? os_system.pread(&os_system, fd, buf, n, off) : -EIO;
}

static int64_t disk_pwrite(const struct os *os, int fd, const void *buf, size_t n, int64_t off) {
    struct crash_disk *d = self(os);
    LOCKED(d);
    if (!powered(d))
        return -EIO;
    bool fails = chance(d, d->write_failure_percent);
    size_t put = fails ? next_random(d) % n : n;
    if (put && os_system.pwrite(&os_system, fd, buf, put, off) != (int64_t)put)
        return -EIO;
    if (put && d->names->by_fd[fd])
        record(d->names->by_fd[fd], OP_WRITE, (size_t)off, buf, put);
    return fails ? -ENOSPC : (int64_t)put;
}

/* The real fsync is left out: the test ends before the machine does. */
static int disk_sync(const struct os *os, int fd) {
    struct crash_disk *d = self(os);
    LOCKED(d);
    if (!powered(d))
        return -EIO;
    bool fails = chance(d, d->sync_failure_percent);
    struct fate fate = fails ? (struct fate){.keep_percent = (unsigned)(next_random(d) % 101)}
                             : (struct fate){.keep_percent = 100};
    if (d->names->by_fd[fd])
        settle_file(d, d->names->by_fd[fd], fate);
    else if (d->names->is_dir[fd])
        settle_names(d, fate.keep_percent);
    return fails ? -EIO : 0;
}

static int disk_ftruncate(const struct os *os, int fd, int64_t size) {
    struct crash_disk *d = self(os);
    LOCKED(d);
    if (!powered(d))
        return -EIO;
    if (d->names->by_fd[fd])
        record(d->names->by_fd[fd], OP_TRUNCATE, (size_t)size, NULL, 0);
    return os_system.ftruncate(&os_system, fd, size);
}

static int disk_fallocate(const struct os *os, int fd, int64_t off, int64_t len) {
    struct crash_disk *d = self(os);
    LOCKED(d);
    if (!powered(d))
        return -EIO;
    if (os_system.size(&os_system, fd) >= off + len)
        return 0;
    if (d->names->by_fd[fd])
        record(d->names->by_fd[fd], OP_GROW, (size_t)(off + len), NULL, 0);
    return os_system.ftruncate(&os_system, fd, off + len);
}

static int64_t disk_size(const struct os *os, int fd) {
    LOCKED(self(os));
    return os_system.size(&os_system, fd);
}

static int disk_rename(const struct os *os, const char *from, const char *to) {
    struct crash_disk *d = self(os);
    LOCKED(d);
    if (!powered(d))
        return -EIO;
    const char *a = inside(d, from);
    const char *b = inside(d, to);
    int rc = os_system.rename(&os_system, from, to);
    if (rc == 0 && a && b)
        change_names(d, a, b, *slot(&d->names->live, a));
    return rc;
}

static int disk_unlink(const struct os *os, const char *path) {
    struct crash_disk *d = self(os);
    LOCKED(d);
    if (!powered(d))
        return -EIO;
    const char *name = inside(d, path);
    int rc = os_system.unlink(&os_system, path);
    if (rc == 0 && name)
        change_names(d, name, "", NULL);
    return rc;
}

static int disk_mkdir(const struct os *os, const char *path, mode_t mode) {
    return os_system.mkdir(&os_system, path, mode);
}

bool crash_disk_init(struct crash_disk *d, const char *dir, uint64_t seed) {
    *d = (struct crash_disk){
        .os = {.open = disk_open,
               .close = disk_close,
               .pread = disk_pread,
               .pwrite = disk_pwrite,
               .fdatasync = disk_sync,
               .fsync = disk_sync,
               .ftruncate = disk_ftruncate,
               .fallocate = disk_fallocate,
               .size = disk_size,
               .rename = disk_rename,
               .unlink = disk_unlink,
               .mkdir = disk_mkdir},
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .random = seed,
        .calls_left = ULONG_MAX,
        .names = calloc(1, sizeof(struct disk_names)),
    };
    (void)snprintf(d->dir, sizeof(d->dir), "%s", dir);
    return d->names;
}

static void free_files(struct crash_disk *d) {
    for (struct disk_file *f = d->files, *next; f; f = next) {
        next = f->next;
        settle_file(d, f, (struct fate){0});
        buf_release(&f->durable);
        free(f);
    }
    d->files = NULL;
}

void crash_disk_release(struct crash_disk *d) {
    free_files(d);
    free(d->names);
    d->names = NULL;
}

void crash_disk_cut_after(struct crash_disk *d, unsigned long n) {
    pthread_mutex_lock(&d->lock);
    d->calls_left = n;
    pthread_mutex_unlock(&d->lock);
}

bool crash_disk_powered(struct crash_disk *d) {
    LOCKED(d);
    return d->calls_left > 0;
}

static void rewrite(const struct crash_disk *d, const char *name, const struct disk_file *f) {
    CLEANUP(free_charp) char *path = path_join(d->dir, name);
    must(path);
    (void)unlink(path);
    if (!f)
        return;
    CLEANUP(closep) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    must(fd >= 0);
    must(os_write_full(&os_system, fd, f->durable.data, f->durable.len, 0, NULL) == 0);
}

void crash_disk_cut(struct crash_disk *d) {
    LOCKED(d);
    static const struct fate fates[] = {{100, 0}, {0, 0}, {50, 0}, {50, 60}, {80, 50}, {0, 100}};
    settle_names(d, (unsigned[]){100, 0, 50}[next_random(d) % 3]);
    for (struct disk_file *f = d->files; f; f = f->next)
        settle_file(d, f, fates[next_random(d) % ARRAY_LEN(fates)]);
    struct disk_names *n = d->names;
    for (size_t i = 0; i < n->live.count; i++)
        rewrite(d, n->live.items[i].name, *slot(&n->durable, n->live.items[i].name));
    memcpy(&n->live, &n->durable, sizeof(n->live));
    d->calls_left = ULONG_MAX;
}
