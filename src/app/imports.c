#include "imports.h"

#include <pthread.h>
#include <stdlib.h>

#include "app.h"
#include "crypt.h"
#include "import.h"
#include "log.h"
#include "sealer.h"

enum { MOST_RUNS = 4, CATCH_UP_MS = 10 * 60 * 1000 };
#define SILENT_NS (600 * 1000000000LL)

struct run {
    uint64_t key; /* what the client names it by; 0: free */
    uint64_t id;  /* control.db's */
    uint32_t site;
    struct import *import;
    bool busy;          /* a thread works on it */
    uint64_t last_used; /* order of use, for making room */
    int64_t used_ns;    /* when it was given back */
};

struct imports {
    pthread_mutex_t lock;
    pthread_cond_t idle;
    struct run runs[MOST_RUNS];
    uint64_t uses;
    bool held;
    bool ended; /* an import has, and the sealer has not come yet */
};

struct imports *imports_new(void) {
    struct imports *im = calloc(1, sizeof(*im));
    if (!im)
        return NULL;
    (void)pthread_mutex_init(&im->lock, NULL);
    (void)pthread_cond_init(&im->idle, NULL);
    return im;
}

void imports_free(struct imports *im) {
    if (!im)
        return;
    for (size_t i = 0; i < MOST_RUNS; i++)
        import_free(im->runs[i].import);
    (void)pthread_cond_destroy(&im->idle);
    (void)pthread_mutex_destroy(&im->lock);
    free(im);
}

static struct run *find(struct imports *im, uint64_t key, uint64_t id) {
    for (size_t i = 0; i < MOST_RUNS; i++) {
        struct run *r = &im->runs[i];
        if (r->key && ((key && r->key == key) || (id && r->id == id)))
            return r;
    }
    return NULL;
}

/* The run for one thread's use; give it back with put(). */
static struct run *take(struct imports *im, uint64_t key, struct err *err) {
    (void)pthread_mutex_lock(&im->lock);
    struct run *r;
    while ((r = find(im, key, 0)) && r->busy)
        (void)pthread_cond_wait(&im->idle, &im->lock);
    if (r) {
        r->busy = true;
        r->last_used = ++im->uses;
    } else {
        (void)err_set(err, ERR_NOT_FOUND, "the import was taken over by another; start it again");
    }
    (void)pthread_mutex_unlock(&im->lock);
    return r;
}

static void put(struct imports *im, struct run *r, bool done) {
    (void)pthread_mutex_lock(&im->lock);
    if (done)
        *r = (struct run){0};
    r->busy = false;
    r->used_ns = clock_mono_ns(&clock_system);
    (void)pthread_cond_broadcast(&im->idle);
    (void)pthread_mutex_unlock(&im->lock);
}

/* A free place for the import `id`: the one of an older run of it, an empty one, or that of the run
 * longest unused. It is marked busy. */
static struct run *make_room(struct imports *im, uint64_t id, uint32_t site, struct err *err) {
    (void)pthread_mutex_lock(&im->lock);
    while (im->held || im->ended)
        (void)pthread_cond_wait(&im->idle, &im->lock);
    struct run *r;
    while ((r = find(im, 0, id)) && r->busy)
        (void)pthread_cond_wait(&im->idle, &im->lock);
    for (size_t i = 0; !r && i < MOST_RUNS; i++)
        if (!im->runs[i].key && !im->runs[i].busy)
            r = &im->runs[i];
    for (size_t i = 0; !r && i < MOST_RUNS; i++)
        if (!im->runs[i].busy && (!r || im->runs[i].last_used < r->last_used))
            r = &im->runs[i];
    struct import *old = NULL;
    if (r) {
        old = r->import;
        *r = (struct run){.site = site, .busy = true, .last_used = ++im->uses};
    } else {
        (void)err_set(err, ERR_BUSY, "too many imports at a time");
    }
    (void)pthread_mutex_unlock(&im->lock);
    import_free(old); /* waits for its last frame */
    return r;
}

static bool hex_digest(struct span hex, uint8_t out[CRYPT_DIGEST_BYTES]) {
    if (hex.len != CRYPT_DIGEST_BYTES * 2)
        return false;
    for (size_t i = 0; i < hex.len; i++) {
        char c = hex.ptr[i];
        int v = ascii_is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (v < 0)
            return false;
        out[i / 2] = (uint8_t)(i % 2 ? out[i / 2] | v : v << 4);
    }
    return true;
}

static int site_id(struct app *a, const json_t *args, uint32_t *ret, struct err *err) {
    CLEANUP(policy_set_unrefp) struct policy_set *set = policy_board_get(a->policies);
    struct span domain = json_span(json_member(args, "site"));
    const struct policy *p = domain.ptr ? app_site(set, domain) : NULL;
    if (!p)
        return err_set(err, ERR_NOT_FOUND, "no such site");
    *ret = p->site;
    return 0;
}

/* What an earlier run left must be in the store before its mark says where to go on. */
static int fill(struct app *a, struct run *r, uint32_t site, uint64_t id, const json_t *args,
                uint64_t *ret_done, struct err *err) {
    int rc = app_catch_up(a, CATCH_UP_MS, err);
    if (rc < 0)
        return rc;
    struct import_options o = {
        .sieve = a->sieve,
        .journal = a->journal,
        .counters = &a->counters,
        .policies = a->policies,
        .site = site,
        .id = id,
        .format = json_span(json_member(args, "format")),
    };
    struct import *import;
    if ((rc = store_import_offset(a->store, id, &o.done_bytes, err)) < 0 ||
        (rc = import_open(&o, &import, err)) < 0)
        return rc;
    *ret_done = o.done_bytes;
    (void)pthread_mutex_lock(&a->imports->lock);
    crypt_random(&r->key, sizeof(r->key));
    r->key = r->key >> 2 | 1; /* fits a JSON integer, is never 0 */
    r->id = id;
    r->import = import;
    (void)pthread_mutex_unlock(&a->imports->lock);
    return 0;
}

