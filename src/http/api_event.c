/* api_event.c — POST /api/event: a body through the door into one frame, answered after its commit.
 */
#include "server.h"

#include "collect.h"
#include "record.h"

static const char *const cors = "Access-Control-Allow-Origin";

enum MHD_Result api_event_preflight(struct request *r) {
    return reply_shared(r, MHD_HTTP_NO_CONTENT, r->http->preflight);
}

/* --- answers -------------------------------------------------------------------------------------
 */

enum MHD_Result api_answer_accepted(struct request *r) {
    struct http *h = r->http;
    if (r->dropped <= 1)
        return reply_shared(r, MHD_HTTP_ACCEPTED, r->dropped ? h->dropped_one : h->accepted);
    char number[16];
    (void)snprintf(number, sizeof(number), "%u", r->dropped);
    struct MHD_Response *response = reply_static("text/plain; charset=utf-8", SPAN_LIT("ok"));
    if (!response)
        return MHD_NO;
    reply_header(response, cors, "*");
    reply_header(response, "x-plausible-dropped", number);
    reply_header(response, "Access-Control-Expose-Headers", "x-plausible-dropped");
    return reply_send(r, MHD_HTTP_ACCEPTED, response);
}

enum MHD_Result api_answer_fault(struct request *r, const struct collect_fault *fault) {
    bool json = strcmp(fault->field, "request") == 0;
    counters_add(r->http->counters, json ? COUNT_REQUESTS_BAD_JSON : COUNT_REQUESTS_BAD_FIELDS, 1);
    BUF_AUTO body = {0};
    buf_addf(&body, "{\"errors\":{\"%s\":[", fault->field);
    json_write_string(&body, span_str(fault->text));
    buf_adds(&body, "]}");
    if (fault->index > 0)
        buf_addf(&body, ",\"index\":%zu", fault->index);
    buf_addc(&body, '}');
    struct MHD_Response *response =
        body.failed ? NULL
                    : MHD_create_response_from_buffer(body.len, body.data, MHD_RESPMEM_MUST_COPY);
    if (!response)
        return MHD_NO;
    reply_header(response, "Content-Type", "application/json");
    reply_header(response, cors, "*");
    return reply_send(r, MHD_HTTP_BAD_REQUEST, response);
}

enum MHD_Result api_answer_unavailable(struct request *r, int rc) {
    struct http *h = r->http;
    bool busy = rc == ERR_BUSY || rc == ERR_NOMEM;
    counters_add(h->counters,
                 busy ? COUNT_REQUESTS_UNAVAILABLE_BUSY : COUNT_REQUESTS_UNAVAILABLE_JOURNAL, 1);
    return reply_shared(r, MHD_HTTP_SERVICE_UNAVAILABLE, busy ? h->busy : h->journal_down);
}

/* --- the sender ----------------------------------------------------------------------------------
 */

/* Several header lines are one list (RFC 9110 5.3). An empty span on out of memory: then the peer
 * counts. */
static struct span forwarded_list(const struct request *r, struct arena *arena) {
    if (r->forwarded_count <= 1)
        return r->forwarded_count ? r->forwarded[0] : SPAN_EMPTY;
    size_t len = 0;
    for (unsigned i = 0; i < r->forwarded_count; i++)
        len += r->forwarded[i].len + 1;
    char *list = arena_alloc(arena, len);
    if (!list)
        return SPAN_EMPTY;
    char *to = list;
    for (unsigned i = 0; i < r->forwarded_count; i++) {
        to = mempcpy(to, r->forwarded[i].ptr, r->forwarded[i].len);
        *to++ = ',';
    }
    return span_of(list, len - 1);
}

