/* verify.h — the verbs behind `tamis doctor --verify`: sealed files against their record, a part a
 * call, so that none takes long. */
#ifndef TAMIS_APP_VERIFY_H
#define TAMIS_APP_VERIFY_H

#include "app.h"
#include "json.h"

/* Reply: an array of {id, bytes}, the recorded parts. */
int verb_doctor_parts(struct app *a, const json_t *args, struct span body, json_t **ret,
                      struct err *err) WARN_UNUSED;

/* args: id. Length, hash and rows of its files, and its roll-ups from its rows. Reply: an array of
 * {check, ok, text}, one a finding; empty when all is well or the part has been replaced since. */
int verb_doctor_part(struct app *a, const json_t *args, struct span body, json_t **ret,
                     struct err *err) WARN_UNUSED;

#endif
