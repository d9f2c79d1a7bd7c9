/* api_saved.c — what a site's owner saved: GET /api/v2/segments?site_id=… and
 * GET /api/v2/annotations?site_id=…[&date_range=…]. Both are written on the command line: a token only
 * reads. */
#include "query_annotations.h"
#include "segments.h"
#include "server.h"
#include "view_annotations.h"

static struct span argument(struct request *r, const char *name) {
    return span_str(MHD_lookup_connection_value(r->mhd, MHD_GET_ARGUMENT_KIND, name));
}

static void answer(struct request *r, int rc, const json_t *reply, const struct err *err) {
    if (rc == 0)
        answer_json(r, reply);
    else
        answer_error(r, reply_status_of(rc),
                     rc == ERR_INVALID ? err->text : "the list cannot be read");
}

void api_segments(struct request *r) {
    struct http *h = r->http;
    CLEANUP(policy_set_unrefp)
    struct policy_set *policies = policy_board_get(h->services->policies);
    if (api_names_view(argument(r, "site_id")))
        return api_refuse_view(r, argument(r, "site_id"));
    const struct policy *policy = api_find_site(policies, argument(r, "site_id"));
    if (!api_may_read(r, policy))
        return api_answer_denied(r);
    if (!api_takes_only(r, (const char *const[]){"site_id", NULL}))
        return;
    JSON_AUTO list = NULL;
    struct err err = {0};
    int rc = control_segment_list(h->services->control, policy->domain, &list, &err);
    JSON_AUTO reply = json_pack("{s:O*, s:{}}", "results", list, "meta");
    answer(r, rc, reply, &err);
}

void api_annotations(struct request *r) {
    struct http *h = r->http;
    CLEANUP(policy_set_unrefp)
    struct policy_set *policies = policy_board_get(h->services->policies);
    struct span site = argument(r, "site_id"), range = argument(r, "date_range");
    struct api_view view;
    bool of_view = api_names_view(site);
    const struct policy *policy = of_view ? NULL : api_find_site(policies, site);
    if (of_view ? !api_find_view(r, policies, site, &view) : !api_may_read(r, policy))
        return api_answer_denied(r);
    if (!api_takes_only(r, (const char *const[]){"site_id", "date_range", NULL}))
        return;
    JSON_AUTO reply = NULL;
    struct err err = {0};
    const struct query_env *env = &h->services->query;
    int rc = of_view ? view_annotations_run(env, &view.asked, range, &reply, &err)
                     : annotations_run(env, policy, range, &reply, &err);
    answer(r, rc, reply, &err);
}
