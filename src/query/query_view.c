/* The question to a view as one period with members, each the question to one of its sites. */
#include "query_view.h"

#include <stdlib.h>

#include "output.h"
#include "query_parts.h"
#include "query_segment.h"
#include "query_write.h"
#include "view_sites.h"

enum { VIEW_MOST_ARENA_BYTES = 64 << 20 };

/* --- SQL ----------------------------------------------------------------------------------------
 */

void put_site(const struct writer *w) {
    buf_addf(w->out, "'%.*s'", SPAN_ARG(w->period->policy->domain)); /* letters, digits, . and - */
}

static size_t time_at(const struct query *q) {
    size_t i = 0;
    while (i < q->dim_count && dim_infos[q->dims[i]].scope != SCOPE_TIME)
        i++;
    return i;
}

/* "SELECT * REPLACE (… AS d0) FROM (": times in the view's place. Whether there is anything to move. */
static bool put_moved(const struct writer *w, const struct period *member) {
    size_t at = time_at(w->q);
    long long shift = (long long)member->label_shift;
    if (shift == 0 || at >= w->shape->dim_count)
        return false;
    if (w->q->dims[at] == DIM_TIME_MONTH)
        buf_addf(w->out,
                 "SELECT * REPLACE ((DATE '1970-01-01' + d%zu::INTEGER + to_months(%lld))::DATE"
                 " - DATE '1970-01-01' AS d%zu) FROM (",
                 at, shift, at);
    else
        buf_addf(w->out, "SELECT * REPLACE (d%zu + %lld AS d%zu) FROM (", at, shift, at);
    return true;
}

void put_members(const struct writer *w, void (*put_levels)(const struct writer *w)) {
    const struct period *p = w->period;
    for (size_t i = 0; i < p->member_count; i++) {
        const struct period *m = p->members[i];
        struct writer one = *w;
        one.q = &m->cells;
        one.asked = &m->q;
        one.place = m->place;
        one.plan = &m->plan;
        one.reach = &m->reach;
        one.shape = w->shape == &p->plan.total ? &m->plan.total : &m->plan.rows;
        one.period = m;
        one.site = m->policy->site;
        buf_adds(w->out, i ? " UNION ALL BY NAME " : "");
        bool moved = put_moved(w, m);
        put_levels(&one);
        buf_adds(w->out, moved ? ")" : "");
    }
}

/* --- what the members agree on ------------------------------------------------------------------
 */

/* From the first day of any to the last of any. */
static struct range hull(struct range a, const struct range *b) {
    a.from_day = b->from_day < a.from_day ? b->from_day : a.from_day;
    a.to_day = b->to_day > a.to_day ? b->to_day : a.to_day;
    a.from_ms = b->from_ms < a.from_ms ? b->from_ms : a.from_ms;
    a.to_ms = b->to_ms > a.to_ms ? b->to_ms : a.to_ms;
    return a;
}

static bool adds_up(const struct shape *a, const struct shape *b) {
    return a->from_events == b->from_events && a->from_visits == b->from_visits &&
           a->from_measures == b->from_measures && a->dim_count == b->dim_count;
}

/* *ret: the period of the view; those of its members are whole. */
static int assemble(struct period **members, size_t count, struct arena *arena, struct period *ret,
                    struct err *err) {
    struct period p = *members[0];
    p.members = members;
    p.member_count = count;
    p.reach = (struct reach){0};
    p.within = ARENA_NEW(arena, struct period, p.within_count + 1);
    if (!p.within)
        return err_set(err, ERR_NOMEM, "out of memory");
    for (size_t i = 1; i < count; i++) {
        const struct plan *plan = &members[i]->plan;
        if (!adds_up(&p.plan.rows, &plan->rows) || !adds_up(&p.plan.total, &plan->total))
            return err_set(err, ERR_INVALID,
                           "filters: event:goal: the sites of the view reach that goal in ways that"
                           " do not add up");
        p.q.range = hull(p.q.range, &members[i]->q.range);
        p.q.compare.range = hull(p.q.compare.range, &members[i]->q.compare.range);
    }
    for (size_t k = 0; k < p.within_count; k++) {
        struct period **inner = ARENA_NEW(arena, struct period *, count);
        if (!inner)
            return err_set(err, ERR_NOMEM, "out of memory");
        for (size_t i = 0; i < count; i++)
            inner[i] = &members[i]->within[k];
        int r = assemble(inner, count, arena, &p.within[k], err);
        if (r < 0)
            return r;
    }
    if (p.all)
        p.all = &p.within[p.all - members[0]->within];
    if (p.group)
        p.group = &p.within[p.group - members[0]->within];
    *ret = p;
    return 0;
}

