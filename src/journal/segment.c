/* The file format, version 1. All integers are little-endian.
 *
 * A journal is a folder of segments named by their number, from 1, without gaps while in use:
 * "%020llu.seg". Names ending in ".tmp" are segments being made or replaced; nobody reads them, and
 * they are removed at open.
 *
 *   header, 64 bytes
 *      0  8  magic "TAMISJNL"
 *      8  4  version, 1
 *     12  4  zero
 *     16  8  number of this segment
 *     24  8  previous end: the offset at which segment number - 1 counts as ended (0: none)
 *     32  8  created, ms since 1970 (for people; nothing depends on it)
 *     40 20  zero
 *     60  4  CRC-32C of bytes 0–59
 *   frames, one after the other from byte 64
 *      0  4  length of the payload, 1 to JOURNAL_LARGEST_FRAME
 *      4  4  CRC-32C of: magic, segment number (8 bytes), length (4 bytes), payload
 *      8  …  payload
 *   A length of zero, or the end of the file, is the end: segments are preallocated with zeros.
 *
 * Why the previous end stands in the *next* header. After a write or fsync has failed nobody knows
 * which of its bytes are on the disk: the kernel may have dropped the dirty pages and will call a
 * second fsync a success. So such a segment is never written again; it ends at its last durable
 * offset, and what was not acknowledged goes into a new segment. Bytes after that offset may well
 * be whole frames that verify. Read, they would double the frames appended again, or bring back
 * frames that were reported as failed. Nothing can be written into the failing file to forbid that,
 * but the next segment's header can say it: it is durable before the first frame is appended after
 * it. So whenever frames follow, the end of what is before them is fixed.
 *
 * Why the header needs no in-place update and no torn state: it is written to a temporary name,
 * fsynced, renamed and the folder fsynced before the segment takes a frame. A ".seg" with a bad
 * header is damage, not a crash; its frames carry their own CRC, mixed with the number in the
 * file's *name*, and stay readable. Only the end of the segment before it has then to be found by
 * scanning.
 *
 * How bytes of a closed segment are overwritten (journal_redact). Not in place, where a crash could
 * leave half of it and a reader see it: a whole new file, with frames of the same lengths at the
 * same offsets, takes its name in the same four steps. The frames that were overwritten carry new
 * CRCs; the new file ends where the segment counts as ended.
 *
 * What is assumed of the disk: bytes that are durable survive a torn write of bytes *next* to them
 * in the same page ("powersafe overwrite", as SQLite assumes it too). */
#include "segment.h"

#include <errno.h>
#include <fcntl.h>

#include "crc32c.h"
#include "journal.h"

static const char magic[8] = {'T', 'A', 'M', 'I', 'S', 'J', 'N', 'L'};

enum {
    VERSION = 1,
    AT_VERSION = 8,
    AT_NUMBER = 16,
    AT_PREVIOUS_END = 24,
    AT_CREATED = 32,
    AT_CRC = 60,
    NAME_DIGITS = 20,
    SCAN_BYTES = 1024 * 1024,
    LEAST_ROOM_BYTES = 1024 * 1024,
};

static void put_le(char *p, uint64_t v, unsigned bytes) {
    for (unsigned i = 0; i < bytes; i++)
        p[i] = (char)(v >> (8 * i));
}

static uint64_t get_le(const char *p, unsigned bytes) {
    uint64_t v = 0;
    for (unsigned i = 0; i < bytes; i++)
        v |= (uint64_t)(unsigned char)p[i] << (8 * i);
    return v;
}

void segment_name(uint64_t number, const char *suffix, char out[SEGMENT_NAME_BYTES]) {
    (void)snprintf(out, SEGMENT_NAME_BYTES, "%020llu%s", (unsigned long long)number, suffix);
}

bool segment_parse_name(const char *name, const char *suffix, uint64_t *ret_number) {
    struct span s = span_str(name);
    if (s.len <= NAME_DIGITS || !span_eq(span_from(s, NAME_DIGITS), span_str(suffix)))
        return false;
    uint64_t number;
    if (!span_u64(span_head(s, NAME_DIGITS), &number) || number == 0 || number > INT64_MAX)
        return false;
    *ret_number = number;
    return true;
}

static uint32_t frame_seed(uint64_t number) {
    char mix[16];
    memcpy(mix, magic, 8);
    put_le(mix + 8, number, 8);
    return crc32c(0, mix, sizeof(mix));
}

