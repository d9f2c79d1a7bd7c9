#include "backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup_items.h"
#include "backup_sweep.h"
#include "file_copy.h"
#include "leases.h"
#include "os.h"
#include "sealed.h"
#include "upkeep.h"

enum { STEP_NS = 250 * 1000000 };

struct backup {
    struct backup_items items;
    struct store_view *view;
    int lock_fd;
    bool has_diary;
    uint64_t removed;
};

static void backup_free(void *thing) {
    struct backup *b = thing;
    backup_items_release(&b->items);
    if (b->view)
        store_view_close(b->view);
    closep(&b->lock_fd);
    free(b);
}

static void backup_freep(struct backup **b) {
    if (*b)
        backup_free(*b);
}

static int no_memory(struct err *err) {
    return err_set(err, ERR_NOMEM, "no memory for a backup");
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
    CLEANUP(closedirp) DIR *d = opendir(b->items.dir);
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
    int rc = os_make_dir(&os_system, b->items.dir, err);
    if (rc < 0 || (rc = check_folder(b, err)) < 0)
        return rc;
    CLEANUP(free_charp) char *lock = path_join(b->items.dir, "backup.lock");
    if (!lock)
        return no_memory(err);
    b->lock_fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (b->lock_fd < 0)
        return err_sys(err, errno, "backup.lock");
    if (flock(b->lock_fd, LOCK_EX | LOCK_NB) < 0)
        return err_set(err, ERR_BUSY, "another tamis makes a backup into this folder");
    rc = manifest_read(b->items.dir, &b->items.before, err);
    /* Without one that reads, all files are looked at as those of a broken-off backup. */
    return rc == ERR_NOT_FOUND || rc == ERR_CORRUPT ? 0 : rc;
}

/* --- the moment ---------------------------------------------------------------------------------
 */

struct moment {
    struct app *app;
    struct backup *backup;
};

static int cut_journal(void *arg, struct err *err) {
    struct moment *m = arg;
    struct cursor start;
    int rc = journal_rotate(m->app->journal, &start, err);
    return rc < 0 ? rc : backup_items_add_segments(&m->backup->items, start, err);
}

/* The diary as it is behind the rotation, and the keys of all who may be in it. */
static int take_diary(struct app *a, struct backup *b, const char *diary, struct err *err) {
    int rc = known_copy(a->known, diary, err);
    b->has_diary = rc == 0;
    return rc < 0 && rc != ERR_NOT_FOUND ? rc : backup_items_add_keys(&b->items, err);
}

/* Under the lock of upkeep; see the head of backup.h. */
static int take_moment(struct app *a, struct backup *b, const char *control, const char *diary,
                       struct err *err) {
    int rc = sealed_sync(a, err);
    if (rc >= 0)
        rc = store_view_open(a->store, &b->view, err);
    if (rc >= 0)
        rc = backup_items_add_sealed(&b->items, a->control, err);
    struct moment m = {.app = a, .backup = b};
    if (rc >= 0)
        rc = control_copy(a->control, control, cut_journal, &m, err);
    return rc < 0 ? rc : take_diary(a, b, diary, err);
}

/* --- the end ------------------------------------------------------------------------------------
 */

static int finish(struct backup *b, struct err *err) {
    manifest_sort(&b->items.now);
    int rc = file_sync_folders(b->items.dir, &b->items.now, true, err);
    if (rc < 0 || (rc = manifest_write(b->items.dir, &b->items.now, err)) < 0)
        return rc;
    return backup_sweep(b->items.dir, &b->items.before, &b->items.now, &b->removed, err);
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
    CLEANUP(free_charp) char *control = path_join(b->items.dir, "control.db.tmp");
    CLEANUP(free_charp) char *diary = path_join(b->items.dir, "visitors.db.tmp");
    if (!control || !diary)
        return no_memory(err);
    upkeep_lock(a);
    rc = take_moment(a, b, control, diary, err);
    upkeep_unlock(a);
    b->items.now.made_ms = clock_wall_ms(a->clock);
    (void)snprintf(b->items.now.version, sizeof(b->items.now.version), "%s", TAMIS_VERSION);
    if (rc >= 0)
        rc = backup_items_take_copy(&b->items, "control.db", control, err);
    return rc < 0 || !b->has_diary ? rc
                                   : backup_items_take_copy(&b->items, "visitors.db", diary, err);
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
    bool copy_all = json_is_true(json_member(args, "copy"));
    int rc = backup_items_init(&b->items, dir, a->data, copy_all, err);
    if (rc < 0)
        return rc;
    rc = leases_turn(a->leases, LEASE_BACKUP, err);
    if (rc < 0)
        return rc;
    rc = begin(a, b, err);
    uint64_t bytes = b->items.done_bytes, files = b->items.count + 1 + b->has_diary, id;
    for (size_t i = 0; i < b->items.count; i++)
        bytes += b->items.list[i].bytes;
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
    int rc;
    while ((rc = backup_items_take_next(&b->items, err)) == 1)
        if (clock_mono_ns(&clock_system) >= until)
            return 0;
    if (rc < 0)
        return rc;
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
        rc = reply_with(
            json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "done", done, "files",
                      (json_int_t)b->items.now.count, "bytes", (json_int_t)b->items.done_bytes,
                      "copied", (json_int_t)b->items.copied, "copied_bytes",
                      (json_int_t)b->items.copied_bytes, "linked", (json_int_t)b->items.linked,
                      "kept", (json_int_t)b->items.kept, "removed", (json_int_t)b->removed),
            ret, err);
    leases_give(a->leases, id, rc < 0 || done);
    return rc;
}
