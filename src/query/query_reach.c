/* Which parts of a view a query reads, and at which level. */
#include "query_parts.h"

/* After a change of a site's zone, days and moments differ by more than the zone of now tells. */
enum { ZONE_SLACK_DAYS = 2 };

const char *const level_words[LEVELS] = {"rollup", "cells", "sealed", "hot"};

void reach_days(const struct range *r, int32_t *ret_from, int32_t *ret_to) {
    *ret_from = r->from_day - (r->by_ts ? ZONE_SLACK_DAYS : 0);
    *ret_to = r->to_day + (r->by_ts ? ZONE_SLACK_DAYS : 0);
}

/* Parts are sorted by site: the site's are one run. */
static const struct sealed_part *parts_of(const struct store_view *view, uint32_t site,
                                          size_t *ret_count) {
    size_t count;
    const struct sealed_part *parts = store_view_parts(view, &count);
    size_t low = 0, high = count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (parts[mid].site < site)
            low = mid + 1;
        else
            high = mid;
    }
    size_t end = low;
    while (end < count && parts[end].site == site)
        end++;
    *ret_count = end - low;
    return parts + low;
}

bool reach_first_day(const struct store_view *view, uint32_t site, int32_t *ret) {
    size_t count;
    const struct sealed_part *parts = parts_of(view, site, &count);
    if (count == 0)
        return false;
    *ret = parts[0].from_day;
    return true;
}

static bool rows_are_gone(const struct sealed_part *p) {
    return p->visits > 0 && (!p->event_path || !p->visit_path);
}

/* Takes the part's raw rows, or notes that they are gone. */
static void add_rows(struct reach *r, const struct sealed_part *p) {
    if (rows_are_gone(p)) {
        if (!r->rows_gone || p->to_day >= r->raw_from_day)
            r->raw_from_day = p->to_day + 1;
        r->rows_gone = true;
    } else if (p->event_path && p->visit_path) {
        r->parts[r->part_count++] = p;
        r->levels |= 1U << LEVEL_SEALED;
    }
}

static void add_cells(struct reach *r, const struct sealed_part *p) {
    r->cell_parts[r->cell_part_count++] = p;
    r->levels |= 1U << LEVEL_CELL;
}

int reach_make(const struct store_view *view, const struct query *q, const struct plan *plan,
               uint32_t site, struct arena *arena, struct reach *ret, struct err *err) {
    size_t count;
    const struct sealed_part *parts = parts_of(view, site, &count);
    struct reach r = {
        .levels = 1U << LEVEL_HOT,
        .watermark = store_view_watermark(view),
        .parts = ARENA_NEW(arena, const struct sealed_part *, count + 1),
        .cell_parts = ARENA_NEW(arena, const struct sealed_part *, count + 1),
    };
    if (!r.parts || !r.cell_parts)
        return err_set(err, ERR_NOMEM, "out of memory");
    int32_t from, to;
    reach_days(&q->range, &from, &to);
    for (size_t i = 0; i < count; i++) {
        if (parts[i].to_day < from || parts[i].from_day > to)
            continue;
        if (!plan->rollup) {
            if (plan->cells && store_view_has_cells(view, &parts[i]))
                add_cells(&r, &parts[i]);
            else
                add_rows(&r, &parts[i]);
            continue;
        }
        if (!parts[i].roll_path)
            continue; /* an empty day */
        r.parts[r.part_count++] = &parts[i];
        r.levels |= 1U << LEVEL_ROLLUP;
    }
    *ret = r;
    return 0;
}