static uint32_t frame_crc(uint32_t seed, const char *frame, uint32_t len) {
    return crc32c(crc32c(seed, frame, 4), frame + FRAME_HEADER_BYTES, len);
}

void segment_seal_frame(uint64_t number, char *frame, uint32_t len) {
    put_le(frame, len, 4);
    put_le(frame + 4, frame_crc(frame_seed(number), frame, len), 4);
}

/* ---- making ---- */

/* Room ahead makes fdatasync cheaper and ENOSPC rare in the middle of a commit. When there is not
 * enough for a whole segment a little will do, but not none: a journal that cannot write a megabyte
 * is full, and a probe should find that out. File systems that cannot preallocate just grow the
 * file. */
static int preallocate(const struct os *os, int fd, uint64_t size_bytes, struct err *err) {
    int rc = os->fallocate(os, fd, 0, (int64_t)size_bytes);
    if (rc == -ENOSPC && size_bytes > LEAST_ROOM_BYTES) {
        (void)os->ftruncate(os, fd, 0);
        rc = os->fallocate(os, fd, 0, LEAST_ROOM_BYTES);
    }
    return rc == -ENOSPC || rc == -EDQUOT ? err_sys(err, -rc, "preallocate segment") : 0;
}

static int write_header(const struct os *os, int fd, const struct segment_plan *plan,
                        struct err *err) {
    char h[SEGMENT_HEADER_BYTES] = {0};
    memcpy(h, magic, sizeof(magic));
    put_le(h + AT_VERSION, VERSION, 4);
    put_le(h + AT_NUMBER, plan->number, 8);
    put_le(h + AT_PREVIOUS_END, plan->previous_end, 8);
    put_le(h + AT_CREATED, (uint64_t)plan->created_ms, 8);
    put_le(h + AT_CRC, crc32c(0, h, AT_CRC), 4);
    return os_write_full(os, fd, h, sizeof(h), 0, err);
}

static int fill_new(const struct os *os, int fd, const struct segment_plan *plan, struct err *err) {
    int rc = preallocate(os, fd, plan->size_bytes, err);
    if (rc < 0)
        return rc;
    rc = write_header(os, fd, plan, err);
    if (rc < 0)
        return rc;
    rc = os->fsync(os, fd);
    return rc < 0 ? err_sys(err, -rc, "fsync segment") : 0;
}

static int open_again(const struct os *os, const char *path, int flags, mode_t mode) {
    int fd;
    do
        fd = os->open(os, path, flags, mode);
    while (fd == -EINTR);
    return fd;
}

struct names {
    char *tmp;
    char *path;
};

static void names_release(struct names *n) {
    free(n->tmp);
    free(n->path);
}

static int names_init(struct names *n, const char *dir, uint64_t number, struct err *err) {
    char name[SEGMENT_NAME_BYTES];
    segment_name(number, ".tmp", name);
    n->tmp = path_join(dir, name);
    segment_name(number, ".seg", name);
    n->path = path_join(dir, name);
    return n->tmp && n->path ? 0 : err_set(err, ERR_NOMEM, "out of memory");
}

static int make_tmp(const struct os *os, const char *dir, uint64_t number, struct names *n,
                    int *ret_fd, struct err *err) {
    int rc = names_init(n, dir, number, err);
    if (rc < 0)
        return rc;
    int fd = open_again(os, n->tmp, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0)
        return err_sys(err, -fd, "create segment");
    *ret_fd = fd;
    return 0;
}

/* Gives the synced file its name, or removes it when `rc`, how making it went, says so. */
static int settle_tmp(const struct os *os, const char *dir, const struct names *n, int rc,
                      struct err *err) {
    if (rc == 0) {
        rc = os->rename(os, n->tmp, n->path);
        if (rc < 0)
            rc = err_sys(err, -rc, "rename segment");
    }
    if (rc < 0) {
        (void)os->unlink(os, n->tmp);
        return rc;
    }
    return os_sync_dir(os, dir, err);
}

int segment_create(const struct os *os, const char *dir, const struct segment_plan *plan,
                   int *ret_fd, struct err *err) {
    CLEANUP(names_release) struct names names = {0};
    int fd = -1;
    int rc = make_tmp(os, dir, plan->number, &names, &fd, err);
    if (rc < 0)
        return rc;
    rc = settle_tmp(os, dir, &names, fill_new(os, fd, plan, err), err);
    if (rc < 0) {
        (void)os->close(os, fd);
        return rc;
    }
    *ret_fd = fd;
    return 0;
}

