/* journey_parts.h — what the stages of a journey hand to each other; private to src/query. */
#ifndef TAMIS_JOURNEY_PARTS_H
#define TAMIS_JOURNEY_PARTS_H

#include "journey.h"
#include "journey_tree.h"

struct journey {
    struct walk walk;
    struct text_numbers *pages;
    struct journey_tree tree;
    struct span entry; /* borrowed from the request; ptr NULL: any page */
    uint32_t depth;    /* pages after the entry page */
    uint32_t limit;    /* pages shown after each */
    uint32_t threshold;
};

/* --- journey_reply.c --- */

json_t *journey_reply(const struct journey *j, const json_t *request); /* NULL: out of memory */

#endif
