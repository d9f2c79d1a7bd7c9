/* api_view.c — site_id "view:NAME", or a view's number after the colon: whose tokens, which sites. */
#include "server.h"

static const struct span prefix = SPAN_LIT("view:");

bool api_names_view(struct span site_id) {
    return span_starts(span_trim(site_id), prefix);
}

static bool find(struct request *r, struct span site_id, struct control_view *ret) {
    struct control *control = r->http->services->control;
    struct span token;
    return api_bearer(r, &token) &&
           control_view_find(control, span_from(span_trim(site_id), prefix.len), ret, NULL) == 0 &&
           control_token_check_view(control, token, ret->id, NULL) == 0;
}

static void take_sites(const struct policy_set *policies, struct api_view *v) {
    v->asked = (struct query_view){.name = span_str(v->found.name), .sites = v->sites};
    for (size_t i = 0; i < v->found.site_count; i++) {
        const struct policy *p = policy_by_id(policies, v->found.sites[i]);
        if (p) /* else it was removed just now */
            v->sites[v->asked.site_count++] = p;
    }
}

bool api_find_view(struct request *r, const struct policy_set *policies, struct span site_id,
                   struct api_view *ret) {
    if (!find(r, site_id, &ret->found))
        return false;
    take_sites(policies, ret);
    return true;
}

bool api_view_named(const struct http *h, const struct policy_set *policies, struct span name,
                    struct api_view *ret) {
    if (control_view_find(h->services->control, name, &ret->found, NULL) < 0)
        return false;
    take_sites(policies, ret);
    return true;
}

void api_refuse_view(struct request *r, struct span site_id) {
    struct control_view view;
    if (!find(r, site_id, &view))
        return api_answer_denied(r);
    counters_add(r->http->counters, COUNT_REQUESTS_BAD_FIELDS, 1);
    answer_error(r, MHD_HTTP_BAD_REQUEST,
                 "site_id: is not answered for views; ask for a site of the view");
}
