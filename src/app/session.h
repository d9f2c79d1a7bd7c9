/* session.h — one command's way to the data folder: over the control socket when a server has it,
 * else in-process. */
#ifndef TAMIS_SESSION_H
#define TAMIS_SESSION_H

#include "app.h"
#include "json.h"

struct session {
    struct app app;
    void *curl;   /* NULL: in-process */
    char *socket; /* path, when there is a server */
    int data_fd;
};

/* `verb` says what has to be open in-process. Waits a moment for a server that is just starting or
 * stopping. */
int session_open(struct session *s, const char *data, const char *verb,
                 struct err *err) WARN_UNUSED;
int session_call(struct session *s, const char *verb, const json_t *args, struct span body,
                 json_t **ret, struct err *err) WARN_UNUSED;
void session_close(struct session *s);

#endif
