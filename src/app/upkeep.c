#include "upkeep.h"

#include <stdlib.h>

#include "civil.h"
#include "imports.h"
#include "log.h"
#include "sealed.h"

enum {
    CATCH_UP_MS = 60000,
    FORGOTTEN_IMPORT_MS = 24 * 60 * 60 * 1000,
    AGE_DIARY_EVERY_MS = 6 * 60 * 60 * 1000,
};

static const enum part_kind record_kinds[SEAL_KINDS] = {
    [SEAL_EVENT] = PART_EVENT, [SEAL_VISIT] = PART_VISIT, [SEAL_ROLL] = PART_ROLL};

void upkeep_inputs(const struct part_record *r, struct seal_input *ret) {
    for (unsigned k = 0; k < SEAL_KINDS; k++)
        ret->paths[k] = r->files[record_kinds[k]].path;
}

void upkeep_fill_record(struct part_record *r, const struct seal_result *done) {
    for (unsigned k = 0; k < SEAL_KINDS; k++) {
        const struct seal_file *from = &done->files[k];
        struct part_file *to = &r->files[record_kinds[k]];
        _Static_assert(sizeof(from->path) <= sizeof(to->path), "a path fits the record");
        _Static_assert(sizeof(from->digest) == sizeof(to->digest), "a digest fits the record");
        memcpy(to->path, from->path, sizeof(from->path));
        memcpy(to->digest, from->digest, sizeof(to->digest));
        to->rows = from->rows;
        to->bytes = from->bytes;
    }
}

/* --- retention ----------------------------------------------------------------------------------
 */

static void add_files(struct purge *p, const struct part_record *r, enum part_kind from,
                      enum part_kind to) {
    for (unsigned k = from; k <= to; k++) {
        if (!r->files[k].path[0])
            continue;
        p->files++;
        p->bytes += r->files[k].bytes;
        p->rows += r->files[k].rows;
    }
}

static bool has_raw(const struct part_record *r) {
    return r->files[PART_EVENT].path[0] || r->files[PART_VISIT].path[0];
}

/* What became of one part: 1: it was changed, 0: it stays as it is. */
static int age_part(struct app *a, const struct policy *policy, const struct part_record *r,
                    struct err *err) {
    int32_t today = zone_to_local(policy->zone, clock_wall_ms(a->clock)).day;
    struct purge purge = {
        .cause = PURGE_RETENTION, .site = r->site, .from_day = r->from_day, .to_day = r->to_day};
    bool all =
        policy->roll_months && r->to_day < civil_add_months(today, -(int)policy->roll_months);
    bool raw = has_raw(r) && r->from_day < civil_add_months(today, -(int)policy->raw_months);
    if (!all && !raw)
        return 0;
    add_files(&purge, r, PART_EVENT, all ? PART_ROLL : PART_VISIT);
    int rc = control_purge_log(a->control, &purge, err);
    if (rc >= 0)
        rc = all ? control_parts_forget(a->control, &r->id, 1, err)
                 : control_part_forget_raw(a->control, r->id, err);
    return rc < 0 ? rc : 1;
}

/* A part whose site was removed, but not its data: the erasure was cut off. */
static int drop_orphan(struct app *a, const struct part_record *r, struct err *err) {
    struct purge purge = {
        .cause = PURGE_ERASURE, .site = r->site, .from_day = r->from_day, .to_day = r->to_day};
    add_files(&purge, r, PART_EVENT, PART_ROLL);
    int rc = control_purge_log(a->control, &purge, err);
    if (rc >= 0)
        rc = control_parts_forget(a->control, &r->id, 1, err);
    return rc < 0 ? rc : 1;
}

static int age_parts(struct app *a, const struct policy_set *set, const struct part_record *parts,
                     size_t count, struct err *err) {
    int changed = 0;
    for (size_t i = 0; i < count; i++) {
        const struct policy *p = policy_by_id(set, parts[i].site);
        int rc = p ? age_part(a, p, &parts[i], err) : drop_orphan(a, &parts[i], err);
        if (rc < 0)
            return rc;
        changed |= rc;
    }
    if (!changed)
        return 0;
    counters_add(&a->counters, COUNT_PURGES, 1);
    return sealed_sync(a, err);
}

