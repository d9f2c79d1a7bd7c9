#include "json.h"

int json_parse(struct span text, json_t **ret, struct err *err) {
    json_error_t why;
    json_t *j = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
    if (!j)
        return err_set(err, ERR_INVALID, "invalid JSON at line %d, column %d", why.line,
                       why.column);
    *ret = j;
    return 0;
}

struct span json_span(const json_t *j) {
    if (!json_is_string(j))
        return (struct span){0};
    return span_of(json_string_value(j), json_string_length(j));
}

json_t *json_member(const json_t *j, const char *key) {
    return json_object_get(j, key);
}

static int add_chunk(const char *bytes, size_t n, void *arg) {
    struct buf *out = arg;
    buf_add(out, span_of(bytes, n));
    return out->failed ? -1 : 0;
}

int json_write(const json_t *j, struct buf *out, struct err *err) {
    /* Fifteen digits: 30.3 as 30.3, where seventeen would give 30.300000000000001. */
    const size_t flags = JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15);
    if (json_dump_callback(j, add_chunk, out, flags) < 0)
        return err_set(err, ERR_NOMEM, "out of memory");
    return 0;
}

void json_write_string(struct buf *out, struct span s) {
    static const char replacement[] = "\xef\xbf\xbd";
    buf_addc(out, '"');
    bool clean = span_is_utf8(s);
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c == '"' || c == '\\') {
            buf_addc(out, '\\');
            buf_addc(out, (char)c);
        } else if (c < 0x20) {
            buf_addf(out, "\\u%04x", c);
        } else if (c >= 0x80 && !clean) {
            buf_adds(out, replacement);
        } else {
            buf_addc(out, (char)c);
        }
    }
    buf_addc(out, '"');
}
