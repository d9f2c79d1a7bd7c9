#include "sieve_private.h"

#include "block.h"
#include "host.h"
#include "known_visitor.h"
#include "origin.h"
#include "page.h"
#include "props.h"
#include "search.h"
#include "text.h"
#include "url.h"
#include "visitor.h"
#include "vitals.h"

static const struct {
    const char *word;
    enum counter counter;
} verdicts[SIEVE_VERDICTS] = {
    [SIEVE_PASS] = {"pass", COUNTERS},
    [SIEVE_BOT] = {"bot", COUNT_EVENTS_REFUSED_BOT},
    [SIEVE_OPT_OUT] = {"opt_out", COUNT_EVENTS_REFUSED_OPT_OUT},
    [SIEVE_GPC] = {"gpc", COUNT_EVENTS_REFUSED_GPC},
    [SIEVE_DNT] = {"dnt", COUNT_EVENTS_REFUSED_DNT},
    [SIEVE_PROFILE] = {"profile", COUNT_EVENTS_REFUSED_PROFILE},
    [SIEVE_NO_HOST] = {"no_host", COUNT_EVENTS_REFUSED_NO_HOST},
    [SIEVE_DATACENTER] = {"datacenter", COUNT_EVENTS_REFUSED_DATACENTER},
    [SIEVE_BLOCKED_ADDRESS] = {"blocked_address", COUNT_EVENTS_REFUSED_BLOCKED_ADDRESS},
    [SIEVE_BLOCKED_HOSTNAME] = {"blocked_hostname", COUNT_EVENTS_REFUSED_BLOCKED_HOSTNAME},
    [SIEVE_BLOCKED_COUNTRY] = {"blocked_country", COUNT_EVENTS_REFUSED_BLOCKED_COUNTRY},
    [SIEVE_BLOCKED_PAGE] = {"blocked_page", COUNT_EVENTS_REFUSED_BLOCKED_PAGE},
    [SIEVE_VITALS] = {"vitals", COUNT_EVENTS_REFUSED_VITALS},
    [SIEVE_SPAM] = {"spam", COUNT_EVENTS_REFUSED_SPAM},
};

const char *sieve_verdict_word(enum sieve_verdict v) {
    return verdicts[v].word;
}

static const struct {
    struct span name;
    enum event_kind kind;
    bool cnil; /* may be counted without consent under the CNIL's criteria */
} known_names[] = {
    {{"pageview", 8}, EVENT_PAGEVIEW, true},     {{"engagement", 10}, EVENT_ENGAGEMENT, true},
    {{"vitals", 6}, EVENT_VITALS, true},         {{"click", 5}, EVENT_CUSTOM, true},
    {{"scroll", 6}, EVENT_CUSTOM, true},         {{"Outbound Link: Click", 20}, EVENT_CUSTOM, true},
    {{"File Download", 13}, EVENT_CUSTOM, true}, {{"404", 3}, EVENT_CUSTOM, true},
};

/* The row of a name, or -1. */
static int known_name(struct span name) {
    for (size_t i = 0; i < ARRAY_LEN(known_names); i++)
        if (span_eq(name, known_names[i].name))
            return (int)i;
    return -1;
}

static enum sieve_verdict judge(const struct policy *policy, const struct hit *hit, int known,
                                const struct ua_info *ua, bool has_url) {
    const struct {
        bool refuses;
        enum sieve_verdict verdict;
    } rules[] = {
        {hit->opt_out, SIEVE_OPT_OUT},
        {hit->gpc && policy->honour_signals, SIEVE_GPC},
        {hit->dnt && policy->honour_signals, SIEVE_DNT},
        {!has_url, SIEVE_NO_HOST},
        {ua->bot, SIEVE_BOT},
        {policy->profile == PROFILE_CNIL && (known < 0 || !known_names[known].cnil), SIEVE_PROFILE},
    };
    for (size_t i = 0; i < ARRAY_LEN(rules); i++)
        if (rules[i].refuses)
            return rules[i].verdict;
    return SIEVE_PASS;
}

/* Returns a sieve_verdict or a negative err_code. */
static int judge_blocks(struct sieve_lane *lane, const struct policy *policy, const struct hit *hit,
                        const struct url *url, struct arena *arena, struct err *err) {
    const struct block_input in = {.policy = policy,
                                   .hit = hit,
                                   .url = url,
                                   .country = country_of(lane->sieve->countries, hit->time_zone),
                                   .scrub = lane->scrub,
                                   .arena = arena};
    return block_verdict(&in, err);
}

/* When it happened, and whose salt it needs. Live hits are of today: one that waited over
 * midnight moves. */
static struct salt_id set_time(const struct sieve_lane *lane, const struct policy *policy,
                               int64_t ts_ms, struct event *e) {
    int64_t now_ms = clock_wall_ms(lane->sieve->clock);
    struct zone_local now = zone_to_local(policy->zone, now_ms);
    struct zone_local then = zone_to_local(policy->zone, ts_ms);
    bool past = then.day < now.day;
    if (then.day > now.day || (past && !lane->import)) {
        then = now;
        ts_ms = now_ms;
        past = false;
    }
    e->ts_ms = ts_ms;
    e->day = then.day;
    e->hour = (uint8_t)(then.second / 3600);
    return (struct salt_id){
        .import = past ? lane->import : 0, .site = policy->site, .day = then.day};
}

