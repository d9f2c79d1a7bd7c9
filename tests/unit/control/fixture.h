/* fixture.h — a folder and a control plane in it for each test. */
#ifndef TAMIS_TEST_CONTROL_FIXTURE_H
#define TAMIS_TEST_CONTROL_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "control.h"
#include "crypt.h"

struct fixture {
    char dir[64], path[96], keys[96],
        key_file[128]; /* the last two are made when they are needed */
    struct fake_clock clock;
    struct policy_board *board;
    struct control *control;
};

/* cmocka's; *state becomes the fixture. */
int setup(void **state);
int teardown(void **state);

/* Again, after it was closed. */
void open_control(struct fixture *f);

#endif
