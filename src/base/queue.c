#include "queue.h"

#include <pthread.h>
#include <stdlib.h>

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    size_t capacity, head, len;
    bool closed;
    void *items[];
};

struct queue *queue_new(size_t capacity) {
    struct queue *q = calloc(1, sizeof(*q) + capacity * sizeof(q->items[0]));
    if (!q)
        return NULL;
    q->capacity = capacity;
    (void)pthread_mutex_init(&q->lock, NULL);
    (void)pthread_cond_init(&q->filled, NULL);
    return q;
}

void queue_free(struct queue *q) {
    if (!q)
        return;
    (void)pthread_mutex_destroy(&q->lock);
    (void)pthread_cond_destroy(&q->filled);
    free(q);
}

bool queue_try_push(struct queue *q, void *item) {
    (void)pthread_mutex_lock(&q->lock);
    bool fits = !q->closed && q->len < q->capacity;
    if (fits) {
        q->items[(q->head + q->len) % q->capacity] = item;
        q->len++;
        (void)pthread_cond_signal(&q->filled);
    }
    (void)pthread_mutex_unlock(&q->lock);
    return fits;
}

bool queue_pop(struct queue *q, void **ret_item) {
    (void)pthread_mutex_lock(&q->lock);
    while (q->len == 0 && !q->closed)
        (void)pthread_cond_wait(&q->filled, &q->lock);
    bool got = q->len > 0;
    if (got) {
        *ret_item = q->items[q->head];
        q->head = (q->head + 1) % q->capacity;
        q->len--;
    }
    (void)pthread_mutex_unlock(&q->lock);
    return got;
}

void queue_close(struct queue *q) {
    (void)pthread_mutex_lock(&q->lock);
    q->closed = true;
    (void)pthread_cond_broadcast(&q->filled);
    (void)pthread_mutex_unlock(&q->lock);
}

size_t queue_len(struct queue *q) {
    (void)pthread_mutex_lock(&q->lock);
    size_t len = q->len;
    (void)pthread_mutex_unlock(&q->lock);
    return len;
}

struct pool {
    struct queue *queue;
    pool_work_fn work;
    void *ctx;
    unsigned started;
    pthread_t threads[];
};

static void *pool_main(void *arg) {
    struct pool *p = arg;
    void *item;
    while (queue_pop(p->queue, &item))
        p->work(p->ctx, item);
    return NULL;
}

int pool_start(const char *name, unsigned threads, size_t capacity, pool_work_fn work, void *ctx,
               struct pool **ret, struct err *err) {
    struct pool *p = calloc(1, sizeof(*p) + threads * sizeof(p->threads[0]));
    if (!p || !(p->queue = queue_new(capacity))) {
        free(p);
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    p->work = work;
    p->ctx = ctx;
    for (; p->started < threads; p->started++) {
        int rc = pthread_create(&p->threads[p->started], NULL, pool_main, p);
        if (rc != 0) {
            pool_stop(p);
            return err_sys(err, rc, "start thread");
        }
        (void)pthread_setname_np(p->threads[p->started], name);
    }
    *ret = p;
    return 0;
}

bool pool_try_push(struct pool *p, void *item) {
    return queue_try_push(p->queue, item);
}

size_t pool_backlog(struct pool *p) {
    return queue_len(p->queue);
}

void pool_stop(struct pool *p) {
    if (!p)
        return;
    queue_close(p->queue);
    for (unsigned i = 0; i < p->started; i++)
        (void)pthread_join(p->threads[i], NULL);
    queue_free(p->queue);
    free(p);
}
