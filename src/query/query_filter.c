#include "query_parts.h"

struct filter_reader {
    struct arena *arena;
    const struct goal_book *book; /* NULL: there are no goals */
    size_t nodes;
    size_t values;
    size_t patterns;
    bool in_has_done;
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

/* The greater number of {n}, {n,} or {n,m}; 1 when it is none of these. */
static size_t repetition_at(struct span s) {
    size_t numbers[2] = {0, 0}, which = 0, i = 1;
    for (; i < s.len && (ascii_is_digit(s.ptr[i]) || (s.ptr[i] == ',' && which == 0)); i++)
        if (s.ptr[i] == ',')
            which = 1;
        else if (numbers[which] < QUERY_MOST_PATTERN_SIZE)
            numbers[which] = numbers[which] * 10 + (size_t)(s.ptr[i] - '0');
    size_t most = numbers[0] > numbers[1] ? numbers[0] : numbers[1];
    return i < s.len && s.ptr[i] == '}' && most > 0 ? most : 1;
}

/* A time limit stops the engine between some thousand rows, not within: what a pattern takes of one
 * row must be bounded, and counted repetitions multiply it. */
static bool is_small(struct span pattern) {
    size_t size = pattern.len;
    for (size_t i = 0; i < pattern.len && size <= QUERY_MOST_PATTERN_SIZE; i++)
        if (pattern.ptr[i] == '{')
            size *= repetition_at(span_from(pattern, i));
    return size <= QUERY_MOST_PATTERN_SIZE;
}

static int check_value(struct filter_reader *r, struct span value, enum filter_op op) {
    if (!value.ptr)
        return err_set(r->err, ERR_INVALID, "filters: values must be strings");
    if (value.len > QUERY_MOST_VALUE_BYTES)
        return err_set(r->err, ERR_INVALID, "filters: a value is longer than %d bytes",
                       QUERY_MOST_VALUE_BYTES);
    if (op != FILTER_MATCHES)
        return 0;
    if (value.len > QUERY_MOST_PATTERN_BYTES)
        return err_set(r->err, ERR_INVALID, "filters: a pattern is longer than %d bytes",
                       QUERY_MOST_PATTERN_BYTES);
    if (!is_small(value))
        return err_set(r->err, ERR_INVALID, "filters: a pattern repeats too much");
    if (++r->patterns > QUERY_MOST_PATTERNS)
        return err_set(r->err, ERR_INVALID, "filters: at most %d patterns", QUERY_MOST_PATTERNS);
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
        int failed = check_value(r, value, leaf->op);
        if (failed < 0)
            return failed;
        bool empty = leaf->op == FILTER_IS &&
                     (leaf->fold_case ? span_eq_nocase(value, label) : span_eq(value, label));
        leaf->values[i] = empty ? SPAN_EMPTY : value;
    }
    leaf->value_count = count;
    return 0;
}

static int parse_options(struct filter_reader *r, const json_t *options, struct filter *leaf) {
    if (leaf->op == FILTER_MATCHES)
        return err_set(r->err, ERR_INVALID, "filters: matches takes no options; use (?i)");
    const json_t *sensitive = json_member(options, "case_sensitive");
    if (!json_is_object(options) || json_object_size(options) != (sensitive ? 1 : 0))
        return err_set(r->err, ERR_INVALID, "filters: the only option is case_sensitive");
    if (sensitive && !json_is_boolean(sensitive))
        return err_set(r->err, ERR_INVALID, "filters: case_sensitive must be true or false");
    leaf->fold_case = json_is_false(sensitive);
    return 0;
}

/* A leaf on event:goal becomes the filters of those goals. */
static int expand_goals(struct filter_reader *r, struct filter *leaf) {
    r->values -= leaf->value_count;
    int failed = goal_leaf(r->book, leaf, leaf, r->err);
    if (failed < 0)
        return failed;
    r->values += filter_params(leaf);
    r->nodes += leaf->child_count;
    return r->nodes <= QUERY_MOST_FILTER_NODES
               ? 0
               : err_set(r->err, ERR_INVALID, "filters: too many or too deep");
}

