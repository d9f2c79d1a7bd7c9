/* Opening, closing and setting aside the hot file.
 *
 * A mark beside the file says that an opening has begun. When it is found at the next one, the
 * engine did not survive this file, and it is set aside unread: a damaged cache must not keep the
 * server from starting. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cell.h"
#include "os.h"
#include "roll.h"
#include "store_private.h"

enum { DEFAULT_OPEN_VISITS = 2000000, DEFAULT_PRESENCE_BYTES = 256 << 20 };

static void hot_close(struct hot *h) {
    apply_release(h);
    if (h->visits)
        visits_free(h->visits);
    if (h->presence)
        presence_free(h->presence);
    if (h->words)
        words_free(h->words);
    if (h->writer)
        duckdb_disconnect(&h->writer);
    if (h->workers)
        workers_stop(h->workers);
    if (h->db)
        duckdb_close(&h->db);
    *h = (struct hot){.generation = h->generation}; /* numbers do not come back */
}

static void hot_closep(struct hot *h) {
    hot_close(h);
}

static int take_up(struct hot *h, const struct store_options *o, uint64_t next_visit,
                   struct err *err) {
    workers_call(h->workers);
    int code = load_words(h, err);
    if (!code)
        code = load_visits(h, o->most_open_visits, next_visit, err);
    if (!code)
        code = load_presence(h, o->presence_bytes, err);
    workers_dismiss(h->workers);
    return code;
}

static int hot_open(struct store *s, struct err *err) {
    CLEANUP(hot_closep) struct hot h = {.generation = s->hot.generation + 1};
    struct schema_meta meta;
    CLEANUP(generation_unrefp)
    struct generation *g = generation_new(s, s->opening + 1, h.generation);
    if (!g)
        return err_set(err, ERR_NOMEM, "no memory for the hot tables");
    int code = engine_open(s->dir, &s->options, &h.db, err);
    if (!code)
        code = workers_start(h.db, workers_share(s->options.threads), &h.workers, err);
    if (!code)
        code = engine_attach(h.db, s->path, g->name, err);
    if (!code)
        code = engine_connect(h.db, g->name, &h.writer, err);
    if (!code)
        code = text_numbers_register(h.writer, &s->numbers, err);
    bool rolls_made = false; /* made new or not: the first publishing loads what is missing */
    if (!code)
        code = roll_attach(h.writer, &os_system, s->dir, &rolls_made, err);
    if (!code)
        code = cell_attach(h.writer, &os_system, s->dir, err);
    if (!code)
        code = schema_open(h.writer, &meta, err);
    if (!code)
        code = take_up(&h, &s->options, meta.next_visit, err);
    if (!code)
        code = apply_prepare(&h, err);
    struct store_view *v = NULL;
    if (!code)
        code = view_make(s->view, TAKE_PTR(g), &(struct store_change){0}, &v, err);
    if (code)
        return code;
    pthread_mutex_lock(&s->cursor_lock);
    s->cursor = meta.cursor;
    pthread_mutex_unlock(&s->cursor_lock);
    s->meta = meta;
    s->hot = h;
    h = (struct hot){0};
    s->opening++;
    publish_view(s, v);
    s->applied = s->rolls_synced = false;
    s->unsaved_events = 0;
    atomic_store(&s->fault, ENGINE_FINE);
    return 0;
}

static char *path_with(const char *path, const char *end) {
    char *out = NULL;
    return asprintf(&out, "%s%s", path, end) < 0 ? NULL : out;
}

static bool exists(const char *path) {
    return access(path, F_OK) == 0;
}

