/* fuzz_walk.c — JSON → funnel_run or journey_run against a small store that is opened once. The first byte
 * chooses the site and which of them; of the others those from 128 on stand for pieces of requests, and
 * they may be filters within one, so that requests that say something are soon found. What comes back
 * in err.text never holds what was sent; a statement that does not prepare is our fault, whatever was
 * sent; of a reply, a row a step, and no step has more people than the one before. */
#include "buf.h"
#include "funnel.h"
#include "fuzz_store.h"
#include "journey.h"

static const char *const pieces[] = {
    "{\"date_range\":\"all\",",
    "{\"date_range\":[\"2026-04-23\",\"2026-04-24\"],",
    "{\"date_range\":[\"2026-04-24T00:00:00Z\",\"2026-04-24T06:00:00Z\"],",
    "\"steps\":[",
    "{\"filters\":[",
    "],\"name\":\"@\"}",
    "]}",
    "[\"is\",\"event:page\",[\"/\"]]",
    "[\"is\",\"event:page\",[\"/\",\"@\"],{\"case_sensitive\":false}]",
    "[\"is\",\"event:name\",[\"Signup\",\"pageview\"]]",
    "[\"is_not\",\"event:name\",[\"@\"]]",
    "[\"contains\",\"event:hostname\",[\"e\"]]",
    "[\"matches\",\"event:page\",[\"^/.*$\"]]",
    "[\"is\",\"event:props:plan\",[\"pro\"]]",
    "[\"is\",\"visit:exit_page\",[\"/\"]]",
    "[\"is\",\"visit:source\",[\"Direct / None\"]]",
    "[\"has_done\",[\"is\",\"event:page\",[\"/\"]]]",
    "[\"or\",[",
    "[\"not\",",
    "]",
    ",",
    "],\"within\":\"day\"",
    "],\"within\":\"visit\"",
    "\"filters\":[",
    "\"depth\":5,",
    "\"limit\":2,",
    "\"from\":{\"entry\":\"/\"},",
    "\"date\":\"2026-04-24\"",
    "}",
};

/* Around the filters of a second step, and those of a journey. */
static const char *const frames[2][2] = {
    {"{\"date_range\":\"all\",\"filters\":[", "]}"},
    {"{\"date_range\":\"all\",\"steps\":[{\"filters\":[[\"is\",\"event:page\",[\"/"
     "\"]]]},{\"filters\":[",
     "]}]}"},
};

static void put_text(struct buf *out, const uint8_t *data, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (data[i] < 128)
            buf_addc(out, (char)data[i]);
        else
            buf_adds(out, pieces[data[i] % ARRAY_LEN(pieces)]);
}

static void check_steps(const json_t *request, const json_t *reply) {
    const json_t *rows = json_member(reply, "results");
    must(json_array_size(rows) == json_array_size(json_member(request, "steps")));
    json_int_t before = INT64_MAX;
    size_t i;
    json_t *row;
    json_array_foreach (rows, i, row) {
        const json_t *visitors = json_member(row, "visitors");
        if (!json_is_integer(visitors))
            continue; /* hidden */
        must(json_integer_value(visitors) >= 0 && json_integer_value(visitors) <= before);
        before = json_integer_value(visitors);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!store)
        open_unwatched();
    if (size < 2)
        return 0;
    struct fake_clock clock;
    fake_clock_init(&clock, 1777000100000);
    struct err err = {0};
    JSON_AUTO parsed = NULL;
    BUF_AUTO text = {0};
    bool funnel = data[0] & 0x80, framed = data[0] & 0x40;
    buf_adds(&text, framed ? frames[funnel][0] : "");
    put_text(&text, data + 1, size - 1);
    buf_adds(&text, framed ? frames[funnel][1] : "");
    if (json_parse(buf_span(&text), &parsed, &err) < 0)
        return 0;
    JSON_AUTO request = plant(parsed);
    const struct policy *policy = policy_by_id(policies, data[0] % 3);
    struct query_env env = {.store = store, .clock = &clock.clock, .timeout_ms = 5000};
    JSON_AUTO reply = NULL;
    int r = funnel ? funnel_run(&env, policy, request, &reply, &err)
                   : journey_run(&env, policy, request, &reply, &err);
    must(r == 0 || r == ERR_INVALID || r == ERR_TIMEOUT || r == ERR_NOMEM);
    must((r == 0) == (reply != NULL));
    must(r == 0 || !strstr(err.text, "anna."));
    must(r != ERR_INVALID || strchr(err.text, ':'));
    if (reply && funnel)
        check_steps(request, reply);
    return 0;
}
