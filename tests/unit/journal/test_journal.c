#include "fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/stat.h>

#include "crc32c.h"

static void keeps_frames_in_order_over_a_restart(void **state) {
    struct fixture *f = *state;
    open_journal(f);
    append(f, "one");
    append(f, "two");
    assert_frames(f, "one,two,");
    close_journal(f);
    open_journal(f);
    append(f, "three");
    assert_frames(f, "one,two,three,");
    assert_true(journal_healthy(f->j));
}

static void makes_the_folder(void **state) {
    struct fixture *f = *state;
    size_t parent = strlen(f->dir);
    memcpy(f->dir + parent, "/journal", sizeof("/journal"));
    open_journal(f);
    append(f, "one");
    assert_frames(f, "one,");
    close_journal(f);
    struct stat st;
    CLEANUP(free_charp) char *path = segment_path(f, 1, ".seg");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(st.st_size, SEGMENT_HEADER_BYTES + FRAME_HEADER_BYTES + 3);
    (void)unlink(path);
    (void)rmdir(f->dir);
    f->dir[parent] = 0;
}

static void refuses_empty_and_too_large_frames(void **state) {
    struct fixture *f = *state;
    open_journal(f);
    struct err err;
    static char large[JOURNAL_LARGEST_FRAME + 1];
    assert_int_equal(journal_append(f->j, SPAN_EMPTY, &err), ERR_INVALID);
    assert_int_equal(journal_append(f->j, span_of(large, sizeof(large)), &err), ERR_INVALID);
    memset(large, 'x', sizeof(large));
    assert_int_equal(journal_append(f->j, span_of(large, JOURNAL_LARGEST_FRAME), &err), 0);
    append(f, "after");
    BUF_AUTO bytes = {0};
    struct cursor next;
    assert_int_equal(journal_read(f->j, (struct cursor){0}, 1, &bytes, NULL, &next, &err), 0);
    assert_int_equal(bytes.len, 4 + JOURNAL_LARGEST_FRAME);
    close_journal(f);
    open_journal(f); /* the scan has to grow its buffer */
    buf_clear(&bytes);
    assert_int_equal(journal_read(f->j, next, 1, &bytes, NULL, &next, &err), 0);
    assert_int_equal(bytes.len, 4 + 5);
}

static void rotates_and_reads_across_segments(void **state) {
    struct fixture *f = *state;
    open_journal(f);
    BUF_AUTO want = {0};
    for (unsigned i = 0; i < 500; i++) {
        char text[40];
        (void)snprintf(text, sizeof(text), "frame number %u", i);
        append(f, text);
        buf_addf(&want, "%s,", text);
    }
    assert_true(journal_end(f->j).segment > 2);
    for (size_t most = 0; most < 5000; most = most * 3 + 1) {
        CLEANUP(free_charp) char *got = read_joined(f, (struct cursor){0}, most);
        assert_string_equal(got, buf_cstr(&want));
    }
}

static void reads_on_from_any_cursor_it_gave(void **state) {
    struct fixture *f = *state;
    open_journal(f);
    append(f, "a");
    struct cursor after_a = journal_end(f->j);
    append(f, "b");
    CLEANUP(free_charp) char *got = read_joined(f, after_a, 100);
    assert_string_equal(got, "b,");
    BUF_AUTO bytes = {0};
    struct cursor next;
    assert_int_equal(journal_read(f->j, journal_end(f->j), 100, &bytes, NULL, &next, NULL), 0);
    assert_int_equal(bytes.len, 0);
    assert_false(cursor_before(next, journal_end(f->j)));
    struct cursor beyond = {.segment = 99};
    assert_int_equal(journal_read(f->j, beyond, 100, &bytes, NULL, &next, NULL), ERR_INVALID);
}