int segment_replace(const struct os *os, const char *dir, uint64_t number, struct span bytes,
                    struct err *err) {
    CLEANUP(names_release) struct names names = {0};
    int fd = -1;
    int rc = make_tmp(os, dir, number, &names, &fd, err);
    if (rc < 0)
        return rc;
    rc = os_write_full(os, fd, bytes.ptr, bytes.len, 0, err);
    if (rc == 0) {
        int sys = os->fdatasync(os, fd);
        rc = sys < 0 ? err_sys(err, -sys, "sync segment") : 0;
    }
    (void)os->close(os, fd);
    return settle_tmp(os, dir, &names, rc, err);
}

int segment_remove(const struct os *os, const char *dir, uint64_t number, struct err *err) {
    CLEANUP(names_release) struct names names = {0};
    int rc = names_init(&names, dir, number, err);
    if (rc < 0)
        return rc;
    rc = os->unlink(os, names.path);
    return rc < 0 && rc != -ENOENT ? err_sys(err, -rc, "remove segment") : 0;
}

/* ---- reading ---- */

int segment_open(const struct os *os, const char *dir, uint64_t number, int flags, int *ret_fd,
                 struct err *err) {
    char name[SEGMENT_NAME_BYTES];
    segment_name(number, ".seg", name);
    CLEANUP(free_charp) char *path = path_join(dir, name);
    if (!path)
        return err_set(err, ERR_NOMEM, "out of memory");
    int fd = open_again(os, path, flags, 0);
    if (fd < 0)
        return err_sys(err, -fd, "open segment");
    *ret_fd = fd;
    return 0;
}

/* Reads up to n bytes; fewer only at the end of the file. */
static int read_some(const struct os *os, int fd, char *to, size_t n, uint64_t off, size_t *ret_got,
                     struct err *err) {
    size_t done = 0;
    while (done < n) {
        int64_t got = os->pread(os, fd, to + done, n - done, (int64_t)(off + done));
        if (got == -EINTR)
            continue;
        if (got < 0)
            return err_sys(err, (int)-got, "read segment");
        if (got == 0)
            break;
        done += (size_t)got;
    }
    *ret_got = done;
    return 0;
}

int segment_read_header(const struct os *os, int fd, uint64_t number, uint64_t *ret_previous_end,
                        struct err *err) {
    char h[SEGMENT_HEADER_BYTES];
    size_t got = 0;
    int rc = read_some(os, fd, h, sizeof(h), 0, &got, err);
    if (rc < 0)
        return rc;
    if (got < sizeof(h) || memcmp(h, magic, sizeof(magic)) != 0 ||
        get_le(h + AT_CRC, 4) != crc32c(0, h, AT_CRC))
        return err_set(err, ERR_CORRUPT, "header of segment %llu does not verify",
                       (unsigned long long)number);
    if (get_le(h + AT_VERSION, 4) != VERSION)
        return err_set(err, ERR_UNSUPPORTED, "segment %llu has format version %llu, this is %d",
                       (unsigned long long)number, (unsigned long long)get_le(h + AT_VERSION, 4),
                       VERSION);
    uint64_t previous_end = get_le(h + AT_PREVIOUS_END, 8);
    if (get_le(h + AT_NUMBER, 8) != number || previous_end > INT64_MAX)
        return err_set(err, ERR_CORRUPT, "header of segment %llu belongs to another one",
                       (unsigned long long)number);
    *ret_previous_end = previous_end;
    return 0;
}

/* The payload's length when a whole frame that verifies starts at p, else 0. *ret_need: as many
 * bytes would be needed to judge it; 0 when it is bad whatever follows. */
static uint32_t frame_at(uint32_t seed, const char *p, size_t n, size_t *ret_need) {
    *ret_need = FRAME_HEADER_BYTES;
    if (n < FRAME_HEADER_BYTES)
        return 0;
    uint32_t len = (uint32_t)get_le(p, 4);
    *ret_need = 0;
    if (len == 0 || len > JOURNAL_LARGEST_FRAME)
        return 0;
    if (n - FRAME_HEADER_BYTES < len) {
        *ret_need = FRAME_HEADER_BYTES + (size_t)len;
        return 0;
    }
    return get_le(p + 4, 4) == frame_crc(seed, p, len) ? len : 0;
}

