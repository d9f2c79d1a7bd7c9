/* listener.c — the sockets the server listens on. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "server.h"

enum { BACKLOG = 4096, MOST_LISTEN_CHARS = 300 };

/* "HOST:PORT", "[v6]:PORT" into two strings. */
static int split_listen(const char *listen, char *host, const char **ret_port, struct err *err) {
    const char *colon = strrchr(listen, ':');
    size_t len = colon ? (size_t)(colon - listen) : 0;
    if (!colon || len >= MOST_LISTEN_CHARS || colon[1] == '\0')
        return err_set(err, ERR_INVALID, "listen address must be HOST:PORT");
    const char *from = listen;
    if (len >= 2 && from[0] == '[' && from[len - 1] == ']') {
        from++;
        len -= 2;
    }
    memcpy(host, from, len);
    host[len] = '\0';
    *ret_port = colon + 1;
    return 0;
}

static int bound_address(int fd, char **ret, struct err *err) {
    struct sockaddr_storage bound;
    socklen_t len = sizeof(bound);
    char host[NI_MAXHOST], port[NI_MAXSERV];
    if (getsockname(fd, (struct sockaddr *)&bound, &len) < 0)
        return err_sys(err, errno, "read the bound address");
    if (getnameinfo((struct sockaddr *)&bound, len, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return err_set(err, ERR_IO, "cannot name the bound address");
    if (asprintf(ret, bound.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port) < 0)
        return err_set(err, ERR_NOMEM, "out of memory");
    return 0;
}

int listener_tcp(const char *listen_on, int *ret_fd, char **ret_address, struct err *err) {
    char host[MOST_LISTEN_CHARS];
    const char *port = NULL;
    int rc = split_listen(listen_on, host, &port, err);
    if (rc < 0)
        return rc;
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found;
    if (getaddrinfo(host[0] ? host : NULL, port, &hints, &found) != 0)
        return err_set(err, ERR_INVALID, "listen address is not known here");
    CLEANUP(closep)
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1, off = 0;
    /* TCP_NODELAY is inherited by what is accepted. */
    bool fine = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0 &&
                (found->ai_family != AF_INET6 ||
                 setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) == 0) &&
                bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0;
    int sys = errno;
    freeaddrinfo(found);
    if (!fine)
        return err_sys(err, sys, "listen");
    if ((rc = bound_address(fd, ret_address, err)) < 0)
        return rc;
    *ret_fd = fd;
    fd = -1;
    return 0;
}

/* A socket file nobody listens on is what a killed server left behind. */
static int remove_stale(const struct sockaddr_un *at, struct err *err) {
    struct stat st;
    if (lstat(at->sun_path, &st) < 0)
        return errno == ENOENT ? 0 : err_sys(err, errno, "look at the control socket");
    if (!S_ISSOCK(st.st_mode))
        return err_set(err, ERR_EXISTS, "control socket: the path is taken by another file");
    CLEANUP(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_sys(err, errno, "control socket");
    if (connect(fd, (const struct sockaddr *)at, sizeof(*at)) == 0)
        return err_set(err, ERR_EXISTS, "another server is running on this folder");
    if (errno != ECONNREFUSED)
        return err_sys(err, errno, "control socket");
    return unlink(at->sun_path) == 0 || errno == ENOENT
               ? 0
               : err_sys(err, errno, "remove the stale control socket");
}

int listener_unix(const char *path, int *ret_fd, struct err *err) {
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    if (len >= sizeof(at.sun_path))
        return err_set(err, ERR_INVALID, "control socket: the path is longer than %zu bytes",
                       sizeof(at.sun_path) - 1);
    memcpy(at.sun_path, path, len + 1);
    int rc = remove_stale(&at, err);
    if (rc < 0)
        return rc;
    CLEANUP(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* On Linux the file gets the socket's own mode (cut by the umask), so it is never open to
     * others, and nobody can connect before listen(). */
    if (fd < 0 || fchmod(fd, 0600) < 0 || bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0 ||
        chmod(path, 0600) < 0 || listen(fd, 64) < 0)
        return err_sys(err, errno, "control socket");
    *ret_fd = fd;
    fd = -1;
    return 0;
}
