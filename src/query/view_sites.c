#include "view_sites.h"

#include <stdlib.h>

#include "arena.h"

/* --- filters on visit:site ----------------------------------------------------------------------
 */

static bool is_of_site(const json_t *filter) {
    return span_eq(json_span(json_array_get(filter, 1)), SPAN_LIT("visit:site"));
}

static int check_filter(const json_t *filter, struct err *err) {
    struct span op = json_span(json_array_get(filter, 0));
    const json_t *values = json_array_get(filter, 2), *value;
    size_t i;
    bool fine = op.ptr && (span_eq(op, SPAN_LIT("is")) || span_eq(op, SPAN_LIT("is_not"))) &&
                json_array_size(filter) == 3 && json_array_size(values) > 0;
    json_array_foreach (values, i, value)
        fine &= json_is_string(value);
    return fine ? 0
                : err_set(err, ERR_INVALID,
                          "filters: visit:site takes is and is_not, and a list of domains");
}

/* Of one that is in order. */
static bool chooses(const json_t *filter, struct span domain) {
    bool among = false;
    size_t i;
    json_t *value;
    json_array_foreach (json_array_get(filter, 2), i, value)
        among |= span_eq(json_span(value), domain);
    return among == span_eq(json_span(json_array_get(filter, 0)), SPAN_LIT("is"));
}

/* Takes those filters out of the request: *ret_taken, the rest *ret_request; both owned. */
static int take_filters(const json_t *request, json_t **ret_request, json_t **ret_taken,
                        struct err *err) {
    JSON_AUTO copy = json_copy((json_t *)(uintptr_t)request);
    JSON_AUTO kept = json_array();
    JSON_AUTO taken = json_array();
    const json_t *filters = json_member(request, "filters");
    size_t i;
    json_t *filter;
    int failed = copy && kept && taken ? 0 : -1;
    json_array_foreach (filters, i, filter) {
        int r = is_of_site(filter) ? check_filter(filter, err) : 0;
        if (r < 0)
            return r;
        failed |= json_array_append(is_of_site(filter) ? taken : kept, filter);
    }
    if (json_array_size(taken) > 0)
        failed |= json_object_set(copy, "filters", kept);
    if (failed)
        return err_set(err, ERR_NOMEM, "out of memory");
    *ret_request = TAKE_PTR(copy);
    *ret_taken = TAKE_PTR(taken);
    return 0;
}

static void choose(const struct query_view *v, const json_t *filters, struct view_sites *s) {
    for (size_t i = 0; i < v->site_count; i++) {
        bool chosen = true;
        size_t k;
        json_t *filter;
        json_array_foreach (filters, k, filter)
            chosen &= chooses(filter, v->sites[i]->domain);
        if (chosen)
            s->list[s->count++] = *v->sites[i];
    }
}

/* Number 0 is no site's. */
static int stand_in(const struct query_view *v, struct view_sites *s, struct err *err) {
    int r = v->site_count == 0 ? zone_open(SPAN_LIT("UTC"), &s->zone, err) : 0;
    if (r < 0)
        return r;
    s->list[s->count++] = (struct policy){.domain = SPAN_EMPTY,
                                          .profile = PROFILE_CONSENTED,
                                          .zone = s->zone ? s->zone : v->sites[0]->zone};
    return 0;
}

/* --- profile ------------------------------------------------------------------------------------
 */

static int strictness(enum profile p) {
    return p == PROFILE_CNIL ? 2 : p == PROFILE_FRUGAL ? 1 : 0;
}

enum profile query_view_profile(const struct query_view *v) {
    enum profile strictest = PROFILE_CONSENTED;
    for (size_t i = 0; i < v->site_count; i++)
        if (strictness(v->sites[i]->profile) > strictness(strictest))
            strictest = v->sites[i]->profile;
    return strictest;
}

static void set_profile(const struct query_view *v, struct view_sites *s) {
    enum profile strictest = query_view_profile(v);
    for (size_t i = 0; i < v->site_count; i++)
        s->mixed |= v->sites[i]->profile != strictest;
    for (size_t i = 0; i < s->count; i++)
        s->list[i].profile = strictest;
}

/* --- goals --------------------------------------------------------------------------------------
 */

static const struct policy_goal *goal_of(const struct policy_goal *list, size_t count,
                                         struct span name) {
    for (size_t i = 0; i < count; i++)
        if (span_eq(list[i].name, name))
            return &list[i];
    return NULL;
}

static int by_name(const void *a, const void *b) {
    const struct policy_goal *x = a, *y = b;
    size_t least = x->name.len < y->name.len ? x->name.len : y->name.len;
    int order = memcmp(x->name.ptr, y->name.ptr, least);
    return order ? order : (x->name.len > y->name.len) - (x->name.len < y->name.len);
}

/* The same kind of goal, which nobody reaches: the sieve lets no such character pass. */
static struct policy_goal out_of_reach(const struct policy_goal *g) {
    struct policy_goal none = *g;
    none.props = NULL;
    none.prop_count = 0;
    if (g->kind == GOAL_EVENT)
        none.event = SPAN_LIT("\x7f");
    else if (g->kind == GOAL_ENGAGEMENT)
        none.least = UINT32_MAX / 1000;
    else
        none.page = SPAN_LIT("\x7f");
    return none;
}

static int share_goals(const struct query_view *v, struct arena *arena, struct view_sites *s,
                       struct err *err) {
    size_t most = 1, count = 0;
    for (size_t i = 0; i < v->site_count; i++)
        most += v->sites[i]->goal_count;
    struct policy_goal *all = ARENA_NEW(arena, struct policy_goal, most);
    if (!all)
        return err_set(err, ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < v->site_count; i++)
        for (size_t k = 0; k < v->sites[i]->goal_count; k++)
            if (!goal_of(all, count, v->sites[i]->goals[k].name))
                all[count++] = v->sites[i]->goals[k];
    qsort(all, count, sizeof(*all), by_name);
    for (size_t i = 0; i < s->count; i++) {
        struct policy *p = &s->list[i];
        struct policy_goal *own = ARENA_NEW(arena, struct policy_goal, count + 1);
        if (!own)
            return err_set(err, ERR_NOMEM, "out of memory");
        for (size_t k = 0; k < count; k++) {
            const struct policy_goal *g = goal_of(p->goals, p->goal_count, all[k].name);
            own[k] = g ? *g : out_of_reach(&all[k]);
        }
        p->goals = own;
        p->goal_count = count;
    }
    return 0;
}

int view_sites_make(const struct query_view *v, const json_t *request, struct arena *arena,
                    struct view_sites *ret, struct err *err) {
    JSON_AUTO filters = NULL;
    CLEANUP(view_sites_release)
    struct view_sites s = {.list = ARENA_NEW(arena, struct policy, v->site_count + 1)};
    if (!s.list)
        return err_set(err, ERR_NOMEM, "out of memory");
    int r = take_filters(request, &s.request, &filters, err);
    if (r < 0)
        return r;
    choose(v, filters, &s);
    s.filtered = json_array_size(filters) > 0;
    if (s.count == 0 && (r = stand_in(v, &s, err)) < 0)
        return r;
    set_profile(v, &s);
    if ((r = share_goals(v, arena, &s, err)) < 0)
        return r;
    *ret = s;
    s = (struct view_sites){0};
    return 0;
}

void view_sites_release(struct view_sites *s) {
    json_decref(s->request);
    if (s->zone)
        zone_free(s->zone);
}
