/* server.h — inside http/: what its files share.
 *
 * Threads: the loops run MHD and the routes that answer at once; the query pool runs those that may
 * block, while their connection is suspended; the journal's thread has event requests resumed after
 * the commit. A request belongs to exactly one of them at a time. */
#ifndef TAMIS_HTTP_SERVER_H
#define TAMIS_HTTP_SERVER_H

#include <microhttpd.h>
#include <pthread.h>

#include "address.h"
#include "arena.h"
#include "buf.h"
#include "http.h"
#include "query_view.h"
#include "queue.h"
#include "sieve.h"
#include "views.h"

enum {
    CONTROL_MOST_BODY = 16 * 1024 * 1024,
    INLINE_BODY = 1024,
    MOST_FORWARDED = 4, /* header lines; later ones are joined to what is kept */
    MOST_TRUSTED = 256,
    SWALLOW_FACTOR =
        16, /* a body this many times too large is still read, so that the sender sees the 413 */
};
#define NO_DEADLINE INT64_MAX

struct request;
struct streams;
struct tls;

/* One TCP connection. The list is for the sweeper, which ends connections whose request does not
 * arrive. */
struct conn {
    struct conn *prev, *next;
    int fd;
    struct net_address peer;
    _Atomic int64_t deadline_ns; /* when the next request must have arrived whole, or what a stream
                                  * sent must have been taken */
    _Atomic bool streams;        /* its answer goes on: no other words fit in */
};

/* What a loop needs to turn a body into a frame; used for the length of one call. */
struct workspace {
    struct sieve_lane *lane;
    struct arena arena;
    struct buf frame, scratch;
};

/* One of MHD's daemons and the thread that runs it. */
struct loop {
    struct http *http;
    struct MHD_Daemon *daemon;
    pthread_t thread;
    bool runs;
    int wake_fd;
    _Atomic bool end;
    struct request *_Atomic to_resume; /* put there by other threads, newest first */

    /* The thread's own. */
    bool quiet;       /* accepts no more connections */
    bool resumed;     /* requests, just now: MHD has answers to send */
    unsigned waiting; /* requests MHD asks for again and again: REQUEST_AWAITS */
    struct request *free_requests;
    struct workspace work;
};

struct http {
    struct http_options options; /* defaults filled in; strings are copies below */
    const struct http_services *services;
    struct counters *counters;
    char *address, *forwarded_header, *control_path;
    struct net_range trusted[MOST_TRUSTED];
    size_t trusted_count;
    int64_t started_ns;

    int listen_fd;
    struct loop *loops; /* options.threads of them */
    struct MHD_Daemon *control_daemon;
    struct tls *tls; /* NULL without */
    struct pool *query_pool;
    struct streams *streams;
    _Atomic bool stopping;
    _Atomic unsigned in_flight; /* requests being read or answered */
    _Atomic unsigned to_come;   /* resumes that are still to come */

    pthread_mutex_t conns_lock;
    struct conn conns; /* list head */
    unsigned conn_count;
    pthread_t sweeper;
    pthread_mutex_t sweeper_lock;
    pthread_cond_t sweeper_stop;
    bool sweeper_runs;

    struct MHD_Response *accepted, *dropped_one, *preflight, *method_not_allowed, *not_found,
        *too_large, *journal_down, *busy;
};

enum body_state { BODY_FINE, BODY_TOO_LARGE, BODY_NOMEM };

/* Who holds a request beside its loop. */
enum request_state {
    REQUEST_RUNS,      /* nobody */
    REQUEST_AWAITS,    /* its resume is to come; MHD asks for the answer at each turn */
    REQUEST_SLEEPS,    /* its resume is to come; MHD's connection is suspended */
    REQUEST_ABANDONED, /* its resume is to come; the connection is gone */
};

struct route;

/* One HTTP request. Spans borrow from MHD until the request ends. */
struct request {
    struct request *next; /* in one of its loop's lists */
    struct http *http;
    struct loop *loop;
    struct conn *conn;
    struct MHD_Connection *mhd;
    const struct route *route; /* NULL: a static file, or nothing */
    struct span path;
    bool head, wrong_method, resumed;
    enum request_state state;
    unsigned looks; /* how often MHD asked while it awaited */

    struct span user_agent, cookie, authorization, accept_encoding, accept_language, if_none_match;
    struct span forwarded[MOST_FORWARDED];
    unsigned forwarded_count;
    bool gpc, dnt, opt_out;

    char *body;
    size_t body_len, body_cap;
    enum body_state body_state;

    int result; /* of the commit */
    unsigned accepted, dropped;

