#include "verbs.h"

#include "backup.h"
#include "cohorts.h"
#include "crypt.h"
#include "erase.h"
#include "export.h"
#include "funnel.h"
#include "goals.h"
#include "imports.h"
#include "journey.h"
#include "notes.h"
#include "parts.h"
#include "saved.h"
#include "verb_args.h"
#include "verify.h"
#include "view_verbs.h"
#include "views.h"

static int site_add(struct app *a, const json_t *args, struct span body, json_t **ret,
                    struct err *err) {
    uint32_t id;
    int rc = control_site_add(a->control, args, &id, err);
    return rc < 0 ? rc : verb_done_id(id, ret, err);
}

/* args: the settings, and in "site" the domain of the site as it is now. */
static int site_set(struct app *a, const json_t *args, struct span body, json_t **ret,
                    struct err *err) {
    JSON_AUTO settings = json_deep_copy(args);
    (void)json_object_del(settings, "site");
    int rc = control_site_set(a->control, verb_text(args, "site"), settings, err);
    return rc < 0 ? rc : verb_done(json_object(), ret, err);
}

static int site_remove(struct app *a, const json_t *args, struct span body, json_t **ret,
                       struct err *err) {
    uint32_t site = 0;
    {
        CLEANUP(policy_set_unrefp) struct policy_set *set = policy_board_get(a->policies);
        const struct policy *p = app_site(set, verb_text(args, "site"));
        site = p ? p->site : 0;
    }
    /* In this order nothing more comes for it; what a crash in between leaves, the sealer drops. */
    int rc = control_site_remove(a->control, verb_text(args, "site"), err);
    struct erased erased;
    if (rc >= 0 && site)
        rc = erase_run(a, &(struct erasure){.site = site, .path = SPAN_EMPTY}, &erased, err);
    CLEANUP(policy_set_unrefp) struct policy_set *left = policy_board_get(a->policies);
    if (rc >= 0)
        rc = sieve_wipe_removed(a->sieve, left, err);
    return rc < 0 ? rc : verb_done(json_object(), ret, err);
}

static int site_list(struct app *a, const json_t *args, struct span body, json_t **ret,
                     struct err *err) {
    return control_site_list(a->control, ret, err);
}

/* args: "site", and the blocks as control_block_add() takes them. */
static int block_add(struct app *a, const json_t *args, struct span body, json_t **ret,
                     struct err *err) {
    JSON_AUTO blocks = json_deep_copy(args);
    JSON_AUTO ids = NULL;
    (void)json_object_del(blocks, "site");
    int rc = control_block_add(a->control, verb_text(args, "site"), blocks, &ids, err);
    return rc < 0 ? rc : verb_done(json_pack("{s:O}", "ids", ids), ret, err);
}

static int block_list(struct app *a, const json_t *args, struct span body, json_t **ret,
                      struct err *err) {
    return control_block_list(a->control, verb_text(args, "site"), ret, err);
}

static int block_remove(struct app *a, const json_t *args, struct span body, json_t **ret,
                        struct err *err) {
    json_int_t id = json_integer_value(json_member(args, "id"));
    int rc = control_block_remove(a->control, (uint64_t)id, err);
    return rc < 0 ? rc : verb_done(json_object(), ret, err);
}

static int token_add(struct app *a, const json_t *args, struct span body, json_t **ret,
                     struct err *err) {
    char token[CRYPT_TOKEN_CHARS];
    struct span site = verb_text(args, "site"), label = verb_text(args, "label");
    int rc = json_member(args, "view") ? control_token_add_view(a->control, verb_text(args, "view"),
                                                                site, label, token, err)
                                       : control_token_add(a->control, site, label, token, err);
    if (rc < 0)
        return rc;
    rc = verb_done(json_pack("{s:s}", "token", token), ret, err);
    crypt_wipe(token, sizeof(token));
    return rc;
}

static int token_list(struct app *a, const json_t *args, struct span body, json_t **ret,
                      struct err *err) {
    return control_token_list(a->control, ret, err);
}

static int token_remove(struct app *a, const json_t *args, struct span body, json_t **ret,
                        struct err *err) {
    json_int_t id = json_integer_value(json_member(args, "id"));
    int rc = control_token_remove(a->control, (uint64_t)id, err);
    return rc < 0 ? rc : verb_done(json_object(), ret, err);
}

static int purge_list(struct app *a, const json_t *args, struct span body, json_t **ret,
                      struct err *err) {
    return control_purge_list(a->control, ret, err);
}

/* args: "site"; `asked` goes to `run`. */
static int ask(struct app *a, const json_t *args, const json_t *asked,
               int (*run)(const struct query_env *env, const struct policy *policy,
                          const json_t *request, json_t **ret, struct err *err),
               json_t **ret, struct err *err) {
    int rc = app_catch_up(a, QUERY_CATCH_UP_MS, err);
    if (rc < 0 && !a->drain)
        return rc; /* beside a drain that is behind, what is there is answered, as over HTTP */
    CLEANUP(policy_set_unrefp) struct policy_set *set = policy_board_get(a->policies);
    const struct policy *p = app_site(set, verb_text(args, "site"));
    if (!p)
        return err_set(err, ERR_NOT_FOUND, "no such site");
    struct query_env env = app_query_env(a);
    env.explain = json_is_true(json_member(args, "explain"));
    return run(&env, p, asked, ret, err);
}

