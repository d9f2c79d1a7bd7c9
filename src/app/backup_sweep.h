/* backup_sweep.h — old files of a backup folder leave it, unless somebody reads them.
 *
 * A restore may run while the next backup is made into the same folder: it has read the manifest
 * before, and its files must stay until it is done. Who reads holds the folder before reading the
 * manifest; who sweeps does so with the new manifest in place, so that whoever comes later reads that
 * one. The holds are flocks of the folder itself, which need no right to write. A file system that has
 * none is swept as if nobody read. */
#ifndef TAMIS_APP_BACKUP_SWEEP_H
#define TAMIS_APP_BACKUP_SWEEP_H

#include "manifest.h"

/* Waits for a sweep to end. *ret_fd: the hold, until it is closed. */
int backup_hold(const char *dir, int *ret_fd, struct err *err) WARN_UNUSED;

/* Removes the files that `now`, which is in place and durable, does not have; sorted, both. *ret_removed:
 * how many of them `before` has. While somebody reads nothing is removed: the next backup does it. */
int backup_sweep(const char *dir, const struct manifest *before, const struct manifest *now,
                 uint64_t *ret_removed, struct err *err) WARN_UNUSED;

#endif
