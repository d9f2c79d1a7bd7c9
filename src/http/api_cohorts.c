/* api_cohorts.c — GET /api/v2/cohorts?site_id=…[&period=week|month][&periods=N]: who came back. Runs on
 * the query pool. */
#include "cohorts.h"
#include "server.h"

enum param { PARAM_SITE, PARAM_PERIOD, PARAM_PERIODS, PARAMS };

static const char *const words[PARAMS] = {
    [PARAM_SITE] = "site_id", [PARAM_PERIOD] = "period", [PARAM_PERIODS] = "periods"};

struct params {
    struct span values[PARAMS]; /* empty: not given */
    bool unknown;
};

static enum MHD_Result on_param(void *cls, enum MHD_ValueKind kind, const char *key, size_t key_len,
                                const char *value, size_t value_len) {
    (void)kind;
    struct params *p = cls;
    size_t i = 0;
    while (i < PARAMS && !span_eq(span_of(key, key_len), span_str(words[i])))
        i++;
    p->unknown |= i == PARAMS;
    if (i < PARAMS)
        p->values[i] = span_of(value ? value : "", value_len);
    return MHD_YES;
}

static void answer_failed(struct request *r, int rc, const struct err *err) {
    counters_add(r->http->counters,
                 rc == ERR_INVALID   ? COUNT_QUERIES_INVALID
                 : rc == ERR_TIMEOUT ? COUNT_QUERIES_TIMEOUT
                                     : COUNT_QUERIES_FAILED,
                 1);
    answer_error(r, rc == ERR_TIMEOUT ? MHD_HTTP_GATEWAY_TIMEOUT : reply_status_of(rc),
                 rc == ERR_INVALID   ? err->text
                 : rc == ERR_TIMEOUT ? "the query took too long"
                                     : "the query failed");
}

void api_cohorts(struct request *r) {
    struct http *h = r->http;
    struct params p = {.values = {SPAN_EMPTY, SPAN_EMPTY, SPAN_EMPTY}};
    (void)MHD_get_connection_values_n(r->mhd, MHD_GET_ARGUMENT_KIND, on_param, &p);
    CLEANUP(policy_set_unrefp)
    struct policy_set *policies = policy_board_get(h->services->policies);
    const struct policy *policy = api_find_site(policies, p.values[PARAM_SITE]);
    if (!api_may_read(r, policy))
        return api_answer_denied(r);
    if (p.unknown) {
        counters_add(h->counters, COUNT_REQUESTS_BAD_FIELDS, 1);
        return answer_error(r, MHD_HTTP_BAD_REQUEST, "query: unknown parameter");
    }
    JSON_AUTO reply = NULL;
    struct err err = {0};
    struct cohorts_asked asked = {.period = p.values[PARAM_PERIOD],
                                  .periods = p.values[PARAM_PERIODS]};
    int rc = cohorts_run(&h->services->query, policy, &asked, &reply, &err);
    if (rc < 0)
        return answer_failed(r, rc, &err);
    counters_add(h->counters, COUNT_QUERIES_OK, 1);
    answer_json(r, reply);
}
