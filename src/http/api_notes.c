/* api_notes.c — GET /api/v2/notes?site_id=…[&date=…]: what is odd about the figures of a day. */
#include "server.h"

#include "notes.h"

void api_notes(struct request *r) {
    struct http *h = r->http;
    const char *site = MHD_lookup_connection_value(r->mhd, MHD_GET_ARGUMENT_KIND, "site_id");
    const char *date = MHD_lookup_connection_value(r->mhd, MHD_GET_ARGUMENT_KIND, "date");
    CLEANUP(policy_set_unrefp)
    struct policy_set *policies = policy_board_get(h->services->policies);
    if (api_names_view(span_str(site)))
        return api_refuse_view(r, span_str(site));
    const struct policy *policy = api_find_site(policies, span_str(site));
    if (!api_may_read(r, policy))
        return api_answer_denied(r);
    if (!api_takes_only(r, (const char *const[]){"site_id", "date", NULL}))
        return;
    JSON_AUTO reply = NULL;
    struct err err = {0};
    int rc = notes_run(&h->services->query, policy, span_str(date), &reply, &err);
    if (rc < 0)
        return answer_error(r, reply_status_of(rc),
                            rc == ERR_INVALID ? err.text : "the query failed");
    answer_json(r, reply);
}
