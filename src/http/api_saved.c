/* api_saved.c — what a site's owner saved: GET /api/v2/segments?site_id=… and
 * GET /api/v2/annotations?site_id=…[&date_range=…]. Both are written on the command line: a token only
 * reads. */
#include "query_annotations.h"
#include "segments.h"
#include "server.h"

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
    const struct policy *policy = api_find_site(policies, argument(r, "site_id"));
    if (!api_may_read(r, policy))
        return api_answer_denied(r);
    if (!api_takes_only(r, (const char *const[]){"site_id", "date_range", NULL}))
        return;
    JSON_AUTO reply = NULL;
    struct err err = {0};
    int rc = annotations_run(&h->services->query, policy, argument(r, "date_range"), &reply, &err);
    answer(r, rc, reply, &err);
}