    unsigned status; /* of an answer made on the pool */
    const char *content_type;
    struct buf answer;
    struct stream *stream; /* made on the pool, not answered with yet */

    char inline_body[INLINE_BODY];
};

static inline struct span request_body(const struct request *r) {
    return span_of(r->body, r->body_len);
}

/* --- routes.c ------------------------------------------------------------------------------------
 */

struct route {
    struct span path;
    const char *method;
    enum MHD_Result (*run)(struct request *r); /* on MHD's thread; must not block. After a suspend
                                                * it runs again with r->resumed. */
    void (*work)(struct request *r); /* or on the query pool: fills the answer, may block. With
                                      * both it comes first, and then run() answers. */
};

/* NULL when there is none; *ret_wrong_method says that the path exists for another method. */
const struct route *route_find(struct span path, const char *method, bool *ret_wrong_method);

/* --- request.c -----------------------------------------------------------------------------------
 */

enum MHD_Result request_on_access(void *cls, struct MHD_Connection *mhd, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **state);
void request_on_completed(void *cls, struct MHD_Connection *mhd, void **state,
                          enum MHD_RequestTerminationCode code);
void request_free_all(struct loop *l);

/* Either way exactly one request_resume() must follow, from any thread, and the route runs again
 * (unless the client left). request_await() is for what takes milliseconds: it costs nothing now
 * and a look at each turn of the loop; request_suspend() is for longer. */
void request_await(struct request *r);
void request_suspend(struct request *r);
void request_resume(struct request *r);
/* By its loop, once for each of these. */
void request_resumed(struct request *r);

/* --- loop.c --------------------------------------------------------------------------------------
 */

int loops_start(struct http *h, struct err *err) WARN_UNUSED;
/* Has them see that http.stopping is set: they accept no more connections. */
void loops_wake(struct http *h);
/* Ends the threads, then MHD. No connection may be suspended. */
void loops_stop(struct http *h);
/* Has the loop resume the request. Any thread. */
void loop_resume(struct loop *l, struct request *r);
void workspace_clear(struct workspace *w);

/* --- reply.c -------------------------------------------------------------------------------------
 */

int reply_make_shared(struct http *h) WARN_UNUSED;
void reply_free_shared(struct http *h);

/* Takes over `body`. */
enum MHD_Result reply_bytes(struct request *r, unsigned status, const char *content_type,
                            struct buf *body);
enum MHD_Result reply_shared(struct request *r, unsigned status, struct MHD_Response *response);
/* A response around static bytes, for the caller to add headers to; NULL on out of memory. */
struct MHD_Response *reply_static(const char *content_type, struct span body) WARN_UNUSED;
void reply_header(struct MHD_Response *response, const char *name, const char *value);
/* Queues and lets go of `response` (NULL: drops the connection). */
enum MHD_Result reply_send(struct request *r, unsigned status, struct MHD_Response *response);

/* For pool routes: {"error": text}. */
void answer_error(struct request *r, unsigned status, const char *text);
void answer_json(struct request *r, const json_t *j);
unsigned reply_status_of(int err_code);

/* --- the routes ----------------------------------------------------------------------------------
 */

enum MHD_Result api_event(struct request *r);
enum MHD_Result api_event_preflight(struct request *r);
enum MHD_Result api_forget(struct request *r);
void api_cohorts(struct request *r);
void api_query(struct request *r);
enum MHD_Result api_query_schema(struct request *r);
void api_v1_aggregate(struct request *r);
void api_v1_timeseries(struct request *r);
void api_v1_breakdown(struct request *r);
void api_sites(struct request *r);
void api_goals(struct request *r);
void api_notes(struct request *r);
void api_props(struct request *r);
void api_funnel(struct request *r);
void api_journey(struct request *r);
void api_segments(struct request *r);
void api_annotations(struct request *r);
void api_realtime(struct request *r);
void api_realtime_open(struct request *r);
enum MHD_Result api_realtime_stream(struct request *r);
void api_headlines(struct request *r);
void api_views(struct request *r);
void api_realtime_visitors(struct request *r);
enum MHD_Result api_healthz(struct request *r);
enum MHD_Result api_readyz(struct request *r);
enum MHD_Result api_metrics(struct request *r);
enum MHD_Result api_static(struct request *r);
enum MHD_Result optout_page(struct request *r);
enum MHD_Result optout_set(struct request *r);
/* Whether a Cookie header holds tamis_optout=1. */
bool optout_in_cookie(struct span cookie);

/* --- api_event.c, for what else is taken into the journal ----------------------------------------
 */

