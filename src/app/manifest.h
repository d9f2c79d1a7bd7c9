/* manifest.h — what a backup folder holds: DIR/manifest.json.
 *
 *   {"digest":"<64 hex>","manifest":{
 *   "format":2,"tamis":"<version>","made_ms":<ms since 1970>,"files":[
 *   {"path":"…","file":"…","bytes":<n>,"digest":"<64 hex>"},
 *   …
 *   ]}}
 *
 * `path` is where a file belongs in a data folder, `file` where it lies in the backup: the same for
 * sealed files, which never change; the path and the beginning of its digest for others, so that a
 * later state never overwrites one that a manifest speaks of. Digests are BLAKE2b-256. The first one
 * is that of the value of "manifest", byte for byte, and what stands around it is fixed, so no byte
 * of the manifest itself can change unnoticed. */
#ifndef TAMIS_APP_MANIFEST_H
#define TAMIS_APP_MANIFEST_H

#include "crypt.h"
#include "err.h"

enum { MANIFEST_TEXT = 160 };

struct manifest_file {
    char path[MANIFEST_TEXT];
    char file[MANIFEST_TEXT];
    uint64_t bytes;
    uint8_t digest[CRYPT_DIGEST_BYTES];
};

struct manifest {
    int64_t made_ms;
    char version[32];            /* of the tamis that made it */
    struct manifest_file *files; /* by `file` after reading */
    size_t count, cap;
};

void manifest_release(struct manifest *m);

/* `file` is made from `path`; bytes and digest are copied. The pointer is good until the next one. */
int manifest_add(struct manifest *m, const char *path, uint64_t bytes,
                 const uint8_t digest[CRYPT_DIGEST_BYTES], struct manifest_file **ret,
                 struct err *err) WARN_UNUSED;

/* Sorts by `file`: before finding. */
void manifest_sort(struct manifest *m);
/* NULL: it is not there. */
const struct manifest_file *manifest_find(const struct manifest *m, const char *file);

/* ERR_NOT_FOUND: there is none; ERR_CORRUPT: it does not verify; ERR_UNSUPPORTED: of a newer tamis.
 * Paths that were read are control.db, visitors.db, or below journal/, sealed/ and keys/known-. */
int manifest_read(const char *dir, struct manifest *ret, struct err *err) WARN_UNUSED;
/* In place of the one that is there, in one step. */
int manifest_write(const char *dir, const struct manifest *m, struct err *err) WARN_UNUSED;

#endif
