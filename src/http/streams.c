#include "must.h"
#include "streams_private.h"

enum { BLOCK_BYTES = 2048 };

static const struct span beat = SPAN_LIT(": still here\n\n");

/* --- the lock is held ---------------------------------------------------------------------------
 */

void message_unref(struct message *m) {
    if (!m || --m->refs > 0)
        return;
    buf_release(&m->text);
    free(m);
}

void stream_wake(struct stream *t) {
    if (!t->asleep)
        return;
    t->asleep = false;
    request_resume(t->request);
}

void stream_end(struct stream *t) {
    t->ended = true;
    stream_wake(t);
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
        t->moved_ns = streams_now_ns(s);
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
        t->moved_ns = streams_now_ns(s);
    } else if (!over) {
        t->asleep = true;
        request_suspend(t->request);
    }
    (void)pthread_mutex_unlock(&s->lock);
    int64_t until = n ? streams_now_ns(s) + STREAM_PATIENCE_SEC * 1000000000LL : NO_DEADLINE;
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
        stream_end(t);
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
