#include "origin.h"

#include "alias.h"
#include "channel.h"
#include "click_id.h"
#include "host.h"
#include "page.h"
#include "text.h"
#include "token.h"

int origin_text(const struct origin_context *c, struct span text, unsigned flags, struct span *ret,
                struct err *err) {
    struct span clean;
    int rc = text_clean(text, flags, c->arena, &clean, err);
    if (rc < 0)
        return rc;
    clean = text_without_query(clean);
    /* Still encoded after decoding: somebody hides something, or nests addresses. */
    bool hidden = memchr(clean.ptr, '%', clean.len) && text_holds_escape(clean) &&
                  scrub_looks_personal(c->scrub, clean);
    if (hidden || text_holds(clean, c->hit->user_agent)) {
        *ret = SPAN_LIT(":id");
        return 0;
    }
    rc = scrub_text(c->scrub, clean, c->arena, &clean, err);
    return rc < 0 ? rc : token_fold(clean, c->arena, ret, err);
}

/* The site itself, part of it, or another one of its owner's. */
static bool is_own(const struct policy *p, struct span host, struct span page_host) {
    if (host_is_within(host, p->domain) || host_is_within(host, page_host))
        return true;
    for (size_t i = 0; i < p->own_host_count; i++)
        if (host_is_within(host, p->own_hosts[i]))
            return true;
    return false;
}

/* What the query says, in its own order; the first of each name counts. */
struct campaign {
    struct span ref, plain_source;
    const struct click_id *click;
};

/* Where a parameter goes: an event's field, or one of the two other names of a source. */
static struct span *place_of(struct span name, struct event *e, struct campaign *c) {
    static const struct {
        struct span name;
        enum event_field field;
    } fields[] = {
        {{"utm_source", 10}, EVENT_FIELD_utm_source},
        {{"utm_medium", 10}, EVENT_FIELD_utm_medium},
        {{"utm_campaign", 12}, EVENT_FIELD_utm_campaign},
        {{"utm_content", 11}, EVENT_FIELD_utm_content},
        {{"utm_term", 8}, EVENT_FIELD_utm_term},
    };
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        if (span_eq(name, fields[i].name))
            return (struct span *)(void *)((char *)e + event_fields[fields[i].field].offset);
    if (span_eq(name, SPAN_LIT("ref")))
        return &c->ref;
    return span_eq(name, SPAN_LIT("source")) ? &c->plain_source : NULL;
}

static bool is_kept(const struct policy *p, struct span name) {
    for (size_t i = 0; i < p->query_keep_count; i++)
        if (span_eq(name, p->query_keep[i]))
            return true;
    return false;
}

/* Links copied from a page's source have "&amp;" for "&". */
static struct span plain_name(struct span name) {
    return span_starts(name, SPAN_LIT("amp;")) ? span_from(name, 4) : name;
}

/* Links filled in by an advertiser's server may carry the id of a click in a second place, where
 * nothing tells that it is one. */
static void forget_click(struct span id, struct event *e, struct campaign *campaign,
                         struct props *props) {
    struct span *const texts[] = {
        &e->page,         &e->name,        &e->referrer, &e->utm_source, &e->utm_medium,
        &e->utm_campaign, &e->utm_content, &e->utm_term, &campaign->ref, &campaign->plain_source};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (text_holds(*texts[i], id))
            *texts[i] = texts[i] == &e->page ? SPAN_LIT("/:id") : SPAN_LIT(":id");
    size_t kept = 0;
    for (size_t i = 0; i < props->count; i++)
        if (!text_holds(props->list[i].key, id) && !text_holds(props->list[i].value, id))
            props->list[kept++] = props->list[i];
    props->dropped += props->count - kept;
    props->count = kept;
}

static int forget_clicks(const struct origin_context *c, struct span query, struct event *e,
                         struct campaign *campaign, struct props *props, struct err *err) {
    struct span name, value, id;
    while (url_next_param(&query, &name, &value)) {
        if (!click_id_of(plain_name(name)))
            continue;
        forget_click(value, e, campaign, props);
        if (!memchr(value.ptr, '%', value.len) && !memchr(value.ptr, '+', value.len))
            continue;
        int rc = text_clean(value, TEXT_PERCENT | TEXT_PLUS, c->arena, &id, err);
        if (rc < 0)
            return rc;
        forget_click(id, e, campaign, props);
    }
    return 0;
}

static int read_query(const struct origin_context *c, struct span query, struct event *e,
                      struct campaign *campaign, struct props *props, struct err *err) {
    struct span query_all = query, name, value, text;
    while (url_next_param(&query, &name, &value)) {
        int rc = 0;
        name = plain_name(name);
        struct span *place = place_of(name, e, campaign);
        if (place && place->len == 0)
            rc = origin_text(c, value, TEXT_PERCENT | TEXT_PLUS, place, err);
        else if (!campaign->click)
            campaign->click = click_id_of(name);
        /* Kept by name though it is an id: the site's owner cannot have meant that. */
        if (rc == 0 && UNLIKELY(is_kept(c->policy, name)) && !click_id_of(name)) {
            rc = text_clean(value, TEXT_PERCENT | TEXT_PLUS, c->arena, &text, err);
            if (rc == 0)
                rc = props_add(props, c->scrub, name, text, c->hit->user_agent, c->arena, err);
        }
        if (rc < 0)
            return rc;
    }
    return campaign->click ? forget_clicks(c, query_all, e, campaign, props, err) : 0;
}

