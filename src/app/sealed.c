#include "sealed.h"

#include <stdlib.h>

#include "drain.h"
#include "sealing.h"

static const char *absolute(const struct app *a, struct arena *texts, const struct part_file *f) {
    if (!f->path[0])
        return NULL;
    CLEANUP(free_charp) char *path = path_join(a->sealed_root, f->path);
    return path ? arena_str(texts, span_str(path)) : NULL;
}

static bool show(const struct app *a, struct arena *texts, const struct part_record *r,
                 struct sealed_part *ret) {
    *ret = (struct sealed_part){
        .id = r->id,
        .site = r->site,
        .from_day = r->from_day,
        .to_day = r->to_day,
        .until = r->until,
        .event_path = absolute(a, texts, &r->files[PART_EVENT]),
        .visit_path = absolute(a, texts, &r->files[PART_VISIT]),
        .roll_path = absolute(a, texts, &r->files[PART_ROLL]),
        .event_rows = r->files[PART_EVENT].rows,
        .visit_rows = r->files[PART_VISIT].rows,
        .visits = r->visits,
    };
    const char *const paths[] = {ret->event_path, ret->visit_path, ret->roll_path};
    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        if (!paths[i] != !r->files[i].path[0])
            return false;
    return true;
}

/* What turns the parts that the store shows into those of the record. */
struct difference {
    struct sealed_part *added;
    size_t added_count;
    uint32_t *removed;
    size_t removed_count;
    struct arena texts;
};

static void difference_release(struct difference *d) {
    free(d->added);
    free(d->removed);
    arena_release(&d->texts);
}

static bool same_path(const char *a, const char *b) {
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Both lists are sorted by site, first day and id. */
static int before(const struct sealed_part *x, const struct sealed_part *y) {
    if (x->site != y->site)
        return x->site < y->site ? -1 : 1;
    if (x->from_day != y->from_day)
        return x->from_day < y->from_day ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

static bool compare(const struct app *a, const struct sealed_part *shown, size_t shown_count,
                    const struct part_record *records, size_t record_count, struct difference *d) {
    d->added = calloc(record_count + 1, sizeof(*d->added));
    d->removed = calloc(shown_count + 1, sizeof(*d->removed));
    if (!d->added || !d->removed)
        return false;
    size_t i = 0, k = 0;
    while (i < shown_count || k < record_count) {
        struct sealed_part want = {0};
        if (k < record_count && !show(a, &d->texts, &records[k], &want))
            return false;
        int order = i == shown_count ? 1 : k == record_count ? -1 : before(&shown[i], &want);
        if (order < 0) {
            d->removed[d->removed_count++] = shown[i++].id;
            continue;
        }
        k++;
        if (order == 0) {
            const struct sealed_part *is = &shown[i++];
            if (same_path(is->event_path, want.event_path) &&
                same_path(is->visit_path, want.visit_path) &&
                same_path(is->roll_path, want.roll_path))
                continue;
            d->removed[d->removed_count++] = is->id;
        }
        d->added[d->added_count++] = want;
    }
    return true;
}

static int sync_here(void *arg, struct err *err) {
    struct app *a = arg;
    struct part_record *records = NULL;
    size_t record_count = 0, shown_count = 0;
    int rc = control_parts(a->control, &records, &record_count, err);
    CLEANUP(free_charp) char *owned = (char *)records;
    CLEANUP(store_view_closep) struct store_view *view = NULL;
    if (rc < 0 || (rc = store_view_open(a->store, &view, err)) < 0)
        return rc;
    const struct sealed_part *shown = store_view_parts(view, &shown_count);
    CLEANUP(difference_release) struct difference d = {0};
    arena_init(&d.texts, 0);
    if (!compare(a, shown, shown_count, records, record_count, &d))
        return err_set(err, ERR_NOMEM, "no memory for a list of parts");
    struct store_change change = {.added = d.added,
                                  .added_count = d.added_count,
                                  .removed = d.removed,
                                  .removed_count = d.removed_count};
    return store_publish(a->store, &change, err);
}

int sealed_sync(struct app *a, struct err *err) {
    return a->drain ? drain_call(a->drain, sync_here, a, err) : sync_here(a, err);
}

/* --- at start -----------------------------------------------------------------------------------
 */

static int by_id(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static int sweep(struct app *a, struct err *err) {
    struct part_record *parts = NULL;
    size_t count = 0;
    int rc = control_parts(a->control, &parts, &count, err);
    if (rc < 0)
        return rc;
    CLEANUP(free_charp) char *owned = (char *)parts;
    CLEANUP(free_charp) char *memory = calloc(count + 1, sizeof(uint32_t));
    uint32_t *ids = (uint32_t *)(void *)memory;
    if (!ids)
        return err_set(err, ERR_NOMEM, "no memory for a list of parts");
    for (size_t i = 0; i < count; i++)
        ids[i] = parts[i].id;
    qsort(ids, count, sizeof(*ids), by_id);
    size_t removed = 0;
    return seal_sweep(&os_system, a->sealed_root, ids, count, &removed, err);
}

int sealed_open(struct app *a, struct err *err) {
    int rc = control_parts_forget(a->control, NULL, 0, err);
    if (rc < 0 || (rc = sweep(a, err)) < 0)
        return rc;
    return sealed_sync(a, err);
}
