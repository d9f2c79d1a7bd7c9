/* plausible.c — Plausible's events API (https://plausible.io/docs/events-api) into hits.
 *
 * Every key has a long and a short name; where both are sent, the one named first in `keys` wins,
 * unless it is null. Wrong types are errors for name, url and domain and count as not sent for the
 * rest. */
#include "collect.h"

#include "json_in.h"
#include "money.h"

enum {
    MOST_HITS = 1000,
    MOST_NAME_CHARS = 120,
    MOST_REFERRER_BYTES = 2000,
    MOST_PROPS = 30,
    MOST_KEY_BYTES = 300,
    MOST_VALUE_BYTES = 2000,
    SCROLL_NOT_SENT = 255,
};
#define ENGAGED_LIMIT_MS (30ULL * 24 * 3600 * 1000)

enum key {
    KEY_NAME,
    KEY_URL,
    KEY_DOMAIN,
    KEY_REFERRER,
    KEY_PROPS,
    KEY_HASH,
    KEY_REVENUE,
    KEY_INTERACTIVE,
    KEY_SCROLL,
    KEY_ENGAGED,
    KEY_ZONE,
    KEY_LCP,
    KEY_INP,
    KEY_CLS,
    KEY_VISITOR_ID,
    KEYS
};

struct spelling {
    struct span text;
    enum key key;
    uint8_t rank; /* 1 wins over 2 */
};