static int set_browser(const struct ua_info *ua, struct arena *arena, struct event *e,
                       struct err *err) {
    struct {
        const char *text;
        struct span *field;
    } copies[] = {
        {ua->browser, &e->browser}, {ua->browser_version, &e->browser_version},
        {ua->os, &e->os},           {ua->os_version, &e->os_version},
        {ua->device, &e->device},
    };
    char *out = arena_alloc(arena, sizeof(*ua));
    if (!out)
        return err_set(err, ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < ARRAY_LEN(copies); i++) {
        size_t n = strlen(copies[i].text);
        memcpy(out, copies[i].text, n);
        *copies[i].field = span_of(out, n);
        out += n;
    }
    return 0;
}

/* An intranet may be known by its address; any other address in a host's place may be a
 * person's. */
static int set_hostname(const struct url *url, const struct policy *policy, struct arena *arena,
                        struct event *e, struct err *err) {
    struct span host = url_host(url);
    if (url->host_is_address && !span_eq(host, policy->domain)) {
        e->hostname = SPAN_LIT(":id");
        return 0;
    }
    int rc = host_fold(host, arena, &host, err);
    if (rc < 0)
        return rc;
    e->hostname = arena_copy(arena, host);
    return e->hostname.ptr ? 0 : err_set(err, ERR_NOMEM, "out of memory");
}

/* ISO 4217: three letters, or the revenue means nothing. */
static int set_revenue(const struct hit *hit, struct arena *arena, struct event *e,
                       struct err *err) {
    if (hit->currency.len != 3)
        return 0;
    char *code = arena_alloc(arena, 3);
    if (!code)
        return err_set(err, ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < 3; i++) {
        char c = ascii_lower(hit->currency.ptr[i]);
        if (c < 'a' || c > 'z')
            return 0;
        code[i] = (char)(c - ('a' - 'A'));
    }
    e->currency = span_of(code, 3);
    e->revenue_milli = hit->revenue_milli;
    return 0;
}

