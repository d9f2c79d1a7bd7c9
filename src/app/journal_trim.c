#include "journal_trim.h"

#include <stdlib.h>

#include "log.h"
#include "record.h"
#include "withdrawals.h"

enum { DAY_MS = 86400000, OVER_EVERYWHERE_DAYS = 2 };

struct trim {
    const struct store_view *view;
    const struct policy_set *policies;
    const struct control_open_import *open_imports;
    size_t open_import_count;
    struct withdrawals withdrawn;
    struct cursor applied; /* what lies before it is in the store, and in the diary for good */
    int32_t today;
    struct cursor at;         /* of the frame at hand */
    struct cursor first_live; /* the first frame somebody still needs; 0: none met */
};

/* What a removed site still sent is nobody's. */
static bool is_orphan(const struct trim *t, const struct event *e) {
    return !policy_by_id(t->policies, e->site) && e->day < t->today - OVER_EVERYWHERE_DAYS;
}

/* The diary has it; but it stays beside its event until the day is sealed, unless nobody may know. */
static bool is_written_down(const struct trim *t, const struct record_known *k) {
    return cursor_before(t->at, t->applied) &&
           (store_view_holds(t->view, k->site, k->day, t->at) ||
            !policy_by_id(t->policies, k->site) || k->day < t->today - OVER_EVERYWHERE_DAYS ||
            withdrawals_follow(&t->withdrawn, k, t->at));
}

/* A withdrawal goes with or after all that it takes back: what lies before it in the journal was
 * erased before, segment by segment. */
static bool is_done(void *arg, const struct record *r) {
    const struct trim *t = arg;
    switch (r->type) {
    case RECORD_EVENT:
        return store_view_holds(t->view, r->event.site, r->event.day, t->at) ||
               is_orphan(t, &r->event);
    case RECORD_KNOWN:
        return is_written_down(t, &r->known);
    case RECORD_FORGET:
        return cursor_before(t->at, t->applied);
    default:
        return false;
    }
}

/* A mark says how far an import came: needed until it has ended. */
static bool is_needed(const struct trim *t, const struct record *r) {
    if (r->type == RECORD_EVENT)
        return true;
    if (r->type == RECORD_KNOWN || r->type == RECORD_FORGET)
        return !cursor_before(t->at, t->applied);
    for (size_t i = 0; r->type == RECORD_IMPORT_MARK && i < t->open_import_count; i++)
        if (t->open_imports[i].id == r->import_mark.import)
            return true;
    return false;
}

static enum journal_verdict judge(void *arg, struct cursor at, char *frame, size_t len) {
    struct trim *t = arg;
    t->at = at;
    int erased = record_erase(frame, len, is_done, t, NULL);
    if (t->first_live.segment == 0) {
        struct span rest = span_of(frame, len);
        struct record r;
        bool live = erased < 0;
        while (!live && record_next(&rest, &r, NULL) == 1)
            live = is_needed(t, &r);
        if (live)
            t->first_live = at;
    }
    return erased > 0 ? JOURNAL_CHANGED : JOURNAL_KEEP;
}

static void trim_release(struct trim *t) {
    withdrawals_release(&t->withdrawn);
}

int journal_trim(struct app *a, struct err *err) {
    struct cursor start;
    int rc = journal_rotate(a->journal, &start, err);
    CLEANUP(store_view_closep) struct store_view *view = NULL;
    if (rc < 0 || (rc = store_view_open(a->store, &view, err)) < 0)
        return rc;
    CLEANUP(policy_set_unrefp) struct policy_set *set = policy_board_get(a->policies);
    struct control_open_import *open_imports = NULL;
    CLEANUP(trim_release)
    struct trim t = {.view = view,
                     .policies = set,
                     .applied = store_cursor(a->store),
                     .today = (int32_t)(clock_wall_ms(a->clock) / DAY_MS)};
    if (known_is_there(a->known) &&
        (rc = withdrawals_find(a->journal, start, t.applied, &t.withdrawn, err)) < 0)
        return rc;
    if ((rc = control_imports_open(a->control, &open_imports, &t.open_import_count, err)) < 0)
        return rc;
    CLEANUP(free_charp) char *owned = (char *)open_imports;
    t.open_imports = open_imports;
    struct journal_redaction done = {0};
    if ((rc = journal_redact(a->journal, start, judge, &t, &done, err)) < 0)
        return rc;
    if (done.bytes_blanked)
        log_warn("journal: blanked %llu bytes that did not verify",
                 (unsigned long long)done.bytes_blanked);
    return journal_release(a->journal, t.first_live.segment ? t.first_live : start, err);
}
