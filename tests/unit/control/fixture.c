#include "fixture.h"

void open_control(struct fixture *f) {
    struct err err;
    assert_int_equal(control_open(f->path, f->keys, &f->clock.clock, f->board, &f->control, &err),
                     0);
}

int setup(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));
    assert_int_equal(crypt_init(), 0);
    (void)snprintf(f->dir, sizeof(f->dir), "/tmp/tamis-control-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    (void)snprintf(f->path, sizeof(f->path), "%s/control.db", f->dir);
    (void)snprintf(f->keys, sizeof(f->keys), "%s/keys", f->dir);
    (void)snprintf(f->key_file, sizeof(f->key_file), "%s/address-blocks", f->keys);
    fake_clock_init(&f->clock, 1700000000000);
    f->board = policy_board_new();
    open_control(f);
    *state = f;
    return 0;
}

int teardown(void **state) {
    struct fixture *f = *state;
    control_close(f->control);
    policy_board_free(f->board);
    (void)unlink(f->path);
    (void)unlink(f->key_file);
    (void)rmdir(f->keys);
    (void)rmdir(f->dir);
    free(f);
    return 0;
}
