/* sample.h — events and folders for the store's tests. */
#ifndef TAMIS_TEST_SAMPLE_H
#define TAMIS_TEST_SAMPLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store.h"

enum { SAMPLE_DAY = 20000 };
#define SAMPLE_START_MS ((int64_t)SAMPLE_DAY * 86400000)

static inline char *temp_dir(void) {
    char path[] = "/tmp/tamis-store-XXXXXX";
    assert_non_null(mkdtemp(path));
    return strdup(path);
}

static inline void remove_dir(char *dir) {
    char command[200];
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    assert_int_equal(system(command), 0);
    free(dir);
}

static inline struct event page_view(uint64_t visitor, int64_t at_ms, const char *page) {
    struct event e;
    event_init(&e);
    e.site = 1;
    e.day = SAMPLE_DAY;
    e.ts_ms = SAMPLE_START_MS + at_ms;
    e.hour = (uint8_t)(at_ms / 3600000);
    e.visitor = visitor;
    e.interactive = 1;
    e.name = SPAN_LIT("pageview");
    e.hostname = SPAN_LIT("example.com");
    e.page = span_str(page);
    return e;
}

static inline struct store *open_store_with(const char *dir, const struct store_options *options,
                                            bool rebuilt) {
    struct store *s = NULL;
    struct err err = {0};
    bool was_rebuilt = false;
    if (store_open(dir, options, &s, &was_rebuilt, &err))
        fail_msg("store_open: %s", err.text);
    assert_int_equal(was_rebuilt, rebuilt);
    return s;
}

static inline struct store *open_store(const char *dir, bool rebuilt) {
    return open_store_with(dir, NULL, rebuilt);
}

static inline int try_apply(struct store *s, const struct event *events, size_t count,
                            uint64_t offset, struct err *err) {
    struct store_batch b = {.events = events, .event_count = count, .next = {1, offset}};
    return store_apply(s, &b, err);
}

static inline void apply(struct store *s, const struct event *events, size_t count,
                         uint64_t offset) {
    struct err err = {0};
    if (try_apply(s, events, count, offset, &err))
        fail_msg("store_apply: %s", err.text);
}

/* The first value of a query, as a whole number. */
static inline int64_t number(struct store *s, const char *sql) {
    struct sql_result *r = NULL;
    struct err err = {0};
    if (store_select(s, sql, NULL, 0, 30000, &r, &err))
        fail_msg("%s: %s", sql, err.text);
    struct sql_value v = sql_result_at(r, 0, 0);
    assert_int_not_equal(v.type, SQL_TEXT_VALUE);
    int64_t n = v.type == SQL_REAL ? (int64_t)v.d : v.i;
    sql_result_free(r);
    return n;
}

static inline void is_text(struct store *s, const char *sql, const char *want) {
    struct sql_result *r = NULL;
    struct err err = {0};
    if (store_select(s, sql, NULL, 0, 30000, &r, &err))
        fail_msg("%s: %s", sql, err.text);
    char got[300];
    struct sql_value v = sql_result_at(r, 0, 0);
    assert_int_equal(v.type, SQL_TEXT_VALUE);
    snprintf(got, sizeof got, "%.*s", SPAN_ARG(v.text));
    assert_string_equal(got, want);
    sql_result_free(r);
}

#endif