struct collect_fault;
enum MHD_Result api_answer_fault(struct request *r, const struct collect_fault *fault);
enum MHD_Result api_answer_unavailable(struct request *r, int rc);
/* "ok", and how many were dropped. */
enum MHD_Result api_answer_accepted(struct request *r);
/* Submits the workspace's frame; the route runs again after its commit, whose result is r->result. */
enum MHD_Result api_submit(struct request *r, struct workspace *w);
/* Reads a body into the workspace's frame, and submits or answers. */
typedef enum MHD_Result api_take_fn(struct request *r, struct workspace *w);
/* The route around it: answers once what was submitted is durable. */
enum MHD_Result api_take(struct request *r, api_take_fn *take);

/* --- api_query.c, for all that ask for figures ---------------------------------------------------
 */

/* The token of the Authorization header. */
bool api_bearer(const struct request *r, struct span *ret);
/* By domain or number; NULL: there is none. */
const struct policy *api_find_site(const struct policy_set *set, struct span name);
/* Whether the request's token reads the site, which may be NULL. */
bool api_may_read(struct request *r, const struct policy *policy);
void api_answer_denied(struct request *r);
/* Whether its parameters are all among `words`, which end with NULL; answers 400 when they are not. */
bool api_takes_only(struct request *r, const char *const words[]);
/* Runs a query. On an error the answer is made, after `rename` (or NULL) has seen one that is the
 * sender's. */
int api_run(struct request *r, const struct policy *policy, const json_t *query,
            void (*rename)(struct err *err), json_t **ret) WARN_UNUSED;
/* As query_run(). */
/* Answers and counts what is no 0, and counts what is; returns it. */
int api_report(struct request *r, int rc, struct err *err, void (*rename)(struct err *err));
typedef int api_question_fn(const struct query_env *env, const struct policy *policy,
                            const json_t *request, json_t **ret, struct err *err);
/* A whole route: a JSON body that names its site in site_id, and its answer. */
void api_ask(struct request *r, api_question_fn *run);

/* --- the rest ------------------------------------------------------------------------------------
 */

/* listener.c: sockets, listening. *ret_address: "HOST:PORT" as bound, for the caller to free. */
int listener_tcp(const char *listen, int *ret_fd, char **ret_address, struct err *err) WARN_UNUSED;
int listener_unix(const char *path, int *ret_fd, struct err *err) WARN_UNUSED;

/* sweep.c */
void conn_on_notify(void *cls, struct MHD_Connection *mhd, void **socket_context,
                    enum MHD_ConnectionNotificationCode code);
int sweep_start(struct http *h, struct err *err) WARN_UNUSED;
void sweep_end(struct http *h);
/* Writes a bare answer to a connection MHD would close without one. Nothing with TLS. */
void conn_last_words(struct http *h, int fd, const char *status);

/* tls.c */
int tls_open(const char *cert, const char *key, const struct clock *clock, struct tls **ret,
             struct err *err) WARN_UNUSED;
int tls_reload(struct tls *t, struct err *err) WARN_UNUSED;
void tls_free(struct tls *t);
/* For MHD: sessions find their tls through tls_attach(). The function's type is GnuTLS's. */
void tls_attach(struct tls *t, void *session);
void *tls_callback(void);

/* control_socket.c */
int control_socket_start(struct http *h, struct err *err) WARN_UNUSED;
void control_socket_stop(struct http *h);

/* server.c */
/* For MHD: its messages can hold visitor data, so they are counted and dropped. */
void mhd_message(void *cls, const char *format, va_list args);

/* --- api_view.c ----------------------------------------------------------------------------------
 */

/* A view as a request names it. */
struct api_view {
    struct control_view found;
    const struct policy *sites[VIEW_MOST_SITES];
    struct query_view asked; /* borrows from the above: not to be copied */
};

/* Whether it is "view:" and a name or number. */
bool api_names_view(struct span site_id);
/* Whether there is such a view, and the request's token reads it. */
bool api_find_view(struct request *r, const struct policy_set *policies, struct span site_id,
                   struct api_view *ret);
/* The view of that name or number; whether there is one. Whose it is, is not asked. */
bool api_view_named(const struct http *h, const struct policy_set *policies, struct span name,
                    struct api_view *ret);
/* For what is asked of sites alone: 400 to who reads the view, else denied. */
void api_refuse_view(struct request *r, struct span site_id);
/* As api_run(). */
int api_run_view(struct request *r, const struct api_view *view, const json_t *query,
                 void (*rename)(struct err *err), json_t **ret);

#endif
