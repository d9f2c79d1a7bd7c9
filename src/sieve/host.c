#include "host.h"

#include <libpsl.h>

#include "token.h"

enum { LONGEST = 253 };

/* libpsl wants a zero at the end. */
static bool to_string(struct span host, char out[LONGEST + 1]) {
    if (host.len > LONGEST)
        return false;
    memcpy(out, host.ptr, host.len);
    out[host.len] = '\0';
    return true;
}

bool host_is_suffix(struct span host) {
    const psl_ctx_t *list = psl_builtin();
    char text[LONGEST + 1];
    return list && to_string(host, text) &&
           psl_is_public_suffix2(list, text, PSL_TYPE_ICANN | PSL_TYPE_NO_STAR_RULE);
}

/* Where the domain that somebody registered begins; host.len when there is none. */
static size_t registrable(struct span host) {
    const psl_ctx_t *list = psl_builtin();
    char text[LONGEST + 1];
    const char *domain = list && to_string(host, text) ? psl_registrable_domain(list, text) : NULL;
    return domain ? (size_t)(domain - text) : host.len;
}

bool host_is_within(struct span host, struct span domain) {
    if (domain.len == 0 || host.len < domain.len)
        return false;
    struct span end = span_from(host, host.len - domain.len);
    return span_eq_nocase(end, domain) &&
           (host.len == domain.len || host.ptr[host.len - domain.len - 1] == '.');
}

int host_fold(struct span host, struct arena *arena, struct span *ret, struct err *err) {
    struct span rest = host, label;
    bool any = false;
    while (!any && span_next(&rest, '.', &label))
        any = token_in(label);
    size_t own = UNLIKELY(any) ? registrable(host) : 0;
    if (own == 0) {
        *ret = host;
        return 0;
    }
    BUF_AUTO out = {0};
    rest = span_head(host, own);
    while (rest.len && span_next(&rest, '.', &label)) {
        if (span_starts(label, SPAN_LIT("xn--"))) /* letters of another script, no token */
            buf_add(&out, label);
        else
            token_replace(label, &out);
        if (rest.ptr)
            buf_addc(&out, '.');
    }
    buf_add(&out, span_from(host, own));
    struct span copy = out.failed ? (struct span){0} : arena_copy(arena, buf_span(&out));
    if (!copy.ptr)
        return err_set(err, ERR_NOMEM, "out of memory");
    *ret = copy;
    return 0;
}
