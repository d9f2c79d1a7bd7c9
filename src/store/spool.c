#include "spool.h"

#include <fcntl.h>
#include <stdlib.h>

struct extent {
    int64_t at;
    size_t len;
};

struct stream {
    struct buf block;
    struct extent *extents; /* what is in the file, in order */
    size_t count, cap;
};

struct spool {
    const struct os *os;
    char *path;
    int fd; /* -1: no file yet */
    int64_t end;
    size_t block_bytes, stream_count;
    struct stream streams[];
};

static int no_memory(struct err *err) {
    return err_set(err, ERR_NOMEM, "no memory for rows");
}

int spool_open(const struct os *os, const char *path, size_t streams, size_t block_bytes,
               struct spool **ret, struct err *err) {
    struct spool *s = calloc(1, sizeof(*s) + streams * sizeof(s->streams[0]));
    if (!s || !(s->path = strdup(path))) {
        free(s);
        return no_memory(err);
    }
    s->os = os;
    s->fd = -1;
    s->block_bytes = block_bytes;
    s->stream_count = streams;
    *ret = s;
    return 0;
}

void spool_free(struct spool *s) {
    for (size_t i = 0; i < s->stream_count; i++) {
        buf_release(&s->streams[i].block);
        free(s->streams[i].extents);
    }
    if (s->fd >= 0)
        (void)s->os->close(s->os, s->fd);
    free(s->path);
    free(s);
}

static int make_file(struct spool *s, struct err *err) {
    int fd = s->os->open(s->os, s->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(err, -fd, "make a temporary file");
    s->fd = fd;
    int rc = s->os->unlink(s->os, s->path);
    return rc < 0 ? err_sys(err, -rc, "unlink a temporary file") : 0;
}

static struct extent *new_extent(struct stream *t) {
    if (t->count == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 16;
        struct extent *extents = realloc(t->extents, cap * sizeof(*extents));
        if (!extents)
            return NULL;
        t->extents = extents;
        t->cap = cap;
    }
    return &t->extents[t->count];
}

static int write_block(struct spool *s, struct stream *t, struct err *err) {
    struct extent *e = new_extent(t);
    if (!e)
        return no_memory(err);
    int code = s->fd < 0 ? make_file(s, err) : 0;
    if (!code)
        code = os_write_full(s->os, s->fd, t->block.data, t->block.len, s->end, err);
    if (code)
        return code;
    *e = (struct extent){.at = s->end, .len = t->block.len};
    t->count++;
    s->end += (int64_t)t->block.len;
    buf_clear(&t->block);
    return 0;
}

int spool_add(struct spool *s, size_t stream, struct span bytes, struct err *err) {
    struct stream *t = &s->streams[stream];
    buf_add(&t->block, bytes);
    if (t->block.failed)
        return no_memory(err);
    return t->block.len >= s->block_bytes ? write_block(s, t, err) : 0;
}

int spool_read(struct spool *s, size_t stream, struct buf *ret, struct err *err) {
    struct stream *t = &s->streams[stream];
    buf_clear(ret);
    for (size_t i = 0; i < t->count; i++) {
        const struct extent *e = &t->extents[i];
        if (!buf_reserve(ret, e->len))
            return no_memory(err);
        int code = os_read_full(s->os, s->fd, ret->data + ret->len, e->len, e->at, err);
        if (code)
            return code;
        ret->len += e->len;
    }
    buf_add(ret, buf_span(&t->block));
    return ret->failed ? no_memory(err) : 0;
}
