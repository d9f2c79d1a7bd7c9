/* Every route against the whole server: journal, sieve, control and store are the real ones. */
#include "server_under_test.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "assets.h"
#include "record.h"

static struct server server;
static char out[65536];

static int up(void **state) {
    server_prepare(&server);
    server_up(&server);
    return 0;
}

static int down(void **state) {
    server_down(&server);
    return 0;
}

/* Events in the journal, all of them: a read ends with its segment. */
static size_t journaled(void) {
    size_t count = 0;
    struct cursor from = {0}, next;
    for (;;) {
        BUF_AUTO bytes = {0};
        assert_int_equal(
            journal_read(server.journal, from, SIZE_MAX / 2, &bytes, NULL, &next, NULL), 0);
        struct span rest = buf_span(&bytes), frame;
        if (rest.len == 0)
            return count;
        while (journal_next_frame(&rest, NULL, &frame)) {
            struct record r;
            while (record_next(&frame, &r, NULL) == 1)
                count += r.type == RECORD_EVENT;
        }
        from = next;
    }
}

static void test_event(void **state) {
    size_t before = journaled();
    uint64_t accepted = count_of(&server, COUNT_EVENTS_ACCEPTED);
    assert_int_equal(post_event(&server, NULL, EVENT, out, sizeof(out)), 202);
    assert_non_null(strstr(out, "\r\n\r\nok"));
    assert_non_null(strstr(out, "Access-Control-Allow-Origin: *"));
    assert_null(strstr(out, "x-plausible-dropped"));
    assert_int_equal(journaled(), before + 1);
    assert_int_equal(count_of(&server, COUNT_EVENTS_ACCEPTED), accepted + 1);
    assert_int_equal(post_event(&server, NULL, "[" EVENT "," EVENT "," EVENT "]", out, sizeof(out)),
                     202);
    assert_int_equal(journaled(), before + 4);
}

static void assert_dropped(const char *head, const char *body, const char *header,
                           enum counter counter) {
    size_t before = journaled();
    uint64_t n = count_of(&server, counter);
    assert_int_equal(post_event(&server, head, body, out, sizeof(out)), 202);
    if (!strstr(out, header))
        fail_msg("no %s in %s", header, out);
    assert_int_equal(journaled(), before);
    assert_true(count_of(&server, counter) > n);
}

static void test_refused(void **state) {
    static const char nowhere[] =
        "{\"n\":\"pageview\",\"u\":\"https://other.example/\",\"d\":\"other.example\"}";
    assert_dropped(NULL, nowhere, "x-plausible-dropped: 1", COUNT_EVENTS_REFUSED_UNKNOWN_SITE);
    assert_dropped("Sec-GPC: 1\r\n", EVENT, "x-plausible-dropped: 1", COUNT_EVENTS_REFUSED_GPC);
    assert_dropped("DNT: 1\r\n", EVENT, "x-plausible-dropped: 1", COUNT_EVENTS_REFUSED_DNT);
    assert_dropped("Cookie: a=b; tamis_optout=1\r\n", EVENT, "x-plausible-dropped: 1",
                   COUNT_EVENTS_REFUSED_OPT_OUT);
    assert_dropped("X-Tamis-Opt-Out: 1\r\n", "[" EVENT "," EVENT "]", "x-plausible-dropped: 2",
                   COUNT_EVENTS_REFUSED_OPT_OUT);
    size_t before = journaled();
    assert_int_equal(
        post_event(&server, NULL,
                   "[" EVENT
                   ",{\"n\":\"pageview\",\"u\":\"https://no.example/\",\"d\":\"no.example\"}]",
                   out, sizeof(out)),
        202);
    assert_non_null(strstr(out, "x-plausible-dropped: 1"));
    assert_int_equal(journaled(), before + 1);
}

static void test_preflight(void **state) {
    assert_int_equal(exchange(&server, "OPTIONS", "/api/event", "Origin: https://example.com\r\n",
                              NULL, out, sizeof(out)),
                     204);
    assert_non_null(strstr(out, "Access-Control-Allow-Methods: POST"));
    assert_non_null(strstr(out, "Access-Control-Max-Age"));
}

