/* funnel_parts.h — what the stages of a funnel hand to each other; private to src/query. */
#ifndef TAMIS_FUNNEL_PARTS_H
#define TAMIS_FUNNEL_PARTS_H

#include "funnel.h"
#include "walk.h"

enum { FUNNEL_LEAST_STEPS = 2, FUNNEL_MOST_STEPS = 8, FUNNEL_MOST_NAME_BYTES = 120 };

struct funnel_step {
    struct filter filter; /* an AND */
    bool any_event;       /* its filters name events; else it is a page view */
    struct span name;     /* borrowed from the request; ptr NULL: none was given */
};

struct funnel {
    struct walk walk;
    struct funnel_step steps[FUNNEL_MOST_STEPS];
    size_t step_count;
    /* How many came exactly so far: at [n] those who took n steps. */
    uint64_t visits[FUNNEL_MOST_STEPS + 1];
    uint64_t visitors[FUNNEL_MOST_STEPS + 1];
};

/* --- funnel_parse.c --- */

/* Reads steps and within. ERR_INVALID: err->text begins with the key. */
int funnel_parse(const json_t *request, struct arena *arena, struct funnel *ret,
                 struct err *err) WARN_UNUSED;

/* --- funnel_reply.c --- */

json_t *funnel_reply(const struct funnel *f, const json_t *request); /* NULL on out of memory */

#endif
