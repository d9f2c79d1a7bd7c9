/* Runs a query's statement on one view. */
#include "query_parts.h"

static void sql_text_release(struct sql_text *s) {
    buf_release(&s->text);
}

/* The engine's own words may quote values of the query, so none of them get out. */
static int select_rows(const struct query_env *env, struct store_view *view, struct sql_text *s,
                       struct sql_result **ret, struct err *err) {
    struct err why = {0};
    const char *text = buf_cstr(&s->text);
    if (!text)
        return err_set(err, ERR_NOMEM, "out of memory");
    int r = store_view_select(view, text, s->params, s->param_count, env->timeout_ms, ret, &why);
    if (r == 0)
        return 0;
    if (r == ERR_TIMEOUT)
        return err_set(err, r, "the query took longer than its time limit");
    if (r == ERR_NOMEM || r == ERR_CLOSED || r == ERR_BUSY)
        return err_set(err, r, "the query could not be run: %s", err_word(r));
    return err_set(err, r == ERR_INVALID ? ERR_UNSUPPORTED : r, "the query could not be run");
}

/* "all" begins with the site's first day. */
static int resolve_first_day(const struct query_env *env, struct store_view *view, uint32_t site,
                             struct range *range, struct err *err) {
    CLEANUP(sql_text_release) struct sql_text s = {0};
    buf_addf(&s.text, "SELECT min(day) FROM visit_row WHERE site = %u", site);
    CLEANUP(sql_result_freep) struct sql_result *rows = NULL;
    int r = select_rows(env, view, &s, &rows, err);
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

/* Whether the engine takes the patterns of all `matches`: it is asked, since it is the one to say. */
static int check_patterns(const struct query_env *env, struct store_view *view,
                          const struct filter *f, struct err *err) {
    int r = 0;
    for (size_t i = 0; r == 0 && !filter_is_leaf(f) && i < f->child_count; i++)
        r = check_patterns(env, view, &f->children[i], err);
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

/* Fills in the plan and the reach of a period's query. */
static int make_period(const struct query_env *env, struct store_view *view,
                       const struct policy *policy, struct arena *arena, struct period *p,
                       struct err *err) {
    p->cells = output_cells(&p->q, policy->profile, p->place);
    p->plan = plan_make(&p->cells, policy->profile);
    p->plan.rollup = p->plan.rollup && !env->no_rollup;
    p->plan.cells = p->plan.cells && !env->no_cells;
    return reach_make(view, &p->q, &p->plan, policy->site, arena, &p->reach, err);
}

/* What only the view and the whole range can tell. */
static int resolve(const struct query_env *env, struct store_view *view,
                   const struct policy *policy, struct query *q, struct err *err) {
    int r = check_patterns(env, view, &q->filter, err);
    if (r == 0 && q->range.from_first)
        r = resolve_first_day(env, view, policy->site, &q->range, err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < q->dim_count; i++)
        if (q->dims[i] == DIM_TIME)
            q->dims[i] = range_auto_dim(&q->range);
    if (q->compare.kind != COMPARE_NONE)
        compare_resolve(q, policy->zone);
    return 0;
}

static int run(const struct query_env *env, const struct policy *policy, const json_t *request,
               struct arena *arena, json_t **ret, struct err *err) {
    int64_t begun_ns = clock_mono_ns(env->clock);
    int64_t now_ms = clock_wall_ms(env->clock);
    struct period p, other;
    int r = query_parse(request, policy, now_ms, arena, &p.q, err);
    if (r == 0)
        r = output_check(&p.q, policy->profile, now_ms, err);
    if (r < 0)
        return r;
    CLEANUP(store_view_closep) struct store_view *view = NULL;
    struct err why = {0};
    r = store_view_open(env->store, &view, &why);
    if (r < 0)
        return err_set(err, r, "the query could not be run: %s", err_word(r));
    r = resolve(env, view, policy, &p.q, err);
    if (r == 0)
        r = make_period(env, view, policy, arena, &p, err);
    bool compares = r == 0 && p.q.compare.kind != COMPARE_NONE;
    CLEANUP(sql_text_release) struct sql_text s = {0};
    if (compares) {
        other.q = compare_query(&p.q);
        r = make_period(env, view, policy, arena, &other, err);
    }
    if (r == 0)
        r = query_sql(&p, compares ? &other : NULL, policy->site, arena, &s, err);
    if (r < 0)
        return r;
    struct outcome o = {.period = &p, .other = compares ? &other : NULL, .sql = &s};
    o.plan_ms = ms_since(env, begun_ns);
    CLEANUP(sql_result_freep) struct sql_result *rows = NULL;
    r = select_rows(env, view, &s, &rows, err);
    if (r < 0)
        return r;
    o.rows = rows;
    o.rows_ms = ms_since(env, begun_ns) - o.plan_ms;
    return reply_make(&o, policy, request, env->explain, arena, ret, err);
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