static void test_query(void **state) {
    static const char body[] =
        "{\"site_id\":\"example.com\",\"metrics\":[\"visitors\"],\"date_range\":\"day\"}";
    char head[200];
    (void)snprintf(head, sizeof(head), "Authorization: Bearer %s\r\n", server.token);
    if (exchange(&server, "POST", "/api/v2/query", head, body, out, sizeof(out)) != 200)
        fail_msg("%s", out);
    assert_non_null(strstr(out, "\"results\""));
    assert_int_equal(exchange(&server, "POST", "/api/v2/query", head,
                              "{\"site_id\":1,\"metrics\":[\"visitors\"],"
                              "\"date_range\":\"day\"}",
                              out, sizeof(out)),
                     200);
    assert_int_equal(exchange(&server, "POST", "/api/v2/query", head,
                              "{\"site_id\":\"example.com\"}", out, sizeof(out)),
                     400);
    assert_non_null(strstr(out, "{\"error\":"));
    assert_int_equal(exchange(&server, "POST", "/api/v2/query", head, "{", out, sizeof(out)), 400);
    assert_int_equal(exchange(&server, "POST", "/api/v2/query", head, "{}", out, sizeof(out)), 400);
    char wrong[3][300];
    assert_int_equal(exchange(&server, "POST", "/api/v2/query", NULL, body, out, sizeof(out)), 401);
    (void)snprintf(wrong[0], sizeof(wrong[0]), "%s", strstr(out, "\r\n\r\n"));
    assert_int_equal(exchange(&server, "POST", "/api/v2/query", "Authorization: Bearer tamis_x\r\n",
                              body, out, sizeof(out)),
                     401);
    (void)snprintf(wrong[1], sizeof(wrong[1]), "%s", strstr(out, "\r\n\r\n"));
    assert_int_equal(exchange(&server, "POST", "/api/v2/query", head,
                              "{\"site_id\":\"other.example\"}", out, sizeof(out)),
                     401);
    (void)snprintf(wrong[2], sizeof(wrong[2]), "%s", strstr(out, "\r\n\r\n"));
    assert_string_equal(wrong[0], wrong[1]);
    assert_string_equal(wrong[1], wrong[2]);

    assert_int_equal(exchange(&server, "GET", "/api/v1/sites", head, NULL, out, sizeof(out)), 200);
    assert_non_null(strstr(out, "example.com"));
    assert_int_equal(exchange(&server, "GET", "/api/v1/sites", NULL, NULL, out, sizeof(out)), 401);
    if (exchange(&server, "GET", "/api/v1/stats/realtime/visitors?site_id=example.com", head, NULL,
                 out, sizeof(out)) != 200)
        fail_msg("%s", out);
    assert_non_null(strstr(out, "\r\n\r\n0"));
    assert_int_equal(
        exchange(&server, "GET", "/api/v1/stats/realtime/visitors", head, NULL, out, sizeof(out)),
        401);
}

static void test_status(void **state) {
    assert_int_equal(exchange(&server, "GET", "/healthz", NULL, NULL, out, sizeof(out)), 200);
    assert_int_equal(exchange(&server, "GET", "/readyz", NULL, NULL, out, sizeof(out)), 200);
    server.ready = false;
    assert_int_equal(exchange(&server, "GET", "/readyz", NULL, NULL, out, sizeof(out)), 503);
    server.ready = true;
    assert_int_equal(exchange(&server, "GET", "/metrics", NULL, NULL, out, sizeof(out)), 200);
    assert_non_null(strstr(out, "tamis_events_accepted_total"));
    assert_non_null(strstr(out, "process_resident_memory_bytes "));
    assert_non_null(strstr(out, "tamis_test_gauge 7"));
    assert_int_equal(exchange(&server, "HEAD", "/healthz", NULL, NULL, out, sizeof(out)), 200);
    assert_string_equal(strstr(out, "\r\n\r\n"), "\r\n\r\n");
}

