#include "import.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "arena.h"
#include "buf.h"
#include "collect.h"
#include "must.h"
#include "record.h"

enum {
    MOST_LANES = 4,
    LEAST_PART = 64 * 1024,                   /* smaller pieces are not worth another thread */
    CUT_BYTES = 4 * 1024 * 1024,              /* a part's events are cut into runs of about this */
    FRAME_ROOM = JOURNAL_LARGEST_FRAME - 256, /* leaves room for the mark */
    BUSY_TRIES = 1000,
    BUSY_PAUSE_MS = 10,
};

struct tally {
    uint64_t kinds[LOG_LINE_KINDS];
    uint64_t verdicts[SIEVE_VERDICTS];
};

/* Up to here the events may end a frame. */
struct cut {
    size_t records_end;
    uint64_t log_end;
};

/* A share of a piece, worked on by one thread. */
struct part {
    struct import *im;
    struct sieve_lane *lane;
    struct arena arena;
    struct buf records, scratch, cuts; /* cuts: array of struct cut */
    struct span bytes;
    uint64_t log_at;
    struct tally tally;
    int rc;
    struct err err;
};

struct import {
    struct journal *journal;
    struct counters *counters;
    struct policy_set *set;
    const struct policy *policy;
    uint64_t id, done_bytes, at;
    enum log_format format;
    int broken; /* the error that ended it */
    struct tally tally;
    struct part parts[MOST_LANES];
    unsigned part_count;
    struct buf frame;

    pthread_mutex_t lock;
    pthread_cond_t committed;
    bool committing;
    int commit_result;
};

static int part_cut(struct part *p, uint64_t log_end, struct err *err) {
    struct cut cut = {.records_end = p->records.len, .log_end = log_end};
    buf_add(&p->cuts, span_of((const char *)&cut, sizeof(cut)));
    return p->cuts.failed || p->records.failed ? err_set(err, ERR_NOMEM, "out of memory") : 0;
}

static int part_line(struct part *p, struct span line, bool store, struct err *err) {
    struct import *im = p->im;
    struct hit hit;
    enum log_line_kind kind =
        collect_log_line(im->format, line, im->policy->domain, &p->arena, &hit);
    p->tally.kinds[kind]++;
    if (kind != LOG_LINE_PAGE)
        return 0;
    struct event event, search;
    int verdict = sieve_pass(p->lane, im->policy, &hit, &p->arena, &event, err);
    if (verdict < 0)
        return verdict;
    p->tally.verdicts[verdict]++;
    if (verdict != SIEVE_PASS || !store)
        return 0;
    record_add_event(&p->records, &event, &p->scratch);
    int found = sieve_search(p->lane, im->policy, &hit, &event, &p->arena, &search, err);
    if (found > 0)
        record_add_event(&p->records, &search, &p->scratch);
    return found < 0 ? found : 0;
}

static int part_work(struct part *p, struct err *err) {
    struct span rest = p->bytes;
    uint64_t at = p->log_at;
    size_t last_cut = 0;
    while (rest.len > 0) {
        size_t end = span_find(rest, '\n', 0);
        struct span line = span_head(rest, end);
        if (span_ends(line, SPAN_LIT("\r")))
            line.len--;
        arena_clear(&p->arena);
        int rc = part_line(p, line, at >= p->im->done_bytes, err);
        if (rc < 0)
            return rc;
        size_t used = end < rest.len ? end + 1 : end;
        rest = span_from(rest, used);
        at += used;
        if (p->records.len - last_cut >= CUT_BYTES && rest.len > 0) {
            if ((rc = part_cut(p, at, err)) < 0)
                return rc;
            last_cut = p->records.len;
        }
    }
    return part_cut(p, at, err);
}

static void *part_main(void *arg) {
    struct part *p = arg;
    p->rc = part_work(p, &p->err);
    return NULL;
}

static void on_commit(void *arg, int result) {
    struct import *im = arg;
    (void)pthread_mutex_lock(&im->lock);
    im->commit_result = result;
    im->committing = false;
    (void)pthread_cond_signal(&im->committed);
    (void)pthread_mutex_unlock(&im->lock);
}

static int commit_wait(struct import *im, struct err *err) {
    (void)pthread_mutex_lock(&im->lock);
    while (im->committing)
        (void)pthread_cond_wait(&im->committed, &im->lock);
    int rc = im->commit_result;
    (void)pthread_mutex_unlock(&im->lock);
    return rc < 0 ? err_set(err, rc, "journal: commit failed (%s)", err_word(rc)) : 0;
}

