/* click_id.h — parameters by which advertisers and senders of mail know a click again.
 *
 * A value of one is an id of one click, often of one person: it is never read, and no part of it
 * passes. Its name alone says who sent the visit, and for some that it was paid for.
 * docs/channels.md lists them. */
#ifndef TAMIS_CLICK_ID_H
#define TAMIS_CLICK_ID_H

#include "span.h"

struct click_id {
    struct span param;
    struct span source; /* empty: says nothing of it */
    struct span medium; /* empty: says nothing about money */
};

/* NULL: `param` is none. Letter case does not matter. */
const struct click_id *click_id_of(struct span param);

/* `text` up to where a click id stands in it ("gclid=…", also "gclid%3D…" encoded any number of
 * times), which happens where links are put together wrongly; `text` itself when there is none. */
struct span click_id_cut(struct span text);

#endif
