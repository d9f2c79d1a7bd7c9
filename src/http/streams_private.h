/* streams_private.h — what the streams and the thread that serves them share. */
#ifndef TAMIS_HTTP_STREAMS_PRIVATE_H
#define TAMIS_HTTP_STREAMS_PRIVATE_H

#include "crypt.h"
#include "streams.h"

enum { STREAM_PATIENCE_SEC = 30 /* in which what was sent must have been taken */ };

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
    int64_t looked_ns; /* when the thread last looked after them */
};

static inline int64_t streams_now_ns(const struct streams *s) {
    return clock_mono_ns(s->http->services->clock);
}

/* --- streams.c; the lock is held --- */

void message_unref(struct message *m); /* NULL-safe */
void stream_wake(struct stream *t);    /* when it is asleep */
void stream_end(struct stream *t);

/* --- streams_thread.c --- */

void *streams_main(void *streams);

#endif
