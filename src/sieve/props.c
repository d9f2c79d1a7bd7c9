#include "props.h"

#include <stdlib.h>

#include "click_id.h"
#include "host.h"
#include "json.h"
#include "page.h"
#include "text.h"
#include "url.h"

/* "blog.example/path", as our tracker names links. */
static bool is_bare_address(struct span value) {
    size_t slash = span_find(value, '/', 0);
    return slash < value.len && span_find(value, '.', 0) < slash &&
           span_find(value, ' ', 0) == value.len;
}

/* Cuts an address up; one without a scheme only if it would be dropped as it stands. */
static int parse_address(struct scrub_lane *scrub, struct span value, struct arena *arena,
                         struct url *ret, size_t *ret_scheme_len, struct err *err) {
    static const struct span scheme = SPAN_LIT("https://");
    *ret_scheme_len = 0;
    if (url_parse(value, false, ret) && !ret->host_is_address) {
        *ret_scheme_len = span_find(value, ':', 0) + 3;
        return 1;
    }
    if (!is_bare_address(value) || !scrub_looks_personal(scrub, value))
        return 0;
    char *full = arena_alloc(arena, scheme.len + value.len);
    if (!full)
        return err_set(err, ERR_NOMEM, "out of memory");
    memcpy(full, scheme.ptr, scheme.len);
    memcpy(full + scheme.len, value.ptr, value.len);
    return url_parse(span_of(full, scheme.len + value.len), false, ret) && !ret->host_is_address;
}

/* An address of another page keeps host and templated path, as our own pages do. */
static int shorten_url(struct scrub_lane *scrub, struct span *value, struct span secret,
                       struct arena *arena, bool *ret_is_url, struct err *err) {
    struct url u;
    struct span path, host;
    *ret_is_url = false;
    size_t scheme, n = 0;
    int rc = parse_address(scrub, *value, arena, &u, &scheme, err);
    if (rc <= 0)
        return rc;
    rc = page_of(scrub, u.path, NULL, secret, arena, &path, err);
    if (rc == 0)
        rc = host_fold(url_host(&u), arena, &host, err);
    if (rc < 0)
        return rc;
    *ret_is_url = true;
    char *out = arena_alloc(arena, scheme + host.len + path.len);
    if (!out)
        return err_set(err, ERR_NOMEM, "out of memory");
    const struct span parts[] = {span_head(*value, scheme), host, path};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        memcpy(out + n, parts[i].ptr, parts[i].len);
        n += parts[i].len;
    }
    *value = span_of(out, n);
    return 0;
}

/* The tokens of an address stand for themselves already; a registrable domain may look like one. */
static bool is_personal(struct scrub_lane *scrub, struct span text, bool is_url,
                        struct span secret) {
    return (is_url ? scrub_finds(scrub, text) : scrub_looks_personal(scrub, text)) ||
           text_holds(text, secret);
}

int props_add(struct props *p, struct scrub_lane *scrub, struct span key, struct span value,
              struct span secret, struct arena *arena, struct err *err) {
    bool is_url;
    int rc = text_clean(key, 0, arena, &key, err);
    if (rc == 0)
        rc = text_clean(value, 0, arena, &value, err);
    if (rc == 0)
        rc = shorten_url(scrub, &value, secret, arena, &is_url, err);
    if (rc < 0)
        return rc;
    key = text_without_query(key);
    value = text_without_query(value);
    if (p->count == PROPS_MOST || key.len == 0 || value.len == 0)
        return 0;
    for (size_t i = 0; i < p->count; i++)
        if (span_eq(p->list[i].key, key))
            return 0;
    if (click_id_of(key) || is_personal(scrub, key, false, secret) ||
        is_personal(scrub, value, is_url, secret))
        p->dropped++;
    else
        p->list[p->count++] = (struct prop){.key = key, .value = value};
    return 0;
}

void props_set(struct props *p, struct span key, struct span value) {
    size_t at = 0;
    while (at < p->count && !span_eq(p->list[at].key, key))
        at++;
    if (at < p->count)
        p->list[at] = p->list[--p->count];
    if (value.len == 0)
        return;
    p->count -= p->count == PROPS_MOST;
    p->list[p->count++] = (struct prop){.key = key, .value = value};
}

static int by_key(const void *a, const void *b) {
    const struct prop *x = a, *y = b;
    size_t n = x->key.len < y->key.len ? x->key.len : y->key.len;
    int c = memcmp(x->key.ptr, y->key.ptr, n);
    return c ? c : (x->key.len > y->key.len) - (x->key.len < y->key.len);
}

int props_write(struct props *p, size_t most, struct arena *arena, struct span *ret,
                struct err *err) {
    if (p->count == 0) {
        *ret = SPAN_EMPTY;
        return 0;
    }
    qsort(p->list, p->count, sizeof(p->list[0]), by_key);
    BUF_AUTO out = {0};
    for (size_t i = 0; i < p->count; i++) {
        size_t before = out.len;
        buf_addc(&out, before ? ',' : '{');
        json_write_string(&out, p->list[i].key);
        buf_addc(&out, ':');
        json_write_string(&out, p->list[i].value);
        if (out.len + 1 > most) {
            out.len = before; /* a pair that does not fit is left out whole */
            break;
        }
    }
    if (out.len == 0 && !out.failed) {
        *ret = SPAN_EMPTY;
        return 0;
    }
    buf_addc(&out, '}');
    struct span copy = out.failed ? (struct span){0} : arena_copy(arena, buf_span(&out));
    if (!copy.ptr)
        return err_set(err, ERR_NOMEM, "out of memory");
    *ret = copy;
    return 0;
}
