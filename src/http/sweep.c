/* sweep.c — open connections, and the end of those whose request does not arrive.
 *
 * MHD closes silent connections; one byte every few seconds keeps it content for ever. So every
 * connection has a deadline for its next whole request, and a thread looks for those that passed
 * it. */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "server.h"

enum { SWEEP_EVERY_MS = 200 };

static struct net_address peer_of(const struct sockaddr *sa) {
    struct net_address a = {0};
    if (!sa)
        return a;
    if (sa->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, sa, sizeof(in));
        a.family = 4;
        memcpy(a.bytes, &in.sin_addr, 4);
    } else if (sa->sa_family == AF_INET6) {
        struct sockaddr_in6 in;
        memcpy(&in, sa, sizeof(in));
        bool mapped = IN6_IS_ADDR_V4MAPPED(&in.sin6_addr);
        a.family = mapped ? 4 : 6;
        memcpy(a.bytes, in.sin6_addr.s6_addr + (mapped ? 12 : 0), mapped ? 4 : 16);
    }
    return a;
}

static void conn_open(struct http *h, struct MHD_Connection *mhd, void **socket_context) {
    struct conn *c = calloc(1, sizeof(*c));
    *socket_context = c;
    if (!c)
        return; /* its requests are refused */
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    c->peer = peer_of(info ? info->client_addr : NULL);
    info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    c->fd = info ? info->connect_fd : -1;
    atomic_init(&c->deadline_ns,
                clock_mono_ns(h->services->clock) + (int64_t)h->options.request_sec * 1000000000);
    if (h->tls) {
        info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
        if (info)
            tls_attach(h->tls, info->tls_session);
    }
    (void)pthread_mutex_lock(&h->conns_lock);
    c->next = h->conns.next;
    c->prev = &h->conns;
    c->next->prev = c;
    h->conns.next = c;
    h->conn_count++;
    (void)pthread_mutex_unlock(&h->conns_lock);
}

static void conn_close(struct http *h, struct conn *c) {
    if (!c)
        return;
    (void)pthread_mutex_lock(&h->conns_lock);
    c->prev->next = c->next;
    c->next->prev = c->prev;
    h->conn_count--;
    (void)pthread_mutex_unlock(&h->conns_lock);
    free(c);
}

void conn_on_notify(void *cls, struct MHD_Connection *mhd, void **socket_context,
                    enum MHD_ConnectionNotificationCode code) {
    struct http *h = ((struct loop *)cls)->http;
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        conn_open(h, mhd, socket_context);
    else
        conn_close(h, *socket_context);
}

void conn_last_words(struct http *h, int fd, const char *status) {
    if (h->tls || fd < 0)
        return;
    char text[128];
    int n = snprintf(text, sizeof(text),
                     "HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", status);
    (void)!send(fd, text, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* MHD tells us before it closes a socket, and that call waits for the lock: the descriptors here
 * are open. */
static void sweep(struct http *h) {
    int64_t now = clock_mono_ns(h->services->clock);
    (void)pthread_mutex_lock(&h->conns_lock);
    for (struct conn *c = h->conns.next; c != &h->conns; c = c->next) {
        if (atomic_load_explicit(&c->deadline_ns, memory_order_relaxed) > now)
            continue;
        atomic_store_explicit(&c->deadline_ns, NO_DEADLINE, memory_order_relaxed);
        counters_add(h->counters, COUNT_REQUESTS_BAD_SLOW, 1);
        if (!atomic_load_explicit(&c->streams, memory_order_relaxed))
            conn_last_words(h, c->fd, "408 Request Timeout");
        (void)shutdown(c->fd, SHUT_RDWR);
    }
    (void)pthread_mutex_unlock(&h->conns_lock);
}

static void *sweep_main(void *arg) {
    struct http *h = arg;
    (void)pthread_mutex_lock(&h->sweeper_lock);
    while (h->sweeper_runs) {
        struct timespec until;
        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += SWEEP_EVERY_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        if (pthread_cond_timedwait(&h->sweeper_stop, &h->sweeper_lock, &until) == ETIMEDOUT) {
            (void)pthread_mutex_unlock(&h->sweeper_lock);
            sweep(h);
            (void)pthread_mutex_lock(&h->sweeper_lock);
        }
    }
    (void)pthread_mutex_unlock(&h->sweeper_lock);
    return NULL;
}

int sweep_start(struct http *h, struct err *err) {
    h->sweeper_runs = true;
    int rc = pthread_create(&h->sweeper, NULL, sweep_main, h);
    if (rc != 0) {
        h->sweeper_runs = false;
        return err_sys(err, rc, "start thread");
    }
    (void)pthread_setname_np(h->sweeper, "http-sweep");
    return 0;
}

void sweep_end(struct http *h) {
    (void)pthread_mutex_lock(&h->sweeper_lock);
    bool ran = h->sweeper_runs;
    h->sweeper_runs = false;
    (void)pthread_cond_signal(&h->sweeper_stop);
    (void)pthread_mutex_unlock(&h->sweeper_lock);
    if (ran)
        (void)pthread_join(h->sweeper, NULL);
}
