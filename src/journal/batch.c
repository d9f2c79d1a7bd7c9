#include "batch.h"

#include "segment.h"

enum { KEPT_BYTES = 4 * 1024 * 1024, KEPT_WAITERS = 64 * 1024 };

static bool reserve_waiter(struct batch *b) {
    if (b->count < b->cap)
        return true;
    size_t cap = b->cap ? b->cap * 2 : 64;
    struct waiter *p = realloc(b->waiters, cap * sizeof(*p));
    if (!p)
        return false;
    b->waiters = p;
    b->cap = cap;
    return true;
}

int batch_add(struct batch *b, struct span frame, journal_done_fn done, void *arg,
              struct err *err) {
    if (!buf_reserve(&b->bytes, FRAME_HEADER_BYTES + frame.len) || !reserve_waiter(b)) {
        b->bytes.failed = false;
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    buf_add_u32le(&b->bytes, (uint32_t)frame.len);
    buf_add_u32le(&b->bytes, 0); /* the CRC depends on the segment: batch_seal() */
    buf_add(&b->bytes, frame);
    b->waiters[b->count++] = (struct waiter){.done = done, .arg = arg};
    return 0;
}

void batch_seal(struct batch *b, uint64_t segment) {
    struct span rest = buf_span(&b->bytes);
    size_t at = 0;
    uint32_t len;
    while (take_u32le(&rest, &len)) {
        segment_seal_frame(segment, b->bytes.data + at, len);
        at += FRAME_HEADER_BYTES + len;
        rest = span_from(buf_span(&b->bytes), at);
    }
}

void batch_finish(struct batch *b, int result) {
    for (size_t i = 0; i < b->count; i++)
        b->waiters[i].done(b->waiters[i].arg, result);
    buf_clear(&b->bytes);
    b->count = 0;
    /* Memory of a rare peak goes back: an idle server stays small. */
    if (b->bytes.cap > KEPT_BYTES || b->cap > KEPT_WAITERS)
        batch_release(b);
}

void batch_release(struct batch *b) {
    buf_release(&b->bytes);
    free(b->waiters);
    *b = (struct batch){0};
}
