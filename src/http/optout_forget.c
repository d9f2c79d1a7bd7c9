/* optout_forget.c — who opts out is not known again either. The cookie of a visitor who agreed to be
 * known comes with the request where this server answers on the site's own host, or on one that its
 * cookie is shared with. */
#include "optout_forget.h"

#include "record.h"

#define COOKIE "tamis_id"

/* Empty: there is none. */
static struct span id_of(const struct request *r) {
    struct span rest = r->cookie, pair;
    while (rest.ptr && span_next(&rest, ';', &pair)) {
        pair = span_trim(pair);
        if (span_starts(pair, SPAN_LIT(COOKIE "=")))
            return span_from(pair, sizeof(COOKIE));
    }
    return SPAN_EMPTY;
}

/* Which site it belongs to is not said; others have never met its 128 random bits. */
int optout_forget(struct request *r, struct workspace *w) {
    struct span id = id_of(r);
    if (id.len == 0 || !sieve_is_visitor_id(id))
        return 0;
    CLEANUP(policy_set_unrefp)
    struct policy_set *policies = policy_board_get(r->http->services->policies);
    for (size_t i = 0; i < policy_count(policies); i++) {
        const struct policy *policy = policy_at(policies, i);
        struct record_known visitor = {.site = policy->site};
        int known = sieve_forget(w->lane, policy, id, &visitor.known, NULL);
        if (known < 0)
            return known;
        if (known > 0)
            record_add_forget(&w->frame, &visitor);
    }
    return w->frame.failed ? ERR_NOMEM : w->frame.len > 0;
}

static void end_cookie(struct MHD_Response *response, struct span domain) {
    char cookie[320];
    (void)snprintf(cookie, sizeof(cookie), COOKIE "=; Max-Age=0; Path=/%s%.*s",
                   domain.len ? "; Domain=" : "", (int)domain.len, domain.ptr ? domain.ptr : "");
    reply_header(response, "Set-Cookie", cookie);
}

static bool is_host(struct span s) {
    enum { MOST_BYTES = 253 };
    static const char fine[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";
    for (size_t i = 0; i < s.len; i++)
        if (!memchr(fine, s.ptr[i], sizeof(fine) - 1))
            return false;
    return s.len > 0 && s.len <= MOST_BYTES;
}

/* For which domain it was made is not said either: each that this host may speak for. */
void optout_end_cookie(struct request *r, struct MHD_Response *response) {
    if (id_of(r).len == 0)
        return;
    end_cookie(response, SPAN_EMPTY);
    const char *header = MHD_lookup_connection_value(r->mhd, MHD_HEADER_KIND, "Host");
    struct span host, rest = header ? span_str(header) : SPAN_EMPTY;
    if (!header || !span_next(&rest, ':', &host) || !is_host(host))
        return;
    for (size_t dot; (dot = span_find(host, '.', 0)) < host.len; host = span_from(host, dot + 1))
        end_cookie(response, host);
}
