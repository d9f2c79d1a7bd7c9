/* backup_items.h — the files that a backup takes over from the data folder: listed and opened in
 * its moment (backup.h), copied or linked one by one after it; private to backup.c.
 *
 * The folder of the backup is locked all the while. Used by one thread at a time. */
#ifndef TAMIS_APP_BACKUP_ITEMS_H
#define TAMIS_APP_BACKUP_ITEMS_H

#include "control.h"
#include "cursor.h"
#include "manifest.h"

/* A file to take over. */
struct backup_item {
    char path[MANIFEST_TEXT]; /* in the data folder */
    int fd;                   /* of a segment or a key; -1: a sealed file */
    bool has_digest;          /* a sealed file's is on record */
    uint64_t bytes;
    uint8_t digest[CRYPT_DIGEST_BYTES];
};

struct backup_items {
    char *dir, *data; /* the backup's folder, the data folder */
    bool copy_all;    /* never link */
    struct manifest before, now;
    struct backup_item *list; /* in the order of the work */
    size_t count, cap, at;
    uint64_t done_bytes;
    uint64_t copied, copied_bytes, linked, kept;
};

/* Release it also after an error. */
int backup_items_init(struct backup_items *items, const char *dir, const char *data, bool copy_all,
                      struct err *err) WARN_UNUSED;
void backup_items_release(struct backup_items *items);

/* The segments up to the one that begins at `start`; of that one the header alone. */
int backup_items_add_segments(struct backup_items *items, struct cursor start,
                              struct err *err) WARN_UNUSED;

/* The files of all parts on record. */
int backup_items_add_sealed(struct backup_items *items, struct control *control,
                            struct err *err) WARN_UNUSED;

/* The lasting keys: without its own a site would know nobody again, and nobody could withdraw. */
int backup_items_add_keys(struct backup_items *items, struct err *err) WARN_UNUSED;

/* Takes the next file over: 1; 0: there is none left. What the backup has of it already, by
 * `before` or from one that was broken off, is kept. ERR_CORRUPT: it is damaged. */
int backup_items_take_next(struct backup_items *items, struct err *err) WARN_UNUSED;

/* A database, of which `copy` was made already, in the same folder: it only gets its name. */
int backup_items_take_copy(struct backup_items *items, const char *path, const char *copy,
                           struct err *err) WARN_UNUSED;

#endif