static void releases_whole_segments_only(void **state) {
    struct fixture *f = *state;
    open_journal(f);
    append(f, "a");
    struct cursor after_a = journal_end(f->j);
    append(f, "b");
    close_journal(f);
    open_journal(f);
    append(f, "c");
    assert_int_equal(journal_release(f->j, after_a, NULL), 0);
    assert_frames(f, "a,b,c,");
    assert_int_equal(journal_release(f->j, (struct cursor){.segment = 2}, NULL), 0);
    assert_false(exists(f, 1, ".seg"));
    assert_frames(f, "c,");
    /* From before the first kept one. */
    CLEANUP(free_charp) char *got = read_joined(f, after_a, 100);
    assert_string_equal(got, "c,");
    assert_int_equal(journal_release(f->j, journal_end(f->j), NULL), 0);
    assert_true(exists(f, 2, ".seg")); /* never the newest */
    close_journal(f);
    open_journal(f);
    assert_frames(f, "c,");
}

static void drops_a_torn_tail_cut_anywhere(void **state) {
    struct fixture *f = *state;
    open_journal(f);
    append(f, "kept");
    off_t kept = (off_t)journal_end(f->j).offset;
    append(f, "torn");
    off_t whole = (off_t)journal_end(f->j).offset;
    close_journal(f);
    for (off_t size = whole - 1; size >= kept; size--) {
        cut(f, 1, size);
        open_journal(f);
        assert_frames(f, "kept,");
        append(f, "new");
        assert_frames(f, "kept,new,");
        close_journal(f);
        open_journal(f);
        assert_frames(f, "kept,new,");
        assert_int_equal(journal_release(f->j, journal_end(f->j), NULL), 0);
        close_journal(f);
        teardown(state);
        assert_int_equal(setup(state), 0);
        f = *state;
        open_journal(f);
        append(f, "kept");
        append(f, "torn");
        close_journal(f);
    }
}

static void drops_a_garbage_tail(void **state) {
    struct fixture *f = *state;
    open_journal(f);
    append(f, "kept");
    off_t end = (off_t)journal_end(f->j).offset;
    close_journal(f);
    patch(f, 1, end, SPAN_LIT("\x05\0\0\0garbage that is no frame"));
    open_journal(f);
    append(f, "new");
    assert_frames(f, "kept,new,");
    close_journal(f);
    /* Even a whole frame that turns up after the recorded end is not read. */
    char late[FRAME_HEADER_BYTES + 4] = {0};
    memcpy(late + FRAME_HEADER_BYTES, "late", 4);
    segment_seal_frame(1, late, 4);
    patch(f, 1, end, span_of(late, sizeof(late)));
    open_journal(f);
    assert_frames(f, "kept,new,");
}

static void survives_bad_last_headers(void **state) {
    static const char garbage[100] = "garbage";
    const struct span bad[] = {SPAN_LIT(""), SPAN_LIT("TAMI"), {garbage, sizeof(garbage)}};
    struct fixture *f = *state;
    open_journal(f);
    append(f, "kept");
    uint64_t number = journal_end(f->j).segment;
    close_journal(f);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        patch(f, ++number, 0, bad[i]);
        open_journal(f);
        assert_frames(f, "kept,");
        assert_true(journal_end(f->j).segment == number + 1);
        number = journal_end(f->j).segment;
        close_journal(f);
    }
}

static void keeps_frames_whose_header_rotted(void **state) {
    struct fixture *f = *state;
    open_journal(f);
    append(f, "a");
    close_journal(f);
    open_journal(f);
    append(f, "b");
    close_journal(f);
    patch(f, 2, 20, SPAN_LIT("rot"));
    open_journal(f);
    assert_frames(f, "a,b,");
}

static void removes_unfinished_segments(void **state) {
    struct fixture *f = *state;
    CLEANUP(free_charp) char *path = segment_path(f, 7, ".tmp");
    CLEANUP(closep) int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    open_journal(f);
    assert_false(exists(f, 7, ".tmp"));
    assert_true(journal_end(f->j).segment == 1);
}