/* Host, and with consent the path, of the page that linked here. `ret_host`: the host as kept,
 * empty for none and for the site's own. Returns as origin_fill() does. */
static int read_referrer(const struct origin_context *c, const struct url *own, struct event *e,
                         struct url *from, struct span *ret_host, struct err *err) {
    *ret_host = SPAN_EMPTY;
    if (c->hit->referrer.len == 0 || !url_parse(c->hit->referrer, true, from))
        return 0;
    struct span host = url_host(from), path = SPAN_EMPTY;
    if (is_own(c->policy, host, url_host(own)))
        return 0;
    if (c->policy->block_spam && spam_has(c->spam, host))
        return ORIGIN_SPAM;
    if (from->host_is_address) {
        *ret_host = e->referrer = SPAN_LIT(":id");
        return 0;
    }
    if (!from->app) {
        int rc = host_fold(host, c->arena, &host, err);
        if (rc < 0)
            return rc;
    }
    if (c->policy->profile == PROFILE_CONSENTED && !from->app && from->path.len > 1) {
        int rc = page_of(c->scrub, from->path, NULL, c->hit->user_agent, c->arena, &path, err);
        if (rc < 0)
            return rc;
    }
    char *out = arena_alloc(c->arena, host.len + path.len);
    if (!out)
        return err_set(err, ERR_NOMEM, "out of memory");
    memcpy(out, host.ptr, host.len);
    memcpy(out + host.len, path.ptr, path.len);
    e->referrer = span_of(out, host.len + path.len);
    *ret_host = span_head(e->referrer, host.len);
    return 0;
}

/* By the site's own names, then the kept list's. `raw`: a word of the link, or the host if
 * `by_host`. False: neither knows it. */
static bool name_source(const struct origin_context *c, struct span raw, bool by_host, bool app,
                        struct source_info *ret) {
    struct source_info listed = {.name = SPAN_EMPTY}, named;
    bool known = by_host ? source_by_host(c->sources, raw, app, &listed)
                         : source_by_word(c->sources, raw, &listed);
    struct span name;
    if (c->policy->source_alias_count &&
        (alias_of(c->policy, raw, app, &name) ||
         (known && alias_of_name(c->policy, listed.name, &name)))) {
        /* "shop.example = Google" makes a search engine of it; "t.co = X" stays a social network. */
        if (source_by_word(c->sources, name, &named))
            listed.kind = named.kind;
        listed.name = name;
        known = true;
    }
    *ret = listed;
    return known;
}

/* `host`: what read_referrer() kept of `from`. */
static int fill_source(const struct origin_context *c, const struct url *from, struct span host,
                       const struct campaign *campaign, struct event *e, struct err *err) {
    const struct span words[] = {e->utm_source, campaign->plain_source, campaign->ref};
    struct source_info info = {.name = SPAN_EMPTY};
    for (size_t i = 0; i < ARRAY_LEN(words) && info.name.len == 0; i++)
        if (words[i].len && !name_source(c, words[i], false, false, &info))
            info.name = words[i];
    if (info.name.len == 0 && host.len &&
        (from->host_is_address || !name_source(c, url_host(from), true, from->app, &info)))
        info.name = host;
    const struct click_id *click = campaign->click;
    if (info.name.len == 0 && click && !name_source(c, click->source, false, false, &info))
        info.name = click->source;
    struct channel_input in = {
        .source = info.name,
        .kind = info.kind,
        .medium = e->utm_medium.len || !click ? e->utm_medium : click->medium,
        .campaign = e->utm_campaign,
        .has_referrer = host.len > 0,
    };
    e->channel = channel_of(&in);
    /* An alias is the policy's, which the event may outlive. */
    e->source = c->policy->source_alias_count ? arena_copy(c->arena, info.name) : info.name;
    return e->source.ptr ? 0 : err_set(err, ERR_NOMEM, "out of memory");
}

int origin_fill(const struct origin_context *c, const struct url *url, struct event *e,
                struct props *props, struct err *err) {
    struct url from;
    struct span host;
    struct campaign campaign = {.ref = SPAN_EMPTY, .plain_source = SPAN_EMPTY};
    int rc = read_referrer(c, url, e, &from, &host, err);
    if (rc != 0)
        return rc;
    if (c->policy->profile == PROFILE_CNIL)
        return forget_clicks(c, url->query, e, &campaign, props, err);
    rc = read_query(c, url->query, e, &campaign, props, err);
    return rc < 0 ? rc : fill_source(c, &from, host, &campaign, e, err);
}
