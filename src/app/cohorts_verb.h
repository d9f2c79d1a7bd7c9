/* cohorts_verb.h — the verb behind `tamis cohorts`. */
#ifndef TAMIS_APP_COHORTS_VERB_H
#define TAMIS_APP_COHORTS_VERB_H

#include "app.h"
#include "json.h"

/* args: site; period, periods (text): as of src/query/cohorts.h. */
int verb_cohorts(struct app *a, const json_t *args, struct span body, json_t **ret,
                 struct err *err) WARN_UNUSED;

#endif
