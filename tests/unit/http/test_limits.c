/* Queries that are too many or too slow, and senders behind proxies. */
#include "server_under_test.h"

#include <pthread.h>
#include <unistd.h>

#include "record.h"

static struct server server;
static char out[65536];

/* The clock that queries look at; it stops them until the test lets them go. */
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static _Atomic unsigned arrived;

static int64_t gated_wall_ms(const struct clock *c) {
    arrived++;
    (void)pthread_mutex_lock(&gate);
    (void)pthread_mutex_unlock(&gate);
    return clock_wall_ms(&clock_system);
}

static int64_t gated_mono_ns(const struct clock *c) {
    return clock_mono_ns(&clock_system);
}

static const struct clock gated_clock = {.wall_ms = gated_wall_ms, .mono_ns = gated_mono_ns};

static int up(void **state) {
    server_prepare(&server);
    server.services.query.clock = &gated_clock;
    server.options.query_threads = 1;
    server_up(&server);
    return 0;
}

static int down(void **state) {
    server_down(&server);
    return 0;
}

static void restart(const char *const *trusted_proxies) {
    http_stop(server.http, 1000);
    server.options.trusted_proxies = trusted_proxies;
    server_up(&server);
}

/* --- queries -------------------------------------------------------------------------------------
 */

static int send_query(void) {
    static const char body[] =
        "{\"site_id\":\"example.com\",\"metrics\":[\"visitors\"],\"date_range\":\"day\"}";
    char text[500];
    int n = snprintf(text, sizeof(text),
                     "POST /api/v2/query HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
                     "Content-Length: %zu\r\n\r\n%s",
                     server.token, strlen(body), body);
    int fd = client_open(&server);
    client_send(fd, text, (size_t)n);
    return fd;
}

static int answer_to(int fd) {
    int status = status_of(client_read(fd, out, sizeof(out)));
    (void)close(fd);
    return status;
}

static void await_waiting(unsigned queries) {
    char want[64];
    (void)snprintf(want, sizeof(want), "\ntamis_queries_waiting %u\n", queries);
    for (;;) {
        assert_int_equal(exchange(&server, "GET", "/metrics", NULL, NULL, out, sizeof(out)), 200);
        if (strstr(out, want))
            return;
        (void)usleep(1000);
    }
}

static void a_full_queue_is_answered_503(void **state) {
    enum { QUEUE = 64 };
    int waiting[1 + QUEUE];
    (void)pthread_mutex_lock(&gate);
    unsigned before = arrived;
    waiting[0] = send_query();
    while (arrived == before)
        (void)usleep(1000);
    for (unsigned i = 1; i <= QUEUE; i++)
        waiting[i] = send_query();
    await_waiting(QUEUE);
    uint64_t n = count_of(&server, COUNT_REQUESTS_UNAVAILABLE_BUSY);
    assert_int_equal(answer_to(send_query()), 503);
    assert_non_null(strstr(out, "too many queries"));
    assert_non_null(strstr(out, "Retry-After: 1"));
    assert_int_equal(count_of(&server, COUNT_REQUESTS_UNAVAILABLE_BUSY), n + 1);
    assert_int_equal(post_event(&server, NULL, EVENT, out, sizeof(out)), 202);
    (void)pthread_mutex_unlock(&gate);
    for (unsigned i = 0; i <= QUEUE; i++)
        assert_int_equal(answer_to(waiting[i]), 200);
}

/* So many visits that counting them takes a while. */
static void fill_store(void) {
    enum { EVENTS = 50000 };
    struct event *events = calloc(EVENTS, sizeof(*events));
    assert_non_null(events);
    int64_t now_ms = clock_wall_ms(&clock_system);
    for (unsigned i = 0; i < EVENTS; i++) {
        event_init(&events[i]);
        events[i].site = 1;
        events[i].ts_ms = now_ms;
        events[i].day = (int32_t)(now_ms / 86400000);
        events[i].visitor = i + 1;
        events[i].page = SPAN_LIT("/");
    }
    struct store_batch batch = {
        .events = events, .event_count = EVENTS, .next = {.segment = 1, .offset = 64}};
    struct err err = {0};
    if (store_apply(server.store, &batch, &err) < 0)
        fail_msg("%s", err.text);
    free(events);
}

static void a_query_over_its_time_is_answered_504(void **state) {
    fill_store();
    uint64_t n = count_of(&server, COUNT_QUERIES_TIMEOUT);
    int status = 200;
    for (int tries = 0; status == 200 && tries < 200; tries++) {
        /* An interrupt that comes before the engine has begun is lost, one too late as well. */
        server.services.query.timeout_ms = tries % 5;
        status = answer_to(send_query());
    }
    assert_int_equal(status, 504);
    assert_non_null(strstr(out, "{\"error\":\"the query took too long\"}"));
    assert_int_equal(count_of(&server, COUNT_QUERIES_TIMEOUT), n + 1);
    server.services.query.timeout_ms = 10000;
    assert_int_equal(answer_to(send_query()), 200);
}

/* --- proxies -------------------------------------------------------------------------------------
 */

static uint64_t last_visitor(void) {
    struct cursor at = {0}, next;
    uint64_t visitor = 0;
    for (;; at = next) {
        BUF_AUTO bytes = {0};
        assert_int_equal(journal_read(server.journal, at, 1 << 20, &bytes, NULL, &next, NULL), 0);
        struct span rest = buf_span(&bytes), frame;
        if (rest.len == 0)
            return visitor;
        while (journal_next_frame(&rest, NULL, &frame)) {
            struct record r;
            while (record_next(&frame, &r, NULL) == 1)
                visitor = r.event.visitor;
        }
    }
}

static uint64_t visitor_of(const char *head) {
    assert_int_equal(post_event(&server, head, EVENT, out, sizeof(out)), 202);
    return last_visitor();
}

static void a_trusted_proxy_names_the_visitor(void **state) {
    static const char *const proxies[] = {"127.0.0.0/8", "198.51.100.7", NULL};
    restart(proxies);
    uint64_t one = visitor_of("X-Forwarded-For: 192.0.2.1\r\n");
    assert_true(visitor_of("X-Forwarded-For: 192.0.2.2\r\n") != one);
    assert_true(visitor_of("X-Forwarded-For: 192.0.2.1\r\n") == one);
    /* Over trusted proxies to the right, and not what the sender wrote to the left. */
    assert_true(visitor_of("x-forwarded-for: 192.0.2.1, 198.51.100.7\r\n") == one);
    assert_true(visitor_of("X-Forwarded-For: 203.0.113.9, 192.0.2.1\r\n") == one);
    assert_true(visitor_of("X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For: 192.0.2.1\r\n") ==
                one);
    assert_true(visitor_of(NULL) != one);
}

static void nobody_else_does(void **state) {
    restart(NULL);
    uint64_t peer = visitor_of(NULL);
    assert_true(visitor_of("X-Forwarded-For: 192.0.2.1\r\n") == peer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_queue_is_answered_503),
        cmocka_unit_test(a_query_over_its_time_is_answered_504),
        cmocka_unit_test(a_trusted_proxy_names_the_visitor),
        cmocka_unit_test(nobody_else_does),
    };
    return cmocka_run_group_tests_name("http_limits", tests, up, down);
}
