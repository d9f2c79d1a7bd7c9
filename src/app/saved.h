/* saved.h — the verbs for what a site's owner saves: segments and annotations. */
#ifndef TAMIS_SAVED_H
#define TAMIS_SAVED_H

#include "verbs.h"

/* args: site, name, and filters as queries take them, which are tried first. {"id": …} */
int verb_segment_add(struct app *a, const json_t *args, struct span body, json_t **ret,
                     struct err *err) WARN_UNUSED;
/* args: site. */
int verb_segment_list(struct app *a, const json_t *args, struct span body, json_t **ret,
                      struct err *err) WARN_UNUSED;
/* args: site, name. */
int verb_segment_remove(struct app *a, const json_t *args, struct span body, json_t **ret,
                        struct err *err) WARN_UNUSED;
/* args: site, date, text, and to, the last day, if it is another. {"id": …} */
int verb_annotation_add(struct app *a, const json_t *args, struct span body, json_t **ret,
                        struct err *err) WARN_UNUSED;
/* args: site. */
int verb_annotation_list(struct app *a, const json_t *args, struct span body, json_t **ret,
                         struct err *err) WARN_UNUSED;
/* args: id. */
int verb_annotation_remove(struct app *a, const json_t *args, struct span body, json_t **ret,
                           struct err *err) WARN_UNUSED;

#endif
