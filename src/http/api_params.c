/* api_params.c — which parameters an address takes. */
#include "server.h"

struct check {
    const char *const *words;
    bool unknown;
};

static enum MHD_Result on_param(void *cls, enum MHD_ValueKind kind, const char *key, size_t key_len,
                                const char *value, size_t value_len) {
    (void)kind, (void)value, (void)value_len;
    struct check *c = cls;
    const char *const *word = c->words;
    while (*word && !span_eq(span_of(key, key_len), span_str(*word)))
        word++;
    c->unknown |= !*word;
    return MHD_YES;
}

bool api_takes_only(struct request *r, const char *const words[]) {
    struct check c = {.words = words};
    (void)MHD_get_connection_values_n(r->mhd, MHD_GET_ARGUMENT_KIND, on_param, &c);
    if (!c.unknown)
        return true;
    counters_add(r->http->counters, COUNT_REQUESTS_BAD_FIELDS, 1);
    answer_error(r, MHD_HTTP_BAD_REQUEST, "query: unknown parameter");
    return false;
}
