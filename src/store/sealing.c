#include "sealing.h"

#include "compact.h"
#include "seal.h"
#include "seal_rewrite.h"
#include "store_private.h"

/* A connection for one long piece of work on what is in the hot tables now. */
struct session {
    struct store_view *view; /* keeps the hot file */
    duckdb_connection connection;
};

static void session_end(struct session *w) {
    if (w->connection)
        duckdb_disconnect(&w->connection);
    if (w->view)
        store_view_close(w->view);
}

static int session_begin(struct store *s, struct session *ret, struct err *err) {
    int code = store_view_open(s, &ret->view, err);
    if (code)
        return code;
    if (!s->hot.db || s->opening != ret->view->generation->opening)
        return err_set(err, ERR_BUSY, "the hot tables are not open");
    return engine_connect(s->hot.db, ret->view->generation->name, &ret->connection, err);
}

int store_with_session(struct store *s, int (*work)(duckdb_connection, void *, struct err *),
                       void *arg, struct err *err) {
    if (atomic_load(&s->shut) || pthread_rwlock_tryrdlock(&s->gate) != 0)
        return err_set(err, ERR_BUSY, "the hot tables are being opened again");
    int code;
    {
        CLEANUP(session_end) struct session w = {0};
        code = session_begin(s, &w, err);
        if (!code) {
            workers_call(s->hot.workers);
            code = work(w.connection, arg, err);
            workers_dismiss(s->hot.workers);
        }
    }
    pthread_rwlock_unlock(&s->gate);
    return code;
}

struct sealing {
    const void *job;
    struct seal_result *result;
};

static int seal(duckdb_connection c, void *arg, struct err *err) {
    struct sealing *w = arg;
    return seal_write(c, w->job, w->result, err);
}

int store_seal(struct store *s, const struct seal_job *job, struct seal_result *ret,
               struct err *err) {
    struct sealing w = {.job = job, .result = ret};
    return store_with_session(s, seal, &w, err);
}

static int compact(duckdb_connection c, void *arg, struct err *err) {
    struct sealing *w = arg;
    return compact_month(c, w->job, w->result, err);
}

int store_compact(struct store *s, const struct compact_job *job, struct seal_result *ret,
                  struct err *err) {
    struct sealing w = {.job = job, .result = ret};
    return store_with_session(s, compact, &w, err);
}

struct rewriting {
    const struct rewrite_job *job;
    struct rewrite_result *result;
};

static int rewrite(duckdb_connection c, void *arg, struct err *err) {
    struct rewriting *w = arg;
    return seal_rewrite(c, w->job, w->result, err);
}

int store_rewrite(struct store *s, const struct rewrite_job *job, struct rewrite_result *ret,
                  struct err *err) {
    struct rewriting w = {.job = job, .result = ret};
    return store_with_session(s, rewrite, &w, err);
}

struct verifying {
    const struct os *os;
    const char *root;
    const struct seal_file *files;
    struct buf *findings;
    size_t *count;
};

static int verify(duckdb_connection c, void *arg, struct err *err) {
    struct verifying *w = arg;
    return seal_verify(c, w->os, w->root, w->files, w->findings, w->count, err);
}

int store_verify(struct store *s, const struct os *os, const char *root,
                 const struct seal_file files[SEAL_KINDS], struct buf *findings, size_t *ret_count,
                 struct err *err) {
    struct verifying w = {
        .os = os, .root = root, .files = files, .findings = findings, .count = ret_count};
    return store_with_session(s, verify, &w, err);
}