static int add_props(struct sieve_lane *lane, const struct hit *hit, struct props *props,
                     struct arena *arena, struct err *err) {
    for (size_t i = 0; i < hit->prop_count; i++) {
        int rc = props_add(props, lane->scrub, hit->props[i].key, hit->props[i].value,
                           hit->user_agent, arena, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int set_props(struct sieve_lane *lane, struct props *props, struct arena *arena,
                     struct event *e, struct err *err) {
    if (props->dropped && lane->sieve->counters)
        counters_add(lane->sieve->counters, COUNT_PROPS_DROPPED_PERSONAL, props->dropped);
    return props_write(props, event_fields[EVENT_FIELD_props].most, arena, &e->props, err);
}

static bool set_vitals(struct sieve_lane *lane, const struct hit *hit, struct event *e) {
    unsigned dropped;
    bool any = vitals_fill(hit, e, &dropped);
    if (dropped && lane->sieve->counters)
        counters_add(lane->sieve->counters, COUNT_VITALS_DROPPED, dropped);
    return any;
}

/* Finer tells nothing of use, and more of a person. */
static uint32_t to_tenth(uint32_t ms) {
    return (ms / 100 + (ms % 100 >= 50)) * 100;
}

static void count_refused_id(struct sieve_lane *lane, enum known_state state) {
    if (lane->sieve->counters && state >= KNOWN_MALFORMED)
        counters_add(
            lane->sieve->counters,
            state == KNOWN_EXPIRED ? COUNT_VISITOR_IDS_EXPIRED : COUNT_VISITOR_IDS_MALFORMED, 1);
}

/* Returns a sieve_verdict or a negative err_code. */
static int fill(struct sieve_lane *lane, const struct policy *policy, const struct hit *hit,
                int known, const struct url *url, const struct ua_info *ua, struct arena *arena,
                struct event *e, struct err *err) {
    struct sieve *s = lane->sieve;
    const struct origin_context c = {.policy = policy,
                                     .hit = hit,
                                     .sources = s->sources,
                                     .spam = s->spam,
                                     .scrub = lane->scrub,
                                     .arena = arena};
    struct props props;
    props.count = props.dropped = 0;
    e->site = policy->site;
    e->kind = known >= 0 ? (uint8_t)known_names[known].kind : (uint8_t)EVENT_CUSTOM;
    e->interactive = hit->interactive && e->kind < EVENT_ENGAGEMENT;
    e->scroll = hit->scroll == SCROLL_NONE || hit->scroll <= 100 ? hit->scroll : 100;
    e->engaged_ms = to_tenth(hit->engaged_ms);
    e->country = country_of(s->countries, hit->time_zone);
    struct salt_id day = set_time(lane, policy, hit->ts_ms, e);
    struct visitor_id id;
    enum known_state state = known_visitor(policy, hit, e->ts_ms, &id);
    int rc = 0;
    if (e->kind == EVENT_VITALS && !set_vitals(lane, hit, e))
        return SIEVE_VITALS;
    if (known >= 0)
        e->name = known_names[known].name;
    else
        rc = origin_text(&c, hit->name, 0, &e->name, err);
    if (rc == 0)
        rc = set_browser(ua, arena, e, err);
    if (rc == 0)
        rc = set_hostname(url, policy, arena, e, err);
    if (rc == 0)
        rc = page_of(lane->scrub, url->path, policy, hit->user_agent, arena, &e->page, err);
    /* The site's own properties come before kept query parameters of the same name. */
    bool more = policy->profile != PROFILE_CNIL && e->kind != EVENT_VITALS;
    if (rc == 0 && more)
        rc = add_props(lane, hit, &props, arena, err);
    if (rc == 0 && more)
        rc = set_revenue(hit, arena, e, err);
    if (rc == 0)
        rc = origin_fill(&c, url, e, &props, err);
    if (rc == ORIGIN_SPAM)
        return SIEVE_SPAM;
    if (policy->visitor_cookie)
        props_set(&props, VISITOR_PROP, visitor_word(policy, state, &id, e->day));
    if (rc == 0 && more)
        rc = set_props(lane, &props, arena, e, err);
    if (rc < 0)
        return rc;
    count_refused_id(lane, state);
    if (state == KNOWN_YES)
        return visitor_hash_of_id(s->salts, &lane->salts, day, policy->domain, &id, &e->visitor,
                                  err);
    return visitor_hash(s->salts, &lane->salts, day, policy->domain, hit, &e->visitor, err);
}

static int refuse(struct sieve_lane *lane, enum sieve_verdict verdict) {
    if (lane->sieve->counters)
        counters_add(lane->sieve->counters, verdicts[verdict].counter, 1);
    return (int)verdict;
}

int sieve_pass(struct sieve_lane *lane, const struct policy *policy, const struct hit *hit,
               struct arena *arena, struct event *ret, struct err *err) {
    struct url url;
    bool has_url = url_parse(hit->url, false, &url);
    const struct ua_info *ua = ua_lookup(lane->ua, hit->user_agent);
    int known = hit->name.len ? known_name(hit->name) : 0;
    enum sieve_verdict verdict = judge(policy, hit, known, ua, has_url);
    if (verdict != SIEVE_PASS)
        return refuse(lane, verdict);
    if (policy->block_datacenters && datacenters_hold(lane->sieve->datacenters, &hit->address))
        return refuse(lane, SIEVE_DATACENTER);
    int rc = UNLIKELY(policy->blocks) ? judge_blocks(lane, policy, hit, &url, arena, err) : 0;
    if (rc != SIEVE_PASS)
        return rc < 0 ? rc : refuse(lane, (enum sieve_verdict)rc);
    struct event e;
    event_init(&e);
    rc = fill(lane, policy, hit, known, &url, ua, arena, &e, err);
    if (rc != SIEVE_PASS)
        return rc < 0 ? rc : refuse(lane, (enum sieve_verdict)rc);
    event_restrict(&e, policy->profile);
    *ret = e;
    return SIEVE_PASS;
}

int sieve_search(struct sieve_lane *lane, const struct policy *policy, const struct hit *hit,
                 const struct event *event, struct arena *arena, struct event *ret,
                 struct err *err) {
    unsigned dropped;
    struct visitor_id id;
    enum known_state state = known_visitor(policy, hit, event->ts_ms, &id);
    struct prop visitor = {VISITOR_PROP, visitor_word(policy, state, &id, event->day)};
    int rc = search_event(lane->scrub, policy, hit, event, state == KNOWN_YES ? &visitor : NULL,
                          arena, ret, &dropped, err);
    if (dropped && lane->sieve->counters)
        counters_add(lane->sieve->counters, COUNT_PROPS_DROPPED_PERSONAL, dropped);
    return rc;
}

/* Engagement and web vitals tell of a visit that is there, perhaps of the day before. */
int sieve_known(struct sieve_lane *lane, const struct policy *policy, const struct hit *hit,
                const struct event *event, uint64_t *ret, struct err *err) {
    struct visitor_id id;
    if (event->kind >= EVENT_ENGAGEMENT ||
        known_visitor(policy, hit, event->ts_ms, &id) != KNOWN_YES)
        return 0;
    return known_keys_hash(lane->sieve->known_keys, policy->site, id.random, true, ret, err);
}

bool sieve_is_visitor_id(struct span id) {
    struct visitor_id parsed;
    return visitor_id_parse(id, &parsed);
}

int sieve_forget(struct sieve_lane *lane, const struct policy *policy, struct span id,
                 uint64_t *ret, struct err *err) {
    struct visitor_id parsed;
    if (!visitor_id_parse(id, &parsed))
        return 0;
    return known_keys_hash(lane->sieve->known_keys, policy->site, parsed.random, false, ret, err);
}