static void test_optout(void **state) {
    assert_int_equal(exchange(&server, "GET", "/optout", "Accept-Language: de, fr;q=0.8\r\n", NULL,
                              out, sizeof(out)),
                     200);
    assert_non_null(strstr(out, "lang=\"fr\""));
    assert_non_null(strstr(out, "Vos visites sont comptées"));
    assert_int_equal(exchange(&server, "POST", "/optout", NULL, "out=1", out, sizeof(out)), 303);
    assert_non_null(strstr(out, "Set-Cookie: tamis_optout=1; Max-Age="));
    assert_int_equal(
        exchange(&server, "GET", "/optout", "Cookie: tamis_optout=1\r\n", NULL, out, sizeof(out)),
        200);
    assert_non_null(strstr(out, "are not counted"));
    assert_int_equal(exchange(&server, "POST", "/optout", NULL, "out=0", out, sizeof(out)), 303);
    assert_non_null(strstr(out, "Max-Age=0"));
}

static void test_no_route(void **state) {
    uint64_t n = count_of(&server, COUNT_REQUESTS_BAD_ROUTE);
    assert_int_equal(exchange(&server, "GET", "/nothing", NULL, NULL, out, sizeof(out)), 404);
    assert_int_equal(exchange(&server, "GET", "/api/event", NULL, NULL, out, sizeof(out)), 405);
    assert_int_equal(exchange(&server, "POST", "/metrics", NULL, "x", out, sizeof(out)), 405);
    assert_int_equal(exchange(&server, "DELETE", "/nothing", NULL, NULL, out, sizeof(out)), 404);
    assert_int_equal(count_of(&server, COUNT_REQUESTS_BAD_ROUTE), n + 4);
}

