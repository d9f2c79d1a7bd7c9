/* Rotating, redacting, and the cursors that tell frames apart. */
#include "fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>

static struct cursor rotate(struct fixture *f) {
    struct cursor start = {0};
    struct err err = {0};
    if (journal_rotate(f->j, &start, &err) < 0)
        fail_msg("rotate: %s", err.text);
    return start;
}

/* Overwrites frames that begin with "secret-". */
static enum journal_verdict hide(void *arg, struct cursor at, char *frame, size_t len) {
    struct span mark = SPAN_LIT("secret-");
    (*(unsigned *)arg)++;
    if (!span_starts(span_of(frame, len), mark))
        return JOURNAL_KEEP;
    memset(frame, 'x', len);
    return JOURNAL_CHANGED;
}

static struct journal_redaction redact(struct fixture *f, struct cursor before) {
    struct journal_redaction done = {0};
    unsigned shown = 0;
    struct err err = {0};
    if (journal_redact(f->j, before, hide, &shown, &done, &err) < 0)
        fail_msg("redact: %s", err.text);
    return done;
}

static bool found_in_folder(struct fixture *f, struct span needle) {
    DIR *d = opendir(f->dir);
    assert_non_null(d);
    bool found = false;
    for (const struct dirent *e; (e = readdir(d));) {
        CLEANUP(free_charp) char *path = path_join(f->dir, e->d_name);
        BUF_AUTO bytes = {0};
        if (e->d_name[0] == '.')
            continue;
        assert_int_equal(os_read_file(&os_system, path, SIZE_MAX / 2, &bytes, NULL), 0);
        found |= span_find_span(buf_span(&bytes), needle) != SIZE_MAX;
    }
    (void)closedir(d);
    return found;
}

static void says_where_each_frame_lies(void **state) {
    struct fixture *f = *state;
    static const char *const texts[] = {"a", "long one", "c", "d"};
    struct cursor starts[ARRAY_LEN(texts) + 1];
    open_journal(f);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (i == 2)
            (void)rotate(f);
        starts[i] = journal_end(f->j);
        append(f, texts[i]);
    }
    starts[ARRAY_LEN(texts)] = journal_end(f->j);
    struct cursor from = {0};
    for (size_t i = 0; i < ARRAY_LEN(texts);) {
        BUF_AUTO bytes = {0};
        struct cursor at, next;
        assert_int_equal(journal_read(f->j, from, 100, &bytes, &at, &next, NULL), 0);
        struct span rest = buf_span(&bytes), frame;
        assert_memory_equal(&at, &starts[i], sizeof(at));
        while (journal_next_frame(&rest, &at, &frame)) {
            assert_true(span_eq(frame, span_str(texts[i])));
            struct cursor end = i == 1 ? next : starts[i + 1];
            assert_memory_equal(&at, &end, sizeof(at));
            i++;
        }
        assert_memory_equal(&at, &next, sizeof(at));
        from = next;
    }
}

static void rotates_when_asked(void **state) {
    struct fixture *f = *state;
    open_journal(f);
    append(f, "a");
    struct cursor start = rotate(f);
    assert_true(start.segment == 2 && start.offset == SEGMENT_HEADER_BYTES);
    struct cursor again = rotate(f);
    assert_memory_equal(&again, &start, sizeof(start)); /* nothing to close */
    append(f, "b");
    assert_true(journal_end(f->j).segment == 2);
    assert_frames(f, "a,b,");
    CLEANUP(free_charp) char *rest = read_joined(f, start, 100);
    assert_string_equal(rest, "b,");
    assert_int_equal(journal_release(f->j, start, NULL), 0);
    assert_frames(f, "b,");
    close_journal(f);
    open_journal(f);
    assert_frames(f, "b,");
}

