#include "event.h"

#include <stddef.h>

#include "policy.h"

#define SQL_U8 "UTINYINT"
#define SQL_U32 "UINTEGER"
#define SQL_U64 "UBIGINT"
#define SQL_I32 "INTEGER"
#define SQL_I64 "BIGINT"
#define SQL_TEXT "VARCHAR"

#define ALL \
    (PROFILE_BIT(PROFILE_CNIL) | PROFILE_BIT(PROFILE_FRUGAL) | PROFILE_BIT(PROFILE_CONSENTED))
#define NOT_CNIL (ALL & ~PROFILE_BIT(PROFILE_CNIL))
#define KEEP_RAW false
#define KEEP_DAY true
#define ON_EVENT_EVENT true
#define ON_EVENT_BOTH true
#define ON_EVENT_VISIT false
#define ON_EVENT_PACKED false

const struct event_field_info event_fields[EVENT_FIELDS] = {
#define FIELD(name_, TYPE, unit_, most_, profiles_, purpose_, keep, place_) \
    [EVENT_FIELD_##name_] = {.name = #name_,                                \
                             .type = EVENT_##TYPE,                          \
                             .unit = (unit_),                               \
                             .most = (uint64_t)(most_),                     \
                             .profiles = (profiles_),                       \
                             .purpose = (purpose_),                         \
                             .until_seal = KEEP_##keep,                     \
                             .on_event = ON_EVENT_##place_,                 \
                             .offset = offsetof(struct event, name_),       \
                             .sql_type = SQL_##TYPE},
#include "event_fields.def"
#undef FIELD
};

#undef ALL
#undef NOT_CNIL

static struct span *text_of(struct event *e, const struct event_field_info *f) {
    return (struct span *)(void *)((char *)e + f->offset);
}

void event_init(struct event *e) {
    *e = (struct event){.scroll = SCROLL_NONE};
    for (size_t i = 0; i < EVENT_FIELDS; i++)
        if (event_fields[i].type == EVENT_TEXT)
            *text_of(e, &event_fields[i]) = SPAN_EMPTY;
}

void event_restrict(struct event *e, unsigned profile) {
    struct event empty;
    event_init(&empty);
    unsigned bit = PROFILE_BIT(profile);
#define FIELD(field, TYPE, unit_, most_, profiles_, purpose_, keep_, place_) \
    if (!(event_fields[EVENT_FIELD_##field].profiles & bit))                 \
        e->field = empty.field;
#include "event_fields.def"
#undef FIELD
    for (size_t i = 0; i < EVENT_FIELDS; i++)
        if (event_fields[i].type == EVENT_TEXT) {
            struct span *text = text_of(e, &event_fields[i]);
            *text = span_utf8_head(*text, event_fields[i].most);
        }
}

static uint64_t zigzag(int64_t v) {
    return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
}

static int64_t unzigzag(uint64_t v) {
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

static void put_text(struct buf *out, struct span s) {
    buf_add_varint(out, s.len);
    buf_add(out, s);
}

#define PUT_U8(out, v) buf_add_varint((out), (v))
#define PUT_U32(out, v) buf_add_varint((out), (v))
#define PUT_U64(out, v) buf_add_u64le((out), (v))
#define PUT_I32(out, v) buf_add_varint((out), zigzag(v))
#define PUT_I64(out, v) buf_add_varint((out), zigzag(v))
#define PUT_TEXT(out, v) put_text((out), (v))

/* How many fields events of a version have. */
static size_t fields_of(uint8_t version) {
    return version == 1 ? EVENT_FIELD_lcp_ms : EVENT_FIELDS;
}

void event_encode(const struct event *e, struct buf *out) {
    uint8_t version = e->lcp_ms || e->inp_ms || e->cls_milli ? EVENT_VERSION : 1;
    size_t count = fields_of(version);
    buf_addc(out, (char)version);
#define FIELD(name, TYPE, unit, most, profiles, purpose, keep, place) \
    if (EVENT_FIELD_##name < count)                                   \
        PUT_##TYPE(out, e->name);
#include "event_fields.def"
#undef FIELD
}

static bool take_unsigned(struct span *s, uint64_t most, uint64_t *ret) {
    return take_varint(s, ret) && *ret <= most;
}

static bool take_signed(struct span *s, int64_t least, int64_t most, int64_t *ret) {
    uint64_t raw;
    if (!take_varint(s, &raw))
        return false;
    *ret = unzigzag(raw);
    return *ret >= least && *ret <= most;
}

static bool take_text(struct span *s, uint64_t most, struct span *ret) {
    uint64_t len;
    return take_varint(s, &len) && len <= most && take_bytes(s, len, ret);
}

#define TAKE_U8(field, most)                              \
    if (!take_unsigned(&bytes, (most), &u))               \
        return err_set(err, ERR_CORRUPT, broken, #field); \
    e.field = (uint8_t)u
#define TAKE_U32(field, most)                             \
    if (!take_unsigned(&bytes, (most), &u))               \
        return err_set(err, ERR_CORRUPT, broken, #field); \
    e.field = (uint32_t)u
#define TAKE_U64(field, most)                             \
    if (!take_u64le(&bytes, &u))                          \
        return err_set(err, ERR_CORRUPT, broken, #field); \
    e.field = u
#define TAKE_I32(field, most)                             \
    if (!take_signed(&bytes, INT32_MIN, (most), &i))      \
        return err_set(err, ERR_CORRUPT, broken, #field); \
    e.field = (int32_t)i
#define TAKE_I64(field, most)                             \
    if (!take_signed(&bytes, INT64_MIN, (most), &i))      \
        return err_set(err, ERR_CORRUPT, broken, #field); \
    e.field = i
#define TAKE_TEXT(field, most)                \
    if (!take_text(&bytes, (most), &e.field)) \
    return err_set(err, ERR_CORRUPT, broken, #field)

int event_decode(struct span bytes, struct event *ret, struct err *err) {
    static const char broken[] = "event field %s does not parse";
    struct event e = {0}; /* what later versions added is a number, and 0 is none */
    uint8_t version;
    uint64_t u;
    int64_t i;
    if (!take_u8(&bytes, &version) || version == 0 || version > EVENT_VERSION)
        return err_set(err, ERR_CORRUPT, "event of an unknown version");
    size_t count = fields_of(version);
#define FIELD(name, TYPE, unit, most, profiles, purpose, keep, place) \
    if (EVENT_FIELD_##name < count) {                                 \
        TAKE_##TYPE(name, most);                                      \
    }
#include "event_fields.def"
#undef FIELD
    if (bytes.len != 0)
        return err_set(err, ERR_CORRUPT, "bytes after the event's last field");
    *ret = e;
    return 0;
}