static void refuses_a_newer_format(void **state) {
    struct fixture *f = *state;
    open_journal(f);
    close_journal(f);
    char header[SEGMENT_HEADER_BYTES];
    CLEANUP(free_charp) char *path = segment_path(f, 1, ".seg");
    CLEANUP(closep) int fd = open(path, O_RDWR);
    assert_int_equal(pread(fd, header, sizeof(header), 0), sizeof(header));
    header[8] = 2;
    uint32_t crc = crc32c(0, header, 60);
    memcpy(header + 60, &crc, 4);
    assert_int_equal(pwrite(fd, header, sizeof(header), 0), sizeof(header));
    struct err err;
    assert_int_equal(journal_open(f->dir, &f->options, &f->j, &err), ERR_UNSUPPORTED);
}

static void reports_a_bad_middle_frame_and_goes_on(void **state) {
    struct fixture *f = *state;
    open_journal(f);
    append(f, "first");
    off_t at = (off_t)journal_end(f->j).offset;
    append(f, "second");
    append(f, "third");
    close_journal(f);
    open_journal(f);
    append(f, "fourth");
    patch(f, 1, at + FRAME_HEADER_BYTES + 2, SPAN_LIT("X"));
    assert_frames(f, "first,!,fourth,");
    BUF_AUTO bytes = {0};
    struct cursor next = {0};
    struct err err;
    struct cursor from = {.segment = 1, .offset = (uint64_t)at};
    assert_int_equal(journal_read(f->j, from, 100, &bytes, NULL, &next, &err), ERR_CORRUPT);
    assert_true(next.segment == 2);
    assert_null(strstr(err.text, "second"));
    cut(f, 1, at + 3); /* the file lost its end */
    assert_frames(f, "first,!,fourth,");
    cut(f, 1, 10);
    assert_frames(f, "!,fourth,");
}

static void reports_a_missing_segment_and_goes_on(void **state) {
    struct fixture *f = *state;
    open_journal(f);
    append(f, "a");
    close_journal(f);
    open_journal(f);
    append(f, "b");
    CLEANUP(free_charp) char *path = segment_path(f, 1, ".seg");
    assert_int_equal(unlink(path), 0);
    assert_frames(f, "!,b,");
}

static void frames_of_another_segment_do_not_verify(void **state) {
    struct fixture *f = *state;
    open_journal(f);
    append(f, "a");
    close_journal(f);
    CLEANUP(free_charp) char *from = segment_path(f, 1, ".seg");
    CLEANUP(free_charp) char *to = segment_path(f, 2, ".seg");
    assert_int_equal(rename(from, to), 0);
    open_journal(f);
    assert_frames(f, "");
}

static void tells_when_to_read(void **state) {
    struct fixture *f = *state;
    open_journal(f);
    assert_int_equal(journal_wait(f->j, (struct cursor){0}, 1), 0);
    append(f, "a");
    assert_int_equal(journal_wait(f->j, (struct cursor){0}, 10000), 1);
    assert_int_equal(journal_wait(f->j, journal_end(f->j), 1), 0);
    struct cursor end = journal_end(f->j);
    close_journal(f);
    open_journal(f);
    /* The end has moved to a new segment, but there is nothing in it. */
    assert_true(cursor_before(end, journal_end(f->j)));
    assert_int_equal(journal_wait(f->j, end, 1), 0);
    append(f, "b");
    assert_int_equal(journal_wait(f->j, end, 10000), 1);
}

struct wait {
    struct journal *j;
    struct cursor from;
    _Atomic pid_t thread;
    int result;
};

static void *wait_long(void *arg) {
    struct wait *w = arg;
    w->thread = gettid();
    w->result = journal_wait(w->j, w->from, 60 * 1000);
    return NULL;
}

static void wakes_those_who_wait(void **state) {
    struct fixture *f = *state;
    open_journal(f);
    pthread_t t;
    struct wait w = {.j = f->j, .from = journal_end(f->j)};
    assert_int_equal(pthread_create(&t, NULL, wait_long, &w), 0);
    append(f, "a");
    (void)pthread_join(t, NULL);
    assert_int_equal(w.result, 1);
}

