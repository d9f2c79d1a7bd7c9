/* file_copy.h — files that are hashed, copied and made durable: for backup and restore. */
#ifndef TAMIS_APP_FILE_COPY_H
#define TAMIS_APP_FILE_COPY_H

#include "crypt.h"
#include "err.h"
#include "manifest.h"

/* Hashes an open file from its first byte to its last. */
int file_digest(int fd, uint64_t *ret_bytes, uint8_t ret_digest[CRYPT_DIGEST_BYTES],
                struct err *err) WARN_UNUSED;

/* Whether `path` is a plain file with these bytes: 1, or 0 with the reason in *err. Reads it whole,
 * past the page cache as far as that can be had. */
int file_check(const char *path, uint64_t bytes, const uint8_t digest[CRYPT_DIGEST_BYTES],
               struct err *err) WARN_UNUSED;

/* Whether there is a plain file of that size. */
bool file_is_there(const char *path, uint64_t bytes);

/* Copies the first `bytes` of an open file to `path`, 0600, over what is there: written aside,
 * synced, renamed. The digest is of what was read. */
int file_copy(int from, uint64_t bytes, const char *path, uint8_t ret_digest[CRYPT_DIGEST_BYTES],
              struct err *err) WARN_UNUSED;

/* Makes the folders above root/path, below root. */
int file_make_folders(const char *root, const char *path, struct err *err) WARN_UNUSED;

/* Makes the names of all files of the manifest durable below `root`: `stored` as the backup has
 * them, else as a data folder has them. */
int file_sync_folders(const char *root, const struct manifest *m, bool stored,
                      struct err *err) WARN_UNUSED;

#endif
