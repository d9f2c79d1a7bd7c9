/* api_goals.c — GET /api/v2/goals?site_id=…: what the site's owner wants visitors to do. */
#include "server.h"

void api_goals(struct request *r) {
    struct http *h = r->http;
    const char *site = MHD_lookup_connection_value(r->mhd, MHD_GET_ARGUMENT_KIND, "site_id");
    CLEANUP(policy_set_unrefp)
    struct policy_set *policies = policy_board_get(h->services->policies);
    if (api_names_view(span_str(site)))
        return api_refuse_view(r, span_str(site));
    const struct policy *policy = api_find_site(policies, span_str(site));
    if (!api_may_read(r, policy))
        return api_answer_denied(r);
    if (!api_takes_only(r, (const char *const[]){"site_id", NULL}))
        return;
    JSON_AUTO goals = NULL;
    struct err err = {0};
    int rc = control_goal_list(h->services->control, policy->domain, &goals, &err);
    if (rc < 0)
        return answer_error(r, reply_status_of(rc), "the list of goals cannot be read");
    JSON_AUTO reply = json_pack("{s:O}", "goals", goals);
    answer_json(r, reply);
}
