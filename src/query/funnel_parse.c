#include "funnel_parts.h"

static bool asks_of_visits(const struct filter *f) {
    return filter_uses(f, SCOPE_VISIT, DIMS) || filter_has(f, FILTER_HAS_DONE);
}

static int parse_name(const json_t *value, size_t number, struct funnel_step *step,
                      struct err *err) {
    struct span name = json_span(value);
    if (value && (!name.ptr || name.len == 0 || name.len > FUNNEL_MOST_NAME_BYTES))
        return err_set(err, ERR_INVALID, "steps: name of step %zu must be text of 1 to %d bytes",
                       number, FUNNEL_MOST_NAME_BYTES);
    step->name = name;
    return 0;
}

static int parse_step(const json_t *object, size_t number, enum profile profile,
                      struct arena *arena, struct funnel_step *step, struct err *err) {
    static const char *const known[] = {"filters", "name"};
    if (!json_is_object(object))
        return err_set(err, ERR_INVALID, "steps: each must be an object");
    int r = query_check_keys(object, "steps", known, ARRAY_LEN(known), err);
    if (r == 0)
        r = parse_name(json_member(object, "name"), number, step, err);
    if (r < 0)
        return r;
    const json_t *filters = json_member(object, "filters");
    if (json_array_size(filters) == 0)
        return err_set(err, ERR_INVALID, "steps: step %zu needs filters, a list of at least one",
                       number);
    struct err why = {0};
    r = filter_parse(filters, arena, &step->filter, &why);
    if (r < 0)
        return err_set(err, r, "steps: step %zu: %.150s", number, why.text);
    if (asks_of_visits(&step->filter))
        return err_set(err, ERR_INVALID,
                       "steps: step %zu: filters are about one event here; those about visits "
                       "stand beside the steps",
                       number);
    if ((r = output_check_walk(&step->filter, profile, &why)) < 0)
        return err_set(err, r, "steps: step %zu: %.150s", number, why.text);
    step->any_event = filter_names(&step->filter, DIM_NAME);
    return 0;
}

static int parse_steps(const json_t *list, struct arena *arena, struct funnel *f, struct err *err) {
    if (!list)
        return err_set(err, ERR_INVALID, "steps: is required");
    f->step_count = json_array_size(list);
    if (f->step_count < FUNNEL_LEAST_STEPS || f->step_count > FUNNEL_MOST_STEPS)
        return err_set(err, ERR_INVALID, "steps: must be a list of %d to %d", FUNNEL_LEAST_STEPS,
                       FUNNEL_MOST_STEPS);
    for (size_t i = 0; i < f->step_count; i++) {
        int r = parse_step(json_array_get(list, i), i + 1, f->walk.policy->profile, arena,
                           &f->steps[i], err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int parse_within(const json_t *value, bool *ret_by_day, struct err *err) {
    struct span word = json_span(value);
    bool by_day = span_eq(word, SPAN_LIT("day"));
    if (value && (!word.ptr || (!by_day && !span_eq(word, SPAN_LIT("visit")))))
        return err_set(err, ERR_INVALID, "within: must be visit or day");
    *ret_by_day = value && by_day;
    return 0;
}

int funnel_parse(const json_t *request, struct arena *arena, struct funnel *ret, struct err *err) {
    int r = parse_steps(json_member(request, "steps"), arena, ret, err);
    return r < 0 ? r : parse_within(json_member(request, "within"), &ret->walk.by_day, err);
}
