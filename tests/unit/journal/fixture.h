/* fixture.h — a folder and a journal in it for each test. */
#ifndef TAMIS_TEST_JOURNAL_FIXTURE_H
#define TAMIS_TEST_JOURNAL_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "journal.h"
#include "segment.h"

struct fixture {
    char dir[128];
    struct journal_options options; /* small segments */
    struct journal *j;
};

/* cmocka's; *state becomes the fixture, its journal not open yet. */
int setup(void **state);
int teardown(void **state);
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

void open_journal(struct fixture *f);
void close_journal(struct fixture *f);
void append(struct fixture *f, const char *text);

/* All frames after `from`, joined by commas; each ERR_CORRUPT as "!". Caller frees. */
char *read_joined(struct fixture *f, struct cursor from, size_t most);
void assert_frames(struct fixture *f, const char *want);

/* Caller frees. */
char *segment_path(struct fixture *f, uint64_t number, const char *suffix);
bool exists(struct fixture *f, uint64_t number, const char *suffix);

/* Change the file behind the journal's back. */
void patch(struct fixture *f, uint64_t number, off_t at, struct span bytes);
void cut(struct fixture *f, uint64_t number, off_t size);

#endif
