/* export_cli.c — `tamis export`: has the server hand out the rows that are not sealed, reads the
 * sealed files itself, writes one file. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "extract.h"
#include "os.h"
#include "progress.h"

static const uint64_t memory_bytes = 512ULL << 20;

struct job {
    const struct cli *cli;
    struct progress bar;
    double rows_expected;
    int *part_fds;
    size_t part_count;
    int hot_fd; /* lines of hot rows, in a nameless file */
    struct extract_job extract;
};

static void job_release(struct job *j) {
    for (size_t i = 0; i < j->part_count; i++)
        closep(&j->part_fds[i]);
    for (size_t i = 0; i < j->part_count && j->extract.event_paths; i++)
        free((char *)(uintptr_t)j->extract.event_paths[i]);
    free((char **)(uintptr_t)j->extract.event_paths);
    free((char *)(uintptr_t)j->extract.hot_path);
    free(j->part_fds);
    closep(&j->hot_fd);
}

static int no_memory(struct err *err) {
    return err_set(err, ERR_NOMEM, "no memory for an export");
}

/* A file that may lose its name, or never had one, is still reached by this one. */
static char *path_of_fd(int fd) {
    char *path;
    return asprintf(&path, "/proc/self/fd/%d", fd) < 0 ? NULL : path;
}

/* While the server holds them: afterwards a compaction may take them away. */
static int open_parts(struct job *j, const json_t *parts, struct err *err) {
    size_t count = json_array_size(parts);
    char **paths = calloc(count + 1, sizeof(*paths));
    j->extract.event_paths = (const char *const *)paths;
    j->part_fds = calloc(count + 1, sizeof(*j->part_fds));
    CLEANUP(free_charp) char *root = path_join(j->cli->data, "sealed");
    if (!paths || !j->part_fds || !root)
        return no_memory(err);
    for (size_t i = 0; i < count; i++) {
        const char *name = json_string_value(json_array_get(parts, i));
        CLEANUP(free_charp) char *path = path_join(root, name ? name : "");
        int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        if (fd < 0)
            return path ? err_sys(err, errno, "%.120s", name ? name : "") : no_memory(err);
        j->part_fds[j->part_count++] = fd;
        if (!(paths[i] = path_of_fd(fd)))
            return no_memory(err);
    }
    j->extract.path_count = count;
    return 0;
}

