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

static void add_visitor(struct buf *frame, enum record_type type, const struct record_known *k) {
    BUF_AUTO body = {0};
    buf_add_u32le(&body, k->site);
    if (type == RECORD_KNOWN)
        buf_add_u32le(&body, (uint32_t)k->day);
    buf_add_u64le(&body, k->known);
    add(frame, type, buf_span(&body));
    frame->failed |= body.failed;
}

void record_add_known(struct buf *frame, const struct record_known *k) {
    add_visitor(frame, RECORD_KNOWN, k);
}

void record_add_forget(struct buf *frame, const struct record_known *k) {
    add_visitor(frame, RECORD_FORGET, k);
}

static int cut(struct span *frame, uint8_t *ret_type, struct span *ret_body, struct err *err) {
    uint64_t len;
    if (!take_u8(frame, ret_type) || !take_varint(frame, &len) || !take_bytes(frame, len, ret_body))
        return err_set(err, ERR_CORRUPT, "record runs past its frame");
    return 0;
}

static int take_import_mark(struct span body, struct import_mark *ret, struct err *err) {
    if (!take_varint(&body, &ret->import) || !take_varint(&body, &ret->offset) || body.len)
        return err_set(err, ERR_CORRUPT, "import mark does not parse");
    return 0;
}

static int take_visitor(struct span body, bool has_day, struct record_known *ret, struct err *err) {
    uint32_t day = 0;
    if (!take_u32le(&body, &ret->site) || (has_day && !take_u32le(&body, &day)) ||
        !take_u64le(&body, &ret->known) || body.len)
        return err_set(err, ERR_CORRUPT, "record of a known visitor does not parse");
    ret->day = (int32_t)day;
    return 0;
}

static int decode(uint8_t type, struct span body, struct record *ret, struct err *err) {
    ret->type = (enum record_type)type;
    switch (type) {
    case RECORD_EVENT:
        return event_decode(body, &ret->event, err);
    case RECORD_IMPORT_MARK:
        return take_import_mark(body, &ret->import_mark, err);
    case RECORD_KNOWN:
    case RECORD_FORGET:
        return take_visitor(body, type == RECORD_KNOWN, &ret->known, err);
    default:
        return err_set(err, ERR_CORRUPT, "record of unknown type %u", type);
    }
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
    return decode(type, body, ret, err) < 0 ? ERR_CORRUPT : 1;
}

int record_erase(char *frame, size_t len, record_match_fn match, void *arg, struct err *err) {
    struct span rest = span_of(frame, len);
    int erased = 0;
    while (rest.len) {
        char *record = frame + (len - rest.len);
        struct span body;
        struct record r;
        uint8_t type;
        if (cut(&rest, &type, &body, err) < 0)
            return ERR_CORRUPT;
        if (type == RECORD_ERASED)
            continue;
        if (decode(type, body, &r, err) < 0)
            return ERR_CORRUPT;
        if (!match(arg, &r))
            continue;
        *record = RECORD_ERASED;
        memset(frame + (len - rest.len) - body.len, 0, body.len);
        erased++;
    }
    return erased;
}
