#include "view_annotations.h"

#include "query_annotations.h"

/* Puts it behind those of the same day: lists come by date. */
static int insert(json_t *all, json_t *annotation) {
    const char *date = json_string_value(json_member(annotation, "date"));
    size_t at = json_array_size(all);
    while (at > 0 &&
           strcmp(json_string_value(json_member(json_array_get(all, at - 1), "date")), date) > 0)
        at--;
    return json_array_insert(all, at, annotation);
}

int view_annotations_run(const struct query_env *env, const struct query_view *v,
                         struct span date_range, json_t **ret, struct err *err) {
    JSON_AUTO all = json_array();
    int failed = all ? 0 : -1;
    for (size_t i = 0; !failed && i < v->site_count; i++) {
        const struct policy *site = v->sites[i];
        JSON_AUTO one = NULL;
        int rc = annotations_run(env, site, date_range, &one, err);
        if (rc < 0)
            return rc;
        size_t k;
        json_t *annotation;
        json_array_foreach (json_member(one, "results"), k, annotation) {
            failed |= json_object_set_new(annotation, "site",
                                          json_stringn(site->domain.ptr, site->domain.len));
            failed |= insert(all, annotation);
        }
    }
    json_t *reply = failed ? NULL : json_pack("{s:O, s:{}}", "results", all, "meta");
    if (!reply)
        return err_set(err, ERR_NOMEM, "out of memory");
    *ret = reply;
    return 0;
}
