/* api_headlines.c — GET /api/v2/sites[?period=28d][&date=…]: the sites a token may read, a line of
 * figures each. Runs on the query pool. */
#include "server.h"

#include "headline.h"

/* One site's line; `site` is as control_token_sites() gives it. */
static int add_line(const struct http *h, const struct policy_set *policies, const json_t *site,
                    struct span period, struct span date, json_t *results, struct err *err) {
    uint32_t id = (uint32_t)json_integer_value(json_member(site, "id"));
    const struct policy *policy = policy_by_id(policies, id);
    if (!policy)
        return 0; /* was removed just now */
    JSON_AUTO line = NULL;
    int rc = headline_run(&h->services->query, policy, period, date, &line, err);
    if (rc < 0)
        return rc;
    if (json_object_set(line, "site_id", json_member(site, "domain")) < 0 ||
        json_object_set(line, "timezone", json_member(site, "timezone")) < 0 ||
        json_array_append(results, line) < 0)
        return err_set(err, ERR_NOMEM, "out of memory");
    return 0;
}

static struct span param(const struct request *r, const char *key) {
    return span_str(MHD_lookup_connection_value(r->mhd, MHD_GET_ARGUMENT_KIND, key));
}

void api_headlines(struct request *r) {
    struct http *h = r->http;
    struct span token, period = param(r, "period"), date = param(r, "date");
    JSON_AUTO sites = NULL;
    struct err err = {0};
    if (!api_bearer(r, &token))
        return api_answer_denied(r);
    int rc = control_token_sites(h->services->control, token, &sites, &err);
    if (rc == ERR_DENIED)
        return api_answer_denied(r);
    CLEANUP(policy_set_unrefp)
    struct policy_set *policies = policy_board_get(h->services->policies);
    const struct query_env *env = &h->services->query;
    int64_t until_ns = clock_mono_ns(env->clock) + env->timeout_ms * 1000000LL;
    JSON_AUTO results = json_array();
    size_t i;
    json_t *site;
    json_array_foreach (sites, i, site) {
        if (rc == 0 && clock_mono_ns(env->clock) > until_ns)
            rc = ERR_TIMEOUT;
        if (rc == 0)
            rc = add_line(h, policies, site, period.len ? period : SPAN_LIT("28d"), date, results,
                          &err);
    }
    if (rc < 0)
        return answer_error(r, reply_status_of(rc),
                            rc == ERR_INVALID ? err.text : "the query failed");
    JSON_AUTO reply = json_pack("{s:O, s:{s:{s:s}}}", "results", results, "meta", "metric_notes",
                                "visitors", "daily visitors of each site, added up");
    answer_json(r, reply);
}
