#include "session.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "verbs.h"

enum { OPEN_TRIES = 100, OPEN_PAUSE_MS = 50 };

static bool server_answers(const char *path) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(a.sun_path))
        return false;
    memcpy(a.sun_path, path, strlen(path) + 1);
    CLEANUP(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd >= 0 && connect(fd, (const struct sockaddr *)&a, sizeof(a)) == 0;
}

/* 1: there is a server, 0: there is none. */
static int try_server(struct session *s, const char *data, struct err *err) {
    s->data_fd = open(data, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (s->data_fd < 0)
        return 0;
    s->socket = app_socket_path(data, s->data_fd);
    if (s->socket && server_answers(s->socket)) {
        s->curl = curl_easy_init();
        if (s->curl)
            return 1;
    }
    bool failed = !s->socket || s->curl;
    session_close(s);
    return failed ? err_set(err, ERR_NOMEM, "out of memory") : 0;
}

int session_open(struct session *s, const char *data, const char *verb, struct err *err) {
    const struct verb *v = verb_find(span_str(verb));
    for (int tries = 0;; tries++) {
        *s = (struct session){.data_fd = -1};
        int rc = try_server(s, data, err);
        if (rc != 0)
            return rc < 0 ? rc : 0;
        if ((rc = config_init(&s->app.config, err)) < 0)
            return rc;
        rc = app_open(&s->app, data, v ? v->parts : APP_CONTROL, err);
        if (rc != ERR_BUSY || tries == OPEN_TRIES)
            return rc;
        struct timespec pause = {.tv_nsec = OPEN_PAUSE_MS * 1000000L};
        (void)nanosleep(&pause, NULL);
    }
}

void session_close(struct session *s) {
    if (s->curl)
        curl_easy_cleanup(s->curl);
    else if (s->app.data)
        app_close(&s->app);
    s->curl = NULL;
    free(TAKE_PTR(s->socket));
    closep(&s->data_fd);
    s->data_fd = -1;
}

static size_t on_reply(char *data, size_t size, size_t count, void *arg) {
    struct buf *reply = arg;
    buf_add(reply, span_of(data, size * count));
    return reply->failed ? 0 : count;
}

static int code_of_word(const char *word) {
    for (int code = ERR_NOMEM; word && code >= ERR_CLOSED; code--)
        if (strcmp(word, err_word(code)) == 0)
            return code;
    return ERR_IO;
}

static int reply_error(long status, const json_t *reply, struct err *err) {
    const char *text = json_string_value(json_member(reply, "error"));
    int code = code_of_word(json_string_value(json_member(reply, "code")));
    if (text)
        return err_set(err, code, "%.190s", text);
    return err_set(err, code, "the server answered %ld", status);
}

/* args_header NULL: the arguments are the body. */
static int post(struct session *s, const char *url, const char *args_header, struct span body,
                long *ret_status, struct buf *reply, struct err *err) {
    struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
    bool complete = headers && (!args_header || curl_slist_append(headers, args_header));
    CURL *c = s->curl;
    curl_easy_reset(c);
    (void)curl_easy_setopt(c, CURLOPT_URL, url);
    (void)curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, s->socket);
    (void)curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
    (void)curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
    (void)curl_easy_setopt(c, CURLOPT_POSTFIELDS, body.ptr);
    (void)curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_reply);
    (void)curl_easy_setopt(c, CURLOPT_WRITEDATA, reply);
    CURLcode rc = complete ? curl_easy_perform(c) : CURLE_OUT_OF_MEMORY;
    (void)curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, ret_status);
    curl_slist_free_all(headers);
    if (rc != CURLE_OK)
        return err_set(err, ERR_IO, "the server does not answer: %s", curl_easy_strerror(rc));
    return 0;
}

static int call_server(struct session *s, const char *verb, const json_t *args, struct span body,
                       json_t **ret, struct err *err) {
    const struct span prefix = SPAN_LIT("X-Tamis-Args: ");
    BUF_AUTO url = {0};
    BUF_AUTO header = {0};
    BUF_AUTO reply = {0};
    buf_addf(&url, "http://localhost/rpc/%s", verb);
    buf_add(&header, prefix);
    char *text =
        json_dumps(args, JSON_COMPACT | JSON_ENSURE_ASCII); /* a header holds no other bytes */
    buf_adds(&header, text ? text : "");
    free(text);
    if (!text || !buf_cstr(&url) || !buf_cstr(&header))
        return err_set(err, ERR_NOMEM, "out of memory");
    long status = 0;
    /* A header has little room; only calls that carry bytes put their (short) arguments there. */
    int rc = body.len > 0 ? post(s, buf_cstr(&url), buf_cstr(&header), body, &status, &reply, err)
                          : post(s, buf_cstr(&url), NULL, span_from(buf_span(&header), prefix.len),
                                 &status, &reply, err);
    if (rc < 0)
        return rc;
    JSON_AUTO json = NULL;
    if (json_parse(buf_span(&reply), &json, NULL) < 0)
        return err_set(err, ERR_IO, "the server answered %ld, not in JSON", status);
    if (status != 200)
        return reply_error(status, json, err);
    *ret = TAKE_PTR(json);
    return 0;
}

int session_call(struct session *s, const char *verb, const json_t *args, struct span body,
                 json_t **ret, struct err *err) {
    return s->curl ? call_server(s, verb, args, body, ret, err)
                   : verb_call(&s->app, span_str(verb), args, body, ret, err);
}
