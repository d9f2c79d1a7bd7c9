/* verb_args.h — what a verb reads from its arguments, and how it ends. */
#ifndef TAMIS_APP_VERB_ARGS_H
#define TAMIS_APP_VERB_ARGS_H

#include "err.h"
#include "json.h"

/* A text; empty when it is missing or none. */
static inline struct span verb_text(const json_t *args, const char *key) {
    struct span s = json_span(json_member(args, key));
    return s.ptr ? s : SPAN_EMPTY;
}

/* Takes over a reply that was just made; NULL: there was no memory for it. */
static inline int verb_done(json_t *reply, json_t **ret, struct err *err) {
    if (!reply)
        return err_set(err, ERR_NOMEM, "out of memory");
    *ret = reply;
    return 0;
}

static inline int verb_done_id(uint64_t id, json_t **ret, struct err *err) {
    return verb_done(json_pack("{s:I}", "id", (json_int_t)id), ret, err);
}

#endif