static bool is_asleep(pid_t thread) {
    char path[60], text[300];
    (void)snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)thread);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_non_null(fgets(text, sizeof text, f));
    (void)fclose(f);
    return strstr(strrchr(text, ')'), ") S ");
}

/* journal_close() may come before or after the wait has begun its sleep; hence the test waits for
 * the latter by looking at the thread's state in /proc, not by time. */
static void close_wakes_those_who_wait(void **state) {
    struct fixture *f = *state;
    open_journal(f);
    pthread_t t;
    struct wait w = {.j = f->j, .from = journal_end(f->j)};
    assert_int_equal(pthread_create(&t, NULL, wait_long, &w), 0);
    while (!w.thread || !is_asleep(w.thread))
        (void)usleep(500);
    close_journal(f);
    (void)pthread_join(t, NULL);
    assert_int_equal(w.result, ERR_CLOSED);
}

/* A disk whose sync waits for the test. */
static sem_t sync_may_go;
static int gated_sync(const struct os *os, int fd) {
    (void)os;
    (void)fd;
    while (sem_wait(&sync_may_go) < 0)
        ;
    return 0;
}

struct tally {
    _Atomic unsigned done;
    _Atomic int last;
};

static void tally_done(void *arg, int result) {
    struct tally *t = arg;
    t->last = result;
    t->done++;
}

static void limits_what_waits_and_commits_it_at_close(void **state) {
    struct fixture *f = *state;
    struct os os = os_system;
    os.fdatasync = gated_sync;
    f->options.os = &os;
    f->options.pending_bytes = 1000;
    struct counters counters = {0};
    f->options.counters = &counters;
    (void)sem_init(&sync_may_go, 0, 0);
    open_journal(f);
    struct tally t = {0};
    char frame[200];
    memset(frame, 'x', sizeof(frame));
    unsigned taken = 0;
    int rc;
    struct err err;
    while ((rc = journal_submit(f->j, span_of(frame, sizeof(frame)), tally_done, &t, &err)) == 0)
        taken++;
    assert_int_equal(rc, ERR_BUSY);
    assert_int_equal(taken, 4);
    assert_int_equal(t.done, 0);
    assert_true(journal_end(f->j).offset == SEGMENT_HEADER_BYTES); /* not durable, so not there */
    assert_frames(f, "");
    for (unsigned i = 0; i < 10; i++)
        (void)sem_post(&sync_may_go);
    close_journal(f);
    assert_int_equal(t.done, 4);
    assert_int_equal(t.last, 0);
    assert_true(counters_get(&counters, COUNT_JOURNAL_COMMITS) >= 1);
    assert_true(counters_get(&counters, COUNT_JOURNAL_BYTES) ==
                4 * (sizeof(frame) + FRAME_HEADER_BYTES));
    (void)sem_destroy(&sync_may_go);
}

/* ---- many at once: submitters, a reader, releases ---- */

enum { THREADS = 4, EACH = 20000 };

struct crowd {
    struct journal *j;
    struct tally tally;
    _Atomic unsigned next_thread;
};

static void *submit_many(void *arg) {
    struct crowd *c = arg;
    uint32_t id[2] = {c->next_thread++, 0};
    for (; id[1] < EACH; id[1]++) {
        struct span frame = span_of((const char *)id, sizeof(id));
        while (journal_submit(c->j, frame, tally_done, &c->tally, NULL) < 0)
            (void)usleep(100);
    }
    return NULL;
}

