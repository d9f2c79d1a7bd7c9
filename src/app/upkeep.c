#include "upkeep.h"

#include <stdlib.h>

#include "civil.h"
#include "log.h"
#include "sealed.h"

void upkeep_fill_record(struct part_record *r, const struct seal_result *done) {
    static const enum part_kind kinds[SEAL_KINDS] = {
        [SEAL_EVENT] = PART_EVENT, [SEAL_VISIT] = PART_VISIT, [SEAL_ROLL] = PART_ROLL};
    for (unsigned k = 0; k < SEAL_KINDS; k++) {
        const struct seal_file *from = &done->files[k];
        struct part_file *to = &r->files[kinds[k]];
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

int upkeep_run(struct app *a, struct err *err) {
    struct part_record *parts = NULL;
    size_t count = 0;
    int rc = control_parts(a->control, &parts, &count, err);
    if (rc < 0)
        return rc;
    CLEANUP(free_charp) char *owned = (char *)parts;
    CLEANUP(policy_set_unrefp) struct policy_set *set = policy_board_get(a->policies);
    return age_parts(a, set, parts, count, err);
}

void upkeep_lock(struct app *a) {
    (void)pthread_mutex_lock(&a->upkeep);
}

void upkeep_unlock(struct app *a) {
    (void)pthread_mutex_unlock(&a->upkeep);
}