/* hot.duckdb → hot.duckdb.bad-<n>; the one before is removed. */
static int set_aside(struct store *s, struct err *err) {
    unsigned n = 1;
    for (unsigned old = 1; old < 10; old++) {
        char end[16];
        snprintf(end, sizeof end, ".bad-%u", old);
        CLEANUP(free_charp) char *path = path_with(s->path, end);
        if (!path)
            return err_set(err, ERR_NOMEM, "no memory for a path");
        if (unlink(path) == 0)
            n = old % 9 + 1;
    }
    char end[16];
    snprintf(end, sizeof end, ".bad-%u", n);
    CLEANUP(free_charp) char *bad = path_with(s->path, end);
    CLEANUP(free_charp) char *wal = path_with(s->path, ".wal");
    if (!bad || !wal)
        return err_set(err, ERR_NOMEM, "no memory for a path");
    if (rename(s->path, bad) != 0 && errno != ENOENT)
        return err_sys(err, errno, "cannot set the hot file aside");
    /* The log means nothing without its file, and must not be replayed into a new one. */
    if (unlink(wal) != 0 && errno != ENOENT)
        return err_sys(err, errno, "cannot remove the hot file's log");
    return 0;
}

static int mark_opening(const char *mark, struct err *err) {
    int fd = open(mark, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(err, errno, "cannot write beside the hot file");
    close(fd);
    return 0;
}

/* Opens the file; one that is no use is set aside first (1). `suspect`: it is already known to be
 * none. */
static int open_or_rebuild(struct store *s, bool suspect, struct err *err) {
    CLEANUP(free_charp) char *mark = path_with(s->path, ".opening");
    CLEANUP(free_charp) char *wal = path_with(s->path, ".wal");
    if (!mark || !wal)
        return err_set(err, ERR_NOMEM, "no memory for a path");
    bool rebuilt = exists(s->path) && (suspect || exists(mark));
    /* A log without its file is left from a file that was removed. */
    if (rebuilt || (!exists(s->path) && exists(wal))) {
        int code = set_aside(s, err);
        if (code)
            return code;
    }
    int code = mark_opening(mark, err);
    if (code)
        return code;
    code = hot_open(s, err);
    if (code == ERR_CORRUPT && !rebuilt) {
        code = set_aside(s, err);
        rebuilt = true;
        if (!code)
            code = hot_open(s, err);
    }
    unlink(mark);
    return code ? code : rebuilt;
}

static int remove_file(const char *dir, const char *name, struct err *err) {
    CLEANUP(free_charp) char *path = path_join(dir, name);
    if (!path)
        return err_set(err, ERR_NOMEM, "no memory for a path");
    return unlink(path) < 0 && errno != ENOENT ? err_sys(err, errno, "cannot remove a cache file")
                                               : 0;
}

/* What a crash left in the spill folder holds rows, visitors' hashes too. */
static int empty_spill(struct store *s, struct err *err) {
    CLEANUP(free_charp) char *dir = path_join(s->dir, "spill");
    if (!dir)
        return err_set(err, ERR_NOMEM, "no memory for a path");
    DIR *d = opendir(dir);
    int code = 0;
    for (struct dirent *e; d && !code && (e = readdir(d));)
        if (e->d_name[0] != '.')
            code = remove_file(dir, e->d_name, err);
    if (d)
        (void)closedir(d);
    return code;
}

static void store_freep(struct store **s) {
    if (!*s)
        return;
    pthread_mutex_destroy(&(*s)->cursor_lock);
    pthread_mutex_destroy(&(*s)->view_lock);
    pthread_mutex_destroy(&(*s)->cells.lock);
    pthread_mutex_destroy(&(*s)->numbers.lock);
    free((*s)->cells.gone);
    pthread_rwlock_destroy(&(*s)->gate);
    free((*s)->dir);
    free((*s)->path);
    free((*s)->sealed_root);
    free(*s);
}

int store_open(const char *dir, const struct store_options *options, struct store **ret,
               bool *ret_rebuilt, struct err *err) {
    CLEANUP(store_freep) struct store *s = calloc(1, sizeof(*s));
    if (!s)
        return err_set(err, ERR_NOMEM, "no memory for the store");
    pthread_mutex_init(&s->cursor_lock, NULL);
    pthread_mutex_init(&s->view_lock, NULL);
    pthread_mutex_init(&s->cells.lock, NULL);
    pthread_mutex_init(&s->numbers.lock, NULL);
    pthread_rwlock_init(&s->gate, NULL);
    if (options)
        s->options = *options;
    if (!s->options.most_open_visits)
        s->options.most_open_visits = DEFAULT_OPEN_VISITS;
    if (!s->options.presence_bytes)
        s->options.presence_bytes = DEFAULT_PRESENCE_BYTES;
    s->dir = strdup(dir);
    s->path = path_join(dir, "hot.duckdb");
    s->sealed_root = s->options.sealed_root ? strdup(s->options.sealed_root) : NULL;
    if (!s->dir || !s->path || (s->options.sealed_root && !s->sealed_root))
        return err_set(err, ERR_NOMEM, "no memory for the store");
    s->options.sealed_root = s->sealed_root;
    int code = os_make_dir(&os_system, dir, err);
    if (code)
        return code;
    code = empty_spill(s, err);
    if (!code)
        code = readers_start(&s->readers, err);
    if (code)
        return code;
    int opened = open_or_rebuild(s, false, err);
    if (opened < 0) {
        readers_stop(&s->readers);
        return opened;
    }
    *ret_rebuilt = opened == 1;
    *ret = TAKE_PTR(s);
    return 0;
}

int store_checkpoint(struct store *s, struct err *err) {
    if (s->unsaved_events == 0)
        return 0;
    enum engine_fault fault = ENGINE_FINE;
    int code = engine_run(s->hot.writer, "CHECKPOINT", &fault, err);
    if (!code)
        s->unsaved_events = 0;
    else if (fault != ENGINE_FINE)
        store_note_fault(s, fault);
    return code;
}

uint64_t store_unsaved_events(struct store *s) {
    return s->unsaved_events;
}

/* A file that is known to be bad is not written to again. */
static void save_if_well(struct store *s) {
    struct err ignored;
    if (s->hot.db && !store_needs_reopen(s) && store_checkpoint(s, &ignored))
        s->unsaved_events = 0;
}

void store_close(struct store *s) {
    atomic_store(&s->shut, true);
    publish_view(s, NULL);
    readers_stop(&s->readers);
    save_if_well(s);
    hot_close(&s->hot);
    store_freep(&s);
}

/* Alone with the engine: running selects are interrupted, new ones refused. */
static void shut_gate(struct store *s) {
    atomic_store(&s->shut, true);
    readers_interrupt(&s->readers, true);
    pthread_rwlock_wrlock(&s->gate);
}

static void open_gate(struct store *s) {
    pthread_rwlock_unlock(&s->gate);
    readers_interrupt(&s->readers, false);
    atomic_store(&s->shut, false);
}

int store_reopen(struct store *s, struct err *err) {
    int fault = atomic_load(&s->fault);
    bool suspect = fault == ENGINE_DAMAGED || (fault == ENGINE_STOPPED && !s->applied);
    shut_gate(s);
    save_if_well(s); /* no select stands in the way of a checkpoint now */
    readers_disconnect(&s->readers);
    hot_close(&s->hot);
    int opened = open_or_rebuild(s, suspect, err);
    open_gate(s);
    return opened;
}

/* Files that were set aside too: they hold the same bytes. */
static int remove_caches(struct store *s, struct err *err) {
    int code = remove_file(s->dir, "hot.duckdb", err);
    if (!code)
        code = remove_file(s->dir, "roll.duckdb", err);
    if (!code)
        code = remove_file(s->dir, "cell.duckdb", err);
    for (unsigned n = 1; !code && n < 10; n++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "hot.duckdb.bad-%u", n);
        code = remove_file(s->dir, name, err);
    }
    return code;
}

int store_start_over(struct store *s, struct err *err) {
    shut_gate(s);
    readers_disconnect(&s->readers);
    hot_close(&s->hot);
    int code = remove_caches(s, err);
    int opened = code ? code : open_or_rebuild(s, false, err);
    open_gate(s);
    return opened < 0 ? opened : 0;
}

bool store_needs_reopen(struct store *s) {
    return atomic_load(&s->fault) != ENGINE_FINE;
}

void store_note_fault(struct store *s, enum engine_fault fault) {
    int known = atomic_load(&s->fault);
    while (known < (int)fault && !atomic_compare_exchange_weak(&s->fault, &known, (int)fault))
        ;
}

struct cursor store_cursor(struct store *s) {
    pthread_mutex_lock(&s->cursor_lock);
    struct cursor c = s->cursor;
    pthread_mutex_unlock(&s->cursor_lock);
    return c;
}