static int rpc(const char *path, const char *head, const char *body, size_t body_len) {
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    (void)snprintf(at.sun_path, sizeof(at.sun_path), "%s", server.socket_path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    char text[500];
    int n =
        snprintf(text, sizeof(text), "POST %s HTTP/1.1\r\nHost: x\r\n%sContent-Length: %zu\r\n\r\n",
                 path, head, body_len);
    client_send(fd, text, (size_t)n);
    client_send(fd, body, body_len);
    (void)client_read(fd, out, sizeof(out));
    (void)close(fd);
    return status_of(out);
}

static void test_control_socket(void **state) {
    struct stat st;
    assert_int_equal(stat(server.socket_path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(rpc("/rpc/echo", "", "{\"a\":1}", 7), 200);
    assert_non_null(strstr(out, "{\"args\":{\"a\":1},\"bytes\":0}"));
    assert_int_equal(rpc("/rpc/echo", "", "", 0), 200);
    char *big = calloc(1, 17 << 20);
    assert_int_equal(rpc("/rpc/echo", "X-Tamis-Args: {\"b\":2}\r\n", big, 16 << 20), 200);
    assert_non_null(strstr(out, "{\"args\":{\"b\":2},\"bytes\":16777216}"));
    assert_int_equal(rpc("/rpc/echo", "X-Tamis-Args: {}\r\n", big, (16 << 20) + 1), 413);
    free(big);
    assert_int_equal(rpc("/rpc/fail", "", "{}", 2), 409);
    assert_non_null(strstr(out, "{\"error\":\"it is there\",\"code\":\"exists\"}"));
    assert_int_equal(rpc("/rpc/none", "", "{}", 2), 404);
    assert_int_equal(rpc("/rpc/echo", "", "[1]", 3), 400);
    assert_int_equal(rpc("/other", "", "{}", 2), 404);

    /* A second server must not take the socket away; a stale file is replaced. */
    struct http *second;
    struct err err = {0};
    assert_int_equal(http_start(&server.options, &server.services, &second, &err), ERR_EXISTS);
    assert_int_equal(rpc("/rpc/echo", "", "{}", 2), 200);
    http_stop(server.http, 1000);
    server.http = NULL;
    assert_int_equal(stat(server.socket_path, &st), -1);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    (void)snprintf(at.sun_path, sizeof(at.sun_path), "%s", server.socket_path);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    (void)close(fd);
    server_up(&server);
    assert_int_equal(rpc("/rpc/echo", "", "{}", 2), 200);
}

static void test_proxies(void **state) {
    const char *const proxies[] = {"127.0.0.0/8", NULL};
    const char *const broken[] = {"localhost", NULL};
    http_stop(server.http, 1000);
    server.http = NULL;
    server.options.trusted_proxies = broken;
    struct err err = {0};
    assert_int_equal(http_start(&server.options, &server.services, &server.http, &err),
                     ERR_INVALID);
    server.options.trusted_proxies = proxies;
    server_up(&server);
    assert_int_equal(
        post_event(&server,
                   "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 192.0.2.2, 127.0.0.1\r\n", EVENT,
                   out, sizeof(out)),
        202);
    http_stop(server.http, 1000);
    server.options.trusted_proxies = NULL;
    server_up(&server);
}

/* --- TLS
 * ------------------------------------------------------------------------------------------ */

static bool make_pair(const char *name) {
    char command[600];
    (void)snprintf(command, sizeof(command),
                   "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
                   "-days 2 -subj /CN=%s "
                   "-keyout %s/key.pem -out %s/cert.pem >/dev/null 2>&1",
                   name, server.dir, server.dir);
    return system(command) == 0;
}

/* The certificate's CN as a client sees it, after a request that must be answered 200. */
static void assert_served_by(const char *name) {
    gnutls_session_t session;
    gnutls_certificate_credentials_t trust;
    assert_int_equal(gnutls_certificate_allocate_credentials(&trust), 0);
    assert_int_equal(gnutls_init(&session, GNUTLS_CLIENT), 0);
    (void)gnutls_set_default_priority(session);
    (void)gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, trust);
    int fd = client_open(&server);
    gnutls_transport_set_int(session, fd);
    int rc;
    do
        rc = gnutls_handshake(session);
    while (rc < 0 && !gnutls_error_is_fatal(rc));
    if (rc < 0)
        fail_msg("%s", gnutls_strerror(rc));
    static const char request[] = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    assert_true(gnutls_record_send(session, request, sizeof(request) - 1) > 0);
    char answer[200] = "";
    ssize_t got;
    do
        got = gnutls_record_recv(session, answer, sizeof(answer) - 1);
    while (got == GNUTLS_E_AGAIN || got == GNUTLS_E_INTERRUPTED);
    assert_int_equal(status_of(answer), 200);
    unsigned count;
    const gnutls_datum_t *certs = gnutls_certificate_get_peers(session, &count);
    assert_true(certs && count == 1);
    assert_non_null(memmem(certs[0].data, certs[0].size, name, strlen(name)));
    gnutls_deinit(session);
    gnutls_certificate_free_credentials(trust);
    (void)close(fd);
}

static void test_tls(void **state) {
    if (!make_pair("first.example")) {
        print_message("# no openssl here, skipped\n");
        skip();
    }
    char cert[100], key[100];
    (void)snprintf(cert, sizeof(cert), "%s/cert.pem", server.dir);
    (void)snprintf(key, sizeof(key), "%s/key.pem", server.dir);
    http_stop(server.http, 1000);
    server.options.tls_cert = cert;
    server.options.tls_key = key;
    server_up(&server);
    assert_memory_equal(http_address(server.http), "https://", 8);
    assert_served_by("first.example");
    assert_true(make_pair("second.example"));
    struct err err = {0};
    assert_int_equal(http_reload_tls(server.http, &err), 0);
    assert_served_by("second.example");
    FILE *f = fopen(key, "w");
    (void)fputs("no key", f);
    (void)fclose(f);
    assert_true(http_reload_tls(server.http, &err) < 0);
    assert_served_by("second.example");
    http_stop(server.http, 1000);
    server.options.tls_cert = server.options.tls_key = NULL;
    server_up(&server);
    assert_int_equal(http_reload_tls(server.http, &err), ERR_UNSUPPORTED);
}

static void test_static(void **state) {
    const struct asset *a = asset_find(SPAN_LIT("/t.js"));
    if (!a) {
        print_message("# built without web/, skipped\n");
        skip();
    }
    assert_int_equal(exchange(&server, "GET", "/t.js", NULL, NULL, out, sizeof(out)), 200);
    assert_non_null(strstr(out, a->etag));
    assert_non_null(strstr(out, "Cross-Origin-Resource-Policy: cross-origin"));
    assert_null(strstr(out, "Content-Encoding"));
    assert_int_equal(
        exchange(&server, "GET", "/t.js", "Accept-Encoding: gzip, br\r\n", NULL, out, sizeof(out)),
        200);
    assert_non_null(strstr(out, "Content-Encoding: br"));
    assert_int_equal(exchange(&server, "GET", "/t.js", "Accept-Encoding: gzip, br;q=0\r\n", NULL,
                              out, sizeof(out)),
                     200);
    assert_non_null(strstr(out, "Content-Encoding: gzip"));
    char head[200];
    (void)snprintf(head, sizeof(head), "If-None-Match: \"other\", W/%s\r\n", a->etag);
    assert_int_equal(exchange(&server, "GET", "/t.js", head, NULL, out, sizeof(out)), 304);
    assert_int_equal(exchange(&server, "POST", "/t.js", NULL, "x", out, sizeof(out)), 405);
    assert_int_equal(exchange(&server, "GET", "/", NULL, NULL, out, sizeof(out)), 200);
    assert_non_null(strstr(out, "Content-Security-Policy: default-src 'self'"));
}

static _Atomic bool disk_broken;

static int failing_sync(const struct os *os, int fd) {
    return disk_broken ? -EIO : os_system.fdatasync(&os_system, fd);
}

static void test_disk_fails(void **state) {
    server.os.fdatasync = failing_sync;
    disk_broken = true;
    uint64_t n = count_of(&server, COUNT_REQUESTS_UNAVAILABLE_JOURNAL);
    uint64_t accepted = count_of(&server, COUNT_EVENTS_ACCEPTED);
    assert_int_equal(post_event(&server, NULL, EVENT, out, sizeof(out)), 503);
    assert_non_null(strstr(out, "Retry-After: 1"));
    assert_non_null(strstr(out, "Access-Control-Allow-Origin: *"));
    assert_int_equal(count_of(&server, COUNT_REQUESTS_UNAVAILABLE_JOURNAL), n + 1);
    assert_int_equal(count_of(&server, COUNT_EVENTS_ACCEPTED), accepted);
    assert_int_equal(exchange(&server, "GET", "/readyz", NULL, NULL, out, sizeof(out)), 503);
    assert_int_equal(exchange(&server, "GET", "/healthz", NULL, NULL, out, sizeof(out)), 200);
    disk_broken = false;
    for (int i = 0; i < 1000 && !journal_healthy(server.journal); i++)
        (void)usleep(10000);
    assert_int_equal(post_event(&server, NULL, EVENT, out, sizeof(out)), 202);
}

/* --- stopping under load
 * --------------------------------------------------------------------------- */

static void *keep_posting(void *arg) {
    size_t *acknowledged = arg;
    char answer[1000], request[1000];
    int n = snprintf(request, sizeof(request),
                     "POST /api/event HTTP/1.1\r\nHost: x\r\nUser-Agent: " AGENT
                     "\r\nContent-Length: %zu\r\n\r\n" EVENT,
                     strlen(EVENT));
    int fd = client_open(&server);
    for (;;) {
        client_send(fd, request, (size_t)n);
        if (status_of(client_read(fd, answer, sizeof(answer))) != 202)
            break;
        ++*acknowledged;
    }
    (void)close(fd);
    return NULL;
}

static void test_stop_under_load(void **state) {
    enum { THREADS = 8 };
    pthread_t threads[THREADS];
    size_t acknowledged[THREADS] = {0}, sum = 0, before = journaled();
    uint64_t start = count_of(&server, COUNT_EVENTS_ACCEPTED);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, keep_posting, &acknowledged[i]), 0);
    while (count_of(&server, COUNT_EVENTS_ACCEPTED) < start + 500)
        (void)usleep(1000);
    http_stop(server.http, 2000);
    server.http = NULL;
    for (int i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
        sum += acknowledged[i];
    }
    assert_true(sum >= 400);
    assert_true(journaled() - before >= sum);
    server_up(&server);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_event),           cmocka_unit_test(test_refused),
        cmocka_unit_test(test_preflight),       cmocka_unit_test(test_query),
        cmocka_unit_test(test_status),          cmocka_unit_test(test_optout),
        cmocka_unit_test(test_no_route),        cmocka_unit_test(test_control_socket),
        cmocka_unit_test(test_proxies),         cmocka_unit_test(test_static),
        cmocka_unit_test(test_disk_fails),      cmocka_unit_test(test_tls),
        cmocka_unit_test(test_stop_under_load),
    };
    return cmocka_run_group_tests(tests, up, down);
}
