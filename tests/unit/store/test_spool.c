/* Streams written in turns against buffers that hold the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
/* after those */
#include <cmocka.h>

#include "spool.h"

enum { STREAMS = 5, ADDS = 3000 };

static void add_in_turns(struct spool *s, struct buf *model, unsigned *seed) {
    char piece[100];
    for (size_t i = 0; i < ADDS; i++) {
        size_t stream = (size_t)rand_r(seed) % STREAMS;
        size_t len = (size_t)rand_r(seed) % sizeof(piece);
        memset(piece, 'a' + (int)(i % 26), len);
        assert_int_equal(spool_add(s, stream, span_of(piece, len), NULL), 0);
        buf_add(&model[stream], span_of(piece, len));
    }
}

static void gives_back_what_was_added(void **state) {
    (void)state;
    static const size_t blocks[] = {1, 64, 5000, SIZE_MAX};
    char dir[] = "/tmp/tamis-spool-XXXXXX", path[60];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/rows.tmp", dir);
    unsigned seed = 7;
    for (size_t b = 0; b < ARRAY_LEN(blocks); b++) {
        struct spool *s = NULL;
        struct buf model[STREAMS] = {0}, got = {0};
        assert_int_equal(spool_open(&os_system, path, STREAMS, blocks[b], &s, NULL), 0);
        add_in_turns(s, model, &seed);
        assert_int_equal(access(path, F_OK), -1); /* it has no name */
        for (size_t i = 0; i < STREAMS; i++) {
            assert_int_equal(spool_read(s, i, &got, NULL), 0);
            assert_true(span_eq(buf_span(&got), buf_span(&model[i])));
            buf_release(&model[i]);
        }
        buf_release(&got);
        spool_free(s);
    }
    assert_int_equal(rmdir(dir), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(gives_back_what_was_added)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
