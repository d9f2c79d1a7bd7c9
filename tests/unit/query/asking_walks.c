#include "asking_walks.h"

#include <stdio.h>
#include <stdlib.h>

static int ask_for(walk_run *run, struct bed *b, uint32_t site, const char *text, json_t **ret,
                   struct err *err) {
    CLEANUP(free_charp) char *quoted = requoted(text);
    JSON_AUTO request = NULL;
    if (json_parse(span_str(quoted), &request, err) < 0)
        fail_msg("not JSON: %s", text);
    struct query_env env = {.store = b->store, .clock = &b->clock.clock, .timeout_ms = 20000};
    return run(&env, bed_policy(b, site), request, ret, err);
}

json_t *ask_walk(walk_run *run, struct bed *b, uint32_t site, const char *text) {
    json_t *reply = NULL;
    struct err err = {0};
    if (ask_for(run, b, site, text, &reply, &err) < 0)
        fail_msg("%s: %s", text, err.text);
    return reply;
}

static char *rows_of(const json_t *reply, const char *const *keys, size_t count) {
    JSON_AUTO rows = json_array();
    size_t i;
    json_t *row;
    json_array_foreach (json_member(reply, "results"), i, row) {
        json_t *flat = json_array();
        for (size_t k = 0; k < count; k++)
            if (json_member(row, keys[k]))
                json_array_append(flat, json_member(row, keys[k]));
        json_array_append_new(rows, flat);
    }
    return json_dumps(rows, JSON_COMPACT | JSON_REAL_PRECISION(6));
}

void expect_walk(walk_run *run, struct bed *b, uint32_t site, const char *text,
                 const char *const *keys, size_t count, const char *expected) {
    JSON_AUTO reply = ask_walk(run, b, site, text);
    CLEANUP(free_charp) char *want = requoted(expected);
    CLEANUP(free_charp) char *got = rows_of(reply, keys, count);
    if (strcmp(got, want) != 0)
        fail_msg("%s\n  expected %s\n  got      %s", text, want, got);
}

void walk_set_clock(struct bed *b) {
    b->clock.now_ms = zone_day_start_ms(bed_policy(b, SITE)->zone, day_of(2026, 5, 12));
}

void expect_refused(walk_run *run, const struct refused_walk *list, size_t count) {
    struct bed *b = bed_open();
    walk_set_clock(b);
    for (size_t i = 0; i < count; i++) {
        CLEANUP(free_charp) char *request = NULL;
        bool whole = list[i].request[0] == '[';
        assert_true(asprintf(&request, whole ? "%s" : "{%s}", list[i].request) > 0);
        json_t *reply = NULL;
        struct err err = {0};
        int r = ask_for(run, b, SITE, request, &reply, &err);
        if (r != ERR_INVALID || strcmp(err.text, list[i].error) != 0)
            fail_msg("%s\n  expected %s\n  got      %d %s", request, list[i].error, r, err.text);
    }
    bed_close(b);
}
