/* goals.h — the verbs of a site's goals; control/goals.c keeps them. */
#ifndef TAMIS_APP_GOALS_H
#define TAMIS_APP_GOALS_H

#include "app.h"
#include "json.h"

/* args: site, and the definition as control_goal_add() takes it. Reply: id. */
int verb_goal_add(struct app *a, const json_t *args, struct span body, json_t **ret,
                  struct err *err) WARN_UNUSED;
/* args: site. Reply: as control_goal_list(). */
int verb_goal_list(struct app *a, const json_t *args, struct span body, json_t **ret,
                   struct err *err) WARN_UNUSED;
/* args: site, id. */
int verb_goal_remove(struct app *a, const json_t *args, struct span body, json_t **ret,
                     struct err *err) WARN_UNUSED;

#endif
