/* noop_server.c — what libmicrohttpd alone does on this machine: same flags as the server, answers
 * 202 at once. Usage: noop_server PORT */
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct MHD_Response *ok;
static int begun;

static enum MHD_Result on_access(void *cls, struct MHD_Connection *c, const char *url,
                                 const char *method, const char *version, const char *upload,
                                 size_t *upload_size, void **state) {
    if (!*state) {
        *state = &begun;
        return MHD_YES;
    }
    if (*upload_size) {
        *upload_size = 0;
        return MHD_YES;
    }
    return MHD_queue_response(c, MHD_HTTP_ACCEPTED, ok);
}

int main(int argc, char **argv) {
    static char body[] = "ok";
    long port = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
    if (port <= 0 || port > 65535) {
        (void)fprintf(stderr, "usage: noop_server PORT\n");
        return 2;
    }
    ok = MHD_create_response_from_buffer(2, body, MHD_RESPMEM_PERSISTENT);
    struct MHD_Daemon *d =
        MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO,
                         (uint16_t)port, NULL, NULL, on_access, NULL, MHD_OPTION_THREAD_POOL_SIZE,
                         (unsigned)sysconf(_SC_NPROCESSORS_ONLN), MHD_OPTION_CONNECTION_LIMIT,
                         4000U, MHD_OPTION_LISTEN_BACKLOG_SIZE, 4096U, MHD_OPTION_END);
    if (!d)
        return 3;
    for (;;)
        (void)pause();
}
