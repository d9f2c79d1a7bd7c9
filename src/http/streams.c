#include "streams.h"

#include <errno.h>
#include <poll.h>

#include "crypt.h"
#include "must.h"
#include "realtime.h"

enum {
    TICK_MS = 1000,
    ASK_EVERY_SEC = 5,
    BEAT_EVERY_SEC = 15, /* something is sent at least so often, so that proxies keep it open */
    PATIENCE_SEC = 30,   /* in which what was sent must have been taken */
    BLOCK_BYTES = 2048,
};

static const struct span beat = SPAN_LIT(": still here\n\n");

/* A message that several streams may be sending. The count is under the lock. */
struct message {
    unsigned refs;
    struct buf text;
};

/* A site that somebody listens to. */
struct channel {
    struct channel *next;
    uint32_t site;
    unsigned streams;
    int64_t asked_ns; /* 0: never */
    struct message *latest;
};

struct stream {
    struct stream *prev, *next;
    struct streams *all;
    struct channel *channel;
    char token[CRYPT_TOKEN_CHARS];
    uint64_t number;
    struct request *request; /* NULL until it is answered */

    struct message *taken; /* the last that was taken; what is left of it is to be sent */
    struct span left;
    int64_t moved_ns; /* when something was sent last */
    bool beat_due, ended;
    bool asleep; /* its connection is suspended, and nobody has resumed it yet */
};

struct streams {
    struct http *http;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool runs, closed;
    struct stream list; /* head */
    struct channel *channels;
    unsigned count;
    uint64_t last_number;
};

/* --- messages -----------------------------------------------------------------------------------
 */

static void message_unref(struct message *m) {
    if (!m || --m->refs > 0)
        return;
    buf_release(&m->text);
    free(m);
}

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

/* --- streams; the lock is held ------------------------------------------------------------------
 */

static void wake(struct stream *t) {
    if (!t->asleep)
        return;
    t->asleep = false;
    request_resume(t->request);
}

static void end(struct stream *t) {
    t->ended = true;
    wake(t);
}

static struct channel *channel_of(struct streams *s, uint32_t site) {
    struct channel *c = s->channels;
    while (c && c->site != site)
        c = c->next;
    if (c || !(c = calloc(1, sizeof(*c))))
        return c;
    c->site = site;
    c->next = s->channels;
    s->channels = c;
    return c;
}

static void channel_leave(struct streams *s, struct channel *c) {
    if (--c->streams > 0)
        return;
    struct channel **at = &s->channels;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    message_unref(c->latest);
    free(c);
}

/* What is to be sent next, once nothing is left of what was taken. */
static void take_next(struct stream *t) {
    struct message *latest = t->channel->latest;
    if (latest != t->taken) {
        message_unref(t->taken);
        t->taken = latest;
        latest->refs++;
        t->left = buf_span(&latest->text);
    } else if (t->beat_due) {
        t->left = beat;
    }
    t->beat_due = false;
}

/* --- one stream ---------------------------------------------------------------------------------
 */

static int64_t now_ns(const struct streams *s) {
    return clock_mono_ns(s->http->services->clock);
}

int stream_new(struct streams *s, const struct policy *policy, struct span token,
               struct stream **ret, struct err *err) {
    struct stream *t = calloc(1, sizeof(*t));
    must(token.len < sizeof(t->token)); /* it was accepted as one */
    int rc = 0;
    (void)pthread_mutex_lock(&s->lock);
    if (s->closed)
        rc = err_set(err, ERR_CLOSED, "the server is stopping");
    else if (s->count >= s->http->options.most_streams)
        rc = err_set(err, ERR_BUSY, "too many streams are open, try again later");
    else if (!t || !(t->channel = channel_of(s, policy->site)))
        rc = err_set(err, ERR_NOMEM, "out of memory");
    if (rc == 0) {
        memcpy(t->token, token.ptr, token.len);
        t->all = s;
        t->moved_ns = now_ns(s);
        t->number = ++s->last_number;
        t->prev = &s->list;
        t->next = s->list.next;
        t->next->prev = t->prev->next = t;
        t->channel->streams++;
        s->count++;
        if (!t->channel->latest)
            (void)pthread_cond_signal(&s->wake);
    }
    (void)pthread_mutex_unlock(&s->lock);
    if (rc < 0)
        free(t);
    else
        *ret = t;
    return rc;
}

void stream_free(struct stream *t) {
    struct streams *s = t->all;
    (void)pthread_mutex_lock(&s->lock);
    t->prev->next = t->next;
    t->next->prev = t->prev;
    message_unref(t->taken);
    channel_leave(s, t->channel);
    s->count--;
    (void)pthread_mutex_unlock(&s->lock);
    crypt_wipe(t->token, sizeof(t->token));
    free(t);
}

