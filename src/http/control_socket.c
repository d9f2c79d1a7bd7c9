/* control_socket.c — POST /rpc/<verb> on the unix socket: how `tamis …` talks to a running server.
 *
 * Arguments are JSON: the body, or the header X-Tamis-Args when the body carries bytes. A thread a
 * connection, because calls may take long and are few. */
#include <unistd.h>

#include "server.h"

enum { CONTROL_CONNECTIONS = 32, CONTROL_IDLE_SEC = 300, CONTROL_MEMORY = 256 * 1024 };

static const struct span prefix = SPAN_LIT("/rpc/");

struct call {
    struct buf body;
    bool too_large;
};

static enum MHD_Result answer(struct MHD_Connection *mhd, unsigned status, struct buf *body) {
    if (body->failed || !body->data)
        return MHD_NO;
    struct MHD_Response *response =
        MHD_create_response_from_buffer(body->len, body->data, MHD_RESPMEM_MUST_COPY);
    if (!response)
        return MHD_NO;
    reply_header(response, "Content-Type", "application/json");
    enum MHD_Result queued = MHD_queue_response(mhd, status, response);
    MHD_destroy_response(response);
    return queued;
}

static enum MHD_Result answer_failed(struct MHD_Connection *mhd, unsigned status, const char *text,
                                     const char *word) {
    BUF_AUTO body = {0};
    buf_adds(&body, "{\"error\":");
    json_write_string(&body, span_str(text));
    buf_addf(&body, ",\"code\":\"%s\"}", word);
    return answer(mhd, status, &body);
}

static enum MHD_Result call_run(struct http *h, struct MHD_Connection *mhd, struct span verb,
                                struct call *call) {
    const char *header = MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, "X-Tamis-Args");
    struct span text = header ? span_str(header) : buf_span(&call->body);
    struct span bytes = header ? buf_span(&call->body) : SPAN_EMPTY;
    if (span_trim(text).len == 0)
        text = SPAN_LIT("{}");
    JSON_AUTO args = NULL;
    JSON_AUTO reply = NULL;
    struct err err = {0};
    int rc = json_parse(text, &args, &err);
    if (rc == 0 && !json_is_object(args))
        rc = err_set(&err, ERR_INVALID, "arguments must be a JSON object");
    if (rc == 0)
        rc = h->services->rpc ? h->services->rpc(h->services->ctx, verb, args, bytes, &reply, &err)
                              : err_set(&err, ERR_NOT_FOUND, "no such call");
    if (rc < 0)
        return answer_failed(mhd, reply_status_of(rc), err.text, err_word(rc));
    BUF_AUTO body = {0};
    if (reply)
        rc = json_write(reply, &body, &err);
    else
        buf_adds(&body, "{}");
    return rc < 0 ? MHD_NO : answer(mhd, MHD_HTTP_OK, &body);
}

static enum MHD_Result on_access(void *cls, struct MHD_Connection *mhd, const char *url,
                                 const char *method, const char *version, const char *upload,
                                 size_t *upload_size, void **state) {
    struct call *call = *state;
    if (!call) {
        *state = calloc(1, sizeof(*call));
        return *state ? MHD_YES : MHD_NO;
    }
    if (*upload_size > 0) {
        size_t n = *upload_size;
        *upload_size = 0;
        if (call->too_large || call->body.len + n > CONTROL_MOST_BODY)
            call->too_large = true;
        else
            buf_add(&call->body, span_of(upload, n));
        return MHD_YES;
    }
    struct span path = span_str(url);
    if (call->too_large || call->body.failed)
        return answer_failed(mhd, MHD_HTTP_CONTENT_TOO_LARGE, "body is larger than 16 MiB",
                             err_word(ERR_INVALID));
    if (!span_starts(path, prefix))
        return answer_failed(mhd, MHD_HTTP_NOT_FOUND, "no such call", err_word(ERR_NOT_FOUND));
    if (strcmp(method, "POST") != 0)
        return answer_failed(mhd, MHD_HTTP_METHOD_NOT_ALLOWED, "method not allowed",
                             err_word(ERR_INVALID));
    return call_run(cls, mhd, span_from(path, prefix.len), call);
}

static void on_completed(void *cls, struct MHD_Connection *mhd, void **state,
                         enum MHD_RequestTerminationCode code) {
    struct call *call = *state;
    if (!call)
        return;
    buf_release(&call->body);
    free(call);
    *state = NULL;
}

int control_socket_start(struct http *h, struct err *err) {
    int fd;
    int rc = listener_unix(h->control_path, &fd, err);
    if (rc < 0) {
        /* The file is not ours to remove. */
        free(TAKE_PTR(h->control_path));
        return rc;
    }
    h->control_daemon = MHD_start_daemon(
        MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL |
            MHD_USE_ITC | MHD_USE_ERROR_LOG,
        0, NULL, NULL, on_access, h, MHD_OPTION_EXTERNAL_LOGGER, mhd_message, NULL,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONTROL_CONNECTIONS,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)CONTROL_IDLE_SEC,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONTROL_MEMORY, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, NULL, MHD_OPTION_END);
    if (h->control_daemon)
        return 0;
    (void)close(fd);
    return err_set(err, ERR_IO, "control socket cannot be started");
}

void control_socket_stop(struct http *h) {
    if (h->control_daemon)
        MHD_stop_daemon(TAKE_PTR(h->control_daemon));
    if (h->control_path)
        (void)unlink(h->control_path);
}
