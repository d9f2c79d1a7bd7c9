/* streams.h — the live figures of sites, sent on to whoever listens (Server-Sent Events).
 *
 * One thread asks for a site's figures every five seconds, once for all of its streams, and wakes
 * those that have not got them yet; between two messages a stream's connection is suspended and
 * costs no thread. A stream takes the newest figures when its connection has room: nothing piles up
 * behind a slow one, and one that takes nothing for half a minute is cut. A stream ends when its
 * token is revoked, its site removed, its client gone, or the server stops. */
#ifndef TAMIS_HTTP_STREAMS_H
#define TAMIS_HTTP_STREAMS_H

#include "server.h"

struct streams;
struct stream;

int streams_start(struct http *h, struct err *err) WARN_UNUSED;
/* Ends all streams at once; none begins afterwards. The connections close a moment later. NULL-safe. */
void streams_end(struct streams *s);
/* After the loops: no stream is left. NULL-safe. */
void streams_free(struct streams *s);
unsigned streams_count(struct streams *s);

/* A stream of a site for a token that reads it. ERR_BUSY: there are as many as there may be.
 * ERR_CLOSED: the server stops. May block for a moment. */
int stream_new(struct streams *s, const struct policy *policy, struct span token,
               struct stream **ret, struct err *err) WARN_UNUSED;
/* For one that was not answered. */
void stream_free(struct stream *t);
/* Answers the request with the stream, which goes with the answer. By its loop. */
enum MHD_Result stream_answer(struct request *r, struct stream *t);

#endif
