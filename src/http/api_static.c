/* api_static.c — the files built from web/. */
#include "assets.h"
#include "server.h"

static const char page_policy[] = "default-src 'self'; img-src 'self' data:; style-src 'self' "
                                  "'unsafe-inline'; object-src 'none'; "
                                  "base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/* Whether a header's comma list names `token` and does not refuse it with q=0. */
static bool list_accepts(struct span list, struct span token) {
    struct span item;
    while (list.ptr && span_next(&list, ',', &item)) {
        struct span name = span_trim(span_head(item, span_find(item, ';', 0)));
        if (!span_eq_nocase(name, token))
            continue;
        size_t q = span_find_span(item, SPAN_LIT("q="));
        if (q == SIZE_MAX)
            return true;
        struct span weight = span_trim(span_from(item, q + 2));
        for (size_t i = 0; i < weight.len; i++) {
            if (weight.ptr[i] >= '1' && weight.ptr[i] <= '9')
                return true;
        }
        return false;
    }
    return false;
}

/* If-None-Match (RFC 9110 13.1.2): weak comparison, so a W/ in front does not matter. */
static bool etag_matches(struct span list, const char *etag) {
    struct span item;
    while (list.ptr && span_next(&list, ',', &item)) {
        item = span_trim(item);
        if (span_starts(item, SPAN_LIT("W/")))
            item = span_from(item, 2);
        if (span_eq(item, span_str(etag)) || span_eq(item, SPAN_LIT("*")))
            return true;
    }
    return false;
}

enum MHD_Result api_static(struct request *r) {
    const struct asset *a = asset_find(r->path);
    if (!a) {
        counters_add(r->http->counters, COUNT_REQUESTS_BAD_ROUTE, 1);
        return reply_shared(r, MHD_HTTP_NOT_FOUND, r->http->not_found);
    }
    bool same = etag_matches(r->if_none_match, a->etag);
    struct span body = a->raw;
    const char *encoding = NULL;
    if (a->brotli.len && list_accepts(r->accept_encoding, SPAN_LIT("br"))) {
        body = a->brotli;
        encoding = "br";
    } else if (a->gzip.len && list_accepts(r->accept_encoding, SPAN_LIT("gzip"))) {
        body = a->gzip;
        encoding = "gzip";
    }
    struct MHD_Response *response =
        reply_static(same ? NULL : a->content_type, same ? SPAN_EMPTY : body);
    if (!response)
        return MHD_NO;
    if (encoding && !same)
        reply_header(response, "Content-Encoding", encoding);
    reply_header(response, "Vary", "Accept-Encoding");
    reply_header(response, "ETag", a->etag);
    bool page = strncmp(a->content_type, "text/html", 9) == 0;
    reply_header(response, "Cache-Control",
                 a->immutable ? "public, max-age=31536000, immutable"
                 : page       ? "no-cache"
                              : "public, max-age=3600");
    reply_header(response, "X-Content-Type-Options", "nosniff");
    if (page) {
        reply_header(response, "Content-Security-Policy", page_policy);
        reply_header(response, "Referrer-Policy", "no-referrer");
        reply_header(response, "X-Frame-Options", "DENY");
    } else { /* the tracker is loaded by other sites */
        reply_header(response, "Access-Control-Allow-Origin", "*");
        reply_header(response, "Cross-Origin-Resource-Policy", "cross-origin");
    }
    return reply_send(r, same ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK, response);
}
