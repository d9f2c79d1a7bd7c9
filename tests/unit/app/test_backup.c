/* The manifest, copies of files, and what clients leave open. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup_sweep.h"
#include "buf.h"
#include "crypt.h"
#include "file_copy.h"
#include "leases.h"
#include "manifest.h"
#include "os.h"

static int setup(void **state) {
    char *dir = strdup("/tmp/tamis-backup-XXXXXX");
    assert_int_equal(crypt_init(), 0);
    assert_non_null(mkdtemp(dir));
    *state = dir;
    return 0;
}

static int teardown(void **state) {
    char command[80];
    (void)snprintf(command, sizeof(command), "rm -r %s", (char *)*state);
    assert_int_equal(system(command), 0);
    free(*state);
    return 0;
}

/* --- the manifest -------------------------------------------------------------------------------
 */

static void write_manifest(const char *dir) {
    static const char *const paths[] = {"sealed/1/2026-03/2026-03-09.5.event.parquet", "control.db",
                                        "journal/00000000000000000007.seg"};
    struct manifest m = {.made_ms = 1773140400000, .version = "1.2"};
    struct err err = {0};
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        uint8_t digest[CRYPT_DIGEST_BYTES];
        crypt_digest(span_str(paths[i]), digest);
        assert_int_equal(manifest_add(&m, paths[i], 100 + i, digest, NULL, &err), 0);
    }
    assert_int_equal(manifest_write(dir, &m, &err), 0);
    manifest_release(&m);
}

static void a_manifest_reads_as_it_was_written(void **state) {
    const char *dir = *state;
    struct manifest m = {0};
    struct err err = {0};
    assert_int_equal(manifest_read(dir, &m, &err), ERR_NOT_FOUND);
    write_manifest(dir);
    assert_int_equal(manifest_read(dir, &m, &err), 0);
    assert_int_equal(m.count, 3);
    assert_int_equal(m.made_ms, 1773140400000);
    assert_string_equal(m.version, "1.2");
    const struct manifest_file *f =
        manifest_find(&m, "sealed/1/2026-03/2026-03-09.5.event.parquet");
    assert_non_null(f);
    assert_int_equal(f->bytes, 100);
    assert_string_equal(f->path, f->file);
    assert_null(manifest_find(&m, "control.db")); /* its name has its digest */
    for (size_t i = 0; i < m.count; i++)
        assert_ptr_equal(manifest_find(&m, m.files[i].file), &m.files[i]);
    manifest_release(&m);
}

static void no_byte_of_a_manifest_changes_unnoticed(void **state) {
    const char *dir = *state;
    struct err err = {0};
    write_manifest(dir);
    CLEANUP(free_charp) char *path = path_join(dir, "manifest.json");
    BUF_AUTO text = {0};
    assert_int_equal(os_read_file(&os_system, path, 1 << 20, &text, &err), 0);
    int fd = open(path, O_RDWR);
    for (size_t i = 0; i < text.len; i++)
        for (int bit = 0; bit < 8; bit++) {
            struct manifest m = {0};
            char changed = (char)(text.data[i] ^ (1 << bit));
            assert_int_equal(pwrite(fd, &changed, 1, (off_t)i), 1);
            if (manifest_read(dir, &m, &err) != ERR_CORRUPT)
                fail_msg("byte %zu, bit %d", i, bit);
            assert_int_equal(pwrite(fd, text.data + i, 1, (off_t)i), 1);
        }
    for (size_t len = 0; len < text.len; len++) {
        struct manifest m = {0};
        assert_int_equal(ftruncate(fd, (off_t)len), 0);
        assert_int_equal(manifest_read(dir, &m, &err), ERR_CORRUPT);
        assert_int_equal(pwrite(fd, text.data, text.len, 0), text.len);
    }
    (void)close(fd);
}

/* Somebody else's manifest, whose digests are right, must not make us write elsewhere. */
static void a_path_out_of_the_folder_is_refused(void **state) {
    static const char *const bad[] = {"sealed/../../x", "/etc/passwd", "keys/salt",
                                      "sealed/.hidden", "sealed//x",   "..",
                                      "control.db-wal"};
    const char *dir = *state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct manifest m = {0}, read = {0};
        struct err err = {0};
        uint8_t digest[CRYPT_DIGEST_BYTES] = {0};
        assert_int_equal(manifest_add(&m, bad[i], 1, digest, NULL, &err), 0);
        assert_int_equal(manifest_write(dir, &m, &err), 0);
        if (manifest_read(dir, &read, &err) != ERR_CORRUPT)
            fail_msg("%s", bad[i]);
        manifest_release(&m);
    }
}

/* --- files --------------------------------------------------------------------------------------
 */

static void a_copy_is_checked(void **state) {
    const char *dir = *state;
    struct err err = {0};
    CLEANUP(free_charp) char *from = path_join(dir, "from");
    CLEANUP(free_charp) char *to = path_join(dir, "a/b/to");
    const struct span text = SPAN_LIT("some bytes and some more");
    assert_int_equal(os_replace_file(&os_system, from, text, 0600, &err), 0);
    assert_int_equal(file_make_folders(dir, "a/b/to", &err), 0);
    int fd = open(from, O_RDONLY);
    uint8_t read[CRYPT_DIGEST_BYTES], is[CRYPT_DIGEST_BYTES];
    uint64_t bytes = 0;
    assert_int_equal(file_digest(fd, &bytes, is, &err), 0);
    assert_int_equal(bytes, text.len);
    assert_int_equal(file_copy(fd, bytes, to, read, &err), 0);
    assert_memory_equal(read, is, sizeof(is));
    assert_int_equal(file_check(to, bytes, is, &err), 1);
    assert_int_equal(file_check(to, bytes - 1, is, &err), 0);
    assert_int_equal(file_check(dir, bytes, is, &err), 0);
    int changed = open(to, O_WRONLY);
    assert_int_equal(pwrite(changed, "S", 1, 0), 1);
    assert_int_equal(file_check(to, bytes, is, &err), 0);
    assert_int_equal(unlink(to), 0);
    assert_int_equal(file_check(to, bytes, is, &err), 0);
    assert_false(file_is_there(to, bytes));
    (void)close(changed);
    (void)close(fd);
}

