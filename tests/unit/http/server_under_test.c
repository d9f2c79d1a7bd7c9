#include "server_under_test.h"

#include <arpa/inet.h>
#include <ftw.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crypt.h"

static void path_in(const struct server *s, const char *name, char *out, size_t n) {
    (void)snprintf(out, n, "%s/%s", s->dir, name);
}

static void need(int rc, const struct err *err) {
    if (rc < 0)
        fail_msg("%s", err->text);
}

static int echo_rpc(void *ctx, struct span verb, const json_t *args, struct span body, json_t **ret,
                    struct err *err) {
    if (span_eq(verb, SPAN_LIT("fail")))
        return err_set(err, ERR_EXISTS, "it is there");
    if (!span_eq(verb, SPAN_LIT("echo")))
        return err_set(err, ERR_NOT_FOUND, "no such call");
    *ret = json_pack("{s:O,s:I}", "args", args, "bytes", (json_int_t)body.len);
    return 0;
}

static bool is_ready(void *ctx) {
    return ((struct server *)ctx)->ready;
}

static void gauges(void *ctx, struct buf *out) {
    buf_adds(out, "tamis_test_gauge 7\n");
}

void server_prepare(struct server *s) {
    struct err err = {0};
    char path[128];
    memset(s, 0, sizeof(*s));
    struct rlimit files;
    (void)getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files);
    assert_int_equal(crypt_init(), 0);
    (void)snprintf(s->dir, sizeof(s->dir), "/tmp/tamis-http-XXXXXX");
    assert_non_null(mkdtemp(s->dir));
    s->ready = true;
    assert_non_null(s->board = policy_board_new());
    path_in(s, "control.db", path, sizeof(path));
    need(control_open(path, s->dir, &clock_system, s->board, &s->control, &err), &err);
    json_t *site = json_pack("{s:s,s:s}", "domain", "example.com", "timezone", "Europe/Paris");
    uint32_t id;
    need(control_site_add(s->control, site, &id, &err), &err);
    json_decref(site);
    need(control_token_add(s->control, SPAN_LIT("example.com"), SPAN_LIT("test"), s->token, &err),
         &err);
    s->os = os_system;
    struct journal_options jo = {.os = &s->os, .clock = &clock_system, .counters = &s->counters};
    path_in(s, "journal", path, sizeof(path));
    need(journal_open(path, &jo, &s->journal, &err), &err);
    char keys[128];
    path_in(s, "keys", keys, sizeof(keys));
    struct sieve_options so = {
        .os = &os_system, .clock = &clock_system, .keys_dir = keys, .counters = &s->counters};
    need(sieve_open(&so, &s->sieve, &err), &err);
    path_in(s, "hot", path, sizeof(path));
    need(os_make_dir(&os_system, path, &err), &err);
    bool rebuilt;
    struct store_options sto = {.threads = 1, .memory_bytes = 128 << 20};
    need(store_open(path, &sto, &s->store, &rebuilt, &err), &err);
    path_in(s, "control.sock", s->socket_path, sizeof(s->socket_path));
    s->services = (struct http_services){.clock = &clock_system,
                                         .journal = s->journal,
                                         .sieve = s->sieve,
                                         .policies = s->board,
                                         .control = s->control,
                                         .counters = &s->counters,
                                         .query = {.store = s->store,
                                                   .clock = &clock_system,
                                                   .control = s->control,
                                                   .timeout_ms = 10000},
                                         .ready = is_ready,
                                         .gauges = gauges,
                                         .rpc = echo_rpc,
                                         .ctx = s};
    s->options = (struct http_options){.listen = "127.0.0.1:0", .control_socket = s->socket_path};
}

void server_up(struct server *s) {
    struct err err = {0};
    need(http_start(&s->options, &s->services, &s->http, &err), &err);
    const char *colon = strrchr(http_address(s->http), ':');
    s->port = (int)strtol(colon + 1, NULL, 10);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    return remove(path);
}

void server_down(struct server *s) {
    if (s->http)
        http_stop(s->http, 1000);
    journal_close(s->journal);
    sieve_close(s->sieve);
    store_close(s->store);
    control_close(s->control);
    policy_board_free(s->board);
    (void)nftw(s->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int client_open(struct server *s) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)s->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    struct timeval limit = {.tv_sec = 20};
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    return fd;
}

void client_send(int fd, const char *bytes, size_t n) {
    while (n > 0) {
        ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
        if (sent <= 0)
            return; /* the server may have refused already */
        bytes += sent;
        n -= (size_t)sent;
    }
}

char *client_read(int fd, char *out, size_t size) {
    size_t n = 0;
    out[0] = '\0';
    for (;;) {
        char *end = strstr(out, "\r\n\r\n");
        if (end) {
            char *length = strcasestr(out, "\r\nContent-Length:");
            size_t want = (size_t)(end + 4 - out) +
                          (length && length < end ? strtoul(length + 17, NULL, 10) : 0);
            if (n >= want || want >= size)
                return out;
            ssize_t got = recv(fd, out + n, want - n, 0);
            if (got <= 0)
                return out;
            n += (size_t)got;
        } else { /* byte by byte, so that a pipelined answer stays in the socket */
            ssize_t got = n + 1 < size ? recv(fd, out + n, 1, 0) : 0;
            if (got <= 0)
                return out;
            n++;
        }
        out[n] = '\0';
    }
}

int status_of(const char *text) {
    return strncmp(text, "HTTP/1.1 ", 9) == 0 ? (int)strtol(text + 9, NULL, 10) : 0;
}

int exchange(struct server *s, const char *method, const char *path, const char *head,
             const char *body, char *out, size_t size) {
    int fd = client_open(s);
    char *request = NULL;
    int n = asprintf(
        &request,
        "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%sContent-Length: %zu\r\n\r\n%s", method,
        path, head ? head : "", body ? strlen(body) : 0, body ? body : "");
    assert_true(n > 0);
    client_send(fd, request, (size_t)n);
    free(request);
    if (strcmp(method, "HEAD") == 0) {
        size_t got = 0;
        ssize_t one;
        while (got + 1 < size && (one = recv(fd, out + got, size - got - 1, 0)) > 0)
            got += (size_t)one;
        out[got] = '\0';
    } else {
        (void)client_read(fd, out, size);
    }
    (void)close(fd);
    return status_of(out);
}

int post_event(struct server *s, const char *head, const char *body, char *out, size_t size) {
    char lines[600];
    (void)snprintf(lines, sizeof(lines), "User-Agent: " AGENT "\r\n%s", head ? head : "");
    return exchange(s, "POST", "/api/event", lines, body, out, size);
}

uint64_t count_of(struct server *s, enum counter c) {
    return counters_get(&s->counters, c);
}