/* Visitors come first: while their events fill the journal's room the import waits. */
static int submit_patiently(struct import *im, struct err *err) {
    for (int tries = 0;; tries++) {
        im->committing = true;
        int rc = journal_submit(im->journal, buf_span(&im->frame), on_commit, im, err);
        if (rc == 0)
            return 0;
        im->committing = false;
        if (rc != ERR_BUSY || tries == BUSY_TRIES)
            return rc;
        struct timespec pause = {.tv_nsec = BUSY_PAUSE_MS * 1000000L};
        (void)nanosleep(&pause, NULL);
    }
}

static int frame_send(struct import *im, uint64_t log_end, struct err *err) {
    struct import_mark mark = {.import = im->id, .offset = log_end};
    record_add_import_mark(&im->frame, &mark);
    if (im->frame.failed)
        return err_set(err, ERR_NOMEM, "out of memory");
    int rc = commit_wait(im, err);
    if (rc == 0)
        rc = submit_patiently(im, err);
    buf_clear(&im->frame);
    return rc;
}

/* Puts the parts together, in order, into as few frames as they fit. */
static int parts_send(struct import *im, unsigned used, struct err *err) {
    uint64_t log_end = 0;
    buf_clear(&im->frame);
    for (unsigned i = 0; i < used; i++) {
        const struct part *p = &im->parts[i];
        size_t from = 0;
        for (size_t c = 0; c < p->cuts.len; c += sizeof(struct cut)) {
            struct cut cut;
            memcpy(&cut, p->cuts.data + c, sizeof(cut));
            size_t len = cut.records_end - from;
            if (im->frame.len > 0 && im->frame.len + len > FRAME_ROOM) {
                int rc = frame_send(im, log_end, err);
                if (rc < 0)
                    return rc;
            }
            if (len > 0)
                buf_add(&im->frame, span_of(p->records.data + from, len));
            from = cut.records_end;
            log_end = cut.log_end;
        }
    }
    return log_end > im->done_bytes ? frame_send(im, log_end, err) : 0;
}

/* Where to cut so that the first part has about `want` bytes. */
static size_t line_end_near(struct span bytes, size_t want) {
    size_t end = span_find(bytes, '\n', want < bytes.len ? want : bytes.len);
    return end < bytes.len ? end + 1 : bytes.len;
}

static unsigned parts_split(struct import *im, uint64_t offset, struct span bytes) {
    unsigned used = 0;
    for (unsigned left = im->part_count; bytes.len > 0; left--) {
        struct part *p = &im->parts[used++];
        size_t want = left <= 1 ? bytes.len : bytes.len / left;
        size_t len = line_end_near(bytes, want > LEAST_PART ? want : LEAST_PART);
        p->bytes = span_head(bytes, len);
        p->log_at = offset;
        p->rc = 0;
        buf_clear(&p->records);
        buf_clear(&p->cuts);
        bytes = span_from(bytes, len);
        offset += len;
    }
    return used;
}

static void tally_add(struct tally *sum, struct tally *part) {
    for (size_t k = 0; k < LOG_LINE_KINDS; k++)
        sum->kinds[k] += part->kinds[k];
    for (size_t v = 0; v < SIEVE_VERDICTS; v++)
        sum->verdicts[v] += part->verdicts[v];
    *part = (struct tally){0};
}

static int parts_run(struct import *im, unsigned used, struct err *err) {
    pthread_t threads[MOST_LANES];
    bool started[MOST_LANES] = {false};
    for (unsigned i = 1; i < used; i++)
        started[i] = pthread_create(&threads[i], NULL, part_main, &im->parts[i]) == 0;
    for (unsigned i = 0; i < used; i++) {
        if (started[i])
            (void)pthread_join(threads[i], NULL);
        else
            (void)part_main(&im->parts[i]);
    }
    for (unsigned i = 0; i < used; i++) {
        struct part *p = &im->parts[i];
        if (p->rc < 0) {
            if (err)
                *err = p->err;
            return p->rc;
        }
        tally_add(&im->tally, &p->tally);
    }
    return 0;
}

static int piece_work(struct import *im, uint64_t offset, struct span bytes, struct err *err) {
    unsigned used = parts_split(im, offset, bytes);
    uint64_t lines_before = 0, lines = 0;
    for (size_t k = 0; k < LOG_LINE_KINDS; k++)
        lines_before += im->tally.kinds[k];
    int rc = parts_run(im, used, err);
    if (rc < 0)
        return rc;
    for (size_t k = 0; k < LOG_LINE_KINDS; k++)
        lines += im->tally.kinds[k];
    if (im->counters)
        counters_add(im->counters, COUNT_IMPORT_LINES, lines - lines_before);
    return parts_send(im, used, err);
}

