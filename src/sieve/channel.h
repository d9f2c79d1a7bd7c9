/* channel.h — the channel of a visit, in the order of GA4's default channel group.
 * https://support.google.com/analytics/answer/9756891 */
#ifndef TAMIS_CHANNEL_H
#define TAMIS_CHANNEL_H

#include "source.h"

struct channel_input {
    struct span source; /* as shown; empty: none */
    enum source_kind kind;
    struct span medium; /* what the link says, or what its click id implies */
    struct span campaign;
    bool has_referrer; /* another site's page, or an app, linked here */
};

/* A static name. */
struct span channel_of(const struct channel_input *in);

#endif