static void read_sender(const struct request *r, struct arena *arena, struct hit *h) {
    const struct http *http = r->http;
    hit_init(h);
    h->address = http->trusted_count ? address_of_client(&r->conn->peer, forwarded_list(r, arena),
                                                         http->trusted, http->trusted_count)
                                     : r->conn->peer;
    if (r->user_agent.ptr)
        h->user_agent = r->user_agent;
    h->gpc = r->gpc;
    h->dnt = r->dnt;
    h->opt_out = r->opt_out;
    h->ts_ms = clock_wall_ms(http->services->clock);
}

/* --- the road ------------------------------------------------------------------------------------
 */

static void add_event(struct request *r, struct workspace *w, const struct event *e) {
    record_add_event(&w->frame, e, &w->scratch);
    r->accepted++;
}

/* Behind its event and in the same frame: both are acknowledged or none. */
static int add_known(struct workspace *w, const struct policy *policy, const struct hit *hit,
                     const struct event *e) {
    struct record_known visitor = {.site = e->site, .day = e->day};
    int known = sieve_known(w->lane, policy, hit, e, &visitor.known, NULL);
    if (known > 0)
        record_add_known(&w->frame, &visitor);
    return known;
}

static int pass_all(struct request *r, struct workspace *w, const struct collect_hits *hits) {
    struct http *h = r->http;
    CLEANUP(policy_set_unrefp)
    struct policy_set *policies = policy_board_get(h->services->policies);
    unsigned unknown = 0;
    for (size_t i = 0; i < hits->count; i++) {
        const struct policy *policy = policy_by_domain(policies, hits->items[i].domain);
        if (!policy) {
            unknown++;
            continue;
        }
        struct event e, search;
        int verdict = sieve_pass(w->lane, policy, &hits->items[i], &w->arena, &e, NULL);
        if (verdict < 0)
            return verdict;
        if (verdict != SIEVE_PASS) {
            r->dropped++;
            continue;
        }
        add_event(r, w, &e);
        if (UNLIKELY(policy->visitor_cookie) &&
            (verdict = add_known(w, policy, &hits->items[i], &e)) < 0)
            return verdict;
        int found = sieve_search(w->lane, policy, &hits->items[i], &e, &w->arena, &search, NULL);
        if (found < 0)
            return found;
        if (found)
            add_event(r, w, &search);
    }
    if (unknown)
        counters_add(h->counters, COUNT_EVENTS_REFUSED_UNKNOWN_SITE, unknown);
    r->dropped += unknown;
    return w->frame.failed ? ERR_NOMEM : 0;
}

static void on_commit(void *arg, int result) {
    struct request *r = arg;
    r->result = result;
    if (result >= 0)
        counters_add(r->http->counters, COUNT_EVENTS_ACCEPTED, r->accepted);
    request_resume(r);
}

enum MHD_Result api_submit(struct request *r, struct workspace *w) {
    /* First: the commit may be through before journal_submit() is back. */
    request_await(r);
    int rc = journal_submit(r->http->services->journal, buf_span(&w->frame), on_commit, r, NULL);
    if (rc < 0)
        on_commit(r, rc);
    return MHD_YES;
}

static enum MHD_Result take_events(struct request *r, struct workspace *w) {
    struct hit from;
    read_sender(r, &w->arena, &from);
    struct collect_hits hits;
    struct collect_fault fault;
    int rc = collect_plausible(request_body(r), &from, &w->arena, &hits, &fault, NULL);
    if (rc == ERR_INVALID)
        return api_answer_fault(r, &fault);
    if (rc < 0 || (rc = pass_all(r, w, &hits)) < 0)
        return api_answer_unavailable(r, rc);
    if (r->accepted == 0)
        return api_answer_accepted(r);
    return api_submit(r, w);
}

enum MHD_Result api_take(struct request *r, api_take_fn *take) {
    if (r->resumed)
        return r->result < 0 ? api_answer_unavailable(r, r->result) : api_answer_accepted(r);
    struct workspace *w = &r->loop->work;
    enum MHD_Result result = take(r, w);
    workspace_clear(w);
    return result;
}

enum MHD_Result api_event(struct request *r) {
    return api_take(r, take_events);
}
