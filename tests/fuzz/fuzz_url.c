/* fuzz_url — any address, with an e-mail, IP addresses and the id of a click planted in it: they
 * must never come out of the sieve's parts that keep text (page, referrer, campaign fields, properties, event
 * names). */
#include <stdio.h>
#include <stdlib.h>

#include "origin.h"
#include "page.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const plants[] = {"jane.doe@example.com", "203.0.113.77", "2001:db8::1234:5678"};
static const char click[] = "plantedclick";
static const char *const clicks[] = {"&gclid=plantedclick", "%26fbclid%3Dplantedclick",
                                     "?%256dsclkid=x&mc_eid=plantedclick"};

static struct {
    struct scrub *scrub;
    struct scrub_lane *lane;
    struct source_table *sources;
    struct spam *spam;
} shared;

static void check(struct span text) {
    for (size_t i = 0; i < ARRAY_LEN(plants); i++)
        if (span_find_span(text, span_str(plants[i])) != SIZE_MAX)
            abort();
    if (span_find_span(text, span_str(click)) != SIZE_MAX)
        abort();
}

static void need(int rc) {
    if (rc < 0)
        abort();
}

/* Puts a plant in at each 0x01 (bare), 0x02 (percent-encoded) or 0x03 (twice encoded) of the
 * input, and a click's id at each 0x04. */
static void plant(struct buf *out, const uint8_t *data, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if (data[i] == 4)
            buf_adds(out, clicks[i % ARRAY_LEN(clicks)]);
        if (data[i] < 1 || data[i] > 4) {
            buf_addc(out, (char)data[i]);
            continue;
        }
        const char *p = data[i] == 4 ? "" : plants[i % ARRAY_LEN(plants)];
        for (; *p; p++)
            if (data[i] == 1)
                buf_addc(out, *p);
            else
                buf_addf(out, data[i] == 2 ? "%%%02x" : "%%25%02x", (unsigned)*p);
    }
}

static void run(struct span text, struct arena *arena, enum profile profile) {
    static const struct span keep[] = {{"k", 1}};
    const struct policy policy = {.domain = SPAN_LIT("example.com"),
                                  .profile = profile,
                                  .query_keep = keep,
                                  .query_keep_count = 1};
    const struct hit hit = {.referrer = text, .user_agent = SPAN_LIT("Agent/1.0 (X11; planted)")};
    const struct origin_context c = {.policy = &policy,
                                     .hit = &hit,
                                     .sources = shared.sources,
                                     .spam = shared.spam,
                                     .scrub = shared.lane,
                                     .arena = arena};
    struct event e;
    event_init(&e);
    struct props props;
    props.count = props.dropped = 0;
    need(origin_text(&c, text, 0, &e.name, NULL));
    need(page_of(shared.lane, text, &policy, hit.user_agent, arena, &e.page, NULL));
    need(props_add(&props, shared.lane, text, SPAN_LIT("v"), hit.user_agent, arena, NULL));
    need(props_add(&props, shared.lane, SPAN_LIT("a"), text, hit.user_agent, arena, NULL));
    struct url url;
    if (url_parse(text, false, &url)) {
        need(origin_fill(&c, &url, &e, &props, NULL));
        struct span page;
        need(page_of(shared.lane, url.path, &policy, hit.user_agent, arena, &page, NULL));
        check(page);
    }
    need(props_write(&props, event_fields[EVENT_FIELD_props].most, arena, &e.props, NULL));
    event_restrict(&e, profile);
    BUF_AUTO out = {0};
    event_encode(&e, &out);
    check(buf_span(&out));
    struct event back;
    need(event_decode(buf_span(&out), &back, NULL));
}

/* Unlike the others, the id of a click is told by the name before it only, so that the fuzzer must
 * not write one itself, not even in pieces. */
static bool writes_click(const uint8_t *data, size_t size) {
    static const char *const pieces[] = {"plant", "edcli", "click"};
    BUF_AUTO letters = {0};
    for (size_t i = 0; i < size; i++)
        if (data[i] >= 'a' && data[i] <= 'z')
            buf_addc(&letters, (char)data[i]);
    bool found = false;
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++)
        found |= span_find_span(buf_span(&letters), span_str(pieces[i])) != SIZE_MAX;
    return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!shared.scrub) {
        need(scrub_open(&shared.scrub, NULL));
        need(scrub_lane_new(shared.scrub, &shared.lane, NULL));
        need(source_table_open(&shared.sources, NULL));
        need(spam_open(SPAN_EMPTY, &shared.spam, NULL));
    }
    if (size < 1)
        return 0;
    if (writes_click(data, size))
        return 0;
    static const char *const heads[] = {"",
                                        "https://example.com/",
                                        "https://example.com/?utm_source=",
                                        "https://blog.org/",
                                        "https://",
                                        "https://example.com/?k="};
    BUF_AUTO text = {0};
    buf_adds(&text, heads[data[0] % ARRAY_LEN(heads)]);
    plant(&text, data + 1, size - 1);
    struct arena arena;
    arena_init(&arena, 0);
    run(buf_span(&text), &arena, data[0] & 0x80 ? PROFILE_CONSENTED : PROFILE_FRUGAL);
    arena_release(&arena);
    return 0;
}
