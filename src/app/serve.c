/* serve.c — `tamis serve`: opens the folder, starts the listeners, waits for signals, stops without
 * loss. */
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "drain.h"
#include "http.h"
#include "leases.h"
#include "log.h"
#include "verbs.h"

enum { MOST_FILES = 65536 };

struct serve {
    struct app app;
    struct http_services services; /* borrowed by http */
    struct http *http;
    const char *data, *config_path, *listen;
    _Atomic bool stopping;
};

static bool is_ready(void *ctx) {
    struct serve *s = ctx;
    return !atomic_load(&s->stopping);
}

static void write_gauges(void *ctx, struct buf *out) {
    struct serve *s = ctx;
    CLEANUP(policy_set_unrefp) struct policy_set *set = policy_board_get(s->app.policies);
    buf_addf(
        out,
        "# HELP tamis_build_info version of the server\n# TYPE tamis_build_info gauge\n"
        "tamis_build_info{version=\"" TAMIS_VERSION "\"} 1\n"
        "# HELP tamis_sites sites served\n# TYPE tamis_sites gauge\ntamis_sites %zu\n"
        "# HELP tamis_drain_lag_seconds how long ago all acknowledged events could be queried\n"
        "# TYPE tamis_drain_lag_seconds gauge\ntamis_drain_lag_seconds %.3f\n"
        "# HELP tamis_journal_hold_seconds how long commits wait for the drain to keep up\n"
        "# TYPE tamis_journal_hold_seconds gauge\ntamis_journal_hold_seconds %.6f\n",
        policy_count(set), (double)drain_lag_ms(s->app.drain) / 1000,
        (double)journal_held_us(s->app.journal) / 1e6);
}

static int call(void *ctx, struct span verb, const json_t *args, struct span body, json_t **ret,
                struct err *err) {
    struct serve *s = ctx;
    return verb_call(&s->app, verb, args, body, ret, err);
}

static int load_config(struct serve *s, struct config *c, struct err *err) {
    int rc = config_init(c, err);
    if (rc < 0)
        return rc;
    if (s->config_path)
        rc = config_load(c, s->config_path, err);
    if (rc == 0 && s->listen)
        rc = config_set(c, SPAN_LIT("listen"), span_str(s->listen), err);
    if (rc == 0)
        rc = config_check(c, err);
    if (rc < 0)
        config_release(c);
    return rc;
}

static void use_log_level(const struct config *c) {
    enum log_level level;
    if (log_parse_level(c->log_level, &level) == 0)
        log_set_level(level);
}

static void raise_limits(void) {
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) < 0)
        return;
    rlim_t want = r.rlim_max == RLIM_INFINITY || r.rlim_max > MOST_FILES ? MOST_FILES : r.rlim_max;
    if (r.rlim_cur < want) {
        r.rlim_cur = want;
        (void)setrlimit(RLIMIT_NOFILE, &r);
    }
    /* A core file would hold addresses and salts. */
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
}

/* Blocked before the first thread starts, so that all of them inherit it and only wait_signals()
 * takes them. */
static void block_signals(sigset_t *set) {
    (void)sigemptyset(set);
    (void)sigaddset(set, SIGTERM);
    (void)sigaddset(set, SIGINT);
    (void)sigaddset(set, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, set, NULL);
}

static int start_http(struct serve *s, struct err *err) {
    struct app *a = &s->app;
    const struct config *c = &a->config;
    CLEANUP(free_charp) char *socket = app_socket_path(s->data, a->data_fd);
    if (!socket)
        return err_set(err, ERR_NOMEM, "out of memory");
    (void)unlink(socket); /* of a server that was killed; the lock says that none runs */
    struct http_options o = {
        .listen = c->listen,
        .control_socket = socket,
        .threads = (unsigned)c->threads,
        .query_threads = (unsigned)c->query_threads,
        .most_body_bytes = (size_t)c->most_body_bytes,
        .most_header_bytes = (size_t)c->most_header_bytes,
        .most_connections = (unsigned)c->most_connections,
        .most_streams = (unsigned)c->most_streams,
        .idle_sec = (unsigned)c->idle_sec,
        .request_sec = (unsigned)c->request_sec,
        .tls_cert = c->tls_cert,
        .tls_key = c->tls_key,
        .trusted_proxies = (const char *const *)c->trusted_proxies,
        .forwarded_header = c->forwarded_header,
    };
    s->services = (struct http_services){
        .clock = a->clock,
        .journal = a->journal,
        .sieve = a->sieve,
        .policies = a->policies,
        .control = a->control,
        .counters = &a->counters,
        .query = app_query_env(a),
        .ready = is_ready,
        .gauges = write_gauges,
        .rpc = call,
        .ctx = s,
    };
    int rc = http_start(&o, &s->services, &s->http, err);
    if (rc < 0)
        return rc;
    (void)printf("listening on %s\n", http_address(s->http));
    (void)fflush(stdout);
    return 0;
}

static void reload(struct serve *s) {
    struct config fresh;
    struct err err = {0};
    if (load_config(s, &fresh, &err) < 0) {
        log_warn("settings not read again: %s", err.text);
        return;
    }
    use_log_level(&fresh);
    config_release(&fresh);
    if (s->app.config.tls_cert && http_reload_tls(s->http, &err) < 0)
        log_warn("certificate not read again: %s", err.text);
    else
        log_info("settings read again");
}

static void tick(struct serve *s) {
    CLEANUP(policy_set_unrefp) struct policy_set *set = policy_board_get(s->app.policies);
    sieve_wipe_ended(s->app.sieve, set);
    leases_expire(s->app.leases);
    (void)known_settle(s->app.known); /* what a reader is in the way of is tried again */
}

static void wait_signals(struct serve *s, const sigset_t *set) {
    for (;;) {
        struct timespec second = {.tv_sec = 1};
        int sig = sigtimedwait(set, NULL, &second);
        if (sig == SIGTERM || sig == SIGINT)
            return;
        if (sig == SIGHUP)
            reload(s);
        tick(s);
    }
}

static int start(struct serve *s, struct err *err) {
    int rc = load_config(s, &s->app.config, err);
    if (rc < 0)
        return rc;
    use_log_level(&s->app.config);
    raise_limits();
    if ((rc = app_open(&s->app, s->data, APP_ALL | APP_MAKE | APP_DRAIN | APP_SEAL, err)) < 0)
        return rc;
    tick(s); /* salts of days that ended while no server ran */
    if ((rc = start_http(s, err)) < 0)
        app_close(&s->app);
    return rc;
}

static int describe_config(void) {
    BUF_AUTO text = {0};
    config_describe(&text);
    (void)fwrite(text.data, 1, text.len, stdout);
    return EXIT_FINE;
}

int command_serve(const struct cli *cli) {
    struct serve s = {
        .data = cli->data,
        .config_path = json_string_value(json_member(cli->args, "config")),
        .listen = json_string_value(json_member(cli->args, "listen")),
    };
    if (s.config_path && strcmp(s.config_path, "help") == 0)
        return describe_config();
    struct err err = {0};
    sigset_t signals;
    (void)umask(077);
    block_signals(&signals);
    if (start(&s, &err) < 0)
        return command_failed(&err);
    wait_signals(&s, &signals);
    log_info("stopping");
    atomic_store(&s.stopping, true);
    http_stop(s.http, (int)s.app.config.drain_ms); /* nothing is acknowledged after this */
    app_close(&s.app);
    return EXIT_FINE;
}
