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

static int cut(struct span *frame, uint8_t *ret_type, struct span *ret_body, struct err *err) {
    uint64_t len;
    if (!take_u8(frame, ret_type) || !take_varint(frame, &len) || !take_bytes(frame, len, ret_body))
        return err_set(err, ERR_CORRUPT, "record runs past its frame");
    return 0;
}

int record_next(struct span *frame, struct record *ret, struct err *err) {
    uint8_t type = RECORD_ERASED;
    struct span body;
    while (type == RECORD_ERASED) {
        if (frame->len == 0)
            return 0;
        if (cut(frame, &type, &body, err) < 0)
            return ERR_CORRUPT;
    }
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

int record_erase_events(char *frame, size_t len, record_match_fn match, void *arg,
                        struct err *err) {
    struct span rest = span_of(frame, len);
    int erased = 0;
    while (rest.len) {
        char *record = frame + (len - rest.len);
        struct span body;
        struct event e;
        uint8_t type;
        if (cut(&rest, &type, &body, err) < 0)
            return ERR_CORRUPT;
        if (type != RECORD_EVENT)
            continue;
        if (event_decode(body, &e, err) < 0)
            return ERR_CORRUPT;
        if (!match(arg, &e))
            continue;
        *record = RECORD_ERASED;
        memset(frame + (len - rest.len) - body.len, 0, body.len);
        erased++;
    }
    return erased;
}
