#include "record.h"

static void add(struct buf *frame, enum record_type type, struct span body) {
    buf_addc(frame, (char)type);
    buf_add_varint(frame, body.len);
    buf_add(frame, body);
}

void record_add_event(struct buf *frame, const struct event *e, struct buf *scratch) {
    buf_clear(scratch);
    event_encode(e, scratch);
    add(frame, RECORD_EVENT, buf_span(scratch));
    frame->failed |= scratch->failed;
}

void record_add_import_mark(struct buf *frame, const struct import_mark *m) {
    BUF_AUTO body = {0};
    buf_add_varint(&body, m->import);
    buf_add_varint(&body, m->offset);
    add(frame, RECORD_IMPORT_MARK, buf_span(&body));
    frame->failed |= body.failed;
}

int record_next(struct span *frame, struct record *ret, struct err *err) {
    if (frame->len == 0)
        return 0;
    uint8_t type;
    uint64_t len;
    struct span body;
    if (!take_u8(frame, &type) || !take_varint(frame, &len) || !take_bytes(frame, len, &body))
        return err_set(err, ERR_CORRUPT, "record runs past its frame");
    switch (type) {
    case RECORD_EVENT:
        ret->type = RECORD_EVENT;
        return event_decode(body, &ret->event, err) < 0 ? ERR_CORRUPT : 1;
    case RECORD_IMPORT_MARK:
        ret->type = RECORD_IMPORT_MARK;
        if (!take_varint(&body, &ret->import_mark.import) ||
            !take_varint(&body, &ret->import_mark.offset) || body.len)
            return err_set(err, ERR_CORRUPT, "import mark does not parse");
        return 1;
    default:
        return err_set(err, ERR_CORRUPT, "record of unknown type %u", type);
    }
}
