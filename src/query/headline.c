#include "headline.h"

static json_t *request_of(struct span period, struct span date) {
    JSON_AUTO request =
        json_pack("{s:[s,s], s:s%, s:{s:s}}", "metrics", "visitors", "pageviews", "date_range",
                  period.ptr, period.len, "include", "compare", "previous_period");
    if (!request)
        return NULL;
    if (date.len > 0 && json_object_set_new(request, "date", json_stringn(date.ptr, date.len)) < 0)
        return NULL;
    return TAKE_PTR(request);
}

/* "date_range: …" is said of what is a period here. */
static void rename_error(struct err *err) {
    struct span rest = span_str(err->text), key = SPAN_LIT("date_range:");
    if (!span_starts(rest, key))
        return;
    char text[sizeof(err->text)];
    rest = span_from(rest, key.len);
    (void)snprintf(text, sizeof(text), "period:%.*s", SPAN_ARG(rest));
    memcpy(err->text, text, sizeof(text));
}

int headline_run(const struct query_env *env, const struct policy *policy, struct span period,
                 struct span date, json_t **ret, struct err *err) {
    JSON_AUTO request = request_of(period, date);
    JSON_AUTO reply = NULL;
    if (!request)
        return err_set(err, span_is_utf8(period) && span_is_utf8(date) ? ERR_NOMEM : ERR_INVALID,
                       "period: is not a range");
    int rc = query_run(env, policy, request, &reply, err);
    if (rc == ERR_INVALID)
        rename_error(err);
    if (rc < 0)
        return rc;
    const json_t *row = json_array_get(json_member(reply, "results"), 0);
    const json_t *now = json_member(row, "metrics");
    const json_t *change = json_member(json_member(row, "comparison"), "change");
    json_t *line = json_pack("{s:O, s:O, s:{s:O, s:O}}", "visitors", json_array_get(now, 0),
                             "pageviews", json_array_get(now, 1), "change", "visitors",
                             json_array_get(change, 0), "pageviews", json_array_get(change, 1));
    if (!line)
        return err_set(err, ERR_NOMEM, "out of memory");
    *ret = line;
    return 0;
}
