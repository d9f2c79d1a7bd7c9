#include "view_verbs.h"

#include "query_view.h"
#include "verb_args.h"
#include "views.h"

int verb_view_add(struct app *a, const json_t *args, struct span body, json_t **ret,
                  struct err *err) {
    uint64_t id;
    int rc =
        control_view_add(a->control, verb_text(args, "name"), json_member(args, "sites"), &id, err);
    return rc < 0 ? rc : verb_done_id(id, ret, err);
}

int verb_view_list(struct app *a, const json_t *args, struct span body, json_t **ret,
                   struct err *err) {
    return control_view_list(a->control, ret, err);
}

int verb_view_set(struct app *a, const json_t *args, struct span body, json_t **ret,
                  struct err *err) {
    int rc = control_view_set(a->control, verb_text(args, "view"), args, err);
    return rc < 0 ? rc : verb_done(json_object(), ret, err);
}

int verb_view_remove(struct app *a, const json_t *args, struct span body, json_t **ret,
                     struct err *err) {
    int rc = control_view_remove(a->control, verb_text(args, "view"), err);
    return rc < 0 ? rc : verb_done(json_object(), ret, err);
}

int verb_view_query(struct app *a, const json_t *args, json_t **ret, struct err *err) {
    struct control_view found;
    const struct policy *sites[VIEW_MOST_SITES];
    int rc = app_catch_up(a, QUERY_CATCH_UP_MS, err);
    if (rc < 0 && !a->drain)
        return rc; /* as for a site */
    if ((rc = control_view_find(a->control, verb_text(args, "view"), &found, err)) < 0)
        return rc;
    CLEANUP(policy_set_unrefp) struct policy_set *set = policy_board_get(a->policies);
    struct query_view v = {.name = span_str(found.name), .sites = sites};
    for (size_t i = 0; i < found.site_count; i++) {
        const struct policy *p = policy_by_id(set, found.sites[i]);
        if (p)
            sites[v.site_count++] = p;
    }
    struct query_env env = app_query_env(a);
    env.explain = json_is_true(json_member(args, "explain"));
    return query_run_view(&env, &v, json_member(args, "query"), ret, err);
}
