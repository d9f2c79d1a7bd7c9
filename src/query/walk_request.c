/* What questions about order have in common with queries: range, filters, view, meta. */
#include "query_segment.h"
#include "walk.h"

/* The part of the request that a query has too. It shares the values. */
static json_t *query_part(const json_t *request) {
    static const char *const keys[] = {"date_range", "date", "filters"};
    json_t *part = json_pack("{s:[s]}", "metrics", "visitors");
    for (size_t i = 0; part && i < ARRAY_LEN(keys); i++) {
        json_t *value = json_member(request, keys[i]);
        if (value && json_object_set(part, keys[i], value) < 0) {
            json_decref(part);
            return NULL;
        }
    }
    return part;
}

static int parse(struct walk *w, const json_t *request, const char *const *known,
                 size_t known_count, struct arena *arena, struct err *err) {
    if (!json_is_object(request))
        return err_set(err, ERR_INVALID, "query: must be an object");
    int r = query_check_keys(request, "query", known, known_count, err);
    if (r < 0)
        return r;
    JSON_AUTO part = query_part(request);
    if (!part)
        return err_set(err, ERR_NOMEM, "out of memory");
    if (!(w->kept = json_array()))
        return err_set(err, ERR_NOMEM, "out of memory");
    json_t *expanded = NULL;
    if ((r = segments_expand(w->env, w->policy, part, &expanded, err)) < 0)
        return r;
    if (expanded && json_array_append_new(w->kept, expanded) < 0)
        return err_set(err, ERR_NOMEM, "out of memory");
    r = query_parse(expanded ? expanded : part, w->policy, clock_wall_ms(w->env->clock), arena,
                    w->kept, &w->q, err);
    if (r == 0 && filter_uses(&w->q.filter, SCOPE_EVENT, DIMS))
        return err_set(err, ERR_INVALID,
                       "filters: are about visits here; events go inside has_done");
    if (r == 0)
        r = output_check_walk(&w->q.filter, w->policy->profile, err);
    if (r == 0)
        r = output_check_walk_range(&w->q.range, w->policy->profile, clock_wall_ms(w->env->clock),
                                    err);
    return r;
}

int walk_open(const struct query_env *env, const struct policy *policy, const json_t *request,
              const char *const *known, size_t known_count, struct arena *arena, struct walk *ret,
              struct err *err) {
    *ret = (struct walk){
        .env = env, .policy = policy, .output = output_rule_of_walks(policy->profile)};
    ret->deadline_ns = clock_mono_ns(env->clock) + (int64_t)env->timeout_ms * 1000000;
    int r = parse(ret, request, known, known_count, arena, err);
    if (r < 0)
        return r;
    struct err why = {0};
    r = store_view_open(env->store, &ret->view, &why);
    return r < 0 ? query_failed(r, err) : 0;
}

void walk_close(struct walk *w) {
    if (w->view)
        store_view_close(w->view);
    w->view = NULL;
    json_decref(w->kept);
    w->kept = NULL;
}

int walk_resolve(struct walk *w, struct arena *arena, struct err *err) {
    int r = query_resolve(w->env, w->view, w->policy, &w->q, err);
    struct plan rows_alone = {0};
    return r < 0 ? r
                 : reach_make(w->view, &w->q, &rows_alone, w->policy->site, arena, &w->reach, err);
}

json_t *walk_meta(const struct walk *w) {
    JSON_AUTO meta = json_object();
    if (!meta || !reply_put_reach(meta, &w->reach))
        return NULL;
    if (w->q.range.from_day != w->q.range.to_day &&
        json_object_set_new(meta, "metric_notes",
                            json_pack("{s:s}", "visitors", "daily visitors, added up")) < 0)
        return NULL;
    if (w->output.unit > 1 &&
        (json_object_set_new(meta, "rounded_to", json_integer(w->output.unit)) < 0 ||
         json_object_set_new(meta, "hidden_below", json_integer(w->output.least)) < 0))
        return NULL;
    return TAKE_PTR(meta);
}

json_t *walk_query(const struct walk *w, const json_t *request) {
    json_t *filters = json_member(request, "filters");
    return json_pack("{s:s%, s:o, s:o}", "site_id", w->policy->domain.ptr, w->policy->domain.len,
                     "date_range", reply_range(&w->q.range, w->policy->zone), "filters",
                     filters ? json_incref(filters) : json_array());
}
