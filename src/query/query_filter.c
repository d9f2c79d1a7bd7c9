#include "query_parts.h"

struct filter_reader {
    struct arena *arena;
    size_t nodes;
    size_t values;
    struct err *err;
};

static int parse_node(struct filter_reader *r, const json_t *j, int depth, struct filter *ret);

static int parse_children(struct filter_reader *r, const json_t *list, int depth,
                          struct filter *ret) {
    size_t count = json_array_size(list);
    if (count > QUERY_MOST_FILTER_NODES)
        return err_set(r->err, ERR_INVALID, "filters: too many");
    struct filter *children = ARENA_NEW(r->arena, struct filter, count ? count : 1);
    if (!children)
        return err_set(r->err, ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < count; i++) {
        int failed = parse_node(r, json_array_get(list, i), depth + 1, &children[i]);
        if (failed < 0)
            return failed;
    }
    ret->children = children;
    ret->child_count = count;
    return 0;
}

static int parse_values(struct filter_reader *r, const json_t *list, struct filter *leaf) {
    size_t count = json_array_size(list);
    if (!json_is_array(list) || count == 0)
        return err_set(r->err, ERR_INVALID, "filters: values must be a list of at least one");
    r->values += count;
    if (r->values > QUERY_MOST_VALUES)
        return err_set(r->err, ERR_INVALID, "filters: at most %d values", QUERY_MOST_VALUES);
    leaf->values = ARENA_NEW(r->arena, struct span, count);
    if (!leaf->values)
        return err_set(r->err, ERR_NOMEM, "out of memory");
    struct span label = span_str(dim_infos[leaf->dim].empty);
    for (size_t i = 0; i < count; i++) {
        struct span value = json_span(json_array_get(list, i));
        if (!value.ptr)
            return err_set(r->err, ERR_INVALID, "filters: values must be strings");
        if (value.len > QUERY_MOST_VALUE_BYTES)
            return err_set(r->err, ERR_INVALID, "filters: a value is longer than %d bytes",
                           QUERY_MOST_VALUE_BYTES);
        bool empty = leaf->op == FILTER_IS &&
                     (leaf->fold_case ? span_eq_nocase(value, label) : span_eq(value, label));
        leaf->values[i] = empty ? SPAN_EMPTY : value;
    }
    leaf->value_count = count;
    return 0;
}

static int parse_options(struct filter_reader *r, const json_t *options, struct filter *leaf) {
    const json_t *sensitive = json_member(options, "case_sensitive");
    if (!json_is_object(options) || json_object_size(options) != (sensitive ? 1 : 0))
        return err_set(r->err, ERR_INVALID, "filters: the only option is case_sensitive");
    if (sensitive && !json_is_boolean(sensitive))
        return err_set(r->err, ERR_INVALID, "filters: case_sensitive must be true or false");
    leaf->fold_case = json_is_false(sensitive);
    return 0;
}

/* [operator, dimension, [values…]] and an optional {"case_sensitive": bool}. */
static int parse_leaf(struct filter_reader *r, const json_t *j, enum filter_op op,
                      struct filter *ret) {
    size_t size = json_array_size(j);
    if (size != 3 && size != 4)
        return err_set(r->err, ERR_INVALID, "filters: must be [operator, dimension, [values]]");
    struct filter leaf = {.op = op};
    struct span word = json_span(json_array_get(j, 1));
    if (!word.ptr || !dim_from_word(word, &leaf.dim))
        return err_set(r->err, ERR_INVALID, "filters: unknown dimension");
    if (dim_infos[leaf.dim].scope == SCOPE_TIME)
        return err_set(r->err, ERR_INVALID, "filters: time is filtered by date_range");
    int failed = size == 4 ? parse_options(r, json_array_get(j, 3), &leaf) : 0;
    if (failed == 0)
        failed = parse_values(r, json_array_get(j, 2), &leaf);
    if (failed == 0)
        *ret = leaf;
    return failed;
}

static int parse_group(struct filter_reader *r, const json_t *j, enum filter_op op, int depth,
                       struct filter *ret) {
    const json_t *list = json_array_get(j, 1);
    if (json_array_size(j) != 2 || !json_is_array(list) || json_array_size(list) == 0)
        return err_set(r->err, ERR_INVALID, "filters: and, or need a list of at least one filter");
    *ret = (struct filter){.op = op};
    return parse_children(r, list, depth, ret);
}

static int parse_not(struct filter_reader *r, const json_t *j, int depth, struct filter *ret) {
    if (json_array_size(j) != 2)
        return err_set(r->err, ERR_INVALID, "filters: not needs one filter");
    struct filter *child = ARENA_NEW(r->arena, struct filter, 1);
    if (!child)
        return err_set(r->err, ERR_NOMEM, "out of memory");
    int failed = parse_node(r, json_array_get(j, 1), depth + 1, child);
    if (failed == 0)
        *ret = (struct filter){.op = FILTER_NOT, .children = child, .child_count = 1};
    return failed;
}

static int parse_negated_leaf(struct filter_reader *r, const json_t *j, enum filter_op op,
                              struct filter *ret) {
    struct filter *child = ARENA_NEW(r->arena, struct filter, 1);
    if (!child)
        return err_set(r->err, ERR_NOMEM, "out of memory");
    int failed = parse_leaf(r, j, op, child);
    if (failed == 0)
        *ret = (struct filter){.op = FILTER_NOT, .children = child, .child_count = 1};
    return failed;
}

static int parse_node(struct filter_reader *r, const json_t *j, int depth, struct filter *ret) {
    if (depth > QUERY_MOST_FILTER_DEPTH || ++r->nodes > QUERY_MOST_FILTER_NODES)
        return err_set(r->err, ERR_INVALID, "filters: too many or too deep");
    struct span word = json_span(json_array_get(j, 0));
    if (!word.ptr)
        return err_set(r->err, ERR_INVALID,
                       "filters: each must be a list that begins with an operator");
    if (span_eq(word, SPAN_LIT("is")))
        return parse_leaf(r, j, FILTER_IS, ret);
    if (span_eq(word, SPAN_LIT("is_not")))
        return parse_negated_leaf(r, j, FILTER_IS, ret);
    if (span_eq(word, SPAN_LIT("contains")))
        return parse_leaf(r, j, FILTER_CONTAINS, ret);
    if (span_eq(word, SPAN_LIT("contains_not")))
        return parse_negated_leaf(r, j, FILTER_CONTAINS, ret);
    if (span_eq(word, SPAN_LIT("and")))
        return parse_group(r, j, FILTER_AND, depth, ret);
    if (span_eq(word, SPAN_LIT("or")))
        return parse_group(r, j, FILTER_OR, depth, ret);
    if (span_eq(word, SPAN_LIT("not")))
        return parse_not(r, j, depth, ret);
    return err_set(r->err, ERR_INVALID, "filters: unknown operator");
}

int filter_parse(const json_t *list, struct arena *arena, struct filter *ret,
                 size_t *ret_value_count, struct err *err) {
    struct filter_reader r = {.arena = arena, .err = err};
    struct filter f = {.op = FILTER_AND};
    if (list && !json_is_array(list))
        return err_set(err, ERR_INVALID, "filters: must be a list");
    int failed = list ? parse_children(&r, list, 0, &f) : 0;
    if (failed < 0)
        return failed;
    *ret = f;
    *ret_value_count = r.values;
    return 0;
}
