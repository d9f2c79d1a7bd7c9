/* server_under_test.h — a whole server in a temporary folder, and a client that sends bytes as they
 * are. */
#ifndef TAMIS_SERVER_UNDER_TEST_H
#define TAMIS_SERVER_UNDER_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http.h"
#include "sieve.h"
#include "store.h"

struct server {
    char dir[64];
    struct os os; /* the journal's; a test can make its syncs fail */
    struct counters counters;
    struct policy_board *board;
    struct journal *journal;
    struct sieve *sieve;
    struct control *control;
    struct store *store;
    struct http_services services;
    struct http_options options; /* set before server_up */
    struct http *http;
    char token[64], socket_path[96];
    int port;
    bool ready;
};

#define AGENT                                                                                  \
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 " \
    "Safari/537.36"
#define EVENT "{\"n\":\"pageview\",\"u\":\"https://example.com/a\",\"d\":\"example.com\"}"

void server_prepare(struct server *s); /* site example.com; options at their defaults */
void server_up(struct server *s);
void server_down(struct server *s);

int client_open(struct server *s);
void client_send(int fd, const char *bytes, size_t n);
/* Everything up to the end of one answer (its Content-Length), NUL-terminated; "" when the peer
 * closed. */
char *client_read(int fd, char *out, size_t size);
/* The status of the answer in `text`; 0 for none. */
int status_of(const char *text);
/* One request on a connection of its own. `head`: further header lines with \r\n, or NULL. */
int exchange(struct server *s, const char *method, const char *path, const char *head,
             const char *body, char *out, size_t size);
int post_event(struct server *s, const char *head, const char *body, char *out, size_t size);
uint64_t count_of(struct server *s, enum counter c);

#endif
