/* api_cohorts.c — GET /api/v2/cohorts?site_id=…[&period=week|month][&periods=N]: who came back. Runs on
 * the query pool. */
#include "cohorts.h"
#include "server.h"

static struct span param(const struct request *r, const char *key) {
    return span_str(MHD_lookup_connection_value(r->mhd, MHD_GET_ARGUMENT_KIND, key));
}

void api_cohorts(struct request *r) {
    struct http *h = r->http;
    struct span site = param(r, "site_id");
    CLEANUP(policy_set_unrefp)
    struct policy_set *policies = policy_board_get(h->services->policies);
    if (api_names_view(site))
        return api_refuse_view(r, site);
    const struct policy *policy = api_find_site(policies, site);
    if (!api_may_read(r, policy))
        return api_answer_denied(r);
    if (!api_takes_only(r, (const char *const[]){"site_id", "period", "periods", NULL}))
        return;
    JSON_AUTO reply = NULL;
    struct err err = {0};
    struct cohorts_asked asked = {.period = param(r, "period"), .periods = param(r, "periods")};
    int rc = cohorts_run(&h->services->query, policy, &asked, &reply, &err);
    if (api_report(r, rc, &err, NULL) == 0)
        answer_json(r, reply);
}
