#include "drain_batch.h"

#include <stdlib.h>

#include "log.h"
#include "record.h"

enum { BATCH_BYTES = 4 << 20 };

void drain_batch_init(struct drain_batch *b, const struct drain_options *options) {
    *b = (struct drain_batch){
        .journal = options->journal,
        .store = options->store,
        .known = options->known,
        .counters = options->counters,
        .batch_bytes = options->batch_bytes ? options->batch_bytes : BATCH_BYTES,
    };
}

void drain_batch_release(struct drain_batch *b) {
    buf_release(&b->bytes);
    free(b->events);
    free(b->marks);
    free(b->visitors);
    b->events = NULL;
    b->marks = NULL;
    b->visitors = NULL;
    b->event_cap = b->mark_cap = b->visitor_cap = 0;
}

static bool add_visitor(struct drain_batch *b, const struct record *r) {
    if (b->visitor_count == b->visitor_cap) {
        size_t cap = b->visitor_cap ? b->visitor_cap * 2 : 256;
        struct known_entry *visitors = realloc(b->visitors, cap * sizeof(*visitors));
        if (!visitors)
            return false;
        b->visitors = visitors;
        b->visitor_cap = cap;
    }
    b->visitors[b->visitor_count++] =
        (struct known_entry){.visitor = r->known, .forget = r->type == RECORD_FORGET};
    return true;
}

static bool add_record(struct drain_batch *b, const struct record *r) {
    if (r->type == RECORD_EVENT) {
        if (b->event_count == b->event_cap) {
            size_t cap = b->event_cap ? b->event_cap * 2 : 256;
            struct event *events = realloc(b->events, cap * sizeof(*events));
            if (!events)
                return false;
            b->events = events;
            b->event_cap = cap;
        }
        b->events[b->event_count++] = r->event;
        return true;
    }
    if (r->type != RECORD_IMPORT_MARK)
        return add_visitor(b, r);
    if (b->mark_count == b->mark_cap) {
        size_t cap = b->mark_cap ? b->mark_cap * 2 : 16;
        struct import_mark *marks = realloc(b->marks, cap * sizeof(*marks));
        if (!marks)
            return false;
        b->marks = marks;
        b->mark_cap = cap;
    }
    b->marks[b->mark_count++] = r->import_mark;
    return true;
}

/* A frame counts as a whole: one that does not parse to its end adds nothing. Events of days that
 * were sealed behind it (`at`: where it starts) are in a part. */
static int add_frame(struct drain_batch *b, struct span frame, struct cursor at, struct err *err) {
    size_t events = b->event_count;
    size_t marks = b->mark_count;
    size_t visitors = b->visitor_count;
    struct record r;
    int more;
    while ((more = record_next(&frame, &r, err)) == 1) {
        if (r.type == RECORD_EVENT && store_is_sealed(b->store, r.event.site, r.event.day, at))
            continue;
        if (!add_record(b, &r))
            return err_set(err, ERR_NOMEM, "no memory for a batch");
    }
    if (more == 0)
        return 0;
    b->event_count = events;
    b->mark_count = marks;
    b->visitor_count = visitors;
    counters_add(b->counters, COUNT_DRAIN_FAILURES, 1);
    log_error("drain: passed over a frame that does not parse");
    return 0;
}

/* Reads and decodes what follows `from`. */
static int gather(struct drain_batch *b, struct cursor from, struct cursor *ret_next,
                  struct err *err) {
    struct cursor next = from;
    buf_clear(&b->bytes);
    b->event_count = b->mark_count = b->visitor_count = 0;
    struct cursor at = from;
    int code = journal_read(b->journal, from, b->batch_bytes, &b->bytes, &at, &next, err);
    if (code == ERR_CORRUPT && cursor_before(from, next)) {
        counters_add(b->counters, COUNT_DRAIN_FAILURES, 1);
        log_error("drain: passed over damage in segment %llu of the journal, from byte %llu",
                  (unsigned long long)from.segment, (unsigned long long)from.offset);
        code = 0;
    }
    if (code == ERR_CORRUPT)
        return err_set(err, ERR_IO, "the journal does not read");
    if (code)
        return code;
    if (b->bytes.failed)
        return err_set(err, ERR_NOMEM, "no memory for a batch");
    struct span rest = buf_span(&b->bytes);
    struct span frame;
    for (struct cursor start = at; !code && journal_next_frame(&rest, &at, &frame); start = at)
        code = add_frame(b, frame, start, err);
    if (!code)
        *ret_next = next;
    return code;
}

static int reopen(struct drain_batch *b, struct err *err) {
    log_warn("drain: opening the hot tables again");
    int opened = store_reopen(b->store, err);
    if (opened == 1) {
        counters_add(b->counters, COUNT_HOT_REBUILDS, 1);
        log_warn("drain: set the hot file aside; building it again from the journal");
    }
    return opened < 0 ? opened : store_publish(b->store, &(struct store_change){0}, err);
}

/* The diary is durable before the cursor moves, and bears the same batch again. */
static int write_diary(struct drain_batch *b, struct err *err) {
    int code = known_apply(b->known, b->visitors, b->visitor_count, err);
    for (size_t i = 0; code == 0 && i < b->visitor_count; i++)
        if (b->visitors[i].forget) {
            counters_add(b->counters, COUNT_VISITORS_WITHDRAWN, 1);
            atomic_store(&b->took_withdrawal, true);
        }
    return code;
}

int drain_batch_step(struct drain_batch *b, struct err *err) {
    if (store_needs_reopen(b->store)) {
        int code = reopen(b, err);
        if (code)
            return code;
    }
    struct store_batch out = {0};
    int code = gather(b, store_cursor(b->store), &out.next, err);
    if (code)
        return code;
    if (UNLIKELY(b->visitor_count) && (code = write_diary(b, err)))
        return code;
    out.events = b->events;
    out.event_count = b->event_count;
    out.marks = b->marks;
    out.mark_count = b->mark_count;
    code = store_apply(b->store, &out, err);
    if (code)
        return code;
    counters_add(b->counters, COUNT_DRAIN_EVENTS, out.event_count);
    counters_add(b->counters, COUNT_DRAIN_BATCHES, 1);
    return 0;
}
