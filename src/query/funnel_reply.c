#include <math.h>

#include "funnel_parts.h"

/* A step's figures as they may be shown. */
struct figures {
    bool hidden; /* of fewer people than the profile shows, or nobody */
    int64_t visitors, visits;
};

static struct figures figures_of(const struct funnel *f, size_t step) {
    const struct output *rule = &f->walk.output;
    int64_t visitors = (int64_t)f->visitors[step], visits = (int64_t)f->visits[step];
    return (struct figures){.hidden = visitors < rule->least,
                            .visitors = output_rounded(rule, visitors),
                            .visits = output_rounded(rule, visits)};
}

static json_t *count_json(const struct figures *s, int64_t count) {
    return s->hidden ? json_null() : json_integer(count);
}

/* Per cent of `whole`, two decimals; of nothing 0. Of one unit rounding leaves no ratio. */
static json_t *rate_json(const struct funnel *f, const struct figures *part,
                         const struct figures *whole) {
    int unit = f->walk.output.unit;
    if (part->hidden || whole->hidden || (unit > 1 && whole->visitors <= unit))
        return json_null();
    if (whole->visitors == 0)
        return json_real(0);
    return json_real(round((double)part->visitors * 1e4 / (double)whole->visitors) / 1e2);
}

static json_t *dropoff_json(const struct figures *part, const struct figures *before) {
    if (part->hidden || before->hidden)
        return json_null();
    return json_integer(before->visitors - part->visitors);
}

/* The only value of the only filter, else its number. */
static json_t *name_json(const struct funnel_step *step, size_t number) {
    const struct filter *f = &step->filter;
    while (f->op == FILTER_AND && f->child_count == 1)
        f = &f->children[0];
    struct span name = step->name;
    if (!name.ptr && f->op == FILTER_IS && f->value_count == 1 && f->values[0].len)
        name = f->values[0];
    return name.ptr ? json_stringn(name.ptr, name.len) : json_sprintf("step %zu", number);
}

static json_t *row_json(const struct funnel *f, size_t step) {
    struct figures first = figures_of(f, 1), here = figures_of(f, step);
    struct figures before = step > 1 ? figures_of(f, step - 1) : here;
    return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "step", (json_int_t)step, "name",
                     name_json(&f->steps[step - 1], step), "visitors",
                     count_json(&here, here.visitors), "visits", count_json(&here, here.visits),
                     "conversion_rate", rate_json(f, &here, &first), "conversion_rate_step",
                     rate_json(f, &here, &before), "dropoff", dropoff_json(&here, &before));
}

static json_t *results_json(const struct funnel *f) {
    JSON_AUTO list = json_array();
    for (size_t step = 1; step <= f->step_count; step++)
        if (json_array_append_new(list, row_json(f, step)) < 0)
            return NULL;
    return TAKE_PTR(list);
}

static json_t *query_json(const struct funnel *f, const json_t *request) {
    JSON_AUTO query = walk_query(&f->walk, request);
    if (!query || json_object_set(query, "steps", json_member(request, "steps")) < 0 ||
        json_object_set_new(query, "within", json_string(f->walk.by_day ? "day" : "visit")) < 0)
        return NULL;
    return TAKE_PTR(query);
}

json_t *funnel_reply(const struct funnel *f, const json_t *request) {
    return json_pack("{s:o, s:o, s:o}", "results", results_json(f), "meta", walk_meta(&f->walk),
                     "query", query_json(f, request));
}
