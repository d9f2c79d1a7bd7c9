#include "erase.h"

#include <stdlib.h>

#include "civil.h"
#include "drain.h"
#include "imports.h"
#include "record.h"
#include "sealed.h"
#include "upkeep.h"

enum { CATCH_UP_MS = 10 * 60 * 1000 };

/* --- sealed parts -------------------------------------------------------------------------------
 */

static bool goes_whole(const struct erasure *e, const struct part_record *r) {
    return e->path.len == 0 && (!e->has_before || r->to_day < e->before);
}

static void count_files(const struct part_record *r, struct erased *ret) {
    for (unsigned k = 0; k < PART_KINDS; k++) {
        if (!r->files[k].path[0])
            continue;
        ret->files++;
        ret->bytes += r->files[k].bytes;
        ret->rows += r->files[k].rows;
    }
}

/* The part's roll-ups must go too when its rows can no longer be told apart by page. */
static int without_rows(const struct part_record *r, struct err *err) {
    char day[CIVIL_TEXT];
    civil_format(r->to_day, day);
    return err_set(err, ERR_UNSUPPORTED,
                   "the raw rows up to %s are gone, so that their roll-ups cannot be made again:"
                   " erase days before the one after it as a whole",
                   day);
}

static int rewrite_part(struct app *a, const struct erasure *e, const struct part_record *r,
                        struct erased *ret, struct err *err) {
    struct part_record next = *r;
    struct rewrite_job job = {.os = &os_system,
                              .root = a->sealed_root,
                              .site = r->site,
                              .day = r->from_day,
                              .month = r->from_day != r->to_day,
                              .before = e->has_before ? e->before : INT32_MAX,
                              .page = e->path};
    struct rewrite_result done = {0};
    if (!r->files[PART_EVENT].path[0] || !r->files[PART_VISIT].path[0])
        return without_rows(r, err);
    upkeep_inputs(r, &job.input);
    int rc = control_part_begin(a->control, r->site, r->from_day, r->to_day, &job.part, err);
    if (rc < 0 || (rc = store_rewrite(a->store, &job, &done, err)) < 0 || done.events_dropped == 0)
        return rc;
    if (done.part.visits == 0) {
        rc = control_parts_forget(a->control, &r->id, 1, err);
    } else {
        next.id = job.part;
        upkeep_fill_record(&next, &done.part);
        rc = control_part_record(a->control, &next, &r->id, 1, err);
    }
    if (rc >= 0)
        count_files(r, ret);
    return rc;
}

static int erase_part(struct app *a, const struct erasure *e, const struct part_record *r,
                      struct erased *ret, struct err *err) {
    if (e->path.len == 0 && e->has_before && r->from_day >= e->before)
        return 0;
    if (!goes_whole(e, r))
        return rewrite_part(a, e, r, ret, err);
    int rc = control_parts_forget(a->control, &r->id, 1, err);
    if (rc >= 0)
        count_files(r, ret);
    return rc;
}

static int erase_parts(struct app *a, const struct erasure *e, struct erased *ret,
                       struct err *err) {
    struct part_record *parts = NULL;
    size_t count = 0;
    int rc = control_parts(a->control, &parts, &count, err);
    CLEANUP(free_charp) char *owned = (char *)parts;
    for (size_t i = 0; rc >= 0 && i < count; i++)
        if (parts[i].site == e->site)
            rc = erase_part(a, e, &parts[i], ret, err);
    return rc < 0 ? rc : sealed_sync(a, err);
}

/* --- the journal --------------------------------------------------------------------------------
 */

static bool path_matches(struct span pattern, struct span page) {
    if (span_ends(pattern, SPAN_LIT("*")))
        return span_starts(page, span_head(pattern, pattern.len - 1));
    return span_eq(pattern, page);
}

static bool event_goes(void *arg, const struct event *event) {
    const struct erasure *e = arg;
    return event->site == e->site && (!e->has_before || event->day < e->before) &&
           (e->path.len == 0 || path_matches(e->path, event->page));
}

struct blanking {
    const struct erasure *erasure;
    uint64_t events;
};

/* The diary knows no pages. A withdrawal only goes with all that it could be of. */
static bool visitor_goes(const struct erasure *e, const struct record *r) {
    return r->known.site == e->site && e->path.len == 0 &&
           (!e->has_before || (r->type == RECORD_KNOWN && r->known.day < e->before));
}