uint32_t segment_frame_at(uint64_t number, const char *p, size_t n) {
    size_t need;
    return frame_at(frame_seed(number), p, n, &need);
}

/* How many bytes at the head of p are whole frames that verify. *ret_need is that of the frame
 * after them. */
static size_t verified(uint64_t number, const char *p, size_t n, size_t *ret_need) {
    uint32_t seed = frame_seed(number);
    size_t good = 0;
    uint32_t len;
    while ((len = frame_at(seed, p + good, n - good, ret_need)) > 0)
        good += FRAME_HEADER_BYTES + (size_t)len;
    return good;
}

static bool starts_with_zero_length(const char *p, size_t n) {
    static const char zero[4];
    return memcmp(p, zero, n < sizeof(zero) ? n : sizeof(zero)) == 0;
}

int segment_scan(const struct os *os, int fd, uint64_t number, uint64_t *ret_end, bool *ret_clean,
                 struct err *err) {
    BUF_AUTO chunk = {0};
    uint64_t off = SEGMENT_HEADER_BYTES;
    size_t want = SCAN_BYTES;
    for (;;) {
        if (!buf_reserve(&chunk, want))
            return err_set(err, ERR_NOMEM, "out of memory");
        size_t got = 0;
        size_t need;
        int rc = read_some(os, fd, chunk.data, want, off, &got, err);
        if (rc < 0)
            return rc;
        size_t good = verified(number, chunk.data, got, &need);
        off += good;
        if (got < want || (good == 0 && need <= want)) {
            *ret_clean = starts_with_zero_length(chunk.data + good, got - good);
            *ret_end = off;
            return 0;
        }
        want = need > SCAN_BYTES ? need : SCAN_BYTES;
    }
}

/* Takes the CRCs out of verified frames, in place; returns the new length. */
static size_t drop_crcs(char *p, size_t n) {
    size_t in = 0;
    size_t out = 0;
    while (in < n) {
        size_t len = (size_t)get_le(p + in, 4);
        memmove(p + out, p + in, 4);
        memmove(p + out + 4, p + in + FRAME_HEADER_BYTES, len);
        in += FRAME_HEADER_BYTES + len;
        out += 4 + len;
    }
    return out;
}

int segment_read(const struct os *os, int fd, uint64_t number, uint64_t from, uint64_t end,
                 size_t most_bytes, struct buf *ret, uint64_t *ret_next, struct err *err) {
    uint64_t left = end - from;
    size_t want = most_bytes > FRAME_HEADER_BYTES ? most_bytes : FRAME_HEADER_BYTES;
    if (want > left)
        want = (size_t)left;
    for (;;) {
        if (!buf_reserve(ret, want))
            return err_set(err, ERR_NOMEM, "out of memory");
        size_t got = 0;
        size_t need;
        int rc = read_some(os, fd, ret->data + ret->len, want, from, &got, err);
        if (rc < 0)
            return rc;
        size_t good = verified(number, ret->data + ret->len, got, &need);
        if (good > 0) {
            ret->len += drop_crcs(ret->data + ret->len, good);
            *ret_next = from + good;
            return 0;
        }
        if (got < want || need <= want || need > left)
            return err_set(err, ERR_CORRUPT, "frame at %llu of segment %llu does not verify",
                           (unsigned long long)from, (unsigned long long)number);
        want = need;
    }
}

int segment_load(const struct os *os, const char *dir, uint64_t number, uint64_t end,
                 struct buf *ret, bool *ret_longer, struct err *err) {
    if (!buf_reserve(ret, end))
        return err_set(err, ERR_NOMEM, "out of memory");
    int fd;
    int rc = segment_open(os, dir, number, O_RDONLY, &fd, err);
    if (rc < 0)
        return rc;
    char *to = ret->data + ret->len;
    size_t got = 0;
    int64_t size = os->size(os, fd);
    rc = size < 0 ? err_sys(err, (int)-size, "size of segment")
                  : read_some(os, fd, to, end, 0, &got, err);
    (void)os->close(os, fd);
    if (rc < 0)
        return rc;
    memset(to + got, 0, end - got);
    ret->len += end;
    *ret_longer = (uint64_t)size > end;
    return 0;
}
