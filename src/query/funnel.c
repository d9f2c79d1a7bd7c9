/* Asks for the events that may be steps, and counts how far each walk comes.
 *
 * Whoever is at step n takes the first later event of which the filters of step n + 1 are true. That
 * is as far as anybody can come, and no event is two steps. */
#include "funnel_parts.h"

/* --- which events -------------------------------------------------------------------------------
 */

static void put_step(const struct writer *w, enum level level, const struct funnel_step *step) {
    struct query q = {.filter = step->filter};
    struct writer inner = *w;
    inner.q = &q;
    buf_adds(w->out, step->any_event ? "(e.kind < 2" : "(e.kind = 0");
    put_filters(&inner, level, SIDE_EVENT);
    buf_adds(w->out, ")");
}

/* Bit n: it may be step n + 1. */
static void put_mask(const struct writer *w, enum level level, const void *of) {
    const struct funnel *f = of;
    buf_adds(w->out, "(");
    for (size_t i = 0; i < f->step_count; i++) {
        buf_adds(w->out, i ? " + CASE WHEN " : "CASE WHEN ");
        put_step(w, level, &f->steps[i]);
        buf_addf(w->out, " THEN %u ELSE 0 END", 1U << i);
    }
    buf_adds(w->out, ")::UINTEGER");
}

/* The only leaf, if all it asks is whether the attribute is one of some values; NULL: there is more. */
static const struct filter *plain_leaf(const struct filter *f, enum dim d) {
    while (f->op == FILTER_AND && f->child_count == 1)
        f = &f->children[0];
    return f->op == FILTER_IS && f->dim == d && !f->fold_case ? f : NULL;
}

/* " OR …": all steps that are plain on that attribute at once. The engine asks such a list once for
 * each different value of a file, an IN once for each row. Adds the steps' bits to `done`. */
static void put_plain_steps(const struct writer *w, const struct funnel *f, enum dim d,
                            unsigned *done) {
    bool any = false;
    for (size_t i = 0; i < f->step_count; i++) {
        const struct filter *leaf = plain_leaf(&f->steps[i].filter, d);
        if (!leaf)
            continue;
        buf_addf(w->out, any ? "" : " OR (e.kind %s AND list_contains([",
                 f->steps[i].any_event ? "< 2" : "= 0");
        for (size_t k = 0; k < leaf->value_count; k++)
            buf_addf(w->out, "%s$%zu", any || k ? ", " : "", leaf->first_param + k);
        any = true;
        *done |= 1U << i;
    }
    if (any)
        buf_addf(w->out, "], e.%s))", dim_infos[d].column);
}

static void put_any_step(const struct writer *w, enum level level, const void *of) {
    const struct funnel *f = of;
    unsigned done = 0;
    buf_adds(w->out, " AND (false");
    if (level == LEVEL_SEALED) {
        put_plain_steps(w, f, DIM_PAGE, &done);
        put_plain_steps(w, f, DIM_NAME, &done);
    }
    for (size_t i = 0; i < f->step_count; i++) {
        if (done & 1U << i)
            continue;
        buf_adds(w->out, " OR ");
        put_step(w, level, &f->steps[i]);
    }
    buf_adds(w->out, ")");
}

/* --- how far ------------------------------------------------------------------------------------
 */

struct counting_walks {
    struct funnel *funnel;
    bool any;
    unsigned reached; /* steps, in this visit */
    unsigned best;    /* in the person's earlier visits of the day */
};

static void end_visit(struct counting_walks *c) {
    c->funnel->visits[c->reached]++;
    c->best = c->reached > c->best ? c->reached : c->best;
    c->reached = 0;
}

static void end_person(struct counting_walks *c) {
    c->funnel->visitors[c->best]++;
    c->best = 0;
}

static int count(void *to, const struct walk_event *e, struct err *err) {
    struct counting_walks *c = to;
    if (c->any && e->new_visit)
        end_visit(c);
    if (c->any && e->new_person)
        end_person(c);
    c->any = true;
    c->reached += e->value >> c->reached & 1;
    return 0;
}

/* From "so far and no further" to "so far". */
static void add_up(uint64_t counts[FUNNEL_MOST_STEPS + 1]) {
    for (size_t i = FUNNEL_MOST_STEPS; i > 0; i--)
        counts[i - 1] += counts[i];
}

static int read_walks(struct funnel *f, struct arena *arena, struct err *err) {
    struct counting_walks c = {.funnel = f};
    struct walk_rows rows = {
        .put_value = put_mask, .put_condition = put_any_step, .of = f, .take = count, .to = &c};
    int r = walk_read(&f->walk, &rows, arena, err);
    if (r < 0)
        return r;
    if (c.any) {
        end_visit(&c);
        end_person(&c);
    }
    add_up(f->visits);
    add_up(f->visitors);
    return 0;
}

/* --- the whole ----------------------------------------------------------------------------------
 */

static int bind(struct funnel *f, struct arena *arena, struct err *err) {
    struct walk *w = &f->walk;
    size_t most = filter_params(&w->q.filter) + 1;
    for (size_t i = 0; i < f->step_count; i++)
        most += filter_params(&f->steps[i].filter);
    w->params = ARENA_NEW(arena, struct sql_value, most);
    if (!w->params)
        return err_set(err, ERR_NOMEM, "out of memory");
    w->param_count = filter_bind(&w->q.filter, w->params, 0);
    for (size_t i = 0; i < f->step_count; i++)
        w->param_count = filter_bind(&f->steps[i].filter, w->params, w->param_count);
    return 0;
}

static int check_patterns(const struct funnel *f, struct err *err) {
    int r = 0;
    for (size_t i = 0; r == 0 && i < f->step_count; i++) {
        struct err why = {0};
        r = query_check_patterns(f->walk.env, f->walk.view, &f->steps[i].filter, &why);
        if (r == ERR_INVALID)
            return err_set(err, r, "steps: step %zu: %.150s", i + 1, why.text);
        if (r < 0)
            return err_set(err, r, "%s", why.text);
    }
    return r;
}

static int run(struct funnel *f, const json_t *request, struct arena *arena, json_t **ret,
               struct err *err) {
    int r = funnel_parse(request, arena, f, err);
    if (r == 0)
        r = check_patterns(f, err);
    if (r == 0)
        r = walk_resolve(&f->walk, arena, err);
    if (r == 0)
        r = bind(f, arena, err);
    if (r == 0)
        r = read_walks(f, arena, err);
    if (r < 0)
        return r;
    json_t *reply = funnel_reply(f, request);
    if (!reply)
        return err_set(err, ERR_NOMEM, "out of memory");
    *ret = reply;
    return 0;
}

static void arena_releasep(struct arena *a) {
    arena_release(a);
}

static void funnel_closep(struct funnel *f) {
    walk_close(&f->walk);
}

int funnel_run(const struct query_env *env, const struct policy *policy, const json_t *request,
               json_t **ret, struct err *err) {
    static const char *const known[] = {"site_id", "date_range", "date",
                                        "filters", "steps",      "within"};
    CLEANUP(arena_releasep) struct arena arena;
    arena_init(&arena, (size_t)16 << 20);
    CLEANUP(funnel_closep) struct funnel f = {0};
    int r = walk_open(env, policy, request, known, ARRAY_LEN(known), &arena, &f.walk, err);
    return r < 0 ? r : run(&f, request, &arena, ret, err);
}
