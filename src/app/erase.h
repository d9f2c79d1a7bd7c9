/* erase.h — `tamis erase`: what a site's owner, or a visitor's right, wants gone is gone from every
 * file of the folder: sealed parts, roll-ups, hot tables, journal. */
#ifndef TAMIS_APP_ERASE_H
#define TAMIS_APP_ERASE_H

#include "app.h"
#include "json.h"

struct erasure {
    uint32_t site;
    bool has_before;
    int32_t before;   /* with has_before: local days before this one */
    struct span path; /* not empty: this page only, or with a star at the end all that begin so */
};

struct erased {
    uint64_t files, bytes; /* sealed files that were removed or written anew */
    uint64_t rows;         /* in them */
    uint64_t events;       /* in the journal */
};

/* Without `before` and `path`: everything of the site. Parts are removed, or written anew without
 * what is to go; then the journal is blanked and the hot tables are built again from it. The purge
 * is logged. Each step can be done again: after an error do all of it again. ERR_BUSY while an
 * import of the site runs. */
int erase_run(struct app *a, const struct erasure *e, struct erased *ret,
              struct err *err) WARN_UNUSED;

/* args: site, before (date), path. Reply: files, bytes, rows, events. */
int verb_erase(struct app *a, const json_t *args, struct span body, json_t **ret,
               struct err *err) WARN_UNUSED;

#endif
