#include "asking.h"

#include <stdio.h>
#include <stdlib.h>

int run_json(struct bed *b, uint32_t site, const json_t *request, json_t **ret, struct err *err) {
    struct query_env env = {.store = b->store,
                            .clock = &b->clock.clock,
                            .timeout_ms = 20000,
                            .no_rollup = b->no_rollup,
                            .no_cells = b->no_cells};
    return query_run(&env, policy_by_id(b->policies, site), request, ret, err);
}

int run_text(struct bed *b, uint32_t site, const char *text, json_t **ret, struct err *err) {
    JSON_AUTO request = NULL;
    if (json_parse(span_str(text), &request, err) < 0)
        fail_msg("not JSON: %s", text);
    return run_json(b, site, request, ret, err);
}

char *requoted(const char *text) {
    char *copy = strdup(text);
    for (char *p = copy; *p; p++)
        if (*p == '\'')
            *p = '"';
    return copy;
}

json_t *ask(struct bed *b, uint32_t site, const char *text) {
    CLEANUP(free_charp) char *quoted = requoted(text);
    json_t *reply = NULL;
    struct err err = {0};
    if (run_text(b, site, quoted, &reply, &err) < 0)
        fail_msg("%s: %s", text, err.text);
    return reply;
}

void expect_member(struct bed *b, uint32_t site, const char *query, const char *a, const char *c,
                   const char *expected) {
    JSON_AUTO reply = ask(b, site, query);
    CLEANUP(free_charp) char *quoted = requoted(expected);
    const json_t *got = c ? json_member(json_member(reply, a), c) : json_member(reply, a);
    CLEANUP(free_charp)
    char *text = got ? json_dumps(got, JSON_COMPACT | JSON_ENCODE_ANY) : strdup("absent");
    if (strcmp(text, quoted) != 0)
        fail_msg("%s\n  expected %s\n  got      %s", query, quoted, text);
}

void expect_for(struct bed *b, uint32_t site, const char *query, const char *expected) {
    JSON_AUTO reply = ask(b, site, query);
    JSON_AUTO rows = json_array();
    size_t i;
    json_t *row;
    json_array_foreach (json_member(reply, "results"), i, row) {
        json_t *flat = json_array();
        json_array_extend(flat, json_member(row, "dimensions"));
        json_array_extend(flat, json_member(row, "metrics"));
        json_array_append_new(rows, flat);
    }
    CLEANUP(free_charp) char *quoted = requoted(expected);
    CLEANUP(free_charp) char *text = json_dumps(rows, JSON_COMPACT | JSON_REAL_PRECISION(12));
    if (strcmp(text, quoted) != 0)
        fail_msg("%s\n  expected %s\n  got      %s", query, quoted, text);
}

void expect(struct bed *b, const char *query, const char *expected) {
    expect_for(b, SITE, query, expected);
}

struct event local_event(struct bed *b, int32_t day, int hour, int minute, uint64_t person,
                         int kind, const char *page) {
    int64_t ts = zone_from_local_ms(bed_policy(b, SITE)->zone, day, hour * 3600 + minute * 60);
    return bed_event(b, SITE, ts, person, kind, page);
}
