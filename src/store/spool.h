/* spool.h — streams of bytes that are written in turns and read one after the other.
 *
 * Each has a block in memory; what is more goes to a file that all share and that has no name from
 * the moment it is made. One thread at a time. */
#ifndef TAMIS_STORE_SPOOL_H
#define TAMIS_STORE_SPOOL_H

#include "buf.h"
#include "os.h"

struct spool;

/* `path`: what the file is called for the moment it takes to make it, if there has to be one. */
int spool_open(const struct os *os, const char *path, size_t streams, size_t block_bytes,
               struct spool **ret, struct err *err) WARN_UNUSED;
void spool_free(struct spool *s);
DEFINE_FREEP(struct spool, spool_free)

int spool_add(struct spool *s, size_t stream, struct span bytes, struct err *err) WARN_UNUSED;
/* Puts a stream's bytes into *ret in place of what it holds. */
int spool_read(struct spool *s, size_t stream, struct buf *ret, struct err *err) WARN_UNUSED;

#endif
