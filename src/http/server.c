/* server.c — putting the server together, and taking it apart in the right order. */
#include <sys/socket.h>
#include <unistd.h>

#include "server.h"
#include "streams.h"

enum {
    DEFAULT_BODY = 64 * 1024,
    DEFAULT_HEADER = 16 * 1024,
    DEFAULT_CONNECTIONS = 4000,
    DEFAULT_IDLE_SEC = 15,
    DEFAULT_REQUEST_SEC = 30,
    DEFAULT_QUERY_THREADS = 2,
    DEFAULT_STREAMS = 100,
    QUERY_QUEUE = 64,
};

/* --- options -------------------------------------------------------------------------------------
 */

static int take_options(struct http *h, const struct http_options *o, struct err *err) {
    h->options = *o;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (!h->options.threads)
        h->options.threads = cores > 0 ? (unsigned)cores : 1;
    if (!h->options.query_threads)
        h->options.query_threads = DEFAULT_QUERY_THREADS;
    if (!h->options.most_body_bytes)
        h->options.most_body_bytes = DEFAULT_BODY;
    if (h->options.most_body_bytes < INLINE_BODY)
        h->options.most_body_bytes = INLINE_BODY;
    if (!h->options.most_header_bytes)
        h->options.most_header_bytes = DEFAULT_HEADER;
    if (!h->options.most_connections)
        h->options.most_connections = DEFAULT_CONNECTIONS;
    if (h->options.most_connections < h->options.threads)
        h->options.most_connections = h->options.threads;
    if (!h->options.idle_sec)
        h->options.idle_sec = DEFAULT_IDLE_SEC;
    if (!h->options.request_sec)
        h->options.request_sec = DEFAULT_REQUEST_SEC;
    if (!h->options.most_streams)
        h->options.most_streams = DEFAULT_STREAMS;
    if (!o->tls_cert != !o->tls_key)
        return err_set(err, ERR_INVALID, "TLS needs both a certificate and a key");
    h->forwarded_header = strdup(o->forwarded_header ? o->forwarded_header : "X-Forwarded-For");
    if (!h->forwarded_header ||
        (o->control_socket && !(h->control_path = strdup(o->control_socket))))
        return err_set(err, ERR_NOMEM, "out of memory");
    for (const char *const *p = o->trusted_proxies; p && *p; p++) {
        if (h->trusted_count == MOST_TRUSTED)
            return err_set(err, ERR_INVALID, "more than %d trusted proxies", MOST_TRUSTED);
        if (!net_range_parse(span_str(*p), &h->trusted[h->trusted_count++]))
            return err_set(err, ERR_INVALID, "trusted proxy is no address or range");
    }
    return 0;
}

/* --- starting ------------------------------------------------------------------------------------
 */

/* MHD answers oversized or malformed headers by itself and tells nobody but its log. The text is
 * dropped: it could hold what was sent. */
void mhd_message(void *cls, const char *format, va_list args) {
    struct http *h = cls;
    static const char refused[] = "Error processing request (HTTP ";
    if (!h || strncmp(format, refused, sizeof(refused) - 1) != 0)
        return;
    va_list copy;
    va_copy(copy, args);
    unsigned status = va_arg(copy, unsigned);
    va_end(copy);
    bool large = status == MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE ||
                 status == MHD_HTTP_URI_TOO_LONG || status == MHD_HTTP_CONTENT_TOO_LARGE;
    counters_add(h->counters, large ? COUNT_REQUESTS_BAD_TOO_LARGE : COUNT_REQUESTS_BAD_FIELDS, 1);
}

static void query_work(void *ctx, void *item) {
    struct http *h = ctx;
    struct request *r = item;
    if (atomic_load(&h->stopping))
        answer_error(r, MHD_HTTP_SERVICE_UNAVAILABLE, "the server is stopping");
    else
        r->route->work(r);
    request_resume(r);
}

static int start(struct http *h, const struct http_options *options, struct err *err) {
    CLEANUP(free_charp) char *bound = NULL;
    int rc = take_options(h, options, err);
    if (rc < 0)
        return rc;
    if (reply_make_shared(h) < 0)
        return err_set(err, ERR_NOMEM, "out of memory");
    if (options->tls_cert &&
        (rc = tls_open(options->tls_cert, options->tls_key, h->services->clock, &h->tls, err)) < 0)
        return rc;
    rc = pool_start("query", h->options.query_threads, QUERY_QUEUE, query_work, h, &h->query_pool,
                    err);
    if (rc < 0)
        return rc;
    if ((rc = streams_start(h, err)) < 0)
        return rc;
    if ((rc = listener_tcp(options->listen, &h->listen_fd, &bound, err)) < 0)
        return rc;
    if (asprintf(&h->address, "%s://%s", h->tls ? "https" : "http", bound) < 0) {
        h->address = NULL;
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    if (h->control_path && (rc = control_socket_start(h, err)) < 0)
        return rc;
    if ((rc = sweep_start(h, err)) < 0)
        return rc;
    return loops_start(h, err);
}

int http_start(const struct http_options *options, const struct http_services *services,
               struct http **ret, struct err *err) {
    struct http *h = calloc(1, sizeof(*h));
    if (!h)
        return err_set(err, ERR_NOMEM, "out of memory");
    h->services = services;
    h->counters = services->counters;
    h->listen_fd = -1;
    h->conns.next = h->conns.prev = &h->conns;
    h->started_ns = clock_mono_ns(services->clock);
    (void)pthread_mutex_init(&h->sweeper_lock, NULL);
    (void)pthread_mutex_init(&h->conns_lock, NULL);
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&h->sweeper_stop, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    int rc = start(h, options, err);
    if (rc < 0) {
        http_stop(h, 0);
        return rc;
    }
    *ret = h;
    return 0;
}

const char *http_address(const struct http *h) {
    return h->address;
}

int http_reload_tls(struct http *h, struct err *err) {
    return h->tls ? tls_reload(h->tls, err)
                  : err_set(err, ERR_UNSUPPORTED, "the server runs without TLS");
}

/* --- stopping ------------------------------------------------------------------------------------
 */

static void pause_ms(long ms) {
    (void)nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

void http_stop(struct http *h, int drain_ms) {
    atomic_store(&h->stopping, true); /* new requests on open connections get 503 */
    loops_wake(h);
    streams_end(h->streams);
    for (int waited = 0; waited < drain_ms && atomic_load(&h->in_flight) > 0; waited++)
        pause_ms(1);
    pool_stop(h->query_pool);
    /* MHD must not be stopped while connections are suspended, and whoever is to resume a request
     * still holds it: a commit, which ends, well or not. */
    while (atomic_load(&h->to_come) > 0)
        pause_ms(1);
    loops_stop(h);
    streams_free(h->streams);
    control_socket_stop(h);
    sweep_end(h);
    if (h->listen_fd >= 0)
        (void)close(h->listen_fd);
    tls_free(h->tls);
    reply_free_shared(h);
    (void)pthread_cond_destroy(&h->sweeper_stop);
    (void)pthread_mutex_destroy(&h->conns_lock);
    (void)pthread_mutex_destroy(&h->sweeper_lock);
    free(h->address);
    free(h->forwarded_header);
    free(h->control_path);
    free(h);
}