static int age_all(struct app *a, const struct policy_set *set, struct err *err) {
    struct part_record *parts = NULL;
    size_t count = 0;
    int rc = control_parts(a->control, &parts, &count, err);
    CLEANUP(free_charp) char *owned = (char *)parts;
    return rc < 0 ? rc : age_parts(a, set, parts, count, err);
}

/* --- compaction ---------------------------------------------------------------------------------
 */

/* Parts of one site and month that could become one. */
struct month {
    const struct part_record *parts;
    size_t count;
    int32_t first_day;
};

static bool same_month(const struct part_record *p, const struct part_record *q) {
    return p->site == q->site && civil_month_start(p->from_day) == civil_month_start(q->from_day);
}

static bool is_whole(const struct part_record *r) {
    for (unsigned k = 0; k < PART_KINDS; k++)
        if (!r->files[k].path[0])
            return false;
    return true;
}

static bool can_compact(struct app *a, const struct policy_set *set, const struct month *m,
                        const struct store_day *hot, size_t hot_count) {
    const struct policy *p = policy_by_id(set, m->parts[0].site);
    if (!p || m->count < 2 || imports_running(a->imports, p->site))
        return false;
    int32_t today = zone_to_local(p->zone, clock_wall_ms(a->clock)).day;
    if (m->first_day >= civil_month_start(today))
        return false;
    for (size_t i = 0; i < m->count; i++)
        if (!is_whole(&m->parts[i]))
            return false;
    for (size_t i = 0; i < hot_count; i++)
        if (hot[i].site == p->site && civil_month_start(hot[i].day) == m->first_day)
            return false;
    return true;
}

/* `until`: the drain has come so far, and nothing of the month is left in the hot tables. */
static int compact(struct app *a, const struct month *m, struct cursor until, struct err *err) {
    const struct part_record *last = &m->parts[m->count - 1];
    struct part_record r = {.site = last->site, .from_day = m->parts[0].from_day, .until = until};
    CLEANUP(free_charp) char *memory = calloc(m->count, sizeof(struct seal_input));
    CLEANUP(free_charp) char *id_memory = calloc(m->count, sizeof(uint32_t));
    struct seal_input *inputs = (struct seal_input *)(void *)memory;
    uint32_t *ids = (uint32_t *)(void *)id_memory;
    if (!inputs || !ids)
        return err_set(err, ERR_NOMEM, "no memory for a list of parts");
    for (size_t i = 0; i < m->count; i++) {
        const struct part_record *p = &m->parts[i];
        upkeep_inputs(p, &inputs[i]);
        ids[i] = p->id;
        r.to_day = p->to_day > r.to_day || i == 0 ? p->to_day : r.to_day;
        r.visits = p->visits > r.visits ? p->visits : r.visits;
        r.persons = p->persons > r.persons ? p->persons : r.persons;
    }
    int rc = control_part_begin(a->control, r.site, r.from_day, r.to_day, &r.id, err);
    if (rc < 0)
        return rc;
    struct compact_job job = {.os = &os_system,
                              .root = a->sealed_root,
                              .site = r.site,
                              .day = m->first_day,
                              .part = r.id,
                              .inputs = inputs,
                              .input_count = m->count};
    struct seal_result done = {0};
    if ((rc = store_compact(a->store, &job, &done, err)) < 0)
        return rc;
    upkeep_fill_record(&r, &done);
    if ((rc = control_part_record(a->control, &r, ids, m->count, err)) < 0)
        return rc;
    counters_add(&a->counters, COUNT_MONTHS_COMPACTED, 1);
    return sealed_sync(a, err);
}

