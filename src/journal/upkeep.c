/* What happens to closed segments: they are removed, or bytes in them are overwritten. */
#include <errno.h>
#include <fcntl.h>

#include "must.h"
#include "segment.h"
#include "writer.h"

static bool lies_before(const struct segment *s, struct cursor before) {
    return s->number < before.segment || (s->number == before.segment && s->end <= before.offset);
}

/* ---- releasing ---- */

/* Never the newest one: its number is what the next one follows. */
static bool take_released(struct journal *j, struct cursor before, struct segment *ret) {
    pthread_mutex_lock(&j->lock);
    bool released = j->catalog.count > 1 && lies_before(j->catalog.items, before);
    if (released)
        *ret = catalog_take_first(&j->catalog);
    pthread_mutex_unlock(&j->lock);
    return released;
}

static int release_all(struct journal *j, struct cursor before, struct err *err) {
    struct segment s;
    bool any = false;
    while (take_released(j, before, &s)) {
        int rc = segment_remove(j->os, j->dir, s.number, err);
        if (rc < 0) {
            pthread_mutex_lock(&j->lock);
            if (catalog_reserve(&j->catalog, NULL) == 0)
                catalog_put_first(&j->catalog, s);
            pthread_mutex_unlock(&j->lock);
            return rc;
        }
        any = true;
    }
    return any ? os_sync_dir(j->os, j->dir, err) : 0;
}

int journal_release(struct journal *j, struct cursor before, struct err *err) {
    pthread_mutex_lock(&j->upkeep_lock);
    int rc = release_all(j, before, err);
    pthread_mutex_unlock(&j->upkeep_lock);
    return rc;
}

/* ---- redacting ---- */

/* The first closed segment with that number or a higher one, if it lies before `before`. */
static bool find_closed(struct journal *j, uint64_t number, struct cursor before,
                        struct segment *ret) {
    pthread_mutex_lock(&j->lock);
    const struct segment *s = catalog_from(&j->catalog, number);
    bool found = s && s != catalog_last(&j->catalog) && lies_before(s, before);
    if (found)
        *ret = *s;
    pthread_mutex_unlock(&j->lock);
    return found;
}

static void set_in_doubt(struct journal *j, uint64_t number, bool in_doubt) {
    pthread_mutex_lock(&j->lock);
    struct segment *s = catalog_from(&j->catalog, number);
    must(s && s->number == number);
    s->in_doubt = in_doubt;
    pthread_mutex_unlock(&j->lock);
}

struct redact {
    struct journal *j;
    journal_redact_fn fn;
    void *arg;
    struct buf bytes; /* the segment at hand up to its end */
    struct journal_redaction sum;
};

/* Shows each frame; returns how many have changed. *ret_end: where they stop verifying. */
static uint64_t show_frames(struct redact *r, uint64_t number, uint64_t *ret_end) {
    uint64_t changed = 0;
    size_t at = SEGMENT_HEADER_BYTES;
    uint32_t len;
    while (at < r->bytes.len &&
           (len = segment_frame_at(number, r->bytes.data + at, r->bytes.len - at)) > 0) {
        struct cursor cursor = {.segment = number, .offset = at};
        char *frame = r->bytes.data + at;
        if (r->fn(r->arg, cursor, frame + FRAME_HEADER_BYTES, len) == JOURNAL_CHANGED) {
            segment_seal_frame(number, frame, len);
            changed++;
        }
        at += FRAME_HEADER_BYTES + len;
    }
    *ret_end = at;
    return changed;
}

/* A rest that no reader gets past stays one: a length of zero does not verify either. */
static uint64_t blank_from(struct buf *bytes, uint64_t from) {
    uint64_t blanked = 0;
    for (size_t i = from; i < bytes->len; i++) {
        blanked += bytes->data[i] != 0;
        bytes->data[i] = 0;
    }
    return blanked;
}

/* Until the folder is synced nobody knows which file a power cut would leave under the name, and
 * after a failed sync nobody ever will: then the segment is replaced again although its content
 * looks right. */
static int replace(struct redact *r, uint64_t number, struct err *err) {
    struct journal *j = r->j;
    set_in_doubt(j, number, true);
    int rc = segment_replace(j->os, j->dir, number, buf_span(&r->bytes), err);
    if (rc == 0)
        set_in_doubt(j, number, false);
    return rc;
}

static int redact_segment(struct redact *r, const struct segment *s, struct err *err) {
    bool longer;
    buf_clear(&r->bytes);
    int rc = segment_load(r->j->os, r->j->dir, s->number, s->end, &r->bytes, &longer, err);
    if (rc == ERR_NOT_FOUND)
        return 0; /* lost: nothing is there to redact */
    if (rc < 0)
        return rc;
    uint64_t verified_end;
    uint64_t changed = show_frames(r, s->number, &verified_end);
    uint64_t blanked = blank_from(&r->bytes, verified_end);
    r->sum.segments++;
    r->sum.frames_changed += changed;
    r->sum.bytes_blanked += blanked;
    if (changed == 0 && blanked == 0 && !longer && !s->in_doubt)
        return 0;
    r->sum.rewritten++;
    return replace(r, s->number, err);
}

int journal_redact(struct journal *j, struct cursor before, journal_redact_fn fn, void *arg,
                   struct journal_redaction *ret, struct err *err) {
    struct redact r = {.j = j, .fn = fn, .arg = arg};
    struct segment s;
    int rc = 0;
    pthread_mutex_lock(&j->upkeep_lock);
    for (uint64_t number = 0; rc == 0 && find_closed(j, number, before, &s); number = s.number + 1)
        rc = redact_segment(&r, &s, err);
    pthread_mutex_unlock(&j->upkeep_lock);
    buf_release(&r.bytes);
    if (rc == 0 && ret)
        *ret = r.sum;
    return rc;
}
