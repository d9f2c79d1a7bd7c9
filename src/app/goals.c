#include "goals.h"

static struct span site_of(const json_t *args) {
    struct span s = json_span(json_member(args, "site"));
    return s.ptr ? s : SPAN_EMPTY;
}

static int reply(json_t *j, json_t **ret, struct err *err) {
    if (!j)
        return err_set(err, ERR_NOMEM, "out of memory");
    *ret = j;
    return 0;
}

int verb_goal_add(struct app *a, const json_t *args, struct span body, json_t **ret,
                  struct err *err) {
    JSON_AUTO definition = json_deep_copy(args);
    uint64_t id;
    (void)json_object_del(definition, "site");
    int rc = control_goal_add(a->control, site_of(args), definition, &id, err);
    return rc < 0 ? rc : reply(json_pack("{s:I}", "id", (json_int_t)id), ret, err);
}

int verb_goal_list(struct app *a, const json_t *args, struct span body, json_t **ret,
                   struct err *err) {
    return control_goal_list(a->control, site_of(args), ret, err);
}

int verb_goal_remove(struct app *a, const json_t *args, struct span body, json_t **ret,
                     struct err *err) {
    json_int_t id = json_integer_value(json_member(args, "id"));
    int rc = control_goal_remove(a->control, site_of(args), (uint64_t)id, err);
    return rc < 0 ? rc : reply(json_object(), ret, err);
}
