#include "notes.h"

/* Fewer visits than these make any share by chance, and say too much of single ones. */
enum { LEAST_VISITS = 50, LEAST_SHARE = 50, LEAST_RISE = 2, MOST_SOURCES = 10000 };

/* Visits in a range that is named as seen from the day. */
struct visits {
    json_t *rows;  /* by source, the most first */
    json_t *query; /* as it was understood */
    json_int_t total;
};

static void visits_releasep(struct visits *v) {
    json_decref(v->rows);
    json_decref(v->query);
}

static json_int_t first_metric(const json_t *row) {
    return json_integer_value(json_array_get(json_member(row, "metrics"), 0));
}

static const char *source_of(const json_t *row) {
    return json_string_value(json_array_get(json_member(row, "dimensions"), 0));
}

static int ask(const struct query_env *env, const struct policy *policy, const char *range,
               struct span date, bool by_source, json_t **ret, struct err *err) {
    JSON_AUTO request = json_pack("{s:[s], s:s}", "metrics", "visits", "date_range", range);
    int failed = request ? 0 : -1;
    if (date.len)
        failed |= json_object_set_new(request, "date", json_stringn(date.ptr, date.len));
    if (by_source) {
        failed |= json_object_set_new(request, "dimensions", json_pack("[s]", "visit:source"));
        failed |= json_object_set_new(request, "order_by", json_pack("[[s, s]]", "visits", "desc"));
        failed |=
            json_object_set_new(request, "pagination", json_pack("{s:i}", "limit", MOST_SOURCES));
    }
    return failed ? err_set(err, ERR_NOMEM, "out of memory")
                  : query_run(env, policy, request, ret, err);
}

static int visits_in(const struct query_env *env, const struct policy *policy, const char *range,
                     struct span date, struct visits *ret, struct err *err) {
    JSON_AUTO all = NULL;
    JSON_AUTO by_source = NULL;
    int rc = ask(env, policy, range, date, false, &all, err);
    if (rc < 0 || (rc = ask(env, policy, range, date, true, &by_source, err)) < 0)
        return rc;
    ret->total = first_metric(json_array_get(json_member(all, "results"), 0));
    ret->rows = json_incref(json_member(by_source, "results"));
    ret->query = json_incref(json_member(by_source, "query"));
    return 0;
}

static json_int_t visits_from(const struct visits *v, const char *source) {
    size_t i;
    json_t *row;
    json_array_foreach (v->rows, i, row)
        if (strcmp(source_of(row), source) == 0)
            return first_metric(row);
    return 0;
}

static json_int_t percent(json_int_t part, json_int_t whole) {
    return (part * 200 + whole) / (whole * 2);
}

/* NULL when there is nothing to note, or on out of memory. */
static json_t *source_note(const struct visits *day, const struct visits *before) {
    const json_t *top = json_array_get(day->rows, 0);
    json_int_t visits = first_metric(top);
    if (!top || before->total == 0 || visits < LEAST_VISITS ||
        visits * 100 <= day->total * LEAST_SHARE)
        return NULL;
    json_int_t share = percent(visits, day->total);
    json_int_t share_before = percent(visits_from(before, source_of(top)), before->total);
    if (share < share_before * LEAST_RISE)
        return NULL;
    /* "2026-11-24T00:00:00+01:00": the day is what comes first. */
    struct span begin = json_span(json_array_get(json_member(day->query, "date_range"), 0));
    struct span date = span_head(begin, span_find(begin, 'T', 0));
    return json_pack("{s:s, s:s%, s:s, s:I, s:I, s:I, s:I}", "note", "source", "date", date.ptr,
                     date.len, "source", source_of(top), "visits", visits, "total_visits",
                     day->total, "share", share, "share_before", share_before);
}

int notes_run(const struct query_env *env, const struct policy *policy, struct span date,
              json_t **ret, struct err *err) {
    CLEANUP(visits_releasep) struct visits day = {0};
    CLEANUP(visits_releasep) struct visits before = {0};
    int rc = visits_in(env, policy, "day", date, &day, err);
    if (rc < 0 || (rc = visits_in(env, policy, "28d", date, &before, err)) < 0)
        return rc;
    json_t *note = source_note(&day, &before);
    json_t *reply = note ? json_pack("{s:[o], s:{}}", "results", note, "meta")
                         : json_pack("{s:[], s:{}}", "results", "meta");
    if (!reply)
        return err_set(err, ERR_NOMEM, "out of memory");
    *ret = reply;
    return 0;
}
