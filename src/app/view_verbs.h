/* view_verbs.h — the verbs for consolidated views. */
#ifndef TAMIS_VIEW_VERBS_H
#define TAMIS_VIEW_VERBS_H

#include "verbs.h"

/* args: name, and sites, an array of domains. {"id": …} */
int verb_view_add(struct app *a, const json_t *args, struct span body, json_t **ret,
                  struct err *err) WARN_UNUSED;
int verb_view_list(struct app *a, const json_t *args, struct span body, json_t **ret,
                   struct err *err) WARN_UNUSED;
/* args: view, and what control_view_set() takes. */
int verb_view_set(struct app *a, const json_t *args, struct span body, json_t **ret,
                  struct err *err) WARN_UNUSED;
/* args: view. */
int verb_view_remove(struct app *a, const json_t *args, struct span body, json_t **ret,
                     struct err *err) WARN_UNUSED;
/* args: view, query, explain: what the verb query does of a site. */
int verb_view_query(struct app *a, const json_t *args, json_t **ret, struct err *err) WARN_UNUSED;

#endif
