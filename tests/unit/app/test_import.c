/* Imports against a real sieve and journal: what is stored, what is only counted, and where the
 * marks stand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "control.h"
#include "crypt.h"
#include "import.h"
#include "record.h"

static const char page[] =
    "192.0.2.%u - - [17/May/2015:10:05:%02u +0000] \"GET /p%u HTTP/1.1\" 200 9 \"-\" "
    "\"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\"\n";
static const char others[] =
    "192.0.2.1 - - [17/May/2015:10:05:03 +0000] \"GET /a.png HTTP/1.1\" 200 9 \"-\" "
    "\"Mozilla/5.0\"\n"
    "192.0.2.1 - - [17/May/2015:10:05:03 +0000] \"GET /no HTTP/1.1\" 404 9 \"-\" \"Mozilla/5.0\"\n"
    "192.0.2.1 - - [17/May/2015:10:05:03 +0000] \"GET /go HTTP/1.1\" 301 9 \"-\" \"Mozilla/5.0\"\n"
    "192.0.2.1 - - [17/May/2015:10:05:03 +0000] \"POST /x HTTP/1.1\" 200 9 \"-\" \"Mozilla/5.0\"\n"
    "192.0.2.1 - - [17/May/2015:10:05:03 +0000] \"GET /b HTTP/1.1\" 200 9 \"-\" "
    "\"Googlebot/2.1 (+http://www.google.com/bot.html)\"\n"
    "not a log line\r\n";

struct fixture {
    char dir[64];
    struct os os; /* os_system but for fdatasync, which fails while `failing` */
    struct policy_board *board;
    struct control *control;
    struct sieve *sieve;
    struct journal *journal;
    uint32_t site;
};

static _Atomic bool failing;