static void on_free(void *cls) {
    stream_free(cls);
}

/* MHD asks when the connection has room, by its loop. */
static ssize_t on_read(void *cls, uint64_t position, char *out, size_t most) {
    struct stream *t = cls;
    struct streams *s = t->all;
    size_t n = 0;
    (void)pthread_mutex_lock(&s->lock);
    if (t->left.len == 0)
        take_next(t);
    bool over = t->ended;
    if (!over && t->left.len > 0) {
        n = t->left.len < most ? t->left.len : most;
        memcpy(out, t->left.ptr, n);
        t->left = span_from(t->left, n);
        t->moved_ns = now_ns(s);
    } else if (!over) {
        t->asleep = true;
        request_suspend(t->request);
    }
    (void)pthread_mutex_unlock(&s->lock);
    int64_t until = n ? now_ns(s) + PATIENCE_SEC * 1000000000LL : NO_DEADLINE;
    atomic_store_explicit(&t->request->conn->deadline_ns, until, memory_order_relaxed);
    return over ? MHD_CONTENT_READER_END_OF_STREAM : (ssize_t)n;
}

enum MHD_Result stream_answer(struct request *r, struct stream *t) {
    t->request = r;
    atomic_store_explicit(&r->conn->streams, true, memory_order_relaxed);
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, on_read, t, on_free);
    if (!response) {
        stream_free(t);
        return MHD_NO;
    }
    reply_header(response, "Content-Type", "text/event-stream");
    reply_header(response, "Cache-Control", "no-store");
    reply_header(response, "X-Accel-Buffering", "no"); /* nginx: pass it on at once */
    reply_header(response, "X-Content-Type-Options", "nosniff");
    return reply_send(r, MHD_HTTP_OK, response);
}

unsigned streams_count(struct streams *s) {
    (void)pthread_mutex_lock(&s->lock);
    unsigned count = s->count;
    (void)pthread_mutex_unlock(&s->lock);
    return count;
}

/* --- the thread ---------------------------------------------------------------------------------
 */

/* The site that was asked longest ago, if it is time; with the lock. */
static bool find_due(struct streams *s, uint32_t *ret_site) {
    int64_t now = now_ns(s);
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
                end(t);
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
                wake(t);
    }
    (void)pthread_mutex_unlock(&s->lock);
}

static void end_site(struct streams *s, uint32_t site) {
    (void)pthread_mutex_lock(&s->lock);
    for (struct stream *t = s->list.next; t != &s->list; t = t->next)
        if (t->channel->site == site)
            end(t);
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
    int64_t now = now_ns(s);
    for (struct stream *t = s->list.next; t != &s->list; t = t->next) {
        if (!t->asleep)
            continue;
        if (is_gone(t)) {
            end(t);
        } else if (now - t->moved_ns >= BEAT_EVERY_SEC * 1000000000LL) {
            t->beat_due = true;
            wake(t);
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

static void *streams_main(void *arg) {
    struct streams *s = arg;
    (void)pthread_mutex_lock(&s->lock);
    while (!s->closed) {
        uint32_t site;
        if (find_due(s, &site)) {
            (void)pthread_mutex_unlock(&s->lock);
            serve_site(s, site);
            (void)pthread_mutex_lock(&s->lock);
            continue;
        }
        look_after(s);
        pause_for_tick(s);
    }
    (void)pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* --- starting and stopping ----------------------------------------------------------------------
 */

int streams_start(struct http *h, struct err *err) {
    struct streams *s = calloc(1, sizeof(*s));
    if (!s)
        return err_set(err, ERR_NOMEM, "out of memory");
    s->http = h;
    s->list.prev = s->list.next = &s->list;
    (void)pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&s->wake, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    h->streams = s;
    int rc = pthread_create(&s->thread, NULL, streams_main, s);
    if (rc != 0)
        return err_sys(err, rc, "start thread");
    s->runs = true;
    (void)pthread_setname_np(s->thread, "http-streams");
    return 0;
}

void streams_end(struct streams *s) {
    if (!s)
        return;
    (void)pthread_mutex_lock(&s->lock);
    s->closed = true;
    for (struct stream *t = s->list.next; t != &s->list; t = t->next)
        end(t);
    (void)pthread_cond_signal(&s->wake);
    (void)pthread_mutex_unlock(&s->lock);
    if (s->runs)
        (void)pthread_join(s->thread, NULL);
    s->runs = false;
}

void streams_free(struct streams *s) {
    if (!s)
        return;
    must(s->count == 0);
    (void)pthread_cond_destroy(&s->wake);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}
