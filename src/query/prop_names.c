/* One statement over raw rows, as no query would make it: an event is of as many rows as it has
 * properties. */
#include "prop_names.h"

#include "query_write.h"

static int parse(const struct policy *policy, const struct prop_names_asked *asked, int64_t now_ms,
                 struct arena *arena, json_t *kept, struct query *ret, struct err *err) {
    if (policy->profile == PROFILE_CNIL)
        return err_set(err, ERR_INVALID, "site_id: the site's profile, cnil, keeps no properties");
    if (!asked->range)
        return err_set(err, ERR_INVALID, "date_range: is required");
    if (asked->event.len > QUERY_MOST_VALUE_BYTES || !span_is_utf8(asked->event))
        return err_set(err, ERR_INVALID, "event: must be UTF-8, of at most %d bytes",
                       QUERY_MOST_VALUE_BYTES);
    json_t *request = json_pack("{s:[s], s:O}", "metrics", "events", "date_range", asked->range);
    if (asked->date)
        (void)json_object_set(request, "date", (json_t *)(uintptr_t)asked->date);
    if (asked->event.len)
        (void)json_object_set_new(
            request, "filters",
            json_pack("[[s, s, [s%]]]", "is", "event:name", asked->event.ptr, asked->event.len));
    if (!request || json_array_append_new(kept, request) < 0)
        return err_set(err, ERR_NOMEM, "out of memory");
    return query_parse(request, policy, now_ms, arena, kept, ret, err);
}

/* Names with the persons and the events that have them; a person counts once a name. */
static void put_names(const struct writer *w, enum level level) {
    struct buf *o = w->out;
    buf_adds(o, "SELECT name, count(*) AS visitors, sum(n)::BIGINT AS events FROM ("
                "SELECT name, k, count(*) AS n FROM (SELECT ");
    put_person_id(w, level, &w->shape->of_events, "e");
    buf_adds(o, "unnest(json_keys(e.props)) AS name FROM ");
    put_event_source(w, level, SIDE_EVENT);
    put_where(w, level, SIDE_EVENT);
    buf_adds(o, " AND e.props <> '') GROUP BY ALL) GROUP BY ALL");
}

static int put_statement(struct period *p, const struct policy *policy, struct arena *arena,
                         struct sql_text *ret, struct err *err) {
    static const struct shape ids = {0};
    struct writer w = {.q = &p->q,
                       .plan = &p->plan,
                       .reach = &p->reach,
                       .shape = &ids,
                       .site = policy->site,
                       .out = &ret->text};
    int r = query_bind(&p->q, arena, ret, err);
    if (r < 0)
        return r;
    buf_adds(w.out, "SELECT name, sum(visitors)::BIGINT, sum(events)::BIGINT AS events FROM (");
    const char *between = "";
    for (int level = LEVEL_SEALED; level < LEVELS; level++) {
        if (!(p->reach.levels & 1U << level))
            continue;
        buf_adds(w.out, between);
        put_names(&w, (enum level)level);
        between = " UNION ALL ";
    }
    buf_addf(w.out,
             ") GROUP BY name HAVING sum(visitors) >= %d ORDER BY events DESC, name LIMIT %d",
             policy->profile == PROFILE_FRUGAL ? OUTPUT_FRUGAL_LEAST : 1, PROP_NAMES_MOST);
    return w.out->failed ? err_set(err, ERR_NOMEM, "out of memory") : 0;
}

static int answer(const struct sql_result *rows, const struct reach *reach, json_t **ret,
                  struct err *err) {
    json_t *list = json_array(), *meta = json_object();
    JSON_AUTO reply = json_pack("{s:o, s:o}", "results", list, "meta", meta);
    bool ok = reply && reply_put_reach(meta, reach);
    for (size_t i = 0; ok && i < sql_result_rows(rows); i++) {
        struct span name = sql_result_at(rows, i, 0).text;
        json_t *row = json_pack("{s:s%, s:I, s:I}", "name", name.ptr, name.len, "visitors",
                                (json_int_t)sql_result_at(rows, i, 1).i, "events",
                                (json_int_t)sql_result_at(rows, i, 2).i);
        ok = json_array_append_new(list, row) == 0;
    }
    if (!ok)
        return err_set(err, ERR_NOMEM, "out of memory");
    *ret = TAKE_PTR(reply);
    return 0;
}

static int run(const struct query_env *env, const struct policy *policy,
               const struct prop_names_asked *asked, struct arena *arena, json_t **ret,
               struct err *err) {
    struct query_env raw = *env;
    raw.no_rollup = raw.no_cells = true;
    JSON_AUTO kept = json_array();
    struct period p = {0};
    int r = kept ? parse(policy, asked, clock_wall_ms(env->clock), arena, kept, &p.q, err)
                 : err_set(err, ERR_NOMEM, "out of memory");
    if (r < 0)
        return r;
    CLEANUP(store_view_closep) struct store_view *view = NULL;
    struct err why = {0};
    r = store_view_open(env->store, &view, &why);
    if (r < 0)
        return err_set(err, r, "the query could not be run: %s", err_word(r));
    CLEANUP(sql_text_release) struct sql_text s = {0};
    CLEANUP(sql_result_freep) struct sql_result *rows = NULL;
    r = query_resolve(env, view, policy, &p.q, err);
    if (r == 0)
        r = query_plan_period(&raw, view, policy, arena, &p, err);
    if (r == 0)
        r = put_statement(&p, policy, arena, &s, err);
    if (r == 0)
        r = query_select(env, view, &s, &rows, err);
    return r < 0 ? r : answer(rows, &p.reach, ret, err);
}

int prop_names_run(const struct query_env *env, const struct policy *policy,
                   const struct prop_names_asked *asked, json_t **ret, struct err *err) {
    struct arena arena;
    arena_init(&arena, (size_t)1 << 20);
    int r = run(env, policy, asked, &arena, ret, err);
    arena_release(&arena);
    return r;
}