static int sync_or_fail(const struct os *os, int fd) {
    return failing ? -5 : os_system.fdatasync(&os_system, fd);
}

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));
    struct err err;
    char path[96];
    failing = false;
    f->os = os_system;
    f->os.fdatasync = sync_or_fail;
    assert_int_equal(crypt_init(), 0);
    (void)snprintf(f->dir, sizeof(f->dir), "/tmp/tamis-import-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    f->board = policy_board_new();
    (void)snprintf(path, sizeof(path), "%s/control.db", f->dir);
    assert_int_equal(control_open(path, f->dir, &clock_system, f->board, &f->control, &err), 0);
    JSON_AUTO settings = json_pack("{s:s}", "domain", "a.example");
    assert_int_equal(control_site_add(f->control, settings, &f->site, &err), 0);
    (void)snprintf(path, sizeof(path), "%s/keys", f->dir);
    struct sieve_options so = {.os = &os_system, .clock = &clock_system, .keys_dir = path};
    assert_int_equal(sieve_open(&so, &f->sieve, &err), 0);
    char journal[96];
    (void)snprintf(journal, sizeof(journal), "%s/journal", f->dir);
    struct journal_options jo = {.os = &f->os, .clock = &clock_system};
    assert_int_equal(journal_open(journal, &jo, &f->journal, &err), 0);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    failing = false;
    journal_close(f->journal);
    sieve_close(f->sieve);
    control_close(f->control);
    policy_board_free(f->board);
    char command[96];
    (void)snprintf(command, sizeof(command), "rm -r %s", f->dir);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

static struct import *open_at(struct fixture *f, uint64_t done) {
    struct import_options o = {.sieve = f->sieve,
                               .journal = f->journal,
                               .policies = f->board,
                               .site = f->site,
                               .id = 7,
                               .done_bytes = done,
                               .format = SPAN_LIT("combined"),
                               .lanes = 3};
    struct import *im = NULL;
    struct err err = {0};
    assert_int_equal(import_open(&o, &im, &err), 0);
    return im;
}

static void add_pages(struct buf *log, unsigned n) {
    for (unsigned i = 0; i < n; i++) {
        char line[300];
        (void)snprintf(line, sizeof(line), page, i % 200, i % 60, i);
        buf_adds(log, line);
    }
}

struct stored {
    uint64_t events, marks, last_mark;
    bool in_order; /* pages p0, p1, … */
};

static struct stored read_back(struct fixture *f, unsigned first_page) {
    struct stored s = {.in_order = true};
    struct cursor at = {0};
    BUF_AUTO bytes = {0};
    while (cursor_before(at, journal_end(f->journal))) {
        buf_clear(&bytes);
        struct cursor next = at;
        assert_int_equal(journal_read(f->journal, at, 1 << 20, &bytes, NULL, &next, NULL), 0);
        if (!cursor_before(at, next))
            break;
        at = next;
        struct span rest = buf_span(&bytes), frame;
        while (journal_next_frame(&rest, NULL, &frame)) {
            struct record r = {0};
            while (record_next(&frame, &r, NULL) == 1) {
                if (r.type == RECORD_IMPORT_MARK) {
                    assert_true(r.import_mark.offset > s.last_mark);
                    s.last_mark = r.import_mark.offset;
                    s.marks++;
                    continue;
                }
                char want[20];
                (void)snprintf(want, sizeof(want), "/p%u", first_page + (unsigned)s.events++);
                s.in_order &= span_eq(r.event.page, span_str(want));
            }
        }
    }
    return s;
}

static json_int_t count(const struct import *im, const char *key) {
    JSON_AUTO counts = NULL;
    assert_int_equal(import_counts(im, &counts, NULL), 0);
    return json_integer_value(json_member(counts, key));
}

static void test_counts(void **state) {
    struct fixture *f = *state;
    BUF_AUTO log = {0};
    add_pages(&log, 2);
    buf_adds(&log, others);
    CLEANUP(import_freep) struct import *im = open_at(f, 0);
    struct err err = {0};
    assert_int_equal(import_piece(im, 0, buf_span(&log), &err), 0);
    assert_int_equal(import_flush(im, &err), 0);
    static const char *const ones[] = {"assets",  "errors", "redirects",
                                       "methods", "bots",   "broken"};
    for (size_t i = 0; i < ARRAY_LEN(ones); i++)
        assert_int_equal(count(im, ones[i]), 1);
    assert_int_equal(count(im, "pages"), 2);
    assert_int_equal(count(im, "lines"), 8);
    struct stored s = read_back(f, 0);
    assert_int_equal(s.events, 2);
    assert_int_equal(s.last_mark, log.len);
}

/* Enough for several lanes: their events stand in the log's order, in one frame with its mark. */
static void test_order_over_lanes(void **state) {
    struct fixture *f = *state;
    BUF_AUTO log = {0};
    add_pages(&log, 9000);
    CLEANUP(import_freep) struct import *im = open_at(f, 0);
    assert_int_equal(import_piece(im, 0, buf_span(&log), NULL), 0);
    assert_int_equal(import_flush(im, NULL), 0);
    struct stored s = read_back(f, 0);
    assert_int_equal(s.events, 9000);
    assert_true(s.in_order);
    assert_int_equal(s.last_mark, log.len);
}

/* A piece whose events do not fit one frame travels in several, each with a mark. */
static void test_many_frames(void **state) {
    struct fixture *f = *state;
    BUF_AUTO log = {0};
    while (log.len < IMPORT_MOST_PIECE - 5000) {
        char line[2200], path[1900];
        memset(path, 'a', sizeof(path) - 1);
        path[sizeof(path) - 1] = 0;
        (void)snprintf(line, sizeof(line),
                       "192.0.2.1 - - [17/May/2015:10:05:03 +0000] \"GET /%s HTTP/1.1\" "
                       "200 9 \"-\" \"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 "
                       "Firefox/128.0\"\n",
                       path);
        buf_adds(&log, line);
    }
    CLEANUP(import_freep) struct import *im = open_at(f, 0);
    struct err err = {0};
    assert_int_equal(import_piece(im, 0, buf_span(&log), &err), 0);
    assert_int_equal(import_flush(im, &err), 0);
    struct stored s = read_back(f, 0);
    assert_int_equal(s.events, count(im, "pages"));
    assert_int_equal(s.last_mark, log.len);
    assert_true(s.events > 1000);
}

/* Going on at a mark: lines before it are counted, not stored, whatever the pieces are. */
static void test_goes_on(void **state) {
    struct fixture *f = *state;
    BUF_AUTO log = {0};
    add_pages(&log, 100);
    uint64_t done = log.len;
    add_pages(&log, 50);
    size_t half = 0;
    for (int lines = 0; lines < 40; lines++)
        half = span_find(buf_span(&log), '\n', half) + 1;
    CLEANUP(import_freep) struct import *im = open_at(f, done);
    assert_int_equal(import_piece(im, 0, span_head(buf_span(&log), half), NULL), 0);
    assert_int_equal(import_flush(im, NULL), 0);
    assert_int_equal(read_back(f, 0).marks, 0);
    assert_int_equal(import_piece(im, half, span_from(buf_span(&log), half), NULL), 0);
    assert_int_equal(import_flush(im, NULL), 0);
    struct stored s = read_back(f, 0);
    assert_int_equal(s.events, 50);
    assert_true(s.in_order);
    assert_int_equal(count(im, "pages"), 150);
    assert_int_equal(s.last_mark, log.len);
}

static void test_refuses(void **state) {
    struct fixture *f = *state;
    struct err err = {0};
    CLEANUP(import_freep) struct import *im = open_at(f, 0);
    assert_int_equal(import_piece(im, 5, SPAN_LIT("x\n"), &err), ERR_INVALID);
    assert_int_equal(import_piece(im, 0, SPAN_LIT("x\n"), &err), 0);
    assert_int_equal(import_piece(im, 0, SPAN_LIT("x\n"), &err), ERR_INVALID);
    assert_int_equal(import_at(im), 2);
    struct import *none = NULL;
    struct import_options o = {.sieve = f->sieve,
                               .journal = f->journal,
                               .policies = f->board,
                               .site = f->site,
                               .format = SPAN_LIT("nginx")};
    assert_int_equal(import_open(&o, &none, &err), ERR_INVALID);
    o.format = SPAN_LIT("common");
    o.site = 99;
    assert_int_equal(import_open(&o, &none, &err), ERR_NOT_FOUND);
}

/* After a commit that failed nothing more is sent: a later mark would hide the lines that are
 * missing. */
static void test_failed_commit_ends_it(void **state) {
    struct fixture *f = *state;
    struct err err = {0};
    BUF_AUTO log = {0};
    add_pages(&log, 3);
    struct span bytes = buf_span(&log);
    CLEANUP(import_freep) struct import *im = open_at(f, 0);
    assert_int_equal(import_piece(im, 0, bytes, &err), 0);
    assert_int_equal(import_flush(im, &err), 0);
    failing = true;
    int rc = import_piece(im, bytes.len, bytes, &err);
    if (rc == 0)
        rc = import_flush(im, &err);
    assert_int_equal(rc, ERR_IO);
    failing = false;
    assert_int_equal(import_piece(im, import_at(im), bytes, &err), ERR_IO);
    assert_int_equal(import_flush(im, &err), ERR_IO);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_order_over_lanes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_frames, setup, teardown),
        cmocka_unit_test_setup_teardown(test_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refuses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failed_commit_ends_it, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
