#include <errno.h>
#include <fcntl.h>

#include "segment.h"
#include "writer.h"

struct cursor journal_end(struct journal *j) {
    pthread_mutex_lock(&j->lock);
    const struct segment *last = catalog_last(&j->catalog);
    struct cursor end = {0};
    if (last)
        end = (struct cursor){.segment = last->number, .offset = last->end};
    pthread_mutex_unlock(&j->lock);
    return end;
}

uint64_t journal_bytes_from(struct journal *j, struct cursor from) {
    pthread_mutex_lock(&j->lock);
    uint64_t bytes = catalog_bytes_from(&j->catalog, from);
    pthread_mutex_unlock(&j->lock);
    return bytes;
}

int journal_wait(struct journal *j, struct cursor from, int timeout_ms) {
    struct timespec until = deadline_in_us((int64_t)(timeout_ms > 0 ? timeout_ms : 0) * 1000);
    struct segment s;
    int sys = 0;
    pthread_mutex_lock(&j->lock);
    j->waiters++;
    bool there;
    while (!(there = catalog_find(&j->catalog, &from, &s)) && !j->closing && sys != ETIMEDOUT)
        sys = pthread_cond_timedwait(&j->durable, &j->lock, &until);
    int rc = j->closing ? ERR_CLOSED : there;
    if (--j->waiters == 0 && j->closing)
        pthread_cond_broadcast(&j->durable);
    pthread_mutex_unlock(&j->lock);
    return rc;
}

/* 1: *at and *ret_segment say where to read; 0: nothing there. */
static int find(struct journal *j, struct cursor *at, struct segment *ret_segment,
                struct err *err) {
    pthread_mutex_lock(&j->lock);
    const struct segment *last = catalog_last(&j->catalog);
    bool unknown = at->segment > (last ? last->number : 0) + 1;
    bool there = catalog_find(&j->catalog, at, ret_segment);
    pthread_mutex_unlock(&j->lock);
    if (unknown)
        return err_set(err, ERR_INVALID, "cursor is of segment %llu, which does not exist yet",
                       (unsigned long long)at->segment);
    return there;
}

int journal_read(struct journal *j, struct cursor from, size_t most_bytes, struct buf *ret,
                 struct cursor *ret_first, struct cursor *ret_next, struct err *err) {
    struct cursor at = from;
    struct segment s;
    int fd;
    int rc;
    for (;;) {
        rc = find(j, &at, &s, err);
        if (rc < 0)
            return rc;
        if (rc == 0) {
            if (ret_first)
                *ret_first = at;
            *ret_next = at;
            return 0;
        }
        rc = segment_open(j->os, j->dir, s.number, O_RDONLY, &fd, err);
        if (rc == 0)
            break;
        if (rc != ERR_NOT_FOUND)
            return rc;
        /* Released since, or lost. In the first case the catalog knows by now. */
        struct cursor again = at;
        struct segment found;
        if (find(j, &again, &found, err) == 1 && found.number == s.number) {
            *ret_next = (struct cursor){.segment = s.number + 1};
            return err_set(err, ERR_CORRUPT, "segment %llu is missing",
                           (unsigned long long)s.number);
        }
    }
    uint64_t next;
    rc = segment_read(j->os, fd, s.number, at.offset, s.end, most_bytes, ret, &next, err);
    (void)j->os->close(j->os, fd);
    if (rc == 0 && ret_first)
        *ret_first = at;
    if (rc == 0)
        *ret_next = (struct cursor){.segment = s.number, .offset = next};
    else if (rc == ERR_CORRUPT)
        *ret_next = (struct cursor){.segment = s.number + 1};
    return rc;
}

bool journal_next_frame(struct span *bytes, struct cursor *at, struct span *ret_frame) {
    uint32_t len;
    if (!take_u32le(bytes, &len) || !take_bytes(bytes, len, ret_frame))
        return false;
    if (at)
        at->offset += FRAME_HEADER_BYTES + len;
    return true;
}
