/* Keeps the roll-up tables what the parts of a view say. */
#include <stdlib.h>

#include "roll.h"
#include "store_private.h"

static const struct sealed_part *find(const struct store_view *v, uint32_t id) {
    for (size_t i = 0; i < v->count; i++)
        if (v->facts[i].id == id)
            return &v->facts[i];
    return NULL;
}

static bool within(const struct sealed_part *inner, const struct sealed_part *outer) {
    return inner->site == outer->site && outer->from_day <= inner->from_day &&
           inner->to_day <= outer->to_day;
}

/* Room for as many ids as the larger of two views has. */
static uint32_t *ids_new(const struct store_view *before, const struct store_view *after) {
    size_t most = before->count > after->count ? before->count : after->count;
    return calloc(most + 1, sizeof(uint32_t));
}

/* A month that several parts were compacted to: their rows have the same sums, and stay. */
static int merge(duckdb_connection c, const struct store_view *before,
                 const struct store_change *change, uint32_t *ids, struct err *err) {
    int code = 0;
    for (size_t i = 0; !code && i < change->added_count; i++) {
        size_t count = 0;
        for (size_t k = 0; k < change->removed_count; k++) {
            const struct sealed_part *old = find(before, change->removed[k]);
            if (old && old->id != change->added[i].id && within(old, &change->added[i]))
                ids[count++] = old->id;
        }
        if (count > 1)
            code = roll_merge(c, ids, count, change->added[i].id, err);
    }
    return code;
}

/* One that does not read is left out, so that the others can be seen; it is tried again with the next
 * change, and `doctor --verify` names it. */
static int load_each(duckdb_connection c, const struct roll_source *sources, size_t count,
                     struct err *err) {
    for (size_t i = 0; i < count; i++) {
        int code = roll_load(c, &sources[i], 1, err);
        if (code == ERR_NOMEM || code == ERR_FULL)
            return code;
    }
    return 0;
}

enum { LOAD_AT_ONCE = 32 };

static int load_missing(duckdb_connection c, const struct store_view *v, uint32_t *ids,
                        size_t count, size_t *ret_loaded, struct err *err) {
    CLEANUP(free_charp) char *memory = calloc(count + 1, sizeof(uint32_t));
    uint32_t *missing = (uint32_t *)(void *)memory;
    if (!missing)
        return err_set(err, ERR_NOMEM, "no memory for a list of parts");
    int code = roll_missing(c, ids, count, missing, ret_loaded, err);
    for (size_t i = 0; !code && i < *ret_loaded;) {
        struct roll_source sources[LOAD_AT_ONCE];
        size_t n = 0;
        for (; n < LOAD_AT_ONCE && i < *ret_loaded; i++) {
            const struct sealed_part *p = find(v, missing[i]);
            sources[n++] = (struct roll_source){p->site, p->id, p->roll_path};
        }
        code = roll_load(c, sources, n, err);
        if (code)
            code = load_each(c, sources, n, err);
    }
    return code;
}

int roll_sync(duckdb_connection c, const struct store_view *before, const struct store_view *after,
              const struct store_change *change, bool first, struct err *err) {
    if (!first && change->added_count + change->removed_count == 0)
        return 0;
    CLEANUP(free_charp) char *memory = (char *)ids_new(before, after);
    uint32_t *ids = (uint32_t *)(void *)memory;
    if (!ids)
        return err_set(err, ERR_NOMEM, "no memory for a list of parts");
    int code = first ? 0 : merge(c, before, change, ids, err);
    size_t count = 0, loaded = 0;
    for (size_t i = 0; i < after->count; i++)
        if (after->facts[i].roll_path)
            ids[count++] = after->facts[i].id;
    if (!code && (first || change->removed_count))
        code = roll_keep(c, ids, count, err);
    if (!code)
        code = load_missing(c, after, ids, count, &loaded, err);
    enum engine_fault fault = ENGINE_FINE;
    if (!code && loaded)
        code = engine_run(c, "CHECKPOINT roll", &fault, err);
    return code;
}
