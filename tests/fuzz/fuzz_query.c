/* fuzz_query.c — JSON bytes, or parameters of v1, → query_run against a small store that is opened once. What comes back
 * in err.text is for the sender: it must never hold what was sent, here an e-mail address planted
 * in the corpus and put into the request as a value. A statement that does not prepare is our
 * fault, whatever was sent. */
#include "fuzz_store.h"
#include "query_v1.h"

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
