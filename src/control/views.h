/* views.h — consolidated views: several sites whose figures are added up, for an agency or a group.
 * What is measured stays with its site. Thread-safe, as control.h. */
#ifndef TAMIS_VIEWS_H
#define TAMIS_VIEWS_H

#include "control.h"

enum { VIEW_MOST_SITES = 100, VIEW_MOST_NAME = 100 };

struct control_view {
    uint32_t id;
    char name[VIEW_MOST_NAME + 1];
    uint32_t sites[VIEW_MOST_SITES]; /* by domain */
    size_t site_count;
};

/* A view of the sites with these domains, an array of text that may be empty. `name`: 1 to 100 bytes
 * in one line. ERR_EXISTS: the name is taken; ERR_NOT_FOUND: no such site. */
int control_view_add(struct control *c, struct span name, const json_t *sites, uint64_t *ret_id,
                     struct err *err) WARN_UNUSED;
/* In the following a view is named by its name or, if none has it, by its number; ERR_NOT_FOUND. */

/* `changes`: name (text), add and remove (arrays of domains). Adding a site that is there, and removing
 * one that is not, change nothing. */
int control_view_set(struct control *c, struct span view, const json_t *changes,
                     struct err *err) WARN_UNUSED;
/* Its tokens go too. */
int control_view_remove(struct control *c, struct span view, struct err *err) WARN_UNUSED;
/* Objects with id, created_ms, name and sites (domains), by name. */
int control_view_list(struct control *c, json_t **ret, struct err *err) WARN_UNUSED;
int control_view_find(struct control *c, struct span view, struct control_view *ret,
                      struct err *err) WARN_UNUSED;

/* A token that reads the view and none of its sites; with `domain` also that one. Else as
 * control_token_add(). */
int control_token_add_view(struct control *c, struct span view, struct span domain,
                           struct span label, char *ret_token, struct err *err) WARN_UNUSED;
/* Whether `token` may read the view. ERR_DENIED when not. */
int control_token_check_view(struct control *c, struct span token, uint32_t view,
                             struct err *err) WARN_UNUSED;
/* The views a token may read, as control_view_list() has them. ERR_DENIED for an unknown token. */
int control_token_views(struct control *c, struct span token, json_t **ret,
                        struct err *err) WARN_UNUSED;

#endif