static int make_hot_file(struct job *j, struct err *err) {
    const char *dir = getenv("TMPDIR");
    j->hot_fd = open(dir && *dir ? dir : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (j->hot_fd < 0)
        return err_sys(err, errno, "temporary file");
    return (j->extract.hot_path = path_of_fd(j->hot_fd)) ? 0 : no_memory(err);
}

static int fetch_hot(struct job *j, struct session *s, json_t *id, struct err *err) {
    JSON_AUTO args = json_pack("{s:O}", "id", id);
    int64_t at = 0;
    for (bool done = false; !done;) {
        JSON_AUTO reply = NULL;
        int rc = session_call(s, "export.rows", args, SPAN_EMPTY, &reply, err);
        if (rc < 0)
            return rc;
        struct span lines = json_span(json_member(reply, "lines"));
        rc = os_write_full(&os_system, j->hot_fd, lines.ptr, lines.len, at, err);
        if (rc < 0)
            return rc;
        at += (int64_t)lines.len;
        done = json_is_true(json_member(reply, "done"));
    }
    return 0;
}

static int fetch(struct job *j, struct err *err) {
    struct session s;
    int rc = session_open(&s, j->cli->data, "export.begin", err);
    if (rc < 0)
        return rc;
    JSON_AUTO begun = NULL;
    rc = session_call(&s, "export.begin", j->cli->args, SPAN_EMPTY, &begun, err);
    if (rc >= 0) {
        j->rows_expected = (double)json_integer_value(json_member(begun, "rows"));
        j->extract.from_day = (int32_t)json_integer_value(json_member(begun, "from_day"));
        j->extract.to_day = (int32_t)json_integer_value(json_member(begun, "to_day"));
        rc = open_parts(j, json_member(begun, "parts"), err);
    }
    if (rc >= 0)
        rc = fetch_hot(j, &s, json_member(begun, "id"), err);
    session_close(&s);
    return rc;
}

static void on_progress(void *arg, double part) {
    struct job *j = arg;
    progress_show(&j->bar, part, part * j->rows_expected, "rows");
}

/* --- writing ------------------------------------------------------------------------------------
 */

static int settle(const char *tmp, const char *path, struct err *err) {
    CLEANUP(closep) int fd = open(tmp, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0 || rename(tmp, path) < 0)
        return err_sys(err, errno, "%.120s", path);
    return 0;
}

/* A file of that name is there whole or not at all. */
static int write_file(struct job *j, const char *path, uint64_t *rows, struct err *err) {
    CLEANUP(free_charp) char *tmp = NULL;
    if (asprintf(&tmp, "%s.part", path) < 0) {
        tmp = NULL;
        return no_memory(err);
    }
    j->extract.to = tmp;
    int rc = extract_write(&j->extract, rows, err);
    if (rc >= 0)
        rc = settle(tmp, path, err);
    if (rc < 0)
        (void)unlink(tmp);
    return rc;
}

/* Carries bytes from a pipe to the standard output, which the engine cannot open by a name when it
 * is a socket, and must not when it is a file that others append to. */
struct pump {
    int from;
    int sys; /* errno of a failed write */
};

static void *pump(void *arg) {
    struct pump *p = arg;
    char block[65536];
    ssize_t n;
    while ((n = read(p->from, block, sizeof(block))) > 0) {
        for (ssize_t at = 0, put; at < n && !p->sys; at += put) {
            put = write(STDOUT_FILENO, block + at, (size_t)(n - at));
            if (put < 0 && errno != EINTR)
                p->sys = errno;
            put = put < 0 ? 0 : put;
        }
        /* After a failure it goes on reading, or the engine would wait for ever. */
    }
    return NULL;
}

static int write_stdout(struct job *j, uint64_t *rows, struct err *err) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_sys(err, errno, "standard output");
    CLEANUP(closep) int from = ends[0];
    CLEANUP(closep) int to = ends[1];
    CLEANUP(free_charp) char *path = path_of_fd(to);
    struct pump p = {.from = from};
    pthread_t thread;
    if (!path)
        return no_memory(err);
    int sys = pthread_create(&thread, NULL, pump, &p);
    if (sys)
        return err_sys(err, sys, "standard output");
    j->extract.to = path;
    int rc = extract_write(&j->extract, rows, err);
    closep(&to);
    to = -1;
    (void)pthread_join(thread, NULL);
    return rc >= 0 && p.sys ? err_sys(err, p.sys, "standard output") : rc;
}

static int run(struct job *j, const char *out, uint64_t *rows, struct err *err) {
    (void)umask(077);
    int rc = make_hot_file(j, err);
    if (rc < 0 || (rc = fetch(j, err)) < 0)
        return rc;
    if (strcmp(out, "-") != 0)
        return write_file(j, out, rows, err);
    return write_stdout(j, rows, err);
}

static bool parse_format(const char *word, enum extract_format *ret) {
    static const char *const words[] = {
        [EXTRACT_PARQUET] = "parquet", [EXTRACT_CSV] = "csv", [EXTRACT_JSONL] = "jsonl"};
    for (size_t i = 0; word && i < ARRAY_LEN(words); i++)
        if (strcmp(word, words[i]) == 0) {
            *ret = (enum extract_format)i;
            return true;
        }
    return false;
}

int command_export(const struct cli *cli) {
    struct err err = {0};
    CLEANUP(job_release)
    struct job j = {.cli = cli,
                    .hot_fd = -1,
                    .extract = {.memory_bytes = memory_bytes, .progress = on_progress}};
    j.extract.arg = &j;
    const char *out = json_string_value(json_member(cli->args, "out"));
    out = out ? out : "-";
    uint64_t rows = 0;
    int rc = 0;
    if (!json_member(cli->args, "site"))
        rc = err_set(&err, ERR_INVALID, "--site DOMAIN is missing");
    else if (!parse_format(json_string_value(json_member(cli->args, "format")), &j.extract.format))
        rc = err_set(&err, ERR_INVALID, "--format must be parquet, csv or jsonl");
    else if (strcmp(out, "-") == 0 && cli->json)
        rc = err_set(&err, ERR_INVALID, "--json needs --out FILE");
    progress_begin(&j.bar);
    if (rc == 0)
        rc = run(&j, out, &rows, &err);
    progress_end(&j.bar);
    if (rc < 0)
        return command_failed(&err);
    double took = progress_seconds(&j.bar);
    JSON_AUTO reply = json_pack("{s:I, s:f}", "rows", (json_int_t)rows, "seconds", took);
    if (cli->json)
        command_print_json(reply);
    else
        (void)fprintf(stderr, "%llu rows, %.0f rows/s\n", (unsigned long long)rows,
                      (double)rows / took);
    return EXIT_FINE;
}
