#include "query_segment.h"

#include "query_parts.h"
#include "segments.h"

struct expansion {
    struct control *control;
    uint32_t site;
    size_t named;
    struct err *err;
};

static int no_memory(struct err *err) {
    return err_set(err, ERR_NOMEM, "out of memory");
}

static bool is_word(const json_t *node, size_t at, const char *word) {
    return span_eq(json_span(json_array_get(node, at)), span_str(word));
}

static int look_up(struct expansion *e, const json_t *value, json_t **ret) {
    char number[24];
    struct span name = json_span(value);
    if (json_is_integer(value)) {
        (void)snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
        name = span_str(number);
    }
    if (!name.ptr)
        return err_set(e->err, ERR_INVALID, "filters: a segment is named by text or number");
    if (!e->control)
        return err_set(e->err, ERR_INVALID, "filters: no segment can be named here");
    if (++e->named > QUERY_MOST_SEGMENTS)
        return err_set(e->err, ERR_INVALID, "filters: at most %d segments", QUERY_MOST_SEGMENTS);
    int rc = control_segment_filters(e->control, e->site, name, ret, e->err);
    return rc == ERR_NOT_FOUND ? err_set(e->err, ERR_INVALID, "filters: unknown segment") : rc;
}

/* All of a list as one filter. */
static json_t *as_one(json_t *list) {
    return json_array_size(list) == 1 ? json_incref(json_array_get(list, 0))
                                      : json_pack("[s, O]", "and", list);
}

/* Appends what the filter stands for; in a list of which all must hold, that may be several. */
static int put_segment(struct expansion *e, const json_t *node, bool all, json_t *into) {
    bool negated = is_word(node, 0, "is_not");
    const json_t *values = json_array_get(node, 2), *value;
    if ((!negated && !is_word(node, 0, "is")) || json_array_size(node) != 3)
        return err_set(e->err, ERR_INVALID, "filters: segment goes with is and is_not alone");
    if (json_array_size(values) == 0)
        return err_set(e->err, ERR_INVALID, "filters: values must be a list of at least one");
    JSON_AUTO any = json_array();
    size_t i;
    json_array_foreach (values, i, value) {
        JSON_AUTO filters = NULL;
        int rc = look_up(e, value, &filters);
        if (rc < 0)
            return rc;
        if (all && !negated && json_array_size(values) == 1)
            return json_array_extend(into, filters) < 0 ? no_memory(e->err) : 0;
        if (json_array_append_new(any, as_one(filters)) < 0)
            return no_memory(e->err);
    }
    json_t *one = json_array_size(any) == 1 ? json_incref(json_array_get(any, 0))
                                            : json_pack("[s, O]", "or", any);
    if (negated)
        one = json_pack("[s, o]", "not", one);
    return json_array_append_new(into, one) < 0 ? no_memory(e->err) : 0;
}

static int put_node(struct expansion *e, json_t *node, int depth, bool all, json_t *into);

static int put_list(struct expansion *e, const json_t *list, int depth, bool all, json_t *into) {
    size_t i;
    json_t *node;
    json_array_foreach (list, i, node) {
        int rc = put_node(e, node, depth, all, into);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* What is too deep or of no known form is left for the parser to refuse. */
static int put_node(struct expansion *e, json_t *node, int depth, bool all, json_t *into) {
    if (is_word(node, 1, "segment"))
        return put_segment(e, node, all, into);
    json_t *inner = json_array_get(node, 1);
    bool group = is_word(node, 0, "and") || is_word(node, 0, "or");
    if (depth > QUERY_MOST_FILTER_DEPTH || !json_is_array(inner) || json_array_size(node) != 2)
        return json_array_append(into, node) < 0 ? no_memory(e->err) : 0;
    JSON_AUTO inside = json_array();
    int rc = group ? put_list(e, inner, depth + 1, is_word(node, 0, "and"), inside)
                   : put_node(e, inner, depth + 1, false, inside);
    if (rc < 0)
        return rc;
    JSON_AUTO copy = json_copy(node);
    json_t *put = group ? inside : json_array_get(inside, 0);
    if (json_array_set(copy, 1, put) < 0 || json_array_append(into, copy) < 0)
        return no_memory(e->err);
    return 0;
}

int segments_expand(const struct query_env *env, const struct policy *policy, const json_t *request,
                    json_t **ret, struct err *err) {
    struct expansion e = {.control = env->control, .site = policy->site, .err = err};
    const json_t *filters = json_member(request, "filters");
    if (json_array_size(filters) == 0)
        return 0;
    JSON_AUTO expanded = json_array();
    int rc = put_list(&e, filters, 0, true, expanded);
    if (rc < 0 || e.named == 0)
        return rc;
    JSON_AUTO copy = json_copy((json_t *)(uintptr_t)request);
    if (json_object_set(copy, "filters", expanded) < 0)
        return no_memory(err);
    *ret = TAKE_PTR(copy);
    return 0;
}

int segment_check(const struct query_env *env, const struct policy *policy, const json_t *filters,
                  struct err *err) {
    struct query_env alone = *env;
    alone.control = NULL;
    JSON_AUTO reply = NULL;
    JSON_AUTO request = json_pack("{s:[s], s:s, s:O}", "metrics", "visitors", "date_range", "day",
                                  "filters", filters);
    return request ? query_run(&alone, policy, request, &reply, err)
                   : err_set(err, ERR_INVALID, "filters: must be a list");
}
