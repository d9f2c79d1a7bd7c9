#include "app.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "drain.h"
#include "imports.h"
#include "leases.h"
#include "log.h"
#include "os.h"
#include "restore.h"
#include "sealed.h"
#include "sealer.h"

enum { CLOSE_DRAIN_MS = 5000, MOST_LIST_BYTES = 16 << 20 };

static int no_memory(struct err *err) {
    return err_set(err, ERR_NOMEM, "out of memory");
}

static int make_folder(const char *data, struct err *err) {
    int rc = os_make_dir(&os_system, data, err);
    if (rc < 0)
        return rc;
    struct stat st;
    if (stat(data, &st) == 0 && (st.st_mode & 077) && chmod(data, 0700) < 0)
        return err_sys(err, errno, "rights of the data folder");
    return 0;
}

static int lock_folder(struct app *a, const char *data, struct err *err) {
    a->data_fd = open(data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (a->data_fd < 0)
        return err_sys(err, errno, "data folder");
    a->lock_fd = openat(a->data_fd, "tamis.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (a->lock_fd < 0)
        return err_sys(err, errno, "tamis.lock");
    if (flock(a->lock_fd, LOCK_EX | LOCK_NB) < 0)
        return err_set(err, ERR_BUSY, "another tamis has this data folder open");
    if (faccessat(a->data_fd, RESTORE_MARK, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return err_set(err, ERR_CORRUPT, "a restore into this folder was broken off; run it again");
    return 0;
}

static int open_control(struct app *a, struct err *err) {
    CLEANUP(free_charp) char *path = path_join(a->data, "control.db");
    CLEANUP(free_charp) char *keys = path_join(a->data, "keys");
    if (!path || !keys || !(a->policies = policy_board_new()) || !(a->imports = imports_new()) ||
        !(a->leases = leases_new()))
        return no_memory(err);
    return control_open(path, keys, a->clock, a->policies, &a->control, err);
}

/* A file that a setting names; nothing when it names none. */
static int read_list(const char *path, const char *setting, struct buf *ret, struct err *err) {
    struct err why = {0};
    int rc = path ? os_read_file(&os_system, path, MOST_LIST_BYTES, ret, &why) : 0;
    return rc < 0 ? err_set(err, rc, "%s: %.150s", setting, why.text) : 0;
}

static int open_sieve(struct app *a, struct err *err) {
    CLEANUP(free_charp) char *keys = path_join(a->data, "keys");
    if (!keys)
        return no_memory(err);
    BUF_AUTO spam = {0};
    BUF_AUTO ranges = {0};
    int rc = read_list(a->config.spam_referrers, "spam_referrers", &spam, err);
    if (rc < 0 ||
        (rc = read_list(a->config.datacenter_ranges, "datacenter_ranges", &ranges, err)) < 0)
        return rc;
    struct sieve_options o = {.os = &os_system,
                              .clock = a->clock,
                              .keys_dir = keys,
                              .counters = &a->counters,
                              .spam_referrers = buf_span(&spam),
                              .datacenter_ranges = buf_span(&ranges)};
    return sieve_open(&o, &a->sieve, err);
}

static int open_journal(struct app *a, struct err *err) {
    CLEANUP(free_charp) char *dir = path_join(a->data, "journal");
    if (!dir)
        return no_memory(err);
    struct journal_options o = {
        .os = &os_system,
        .clock = a->clock,
        .counters = &a->counters,
        .segment_bytes = a->config.segment_mb << 20,
        .pending_bytes = (size_t)a->config.pending_mb << 20,
    };
    return journal_open(dir, &o, &a->journal, err);
}

static int open_store(struct app *a, struct err *err) {
    CLEANUP(free_charp) char *dir = path_join(a->data, "hot");
    if (!dir)
        return no_memory(err);
    int rc = os_make_dir(&os_system, dir, err);
    if (rc < 0)
        return rc;
    if (!(a->sealed_root = path_join(a->data, "sealed")))
        return no_memory(err);
    if ((rc = os_make_dir(&os_system, a->sealed_root, err)) < 0)
        return rc;
    struct store_options o = {
        .sealed_root = a->sealed_root,
        .presence_bytes = (size_t)a->config.presence_mb << 20,
        .threads = (unsigned)a->config.store_threads,
        .memory_bytes = a->config.store_memory_mb << 20,
        .most_open_visits = (size_t)a->config.open_visits,
    };
    rc = store_open(dir, &o, &a->store, &a->hot_rebuilt, err);
    if (rc == 0 && a->hot_rebuilt) {
        counters_add(&a->counters, COUNT_HOT_REBUILDS, 1);
        log_warn("hot tables were unusable; set aside, building them again from the journal");
    }
    return rc < 0 ? rc : sealed_open(a, err);
}

static int open_diary(struct app *a, struct err *err) {
    CLEANUP(free_charp) char *path = path_join(a->data, "visitors.db");
    return path ? known_open(path, a->clock, &a->known, err) : no_memory(err);
}

static struct drain_options drain_options_of(struct app *a) {
    return (struct drain_options){
        .journal = a->journal, .store = a->store, .known = a->known, .counters = &a->counters};
}

static int open_parts(struct app *a, const char *data, unsigned parts, struct err *err) {
    int rc = parts & APP_MAKE ? make_folder(data, err) : 0;
    if (rc < 0)
        return rc;
    if (!(a->data = strdup(data)))
        return no_memory(err);
    if ((rc = lock_folder(a, data, err)) < 0 || (rc = open_control(a, err)) < 0)
        return rc;
    if ((parts & APP_SIEVE) && (rc = open_sieve(a, err)) < 0)
        return rc;
    if ((parts & APP_STORE) && ((rc = open_journal(a, err)) < 0 || (rc = open_diary(a, err)) < 0 ||
                                (rc = open_store(a, err)) < 0))
        return rc;
    if (!(parts & APP_DRAIN))
        return 0;
    struct drain_options o = drain_options_of(a);
    if ((rc = drain_start(&o, &a->drain, err)) < 0 || !(parts & APP_SEAL))
        return rc;
    return sealer_start(a, &a->sealer, err);
}

int app_open(struct app *a, const char *data, unsigned parts, struct err *err) {
    *a = (struct app){.config = a->config,
                      .data_fd = -1,
                      .lock_fd = -1,
                      .clock = a->clock ? a->clock : &clock_system};
    (void)pthread_mutex_init(&a->upkeep, NULL);
    int rc = open_parts(a, data, parts, err);
    if (rc < 0)
        app_close(a);
    return rc;
}

void app_close(struct app *a) {
    if (a->sealer)
        sealer_stop(TAKE_PTR(a->sealer));
    leases_free(TAKE_PTR(a->leases)); /* they hold views of the store */
    imports_free(
        TAKE_PTR(a->imports)); /* their lanes belong to the sieve, their frames to the journal */
    if (a->drain) {
        /* A courtesy to the next start; what is in the journal is safe in any case. */
        if (drain_wait_for(a->drain, journal_end(a->journal), CLOSE_DRAIN_MS) < 0)
            log_info("the rest of the journal is drained at the next start");
        drain_stop(TAKE_PTR(a->drain));
    }
    if (a->journal)
        journal_close(TAKE_PTR(a->journal));
    if (a->store)
        store_close(TAKE_PTR(a->store));
    if (a->known)
        known_close(TAKE_PTR(a->known));
    if (a->sieve)
        sieve_close(TAKE_PTR(a->sieve));
    control_close(TAKE_PTR(a->control));
    if (a->policies)
        policy_board_free(TAKE_PTR(a->policies));
    closep(&a->lock_fd);
    closep(&a->data_fd);
    a->lock_fd = a->data_fd = -1;
    free(TAKE_PTR(a->data));
    free(TAKE_PTR(a->sealed_root));
    (void)pthread_mutex_destroy(&a->upkeep);
    config_release(&a->config);
}

int app_catch_up(struct app *a, int timeout_ms, struct err *err) {
    if (!a->drain) {
        struct drain_options o = drain_options_of(a);
        return drain_once(&o, err);
    }
    int rc = drain_wait_for(a->drain, journal_end(a->journal), timeout_ms);
    return rc < 0 ? err_set(err, rc, "the hot tables are behind the journal") : 0;
}

const struct policy *app_site(const struct policy_set *set, struct span domain) {
    BUF_AUTO clean = {0};
    return control_domain(domain, &clean, NULL) < 0 ? NULL
                                                    : policy_by_domain(set, buf_span(&clean));
}

struct query_env app_query_env(const struct app *a) {
    return (struct query_env){.store = a->store,
                              .clock = a->clock,
                              .control = a->control,
                              .known = a->known,
                              .timeout_ms = (int)a->config.query_timeout_ms};
}

char *app_socket_path(const char *data, int data_fd) {
    static const char name[] = "tamis.sock";
    if (strlen(data) + sizeof(name) < sizeof(((struct sockaddr_un *)NULL)->sun_path))
        return path_join(data, name);
    char *path;
    return asprintf(&path, "/proc/self/fd/%d/%s", data_fd, name) < 0 ? NULL : path;
}