static bool record_goes(void *arg, const struct record *r) {
    struct blanking *b = arg;
    if (r->type == RECORD_KNOWN || r->type == RECORD_FORGET)
        return visitor_goes(b->erasure, r);
    if (r->type != RECORD_EVENT || !event_goes((void *)(uintptr_t)b->erasure, &r->event))
        return false;
    b->events++;
    return true;
}

static enum journal_verdict blank(void *arg, struct cursor at, char *frame, size_t len) {
    struct blanking *b = arg;
    (void)at;
    int erased = record_erase(frame, len, record_goes, b, NULL);
    return erased > 0 ? JOURNAL_CHANGED : JOURNAL_KEEP;
}

struct new_start {
    struct app *app;
    const struct erasure *erasure;
};

/* Between two batches of the drain: none is on its way that was read before. */
static int start_over(void *arg, struct err *err) {
    const struct new_start *n = arg;
    struct app *a = n->app;
    const struct erasure *e = n->erasure;
    int rc = e->path.len
                 ? 0
                 : known_erase(a->known, e->site, e->has_before ? e->before : INT32_MAX, err);
    if (rc >= 0)
        rc = store_start_over(a->store, err);
    return rc < 0 ? rc : store_publish(a->store, &(struct store_change){0}, err);
}

static int erase_live(struct app *a, const struct erasure *e, struct erased *ret, struct err *err) {
    struct cursor start;
    struct blanking b = {.erasure = e};
    int rc = journal_rotate(a->journal, &start, err);
    if (rc < 0 || (rc = journal_redact(a->journal, start, blank, &b, NULL, err)) < 0)
        return rc;
    ret->events = b.events;
    struct new_start n = {.app = a, .erasure = e};
    rc = a->drain ? drain_call(a->drain, start_over, &n, err) : start_over(&n, err);
    return rc < 0 ? rc : app_catch_up(a, CATCH_UP_MS, err);
}

/* --- all of it ----------------------------------------------------------------------------------
 */

static int erase_held(struct app *a, const struct erasure *e, struct erased *ret, struct err *err) {
    if (imports_running(a->imports, e->site))
        return err_set(err, ERR_BUSY, "an import of this site is running");
    struct erased done = {0};
    int rc = erase_parts(a, e, &done, err);
    if (rc < 0 || (rc = erase_live(a, e, &done, err)) < 0)
        return rc;
    struct purge purge = {.cause = PURGE_ERASURE,
                          .site = e->site,
                          .from_day = INT32_MIN,
                          .to_day = e->has_before ? e->before - 1 : INT32_MAX,
                          .files = done.files,
                          .bytes = done.bytes,
                          .rows = done.rows + done.events};
    if ((rc = control_purge_log(a->control, &purge, err)) < 0)
        return rc;
    *ret = done;
    return 0;
}

int erase_run(struct app *a, const struct erasure *e, struct erased *ret, struct err *err) {
    upkeep_lock(a);
    imports_hold(a->imports);
    int rc = erase_held(a, e, ret, err);
    imports_let_go(a->imports);
    upkeep_unlock(a);
    return rc;
}

int verb_erase(struct app *a, const json_t *args, struct span body, json_t **ret, struct err *err) {
    CLEANUP(policy_set_unrefp) struct policy_set *set = policy_board_get(a->policies);
    struct span domain = json_span(json_member(args, "site"));
    struct span before = json_span(json_member(args, "before"));
    struct span path = json_span(json_member(args, "path"));
    const struct policy *p = domain.ptr ? app_site(set, domain) : NULL;
    (void)body;
    if (!p)
        return err_set(err, ERR_NOT_FOUND, "no such site");
    struct erasure e = {.site = p->site, .has_before = before.ptr != NULL};
    e.path = path.ptr ? path : SPAN_EMPTY;
    if (e.has_before && !civil_parse(before, &e.before))
        return err_set(err, ERR_INVALID, "before: must be a date such as 2026-01-31");
    if (path.ptr && (path.len == 0 || path.ptr[0] != '/'))
        return err_set(err, ERR_INVALID, "path: must begin with /");
    struct erased done;
    int rc = erase_run(a, &e, &done, err);
    if (rc < 0)
        return rc;
    *ret = json_pack("{s:I, s:I, s:I, s:I}", "files", (json_int_t)done.files, "bytes",
                     (json_int_t)done.bytes, "rows", (json_int_t)done.rows, "events",
                     (json_int_t)done.events);
    return *ret ? 0 : err_set(err, ERR_NOMEM, "out of memory");
}
