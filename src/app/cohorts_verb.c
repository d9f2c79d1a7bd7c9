#include "cohorts_verb.h"

#include "cohorts.h"

enum { CATCH_UP_MS = 2000 };

static struct span text(const json_t *args, const char *key) {
    struct span s = json_span(json_member(args, key));
    return s.ptr ? s : SPAN_EMPTY;
}

int verb_cohorts(struct app *a, const json_t *args, struct span body, json_t **ret,
                 struct err *err) {
    int rc = app_catch_up(a, CATCH_UP_MS, err);
    if (rc < 0 && !a->drain)
        return rc; /* as for queries */
    CLEANUP(policy_set_unrefp) struct policy_set *set = policy_board_get(a->policies);
    const struct policy *p = app_site(set, text(args, "site"));
    if (!p)
        return err_set(err, ERR_NOT_FOUND, "no such site");
    struct query_env env = app_query_env(a);
    struct cohorts_asked asked = {.period = text(args, "period"), .periods = text(args, "periods")};
    return cohorts_run(&env, p, &asked, ret, err);
}
