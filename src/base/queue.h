/* queue.h — a bounded queue of pointers between threads, and a worker pool on top of it.
 *
 * Any number of producers and consumers. The queue never owns what the pointers point to. */
#ifndef TAMIS_QUEUE_H
#define TAMIS_QUEUE_H

#include "attr.h"
#include "err.h"
#include "span.h"

struct queue;

struct queue *queue_new(size_t capacity) WARN_UNUSED; /* NULL on out of memory */
void queue_free(struct queue *q);

/* False when the queue is full or closed; never blocks. */
bool queue_try_push(struct queue *q, void *item) WARN_UNUSED;

/* Blocks until there is an item; false when the queue is closed and empty. */
bool queue_pop(struct queue *q, void **ret_item) WARN_UNUSED;

/* No more pushes; what is queued can still be popped. */
void queue_close(struct queue *q);

size_t queue_len(struct queue *q);

/* A fixed number of threads that call `work(ctx, item)` for each pushed item. */
struct pool;
typedef void (*pool_work_fn)(void *ctx, void *item);

int pool_start(const char *name, unsigned threads, size_t capacity, pool_work_fn work, void *ctx,
               struct pool **ret, struct err *err) WARN_UNUSED;
bool pool_try_push(struct pool *p, void *item) WARN_UNUSED;
size_t pool_backlog(struct pool *p);

/* Finishes what is queued, joins the threads, frees the pool. */
void pool_stop(struct pool *p);

#endif