#define SPELL(word, id, r) \
    { {(word), sizeof(word) - 1}, KEY_##id, (r) }

/* One letter each: indexed by the letter. */
static const struct spelling short_names[128] = {
    ['n'] = SPELL("n", NAME, 1),        ['u'] = SPELL("u", URL, 1),
    ['d'] = SPELL("d", DOMAIN, 1),      ['r'] = SPELL("r", REFERRER, 1),
    ['m'] = SPELL("m", PROPS, 1),       ['p'] = SPELL("p", PROPS, 3),
    ['h'] = SPELL("h", HASH, 1),        ['$'] = SPELL("$", REVENUE, 1),
    ['i'] = SPELL("i", INTERACTIVE, 1), ['e'] = SPELL("e", ENGAGED, 1),
    ['z'] = SPELL("z", ZONE, 1),
};

static const struct spelling long_names[] = {
    SPELL("name", NAME, 2),
    SPELL("url", URL, 2),
    SPELL("domain", DOMAIN, 2),
    SPELL("referrer", REFERRER, 2),
    SPELL("meta", PROPS, 2),
    SPELL("props", PROPS, 4),
    SPELL("hashMode", HASH, 2),
    SPELL("revenue", REVENUE, 2),
    SPELL("interactive", INTERACTIVE, 2),
    SPELL("sd", SCROLL, 1),
    SPELL("lcp", LCP, 1),
    SPELL("inp", INP, 1),
    SPELL("cls", CLS, 1),
    SPELL("id", VISITOR_ID, 1),
};

struct message {
    struct json_in_value value[KEYS];
    uint8_t rank[KEYS]; /* 0: not sent */
};

/* What a parse carries along. */
struct parse {
    const struct hit *from;
    struct arena *arena;
    struct collect_hits out;
    size_t room; /* of out.items */
    struct collect_fault fault;
    struct err *err;
};

static const struct spelling *find_key(struct span key) {
    if (key.len == 1) {
        const struct spelling *s = &short_names[(unsigned char)key.ptr[0] & 127];
        return s->rank && s->text.ptr[0] == key.ptr[0] ? s : NULL;
    }
    for (size_t i = 0; i < ARRAY_LEN(long_names); i++) {
        if (span_eq(long_names[i].text, key))
            return &long_names[i];
    }
    return NULL;
}

static int nomem(struct parse *p) {
    return err_set(p->err, ERR_NOMEM, "out of memory");
}

static int refuse(struct parse *p, const char *field, const char *text) {
    p->fault.field = field;
    p->fault.text = text;
    return err_set(p->err, ERR_INVALID, "%s %s", field, text);
}

static int refuse_json(struct parse *p, const struct json_in *in) {
    return in->nomem ? nomem(p) : refuse(p, "request", "is not valid JSON");
}

static int read_message(struct parse *p, struct json_in *in, struct message *m) {
    memset(m->rank, 0, sizeof(m->rank));
    bool first = true;
    struct span key;
    while (json_in_member(in, &first, &key)) {
        struct json_in_value v;
        if (!json_in_value(in, &v))
            break;
        const struct spelling *s = find_key(key);
        if (!s || v.kind == JSON_IN_NULL || (m->rank[s->key] && m->rank[s->key] < s->rank))
            continue;
        m->rank[s->key] = s->rank;
        m->value[s->key] = v;
    }
    return in->failed ? refuse_json(p, in) : 0;
}

static const struct json_in_value *sent(const struct message *m, enum key key) {
    return m->rank[key] ? &m->value[key] : NULL;
}

static struct span sent_text(const struct message *m, enum key key) {
    const struct json_in_value *v = sent(m, key);
    return v && v->kind == JSON_IN_STRING ? v->text : SPAN_EMPTY;
}

/* --- required keys ------------------------------------------------------------------------------
 */

static bool longer_than_chars(struct span s, size_t most) {
    if (s.len <= most)
        return false;
    size_t chars = 0;
    for (size_t i = 0; i < s.len; i++)
        chars += ((unsigned char)s.ptr[i] & 0xc0) != 0x80;
    return chars > most;
}

static int take_required(struct parse *p, const struct message *m, enum key key, const char *field,
                         struct span *ret) {
    const struct json_in_value *v = sent(m, key);
    if (!v)
        return refuse(p, field, "is required");
    if (v->kind != JSON_IN_STRING)
        return refuse(p, field, "must be text");
    if (span_trim(v->text).len == 0)
        return refuse(p, field, "is required");
    *ret = v->text;
    return 0;
}

/* The authority of a URL without user and port: "https://u@Example.com:8080/x" gives "Example.com".
 */
static struct span url_host(struct span url) {
    size_t at = span_find_span(span_head(url, 64), SPAN_LIT("://"));
    if (at == SIZE_MAX)
        return SPAN_EMPTY;
    struct span host = span_from(url, at + 3);
    for (size_t i = 0; i < host.len; i++) {
        if (host.ptr[i] == '/' || host.ptr[i] == '?' || host.ptr[i] == '#' || host.ptr[i] == '\\')
            host.len = i;
    }
    for (size_t i = host.len; i-- > 0;) {
        if (host.ptr[i] == '@') {
            host = span_from(host, i + 1);
            break;
        }
    }
    if (host.len > 0 && host.ptr[0] == '[')
        return span_head(host, span_find(host, ']', 0) + 1);
    return span_head(host, span_find(host, ':', 0));
}

struct span collect_site_name(struct span domain, struct arena *arena) {
    domain = span_trim(domain);
    if (span_starts_nocase(domain, SPAN_LIT("www.")))
        domain = span_from(domain, 4);
    bool lower = true;
    for (size_t i = 0; i < domain.len && lower; i++)
        lower = domain.ptr[i] == ascii_lower(domain.ptr[i]);
    if (lower)
        return domain;
    char *out = arena_alloc(arena, domain.len);
    for (size_t i = 0; out && i < domain.len; i++)
        out[i] = ascii_lower(domain.ptr[i]);
    return span_of(out, domain.len);
}

/* With hashMode the fragment belongs to the page: "…/app?x#/cart" becomes "…/app%23/cart". A
 * question mark in the fragment opens its own query, which is cut for the same reason as the URL's.
 */
static struct span fragment_into_path(struct parse *p, struct span url) {
    size_t hash = span_find(url, '#', 0);
    struct span page = span_head(url, hash);
    page = span_head(page, span_find(page, '?', 0));
    struct span fragment = span_from(url, hash + 1);
    fragment = span_head(fragment, span_find(fragment, '?', 0));
    struct span query = span_head(url, hash);
    query = span_from(query, page.len);
    if (fragment.len == 0)
        return url;
    char *out = arena_alloc(p->arena, page.len + 4 + fragment.len + query.len);
    if (!out)
        return (struct span){0};
    bool has_path = span_find(page, '/', span_find_span(page, SPAN_LIT("//")) + 2) < page.len;
    char *to = mempcpy(out, page.ptr, page.len);
    if (!has_path)
        *to++ = '/';
    to = mempcpy(to, "%23", 3);
    to = mempcpy(to, fragment.ptr, fragment.len);
    to = mempcpy(to, query.ptr, query.len);
    return span_of(out, (size_t)(to - out));
}

static bool wants_hash(const struct message *m) {
    const struct json_in_value *v = sent(m, KEY_HASH);
    return v && (v->kind == JSON_IN_TRUE ||
                 (v->kind == JSON_IN_NUMBER && span_eq(v->text, SPAN_LIT("1"))));
}

/* --- optional keys ------------------------------------------------------------------------------
 */

/* The object a key holds, itself or as JSON in a string; false when it holds none. */
static bool open_object(struct parse *p, const struct message *m, enum key key,
                        struct json_in *ret) {
    const struct json_in_value *v = sent(m, key);
    if (!v || (v->kind != JSON_IN_OBJECT && v->kind != JSON_IN_STRING))
        return false;
    *ret = json_in_of(v->text, p->arena);
    return json_in_open(ret, '{');
}

static int take_props(struct parse *p, const struct message *m, struct hit *h) {
    struct json_in in;
    if (!open_object(p, m, KEY_PROPS, &in))
        return 0;
    struct hit_prop *props = arena_alloc(p->arena, MOST_PROPS * sizeof(*props));
    if (!props)
        return nomem(p);
    size_t count = 0;
    bool first = true, too_long = false;
    struct span key;
    while (json_in_member(&in, &first, &key)) {
        struct json_in_value v;
        if (!json_in_value(&in, &v))
            break;
        if (count == MOST_PROPS || v.kind == JSON_IN_NULL || v.kind == JSON_IN_OBJECT ||
            v.kind == JSON_IN_ARRAY || key.len == 0 || v.text.len == 0)
            continue;
        too_long |= key.len > MOST_KEY_BYTES || v.text.len > MOST_VALUE_BYTES;
        props[count++] = (struct hit_prop){.key = key, .value = v.text};
    }
    if (in.nomem)
        return nomem(p);
    if (!json_in_end(&in))
        return 0; /* a string that holds no JSON: as if not sent */
    if (too_long)
        return refuse(p, "props", "must have keys of at most 300 bytes and values of at most 2000");
    h->props = props;
    h->prop_count = count;
    return 0;
}

static int take_revenue(struct parse *p, const struct message *m, struct hit *h) {
    struct json_in in;
    if (!open_object(p, m, KEY_REVENUE, &in))
        return 0;
    struct span currency = SPAN_EMPTY, amount = SPAN_EMPTY, key;
    bool first = true;
    while (json_in_member(&in, &first, &key)) {
        struct json_in_value v;
        if (!json_in_value(&in, &v))
            break;
        if (v.kind == JSON_IN_STRING && span_eq(key, SPAN_LIT("currency")))
            currency = v.text;
        if ((v.kind == JSON_IN_STRING || v.kind == JSON_IN_NUMBER) &&
            span_eq(key, SPAN_LIT("amount")))
            amount = v.text;
    }
    if (in.nomem)
        return nomem(p);
    int64_t milli;
    if (!json_in_end(&in) || currency.len != 3 || !money_milli(amount, &milli))
        return 0;
    char *code = arena_alloc(p->arena, 3);
    if (!code)
        return nomem(p);
    for (size_t i = 0; i < 3; i++) {
        char lower = ascii_lower(currency.ptr[i]);
        if (lower < 'a' || lower > 'z')
            return 0;
        code[i] = (char)(lower - 'a' + 'A');
    }
    h->currency = span_of(code, 3);
    h->revenue_milli = milli;
    return 0;
}

static bool whole_number(const struct message *m, enum key key, uint64_t *ret) {
    const struct json_in_value *v = sent(m, key);
    return v && v->kind == JSON_IN_NUMBER && span_u64(v->text, ret);
}

static int take_engagement(struct parse *p, const struct message *m, struct hit *h) {
    uint64_t scroll, engaged;
    bool has_scroll = whole_number(m, KEY_SCROLL, &scroll);
    bool has_engaged = whole_number(m, KEY_ENGAGED, &engaged) && engaged < ENGAGED_LIMIT_MS;
    h->scroll = !has_scroll ? SCROLL_NOT_SENT : scroll > 100 ? 100 : (uint8_t)scroll;
    h->engaged_ms = has_engaged ? (uint32_t)engaged : 0;
    if (span_eq(h->name, SPAN_LIT("engagement"))) {
        h->interactive = false;
        if (!has_scroll && !has_engaged)
            return refuse(p, "event_name", "engagement needs a valid \"sd\" or \"e\"");
    }
    return 0;
}

/* Umami's names. */
static int take_vitals(struct parse *p, const struct message *m, struct hit *h) {
    static const enum key keys[VITALS] = {KEY_LCP, KEY_INP, KEY_CLS};
    if (!span_eq(h->name, SPAN_LIT("vitals")))
        return 0;
    bool any = false;
    for (size_t i = 0; i < VITALS; i++) {
        const struct json_in_value *v = sent(m, keys[i]);
        any |= v && v->kind == JSON_IN_NUMBER && money_milli(v->text, &h->vitals_milli[i]);
    }
    h->interactive = false;
    return any ? 0
               : refuse(p, "event_name", "vitals needs a number in \"lcp\", \"inp\" or \"cls\"");
}

/* --- one event ----------------------------------------------------------------------------------
 */

static int add_hit(struct parse *p, const struct hit *h, struct span domain) {
    if (p->out.count == MOST_HITS)
        return refuse(p, "request", "holds more than 1000 events");
    if (p->out.count == p->room) {
        size_t room = p->room ? p->room * 4 : 1;
        struct hit *items = arena_alloc(p->arena, room * sizeof(*items));
        if (!items)
            return nomem(p);
        if (p->out.count)
            memcpy(items, p->out.items, p->out.count * sizeof(*items));
        p->out.items = items;
        p->room = room;
    }
    struct hit *to = &p->out.items[p->out.count];
    *to = *h;
    to->domain = collect_site_name(domain, p->arena);
    if (!to->domain.ptr)
        return nomem(p);
    p->out.count++;
    return 0;
}

static int add_for_each_domain(struct parse *p, const struct message *m, const struct hit *h) {
    const struct json_in_value *v = sent(m, KEY_DOMAIN);
    if (v && v->kind != JSON_IN_STRING)
        return refuse(p, "domain", "must be text");
    struct span list = v ? v->text : SPAN_EMPTY, domain;
    bool any = false;
    while (span_next(&list, ',', &domain)) {
        if (span_trim(domain).len == 0)
            continue;
        any = true;
        int rc = add_hit(p, h, domain);
        if (rc < 0)
            return rc;
    }
    if (any)
        return 0;
    struct span host = url_host(h->url);
    return host.len ? add_hit(p, h, host) : refuse(p, "domain", "is required");
}

static int take_event(struct parse *p, struct json_in *in) {
    struct message m;
    int rc = read_message(p, in, &m);
    if (rc < 0)
        return rc;
    struct hit h;
    hit_init(&h);
    h.address = p->from->address;
    h.user_agent = p->from->user_agent;
    h.gpc = p->from->gpc;
    h.dnt = p->from->dnt;
    h.opt_out = p->from->opt_out;
    h.ts_ms = p->from->ts_ms;

    if ((rc = take_required(p, &m, KEY_NAME, "event_name", &h.name)) < 0)
        return rc;
    if (longer_than_chars(h.name, MOST_NAME_CHARS))
        return refuse(p, "event_name", "should be at most 120 characters");
    if ((rc = take_required(p, &m, KEY_URL, "url", &h.url)) < 0)
        return rc;
    if (span_starts_nocase(span_trim(h.url), SPAN_LIT("data:")))
        return refuse(p, "url", "scheme is not allowed");
    if (wants_hash(&m)) {
        h.url = fragment_into_path(p, h.url);
        if (!h.url.ptr)
            return nomem(p);
    }
    h.referrer = span_utf8_head(sent_text(&m, KEY_REFERRER), MOST_REFERRER_BYTES);
    h.time_zone = sent_text(&m, KEY_ZONE);
    h.visitor_id = sent_text(&m, KEY_VISITOR_ID);
    const struct json_in_value *interactive = sent(&m, KEY_INTERACTIVE);
    h.interactive = !interactive || interactive->kind != JSON_IN_FALSE;
    if ((rc = take_engagement(p, &m, &h)) < 0 || (rc = take_vitals(p, &m, &h)) < 0 ||
        (rc = take_props(p, &m, &h)) < 0 || (rc = take_revenue(p, &m, &h)) < 0)
        return rc;
    return add_for_each_domain(p, &m, &h);
}

static int take_batch(struct parse *p, struct json_in *in) {
    bool first = true;
    for (; json_in_element(in, &first); p->fault.index++) {
        struct json_in_value other;
        if (!json_in_open(in, '{'))
            return json_in_value(in, &other)
                       ? refuse(p, "request", "must be an object or an array of objects")
                       : refuse_json(p, in);
        int rc = take_event(p, in);
        if (rc < 0)
            return rc;
    }
    if (in->failed)
        return refuse_json(p, in);
    return p->out.count ? 0 : refuse(p, "request", "holds no event");
}

int collect_plausible(struct span body, const struct hit *from, struct arena *arena,
                      struct collect_hits *ret, struct collect_fault *ret_fault, struct err *err) {
    struct parse p = {.from = from, .arena = arena, .err = err};
    struct json_in in = json_in_of(body, arena);
    int rc;
    if (json_in_open(&in, '{'))
        rc = take_event(&p, &in);
    else if (json_in_open(&in, '['))
        rc = take_batch(&p, &in);
    else
        rc = refuse(&p, "request", "must be an object or an array of objects");
    if (rc == 0 && !json_in_end(&in))
        rc = refuse_json(&p, &in);
    if (rc == ERR_INVALID)
        *ret_fault = p.fault;
    if (rc == 0)
        *ret = p.out;
    return rc;
}
