#include "query_annotations.h"

#include "annotations.h"
#include "query_parts.h"

/* NULL when it is not UTF-8, or on out of memory. */
static json_t *range_json(struct span text) {
    size_t comma = span_find(text, ',', 0);
    struct span from = span_head(text, comma), to = span_from(text, comma + 1);
    return comma == text.len
               ? json_stringn(text.ptr, text.len)
               : json_pack("[s%, s%]", from.ptr, from.len, to.ptr ? to.ptr : "", to.len);
}

static int days_of(const struct query_env *env, const struct policy *policy, struct span text,
                   int32_t *ret_from, int32_t *ret_to, struct err *err) {
    struct range r = {.from_first = true};
    *ret_from = INT32_MIN;
    *ret_to = INT32_MAX;
    if (text.len) {
        JSON_AUTO value = range_json(text);
        if (!value)
            return err_set(err, ERR_INVALID, "date_range: is not UTF-8");
        int rc = range_parse(value, NULL, policy->zone, clock_wall_ms(env->clock), &r, err);
        if (rc < 0)
            return rc;
    }
    if (!r.from_first) {
        *ret_from = r.from_day;
        *ret_to = r.to_day;
    }
    return 0;
}

int annotations_run(const struct query_env *env, const struct policy *policy,
                    struct span date_range, json_t **ret, struct err *err) {
    int32_t from, to;
    JSON_AUTO list = NULL;
    int rc = days_of(env, policy, date_range, &from, &to, err);
    if (rc < 0 ||
        (rc = control_annotation_list(env->control, policy->domain, from, to, &list, err)) < 0)
        return rc;
    json_t *reply = json_pack("{s:O, s:{}}", "results", list, "meta");
    if (!reply)
        return err_set(err, ERR_NOMEM, "out of memory");
    *ret = reply;
    return 0;
}
