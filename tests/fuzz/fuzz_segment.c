/* Feeds bytes as a segment file through open, read and redact, and each frame through the record
 * reader and eraser. With the first input byte odd the rest is planted as the payload of a frame
 * that verifies, so that the records are reached; else it is the file as it is. Nothing may crash,
 * what is read must lie within the file, and a second redaction finds nothing to do. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "journal.h"
#include "must.h"
#include "record.h"
#include "segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char dir[] = "/dev/shm/tamis-fuzz-segment";

static int no_sync(const struct os *os, int fd) {
    (void)os;
    (void)fd;
    return 0;
}

static void write_segment(uint64_t number, struct span bytes) {
    char path[128];
    char name[SEGMENT_NAME_BYTES];
    segment_name(number, ".seg", name);
    (void)snprintf(path, sizeof(path), "%s-%d/%s", dir, (int)getpid(), name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    must(fd >= 0);
    must(os_write_full(&os_system, fd, bytes.ptr, bytes.len, 0, NULL) == 0);
    (void)close(fd);
}

/* The payload as the first frame of segment 1, one that verifies. */
static void plant_frame(struct buf *file, struct span payload) {
    for (size_t i = 0; i < SEGMENT_HEADER_BYTES; i++)
        buf_addc(file, 0);
    size_t at = file->len;
    buf_add_u64le(file, 0);
    buf_add(file, payload);
    segment_seal_frame(1, file->data + at, (uint32_t)payload.len);
}

static void read_records(struct span frame) {
    struct record r;
    struct err err;
    while (record_next(&frame, &r, &err) == 1)
        ;
}

static void read_all(struct journal *j, size_t file_bytes) {
    struct cursor at = {0};
    size_t total = 0;
    for (;;) {
        BUF_AUTO bytes = {0};
        struct err err;
        struct cursor before = at;
        struct cursor start;
        int rc = journal_read(j, at, 4096, &bytes, &start, &at, &err);
        must(rc == 0 || rc == ERR_CORRUPT);
        if (rc == 0 && bytes.len == 0)
            return;
        must(cursor_before(before, at));
        total += bytes.len;
        must(total <= file_bytes);
        struct span rest = buf_span(&bytes);
        struct span frame;
        while (journal_next_frame(&rest, &start, &frame))
            read_records(frame);
        must(rest.len == 0);
        must(start.segment == at.segment && start.offset == at.offset);
    }
}

static bool every_event(void *arg, const struct record *r) {
    (void)arg;
    return r->type == RECORD_EVENT;
}

static enum journal_verdict erase(void *arg, struct cursor at, char *frame, size_t len) {
    (void)arg;
    (void)at;
    return record_erase(frame, len, every_event, NULL, NULL) ? JOURNAL_CHANGED : JOURNAL_KEEP;
}

static enum journal_verdict hold_no_event(void *arg, struct cursor at, char *frame, size_t len) {
    int rc = record_erase(frame, len, every_event, NULL, NULL);
    must(rc == 0 || rc == ERR_CORRUPT);
    return JOURNAL_KEEP;
}

static void redact_all(struct journal *j) {
    struct cursor start;
    must(journal_rotate(j, &start, NULL) == 0);
    must(journal_redact(j, start, erase, NULL, NULL, NULL) == 0);
    struct journal_redaction again = {0};
    must(journal_redact(j, start, hold_no_event, NULL, &again, NULL) == 0);
    must(again.rewritten == 0 && again.bytes_blanked == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2)
        return 0;
    char path[64];
    (void)snprintf(path, sizeof(path), "%s-%d", dir, (int)getpid());
    struct os os = os_system;
    os.fdatasync = no_sync;
    os.fsync = no_sync;
    must(os_make_dir(&os, path, NULL) == 0);

    struct span input = span_of((const char *)data + 1, size - 1);
    BUF_AUTO file = {0};
    if (data[0] & 1)
        plant_frame(&file, input);
    else
        buf_add(&file, input);
    write_segment(1, buf_span(&file));
    /* As an older segment too, whose end the next header says: that of a real one, or of the
     * input. */
    if (data[0] & 2)
        write_segment(2, input);

    struct journal_options o = {.os = &os, .clock = &clock_system, .segment_bytes = 4096};
    struct journal *j = NULL;
    struct err err;
    int rc = journal_open(path, &o, &j, &err);
    if (rc == 0) {
        read_all(j, 2 * file.len + size);
        must(journal_append(j, SPAN_LIT("x"), &err) == 0);
        redact_all(j);
        read_all(j, 2 * file.len + size + 64);
        must(journal_release(j, journal_end(j), &err) == 0);
        journal_close(j);
    } else {
        must(rc == ERR_UNSUPPORTED);
    }
    for (uint64_t n = 1; n <= 5; n++) {
        char name[SEGMENT_NAME_BYTES];
        char full[128];
        segment_name(n, ".seg", name);
        (void)snprintf(full, sizeof(full), "%s/%s", path, name);
        (void)unlink(full);
    }
    return 0;
}
