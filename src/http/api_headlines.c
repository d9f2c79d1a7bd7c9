/* api_headlines.c — GET /api/v2/sites and /api/v2/views, [?period=28d][&date=…][&trend=1]: what a token may
 * read, a line of figures each. Runs on the query pool. */
#include "server.h"

#include "headline.h"

/* What is asked of each. */
struct asking {
    const struct http *h;
    const struct policy_set *policies;
    struct headline headline;
    int64_t until_ns;
};

static struct span param(const struct request *r, const char *key) {
    return span_str(MHD_lookup_connection_value(r->mhd, MHD_GET_ARGUMENT_KIND, key));
}

/* `line` is taken over; `more` is put into it. */
static int append(json_t *results, json_t *line, json_t *more, struct err *err) {
    JSON_AUTO whole = line;
    JSON_AUTO members = more;
    return members && json_object_update(whole, members) == 0 &&
                   json_array_append(results, whole) == 0
               ? 0
               : err_set(err, ERR_NOMEM, "out of memory");
}

/* One site's line; `site` is as control_token_sites() gives it. */
static int add_site(struct asking *a, const json_t *site, json_t *results, struct err *err) {
    uint32_t id = (uint32_t)json_integer_value(json_member(site, "id"));
    a->headline.site = policy_by_id(a->policies, id);
    if (!a->headline.site)
        return 0; /* was removed just now */
    json_t *line = NULL;
    int rc = headline_run(&a->h->services->query, &a->headline, &line, err);
    if (rc < 0)
        return rc;
    return append(results, line,
                  json_pack("{s:O, s:O}", "site_id", json_member(site, "domain"), "timezone",
                            json_member(site, "timezone")),
                  err);
}

static const char *zone_of(const struct api_view *view) {
    return view->asked.site_count ? zone_name(view->sites[0]->zone) : "UTC";
}

/* `row` is as control_token_views() gives it. */
static int add_view(struct asking *a, const json_t *row, json_t *results, struct err *err) {
    struct api_view view;
    const json_t *name = json_member(row, "name");
    BUF_AUTO site_id = {0};
    buf_adds(&site_id, "view:");
    buf_add(&site_id, json_span(name));
    const char *as_site = buf_cstr(&site_id);
    if (!as_site)
        return err_set(err, ERR_NOMEM, "out of memory");
    if (!api_view_named(a->h, a->policies, json_span(name), &view))
        return 0; /* was removed just now */
    a->headline.view = &view.asked;
    json_t *line = NULL;
    int rc = headline_run(&a->h->services->query, &a->headline, &line, err);
    if (rc < 0)
        return rc;
    return append(results, line,
                  json_pack("{s:s, s:O, s:O, s:O, s:s, s:s}", "site_id", as_site, "id",
                            json_member(row, "id"), "name", name, "sites",
                            json_member(row, "sites"), "timezone", zone_of(&view), "profile",
                            profile_word(query_view_profile(&view.asked))),
                  err);
}

static int add_all(struct asking *a, const json_t *list,
                   int (*add)(struct asking *a, const json_t *row, json_t *results,
                              struct err *err),
                   json_t *results, struct err *err) {
    size_t i;
    json_t *row;
    json_array_foreach (list, i, row) {
        if (clock_mono_ns(a->h->services->clock) > a->until_ns)
            return ERR_TIMEOUT;
        int rc = add(a, row, results, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static void answer_lines(struct request *r, bool of_views) {
    struct http *h = r->http;
    struct span token, period = param(r, "period");
    JSON_AUTO list = NULL;
    JSON_AUTO results = json_array();
    struct err err = {0};
    if (!api_bearer(r, &token))
        return api_answer_denied(r);
    int rc = of_views ? control_token_views(h->services->control, token, &list, &err)
                      : control_token_sites(h->services->control, token, &list, &err);
    if (rc == ERR_DENIED)
        return api_answer_denied(r);
    if (!api_takes_only(r, (const char *const[]){"period", "date", "trend", NULL}))
        return;
    CLEANUP(policy_set_unrefp)
    struct policy_set *policies = policy_board_get(h->services->policies);
    const struct query_env *env = &h->services->query;
    struct asking a = {.h = h,
                       .policies = policies,
                       .headline = {.period = period.len ? period : SPAN_LIT("28d"),
                                    .date = param(r, "date"),
                                    .trend = span_eq(param(r, "trend"), SPAN_LIT("1"))},
                       .until_ns = clock_mono_ns(env->clock) + env->timeout_ms * 1000000LL};
    if (rc == 0)
        rc = add_all(&a, list, of_views ? add_view : add_site, results, &err);
    if (rc < 0)
        return answer_error(r, reply_status_of(rc),
                            rc == ERR_INVALID ? err.text : "the query failed");
    JSON_AUTO reply = json_pack("{s:O, s:{s:{s:s}}}", "results", results, "meta", "metric_notes",
                                "visitors", "daily visitors of each site, added up");
    answer_json(r, reply);
}

void api_headlines(struct request *r) {
    answer_lines(r, false);
}

void api_views(struct request *r) {
    answer_lines(r, true);
}
