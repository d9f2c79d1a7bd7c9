#include "fixture.h"

#include <dirent.h>
#include <fcntl.h>

void open_journal(struct fixture *f) {
    struct err err = {0};
    if (journal_open(f->dir, &f->options, &f->j, &err) < 0)
        fail_msg("open: %s", err.text);
}

void close_journal(struct fixture *f) {
    journal_close(f->j);
    f->j = NULL;
}

int setup(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));
    if (!f)
        return -1;
    (void)snprintf(f->dir, sizeof(f->dir), "/tmp/tamis-journal-XXXXXX");
    if (!mkdtemp(f->dir))
        return -1;
    f->options = (struct journal_options){.os = &os_system, .clock = &clock_system};
    f->options.segment_bytes = 4096;
    *state = f;
    return 0;
}

int teardown(void **state) {
    struct fixture *f = *state;
    journal_close(f->j);
    DIR *d = opendir(f->dir);
    for (const struct dirent *e; d && (e = readdir(d));) {
        CLEANUP(free_charp) char *path = path_join(f->dir, e->d_name);
        (void)unlink(path);
    }
    if (d)
        (void)closedir(d);
    (void)rmdir(f->dir);
    free(f);
    return 0;
}

void append(struct fixture *f, const char *text) {
    struct err err = {0};
    if (journal_append(f->j, span_str(text), &err) < 0)
        fail_msg("append: %s", err.text);
}

char *read_joined(struct fixture *f, struct cursor from, size_t most) {
    BUF_AUTO out = {0};
    for (;;) {
        BUF_AUTO bytes = {0};
        struct err err = {0};
        int rc = journal_read(f->j, from, most, &bytes, NULL, &from, &err);
        if (rc == ERR_CORRUPT) {
            buf_adds(&out, "!,");
            continue;
        }
        if (rc < 0)
            fail_msg("read: %s", err.text);
        if (bytes.len == 0)
            break;
        struct span rest = buf_span(&bytes);
        struct span frame;
        while (journal_next_frame(&rest, NULL, &frame)) {
            buf_add(&out, frame);
            buf_addc(&out, ',');
        }
    }
    return strdup(buf_cstr(&out));
}

void assert_frames(struct fixture *f, const char *want) {
    CLEANUP(free_charp) char *got = read_joined(f, (struct cursor){0}, 64 * 1024);
    assert_string_equal(got, want);
}

char *segment_path(struct fixture *f, uint64_t number, const char *suffix) {
    char name[SEGMENT_NAME_BYTES];
    segment_name(number, suffix, name);
    return path_join(f->dir, name);
}

bool exists(struct fixture *f, uint64_t number, const char *suffix) {
    CLEANUP(free_charp) char *path = segment_path(f, number, suffix);
    return access(path, F_OK) == 0;
}

void patch(struct fixture *f, uint64_t number, off_t at, struct span bytes) {
    CLEANUP(free_charp) char *path = segment_path(f, number, ".seg");
    CLEANUP(closep) int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes.ptr, bytes.len, at), (ssize_t)bytes.len);
}

void cut(struct fixture *f, uint64_t number, off_t size) {
    CLEANUP(free_charp) char *path = segment_path(f, number, ".seg");
    assert_int_equal(truncate(path, size), 0);
}
