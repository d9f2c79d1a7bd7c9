#include "goals.h"

#include "verb_args.h"

int verb_goal_add(struct app *a, const json_t *args, struct span body, json_t **ret,
                  struct err *err) {
    JSON_AUTO definition = json_deep_copy(args);
    uint64_t id;
    (void)json_object_del(definition, "site");
    int rc = control_goal_add(a->control, verb_text(args, "site"), definition, &id, err);
    return rc < 0 ? rc : verb_done_id(id, ret, err);
}

int verb_goal_list(struct app *a, const json_t *args, struct span body, json_t **ret,
                   struct err *err) {
    return control_goal_list(a->control, verb_text(args, "site"), ret, err);
}

int verb_goal_remove(struct app *a, const json_t *args, struct span body, json_t **ret,
                     struct err *err) {
    json_int_t id = json_integer_value(json_member(args, "id"));
    int rc = control_goal_remove(a->control, verb_text(args, "site"), (uint64_t)id, err);
    return rc < 0 ? rc : verb_done(json_object(), ret, err);
}
