/* Reads page views and counts their paths: all of them, or where they are too many to be held those that
 * are likely to be shown. */
#include "journey_parts.h"

enum {
    LEAST_DEPTH = 1,
    MOST_DEPTH = 5,
    USUAL_DEPTH = 3,
    LEAST_LIMIT = 1,
    MOST_LIMIT = 20,
    USUAL_LIMIT = 5,
    MOST_PATHS = 20000,   /* of one length, in a reply */
    MOST_NODES = 1 << 20, /* 90 MB */
    LEAST_PEOPLE = 5,     /* of a path that is shown, where the profile shows all */
};

/* --- what is asked ------------------------------------------------------------------------------
 */

static int parse_from(const json_t *object, struct span *ret_entry, struct err *err) {
    static const char *const known[] = {"entry"};
    *ret_entry = (struct span){NULL, 0};
    if (!object)
        return 0;
    if (!json_is_object(object))
        return err_set(err, ERR_INVALID, "from: must be an object");
    int r = query_check_keys(object, "from", known, ARRAY_LEN(known), err);
    if (r < 0)
        return r;
    struct span page = json_span(json_member(object, "entry"));
    if (!page.ptr || page.len == 0 || page.len > QUERY_MOST_VALUE_BYTES)
        return err_set(err, ERR_INVALID, "from: entry must be a page, or any");
    if (!span_eq(page, SPAN_LIT("any")))
        *ret_entry = page;
    return 0;
}

static int parse_number(const json_t *request, const char *key, uint32_t least, uint32_t most,
                        uint32_t *value, struct err *err) {
    const json_t *j = json_member(request, key);
    if (!j)
        return 0;
    if (!json_is_integer(j) || json_integer_value(j) < least || json_integer_value(j) > most)
        return err_set(err, ERR_INVALID, "%s: must be %u to %u", key, least, most);
    *value = (uint32_t)json_integer_value(j);
    return 0;
}

/* The most pages after each for which replies of that depth stay readable. */
static uint32_t most_limit(uint32_t depth) {
    uint32_t limit = LEAST_LIMIT;
    for (uint64_t paths = 0; limit < MOST_LIMIT; limit++) {
        paths = limit + 1;
        for (uint32_t i = 0; i < depth; i++)
            paths *= limit + 1;
        if (paths > MOST_PATHS)
            break;
    }
    return limit;
}

static int parse(const json_t *request, struct journey *j, struct err *err) {
    j->depth = USUAL_DEPTH;
    j->limit = USUAL_LIMIT;
    int r = parse_from(json_member(request, "from"), &j->entry, err);
    if (r == 0)
        r = parse_number(request, "depth", LEAST_DEPTH, MOST_DEPTH, &j->depth, err);
    if (r == 0)
        r = parse_number(request, "limit", LEAST_LIMIT, MOST_LIMIT, &j->limit, err);
    if (r == 0 && j->limit > most_limit(j->depth))
        return err_set(err, ERR_INVALID, "limit: with a depth of %u at most %u", j->depth,
                       most_limit(j->depth));
    return r;
}

/* --- counting -----------------------------------------------------------------------------------
 */

/* Its number: an event stands for its page. */
static void put_page(const struct writer *w, enum level level, const void *of) {
    const struct journey *j = of;
    unsigned id = text_numbers_id(j->pages);
    if (level == LEVEL_HOT)
        buf_addf(w->out,
                 "(SELECT text_number(p.value, %u::UINTEGER) FROM word p WHERE p.code = "
                 "e.page)",
                 id);
    else
        buf_addf(w->out, "text_number(e.page, %u::UINTEGER)", id);
}

static void put_views(const struct writer *w, enum level level, const void *of) {
    (void)level, (void)of;
    buf_adds(w->out, " AND e.kind = 0");
}

static int read_views(struct journey *j, struct arena *arena, struct err *err) {
    struct walk_rows rows = {.put_value = put_page,
                             .put_condition = put_views,
                             .of = j,
                             .take = journey_tree_take,
                             .to = &j->tree};
    int r = walk_read(&j->walk, &rows, arena, err);
    if (text_numbers_full(j->pages))
        return err_set(err, ERR_NOMEM, "out of memory");
    if (j->tree.full)
        return 0;
    journey_tree_end(&j->tree);
    return r;
}

/* Counts what is open until that is what is shown. When it is too much after all, level by level. */
static int count_open(struct journey *j, struct arena *arena, struct err *err) {
    struct journey_tree *t = &j->tree;
    bool again = true;
    int r = 0;
    while (r == 0 && again) {
        r = journey_tree_again(t, err);
        if (r == 0)
            r = read_views(j, arena, err);
        if (r == 0 && t->full) {
            journey_open_root(t);
            t->most = UINT32_MAX;
        } else if (r == 0) {
            r = journey_choose(t, j->limit, j->threshold, &again, err);
        }
    }
    return r;
}

static int count(struct journey *j, struct arena *arena, struct err *err) {
    int r = text_numbers_open(j->walk.env->store, &j->pages, err);
    if (r < 0)
        return r;
    struct numbering *pages = text_numbers_texts(j->pages);
    r = journey_tree_init(&j->tree, pages, MOST_NODES, j->depth + 1, err);
    if (r == 0 && j->entry.ptr && !numbering_get(pages, j->entry, &j->tree.entry))
        return err_set(err, ERR_NOMEM, "out of memory");
    if (r == 0)
        r = read_views(j, arena, err);
    bool again;
    if (r < 0 || !j->tree.full)
        return r < 0 ? r : journey_choose(&j->tree, j->limit, j->threshold, &again, err);
    r = journey_open_likely(&j->tree, j->limit, err);
    return r < 0 ? r : count_open(j, arena, err);
}

/* --- the whole ----------------------------------------------------------------------------------
 */

static int bind(struct walk *w, struct arena *arena, struct err *err) {
    w->params = ARENA_NEW(arena, struct sql_value, filter_params(&w->q.filter) + 1);
    if (!w->params)
        return err_set(err, ERR_NOMEM, "out of memory");
    w->param_count = filter_bind(&w->q.filter, w->params, 0);
    return 0;
}

static int run(struct journey *j, const json_t *request, struct arena *arena, json_t **ret,
               struct err *err) {
    int r = parse(request, j, err);
    if (r == 0)
        r = walk_resolve(&j->walk, arena, err);
    if (r == 0)
        r = bind(&j->walk, arena, err);
    /* One person's path is nobody's business in any profile. */
    j->threshold = (uint32_t)(j->walk.output.least ? j->walk.output.least : LEAST_PEOPLE);
    if (r == 0)
        r = count(j, arena, err);
    if (r < 0)
        return r;
    json_t *reply = journey_reply(j, request);
    if (!reply)
        return err_set(err, ERR_NOMEM, "out of memory");
    *ret = reply;
    return 0;
}

static void arena_releasep(struct arena *a) {
    arena_release(a);
}

static void journey_closep(struct journey *j) {
    walk_close(&j->walk);
    journey_tree_release(&j->tree);
    text_numbers_close(j->pages);
}

int journey_run(const struct query_env *env, const struct policy *policy, const json_t *request,
                json_t **ret, struct err *err) {
    static const char *const known[] = {"site_id", "date_range", "date", "filters",
                                        "from",    "depth",      "limit"};
    CLEANUP(arena_releasep) struct arena arena;
    arena_init(&arena, (size_t)16 << 20);
    CLEANUP(journey_closep) struct journey j = {0};
    int r = walk_open(env, policy, request, known, ARRAY_LEN(known), &arena, &j.walk, err);
    return r < 0 ? r : run(&j, request, &arena, ret, err);
}
