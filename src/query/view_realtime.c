#include "view_realtime.h"

#include <stdlib.h>

#include "realtime.h"

static const char *const counts[] = {"current_visitors", "visitors", "pageviews"};
static const char *const lists[] = {"pages", "sources", "countries"};
static const char *const row_counts[] = {"visitors", "pageviews"};

static int set_count(json_t *object, const char *key, json_int_t n) {
    return json_object_set_new(object, key, json_integer(n));
}

static int add_count(json_t *sum, const json_t *one, const char *key) {
    return set_count(sum, key,
                     json_integer_value(json_member(sum, key)) +
                         json_integer_value(json_member(one, key)));
}

static int add_minutes(json_t *sum, const json_t *one) {
    int failed = 0;
    for (size_t i = 0; i < REALTIME_MINUTES; i++)
        failed |= json_array_set_new(sum, i,
                                     json_integer(json_integer_value(json_array_get(sum, i)) +
                                                  json_integer_value(json_array_get(one, i))));
    return failed;
}

/* Rows of one name are one row. `index` has the sum's rows by name. */
static int add_rows(json_t *sum, json_t *index, const json_t *rows) {
    size_t i;
    json_t *row;
    int failed = 0;
    json_array_foreach (rows, i, row) {
        const char *name = json_string_value(json_member(row, "name"));
        json_t *same = json_object_get(index, name);
        for (size_t k = 0; same && k < ARRAY_LEN(row_counts); k++)
            if (json_member(row, row_counts[k]))
                failed |= add_count(same, row, row_counts[k]);
        if (same)
            continue;
        JSON_AUTO copy = json_deep_copy(row);
        failed |= json_array_append(sum, copy) | json_object_set(index, name, copy);
    }
    return failed;
}

static int by_visitors(const void *a, const void *b) {
    const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
    json_int_t more = json_integer_value(json_member(y, "visitors")) -
                      json_integer_value(json_member(x, "visitors"));
    if (more)
        return more < 0 ? -1 : 1;
    return strcmp(json_string_value(json_member(x, "name")),
                  json_string_value(json_member(y, "name")));
}

/* The first of a list by visitors, then name. */
static json_t *top_of(const json_t *rows) {
    size_t count = json_array_size(rows);
    json_t **sorted = calloc(count + 1, sizeof(json_t *));
    JSON_AUTO top = json_array();
    if (!sorted || !top) {
        free(sorted);
        return NULL;
    }
    for (size_t i = 0; i < count; i++)
        sorted[i] = json_array_get(rows, i);
    qsort(sorted, count, sizeof(*sorted), by_visitors);
    int failed = 0;
    for (size_t i = 0; i < count && i < REALTIME_MOST_ROWS; i++)
        failed |= json_array_append(top, sorted[i]);
    free(sorted);
    return failed ? NULL : TAKE_PTR(top);
}

static json_t *nothing(void) {
    JSON_AUTO sum = json_pack("{s:{s:[], s:[]}, s:[], s:[], s:[], s:{}}", "minutes", "visitors",
                              "pageviews", "pages", "sources", "countries", "meta");
    json_t *minutes = json_member(sum, "minutes");
    int failed = sum ? 0 : -1;
    for (size_t i = 0; i < ARRAY_LEN(counts); i++)
        failed |= set_count(sum, counts[i], 0);
    for (size_t i = 0; i < REALTIME_MINUTES; i++)
        for (size_t k = 0; k < ARRAY_LEN(row_counts); k++)
            failed |= json_array_append_new(json_member(minutes, row_counts[k]), json_integer(0));
    return failed ? NULL : TAKE_PTR(sum);
}

static int add_site(json_t *sum, json_t *index, const json_t *one) {
    int failed = 0;
    for (size_t i = 0; i < ARRAY_LEN(counts); i++)
        failed |= add_count(sum, one, counts[i]);
    for (size_t k = 0; k < ARRAY_LEN(row_counts); k++)
        failed |= add_minutes(json_member(json_member(sum, "minutes"), row_counts[k]),
                              json_member(json_member(one, "minutes"), row_counts[k]));
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        failed |= add_rows(json_member(sum, lists[i]), json_member(index, lists[i]),
                           json_member(one, lists[i]));
    return failed;
}

int view_realtime_run(const struct query_env *env, const struct query_view *v, json_t **ret,
                      struct err *err) {
    JSON_AUTO sum = nothing();
    JSON_AUTO index = json_pack("{s:{}, s:{}, s:{}}", "pages", "sources", "countries");
    int failed = sum && index ? 0 : -1;
    for (size_t i = 0; !failed && i < v->site_count; i++) {
        JSON_AUTO one = NULL;
        int rc = realtime_run(env, v->sites[i], &one, err);
        if (rc < 0)
            return rc;
        failed |= add_site(sum, index, one);
    }
    for (size_t i = 0; !failed && i < ARRAY_LEN(lists); i++)
        failed |= json_object_set_new(sum, lists[i], top_of(json_member(sum, lists[i])));
    if (failed)
        return err_set(err, ERR_NOMEM, "out of memory");
    *ret = TAKE_PTR(sum);
    return 0;
}
