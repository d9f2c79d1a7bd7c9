/* request.c — the life of one request: headers, body, route, answer.
 *
 * MHD calls request_on_access once with the headers, then for each piece of body, then to have it
 * answered, until it is. */
#include "server.h"

#include "assets.h"
#include "streams.h"

/* --- the free list -------------------------------------------------------------------------------
 */

static struct request *request_take(struct loop *l) {
    struct request *r = l->free_requests;
    if (r)
        l->free_requests = r->next;
    else if (!(r = malloc(sizeof(*r))))
        return NULL;
    memset(r, 0, offsetof(struct request, inline_body));
    r->http = l->http;
    r->loop = l;
    r->body = r->inline_body;
    r->body_cap = INLINE_BODY;
    return r;
}

static void body_release(struct request *r) {
    if (r->body != r->inline_body)
        free(r->body);
}

static void request_give(struct request *r) {
    struct loop *l = r->loop;
    if (r->stream)
        stream_free(r->stream);
    body_release(r);
    buf_release(&r->answer);
    r->next = l->free_requests;
    l->free_requests = r;
}

static void request_end(struct request *r) {
    struct http *h = r->http;
    request_give(r);
    atomic_fetch_sub(&h->in_flight, 1);
}

void request_free_all(struct loop *l) {
    while (l->free_requests) {
        struct request *r = l->free_requests;
        l->free_requests = r->next;
        free(r);
    }
}

/* --- headers -------------------------------------------------------------------------------------
 */

static bool header_is(struct span name, const char *lower) {
    return span_eq_nocase(name, span_of(lower, name.len));
}

static void on_forwarded(struct request *r, struct span value) {
    if (r->forwarded_count < MOST_FORWARDED) {
        r->forwarded[r->forwarded_count++] = value;
        return;
    }
    /* The right-most lines are the ones our own proxies wrote. */
    memmove(r->forwarded, r->forwarded + 1, (MOST_FORWARDED - 1) * sizeof(*r->forwarded));
    r->forwarded[MOST_FORWARDED - 1] = value;
}

/* All headers in one pass: looking each up walks MHD's list every time. */
static enum MHD_Result on_header(void *cls, enum MHD_ValueKind kind, const char *key,
                                 size_t key_len, const char *value, size_t value_len) {
    struct request *r = cls;
    struct span name = span_of(key, key_len), v = span_of(value ? value : "", value_len);
    switch (key_len) {
    case 3:
        if (header_is(name, "dnt"))
            r->dnt = span_eq(v, SPAN_LIT("1"));
        break;
    case 6:
        if (header_is(name, "cookie")) {
            r->cookie = v;
            r->opt_out |= optout_in_cookie(v);
        }
        break;
    case 7:
        if (header_is(name, "sec-gpc"))
            r->gpc = span_eq(v, SPAN_LIT("1"));
        break;
    case 10:
        if (header_is(name, "user-agent"))
            r->user_agent = v;
        break;
    case 13:
        if (header_is(name, "authorization"))
            r->authorization = v;
        else if (header_is(name, "if-none-match"))
            r->if_none_match = v;
        break;
    case 14: {
        uint64_t length;
        if (header_is(name, "content-length") && span_u64(v, &length) &&
            length > (uint64_t)r->http->options.most_body_bytes * SWALLOW_FACTOR)
            r->body_state = BODY_TOO_LARGE;
        break;
    }
    case 15:
        if (header_is(name, "accept-encoding"))
            r->accept_encoding = v;
        else if (header_is(name, "accept-language"))
            r->accept_language = v;
        else if (header_is(name, "x-tamis-opt-out"))
            r->opt_out |= span_eq(v, SPAN_LIT("1"));
        break;
    default:
        break;
    }
    if (r->http->trusted_count > 0 && span_eq_nocase(name, span_str(r->http->forwarded_header)))
        on_forwarded(r, v);
    return MHD_YES;
}

/* --- body ----------------------------------------------------------------------------------------
 */

static enum MHD_Result body_add(struct request *r, const char *data, size_t n) {
    size_t most = r->http->options.most_body_bytes;
    size_t total = r->body_len + n;
    if (r->body_state != BODY_FINE || total > most) {
        if (r->body_state == BODY_FINE)
            r->body_state = BODY_TOO_LARGE;
        r->body_len = total; /* counted, not kept */
        if (total <= most * SWALLOW_FACTOR)
            return MHD_YES;
        counters_add(r->http->counters, COUNT_REQUESTS_BAD_TOO_LARGE, 1);
        conn_last_words(r->http, r->conn->fd, "413 Content Too Large");
        return MHD_NO;
    }
    if (total > r->body_cap) {
        size_t cap = total > r->body_cap * 4 ? total : r->body_cap * 4;
        if (cap > most)
            cap = most;
        char *bigger = malloc(cap);
        if (!bigger) {
            r->body_state = BODY_NOMEM;
            return MHD_YES;
        }
        memcpy(bigger, r->body, r->body_len);
        body_release(r);
        r->body = bigger;
        r->body_cap = cap;
    }
    memcpy(r->body + r->body_len, data, n);
    r->body_len = total;
    return MHD_YES;
}

/* --- waiting -------------------------------------------------------------------------------------
 *
 * A suspended connection leaves MHD's epoll set and comes back to it later: two system calls, and a
 * third to find out that nothing was to be read. For a commit that is on its way this costs more
 * than having MHD ask for the answer a few times. */

enum { MOST_LOOKS = 24 }; /* cost about what suspending does */