static int query(struct app *a, const json_t *args, struct span body, json_t **ret,
                 struct err *err) {
    if (json_member(args, "view"))
        return verb_view_query(a, args, ret, err);
    return ask(a, args, json_member(args, "query"), query_run, ret, err);
}

static int funnel(struct app *a, const json_t *args, struct span body, json_t **ret,
                  struct err *err) {
    return ask(a, args, json_member(args, "query"), funnel_run, ret, err);
}

static int journey(struct app *a, const json_t *args, struct span body, json_t **ret,
                   struct err *err) {
    return ask(a, args, json_member(args, "query"), journey_run, ret, err);
}

static int run_notes(const struct query_env *env, const struct policy *policy, const json_t *args,
                     json_t **ret, struct err *err) {
    return notes_run(env, policy, verb_text(args, "date"), ret, err);
}

static int notes(struct app *a, const json_t *args, struct span body, json_t **ret,
                 struct err *err) {
    return ask(a, args, args, run_notes, ret, err);
}

static int run_cohorts(const struct query_env *env, const struct policy *policy, const json_t *args,
                       json_t **ret, struct err *err) {
    struct cohorts_asked asked = {.period = verb_text(args, "period"),
                                  .periods = verb_text(args, "periods")};
    return cohorts_run(env, policy, &asked, ret, err);
}

static int cohorts(struct app *a, const json_t *args, struct span body, json_t **ret,
                   struct err *err) {
    return ask(a, args, args, run_cohorts, ret, err);
}

static const struct verb verbs[] = {
    {"site.add", site_add, APP_CONTROL | APP_MAKE},
    {"site.list", site_list, APP_CONTROL},
    {"site.set", site_set, APP_CONTROL},
    {"site.remove", site_remove, APP_ALL | APP_DRAIN},
    {"site.block.add", block_add, APP_CONTROL},
    {"site.block.list", block_list, APP_CONTROL},
    {"site.block.remove", block_remove, APP_CONTROL},
    {"goal.add", verb_goal_add, APP_CONTROL},
    {"goal.list", verb_goal_list, APP_CONTROL},
    {"goal.remove", verb_goal_remove, APP_CONTROL},
    {"view.add", verb_view_add, APP_CONTROL},
    {"view.list", verb_view_list, APP_CONTROL},
    {"view.set", verb_view_set, APP_CONTROL},
    {"view.remove", verb_view_remove, APP_CONTROL},
    {"token.add", token_add, APP_CONTROL},
    {"token.list", token_list, APP_CONTROL},
    {"token.remove", token_remove, APP_CONTROL},
    {"query", query, APP_STORE},
    {"notes", notes, APP_STORE},
    {"funnel", funnel, APP_STORE},
    {"journey", journey, APP_STORE},
    {"cohorts", cohorts, APP_STORE},
    {"segment.add", verb_segment_add, APP_STORE},
    {"segment.list", verb_segment_list, APP_CONTROL},
    {"segment.remove", verb_segment_remove, APP_CONTROL},
    {"annotation.add", verb_annotation_add, APP_CONTROL},
    {"annotation.list", verb_annotation_list, APP_CONTROL},
    {"annotation.remove", verb_annotation_remove, APP_CONTROL},
    {"import.begin", imports_begin, APP_ALL | APP_DRAIN},
    {"import.chunk", imports_chunk, APP_ALL | APP_DRAIN},
    {"import.finish", imports_finish, APP_ALL | APP_DRAIN},
    {"erase", verb_erase, APP_STORE | APP_DRAIN},
    {"purge.list", purge_list, APP_CONTROL},
    {"backup.begin", verb_backup_begin, APP_STORE},
    {"backup.step", verb_backup_step, APP_STORE},
    {"doctor", verb_doctor, APP_STORE},
    {"doctor.parts", verb_doctor_parts, APP_STORE},
    {"doctor.part", verb_doctor_part, APP_STORE},
    {"export.begin", verb_export_begin, APP_STORE},
    {"export.rows", verb_export_rows, APP_STORE},
    {"version", verb_version, APP_CONTROL},
};

const struct verb *verb_find(struct span name) {
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
        if (span_eq(name, span_str(verbs[i].name)))
            return &verbs[i];
    return NULL;
}

int verb_call(void *ctx, struct span name, const json_t *args, struct span body, json_t **ret,
              struct err *err) {
    const struct verb *v = verb_find(name);
    if (!v)
        return err_set(err, ERR_NOT_FOUND, "no such verb");
    return v->run(ctx, args, body, ret, err);
}
