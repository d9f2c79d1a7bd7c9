/* http.h — the server: connections, limits, routes. No product logic.
 *
 * Two listeners: the public one (TCP, a thread a core) and the control socket (unix, 0600, same
 * host and user). */
#ifndef TAMIS_HTTP_H
#define TAMIS_HTTP_H

#include "clock.h"
#include "control.h"
#include "counters.h"
#include "err.h"
#include "journal.h"
#include "json.h"
#include "policy.h"
#include "query.h"

struct sieve;
struct http;

/* Answers one call on the control socket. `body` is the request's body after the JSON arguments,
 * for calls that carry bytes. Runs on a worker thread, may block. */
typedef int (*http_rpc_fn)(void *ctx, struct span verb, const json_t *args, struct span body,
                           json_t **ret, struct err *err);

/* Borrowed by the server for as long as it runs. */
struct http_services {
    const struct clock *clock;
    struct journal *journal;
    struct sieve *sieve;
    struct policy_board *policies;
    struct control *control;
    struct counters *counters;
    struct query_env query;
    bool (*ready)(void *ctx);                   /* for /readyz, besides the journal's health */
    void (*gauges)(void *ctx, struct buf *out); /* appended to /metrics */
    http_rpc_fn rpc;
    void *ctx;
};

struct http_options {
    const char *listen;                 /* "127.0.0.1:8420", "[::]:443", port 0: any */
    const char *control_socket;         /* path; NULL: none */
    unsigned threads;                   /* 0: one a core */
    unsigned query_threads;             /* 0: 2 */
    size_t most_body_bytes;             /* 0: 64 KiB */
    size_t most_header_bytes;           /* 0: 16 KiB */
    unsigned most_connections;          /* 0: 4,000 */
    unsigned most_streams;              /* 0: 100; live streams at a time */
    unsigned idle_sec;                  /* 0: 15; silence after which a connection is closed */
    unsigned request_sec;               /* 0: 30; longest time a request may take to arrive */
    const char *tls_cert, *tls_key;     /* PEM files; both or neither */
    const char *const *trusted_proxies; /* addresses or ranges; NULL-terminated or NULL */
    const char *forwarded_header;       /* NULL: "X-Forwarded-For" */
};

int http_start(const struct http_options *options, const struct http_services *services,
               struct http **ret, struct err *err) WARN_UNUSED;

/* The bound address as "http://HOST:PORT" (https with TLS). */
const char *http_address(const struct http *h);

/* Reads certificate and key again; on an error the old ones stay. */
int http_reload_tls(struct http *h, struct err *err) WARN_UNUSED;

/* Stops listening, lets requests in flight finish (at most drain_ms), frees. */
void http_stop(struct http *h, int drain_ms);

#endif
