#include "page.h"

#include "buf.h"
#include "text.h"
#include "token.h"

/* In place: one slash for many, no matrix parameters (RFC 3986, 3.3), which carry session ids. */
static size_t tidy(char *p, size_t len) {
    size_t n = 0;
    bool skip = false;
    for (size_t i = 0; i < len; i++) {
        if (p[i] == '/') {
            skip = false;
            if (n > 0 && p[n - 1] == '/')
                continue;
        } else if (p[i] == ';') {
            skip = true;
        }
        if (!skip)
            p[n++] = p[i];
    }
    return n;
}

bool page_fits(struct span path, struct span pattern) {
    struct span a, b;
    while (span_next(&pattern, '/', &b)) {
        if (span_eq(b, SPAN_LIT("**")) && !pattern.ptr)
            return path.ptr && path.len > 0;
        if (!span_next(&path, '/', &a))
            return false;
        if (span_eq(b, SPAN_LIT("*")) ? a.len == 0 : !span_eq(a, b))
            return false;
    }
    return !path.ptr;
}

/* Decoded as often as it takes; false when that does not end, which nobody does by accident. */
static bool decode_fully(struct span *text, struct arena *arena) {
    enum { ROUNDS = 4 };
    if (LIKELY(!memchr(text->ptr, '%', text->len)))
        return true;
    char *out = arena_alloc(arena, text->len);
    if (!out)
        return false;
    for (int i = 0; i < ROUNDS; i++) {
        size_t n = text_percent_decode(*text, out, false);
        if (n == text->len)
            return true;
        *text = span_of(out, n);
    }
    return false;
}

static int add_segment(struct scrub_lane *scrub, struct span segment, struct arena *arena,
                       struct buf *out, struct err *err) {
    struct span deep = segment, clean;
    if (!decode_fully(&deep, arena)) {
        buf_adds(out, ":token");
        return 0;
    }
    int rc = text_clean(deep, 0, arena, &deep, err);
    if (rc == 0)
        rc = scrub_text(scrub, deep, arena, &clean, err);
    if (rc < 0)
        return rc;
    bool personal = clean.ptr != deep.ptr;
    if (!personal && !token_in(deep)) {
        buf_add(out, segment);
        return 0;
    }
    token_replace(clean, out);
    return 0;
}

static int add_segments(struct scrub_lane *scrub, struct span path, struct arena *arena,
                        struct buf *out, struct err *err) {
    struct span segment;
    for (bool first = true; span_next(&path, '/', &segment); first = false) {
        if (!first)
            buf_addc(out, '/');
        int rc = segment.len ? add_segment(scrub, segment, arena, out, err) : 0;
        if (rc < 0)
            return rc;
    }
    return out->failed ? err_set(err, ERR_NOMEM, "out of memory") : 0;
}

/* Whether nothing in the path needs replacing: the common case, told without a copy. */
static bool is_plain(struct span path) {
    if (memchr(path.ptr, '%', path.len) || scrub_could_match(path))
        return false;
    struct span segment;
    while (span_next(&path, '/', &segment))
        if (token_in(segment))
            return false;
    return true;
}

int page_of(struct scrub_lane *scrub, struct span path, const struct policy *policy,
            struct span secret, struct arena *arena, struct span *ret, struct err *err) {
    struct span page;
    int rc = text_clean(path, TEXT_PERCENT, arena, &page, err);
    if (rc < 0)
        return rc;
    page = text_without_query(page);
    if (text_holds(page, secret))
        page = SPAN_LIT("/:token");
    char *bytes = arena_alloc(arena, page.len + 1);
    if (!bytes)
        return err_set(err, ERR_NOMEM, "out of memory");
    bytes[0] = '/';
    memcpy(bytes + 1, page.ptr, page.len);
    page = span_trim(span_of(bytes, tidy(bytes, page.len + 1)));
    for (size_t i = 0; policy && i < policy->path_pattern_count; i++)
        if (page_fits(page, policy->path_patterns[i])) {
            *ret = arena_copy(arena, policy->path_patterns[i]);
            return ret->ptr ? 0 : err_set(err, ERR_NOMEM, "out of memory");
        }
    if (LIKELY(is_plain(page))) {
        *ret = page;
        return 0;
    }
    BUF_AUTO out = {0};
    rc = add_segments(scrub, page, arena, &out, err);
    if (rc < 0)
        return rc;
    struct span copy = arena_copy(arena, buf_span(&out));
    if (!copy.ptr)
        return err_set(err, ERR_NOMEM, "out of memory");
    *ret = copy;
    return 0;
}
