/* The thread that asks for the figures of sites somebody listens to, and looks after the streams. */
#include <poll.h>

#include "realtime.h"
#include "streams_private.h"

enum {
    TICK_MS = 1000,
    ASK_EVERY_SEC = 5,
    BEAT_EVERY_SEC = 15, /* something is sent at least so often, so that proxies keep it open */
};

/* NULL when there are no figures, or no memory. */
static struct message *message_new(const json_t *figures) {
    struct message *m = calloc(1, sizeof(*m));
    if (!m)
        return NULL;
    m->refs = 1;
    buf_adds(&m->text, "event: realtime\ndata: ");
    if (json_write(figures, &m->text, NULL) < 0)
        m->text.failed = true;
    buf_adds(&m->text, "\n\n");
    if (!m->text.failed)
        return m;
    message_unref(m);
    return NULL;
}

/* The site that was asked longest ago, if it is time; with the lock. */
static bool find_due(struct streams *s, uint32_t *ret_site) {
    int64_t now = streams_now_ns(s);
    struct channel *due = NULL;
    for (struct channel *c = s->channels; c; c = c->next)
        if ((!c->asked_ns || now - c->asked_ns >= ASK_EVERY_SEC * 1000000000LL) &&
            (!due || c->asked_ns < due->asked_ns))
            due = c;
    if (!due)
        return false;
    due->asked_ns = now;
    *ret_site = due->site;
    return true;
}

struct held_token {
    uint64_t stream;
    char token[CRYPT_TOKEN_CHARS];
    bool fine;
};

/* Those of the site's streams, to be looked up without the lock: control.db may be busy, and loops
 * must not wait for it. NULL: no memory; then they are looked up the next time. */
static struct held_token *copy_tokens(struct streams *s, uint32_t site, size_t *ret_count) {
    (void)pthread_mutex_lock(&s->lock);
    struct held_token *held = calloc(s->count + 1, sizeof(*held));
    size_t n = 0;
    for (struct stream *t = s->list.next; held && t != &s->list; t = t->next) {
        if (t->channel->site != site)
            continue;
        held[n].stream = t->number;
        memcpy(held[n++].token, t->token, sizeof(t->token));
    }
    (void)pthread_mutex_unlock(&s->lock);
    *ret_count = n;
    return held;
}

/* Ends the streams of the site whose token no longer reads it. */
static void check_tokens(struct streams *s, uint32_t site) {
    size_t count;
    struct held_token *held = copy_tokens(s, site, &count);
    for (size_t i = 0; held && i < count; i++) {
        int rc =
            control_token_check(s->http->services->control, span_str(held[i].token), site, NULL);
        held[i].fine = rc != ERR_DENIED;
    }
    (void)pthread_mutex_lock(&s->lock);
    for (struct stream *t = s->list.next; held && t != &s->list; t = t->next)
        for (size_t i = 0; i < count; i++)
            if (held[i].stream == t->number && !held[i].fine)
                stream_end(t);
    (void)pthread_mutex_unlock(&s->lock);
    if (held)
        crypt_wipe(held, count * sizeof(*held));
    free(held);
}

static struct message *ask(struct streams *s, const struct policy *policy) {
    const struct http_services *services = s->http->services;
    JSON_AUTO figures = NULL;
    int rc = realtime_run(&services->query, policy, &figures, NULL);
    counters_add(s->http->counters,
                 rc == 0             ? COUNT_QUERIES_OK
                 : rc == ERR_TIMEOUT ? COUNT_QUERIES_TIMEOUT
                                     : COUNT_QUERIES_FAILED,
                 1);
    return rc == 0 ? message_new(figures) : NULL;
}

static bool is_news(const struct channel *c, const struct message *m) {
    return !c->latest || !span_eq(buf_span(&c->latest->text), buf_span(&m->text));
}

/* Takes over the reference. */
static void publish(struct streams *s, uint32_t site, struct message *m) {
    (void)pthread_mutex_lock(&s->lock);
    struct channel *c = s->channels;
    while (c && c->site != site)
        c = c->next;
    if (!c || !is_news(c, m)) {
        message_unref(m);
    } else {
        message_unref(c->latest);
        c->latest = m;
        for (struct stream *t = s->list.next; t != &s->list; t = t->next)
            if (t->channel == c)
                stream_wake(t);
    }
    (void)pthread_mutex_unlock(&s->lock);
}

static void end_site(struct streams *s, uint32_t site) {
    (void)pthread_mutex_lock(&s->lock);
    for (struct stream *t = s->list.next; t != &s->list; t = t->next)
        if (t->channel->site == site)
            stream_end(t);
    (void)pthread_mutex_unlock(&s->lock);
}

static void serve_site(struct streams *s, uint32_t site) {
    CLEANUP(policy_set_unrefp)
    struct policy_set *set = policy_board_get(s->http->services->policies);
    const struct policy *policy = policy_by_id(set, site);
    if (!policy) {
        end_site(s, site);
        return;
    }
    check_tokens(s, site);
    struct message *m = ask(s, policy);
    if (m)
        publish(s, site, m);
}

/* MHD does not look at suspended connections. The descriptor is open: it is closed after the stream
 * has left the list. */
static bool is_gone(const struct stream *t) {
    struct pollfd fd = {.fd = t->request->conn->fd, .events = POLLRDHUP};
    return poll(&fd, 1, 0) > 0 && fd.revents & (POLLRDHUP | POLLHUP | POLLERR);
}

/* Silent streams get a comment, those of clients that left an end; with the lock. */
static void look_after(struct streams *s) {
    int64_t now = streams_now_ns(s);
    if (now - s->looked_ns < TICK_MS * 1000000LL / 2)
        return; /* many sites are asked, one after the other */
    s->looked_ns = now;
    for (struct stream *t = s->list.next; t != &s->list; t = t->next) {
        if (!t->asleep)
            continue;
        if (is_gone(t)) {
            stream_end(t);
        } else if (now - t->moved_ns >= BEAT_EVERY_SEC * 1000000000LL) {
            t->beat_due = true;
            stream_wake(t);
        }
    }
}

/* Until the next second, or a stream that waits for its first figures. */
static void pause_for_tick(struct streams *s) {
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += TICK_MS / 1000;
    (void)pthread_cond_timedwait(&s->wake, &s->lock, &until);
}

void *streams_main(void *arg) {
    struct streams *s = arg;
    (void)pthread_mutex_lock(&s->lock);
    while (!s->closed) {
        uint32_t site;
        look_after(s);
        if (find_due(s, &site)) {
            (void)pthread_mutex_unlock(&s->lock);
            serve_site(s, site);
            (void)pthread_mutex_lock(&s->lock);
        } else {
            pause_for_tick(s);
        }
    }
    (void)pthread_mutex_unlock(&s->lock);
    return NULL;
}
