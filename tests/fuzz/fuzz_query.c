/* fuzz_query.c — JSON bytes, or parameters of v1, → query_run against a small store that is opened once. What comes back
 * in err.text is for the sender: it must never hold what was sent, here an e-mail address planted
 * in the corpus and put into the request as a value. A statement that does not prepare is our
 * fault, whatever was sent. */
#include <sanitizer/lsan_interface.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "crypt.h"
#include "must.h"
#include "query.h"
#include "query_v1.h"

#define PLANTED "anna.muster@example.org"

static struct store *store;
static struct policy_set *policies;

static void open_once(void) {
    char dir[] = "/tmp/tamis-fuzz-query-XXXXXX";
    bool rebuilt;
    struct err err;
    must(crypt_init() == 0 && mkdtemp(dir));
    struct store_options options = {.threads = 1};
    must(store_open(dir, &options, &store, &rebuilt, &err) == 0);
    policies = policy_set_new();
    must(policies);
    static const enum profile profiles[] = {PROFILE_CNIL, PROFILE_FRUGAL, PROFILE_CONSENTED};
    static const char *const domains[] = {"a.example", "b.example", "c.example"};
    struct event events[6];
    for (uint32_t i = 0; i < 3; i++) {
        struct policy p = {.site = i, .domain = span_str(domains[i]), .profile = profiles[i]};
        must(policy_set_add(policies, &p, SPAN_LIT("Europe/Paris"), &err) == 0);
        for (uint32_t k = 0; k < 2; k++) {
            struct event *e = &events[i * 2 + k];
            event_init(e);
            e->site = i;
            e->ts_ms = 1777000000000 + k * 60000;
            e->day = 20567;
            e->visitor = i + 1;
            e->interactive = 1;
            e->page = SPAN_LIT("/");
        }
    }
    struct store_batch batch = {.events = events, .event_count = 6, .next = {.offset = 1}};
    must(store_apply(store, &batch, &err) == 0);
}

/* Every string that begins with "@" becomes the planted address, so that mutation puts it anywhere.
 */
static json_t *plant(json_t *j) {
    if (json_is_string(j) && json_string_value(j)[0] == '@')
        return json_string(PLANTED);
    size_t i;
    json_t *item;
    const char *key;
    void *next;
    if (json_is_array(j))
        json_array_foreach (j, i, item)
            (void)json_array_set_new(j, i, plant(item));
    if (json_is_object(j))
        json_object_foreach_safe(j, next, key, item) {
            if (key[0] == '@')
                (void)json_object_set(j, PLANTED, item);
            (void)json_object_set_new(j, key, plant(item));
        }
    return json_incref(j);
}

/* Lines of key=value; NULL with what is wrong in err. */
static json_t *from_v1(enum v1_kind kind, struct span lines, struct err *err) {
    struct v1_param params[16];
    size_t count = 0;
    struct span line;
    while (count < ARRAY_LEN(params) && span_next(&lines, '\n', &line)) {
        size_t at = span_find(line, '=', 0);
        struct span value = span_from(line, at + 1);
        bool planted = value.len > 0 && value.ptr[0] == '@';
        params[count++] =
            (struct v1_param){span_head(line, at), planted ? SPAN_LIT(PLANTED) : value};
    }
    json_t *query = NULL;
    int r = v1_query(kind, params, count, &query, err);
    must(r == 0 || r == ERR_INVALID);
    must((r == 0) == (query != NULL));
    return query;
}

/* The request, whichever way it is written; NULL: it is none. */
static json_t *request_of(const uint8_t *data, size_t size) {
    struct err err = {0};
    struct span text = span_of((const char *)data + 1, size - 1);
    if (data[0] & 0x80) {
        json_t *query = from_v1(data[0] >> 2 & 1, text, &err);
        must(query || (!strstr(err.text, "anna.") && strchr(err.text, ':')));
        return query;
    }
    JSON_AUTO parsed = NULL;
    return json_parse(text, &parsed, &err) < 0 ? NULL : plant(parsed);
}

/* Of the statement prepared when the store opens, DuckDB holds some hundred bytes
 * (BoundParameterMap, Binder::Bind(ExpressionListRef)) by ways that the leak detector cannot see.
 * They go when the store is closed, which here is never: what the opening allocates is left out,
 * everything that a query does is watched. */
static void open_unwatched(void) {
    __lsan_disable();
    open_once();
    __lsan_enable();
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
    JSON_AUTO request = request_of(data, size);
    if (!request)
        return 0;
    struct query_env env = {.store = store, .clock = &clock.clock, .timeout_ms = 5000};
    JSON_AUTO reply = NULL;
    int r = query_run(&env, policy_by_id(policies, data[0] % 3), request, &reply, &err);
    must(r == 0 || r == ERR_INVALID || r == ERR_TIMEOUT || r == ERR_NOMEM);
    must((r == 0) == (reply != NULL));
    must(r == 0 || !strstr(err.text, "anna."));
    must(r != ERR_INVALID || strchr(err.text, ':'));
    for (enum v1_kind kind = V1_AGGREGATE; reply && kind <= V1_BREAKDOWN; kind++) {
        JSON_AUTO told = v1_reply(kind, reply);
        must(told);
    }
    return 0;
}
