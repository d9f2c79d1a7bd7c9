/* log_file.h — an access log as bytes: plain or gzip, a file or the standard input, readable twice.
 */
#ifndef TAMIS_LOG_FILE_H
#define TAMIS_LOG_FILE_H

#include "crypt.h"
#include "err.h"
#include "span.h"

struct log_file {
    int fd;
    void *gz; /* gzFile; zlib hands plain bytes through */
    bool spooled;
};

/* path "-": the standard input; one that cannot be read twice is copied into a nameless file in
 * `data` first. */
int log_file_open(struct log_file *f, const char *path, const char *data,
                  struct err *err) WARN_UNUSED;

/* Fills `out` as far as the log goes; *ret_len < size only at its end. ERR_CORRUPT: broken gzip. */
int log_file_read(struct log_file *f, char *out, size_t size, size_t *ret_len,
                  struct err *err) WARN_UNUSED;

/* To the start again. */
int log_file_rewind(struct log_file *f, struct err *err) WARN_UNUSED;

/* Digest and length of the decompressed bytes; leaves the file at its start. */
int log_file_digest(struct log_file *f, uint8_t digest[CRYPT_DIGEST_BYTES], uint64_t *ret_size,
                    struct err *err) WARN_UNUSED;

/* Wipes what was spooled. */
void log_file_close(struct log_file *f);

#endif
