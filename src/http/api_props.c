/* api_props.c — GET /api/v2/props?site_id=…&date_range=…[&date=…][&event=…]: which properties a
 * site's events have. Runs on the query pool. */
#include "prop_names.h"
#include "server.h"

enum param { PARAM_SITE, PARAM_RANGE, PARAM_DATE, PARAM_EVENT, PARAMS };

static const char *const words[PARAMS] = {
    [PARAM_SITE] = "site_id",
    [PARAM_RANGE] = "date_range",
    [PARAM_DATE] = "date",
    [PARAM_EVENT] = "event",
};

struct params {
    struct span values[PARAMS]; /* ptr NULL: not given */
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

/* A word, or a list for "2026-11-01,2026-11-24"; NULL: not given. What is no text becomes null, which
 * is refused. */
static json_t *range_of(struct span value) {
    if (!value.ptr)
        return NULL;
    if (!span_is_utf8(value))
        return json_null();
    size_t comma = span_find(value, ',', 0);
    if (comma == value.len)
        return json_stringn(value.ptr, value.len);
    struct span to = span_from(value, comma + 1);
    return json_pack("[s%, s%]", value.ptr, comma, to.ptr, to.len);
}

void api_props(struct request *r) {
    struct http *h = r->http;
    struct params p = {0};
    (void)MHD_get_connection_values_n(r->mhd, MHD_GET_ARGUMENT_KIND, on_param, &p);
    CLEANUP(policy_set_unrefp)
    struct policy_set *policies = policy_board_get(h->services->policies);
    struct span site = p.values[PARAM_SITE].ptr ? p.values[PARAM_SITE] : SPAN_EMPTY;
    if (api_names_view(site))
        return api_refuse_view(r, site);
    const struct policy *policy = api_find_site(policies, site);
    if (!api_may_read(r, policy))
        return api_answer_denied(r);
    if (p.unknown) {
        counters_add(h->counters, COUNT_REQUESTS_BAD_FIELDS, 1);
        return answer_error(r, MHD_HTTP_BAD_REQUEST, "query: unknown parameter");
    }
    JSON_AUTO range = range_of(p.values[PARAM_RANGE]);
    JSON_AUTO date = range_of(p.values[PARAM_DATE]);
    JSON_AUTO reply = NULL;
    struct prop_names_asked asked = {.range = range, .date = date, .event = p.values[PARAM_EVENT]};
    struct err err = {0};
    int rc = prop_names_run(&h->services->query, policy, &asked, &reply, &err);
    if (api_report(r, rc, &err, NULL) == 0)
        answer_json(r, reply);
}
