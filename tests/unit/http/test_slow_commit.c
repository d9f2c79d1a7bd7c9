/* What happens to requests while their commit takes its time: the disk is held by the test. */
#include "server_under_test.h"

#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

static struct server server;
static char out[65536];
static _Atomic bool held;

static int held_sync(const struct os *os, int fd) {
    while (held)
        (void)usleep(1000);
    return os_system.fdatasync(&os_system, fd);
}

static int up(void **state) {
    server_prepare(&server);
    server.options.threads = 1; /* all connections share what is tested */
    server.options.idle_sec = 1;
    server_up(&server);
    server.os.fdatasync = held_sync;
    return 0;
}

static int down(void **state) {
    held = false;
    server_down(&server);
    return 0;
}

/* Sends an event whose commit will not end before the disk is let go. */
static int send_event(void) {
    char request[1000];
    int n = snprintf(request, sizeof(request),
                     "POST /api/event HTTP/1.1\r\nHost: x\r\nUser-Agent: " AGENT
                     "\r\nContent-Length: %zu\r\n\r\n" EVENT,
                     strlen(EVENT));
    int fd = client_open(&server);
    client_send(fd, request, (size_t)n);
    return fd;
}

static void wait_for_commits(uint64_t accepted) {
    for (int i = 0; i < 10000 && count_of(&server, COUNT_EVENTS_ACCEPTED) < accepted; i++)
        (void)usleep(1000);
    assert_int_equal(count_of(&server, COUNT_EVENTS_ACCEPTED), accepted);
}

/* As long as a connection may be silent, and longer. */
static void a_slow_commit_is_waited_for(void **state) {
    held = true;
    int fd = send_event();
    (void)usleep(2500 * 1000);
    held = false;
    assert_int_equal(status_of(client_read(fd, out, sizeof(out))), 202);
    (void)close(fd);
}

static void others_are_served_meanwhile(void **state) {
    held = true;
    int first = send_event(), second = send_event();
    for (int i = 0; i < 100; i++) /* turns of the loop: more than an event is looked at */
        assert_int_equal(exchange(&server, "GET", "/healthz", NULL, NULL, out, sizeof(out)), 200);
    int third = send_event();
    assert_int_equal(exchange(&server, "GET", "/metrics", NULL, NULL, out, sizeof(out)), 200);
    held = false;
    int fds[] = {first, second, third};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(status_of(client_read(fds[i], out, sizeof(out))), 202);
        (void)close(fds[i]);
    }
}

/* A reset, which MHD notices at once while it asks for the answer, and not while it sleeps. */
static void leave(int fd) {
    const struct linger at_once = {.l_onoff = 1};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
    (void)close(fd);
}

static void an_event_outlives_its_sender(void **state) {
    enum { CLIENTS = 8 };
    uint64_t accepted = count_of(&server, COUNT_EVENTS_ACCEPTED);
    for (int round = 0; round < 20; round++) {
        int fds[CLIENTS];
        held = true;
        for (int i = 0; i < CLIENTS; i++)
            fds[i] = send_event();
        (void)usleep((useconds_t)round * 2000); /* from awaiting to asleep */
        for (int i = 0; i < CLIENTS / 2; i++)
            leave(fds[i]);
        /* The loop has seen them leave when it answers what came later. */
        assert_int_equal(exchange(&server, "GET", "/healthz", NULL, NULL, out, sizeof(out)), 200);
        held = false;
        for (int i = CLIENTS / 2; i < CLIENTS; i++) {
            assert_int_equal(status_of(client_read(fds[i], out, sizeof(out))), 202);
            (void)close(fds[i]);
        }
        accepted += CLIENTS;
        wait_for_commits(accepted);
    }
}

static void *stop(void *arg) {
    http_stop(server.http, 50);
    return NULL;
}

/* Also without the one whose sender left. */
static void stopping_waits_for_the_commit(void **state) {
    held = true;
    int fd = send_event();
    leave(send_event());
    (void)usleep(2000);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, stop, NULL), 0);
    (void)usleep(200 * 1000);
    held = false;
    assert_int_equal(pthread_join(thread, NULL), 0);
    server.http = NULL;
    (void)close(fd);
    server_up(&server);
    assert_int_equal(post_event(&server, NULL, EVENT, out, sizeof(out)), 202);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slow_commit_is_waited_for),
        cmocka_unit_test(others_are_served_meanwhile),
        cmocka_unit_test(an_event_outlives_its_sender),
        cmocka_unit_test(stopping_waits_for_the_commit),
    };
    return cmocka_run_group_tests_name("http_slow_commit", tests, up, down);
}
