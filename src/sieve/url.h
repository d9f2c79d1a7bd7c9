/* url.h — an address as a browser sends it, cut into what may be looked at. */
#ifndef TAMIS_URL_H
#define TAMIS_URL_H

#include "span.h"

enum { URL_MOST_HOST = 253 };

struct url {
    char host_text[URL_MOST_HOST + 1];
    size_t host_len;
    bool host_is_address; /* an IP literal in any spelling browsers take */
    bool app;             /* android-app://package: host is the package */
    struct span path;     /* borrowed, still encoded; empty or begins with '/' */
    struct span query;    /* borrowed, still encoded, without '?' */
};

/* http, https (WHATWG URL); android-app only if `apps`. The host is lower-cased, without www.,
 * port and user info. The fragment is gone. False for any other scheme and for hosts that are
 * none. */
bool url_parse(struct span text, bool apps, struct url *ret);

static inline struct span url_host(const struct url *u) {
    return span_of(u->host_text, u->host_len);
}

/* Cuts "name=value" off a query; both still encoded, the value empty when there is none. */
bool url_next_param(struct span *query, struct span *ret_name, struct span *ret_value);

#endif
