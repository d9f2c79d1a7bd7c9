/* api_v1.c — the stats API v1: GET with parameters. Runs on the query pool; each is a query of v2. */
#include "civil.h"
#include "query_v1.h"
#include "server.h"

enum { CURRENT_VISITOR_MS = 5 * 60 * 1000, MOST_PARAMS = 32 };

struct params {
    struct v1_param list[MOST_PARAMS];
    size_t count;
    struct span site;
    bool too_many;
};

static enum MHD_Result on_param(void *cls, enum MHD_ValueKind kind, const char *key, size_t key_len,
                                const char *value, size_t value_len) {
    (void)kind;
    struct params *p = cls;
    p->too_many |= p->count == MOST_PARAMS;
    if (p->too_many)
        return MHD_NO;
    struct v1_param param = {span_of(key, key_len), span_of(value ? value : "", value_len)};
    if (span_eq(param.key, SPAN_LIT("site_id")))
        p->site = param.value;
    p->list[p->count++] = param;
    return MHD_YES;
}

static void answer_invalid(struct request *r, const char *text) {
    counters_add(r->http->counters, COUNT_REQUESTS_BAD_FIELDS, 1);
    answer_error(r, MHD_HTTP_BAD_REQUEST, text);
}

static void answer_v1(struct request *r, enum v1_kind kind) {
    struct params p = {.site = {NULL, 0}};
    struct span token;
    (void)MHD_get_connection_values_n(r->mhd, MHD_GET_ARGUMENT_KIND, on_param, &p);
    if (!api_bearer(r, &token))
        return api_answer_denied(r);
    if (!p.site.ptr)
        return answer_invalid(r, "site_id: is required");
    CLEANUP(policy_set_unrefp)
    struct policy_set *policies = policy_board_get(r->http->services->policies);
    struct api_view view;
    bool of_view = api_names_view(p.site);
    const struct policy *policy = of_view ? NULL : api_find_site(policies, p.site);
    if (of_view ? !api_find_view(r, policies, p.site, &view) : !api_may_read(r, policy))
        return api_answer_denied(r);
    if (p.too_many)
        return answer_invalid(r, "query: too many parameters");
    JSON_AUTO query = NULL;
    JSON_AUTO reply = NULL;
    struct err err = {0};
    int rc = v1_query(kind, p.list, p.count, &query, &err);
    if (rc == ERR_INVALID)
        return answer_invalid(r, err.text);
    if (rc == 0)
        rc = of_view ? api_run_view(r, &view, query, v1_rename_error, &reply)
                     : api_run(r, policy, query, v1_rename_error, &reply);
    if (rc < 0)
        return;
    JSON_AUTO answer = v1_reply(kind, reply);
    if (!answer)
        return answer_error(r, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory");
    answer_json(r, answer);
}

void api_v1_aggregate(struct request *r) {
    answer_v1(r, V1_AGGREGATE);
}

void api_v1_timeseries(struct request *r) {
    answer_v1(r, V1_TIMESERIES);
}

void api_v1_breakdown(struct request *r) {
    answer_v1(r, V1_BREAKDOWN);
}

/* "2026-05-17T10:05:03Z" */
static json_t *iso_time(int64_t ms) {
    char date[CIVIL_TEXT], text[40];
    int64_t sec = ms / 1000;
    civil_format((int32_t)(sec / 86400), date);
    int64_t of_day = sec % 86400;
    (void)snprintf(text, sizeof(text), "%sT%02d:%02d:%02dZ", date, (int)(of_day / 3600),
                   (int)(of_day / 60 % 60), (int)(of_day % 60));
    return json_string(text);
}

/* The reply is a bare number. */
void api_realtime_visitors(struct request *r) {
    struct http *h = r->http;
    const char *site = MHD_lookup_connection_value(r->mhd, MHD_GET_ARGUMENT_KIND, "site_id");
    CLEANUP(policy_set_unrefp)
    struct policy_set *policies = policy_board_get(h->services->policies);
    struct api_view view;
    bool of_view = api_names_view(span_str(site));
    const struct policy *policy = of_view ? NULL : api_find_site(policies, span_str(site));
    if (of_view ? !api_find_view(r, policies, span_str(site), &view) : !api_may_read(r, policy))
        return api_answer_denied(r);
    int64_t now_ms = clock_wall_ms(h->services->clock);
    JSON_AUTO query =
        json_pack("{s:s,s:[s],s:[o,o],s:[[s,s,[s]]]}", "site_id", site, "metrics", "visitors",
                  "date_range", iso_time(now_ms - CURRENT_VISITOR_MS), iso_time(now_ms + 1000),
                  "filters", "is_not", "event:name", "engagement");
    JSON_AUTO reply = NULL;
    if (!query)
        return answer_error(r, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory");
    int rc = of_view ? api_run_view(r, &view, query, NULL, &reply)
                     : api_run(r, policy, query, NULL, &reply);
    if (rc < 0)
        return;
    json_t *row = json_array_get(json_member(reply, "results"), 0);
    json_t *visitors = json_array_get(json_member(row, "metrics"), 0);
    JSON_AUTO number = json_integer(json_integer_value(visitors));
    answer_json(r, number);
}
