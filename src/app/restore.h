/* restore.h — a data folder from a backup.
 *
 * A folder that is being filled has the file tamis.restoring, made before anything else and removed
 * when everything is durable and has been read back. A server does not open a folder with it; a
 * restore goes on in one, from the start. */
#ifndef TAMIS_APP_RESTORE_H
#define TAMIS_APP_RESTORE_H

#include "manifest.h"

#define RESTORE_MARK "tamis.restoring"

/* Called as it goes, `done` of `all` bytes. */
typedef void (*restore_progress_fn)(void *arg, uint64_t done, uint64_t all);

struct restore {
    const char *backup;
    restore_progress_fn progress;
    void *arg;
    /* What does not verify is told by its name and goes on to the next; NULL: nobody is told. */
    void (*damaged)(void *arg, const char *file, const char *why);
};

/* Reads every file of the backup, which is held (backup_sweep.h) until it is filled from, too: a backup
 * may go on there. *ret_damaged: how many do not verify, the manifest is one too. */
int restore_verify(const struct restore *r, struct manifest *ret, uint64_t *ret_damaged,
                   struct err *err) WARN_UNUSED;

/* Fills `data`, which is empty or missing, with the files of a backup that was verified, and reads
 * them back. */
int restore_fill(const struct restore *r, const struct manifest *m, const char *data,
                 struct err *err) WARN_UNUSED;

#endif