int import_piece(struct import *im, uint64_t offset, struct span bytes, struct err *err) {
    if (im->broken)
        return err_set(err, im->broken, "the import was broken off (%s); start it again",
                       err_word(im->broken));
    if (offset != im->at || bytes.len > IMPORT_MOST_PIECE)
        return err_set(err, ERR_INVALID, "not the next piece of the import");
    int rc = piece_work(im, offset, bytes, err);
    if (rc < 0)
        im->broken = rc;
    else
        im->at += bytes.len;
    return rc;
}

int import_flush(struct import *im, struct err *err) {
    if (im->broken)
        return err_set(err, im->broken, "the import was broken off (%s)", err_word(im->broken));
    int rc = commit_wait(im, err);
    if (rc < 0)
        im->broken = rc;
    return rc;
}

uint64_t import_at(const struct import *im) {
    return im->at;
}

int import_counts(const struct import *im, json_t **ret, struct err *err) {
    const struct tally *t = &im->tally;
    uint64_t lines = 0;
    for (size_t k = 0; k < LOG_LINE_KINDS; k++)
        lines += t->kinds[k];
    JSON_AUTO refused = json_object();
    for (int v = SIEVE_PASS + 1; v < SIEVE_VERDICTS; v++)
        if (v != SIEVE_BOT &&
            json_object_set_new(refused, sieve_verdict_word((enum sieve_verdict)v),
                                json_integer((json_int_t)t->verdicts[v])) < 0)
            return err_set(err, ERR_NOMEM, "out of memory");
    json_t *counts = json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:O}", "lines", (json_int_t)lines, "pages",
        (json_int_t)t->verdicts[SIEVE_PASS], "bots", (json_int_t)t->verdicts[SIEVE_BOT], "assets",
        (json_int_t)t->kinds[LOG_LINE_ASSET], "errors", (json_int_t)t->kinds[LOG_LINE_ERROR],
        "redirects", (json_int_t)t->kinds[LOG_LINE_REDIRECT], "methods",
        (json_int_t)t->kinds[LOG_LINE_METHOD], "broken", (json_int_t)t->kinds[LOG_LINE_BROKEN],
        "refused", refused);
    if (!counts)
        return err_set(err, ERR_NOMEM, "out of memory");
    *ret = counts;
    return 0;
}

static int format_parse(struct span word, enum log_format *ret, struct err *err) {
    if (span_eq(word, SPAN_LIT("combined")))
        *ret = LOG_FORMAT_COMBINED;
    else if (span_eq(word, SPAN_LIT("common")))
        *ret = LOG_FORMAT_COMMON;
    else
        return err_set(err, ERR_INVALID, "format: must be combined or common");
    return 0;
}

static unsigned lanes_for(unsigned wanted) {
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned n = wanted ? wanted : cores > 0 ? (unsigned)cores : 1;
    return n < MOST_LANES ? n : MOST_LANES;
}

int import_open(const struct import_options *o, struct import **ret, struct err *err) {
    enum log_format format = LOG_FORMAT_COMBINED;
    int rc = format_parse(o->format, &format, err);
    if (rc < 0)
        return rc;
    CLEANUP(import_freep) struct import *im = calloc(1, sizeof(*im));
    if (!im)
        return err_set(err, ERR_NOMEM, "out of memory");
    (void)pthread_mutex_init(&im->lock, NULL);
    (void)pthread_cond_init(&im->committed, NULL);
    im->journal = o->journal;
    im->counters = o->counters;
    im->id = o->id;
    im->done_bytes = o->done_bytes;
    im->format = format;
    im->set = policy_board_get(o->policies);
    im->policy = policy_by_id(im->set, o->site);
    if (!im->policy)
        return err_set(err, ERR_NOT_FOUND, "no such site");
    for (unsigned n = lanes_for(o->lanes); im->part_count < n; im->part_count++) {
        struct part *p = &im->parts[im->part_count];
        p->im = im;
        arena_init(&p->arena, 0);
        if ((rc = sieve_lane_new(o->sieve, &p->lane, err)) < 0)
            return rc;
        if ((rc = sieve_lane_import(p->lane, o->id, err)) < 0) {
            sieve_lane_free(p->lane);
            return rc;
        }
    }
    *ret = TAKE_PTR(im);
    return 0;
}

void import_free(struct import *im) {
    if (!im)
        return;
    (void)commit_wait(im, NULL);
    for (unsigned i = 0; i < im->part_count; i++) {
        struct part *p = &im->parts[i];
        sieve_lane_free(p->lane);
        arena_release(&p->arena);
        buf_release(&p->records);
        buf_release(&p->scratch);
        buf_release(&p->cuts);
    }
    buf_release(&im->frame);
    policy_set_unref(im->set);
    (void)pthread_cond_destroy(&im->committed);
    (void)pthread_mutex_destroy(&im->lock);
    free(im);
}