/* --- old files ----------------------------------------------------------------------------------
 */

static uint64_t swept(const char *dir, const struct manifest *before, const struct manifest *now) {
    uint64_t removed = 0;
    struct err err = {0};
    assert_int_equal(backup_sweep(dir, before, now, &removed, &err), 0);
    return removed;
}

static void old_files_stay_while_somebody_reads(void **state) {
    const char *dir = *state;
    struct manifest before = {0}, now = {0};
    struct err err = {0};
    int first = -1, second = -1;
    CLEANUP(free_charp) char *old = path_join(dir, "sealed/1/2026-03/old");
    CLEANUP(free_charp) char *kept = path_join(dir, "sealed/1/2026-03/kept");
    uint8_t digest[CRYPT_DIGEST_BYTES] = {0};
    assert_int_equal(file_make_folders(dir, "sealed/1/2026-03/old", &err), 0);
    assert_int_equal(os_replace_file(&os_system, old, SPAN_LIT("old"), 0600, &err), 0);
    assert_int_equal(os_replace_file(&os_system, kept, SPAN_LIT("kept"), 0600, &err), 0);
    assert_int_equal(manifest_add(&before, "sealed/1/2026-03/old", 3, digest, NULL, &err), 0);
    assert_int_equal(manifest_add(&now, "sealed/1/2026-03/kept", 4, digest, NULL, &err), 0);
    assert_int_equal(backup_hold(dir, &first, &err), 0);
    assert_int_equal(backup_hold(dir, &second, &err), 0);
    assert_int_equal(swept(dir, &before, &now), 0);
    (void)close(first);
    assert_int_equal(swept(dir, &before, &now), 0);
    assert_true(file_is_there(old, 3));
    (void)close(second);
    assert_int_equal(swept(dir, &before, &now), 1);
    assert_false(file_is_there(old, 3));
    assert_true(file_is_there(kept, 4));
    manifest_release(&before);
    manifest_release(&now);
}

/* --- leases -------------------------------------------------------------------------------------
 */

static void let_go(void *thing) {
    ++*(int *)thing;
}

static void a_lease_ends_once(void **state) {
    struct leases *l = leases_new();
    struct err err = {0};
    int gone[3] = {0};
    uint64_t a, b, c;
    void *thing;
    assert_int_equal(leases_keep(l, LEASE_BACKUP, &gone[0], let_go, &a, &err), 0);
    assert_int_equal(leases_keep(l, LEASE_EXPORT, &gone[1], let_go, &b, &err), 0);
    assert_int_equal(leases_take(l, LEASE_EXPORT, a, &thing, &err), ERR_NOT_FOUND);
    assert_int_equal(leases_take(l, LEASE_BACKUP, a, &thing, &err), 0);
    assert_ptr_equal(thing, &gone[0]);
    leases_give(l, a, false);
    assert_int_equal(leases_turn(l, LEASE_BACKUP, &err), 0); /* another client */
    assert_int_equal(gone[0], 1);
    assert_int_equal(leases_take(l, LEASE_BACKUP, a, &thing, &err), ERR_NOT_FOUND);
    assert_int_equal(leases_keep(l, LEASE_BACKUP, &gone[2], let_go, &c, &err), 0);
    leases_turn_end(l);
    assert_int_equal(leases_take(l, LEASE_EXPORT, b, &thing, &err), 0);
    leases_give(l, b, true);
    assert_int_equal(gone[1], 1);
    leases_expire(l); /* used just now */
    assert_int_equal(gone[2], 0);
    leases_free(l);
    assert_int_equal(gone[2], 1);
}

static void *wait_for_a_turn(void *arg) {
    struct err err = {0};
    int rc = leases_turn(arg, LEASE_BACKUP, &err);
    if (rc == 0)
        leases_turn_end(arg);
    return (void *)(intptr_t)rc;
}

static void the_latest_who_asked_has_the_turn(void **state) {
    struct leases *l = leases_new();
    struct err err = {0};
    pthread_t waiting[2];
    void *result;
    assert_int_equal(leases_turn(l, LEASE_BACKUP, &err), 0);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&waiting[i], NULL, wait_for_a_turn, l), 0);
    /* Whichever asked first gives up while the turn is still taken. */
    size_t ended = 0;
    while (pthread_tryjoin_np(waiting[ended], &result) != 0)
        ended ^= 1;
    assert_int_equal((intptr_t)result, ERR_BUSY);
    leases_turn_end(l);
    assert_int_equal(pthread_join(waiting[ended ^ 1], &result), 0);
    assert_int_equal((intptr_t)result, 0);
    leases_free(l);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_manifest_reads_as_it_was_written, setup, teardown),
        cmocka_unit_test_setup_teardown(no_byte_of_a_manifest_changes_unnoticed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_path_out_of_the_folder_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_copy_is_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(old_files_stay_while_somebody_reads, setup, teardown),
        cmocka_unit_test(a_lease_ends_once),
        cmocka_unit_test(the_latest_who_asked_has_the_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
