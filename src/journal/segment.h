/* segment.h — one file of the journal: its format, making, scanning and reading. Internal to
 * journal/. */
#ifndef TAMIS_SEGMENT_H
#define TAMIS_SEGMENT_H

#include "buf.h"
#include "err.h"
#include "os.h"

enum { SEGMENT_HEADER_BYTES = 64, FRAME_HEADER_BYTES = 8, SEGMENT_NAME_BYTES = 32 };

/* "00000000000000000001.seg" or the like; `suffix` is ".seg" or ".tmp". */
void segment_name(uint64_t number, const char *suffix, char out[SEGMENT_NAME_BYTES]);

/* The inverse; false when `name` is not exactly such a name. */
bool segment_parse_name(const char *name, const char *suffix, uint64_t *ret_number);

struct segment_plan {
    uint64_t number;
    uint64_t previous_end; /* where segment number - 1 counts as ended */
    int64_t created_ms;
    uint64_t size_bytes; /* to preallocate */
};

/* Makes a segment and returns once file and name are durable. On failure a file of that name may
 * exist, with this header and no frame; making it again replaces it. The fd is the caller's. */
int segment_create(const struct os *os, const char *dir, const struct segment_plan *plan,
                   int *ret_fd, struct err *err) WARN_UNUSED;

/* Puts a file with that content in the segment's place; 0 once file and name are durable. On
 * failure the name means the old file or the new one, and after a power cut perhaps the other. */
int segment_replace(const struct os *os, const char *dir, uint64_t number, struct span bytes,
                    struct err *err) WARN_UNUSED;

/* Removes the file; fine when it is not there. The caller syncs the folder. */
int segment_remove(const struct os *os, const char *dir, uint64_t number,
                   struct err *err) WARN_UNUSED;

int segment_open(const struct os *os, const char *dir, uint64_t number, int flags, int *ret_fd,
                 struct err *err) WARN_UNUSED;

/* ERR_CORRUPT: the header does not verify. ERR_UNSUPPORTED: written by a newer Tamis. */
int segment_read_header(const struct os *os, int fd, uint64_t number, uint64_t *ret_previous_end,
                        struct err *err) WARN_UNUSED;

/* Finds where the verifying frames end. *ret_clean: nothing but the unused rest follows. */
int segment_scan(const struct os *os, int fd, uint64_t number, uint64_t *ret_end, bool *ret_clean,
                 struct err *err) WARN_UNUSED;

/* Appends the frames from offset `from` (before `end`, which is durable) as u32le length and
 * payload; about `most_bytes`, at least one. ERR_CORRUPT when the first one does not verify. */
int segment_read(const struct os *os, int fd, uint64_t number, uint64_t from, uint64_t end,
                 size_t most_bytes, struct buf *ret, uint64_t *ret_next,
                 struct err *err) WARN_UNUSED;

/* Appends the file's first `end` bytes to *ret, with zeros for what it does not have. *ret_longer:
 * it goes on behind them. */
int segment_load(const struct os *os, const char *dir, uint64_t number, uint64_t end,
                 struct buf *ret, bool *ret_longer, struct err *err) WARN_UNUSED;

/* The length of the payload of the frame that starts at p; 0 when none verifies in n bytes. */
uint32_t segment_frame_at(uint64_t number, const char *p, size_t n);

/* Fills in length and CRC of a frame whose `len` bytes of payload stand behind the 8 bytes of
 * header. */
void segment_seal_frame(uint64_t number, char *frame, uint32_t len);

#endif