static void many_submit_while_one_reads_and_releases(void **state) {
    struct fixture *f = *state;
    f->options.segment_bytes = 64 * 1024;
    f->options.pending_bytes = 16 * 1024;
    open_journal(f);
    struct crowd *c = calloc(1, sizeof(*c));
    assert_non_null(c);
    c->j = f->j;
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, submit_many, c), 0);
    uint32_t next[THREADS] = {0};
    struct cursor at = {0};
    for (unsigned read = 0; read < THREADS * EACH;) {
        assert_int_equal(journal_wait(f->j, at, 20000), 1);
        BUF_AUTO bytes = {0};
        assert_int_equal(journal_read(f->j, at, 10000, &bytes, NULL, &at, NULL), 0);
        struct span rest = buf_span(&bytes);
        struct span frame;
        while (journal_next_frame(&rest, NULL, &frame)) {
            uint32_t id[2];
            assert_int_equal(frame.len, sizeof(id));
            memcpy(id, frame.ptr, sizeof(id));
            assert_true(id[0] < THREADS);
            assert_int_equal(id[1], next[id[0]]++);
            read++;
        }
        assert_int_equal(journal_release(f->j, at, NULL), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    struct tally *t = &c->tally;
    close_journal(f);
    assert_int_equal(t->done, THREADS * EACH);
    assert_int_equal(t->last, 0);
    free(c);
}

static int64_t append_took_us(struct fixture *f) {
    int64_t began_ns = clock_mono_ns(&clock_system);
    append(f, "x");
    return (clock_mono_ns(&clock_system) - began_ns) / 1000;
}

static void a_held_commit_comes_later(void **state) {
    struct fixture *f = *state;
    open_journal(f);
    journal_hold(f->j, 2 * JOURNAL_MOST_HOLD_US);
    assert_int_equal(journal_held_us(f->j), JOURNAL_MOST_HOLD_US);
    for (int i = 0; i < 3; i++)
        assert_true(append_took_us(f) >= JOURNAL_MOST_HOLD_US);
    journal_hold(f->j, 0);
    bool sooner = false; /* in a hundred times, on any machine */
    for (int i = 0; !sooner && i < 100; i++)
        sooner = append_took_us(f) < JOURNAL_MOST_HOLD_US;
    assert_true(sooner);
    close_journal(f);
}

static void counts_what_is_left_to_read(void **state) {
    struct fixture *f = *state;
    open_journal(f);
    struct cursor start = journal_end(f->j);
    assert_int_equal(journal_bytes_from(f->j, start), 0);
    assert_int_equal(journal_bytes_from(f->j, (struct cursor){0}), 0);
    append(f, "one");
    uint64_t one = journal_bytes_from(f->j, start);
    assert_in_range(one, 4, 100);
    struct cursor middle = journal_end(f->j);
    struct cursor next;
    assert_int_equal(journal_rotate(f->j, &next, NULL), 0);
    append(f, "two");
    append(f, "two");
    assert_int_equal(journal_bytes_from(f->j, start), 3 * one);
    assert_int_equal(journal_bytes_from(f->j, middle), 2 * one);
    assert_int_equal(journal_bytes_from(f->j, next), 2 * one);
    assert_int_equal(journal_bytes_from(f->j, (struct cursor){0}), 3 * one);
    assert_int_equal(journal_bytes_from(f->j, journal_end(f->j)), 0);
    close_journal(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(keeps_frames_in_order_over_a_restart),
        TEST(makes_the_folder),
        TEST(refuses_empty_and_too_large_frames),
        TEST(rotates_and_reads_across_segments),
        TEST(reads_on_from_any_cursor_it_gave),
        TEST(releases_whole_segments_only),
        TEST(drops_a_torn_tail_cut_anywhere),
        TEST(drops_a_garbage_tail),
        TEST(survives_bad_last_headers),
        TEST(keeps_frames_whose_header_rotted),
        TEST(removes_unfinished_segments),
        TEST(refuses_a_newer_format),
        TEST(reports_a_bad_middle_frame_and_goes_on),
        TEST(reports_a_missing_segment_and_goes_on),
        TEST(frames_of_another_segment_do_not_verify),
        TEST(tells_when_to_read),
        TEST(counts_what_is_left_to_read),
        TEST(a_held_commit_comes_later),
        TEST(wakes_those_who_wait),
        TEST(close_wakes_those_who_wait),
        TEST(limits_what_waits_and_commits_it_at_close),
        TEST(many_submit_while_one_reads_and_releases),
    };
    return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