void request_await(struct request *r) {
    atomic_fetch_add(&r->http->to_come, 1);
    r->resumed = true;
    r->state = REQUEST_AWAITS;
    r->loop->waiting++;
}

static void put_to_sleep(struct request *r) {
    r->state = REQUEST_SLEEPS;
    MHD_suspend_connection(r->mhd);
}

void request_suspend(struct request *r) {
    atomic_fetch_add(&r->http->to_come, 1);
    r->resumed = true;
    put_to_sleep(r);
}

/* MHD asks for an answer that is not there yet. */
static enum MHD_Result look(struct request *r) {
    if (++r->looks == MOST_LOOKS) {
        r->loop->waiting--;
        put_to_sleep(r);
    }
    return MHD_YES;
}

void request_resume(struct request *r) {
    loop_resume(r->loop, r);
}

void request_resumed(struct request *r) {
    enum request_state was = r->state;
    r->state = REQUEST_RUNS;
    if (was == REQUEST_AWAITS)
        r->loop->waiting--;
    else if (was == REQUEST_SLEEPS)
        MHD_resume_connection(r->mhd);
    else
        request_end(r);
}

/* --- the three calls -----------------------------------------------------------------------------
 */

static enum MHD_Result begin(struct loop *l, struct MHD_Connection *mhd, const char *url,
                             const char *method, void **state) {
    struct http *h = l->http;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct conn *c = info ? info->socket_context : NULL;
    struct request *r = c ? request_take(l) : NULL;
    if (!r)
        return MHD_NO;
    r->conn = c;
    r->mhd = mhd;
    r->path = span_str(url);
    r->head = strcmp(method, "HEAD") == 0;
    r->route = route_find(r->path, r->head ? "GET" : method, &r->wrong_method);
    if (!r->route && !r->wrong_method && !r->head && strcmp(method, "GET") != 0)
        r->wrong_method = asset_find(r->path) != NULL;
    (void)MHD_get_connection_values_n(mhd, MHD_HEADER_KIND, on_header, r);
    *state = r;
    atomic_fetch_add(&h->in_flight, 1);
    if (r->body_state == BODY_TOO_LARGE) { /* far too large: not worth reading */
        counters_add(h->counters, COUNT_REQUESTS_BAD_TOO_LARGE, 1);
        return reply_shared(r, MHD_HTTP_CONTENT_TOO_LARGE, h->too_large);
    }
    return MHD_YES;
}

static enum MHD_Result dispatch(struct request *r) {
    struct http *h = r->http;
    if (r->resumed) {
        if (r->route->run)
            return r->route->run(r);
        return reply_bytes(r, r->status, r->content_type, &r->answer);
    }
    if (r->body_state == BODY_TOO_LARGE) {
        counters_add(h->counters, COUNT_REQUESTS_BAD_TOO_LARGE, 1);
        return reply_shared(r, MHD_HTTP_CONTENT_TOO_LARGE, h->too_large);
    }
    if (r->body_state == BODY_NOMEM || atomic_load_explicit(&h->stopping, memory_order_relaxed)) {
        counters_add(h->counters, COUNT_REQUESTS_UNAVAILABLE_BUSY, 1);
        return reply_shared(r, MHD_HTTP_SERVICE_UNAVAILABLE, h->busy);
    }
    if (r->wrong_method) {
        counters_add(h->counters, COUNT_REQUESTS_BAD_ROUTE, 1);
        return reply_shared(r, MHD_HTTP_METHOD_NOT_ALLOWED, h->method_not_allowed);
    }
    if (!r->route)
        return api_static(r);
    if (r->route->run && !r->route->work)
        return r->route->run(r);
    request_suspend(r);
    if (!pool_try_push(h->query_pool, r)) {
        counters_add(h->counters, COUNT_REQUESTS_UNAVAILABLE_BUSY, 1);
        answer_error(r, MHD_HTTP_SERVICE_UNAVAILABLE,
                     "too many queries are running, try again later");
        request_resume(r);
    }
    return MHD_YES;
}

enum MHD_Result request_on_access(void *cls, struct MHD_Connection *mhd, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **state) {
    struct request *r = *state;
    if (!r)
        return begin(cls, mhd, url, method, state);
    if (*upload_size > 0) {
        size_t n = *upload_size;
        *upload_size = 0;
        return body_add(r, upload, n);
    }
    if (r->state == REQUEST_AWAITS)
        return look(r);
    atomic_store_explicit(&r->conn->deadline_ns, NO_DEADLINE, memory_order_relaxed);
    return dispatch(r);
}

void request_on_completed(void *cls, struct MHD_Connection *mhd, void **state,
                          enum MHD_RequestTerminationCode code) {
    struct request *r = *state;
    if (!r)
        return;
    struct http *h = r->http;
    *state = NULL;
    /* Silence is MHD's to end (idle_sec); a request that trickles in is the sweeper's. */
    int64_t wait_sec = (int64_t)h->options.idle_sec + h->options.request_sec;
    atomic_store_explicit(&r->conn->deadline_ns,
                          clock_mono_ns(h->services->clock) + wait_sec * 1000000000,
                          memory_order_relaxed);
    if (r->state == REQUEST_RUNS) {
        request_end(r);
        return;
    }
    /* The client left while its events were being committed: they stay, their answer goes nowhere.
     * MHD does not end connections that are suspended. */
    r->loop->waiting--;
    r->state = REQUEST_ABANDONED;
}
