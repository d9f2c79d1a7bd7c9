/* Streams of live figures: how many, how they end, and one that is not read. */
#include "server_under_test.h"

#include <sys/socket.h>
#include <unistd.h>

#include "server.h"
#include "zone.h"

static struct server server;
static char out[65536];

/* The machine's clock, which a test can put forward. */
static _Atomic int64_t ahead_ns;

static int64_t shifted_wall_ms(const struct clock *c) {
    return clock_wall_ms(&clock_system);
}

static int64_t shifted_mono_ns(const struct clock *c) {
    return clock_mono_ns(&clock_system) + ahead_ns;
}

static const struct clock shifted = {.wall_ms = shifted_wall_ms, .mono_ns = shifted_mono_ns};

static int up(void **state) {
    server_prepare(&server);
    server.services.clock = &shifted;
    server.options.most_streams = 3;
    server.options.idle_sec = 300; /* else MHD cuts what does not move at all, by the real clock */
    server_up(&server);
    return 0;
}

static int down(void **state) {
    server_down(&server);
    return 0;
}

static void ask(int fd) {
    char text[300];
    int n = snprintf(text, sizeof(text),
                     "GET /api/v2/realtime/stream?site_id=example.com HTTP/1.1\r\nHost: x\r\n"
                     "Authorization: Bearer %s\r\n\r\n",
                     server.token);
    client_send(fd, text, (size_t)n);
}

static int open_stream(void) {
    int fd = client_open(&server);
    ask(fd);
    return fd;
}

/* Reads on until the text is there; "" when the peer closed before. */
static const char *read_until(int fd, const char *text) {
    size_t n = 0;
    out[0] = '\0';
    while (!strstr(out, text)) {
        ssize_t got = recv(fd, out + n, sizeof(out) - n - 1, 0);
        if (got <= 0)
            return "";
        n += (size_t)got;
        out[n] = '\0';
    }
    return out;
}

static void await_streams(unsigned count) {
    char want[40];
    (void)snprintf(want, sizeof(want), "\ntamis_streams %u\n", count);
    do {
        (void)usleep(1000);
        assert_int_equal(exchange(&server, "GET", "/metrics", NULL, NULL, out, sizeof(out)), 200);
    } while (!strstr(out, want));
}

static void figures_come_at_once(void **state) {
    int fd = open_stream();
    const char *text = read_until(fd, "\n\n");
    assert_int_equal(status_of(text), 200);
    assert_non_null(strstr(text, "Content-Type: text/event-stream\r\n"));
    assert_non_null(strstr(text, "event: realtime\ndata: {\"current_visitors\":0,"));
    await_streams(1);
    (void)close(fd);
    await_streams(0);
}

static void there_are_no_more_than_allowed(void **state) {
    int fds[3];
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(status_of(read_until(fds[i] = open_stream(), "\n\n")), 200);
    int fd = open_stream();
    assert_int_equal(status_of(client_read(fd, out, sizeof(out))), 503);
    assert_non_null(strstr(out, "Retry-After: "));
    assert_non_null(strstr(out, "{\"error\":\"too many streams are open, try again later\"}"));
    (void)close(fd);
    for (size_t i = 0; i < 3; i++)
        (void)close(fds[i]);
    await_streams(0);
    assert_int_equal(status_of(read_until(fd = open_stream(), "\n\n")), 200);
    (void)close(fd);
    await_streams(0);
}

static void a_head_opens_none(void **state) {
    char head[100];
    (void)snprintf(head, sizeof(head), "Authorization: Bearer %s\r\n", server.token);
    assert_int_equal(exchange(&server, "HEAD", "/api/v2/realtime/stream?site_id=example.com", head,
                              NULL, out, sizeof(out)),
                     200);
    await_streams(0);
}

static void silence_is_filled(void **state) {
    int fd = open_stream();
    (void)read_until(fd, "\n\n");
    ahead_ns += 16 * 1000000000LL;
    assert_string_not_equal(read_until(fd, ": still here\n\n"), "");
    (void)close(fd);
    await_streams(0);
}

