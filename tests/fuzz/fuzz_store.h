/* A small store and a planted address, for fuzzers of what is asked. Each is a program of its own, so this
 * is included. */
#ifndef TAMIS_FUZZ_STORE_H
#define TAMIS_FUZZ_STORE_H

#include <sanitizer/lsan_interface.h>
#include <stdlib.h>
#include <unistd.h>

#include "crypt.h"
#include "must.h"
#include "query.h"

#define PLANTED "anna.muster@example.org"

static struct store *store;
static struct policy_set *policies;

static void open_once(void) {
    char dir[] = "/tmp/tamis-fuzz-XXXXXX";
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

/* Of the statement prepared when the store opens, DuckDB holds some hundred bytes
 * (BoundParameterMap, Binder::Bind(ExpressionListRef)) by ways that the leak detector cannot see.
 * They go when the store is closed, which here is never: what the opening allocates is left out,
 * everything that a query does is watched. */
static void open_unwatched(void) {
    __lsan_disable();
    open_once();
    __lsan_enable();
}

#endif
