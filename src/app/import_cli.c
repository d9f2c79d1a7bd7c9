/* import_cli.c — `tamis import`: reads logs, sends them in pieces cut at line ends, shows how it
 * goes. */
#include <stdlib.h>

#include "commands.h"
#include "log_file.h"
#include "progress.h"

enum { PIECE_BYTES = 4 * 1024 * 1024 };

struct job {
    struct session *session;
    const struct cli *cli;
    const char *path;
    struct log_file file;
    uint64_t size, run, at, lines;
    struct progress bar;
};

static uint64_t line_count(struct span s) {
    uint64_t n = 0;
    for (size_t at = span_find(s, '\n', 0); at < s.len; at = span_find(s, '\n', at + 1))
        n++;
    return n;
}

static int send_piece(struct job *j, struct span piece, struct err *err) {
    JSON_AUTO args =
        json_pack("{s:I, s:I}", "run", (json_int_t)j->run, "offset", (json_int_t)j->at);
    JSON_AUTO reply = NULL;
    int rc = session_call(j->session, "import.chunk", args, piece, &reply, err);
    if (rc < 0)
        return rc;
    j->at += piece.len;
    j->lines += line_count(piece);
    progress_show(&j->bar, j->size ? (double)j->at / (double)j->size : 1, (double)j->lines,
                  "lines");
    return 0;
}

/* Bytes up to the last line end; everything when there is none or the log ends here. */
static size_t whole_lines(struct span s, bool last) {
    if (last)
        return s.len;
    for (size_t n = s.len; n > 0; n--)
        if (s.ptr[n - 1] == '\n')
            return n;
    return s.len;
}

static int send_all(struct job *j, struct err *err) {
    CLEANUP(free_charp) char *block = malloc(PIECE_BYTES);
    if (!block)
        return err_set(err, ERR_NOMEM, "out of memory");
    size_t have = 0;
    for (bool last = false; !last;) {
        size_t n;
        int rc = log_file_read(&j->file, block + have, PIECE_BYTES - have, &n, err);
        if (rc < 0)
            return rc;
        last = n < PIECE_BYTES - have;
        have += n;
        size_t len = whole_lines(span_of(block, have), last);
        if (len > 0 && (rc = send_piece(j, span_of(block, len), err)) < 0)
            return rc;
        have -= len;
        memmove(block, block + len, have);
    }
    return 0;
}

static int begin(struct job *j, struct err *err) {
    uint8_t digest[CRYPT_DIGEST_BYTES];
    char hex[CRYPT_DIGEST_BYTES * 2 + 1];
    int rc = log_file_digest(&j->file, digest, &j->size, err);
    if (rc < 0)
        return rc;
    crypt_hex(digest, sizeof(digest), hex);
    const json_t *given = j->cli->args;
    const char *format = json_string_value(json_member(given, "format"));
    JSON_AUTO args = json_pack("{s:O, s:s, s:s, s:b}", "site", json_member(given, "site"), "format",
                               format ? format : "combined", "digest", hex, "force",
                               json_is_true(json_member(given, "force")));
    JSON_AUTO reply = NULL;
    if ((rc = session_call(j->session, "import.begin", args, SPAN_EMPTY, &reply, err)) < 0)
        return rc;
    if (json_is_true(json_member(reply, "finished")))
        return err_set(err, ERR_EXISTS, "this log was imported before; --force imports it again");
    j->run = (uint64_t)json_integer_value(json_member(reply, "run"));
    if (json_integer_value(json_member(reply, "done_bytes")) > 0 && !j->cli->json)
        (void)fprintf(stderr, "tamis: %s: going on where an import was broken off\n", j->path);
    return 0;
}

static const struct count {
    const char *key, *label;
} counts[] = {
    {"lines", "lines"},   {"pages", "page views"},    {"bots", "bots"},       {"assets", "assets"},
    {"errors", "errors"}, {"redirects", "redirects"}, {"methods", "not GET"}, {"broken", "broken"},
};

static void print_counts(const struct job *j, const json_t *reply, double took) {
    for (size_t i = 0; i < ARRAY_LEN(counts); i++)
        (void)printf("%-16s %12lld\n", counts[i].label,
                     (long long)json_integer_value(json_member(reply, counts[i].key)));
    const char *rule;
    json_t *n;
    json_object_foreach (json_member(reply, "refused"), rule, n)
        if (json_integer_value(n))
            (void)printf("refused: %-7s %12lld\n", rule, (long long)json_integer_value(n));
    (void)printf("%-16s %12.0f lines/s\n", "rate", (double)j->lines / took);
}

static int run(struct job *j, struct err *err) {
    int rc = begin(j, err);
    if (rc == 0)
        rc = send_all(j, err);
    JSON_AUTO args = json_pack("{s:I, s:I}", "run", (json_int_t)j->run, "size", (json_int_t)j->at);
    JSON_AUTO reply = NULL;
    if (rc == 0)
        rc = session_call(j->session, "import.finish", args, SPAN_EMPTY, &reply, err);
    progress_end(&j->bar);
    if (rc < 0)
        return rc;
    double took = progress_seconds(&j->bar);
    if (!j->cli->json) {
        print_counts(j, reply, took);
        return 0;
    }
    (void)json_object_set_new(reply, "file", json_string(j->path));
    (void)json_object_set_new(reply, "seconds", json_real(took));
    command_print_json(reply);
    return 0;
}

static int import_file(struct session *s, const struct cli *cli, const char *path,
                       struct err *err) {
    struct job j = {.session = s, .cli = cli, .path = path};
    progress_begin(&j.bar);
    int rc = log_file_open(&j.file, path, cli->data, err);
    if (rc < 0)
        return rc;
    rc = run(&j, err);
    log_file_close(&j.file);
    return rc;
}

int command_import(const struct cli *cli) {
    struct err err = {0};
    struct session s;
    if (!json_member(cli->args, "site")) {
        (void)err_set(&err, ERR_INVALID, "--site DOMAIN is missing");
        return command_failed(&err);
    }
    if (session_open(&s, cli->data, "import.begin", &err) < 0)
        return command_failed(&err);
    int code = EXIT_FINE;
    size_t i;
    json_t *file;
    json_array_foreach (json_member(cli->args, "files"), i, file) {
        const char *path = json_string_value(file);
        if (import_file(&s, cli, path, &err) < 0) {
            (void)fprintf(stderr, "tamis: %s: %s\n", path, err.text);
            code = EXIT_FAILED;
        }
    }
    session_close(&s);
    return code;
}
