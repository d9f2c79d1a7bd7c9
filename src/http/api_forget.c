/* api_forget.c — POST /api/forget: a visitor takes back the consent to be known again. Answered once
 * that is durable; what was known goes within seconds (app/drain), its bytes in the journal at the
 * next round of the sealer. */
#include "server.h"

#include "collect.h"
#include "record.h"

/* Also where the site has stopped asking: what it wrote down before goes as well. */
static int add_site(struct request *r, struct workspace *w, const struct policy *policy,
                    struct span id) {
    struct record_known visitor = {.site = policy->site};
    int known = sieve_forget(w->lane, policy, id, &visitor.known, NULL);
    if (known > 0)
        record_add_forget(&w->frame, &visitor);
    return known;
}

static int add_all(struct request *r, struct workspace *w, const struct collect_withdrawal *what) {
    CLEANUP(policy_set_unrefp)
    struct policy_set *policies = policy_board_get(r->http->services->policies);
    struct span rest = what->domains, domain;
    while (span_next(&rest, ',', &domain)) {
        struct span name = collect_site_name(domain, &w->arena);
        const struct policy *policy = name.ptr ? policy_by_domain(policies, name) : NULL;
        int rc = !name.ptr ? ERR_NOMEM : policy ? add_site(r, w, policy, what->id) : 0;
        if (rc < 0)
            return rc;
    }
    return w->frame.failed ? ERR_NOMEM : 0;
}

static enum MHD_Result take(struct request *r, struct workspace *w) {
    struct collect_withdrawal what;
    struct collect_fault fault;
    int rc = collect_withdrawal(request_body(r), &w->arena, &what, &fault, NULL);
    if (rc == ERR_INVALID)
        return api_answer_fault(r, &fault);
    if (rc == 0 && !sieve_is_visitor_id(what.id)) {
        fault = (struct collect_fault){.field = "id",
                                       .text = "must be the value of the visitor's cookie"};
        return api_answer_fault(r, &fault);
    }
    if (rc < 0 || (rc = add_all(r, w, &what)) < 0)
        return api_answer_unavailable(r, rc);
    return w->frame.len ? api_submit(r, w) : api_answer_accepted(r);
}

enum MHD_Result api_forget(struct request *r) {
    return api_take(r, take);
}