/* --- labels of time -----------------------------------------------------------------------------
 */

static int by_number(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int view_labels(const struct period *p, enum dim dim, struct arena *arena, int64_t **ret,
                size_t *ret_count, struct err *err) {
    int64_t *all = NULL;
    size_t count = 0;
    for (size_t i = 0; i < p->member_count; i++) {
        const struct period *m = p->members[i];
        int64_t *own, *both;
        size_t own_count;
        int r = range_labels(&m->q.range, dim, m->policy->zone, arena, &own, &own_count, err);
        if (r < 0)
            return r;
        if (!(both = ARENA_NEW(arena, int64_t, count + own_count)))
            return err_set(err, ERR_NOMEM, "out of memory");
        if (count)
            memcpy(both, all, count * sizeof(*all));
        memcpy(both + count, own, own_count * sizeof(*own));
        qsort(both, count + own_count, sizeof(*both), by_number);
        size_t kept = 0;
        for (size_t k = 0; k < count + own_count; k++)
            if (kept == 0 || both[k] != both[kept - 1])
                both[kept++] = both[k];
        all = both;
        count = kept;
    }
    *ret = all;
    *ret_count = count;
    return 0;
}

/* --- asking -------------------------------------------------------------------------------------
 */

struct asking {
    const struct query_env *env;
    const struct view_sites *sites;
    struct store_view *view;
    struct arena *arena;
    json_t *kept;
    struct period **members; /* one a site */
};

static struct period **new_members(struct arena *arena, size_t count) {
    struct period **list = ARENA_NEW(arena, struct period *, count);
    struct period *all = ARENA_NEW(arena, struct period, count);
    if (!list || !all)
        return NULL;
    for (size_t i = 0; i < count; i++)
        list[i] = &all[i];
    return list;
}

static int parse(struct asking *a, struct err *err) {
    int64_t now_ms = clock_wall_ms(a->env->clock);
    a->members = new_members(a->arena, a->sites->count);
    if (!a->members)
        return err_set(err, ERR_NOMEM, "out of memory");
    int r = 0;
    for (size_t i = 0; r == 0 && i < a->sites->count; i++)
        r = query_parse(a->sites->request, &a->sites->list[i], now_ms, a->arena, a->kept,
                        &a->members[i]->q, err);
    for (size_t i = 0; r == 0 && i < a->sites->count; i++)
        r = output_check(&a->members[i]->q, a->sites->list[i].profile, now_ms, err);
    return r;
}

/* All sites are under one rule, the strictest that their goals of one name lead to. Where that hides
 * rows, or somebody may know some of the sites better than the view tells, it is applied to each site's
 * rows before they are added up: the sum then tells no more than these do. */
static int set_rule(struct asking *a, struct err *err) {
    struct output *floor = ARENA_NEW(a->arena, struct output, 1);
    if (!floor)
        return err_set(err, ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < a->sites->count; i++) {
        struct output own = output_rule(&a->members[i]->q, a->sites->list[i].profile);
        *floor = output_stricter(i ? *floor : own, &own);
    }
    floor->by_site =
        floor->least > 0 || (!output_shows_all(floor) && (a->sites->mixed || a->sites->filtered));
    for (size_t i = 0; i < a->sites->count; i++)
        a->members[i]->q.floor = floor;
    return 0;
}

/* "all" begins with the first day of any, and "time" is what suits the whole. */
static int resolve_as_one(struct asking *a, struct err *err) {
    size_t count = a->sites->count;
    struct range whole = a->members[0]->q.range;
    for (size_t i = 0; i < count; i++) {
        struct range *r = &a->members[i]->q.range;
        if (r->from_first) {
            int failed = query_resolve_first_day(a->env, a->view, a->sites->list[i].site, r, err);
            if (failed < 0)
                return failed;
            whole.from_first = true;
        }
        whole = hull(whole, r);
    }
    for (size_t i = 0; i < count; i++) {
        struct query *q = &a->members[i]->q;
        if (whole.from_first)
            q->range.from_day = whole.from_day;
        for (size_t k = 0; k < q->dim_count; k++)
            if (q->dims[k] == DIM_TIME)
                q->dims[k] = range_auto_dim(&whole);
    }
    return 0;
}

static int plan(struct asking *a, struct err *err) {
    int r = resolve_as_one(a, err);
    if (r == 0)
        r = set_rule(a, err);
    for (size_t i = 0; r == 0 && i < a->sites->count; i++) {
        struct period *m = a->members[i];
        const struct policy *policy = &a->sites->list[i];
        r = query_resolve(a->env, a->view, policy, &m->q, err);
        if (r == 0)
            r = query_plan_period(a->env, a->view, policy, a->arena, m, err);
    }
    return r;
}

/* The other ranges; times of each are put beside the same place of the view's. */
static int plan_others(struct asking *a, struct period *ret, struct err *err) {
    size_t count = a->sites->count;
    struct period **others = new_members(a->arena, count);
    if (!others)
        return err_set(err, ERR_NOMEM, "out of memory");
    int r = 0;
    for (size_t i = 0; r == 0 && i < count; i++) {
        others[i]->q = compare_query(&a->members[i]->q);
        others[i]->label_shift = a->members[0]->q.compare.shift - a->members[i]->q.compare.shift;
        r = query_plan_period(a->env, a->view, &a->sites->list[i], a->arena, others[i], err);
    }
    return r == 0 ? assemble(others, count, a->arena, ret, err) : r;
}

static int run(const struct query_env *env, const struct query_view *v, const json_t *request,
               struct arena *arena, json_t **ret, struct err *err) {
    int64_t begun_ns = clock_mono_ns(env->clock);
    CLEANUP(view_sites_release) struct view_sites sites = {0};
    JSON_AUTO kept = json_array();
    BUF_AUTO name = {0};
    buf_adds(&name, "view:");
    buf_add(&name, v->name);
    if (!kept || name.failed)
        return err_set(err, ERR_NOMEM, "out of memory");
    if (!json_is_object(request))
        return err_set(err, ERR_INVALID, "query: must be an object");
    JSON_AUTO expanded = NULL;
    struct query_env alone = *env; /* segments are of one site each */
    alone.control = NULL;
    int r = view_sites_make(v, request, arena, &sites, err);
    if (r == 0)
        r = segments_expand(&alone, &sites.list[0], sites.request, &expanded, err);
    struct asking a = {.env = env, .sites = &sites, .arena = arena, .kept = kept};
    if (r < 0 || (r = parse(&a, err)) < 0)
        return r;
    CLEANUP(store_view_closep) struct store_view *view = NULL;
    struct err why = {0};
    r = store_view_open(env->store, &view, &why);
    if (r < 0)
        return err_set(err, r, "the query could not be run: %s", err_word(r));
    a.view = view;
    struct period p, other;
    if ((r = plan(&a, err)) < 0 || (r = assemble(a.members, sites.count, arena, &p, err)) < 0)
        return r;
    bool compares = p.q.compare.kind != COMPARE_NONE;
    if (compares && (r = plan_others(&a, &other, err)) < 0)
        return r;
    struct policy as_one = sites.list[0];
    as_one.site = 0;
    as_one.domain = buf_span(&name);
    const struct answering answering = {env, view, &as_one, request, begun_ns};
    return query_answer(&answering, &p, compares ? &other : NULL, arena, ret, err);
}

static void arena_releasep(struct arena *a) {
    arena_release(a);
}

int query_run_view(const struct query_env *env, const struct query_view *v, const json_t *request,
                   json_t **ret, struct err *err) {
    CLEANUP(arena_releasep) struct arena arena;
    arena_init(&arena, VIEW_MOST_ARENA_BYTES);
    return run(env, v, request, &arena, ret, err);
}