static void redacts_closed_segments_before_a_cursor(void **state) {
    struct fixture *f = *state;
    open_journal(f);
    append(f, "plain-1");
    append(f, "secret-1");
    append(f, "plain-2");
    struct cursor middle = journal_end(f->j);
    (void)rotate(f);
    append(f, "plain-3");
    struct cursor third = rotate(f);
    append(f, "secret-2");
    struct cursor fourth = rotate(f);
    append(f, "secret-3");

    struct journal_redaction none = redact(f, (struct cursor){.segment = 1, .offset = 80});
    assert_true(none.segments == 0);
    struct journal_redaction first = redact(f, middle);
    assert_true(first.segments == 1 && first.rewritten == 1 && first.frames_changed == 1);
    assert_frames(f, "plain-1,xxxxxxxx,plain-2,plain-3,secret-2,secret-3,");
    struct journal_redaction two = redact(f, third);
    assert_true(two.segments == 2 && two.rewritten == 0 && two.frames_changed == 0);
    struct journal_redaction three = redact(f, fourth);
    assert_true(three.segments == 3 && three.rewritten == 1 && three.frames_changed == 1);
    assert_frames(f, "plain-1,xxxxxxxx,plain-2,plain-3,xxxxxxxx,secret-3,");
    /* Never the one that is being written. */
    assert_true(redact(f, journal_end(f->j)).frames_changed == 0);
    assert_true(found_in_folder(f, SPAN_LIT("secret-3")));
    assert_false(found_in_folder(f, SPAN_LIT("secret-1")));
    assert_false(found_in_folder(f, SPAN_LIT("secret-2")));
    CLEANUP(free_charp) char *rest = read_joined(f, middle, 100);
    assert_string_equal(rest, "plain-3,xxxxxxxx,secret-3,");
    close_journal(f);
    open_journal(f);
    assert_frames(f, "plain-1,xxxxxxxx,plain-2,plain-3,xxxxxxxx,secret-3,");
}

static void a_reader_in_the_middle_goes_on(void **state) {
    struct fixture *f = *state;
    open_journal(f);
    append(f, "secret-1");
    append(f, "secret-2");
    struct cursor start = rotate(f);
    int fd = -1;
    assert_int_equal(segment_open(&os_system, f->dir, 1, O_RDONLY, &fd, NULL), 0);
    BUF_AUTO bytes = {0};
    struct cursor at, next;
    assert_int_equal(journal_read(f->j, (struct cursor){0}, 1, &bytes, &at, &next, NULL), 0);
    (void)redact(f, start);
    CLEANUP(free_charp) char *rest = read_joined(f, next, 100);
    assert_string_equal(rest, "xxxxxxxx,");
    buf_clear(&bytes);
    uint64_t end;
    assert_int_equal(
        segment_read(&os_system, fd, 1, next.offset, next.offset + 16, 100, &bytes, &end, NULL), 0);
    assert_true(span_eq(span_from(buf_span(&bytes), 4), SPAN_LIT("secret-2")));
    (void)close(fd);
}

/* Bytes that a failed commit left behind the end, and a damaged frame: neither can be judged. */
static void leaves_nothing_it_could_not_judge(void **state) {
    struct fixture *f = *state;
    open_journal(f);
    append(f, "plain-1");
    off_t second = (off_t)journal_end(f->j).offset;
    append(f, "secret-1");
    append(f, "secret-2");
    (void)rotate(f);
    append(f, "plain-2");
    off_t end = (off_t)journal_end(f->j).offset;
    struct cursor start = rotate(f);
    append(f, "plain-3");
    patch(f, 1, second + FRAME_HEADER_BYTES, SPAN_LIT("S"));
    patch(f, 2, end + 3, SPAN_LIT("secret-tail"));
    assert_frames(f, "plain-1,!,plain-2,plain-3,");
    struct journal_redaction done = redact(f, start);
    assert_true(done.segments == 2 && done.rewritten == 2 && done.frames_changed == 0);
    assert_true(done.bytes_blanked >= 16);
    assert_false(found_in_folder(f, SPAN_LIT("ecret-")));
    assert_frames(f, "plain-1,!,plain-2,plain-3,");
    done = redact(f, start);
    assert_true(done.segments == 2 && done.rewritten == 0 && done.bytes_blanked == 0);
    cut(f, 1, second + 2); /* the file lost its end */
    assert_true(redact(f, start).frames_changed == 0);
    assert_frames(f, "plain-1,!,plain-2,plain-3,");
    CLEANUP(free_charp) char *path = segment_path(f, 1, ".seg");
    assert_int_equal(unlink(path), 0); /* all of it */
    assert_true(redact(f, start).segments == 1);
}

static void removes_what_an_interrupted_redaction_left(void **state) {
    struct fixture *f = *state;
    open_journal(f);
    append(f, "a");
    close_journal(f);
    CLEANUP(free_charp) char *path = segment_path(f, 1, ".tmp");
    CLEANUP(closep) int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    open_journal(f);
    assert_false(exists(f, 1, ".tmp"));
    assert_frames(f, "a,");
}

/* ---- all at once ---- */

enum { FRAMES = 4000 };

