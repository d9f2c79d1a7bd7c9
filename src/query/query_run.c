/* Runs a query's statement on one view. */
#include "query_parts.h"
#include "query_segment.h"

int query_failed(int code, struct err *err) {
    if (code == ERR_TIMEOUT)
        return err_set(err, code, "the query took longer than its time limit");
    if (code == ERR_NOMEM || code == ERR_CLOSED || code == ERR_BUSY)
        return err_set(err, code, "the query could not be run: %s", err_word(code));
    return err_set(err, code == ERR_INVALID ? ERR_UNSUPPORTED : code, "the query could not be run");
}

int query_select(const struct query_env *env, struct store_view *view, struct sql_text *s,
                 struct sql_result **ret, struct err *err) {
    struct err why = {0};
    const char *text = buf_cstr(&s->text);
    if (!text)
        return err_set(err, ERR_NOMEM, "out of memory");
    int r = store_view_select(view, text, s->params, s->param_count, env->timeout_ms, ret, &why);
    return r == 0 ? 0 : query_failed(r, err);
}

int query_resolve_first_day(const struct query_env *env, struct store_view *view, uint32_t site,
                            struct range *range, struct err *err) {
    CLEANUP(sql_text_release) struct sql_text s = {0};
    buf_addf(&s.text, "SELECT min(day) FROM visit_row WHERE site = %u", site);
    CLEANUP(sql_result_freep) struct sql_result *rows = NULL;
    int r = query_select(env, view, &s, &rows, err);
    if (r < 0)
        return r;
    struct sql_value hot = sql_result_at(rows, 0, 0);
    if (hot.type == SQL_INT && hot.i < range->from_day)
        range->from_day = (int32_t)hot.i;
    int32_t sealed;
    if (reach_first_day(view, site, &sealed) && sealed < range->from_day)
        range->from_day = sealed;
    range->from_first = false;
    return 0;
}

static double ms_since(const struct query_env *env, int64_t ns) {
    return (double)(clock_mono_ns(env->clock) - ns) / 1e6;
}

int query_check_patterns(const struct query_env *env, struct store_view *view,
                         const struct filter *f, struct err *err) {
    int r = 0;
    for (size_t i = 0; r == 0 && !filter_is_leaf(f) && i < f->child_count; i++)
        r = query_check_patterns(env, view, &f->children[i], err);
    for (size_t i = 0; r == 0 && f->op == FILTER_MATCHES && i < f->value_count; i++) {
        struct sql_value value = {.type = SQL_TEXT_VALUE, .text = f->values[i]};
        CLEANUP(sql_result_freep) struct sql_result *rows = NULL;
        struct err why = {0};
        r = store_view_select(view, "SELECT regexp_matches('', $1)", &value, 1, env->timeout_ms,
                              &rows, &why);
        if (r == ERR_INVALID)
            return err_set(err, r, "filters: matches on %s: not a regular expression of RE2",
                           dim_infos[f->dim].word);
        if (r < 0)
            return err_set(err, r, "the query could not be run: %s", err_word(r));
    }
    return r;
}

int query_plan_period(const struct query_env *env, struct store_view *view,
                      const struct policy *policy, struct arena *arena, struct period *p,
                      struct err *err) {
    p->policy = policy;
    p->members = NULL;
    p->cells = output_cells(&p->q, policy->profile, p->place);
    p->plan = plan_make(&p->cells, policy->profile);
    p->plan.rollup = p->plan.rollup && !env->no_rollup;
    p->plan.cells = p->plan.cells && !env->no_cells;
    int r = reach_make(view, &p->q, &p->plan, policy->site, arena, &p->reach, err);
    if (r == 0)
        r = conversion_periods(p, arena, err);
    for (size_t i = 0; r == 0 && i < p->within_count; i++)
        r = query_plan_period(env, view, policy, arena, &p->within[i], err);
    return r;
}

int query_resolve(const struct query_env *env, struct store_view *view, const struct policy *policy,
                  struct query *q, struct err *err) {
    int r = query_check_patterns(env, view, &q->filter, err);
    if (r == 0 && q->range.from_first)
        r = query_resolve_first_day(env, view, policy->site, &q->range, err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < q->dim_count; i++)
        if (q->dims[i] == DIM_TIME)
            q->dims[i] = range_auto_dim(&q->range);
    if (q->compare.kind != COMPARE_NONE)
        compare_resolve(q, policy->zone);
    return 0;
}

int query_answer(const struct answering *a, struct period *p, const struct period *other,
                 struct arena *arena, json_t **ret, struct err *err) {
    CLEANUP(sql_text_release) struct sql_text s = {0};
    int r = query_sql(p, other, a->policy->site, arena, &s, err);
    if (r < 0)
        return r;
    struct outcome o = {.period = p, .other = other, .sql = &s};
    o.plan_ms = ms_since(a->env, a->begun_ns);
    CLEANUP(sql_result_freep) struct sql_result *rows = NULL;
    r = query_select(a->env, a->view, &s, &rows, err);
    if (r < 0)
        return r;
    o.rows = rows;
    o.rows_ms = ms_since(a->env, a->begun_ns) - o.plan_ms;
    return reply_make(&o, a->policy, a->request, a->env->explain, arena, ret, err);
}

static int run(const struct query_env *env, const struct policy *policy, const json_t *request,
               struct arena *arena, json_t **ret, struct err *err) {
    int64_t begun_ns = clock_mono_ns(env->clock);
    int64_t now_ms = clock_wall_ms(env->clock);
    struct period p, other;
    JSON_AUTO kept = json_array();
    JSON_AUTO expanded = NULL; /* the query's values are borrowed from it */
    if (!kept)
        return err_set(err, ERR_NOMEM, "out of memory");
    int r = segments_expand(env, policy, request, &expanded, err);
    if (r < 0)
        return r;
    r = query_parse(expanded ? expanded : request, policy, now_ms, arena, kept, &p.q, err);
    if (r == 0)
        r = goals_group(&p.q, arena, err);
    if (r == 0)
        r = output_check(&p.q, policy->profile, now_ms, err);
    if (r < 0)
        return r;
    CLEANUP(store_view_closep) struct store_view *view = NULL;
    struct err why = {0};
    r = store_view_open(env->store, &view, &why);
    if (r < 0)
        return err_set(err, r, "the query could not be run: %s", err_word(r));
    r = query_resolve(env, view, policy, &p.q, err);
    if (r == 0 && known_asked(&p.q))
        return known_answer(env, view, policy, request, &p.q, arena, ret, err);
    if (r == 0)
        r = query_plan_period(env, view, policy, arena, &p, err);
    bool compares = r == 0 && p.q.compare.kind != COMPARE_NONE;
    if (compares) {
        other.q = compare_query(&p.q);
        r = query_plan_period(env, view, policy, arena, &other, err);
    }
    if (r < 0)
        return r;
    const struct answering a = {env, view, policy, request, begun_ns};
    return query_answer(&a, &p, compares ? &other : NULL, arena, ret, err);
}

static void arena_releasep(struct arena *a) {
    arena_release(a);
}

int query_run(const struct query_env *env, const struct policy *policy, const json_t *request,
              json_t **ret, struct err *err) {
    CLEANUP(arena_releasep) struct arena arena;
    arena_init(&arena, (size_t)4 << 20);
    return run(env, policy, request, &arena, ret, err);
}
