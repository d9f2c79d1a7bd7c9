/* api_query.c — the stats API: Bearer tokens, one site a request. Runs on the query pool. */
#include "server.h"

/* One wording for a missing token, an unknown one, and a site it may not read: which it is, is
 * nobody's business. */
void api_answer_denied(struct request *r) {
    counters_add(r->http->counters, COUNT_REQUESTS_BAD_AUTH, 1);
    answer_error(r, MHD_HTTP_UNAUTHORIZED,
                 "invalid API token or site; send \"Authorization: Bearer <token>\"");
}

bool api_bearer(const struct request *r, struct span *ret) {
    static const struct span scheme = SPAN_LIT("Bearer ");
    if (!r->authorization.ptr || !span_starts_nocase(r->authorization, scheme))
        return false;
    *ret = span_trim(span_from(r->authorization, scheme.len));
    return ret->len > 0;
}

/* A domain, or the site's number. */
const struct policy *api_find_site(const struct policy_set *set, struct span name) {
    char lower[256];
    uint64_t id;
    name = span_trim(name);
    if (span_starts_nocase(name, SPAN_LIT("www.")))
        name = span_from(name, 4);
    if (name.len >= sizeof(lower))
        return NULL;
    for (size_t i = 0; i < name.len; i++)
        lower[i] = ascii_lower(name.ptr[i]);
    const struct policy *p = policy_by_domain(set, span_of(lower, name.len));
    if (!p && span_u64(name, &id) && id <= UINT32_MAX)
        p = policy_by_id(set, (uint32_t)id);
    return p;
}

int api_report(struct request *r, int rc, struct err *err, void (*rename)(struct err *err)) {
    struct http *h = r->http;
    if (rc == ERR_INVALID && rename)
        rename(err);
    switch (rc) {
    case 0:
        counters_add(h->counters, COUNT_QUERIES_OK, 1);
        break;
    case ERR_INVALID:
        counters_add(h->counters, COUNT_QUERIES_INVALID, 1);
        answer_error(r, MHD_HTTP_BAD_REQUEST, err->text);
        break;
    case ERR_TIMEOUT:
        counters_add(h->counters, COUNT_QUERIES_TIMEOUT, 1);
        answer_error(r, MHD_HTTP_GATEWAY_TIMEOUT, "the query took too long");
        break;
    default:
        counters_add(h->counters, COUNT_QUERIES_FAILED, 1);
        answer_error(r, reply_status_of(rc), "the query failed");
    }
    return rc;
}

static int answer_question(struct request *r, api_question_fn *run, const struct policy *policy,
                           const json_t *query, void (*rename)(struct err *err), json_t **ret) {
    struct err err = {0};
    int rc = run(&r->http->services->query, policy, query, ret, &err);
    return api_report(r, rc, &err, rename);
}

int api_run(struct request *r, const struct policy *policy, const json_t *query,
            void (*rename)(struct err *err), json_t **ret) {
    return answer_question(r, query_run, policy, query, rename, ret);
}

int api_run_view(struct request *r, const struct api_view *view, const json_t *query,
                 void (*rename)(struct err *err), json_t **ret) {
    struct err err = {0};
    int rc = query_run_view(&r->http->services->query, &view->asked, query, ret, &err);
    return api_report(r, rc, &err, rename);
}

bool api_may_read(struct request *r, const struct policy *policy) {
    struct span token;
    return api_bearer(r, &token) && policy &&
           control_token_check(r->http->services->control, token, policy->site, NULL) == 0;
}

void api_ask(struct request *r, api_question_fn *run) {
    struct http *h = r->http;
    struct span token;
    if (!api_bearer(r, &token))
        return api_answer_denied(r);
    JSON_AUTO query = NULL;
    JSON_AUTO reply = NULL;
    struct err err = {0};
    if (json_parse(request_body(r), &query, &err) < 0) {
        counters_add(h->counters, COUNT_REQUESTS_BAD_JSON, 1);
        return answer_error(r, MHD_HTTP_BAD_REQUEST, err.text);
    }
    const json_t *site = json_member(query, "site_id");
    char number[24];
    struct span name = json_span(site);
    if (json_is_integer(site)) {
        (void)snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(site));
        name = span_str(number);
    }
    if (!name.ptr) {
        counters_add(h->counters, COUNT_REQUESTS_BAD_FIELDS, 1);
        return answer_error(r, MHD_HTTP_BAD_REQUEST, "site_id: is required");
    }
    CLEANUP(policy_set_unrefp)
    struct policy_set *policies = policy_board_get(h->services->policies);
    if (api_names_view(name)) {
        struct api_view view;
        if (run != query_run)
            return api_refuse_view(r, name);
        if (!api_find_view(r, policies, name, &view))
            return api_answer_denied(r);
        if (api_run_view(r, &view, query, NULL, &reply) == 0)
            answer_json(r, reply);
        return;
    }
    const struct policy *policy = api_find_site(policies, name);
    if (!api_may_read(r, policy))
        return api_answer_denied(r);
    if (answer_question(r, run, policy, query, NULL, &reply) == 0)
        answer_json(r, reply);
}

void api_query(struct request *r) {
    api_ask(r, query_run);
}

enum MHD_Result api_query_schema(struct request *r) {
    struct buf schema = {0};
    query_schema(&schema);
    enum MHD_Result sent = reply_bytes(r, MHD_HTTP_OK, "application/schema+json", &schema);
    buf_release(&schema);
    return sent;
}

void api_sites(struct request *r) {
    struct span token;
    JSON_AUTO sites = NULL;
    struct err err = {0};
    if (!api_bearer(r, &token))
        return api_answer_denied(r);
    int rc = control_token_sites(r->http->services->control, token, &sites, &err);
    if (rc == ERR_DENIED)
        return api_answer_denied(r);
    if (rc < 0)
        return answer_error(r, reply_status_of(rc), "the list of sites cannot be read");
    JSON_AUTO reply = json_pack("{s:O}", "sites", sites);
    answer_json(r, reply);
}
