/* assets.h — files built from web/ and linked into the binary, each as it is, gzip and brotli. */
#ifndef TAMIS_ASSETS_H
#define TAMIS_ASSETS_H

#include "span.h"

struct asset {
    const char *path; /* "/t.js", "/", "/app.js" … */
    const char *content_type;
    bool immutable;   /* the name holds a content hash: cache for a year */
    const char *etag; /* quoted */
    struct span raw, gzip, brotli;
};

/* NULL when there is none. */
const struct asset *asset_find(struct span path);

#endif