struct busy {
    struct fixture *f;
    _Atomic bool submitted;
};

static void *submit_all(void *arg) {
    struct busy *b = arg;
    for (unsigned i = 0; i < FRAMES; i++) {
        char text[32];
        (void)snprintf(text, sizeof(text), "%s%05u", i % 3 ? "plain-" : "secret-", i);
        append(b->f, text);
    }
    b->submitted = true;
    return NULL;
}

static void *rotate_and_redact(void *arg) {
    struct busy *b = arg;
    while (!b->submitted)
        (void)redact(b->f, rotate(b->f));
    return NULL;
}

static void many_submit_while_others_rotate_redact_and_read(void **state) {
    struct fixture *f = *state;
    open_journal(f);
    struct busy b = {.f = f};
    pthread_t threads[3];
    assert_int_equal(pthread_create(&threads[0], NULL, submit_all, &b), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, rotate_and_redact, &b), 0);
    assert_int_equal(pthread_create(&threads[2], NULL, rotate_and_redact, &b), 0);
    struct cursor at = {0};
    for (unsigned read = 0; read < FRAMES;) {
        assert_int_equal(journal_wait(f->j, at, 20000), 1);
        BUF_AUTO bytes = {0};
        assert_int_equal(journal_read(f->j, at, 500, &bytes, NULL, &at, NULL), 0);
        struct span rest = buf_span(&bytes), frame;
        for (; journal_next_frame(&rest, NULL, &frame); read++) {
            char want[32];
            (void)snprintf(want, sizeof(want), "%s%05u", read % 3 ? "plain-" : "secret-", read);
            assert_true(span_eq(frame, span_str(want)) ||
                        (read % 3 == 0 && span_eq(frame, SPAN_LIT("xxxxxxxxxxxx"))));
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        (void)pthread_join(threads[i], NULL);
    (void)redact(f, rotate(f));
    assert_false(found_in_folder(f, SPAN_LIT("secret-")));
}

/* A rotation that waits for a writer which is waiting for the disk. */
static pthread_barrier_t in_sync, sync_may_end;
static _Atomic bool gated;

static int gated_sync(const struct os *os, int fd) {
    if (gated) {
        (void)pthread_barrier_wait(&in_sync);
        (void)pthread_barrier_wait(&sync_may_end);
    }
    return os_system.fdatasync(&os_system, fd);
}

struct rotation_asked {
    struct journal *j;
    struct cursor start;
    int result;
};

static void *ask_rotation(void *arg) {
    struct rotation_asked *r = arg;
    r->result = journal_rotate(r->j, &r->start, NULL);
    return NULL;
}

static void ignore_done(void *arg, int result) {
    (void)arg;
    (void)result;
}

static void what_was_durable_when_asked_is_closed(void **state) {
    struct fixture *f = *state;
    struct os os = os_system;
    os.fdatasync = gated_sync;
    f->options.os = &os;
    (void)pthread_barrier_init(&in_sync, NULL, 2);
    (void)pthread_barrier_init(&sync_may_end, NULL, 2);
    open_journal(f);
    append(f, "a");
    gated = true;
    assert_int_equal(journal_submit(f->j, SPAN_LIT("b"), ignore_done, NULL, NULL), 0);
    (void)pthread_barrier_wait(&in_sync);
    gated = false;
    struct rotation_asked r = {.j = f->j};
    pthread_t t;
    struct cursor durable = journal_end(f->j);
    assert_int_equal(pthread_create(&t, NULL, ask_rotation, &r), 0);
    (void)pthread_barrier_wait(&sync_may_end);
    (void)pthread_join(t, NULL);
    assert_int_equal(r.result, 0);
    assert_true(r.start.segment > durable.segment);
    append(f, "c");
    assert_frames(f, "a,b,c,");
    close_journal(f);
    (void)pthread_barrier_destroy(&in_sync);
    (void)pthread_barrier_destroy(&sync_may_end);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(says_where_each_frame_lies),
        TEST(rotates_when_asked),
        TEST(redacts_closed_segments_before_a_cursor),
        TEST(a_reader_in_the_middle_goes_on),
        TEST(leaves_nothing_it_could_not_judge),
        TEST(removes_what_an_interrupted_redaction_left),
        TEST(many_submit_while_others_rotate_redact_and_read),
        TEST(what_was_durable_when_asked_is_closed),
    };
    return cmocka_run_group_tests_name("journal_upkeep", tests, NULL, NULL);
}
