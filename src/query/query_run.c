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

static int run(const struct query_env *env, const struct policy *policy, const json_t *request,
               struct arena *arena, json_t **ret, struct err *err) {
    int64_t begun_ns = clock_mono_ns(env->clock);
    struct query q;
    int r = query_parse(request, policy, clock_wall_ms(env->clock), arena, &q, err);
    if (r < 0)
        return r;
    CLEANUP(store_view_closep) struct store_view *view = NULL;
    struct err why = {0};
    r = store_view_open(env->store, &view, &why);
    if (r < 0)
        return err_set(err, r, "the query could not be run: %s", err_word(r));
    if (q.range.from_first)
        r = resolve_first_day(env, view, policy->site, &q.range, err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < q.dim_count; i++)
        if (q.dims[i] == DIM_TIME)
            q.dims[i] = range_auto_dim(&q.range);

    struct plan plan = plan_make(&q, policy->profile);
    plan.rollup = plan.rollup && !env->no_rollup;
    plan.cells = plan.cells && !env->no_cells;
    struct reach reach;
    CLEANUP(sql_text_release) struct sql_text s = {0};
    r = reach_make(view, &q, &plan, policy->site, arena, &reach, err);
    if (r == 0)
        r = query_sql(&q, &plan, &reach, policy->site, arena, &s, err);
    if (r < 0)
        return r;
    struct outcome o = {.q = &q, .plan = &plan, .reach = &reach, .sql = &s};
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