int imports_begin(struct app *a, const json_t *args, struct span body, json_t **ret,
                  struct err *err) {
    uint8_t digest[CRYPT_DIGEST_BYTES];
    uint32_t site = 0;
    if (!hex_digest(json_span(json_member(args, "digest")), digest))
        return err_set(err, ERR_INVALID, "digest: must be 64 hex digits");
    struct control_import known;
    int rc = site_id(a, args, &site, err);
    if (rc < 0 ||
        (rc = control_import_begin(a->control, site, digest,
                                   json_is_true(json_member(args, "force")), &known, err)) < 0)
        return rc;
    uint64_t done = 0, key = 0;
    if (!known.finished) {
        struct run *r = make_room(a->imports, known.id, site, err);
        if (!r)
            return ERR_BUSY;
        rc = fill(a, r, site, known.id, args, &done, err);
        key = r->key;
        put(a->imports, r, rc < 0);
        if (rc < 0)
            return rc;
    }
    *ret = json_pack("{s:I, s:I, s:I, s:b}", "import", (json_int_t)known.id, "run", (json_int_t)key,
                     "done_bytes", (json_int_t)done, "finished", (int)known.finished);
    return *ret ? 0 : err_set(err, ERR_NOMEM, "out of memory");
}

static uint64_t number(const json_t *args, const char *key) {
    return (uint64_t)json_integer_value(json_member(args, key));
}

int imports_chunk(struct app *a, const json_t *args, struct span body, json_t **ret,
                  struct err *err) {
    struct run *r = take(a->imports, number(args, "run"), err);
    if (!r)
        return ERR_NOT_FOUND;
    int rc = import_piece(r->import, number(args, "offset"), body, err);
    uint64_t at = import_at(r->import);
    put(a->imports, r, false);
    if (rc < 0)
        return rc;
    *ret = json_pack("{s:I}", "at", (json_int_t)at);
    return *ret ? 0 : err_set(err, ERR_NOMEM, "out of memory");
}

/* Keys go first: after a crash in between the import is begun once more, finds nothing left to
 * store, and ends. The other way round its keys would stay. */
static int finish(struct app *a, struct run *r, json_t **ret, struct err *err) {
    JSON_AUTO counts = NULL;
    int rc = import_flush(r->import, err);
    if (rc < 0 || (rc = import_counts(r->import, &counts, err)) < 0)
        return rc;
    import_free(TAKE_PTR(r->import)); /* its lanes hold the keys */
    if ((rc = sieve_import_end(a->sieve, r->id, err)) < 0 ||
        (rc = control_import_finish(a->control, r->id, counts, err)) < 0)
        return rc;
    *ret = TAKE_PTR(counts);
    return 0;
}

/* Past days are sealed as soon as nothing more of them comes. What does not succeed now is done by the
 * next round. */
static void seal_now(struct app *a) {
    struct err err = {0};
    size_t sealed;
    (void)pthread_mutex_lock(&a->imports->lock);
    a->imports->ended = true;
    (void)pthread_mutex_unlock(&a->imports->lock);
    if (a->sealer)
        sealer_wake(a->sealer);
    else if (sealer_round(a, &sealed, &err) < 0)
        log_warn("seal: %s", err.text);
}

int imports_finish(struct app *a, const json_t *args, struct span body, json_t **ret,
                   struct err *err) {
    struct run *r = take(a->imports, number(args, "run"), err);
    if (!r)
        return ERR_NOT_FOUND;
    if (json_member(args, "size") && number(args, "size") != import_at(r->import)) {
        put(a->imports, r, false);
        return err_set(err, ERR_INVALID, "size: pieces are missing");
    }
    int rc = finish(a, r, ret, err);
    struct import *left = TAKE_PTR(r->import);
    put(a->imports, r, true);
    import_free(left);
    seal_now(a);
    return rc;
}

void imports_hold(struct imports *im) {
    (void)pthread_mutex_lock(&im->lock);
    im->held = true;
    (void)pthread_mutex_unlock(&im->lock);
}

void imports_let_go(struct imports *im) {
    (void)pthread_mutex_lock(&im->lock);
    im->held = false;
    (void)pthread_cond_broadcast(&im->idle);
    (void)pthread_mutex_unlock(&im->lock);
}

bool imports_take_ended(struct imports *im) {
    (void)pthread_mutex_lock(&im->lock);
    bool ended = im->ended;
    im->ended = false;
    (void)pthread_cond_broadcast(&im->idle);
    (void)pthread_mutex_unlock(&im->lock);
    return ended;
}

static bool is_alive(const struct run *r) {
    return r->busy || (r->key && clock_mono_ns(&clock_system) - r->used_ns < SILENT_NS);
}

/* Of this site or with this id; neither is ever 0. */
static bool any_alive(struct imports *im, uint32_t site, uint64_t id) {
    bool alive = false;
    (void)pthread_mutex_lock(&im->lock);
    for (size_t i = 0; i < MOST_RUNS; i++) {
        const struct run *r = &im->runs[i];
        alive |= ((site && r->site == site) || (id && r->id == id)) && is_alive(r);
    }
    (void)pthread_mutex_unlock(&im->lock);
    return alive;
}

bool imports_running(struct imports *im, uint32_t site) {
    return any_alive(im, site, 0);
}

bool imports_running_id(struct imports *im, uint64_t id) {
    return any_alive(im, 0, id);
}
