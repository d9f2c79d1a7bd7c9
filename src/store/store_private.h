/* store_private.h — the inside of struct store, for the files of this folder. */
#ifndef TAMIS_STORE_PRIVATE_H
#define TAMIS_STORE_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "engine.h"
#include "presence.h"
#include "schema.h"
#include "text_numbers.h"
#include "view.h"
#include "visits.h"
#include "workers.h"

enum {
    IDLE_READERS = 8,
    MOST_UNSAVED_EVENTS = 500000, /* memory for rows that are not in the file yet: about 100 MB */
};

/* One running select: where the watchdog finds it. Lives on the selecting thread's stack. */
struct reader {
    duckdb_connection connection;
    int64_t deadline_ns;
    bool spoilt; /* the connection does not leave its transaction */
    struct reader *next;
};

/* Connections for selects, and the thread that interrupts those that take too long. */
struct readers {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t watchdog;
    struct reader *running;
    duckdb_connection idle[IDLE_READERS];
    unsigned idle_generation; /* whose tables the idle ones use */
    size_t idle_count;
    bool interrupt_all; /* the file is to be opened again */
    bool stop;
};

/* What is open while there is a usable file; all zero otherwise. */
struct hot {
    duckdb_database db;
    struct workers *workers;
    duckdb_connection writer; /* uses the tables of generation */
    unsigned generation;
    duckdb_prepared_statement set_meta, set_mark, add_mark;
    duckdb_data_chunk event_rows, visit_rows, word_rows, set_rows;
    struct words *words; /* the next two look into it */
    struct visits *visits;
    struct presence *presence;
};

/* How far the cell cache is; but for `gone`, whoever builds has it. */
struct cells {
    pthread_mutex_t lock; /* of the next two */
    uint32_t *gone;       /* parts that no view has any more: their cells are to be dropped */
    size_t gone_count;
    unsigned swept;          /* the opening in which cells of unknown parts were dropped */
    uint64_t unsaved_events; /* about as many were taken up since the last checkpoint */
};

struct store {
    char *dir;
    char *path;
    char *sealed_root;
    struct store_options options;
    struct hot hot;
    pthread_rwlock_t gate;   /* held to read by whoever uses `hot` off the applying thread */
    _Atomic bool shut;       /* being opened again or closed: do not queue at the gate */
    _Atomic int fault;       /* enum engine_fault, the worst since the last opening */
    bool rolls_synced;       /* since the last opening */
    bool applied;            /* a batch was applied since the last opening */
    uint64_t unsaved_events; /* applied since the last checkpoint (an empty batch counts as one) */
    pthread_mutex_t cursor_lock;
    struct cursor cursor;
    struct schema_meta meta; /* as the hot file was opened or made */
    unsigned opening;        /* counts openings of the engine */
    pthread_mutex_t view_lock;
    struct store_view *view; /* what is published; NULL while there is no usable file */
    struct readers readers;
    struct cells cells;
    struct text_numbers_list numbers;
};

int readers_start(struct readers *r, struct err *err) WARN_UNUSED;
void readers_stop(struct readers *r);
void readers_interrupt(struct readers *r, bool all);       /* from now on, or no longer */
void readers_disconnect(struct readers *r);                /* the idle ones */
void readers_keep(struct readers *r, unsigned generation); /* idle ones of this one only */

/* A connection for this reader, watched from now on. False: the engine gives none. */
bool reader_begin(struct store *s, const struct generation *g, struct reader *run) WARN_UNUSED;
void reader_end(struct store *s, const struct generation *g, struct reader *run);

/* Notes what an error said about the database. */
void store_note_fault(struct store *s, enum engine_fault fault);

/* Makes h->words, and fills it from the tables; again after these were replaced. */
int load_words(struct hot *h, struct err *err) WARN_UNUSED;

/* Makes h->presence, which reads its days from the tables when they are touched. */
int load_presence(struct hot *h, size_t most_bytes, struct err *err) WARN_UNUSED;

/* Fills h->visits from the tables. */
int load_visits(struct hot *h, size_t most, uint64_t next_visit, struct err *err) WARN_UNUSED;

/* Brings the roll-up tables from one view to the next, before that is published. `first`: since the
 * engine was opened; then the tables may be behind or ahead of the parts. */
int roll_sync(duckdb_connection c, const struct store_view *before, const struct store_view *after,
              const struct store_change *change, bool first, struct err *err) WARN_UNUSED;

/* Notes which of the view's parts the cell cache has, before it is published. */
int cells_mark(duckdb_connection c, const struct store_view *v, struct err *err) WARN_UNUSED;
/* Notes a part that went with the last view that had it. Any thread. */
void cells_note_gone(struct store *s, uint32_t part);

/* Makes `v` the view of the moment; takes over its reference. */
void publish_view(struct store *s, struct store_view *v);

/* Runs long work beside the thread that applies, on a connection of its own to the hot tables of now; the
 * engine is not opened anew meanwhile. ERR_BUSY: it is being so. */
int store_with_session(struct store *s, int (*work)(duckdb_connection, void *, struct err *),
                       void *arg, struct err *err) WARN_UNUSED;

int apply_prepare(struct hot *h, struct err *err) WARN_UNUSED;
void apply_release(struct hot *h);

#endif