static void a_site_that_goes_takes_its_streams(void **state) {
    JSON_AUTO settings = json_pack("{s:s}", "domain", "gone.example");
    uint32_t id;
    assert_int_equal(control_site_add(server.control, settings, &id, NULL), 0);
    char token[64], own[64];
    assert_int_equal(control_token_add(server.control, SPAN_EMPTY, SPAN_EMPTY, token, NULL), 0);
    int fd = client_open(&server);
    int n = snprintf(out, sizeof(out),
                     "GET /api/v2/realtime/stream?site_id=gone.example HTTP/1.1\r\nHost: x\r\n"
                     "Connection: close\r\nAuthorization: Bearer %s\r\n\r\n",
                     token);
    client_send(fd, out, (size_t)n);
    (void)read_until(fd, "\n\n");
    assert_int_equal(control_site_remove(server.control, SPAN_LIT("gone.example"), NULL), 0);
    ahead_ns += 6 * 1000000000LL; /* the next time the site is asked */
    assert_string_not_equal(read_until(fd, "0\r\n\r\n"), "");
    assert_int_equal(recv(fd, own, sizeof(own), 0), 0);
    (void)close(fd);
    await_streams(0);
}

/* Somebody new sees ten pages with the longest names there may be. */
static void visit_long_pages(uint64_t visitor) {
    enum { PAGES = 10 };
    static char names[PAGES][2001];
    struct event events[PAGES];
    int64_t now_ms = clock_wall_ms(&clock_system);
    CLEANUP(zone_freep) struct zone *paris = NULL;
    assert_int_equal(zone_open(SPAN_LIT("Europe/Paris"), &paris, NULL), 0);
    for (size_t i = 0; i < PAGES; i++) {
        (void)memset(names[i], 'a' + (int)i, sizeof(names[i]) - 1);
        event_init(&events[i]);
        events[i].site = 1;
        events[i].ts_ms = now_ms;
        events[i].day = zone_to_local(paris, now_ms).day;
        events[i].visitor = visitor;
        events[i].page = span_str(names[i]);
    }
    struct store_batch batch = {
        .events = events, .event_count = PAGES, .next = {.segment = 1, .offset = 64 + visitor}};
    assert_int_equal(store_apply(server.store, &batch, NULL), 0);
}

static unsigned streams_now(void) {
    assert_int_equal(exchange(&server, "GET", "/metrics", NULL, NULL, out, sizeof(out)), 200);
    return (unsigned)strtoul(strstr(out, "\ntamis_streams ") + 15, NULL, 10);
}

/* Its figures are asked for every six seconds of a clock that is put forward. */
static void one_that_takes_nothing_is_cut(void **state) {
    enum { ROUNDS = 30 };
    int small = 4096, fd = server.http->listen_fd; /* connections inherit it */
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
    int idle = open_stream();
    assert_int_equal(setsockopt(idle, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
    int reads = open_stream();
    await_streams(2);
    uint64_t slow = count_of(&server, COUNT_REQUESTS_BAD_SLOW), round = 0;
    for (; round < ROUNDS && streams_now() == 2; round++) {
        visit_long_pages(round + 1);
        ahead_ns += 6 * 1000000000LL;
        char figures[60];
        (void)snprintf(figures, sizeof(figures), "\"visitors\":%d,\"pageviews\":%d,",
                       (int)round + 1, ((int)round + 1) * 10);
        assert_string_not_equal(read_until(reads, figures), "");
    }
    assert_true(round < ROUNDS);
    assert_int_equal(streams_now(), 1);
    assert_int_equal(count_of(&server, COUNT_REQUESTS_BAD_SLOW), slow + 1);
    assert_string_equal(read_until(idle, "408 "), ""); /* no other words within it */
    (void)close(idle);
    (void)close(reads);
    await_streams(0);
}

static void stopping_ends_them(void **state) {
    int fds[3];
    for (size_t i = 0; i < 3; i++)
        (void)read_until(fds[i] = open_stream(), "\n\n");
    int64_t begun = clock_mono_ns(&clock_system);
    http_stop(server.http, 5000);
    server.http = NULL;
    assert_true(clock_mono_ns(&clock_system) - begun < 2000000000LL);
    for (size_t i = 0; i < 3; i++) {
        assert_string_not_equal(read_until(fds[i], "0\r\n\r\n"), "");
        (void)close(fds[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_come_at_once),
        cmocka_unit_test(there_are_no_more_than_allowed),
        cmocka_unit_test(a_head_opens_none),
        cmocka_unit_test(silence_is_filled),
        cmocka_unit_test(a_site_that_goes_takes_its_streams),
        cmocka_unit_test(one_that_takes_nothing_is_cut),
        cmocka_unit_test(stopping_ends_them),
    };
    return cmocka_run_group_tests(tests, up, down);
}