/* Parts are sorted by site and day; a month's parts follow one another. */
static int compact_parts(struct app *a, const struct policy_set *set,
                         const struct part_record *parts, size_t count, struct err *err) {
    int rc = app_catch_up(a, CATCH_UP_MS, err);
    struct store_day *hot = NULL;
    size_t hot_count = 0;
    struct cursor until = store_cursor(a->store);
    if (rc < 0 || (rc = store_hot_days(a->store, &hot, &hot_count, err)) < 0)
        return rc;
    CLEANUP(free_charp) char *owned = (char *)hot;
    for (size_t i = 0, end; rc >= 0 && i < count; i = end) {
        for (end = i + 1; end < count && same_month(&parts[i], &parts[end]); end++)
            ;
        struct month m = {.parts = &parts[i],
                          .count = end - i,
                          .first_day = civil_month_start(parts[i].from_day)};
        if (can_compact(a, set, &m, hot, hot_count))
            rc = compact(a, &m, until, err);
    }
    return rc;
}

static bool something_to_compact(const struct app *a, const struct policy_set *set,
                                 const struct part_record *parts, size_t count) {
    for (size_t i = 1; i < count; i++) {
        const struct policy *p = policy_by_id(set, parts[i].site);
        if (p && same_month(&parts[i - 1], &parts[i]) &&
            civil_month_start(parts[i].from_day) <
                civil_month_start(zone_to_local(p->zone, clock_wall_ms(a->clock)).day))
            return true;
    }
    return false;
}

static int compact_all(struct app *a, const struct policy_set *set, struct err *err) {
    struct part_record *parts = NULL;
    size_t count = 0;
    int rc = control_parts(a->control, &parts, &count, err);
    CLEANUP(free_charp) char *owned = (char *)parts;
    if (rc < 0 || !something_to_compact(a, set, parts, count))
        return rc;
    imports_hold(a->imports);
    rc = compact_parts(a, set, parts, count, err);
    imports_let_go(a->imports);
    return rc;
}

/* --- imports that nobody goes on with ------------------------------------------------------------
 */

/* No identity outlives its day because a command was killed. The import can still be gone on with:
 * visitors on either side of the break then count as different ones. */
static int end_forgotten_imports(struct app *a, struct err *err) {
    struct control_open_import *open = NULL;
    size_t count = 0;
    int rc = a->sieve ? control_imports_open(a->control, &open, &count, err) : 0;
    CLEANUP(free_charp) char *owned = (char *)open;
    for (size_t i = 0; rc >= 0 && i < count; i++)
        if (clock_wall_ms(a->clock) - open[i].begun_ms > FORGOTTEN_IMPORT_MS &&
            !imports_running_id(a->imports, open[i].id))
            rc = sieve_import_end(a->sieve, open[i].id, err);
    return rc;
}

/* --- known visitors ------------------------------------------------------------------------------
 */

/* The diary is read through from end to end, so not at each round. A key whose site was removed is of
 * no use to anybody. */
static int age_diary(struct app *a, const struct policy_set *set, struct err *err) {
    int64_t now = clock_wall_ms(a->clock) / AGE_DIARY_EVERY_MS;
    uint64_t gone = 0;
    int rc = a->sieve ? sieve_wipe_removed(a->sieve, set, err) : 0;
    if (rc < 0 || now == a->aged_at || (rc = known_age(a->known, set, &gone, err)) < 0)
        return rc;
    counters_add(&a->counters, COUNT_VISITORS_AGED, gone);
    a->aged_at = now;
    return 0;
}

int upkeep_run(struct app *a, struct err *err) {
    CLEANUP(policy_set_unrefp) struct policy_set *set = policy_board_get(a->policies);
    int rc = end_forgotten_imports(a, err);
    if (rc >= 0)
        rc = age_diary(a, set, err);
    if (rc >= 0)
        rc = compact_all(a, set, err);
    return rc < 0 ? rc : age_all(a, set, err);
}

void upkeep_lock(struct app *a) {
    (void)pthread_mutex_lock(&a->upkeep);
}

void upkeep_unlock(struct app *a) {
    (void)pthread_mutex_unlock(&a->upkeep);
}
