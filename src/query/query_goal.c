/* Goals as filters: what is asked of event:goal, in terms of what rows have.
 *
 * A goal is a filter over rows that are there anyway, so it holds for the past too. */
#include "query_parts.h"

/* --- one goal -----------------------------------------------------------------------------------
 */

static void put_expression(struct span pattern, struct buf *o) {
    buf_adds(o, "^(?s:");
    for (size_t i = 0; i < pattern.len; i++) {
        bool star = pattern.ptr[i] == '*';
        bool two = star && i + 1 < pattern.len && pattern.ptr[i + 1] == '*';
        if (star)
            buf_adds(o, two ? ".*" : "[^/]*");
        else if (strchr("\\.+?()|[]{}^$", pattern.ptr[i]))
            buf_addf(o, "\\%c", pattern.ptr[i]);
        else
            buf_addc(o, pattern.ptr[i]);
        i += two;
    }
    buf_adds(o, ")$");
}

static json_t *page_json(struct span pattern) {
    if (span_find(pattern, '*', 0) == pattern.len)
        return json_pack("[s, s, [s%]]", "is", "event:page", pattern.ptr, pattern.len);
    BUF_AUTO expression = {0};
    put_expression(pattern, &expression);
    struct span text = buf_span(&expression);
    return expression.failed
               ? NULL
               : json_pack("[s, s, [s%]]", "matches", "event:page", text.ptr, text.len);
}

static json_t *prop_json(const struct policy_goal_prop *p) {
    BUF_AUTO dimension = {0};
    buf_adds(&dimension, "event:props:");
    buf_add(&dimension, p->key);
    struct span text = buf_span(&dimension);
    return dimension.failed
               ? NULL
               : json_pack("[s, s%, [s%]]", "is", text.ptr, text.len, p->value.ptr, p->value.len);
}

/* The filters of the API that say the same; of goals that take engagement, what they begin with. */
static json_t *definition_json(const struct policy_goal *g) {
    JSON_AUTO list = json_array();
    int failed = list ? 0 : -1;
    bool viewed = g->kind == GOAL_PAGE || g->kind == GOAL_SCROLL;
    if (viewed)
        failed |= json_array_append_new(list, page_json(g->page));
    if (viewed)
        failed |=
            json_array_append_new(list, json_pack("[s, s, [s]]", "is", "event:name", "pageview"));
    if (g->kind == GOAL_EVENT)
        failed |= json_array_append_new(
            list, json_pack("[s, s, [s%]]", "is", "event:name", g->event.ptr, g->event.len));
    for (size_t i = 0; i < g->prop_count; i++)
        failed |= json_array_append_new(list, prop_json(&g->props[i]));
    return failed ? NULL : TAKE_PTR(list);
}

/* Adds to the AND `f` what a visit's engagement must be like: of scrolling, at pages of which `page`
 * is true. */
static int add_engagement(const struct policy_goal *g, struct filter page, struct arena *arena,
                          struct filter *f, struct err *err) {
    bool scroll = g->kind == GOAL_SCROLL;
    struct filter *children = ARENA_NEW(arena, struct filter, f->child_count + 1);
    struct filter *of_page = ARENA_NEW(arena, struct filter, 1);
    if (!children || !of_page)
        return err_set(err, ERR_NOMEM, "out of memory");
    memcpy(children, f->children, sizeof(*children) * f->child_count);
    *of_page = page;
    children[f->child_count] =
        scroll ? (struct filter){.op = FILTER_SCROLLED,
                                 .children = of_page,
                                 .child_count = 1,
                                 .at_least = g->least}
               : (struct filter){.op = FILTER_ENGAGED, .at_least = g->least * 1000};
    f->children = children;
    f->child_count++;
    return 0;
}

int goal_filter(const struct goal_book *book, const struct policy_goal *g, struct filter *ret,
                struct err *err) {
    json_t *definition = definition_json(g);
    if (!definition || json_array_append_new(book->kept, definition) < 0)
        return err_set(err, ERR_NOMEM, "out of memory");
    struct filter f, page = {.op = FILTER_AND};
    int r = filter_parse(definition, book->arena, &f, err);
    if (r == 0 && g->kind == GOAL_SCROLL) {
        JSON_AUTO first = json_pack("[O]", json_array_get(definition, 0));
        r = filter_parse(first, book->arena, &page, err);
    }
    if (r == 0 && (g->kind == GOAL_SCROLL || g->kind == GOAL_ENGAGEMENT))
        r = add_engagement(g, page, book->arena, &f, err);
    if (r < 0)
        return r;
    f.goal = g;
    *ret = f;
    return 0;
}

/* --- a filter by name ---------------------------------------------------------------------------
 */

static bool contains(struct span text, struct span part, bool fold_case) {
    for (size_t i = 0; i + part.len <= text.len; i++) {
        struct span piece = span_of(text.ptr + i, part.len);
        if (fold_case ? span_eq_nocase(piece, part) : span_eq(piece, part))
            return true;
    }
    return false;
}

static bool is_named(const struct policy_goal *g, const struct filter *leaf, size_t value) {
    struct span v = leaf->values[value];
    if (leaf->op == FILTER_CONTAINS)
        return contains(g->name, v, leaf->fold_case);
    return leaf->fold_case ? span_eq_nocase(g->name, v) : span_eq(g->name, v);
}

static bool is_chosen(const struct policy_goal *g, const struct filter *leaf) {
    bool any = false;
    for (size_t i = 0; i < leaf->value_count; i++)
        any |= is_named(g, leaf, i);
    return any;
}

/* `is` with a name that is none would look like a goal nobody reached. */
static int check_names(const struct policy *policy, const struct filter *leaf, struct err *err) {
    if (leaf->op == FILTER_MATCHES)
        return err_set(err, ERR_INVALID, "filters: event:goal takes is and contains");
    size_t known = 0;
    for (size_t i = 0; i < leaf->value_count; i++) {
        bool any = false;
        for (size_t k = 0; k < policy->goal_count; k++)
            any |= is_named(&policy->goals[k], leaf, i);
        known += any;
    }
    return known == leaf->value_count || (leaf->op == FILTER_CONTAINS && known > 0)
               ? 0
               : err_set(err, ERR_INVALID,
                         "filters: event:goal: the site has no goal of that name");
}

int goal_leaf(const struct goal_book *book, const struct filter *leaf, struct filter *ret,
              struct err *err) {
    const struct policy *policy = book->policy;
    int r = check_names(policy, leaf, err);
    if (r < 0)
        return r;
    struct filter *list = ARENA_NEW(book->arena, struct filter, policy->goal_count + 1);
    size_t count = 0;
    if (!list)
        return err_set(err, ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < policy->goal_count; i++) {
        if (!is_chosen(&policy->goals[i], leaf))
            continue;
        if ((r = goal_filter(book, &policy->goals[i], &list[count++], err)) < 0)
            return r;
    }
    *ret = count == 1
               ? list[0]
               : (struct filter){
                     .op = FILTER_OR, .children = list, .child_count = count, .goal = list[0].goal};
    return 0;
}
