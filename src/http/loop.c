/* loop.c — the threads that run MHD, each one daemon of its own.
 *
 * MHD could run the threads itself, but then each resumed connection costs a write to the daemon's
 * eventfd. Here whoever resumes puts the request on the loop's list and wakes the loop only when
 * the list was empty: once for all the events of a commit. And since a loop alone touches its
 * daemon, what a request needs of its thread (free list, workspace) needs no lock. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "server.h"

enum { ARENA_LIMIT = 16 * 1024 * 1024, LARGEST_KEPT_FRAME = 1024 * 1024 };

/* --- workspaces ----------------------------------------------------------------------------------
 */

static int workspace_init(struct workspace *w, struct sieve *sieve, struct err *err) {
    arena_init(&w->arena, ARENA_LIMIT);
    return sieve_lane_new(sieve, &w->lane, err);
}

void workspace_clear(struct workspace *w) {
    arena_clear(&w->arena);
    if (w->frame.cap > LARGEST_KEPT_FRAME)
        buf_release(&w->frame);
    buf_clear(&w->frame);
    buf_clear(&w->scratch);
}

static void workspace_release(struct workspace *w) {
    if (w->lane)
        sieve_lane_free(w->lane);
    arena_release(&w->arena);
    buf_release(&w->frame);
    buf_release(&w->scratch);
}

/* --- running -------------------------------------------------------------------------------------
 */

static void wake(struct loop *l) {
    uint64_t one = 1;
    while (write(l->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
        ;
}

void loop_resume(struct loop *l, struct request *r) {
    struct request *head = atomic_load_explicit(&l->to_resume, memory_order_relaxed);
    do
        r->next = head;
    while (!atomic_compare_exchange_weak_explicit(&l->to_resume, &head, r, memory_order_release,
                                                  memory_order_relaxed));
    if (!head)
        wake(l);
}

/* Oldest first. */
static struct request *take_resumed(struct loop *l) {
    struct request *newest = atomic_exchange_explicit(&l->to_resume, NULL, memory_order_acquire);
    struct request *oldest = NULL;
    while (newest) {
        struct request *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    return oldest;
}

static void resume_all(struct loop *l) {
    struct request *next;
    unsigned count = 0;
    for (struct request *r = take_resumed(l); r; r = next, count++) {
        next = r->next;
        request_resumed(r);
    }
    l->resumed = count > 0;
    if (count)
        atomic_fetch_sub(&l->http->to_come, count);
}

/* Until a socket is ready, somebody wakes us, or MHD has to look after silent connections. While
 * requests await their commit MHD would always go on at once: something else it has left undone
 * then waits for up to a millisecond. */
static void wait_for_work(const struct loop *l, int epoll_fd) {
    MHD_UNSIGNED_LONG_LONG ms;
    int timeout_ms = -1;
    if (MHD_get_timeout(l->daemon, &ms) == MHD_YES)
        timeout_ms = ms < INT_MAX ? (int)ms : INT_MAX;
    if (timeout_ms == 0) {
        if (l->resumed || !l->waiting)
            return;
        timeout_ms = 1;
    }
    struct pollfd fds[] = {{.fd = epoll_fd, .events = POLLIN},
                           {.fd = l->wake_fd, .events = POLLIN}};
    if (poll(fds, ARRAY_LEN(fds), timeout_ms) > 0 && fds[1].revents) {
        uint64_t count;
        (void)!read(l->wake_fd, &count, sizeof(count));
    }
}

static void stop_accepting(struct loop *l) {
    MHD_socket fd = MHD_quiesce_daemon(l->daemon);
    if (fd != MHD_INVALID_SOCKET)
        (void)close(fd);
    l->quiet = true;
}

static void *loop_main(void *arg) {
    struct loop *l = arg;
    int epoll_fd = MHD_get_daemon_info(l->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    while (!atomic_load(&l->end)) {
        wait_for_work(l, epoll_fd);
        if (!l->quiet && atomic_load(&l->http->stopping))
            stop_accepting(l);
        resume_all(l);
        (void)MHD_run(l->daemon);
    }
    return NULL;
}

/* --- starting and stopping -----------------------------------------------------------------------
 */

/* The URL's escapes are decoded by MHD; queries are parsed by it too. */
static int daemon_start(struct loop *l, unsigned most_connections, struct err *err) {
    struct http *h = l->http;
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO | MHD_USE_ERROR_LOG;
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_CERT_CALLBACK, 0, h->tls ? tls_callback() : NULL},
        {MHD_OPTION_END, 0, NULL},
    };
    if (h->tls)
        flags |= MHD_USE_TLS;
    else
        tls[0].option = MHD_OPTION_END;
    int fd = dup(h->listen_fd); /* MHD's to close, even when it cannot start */
    if (fd < 0)
        return err_sys(err, errno, "copy the listening socket");
    /* Headers as read, parsed and answered share this; MHD zeroes it after each request, so more
     * costs time. */
    size_t memory = h->options.most_header_bytes;
    l->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, request_on_access, l, MHD_OPTION_EXTERNAL_LOGGER, mhd_message, h,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, most_connections,
        MHD_OPTION_CONNECTION_TIMEOUT, h->options.idle_sec, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        memory, MHD_OPTION_NOTIFY_COMPLETED, request_on_completed, l, MHD_OPTION_NOTIFY_CONNECTION,
        conn_on_notify, l, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
    return l->daemon ? 0 : err_set(err, ERR_IO, "HTTP server cannot be started");
}

static int loop_start(struct loop *l, unsigned most_connections, struct err *err) {
    int rc = workspace_init(&l->work, l->http->services->sieve, err);
    if (rc < 0)
        return rc;
    l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (l->wake_fd < 0)
        return err_sys(err, errno, "event descriptor");
    if ((rc = daemon_start(l, most_connections, err)) < 0)
        return rc;
    int sys = pthread_create(&l->thread, NULL, loop_main, l);
    if (sys)
        return err_sys(err, sys, "start thread");
    l->runs = true;
    (void)pthread_setname_np(l->thread, "http");
    return 0;
}

int loops_start(struct http *h, struct err *err) {
    unsigned threads = h->options.threads, connections = h->options.most_connections;
    h->loops = calloc(threads, sizeof(*h->loops));
    if (!h->loops)
        return err_set(err, ERR_NOMEM, "out of memory");
    for (unsigned i = 0; i < threads; i++)
        h->loops[i] = (struct loop){.http = h, .wake_fd = -1};
    for (unsigned i = 0; i < threads; i++) {
        unsigned share = connections / threads + (i < connections % threads);
        int rc = loop_start(&h->loops[i], share, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

void loops_wake(struct http *h) {
    for (unsigned i = 0; h->loops && i < h->options.threads; i++) {
        if (h->loops[i].runs)
            wake(&h->loops[i]);
    }
}

static void loop_stop(struct loop *l) {
    atomic_store(&l->end, true);
    if (l->runs) {
        wake(l);
        (void)pthread_join(l->thread, NULL);
    }
    if (l->daemon)
        MHD_stop_daemon(l->daemon);
    if (l->wake_fd >= 0)
        (void)close(l->wake_fd);
    request_free_all(l);
    workspace_release(&l->work);
}

void loops_stop(struct http *h) {
    for (unsigned i = 0; h->loops && i < h->options.threads; i++)
        loop_stop(&h->loops[i]);
    free(h->loops);
}
