/* api_realtime.c — the last half hour of a site: GET /api/v2/realtime?site_id=…, and as Server-Sent
 * Events GET /api/v2/realtime/stream?site_id=…. */
#include "realtime.h"
#include "streams.h"
#include "view_realtime.h"

static struct span site_of(struct request *r) {
    return span_str(MHD_lookup_connection_value(r->mhd, MHD_GET_ARGUMENT_KIND, "site_id"));
}

void api_realtime(struct request *r) {
    struct http *h = r->http;
    CLEANUP(policy_set_unrefp)
    struct policy_set *policies = policy_board_get(h->services->policies);
    struct api_view view;
    bool of_view = api_names_view(site_of(r));
    const struct policy *policy = of_view ? NULL : api_find_site(policies, site_of(r));
    if (of_view ? !api_find_view(r, policies, site_of(r), &view) : !api_may_read(r, policy))
        return api_answer_denied(r);
    if (!api_takes_only(r, (const char *const[]){"site_id", NULL}))
        return;
    JSON_AUTO reply = NULL;
    struct err err = {0};
    const struct query_env *env = &h->services->query;
    int rc = of_view ? view_realtime_run(env, &view.asked, &reply, &err)
                     : realtime_run(env, policy, &reply, &err);
    if (rc < 0)
        return answer_error(r, reply_status_of(rc), "the query failed");
    answer_json(r, reply);
}

void api_realtime_open(struct request *r) {
    struct http *h = r->http;
    CLEANUP(policy_set_unrefp)
    struct policy_set *policies = policy_board_get(h->services->policies);
    if (api_names_view(site_of(r)))
        return api_refuse_view(r, site_of(r));
    const struct policy *policy = api_find_site(policies, site_of(r));
    struct span token;
    if (!api_may_read(r, policy) || !api_bearer(r, &token))
        return api_answer_denied(r);
    if (!api_takes_only(r, (const char *const[]){"site_id", NULL}))
        return;
    struct err err = {0};
    int rc = stream_new(h->streams, policy, token, &r->stream, &err);
    if (rc == 0)
        return;
    counters_add(h->counters, COUNT_REQUESTS_UNAVAILABLE_BUSY, 1);
    answer_error(r, MHD_HTTP_SERVICE_UNAVAILABLE, err.text);
}

enum MHD_Result api_realtime_stream(struct request *r) {
    if (r->stream)
        return stream_answer(r, TAKE_PTR(r->stream));
    return reply_bytes(r, r->status, r->content_type, &r->answer);
}
