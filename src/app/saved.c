#include "saved.h"

#include "annotations.h"
#include "civil.h"
#include "query_segment.h"
#include "segments.h"
#include "verb_args.h"

/* --- segments -----------------------------------------------------------------------------------
 */

int verb_segment_add(struct app *a, const json_t *args, struct span body, json_t **ret,
                     struct err *err) {
    CLEANUP(policy_set_unrefp) struct policy_set *set = policy_board_get(a->policies);
    const struct policy *p = app_site(set, verb_text(args, "site"));
    const json_t *filters = json_member(args, "filters");
    if (!p)
        return err_set(err, ERR_NOT_FOUND, "no such site");
    struct query_env env = app_query_env(a);
    uint64_t id;
    int rc = segment_check(&env, p, filters, err);
    if (rc == 0)
        rc = control_segment_add(a->control, p->domain, verb_text(args, "name"), filters, &id, err);
    return rc < 0 ? rc : verb_done_id(id, ret, err);
}

int verb_segment_list(struct app *a, const json_t *args, struct span body, json_t **ret,
                      struct err *err) {
    return control_segment_list(a->control, verb_text(args, "site"), ret, err);
}

int verb_segment_remove(struct app *a, const json_t *args, struct span body, json_t **ret,
                        struct err *err) {
    int rc =
        control_segment_remove(a->control, verb_text(args, "site"), verb_text(args, "name"), err);
    return rc < 0 ? rc : verb_done(json_object(), ret, err);
}

/* --- annotations --------------------------------------------------------------------------------
 */

static int day_of(const json_t *args, const char *key, int32_t *ret, struct err *err) {
    return civil_parse(verb_text(args, key), ret)
               ? 0
               : err_set(err, ERR_INVALID, "%s: must be YYYY-MM-DD", key);
}

int verb_annotation_add(struct app *a, const json_t *args, struct span body, json_t **ret,
                        struct err *err) {
    int32_t from, to;
    uint64_t id;
    int rc = day_of(args, "date", &from, err);
    if (rc < 0 || (rc = day_of(args, json_member(args, "to") ? "to" : "date", &to, err)) < 0 ||
        (rc = control_annotation_add(a->control, verb_text(args, "site"), from, to,
                                     verb_text(args, "text"), &id, err)) < 0)
        return rc;
    return verb_done_id(id, ret, err);
}

int verb_annotation_list(struct app *a, const json_t *args, struct span body, json_t **ret,
                         struct err *err) {
    return control_annotation_list(a->control, verb_text(args, "site"), INT32_MIN, INT32_MAX, ret,
                                   err);
}

int verb_annotation_remove(struct app *a, const json_t *args, struct span body, json_t **ret,
                           struct err *err) {
    json_int_t id = json_integer_value(json_member(args, "id"));
    int rc = control_annotation_remove(a->control, (uint64_t)id, err);
    return rc < 0 ? rc : verb_done(json_object(), ret, err);
}