/* [operator, dimension, [values…]] and an optional {"case_sensitive": bool}. */
static int parse_leaf(struct filter_reader *r, const json_t *j, enum filter_op op,
                      struct filter *ret) {
    size_t size = json_array_size(j);
    if (size != 3 && size != 4)
        return err_set(r->err, ERR_INVALID, "filters: must be [operator, dimension, [values]]");
    struct filter leaf = {.op = op};
    struct span word = json_span(json_array_get(j, 1));
    if (!word.ptr || !dim_from_word(word, &leaf.dim) || (leaf.dim == DIM_GOAL && !r->book))
        return err_set(r->err, ERR_INVALID, "filters: unknown dimension");
    if (leaf.dim == DIM_SITE)
        return err_set(r->err, ERR_INVALID,
                       "filters: visit:site takes is and is_not, as a filter of its own of a view");
    if (dim_infos[leaf.dim].scope == SCOPE_TIME)
        return err_set(r->err, ERR_INVALID, "filters: time is filtered by date_range");
    int failed = 0;
    if (leaf.dim == DIM_PROP)
        failed = prop_parse(word, "filters", r->arena, &leaf.prop, r->err);
    if (failed == 0 && size == 4)
        failed = parse_options(r, json_array_get(j, 3), &leaf);
    if (failed == 0)
        failed = parse_values(r, json_array_get(j, 2), &leaf);
    if (failed == 0 && leaf.dim == DIM_GOAL)
        failed = expand_goals(r, &leaf);
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

/* [operator, filter]: not, has_done */
static int parse_around(struct filter_reader *r, const json_t *j, enum filter_op op, int depth,
                        struct filter *ret) {
    if (json_array_size(j) != 2)
        return err_set(r->err, ERR_INVALID, "filters: not, has_done need one filter");
    struct filter *child = ARENA_NEW(r->arena, struct filter, 1);
    if (!child)
        return err_set(r->err, ERR_NOMEM, "out of memory");
    int failed = parse_node(r, json_array_get(j, 1), depth + 1, child);
    if (failed == 0)
        *ret = (struct filter){.op = op, .children = child, .child_count = 1};
    return failed;
}

static int parse_has_done(struct filter_reader *r, const json_t *j, int depth, struct filter *ret) {
    if (r->in_has_done)
        return err_set(r->err, ERR_INVALID, "filters: has_done does not go inside has_done");
    r->in_has_done = true;
    int failed = parse_around(r, j, FILTER_HAS_DONE, depth, ret);
    r->in_has_done = false;
    return failed;
}

static const struct {
    const char *word;
    enum filter_op op;
    bool negated;
} operators[] = {
#define OPERATOR(word, OP, negated) {word, FILTER_##OP, negated},
#include "query_words.def"
#undef OPERATOR
};

static int parse_positive(struct filter_reader *r, const json_t *j, enum filter_op op, int depth,
                          struct filter *ret) {
    if (op >= FILTER_IS)
        return parse_leaf(r, j, op, ret);
    if (op == FILTER_HAS_DONE)
        return parse_has_done(r, j, depth, ret);
    return op == FILTER_NOT ? parse_around(r, j, op, depth, ret)
                            : parse_group(r, j, op, depth, ret);
}

static int parse_negated(struct filter_reader *r, const json_t *j, enum filter_op op, int depth,
                         struct filter *ret) {
    struct filter *child = ARENA_NEW(r->arena, struct filter, 1);
    if (!child)
        return err_set(r->err, ERR_NOMEM, "out of memory");
    int failed = parse_positive(r, j, op, depth, child);
    if (failed < 0)
        return failed;
    *ret = (struct filter){.op = FILTER_NOT, .children = child, .child_count = 1};
    if (op > FILTER_IS && child->dim == DIM_PROP) { /* Plausible's meaning */
        *ret = *child;
        ret->lacks = true;
    }
    return 0;
}

static int parse_node(struct filter_reader *r, const json_t *j, int depth, struct filter *ret) {
    if (depth > QUERY_MOST_FILTER_DEPTH || ++r->nodes > QUERY_MOST_FILTER_NODES)
        return err_set(r->err, ERR_INVALID, "filters: too many or too deep");
    struct span word = json_span(json_array_get(j, 0));
    if (!word.ptr)
        return err_set(r->err, ERR_INVALID,
                       "filters: each must be a list that begins with an operator");
    for (size_t i = 0; i < ARRAY_LEN(operators); i++)
        if (span_eq(word, span_str(operators[i].word)))
            return operators[i].negated ? parse_negated(r, j, operators[i].op, depth, ret)
                                        : parse_positive(r, j, operators[i].op, depth, ret);
    return err_set(r->err, ERR_INVALID, "filters: unknown operator");
}

static int parse_list(struct filter_reader *r, const json_t *list, struct filter *ret) {
    struct filter f = {.op = FILTER_AND};
    if (list && !json_is_array(list))
        return err_set(r->err, ERR_INVALID, "filters: must be a list");
    int failed = list ? parse_children(r, list, 0, &f) : 0;
    if (failed < 0)
        return failed;
    *ret = f;
    return 0;
}

int filter_parse(const json_t *list, struct arena *arena, struct filter *ret, struct err *err) {
    struct filter_reader r = {.arena = arena, .err = err};
    return parse_list(&r, list, ret);
}

int filter_parse_goals(const json_t *list, const struct goal_book *book, struct filter *ret,
                       struct err *err) {
    struct filter_reader r = {.arena = book->arena, .book = book, .err = err};
    return parse_list(&r, list, ret);
}

bool filter_uses(const struct filter *f, enum dim_scope scope, enum dim but) {
    if (filter_is_leaf(f))
        return dim_infos[f->dim].scope == scope && f->dim != but;
    for (size_t i = 0; f->op != FILTER_HAS_DONE && i < f->child_count; i++)
        if (filter_uses(&f->children[i], scope, but))
            return true;
    return false;
}

bool filter_has(const struct filter *f, enum filter_op op) {
    if (f->op == op)
        return true;
    for (size_t i = 0; i < f->child_count; i++)
        if (filter_has(&f->children[i], op))
            return true;
    return false;
}

bool filter_names(const struct filter *f, enum dim d) {
    if (filter_is_leaf(f))
        return f->dim == d;
    for (size_t i = 0; f->op != FILTER_HAS_DONE && i < f->child_count; i++)
        if (filter_names(&f->children[i], d))
            return true;
    return false;
}
