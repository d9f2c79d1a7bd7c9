/* reply.c — making answers. The frequent ones are made once and shared. */
#include "server.h"

static const char type_json[] = "application/json";
static const char type_text[] = "text/plain; charset=utf-8";

void reply_header(struct MHD_Response *response, const char *name, const char *value) {
    /* Fails only on out of memory; an answer that lacks a header is better than none. */
    (void)MHD_add_response_header(response, name, value);
}

struct MHD_Response *reply_static(const char *content_type, struct span body) {
    /* MHD's parameter is not const, but persistent memory is only read. */
    struct MHD_Response *response = MHD_create_response_from_buffer(
        body.len, (void *)(uintptr_t)body.ptr, MHD_RESPMEM_PERSISTENT);
    if (response && content_type)
        reply_header(response, "Content-Type", content_type);
    return response;
}

enum MHD_Result reply_send(struct request *r, unsigned status, struct MHD_Response *response) {
    if (!response)
        return MHD_NO;
    enum MHD_Result queued = MHD_queue_response(r->mhd, status, response);
    MHD_destroy_response(response);
    return queued;
}

enum MHD_Result reply_shared(struct request *r, unsigned status, struct MHD_Response *response) {
    return MHD_queue_response(r->mhd, status, response);
}

enum MHD_Result reply_bytes(struct request *r, unsigned status, const char *content_type,
                            struct buf *body) {
    if (body->failed || !body->data)
        return reply_shared(r, MHD_HTTP_SERVICE_UNAVAILABLE, r->http->busy);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(body->len, body->data, MHD_RESPMEM_MUST_FREE);
    if (!response)
        return MHD_NO;
    *body = (struct buf){0};
    reply_header(response, "Content-Type", content_type);
    reply_header(response, "Cache-Control", "no-store");
    reply_header(response, "X-Content-Type-Options", "nosniff");
    if (status == MHD_HTTP_SERVICE_UNAVAILABLE)
        reply_header(response, "Retry-After", "1");
    if (status == MHD_HTTP_UNAUTHORIZED)
        reply_header(response, "WWW-Authenticate", "Bearer");
    return reply_send(r, status, response);
}

void answer_error(struct request *r, unsigned status, const char *text) {
    buf_clear(&r->answer);
    buf_adds(&r->answer, "{\"error\":");
    json_write_string(&r->answer, span_str(text));
    buf_addc(&r->answer, '}');
    r->status = status;
    r->content_type = type_json;
}

void answer_json(struct request *r, const json_t *j) {
    r->status = MHD_HTTP_OK;
    r->content_type = type_json;
    buf_clear(&r->answer);
    if (json_write(j, &r->answer, NULL) < 0)
        r->answer.failed = true;
}

unsigned reply_status_of(int err_code) {
    switch (err_code) {
    case ERR_INVALID:
        return MHD_HTTP_BAD_REQUEST;
    case ERR_NOT_FOUND:
        return MHD_HTTP_NOT_FOUND;
    case ERR_EXISTS:
        return MHD_HTTP_CONFLICT;
    case ERR_DENIED:
        return MHD_HTTP_FORBIDDEN;
    case ERR_UNSUPPORTED:
        return MHD_HTTP_NOT_IMPLEMENTED;
    case ERR_BUSY:
    case ERR_CLOSED:
        return MHD_HTTP_SERVICE_UNAVAILABLE;
    case ERR_TIMEOUT:
        return MHD_HTTP_GATEWAY_TIMEOUT;
    case ERR_FULL:
        return MHD_HTTP_INSUFFICIENT_STORAGE;
    default:
        return MHD_HTTP_INTERNAL_SERVER_ERROR;
    }
}

/* --- shared --------------------------------------------------------------------------------------
 */

static struct MHD_Response *cross_origin(const char *type, struct span body) {
    struct MHD_Response *response = reply_static(type, body);
    if (response)
        reply_header(response, "Access-Control-Allow-Origin", "*");
    return response;
}

static struct MHD_Response *retry_later(struct span body) {
    struct MHD_Response *response = cross_origin(type_json, body);
    if (response)
        reply_header(response, "Retry-After", "1");
    return response;
}

int reply_make_shared(struct http *h) {
    h->accepted = cross_origin(type_text, SPAN_LIT("ok"));
    h->dropped_one = cross_origin(type_text, SPAN_LIT("ok"));
    h->preflight = cross_origin(NULL, SPAN_EMPTY);
    h->method_not_allowed = cross_origin(type_json, SPAN_LIT("{\"error\":\"method not allowed\"}"));
    h->not_found = cross_origin(type_json, SPAN_LIT("{\"error\":\"not found\"}"));
    h->too_large = cross_origin(type_json, SPAN_LIT("{\"error\":\"request body is too large\"}"));
    h->journal_down = retry_later(SPAN_LIT("{\"error\":\"events cannot be stored now\"}"));
    h->busy = retry_later(SPAN_LIT("{\"error\":\"busy\"}"));
    if (!h->accepted || !h->dropped_one || !h->preflight || !h->method_not_allowed ||
        !h->not_found || !h->too_large || !h->journal_down || !h->busy)
        return ERR_NOMEM;
    reply_header(h->dropped_one, "x-plausible-dropped", "1");
    reply_header(h->dropped_one, "Access-Control-Expose-Headers", "x-plausible-dropped");
    reply_header(h->preflight, "Access-Control-Allow-Methods", "POST, OPTIONS");
    reply_header(h->preflight, "Access-Control-Allow-Headers", "Content-Type, X-Tamis-Opt-Out");
    reply_header(h->preflight, "Access-Control-Max-Age", "86400");
    reply_header(h->too_large, "Connection", "close");
    return 0;
}

void reply_free_shared(struct http *h) {
    struct MHD_Response *shared[] = {h->accepted,           h->dropped_one, h->preflight,
                                     h->method_not_allowed, h->not_found,   h->too_large,
                                     h->journal_down,       h->busy};
    for (size_t i = 0; i < ARRAY_LEN(shared); i++) {
        if (shared[i])
            MHD_destroy_response(shared[i]);
    }
}
