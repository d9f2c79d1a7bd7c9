/* export.h — the verbs behind `tamis export`: which sealed files hold a site's events, and the rows
 * of days that are not sealed. The command reads the files itself. */
#ifndef TAMIS_APP_EXPORT_H
#define TAMIS_APP_EXPORT_H

#include "app.h"
#include "json.h"

/* args: site, from, to (dates, may be missing). Reply: id, from_day, to_day, rows (at most), and
 * parts: event files below the sealed folder, which stay until the last piece was had. */
int verb_export_begin(struct app *a, const json_t *args, struct span body, json_t **ret,
                      struct err *err) WARN_UNUSED;

/* args: id. Reply: lines (text, see extract.h), done. */
int verb_export_rows(struct app *a, const json_t *args, struct span body, json_t **ret,
                     struct err *err) WARN_UNUSED;

#endif
