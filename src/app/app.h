/* app.h — everything of one data folder, opened in order and closed in reverse.
 *
 * The server and the command line without a server open the folder with the same code. A lock on
 * DATA/tamis.lock keeps it with one process. */
#ifndef TAMIS_APP_H
#define TAMIS_APP_H

#include <pthread.h>

#include "config.h"
#include "control.h"
#include "counters.h"
#include "journal.h"
#include "known.h"
#include "policy.h"
#include "query.h"
#include "sieve.h"
#include "store.h"

struct drain;
struct imports;
struct leases;
struct sealer;

enum app_parts {
    APP_CONTROL = 0, /* always open */
    APP_STORE = 1,   /* journal and hot tables */
    APP_SIEVE = 2,
    APP_ALL = APP_STORE | APP_SIEVE,
    APP_MAKE = 4, /* make the folder when it is missing, take rights from others when it has them */
    APP_DRAIN = 8, /* drain in the background */
    APP_SEAL = 16, /* with APP_DRAIN: seal in the background */
};

struct app {
    struct config config; /* the caller's to init; released by app_close */
    char *data;
    char *sealed_root;
    int data_fd, lock_fd;
    const struct clock *clock;
    struct counters counters;
    struct policy_board *policies;
    struct control *control;
    struct sieve *sieve;
    struct journal *journal;
    struct store *store;
    struct known *known; /* the diary; open with journal and hot tables */
    struct drain *drain; /* NULL without APP_DRAIN */
    struct imports *imports;
    struct leases *leases;
    pthread_mutex_t upkeep; /* see upkeep.h */
    bool trimmed;           /* the journal holds nothing of what was sealed; behind upkeep */
    int64_t aged_at;       /* when the diary was last looked through, see upkeep.c; behind upkeep */
    struct sealer *sealer; /* NULL without APP_SEAL */
    bool hot_rebuilt;
};

/* Opens `parts` of the folder. a->config must be set; a->clock may be, else it is the machine's. ERR_BUSY: another process has it. On an error
 * everything is closed again, the config too. */
int app_open(struct app *a, const char *data, unsigned parts, struct err *err) WARN_UNUSED;

/* Drains what is durable into the hot tables, as far as it can, and closes. */
void app_close(struct app *a);

/* Waits until what is durable now can be queried. ERR_TIMEOUT. */
int app_catch_up(struct app *a, int timeout_ms, struct err *err) WARN_UNUSED;

/* The site of a domain as somebody typed it; belongs to `set`. NULL: there is none. */
const struct policy *app_site(const struct policy_set *set, struct span domain);

struct query_env app_query_env(const struct app *a);

/* Path of the control socket of a data folder, short enough for sockaddr_un: a long one is reached
 * through `data_fd` in /proc. For the caller to free; NULL on out of memory. */
char *app_socket_path(const char *data, int data_fd) WARN_UNUSED;

#endif
